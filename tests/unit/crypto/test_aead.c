/* aead.h: known answers of GCM, the layout of the nonce, and that every changed bit is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "vectors.h"

#include <stdlib.h>

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

/* Test cases 13 and 14 of the GCM specification (McGrew, Viega; NIST). */
static void gcm_known_answers(void **state)
{
	(void)state;
	static const uint8_t zero[32];
	uint8_t out[32];
	HF_AEAD_AUTO *a = NULL;
	assert_int_equal(hf_aead_new(zero, &a, NULL), 0);
	assert_int_equal(hf_aead_seal(a, 0, (struct iovec){0}, NULL, 0, out, NULL), 0);
	assert_hex(out, 16, "530f8afbc74536b9a963b4f1c4cb738b");
	assert_int_equal(hf_aead_seal(a, 0, (struct iovec){0}, zero, 16, out, NULL), 0);
	assert_hex(out, 32, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

/* Made with another implementation's interface: nonce 00000000 efcdab8967452301. */
static void the_nonce_is_little_endian_after_four_zeros(void **state)
{
	(void)state;
	uint8_t key[HF_AEAD_KEY], out[24];
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	HF_AEAD_AUTO *a = NULL;
	assert_int_equal(hf_aead_new(key, &a, NULL), 0);
	assert_int_equal(hf_aead_seal(a, 0x0123456789abcdef, text("aad of it"), "holdfast", 8, out, NULL), 0);
	assert_hex(out, sizeof(out), "023105461bb737f2b636921d20cee34bdcfdfa1049dc5bd6");
}

/* Both directions on one context, in place and not, of every length around the block. */
static void what_is_sealed_opens(void **state)
{
	(void)state;
	uint8_t key[HF_AEAD_KEY], plain[100], sealed[116], opened[100];
	hf_random(key, sizeof(key));
	hf_random(plain, sizeof(plain));
	HF_AEAD_AUTO *a = NULL, *b = NULL;
	assert_int_equal(hf_aead_new(key, &a, NULL), 0);
	assert_int_equal(hf_aead_new(key, &b, NULL), 0);
	for (size_t len = 0; len <= sizeof(plain); len++) {
		struct iovec aad = {plain, len % 7};
		assert_int_equal(hf_aead_seal(a, len, aad, plain, len, sealed, NULL), 0);
		assert_int_equal(hf_aead_open(a, len, aad, sealed, len + 16, opened, NULL), 0);
		assert_memory_equal(opened, plain, len);
		assert_int_equal(hf_aead_open(b, len, aad, sealed, len + 16, sealed, NULL), 0);
		assert_memory_equal(sealed, plain, len);
		assert_int_equal(hf_aead_seal(b, len, aad, sealed, len, sealed, NULL), 0);
		assert_int_equal(hf_aead_open(a, len, aad, sealed, len + 16, sealed, NULL), 0);
		assert_memory_equal(sealed, plain, len);
	}
}

static void every_bit_is_seen(void **state)
{
	(void)state;
	uint8_t key[HF_AEAD_KEY] = {9}, plain[20] = "some plain text here", sealed[36], out[20],
		none[20] = {0};
	uint8_t aad[5] = "about";
	struct iovec about = {aad, sizeof(aad)};
	HF_AEAD_AUTO *a = NULL;
	struct hf_error err;
	assert_int_equal(hf_aead_new(key, &a, NULL), 0);
	assert_int_equal(hf_aead_seal(a, 5, about, plain, sizeof(plain), sealed, NULL), 0);
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
		memset(out, 1, sizeof(out));
		assert_int_equal(hf_aead_open(a, 5, about, sealed, sizeof(sealed), out, &err), HF_E_CORRUPT);
		assert_memory_equal(out, none, sizeof(out)); /* nothing unauthenticated is left */
		sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(aad); bit++) {
		aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(hf_aead_open(a, 5, about, sealed, sizeof(sealed), out, &err), HF_E_CORRUPT);
		aad[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (int bit = 0; bit < 64; bit++)
		assert_int_equal(
			hf_aead_open(a, 5 ^ UINT64_C(1) << bit, about, sealed, sizeof(sealed), out, &err),
			HF_E_CORRUPT);
	for (size_t len = 0; len < sizeof(sealed); len++)
		assert_int_equal(hf_aead_open(a, 5, about, sealed, len, out, &err), HF_E_CORRUPT);
	assert_int_equal(
		hf_aead_open(a, 5, (struct iovec){0}, sealed, sizeof(sealed), out, &err), HF_E_CORRUPT);
	assert_int_equal(hf_aead_open(a, 5, about, sealed, sizeof(sealed), out, &err), 0);
	assert_memory_equal(out, plain, sizeof(plain));
}

static void other_keys_do_not_open(void **state)
{
	(void)state;
	uint8_t key[HF_AEAD_KEY] = {9}, sealed[20], out[4];
	HF_AEAD_AUTO *a = NULL;
	assert_int_equal(hf_aead_new(key, &a, NULL), 0);
	assert_int_equal(hf_aead_seal(a, 0, (struct iovec){0}, "abcd", 4, sealed, NULL), 0);
	for (size_t bit = 0; bit < 8 * sizeof(key); bit++) {
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
		HF_AEAD_AUTO *b = NULL;
		assert_int_equal(hf_aead_new(key, &b, NULL), 0);
		assert_int_equal(hf_aead_open(b, 0, (struct iovec){0}, sealed, 20, out, NULL), HF_E_CORRUPT);
		key[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void lengths_are_bounded(void **state)
{
	(void)state;
	uint8_t key[HF_AEAD_KEY] = {0}, out[16];
	HF_AEAD_AUTO *a = NULL;
	struct hf_error err;
	assert_int_equal(hf_aead_new(key, &a, NULL), 0);
	size_t large = (size_t)HF_AEAD_MAX + 1;
	assert_int_equal(hf_aead_seal(a, 0, (struct iovec){0}, key, large, out, &err), HF_E_USAGE);
	assert_int_equal(hf_aead_seal(a, 0, (struct iovec){key, large}, key, 0, out, &err), HF_E_USAGE);
	assert_int_equal(hf_aead_open(a, 0, (struct iovec){0}, key, large + 16, out, &err), HF_E_CORRUPT);
	assert_int_equal(hf_aead_open(a, 0, (struct iovec){0}, key, SIZE_MAX, out, &err), HF_E_CORRUPT);
	hf_aead_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gcm_known_answers),
		cmocka_unit_test(the_nonce_is_little_endian_after_four_zeros),
		cmocka_unit_test(what_is_sealed_opens),
		cmocka_unit_test(every_bit_is_seen),
		cmocka_unit_test(other_keys_do_not_open),
		cmocka_unit_test(lengths_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
