/* sign.h: RFC 8032's keys, our message under them, and that every changed bit is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/sign.h"
#include "vectors.h"

static const char secret_text[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
static const char public_text[] = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

/* RFC 8032, section 7.1, tests 1 and 2. */
static void public_keys_known_answers(void **state)
{
	(void)state;
	uint8_t secret[32], public_key[32];
	from_hex(secret_text, secret, 32);
	assert_int_equal(hf_sign_public(secret, public_key, NULL), 0);
	assert_hex(public_key, 32, public_text);
	from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", secret, 32);
	assert_int_equal(hf_sign_public(secret, public_key, NULL), 0);
	assert_hex(public_key, 32, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
}

/* Ed25519 is deterministic: another implementation's interface signed "holdfast signature v1\0" ||
 * SHA-256("one two three") to these bytes. */
static void the_signed_message_is_as_documented(void **state)
{
	(void)state;
	uint8_t secret[32], public_key[32], sig[64];
	from_hex(secret_text, secret, 32);
	from_hex(public_text, public_key, 32);
	struct iovec parts[] = {text("one "), text("two"), text(" three")}, whole = text("one two three");
	assert_int_equal(hf_sign(secret, parts, 3, sig, NULL), 0);
	assert_hex(sig, 64,
		"36135a36ec0ac3ee8293cb9c0e770d3bcb5e527a3e20f9702ab61d84fa39f1fb380e5a79605d3e2ecef2feef6279"
		"436dce613d8bbaefc29d489aabd2ad3fc000");
	assert_int_equal(hf_verify(public_key, &whole, 1, sig, NULL), 0);
}

static void every_bit_is_seen(void **state)
{
	(void)state;
	uint8_t secret[32], public_key[32], sig[64], message[8] = "message";
	struct iovec part = {message, sizeof(message)};
	struct hf_error err;
	assert_int_equal(hf_sign_new_pair(secret, public_key, NULL), 0);
	assert_int_equal(hf_sign(secret, &part, 1, sig, NULL), 0);
	struct {
		uint8_t *bytes;
		size_t len;
	} all[] = {{sig, sizeof(sig)}, {public_key, sizeof(public_key)}, {message, sizeof(message)}};
	for (size_t i = 0; i < 3; i++) {
		for (size_t bit = 0; bit < 8 * all[i].len; bit++) {
			all[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(hf_verify(public_key, &part, 1, sig, &err), HF_E_CORRUPT);
			all[i].bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
	assert_int_equal(hf_verify(public_key, &part, 1, sig, &err), 0);
}

static void pairs_differ(void **state)
{
	(void)state;
	uint8_t secret[2][32], public_key[2][32], sig[64];
	struct iovec part = text("message");
	for (int i = 0; i < 2; i++)
		assert_int_equal(hf_sign_new_pair(secret[i], public_key[i], NULL), 0);
	assert_memory_not_equal(secret[0], secret[1], 32);
	assert_int_equal(hf_sign(secret[0], &part, 1, sig, NULL), 0);
	assert_int_equal(hf_verify(public_key[0], &part, 1, sig, NULL), 0);
	assert_int_equal(hf_verify(public_key[1], &part, 1, sig, NULL), HF_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(public_keys_known_answers),
		cmocka_unit_test(the_signed_message_is_as_documented),
		cmocka_unit_test(every_bit_is_seen),
		cmocka_unit_test(pairs_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
