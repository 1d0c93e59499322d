/* hash.h: known answers of FIPS 180 and RFC 4231, whatever way the message is cut into parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/hash.h"
#include "vectors.h"

#include <stdlib.h>

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

static void sha256_known_answers(void **state)
{
	(void)state;
	uint8_t out[HF_SHA256];
	struct iovec abc[] = {text("a"), text(""), text("bc")};
	hf_sha256(abc, 3, out);
	assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hf_sha256(NULL, 0, out);
	assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct iovec long_one = text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
	hf_sha256(&long_one, 1, out);
	assert_hex(out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 4231's keys are shorter than a block, so padding them with zeros to our 32 bytes changes nothing. */
static void hmac_known_answers(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		int fill, len; /* the message: len times this byte, or text if len is 0 */
		const char *text, *mac;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b000000000000000000000000", 0, 0, "Hi There",
			"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a65666500000000000000000000000000000000000000000000000000000000", 0, 0,
			"what do ya want for nothing?",
			"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa000000000000000000000000", 0xdd, 50, "",
			"773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819000000000000"
		 "00",
			0xcd, 50, "", "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t key[32], message[64], out[HF_SHA256];
		from_hex(cases[i].key, key, sizeof(key));
		size_t len = cases[i].len ? (size_t)cases[i].len : strlen(cases[i].text);
		if (cases[i].len)
			memset(message, cases[i].fill, len);
		else
			memcpy(message, cases[i].text, len);
		HF_MAC_AUTO *m = NULL;
		assert_int_equal(hf_mac_new(key, &m, NULL), 0);
		for (size_t cut = 0; cut <= len; cut++) { /* the same context, again and again */
			struct iovec parts[] = {{message, cut}, {message + cut, len - cut}};
			hf_mac(m, parts, 2, out);
			assert_hex(out, 32, cases[i].mac);
		}
	}
}

static void keys_and_messages_matter(void **state)
{
	(void)state;
	uint8_t key[32] = {1}, message[100] = {0}, first[32], second[32];
	struct iovec part = {message, sizeof(message)};
	HF_MAC_AUTO *a = NULL, *b = NULL;
	assert_int_equal(hf_mac_new(key, &a, NULL), 0);
	key[31] ^= 1;
	assert_int_equal(hf_mac_new(key, &b, NULL), 0);
	hf_mac(a, &part, 1, first);
	hf_mac(b, &part, 1, second);
	assert_memory_not_equal(first, second, 32);
	part.iov_len--;
	hf_mac(a, &part, 1, second);
	assert_memory_not_equal(first, second, 32);
	hf_mac_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_known_answers),
		cmocka_unit_test(hmac_known_answers),
		cmocka_unit_test(keys_and_messages_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
