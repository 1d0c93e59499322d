/* box.h: RFC 7748's answers, the construction against another implementation, and that every changed bit is
 * seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/box.h"
#include "vectors.h"

#include <pthread.h>

static const char alice_secret[] = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
static const char alice_public[] = "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a";
static const char bob_secret[] = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
static const char bob_public[] = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

/* RFC 7748, section 6.1. */
static void x25519_known_answers(void **state)
{
	(void)state;
	uint8_t secret[2][32], public_key[2][32], shared[32];
	from_hex(alice_secret, secret[0], 32);
	from_hex(bob_secret, secret[1], 32);
	assert_int_equal(hf_box_public(secret[0], public_key[0], NULL), 0);
	assert_int_equal(hf_box_public(secret[1], public_key[1], NULL), 0);
	assert_hex(public_key[0], 32, alice_public);
	assert_hex(public_key[1], 32, bob_public);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hf_x25519(secret[i], public_key[1 - i], shared, NULL), 0);
		assert_hex(shared, 32, "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	}
}

/* RFC 7748, section 5.2: 1000 times. */
static void x25519_iterated(void **state)
{
	(void)state;
	uint8_t k[32] = {9}, u[32] = {9}, next[32];
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(hf_x25519(k, u, next, NULL), 0);
		memcpy(u, k, 32);
		memcpy(k, next, 32);
		if (i == 0)
			assert_hex(k, 32, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
	}
	assert_hex(k, 32, "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

/* The points of small order, in every form below 2^255, make the shared secret zero of any secret. */
static void small_order_is_refused(void **state)
{
	(void)state;
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	uint8_t secret[32], public_key[32], point[32], sealed[HF_BOX_EXTRA + 1] = {0}, out[1];
	assert_int_equal(hf_box_new_pair(secret, public_key, NULL), 0);
	for (size_t i = 0; i < sizeof(points) / sizeof(*points); i++) {
		struct hf_error err = {0};
		from_hex(points[i], point, 32);
		assert_int_equal(hf_box_seal(point, text("context"), "x", 1, sealed, &err), HF_E_CORRUPT);
		assert_non_null(strstr(err.msg, "small order"));
		memcpy(sealed, point, 32);
		assert_int_equal(
			hf_box_open(secret, public_key, text("context"), sealed, sizeof(sealed), out, &err),
			HF_E_CORRUPT);
		assert_non_null(strstr(err.msg, "small order"));
	}
}

/* Sealed by another implementation after box.h's words: Alice's pair as the ephemeral one, Bob the recipient.
 */
static void a_box_made_elsewhere_opens(void **state)
{
	(void)state;
	uint8_t secret[32], public_key[32], sealed[HF_BOX_EXTRA + 10], out[10];
	from_hex(bob_secret, secret, 32);
	from_hex(bob_public, public_key, 32);
	from_hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a1ed3c644a86224035173ff3f2c1"
		 "148336e01afc1abe0240ced23",
		sealed, sizeof(sealed));
	assert_int_equal(
		hf_box_open(secret, public_key, text("context"), sealed, sizeof(sealed), out, NULL), 0);
	assert_memory_equal(out, "a data key", 10);
}

static void every_bit_is_seen(void **state)
{
	(void)state;
	uint8_t secret[32], public_key[32], sealed[HF_BOX_EXTRA + 5], out[5];
	struct hf_error err;
	assert_int_equal(hf_box_new_pair(secret, public_key, NULL), 0);
	assert_int_equal(hf_box_seal(public_key, text("context"), "plain", 5, sealed, NULL), 0);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(
			hf_box_open(secret, public_key, text("context"), sealed, sizeof(sealed), out, &err),
			HF_E_CORRUPT);
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(hf_box_open(secret, public_key, text("Context"), sealed, sizeof(sealed), out, &err),
		HF_E_CORRUPT);
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(hf_box_open(secret, public_key, text("context"), sealed, len, out, &err),
			HF_E_CORRUPT);
	assert_int_equal(
		hf_box_open(secret, public_key, text("context"), sealed, sizeof(sealed), out, &err), 0);
	assert_memory_equal(out, "plain", 5);
}

static void only_the_recipient_opens(void **state)
{
	(void)state;
	uint8_t secret[2][32], public_key[2][32], first[HF_BOX_EXTRA], second[HF_BOX_EXTRA];
	for (int i = 0; i < 2; i++)
		assert_int_equal(hf_box_new_pair(secret[i], public_key[i], NULL), 0);
	assert_int_equal(hf_box_seal(public_key[0], (struct iovec){0}, NULL, 0, first, NULL), 0);
	assert_int_equal(hf_box_seal(public_key[0], (struct iovec){0}, NULL, 0, second, NULL), 0);
	assert_memory_not_equal(first, second, 32);
	assert_int_equal(
		hf_box_open(secret[1], public_key[1], (struct iovec){0}, first, sizeof(first), second, NULL),
		HF_E_CORRUPT);
	assert_int_equal(
		hf_box_open(secret[0], public_key[1], (struct iovec){0}, first, sizeof(first), second, NULL),
		HF_E_CORRUPT);
	assert_int_equal(
		hf_box_open(secret[0], public_key[0], (struct iovec){0}, first, sizeof(first), second, NULL),
		0);
}

/* All of it from several threads at once: what OpenSSL shares between them is its own affair, and must stay
 * so. */
static void *work(void *count)
{
	uint8_t secret[32], public_key[32], sealed[HF_BOX_EXTRA + 5], out[5];
	for (int i = 0; i < 20; i++) {
		int r = hf_box_new_pair(secret, public_key, NULL);
		if (r == 0)
			r = hf_box_seal(public_key, text("context"), "plain", 5, sealed, NULL);
		if (r == 0)
			r = hf_box_open(
				secret, public_key, text("context"), sealed, sizeof(sealed), out, NULL);
		if (r == 0 && memcmp(out, "plain", 5) == 0)
			++*(int *)count;
	}
	return NULL;
}

static void any_thread_may(void **state)
{
	(void)state;
	pthread_t threads[4];
	int counts[4] = {0};
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &counts[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(counts[i], 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_known_answers),
		cmocka_unit_test(x25519_iterated),
		cmocka_unit_test(small_order_is_refused),
		cmocka_unit_test(a_box_made_elsewhere_opens),
		cmocka_unit_test(every_bit_is_seen),
		cmocka_unit_test(only_the_recipient_opens),
		cmocka_unit_test(any_thread_may),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
