/* kdf.h: RFC 5869 and RFC 7914, and costs that are refused before any work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/kdf.h"
#include "vectors.h"

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

/* Fills `out` with first, first + 1, ... */
static struct iovec counting(uint8_t *out, uint8_t first, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(first + i);
	return (struct iovec){out, len};
}

static void hkdf_known_answers(void **state)
{
	(void)state;
	uint8_t secret[80], salt[80], out[82];
	char info[81] = {0};

	memset(secret, 0x0b, 22);
	counting((uint8_t *)info, 0xf0, 10);
	assert_int_equal(hf_hkdf((struct iovec){secret, 22}, counting(salt, 0, 13), info, out, 42, NULL), 0);
	assert_hex(out, 42,
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");

	assert_int_equal(hf_hkdf((struct iovec){secret, 22}, (struct iovec){0}, "", out, 42, NULL), 0);
	assert_hex(out, 42,
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");

	counting((uint8_t *)info, 0xb0, 80);
	assert_int_equal(hf_hkdf(counting(secret, 0, 80), counting(salt, 0x60, 80), info, out, 82, NULL), 0);
	assert_hex(out, 82,
		"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e59"
		"0e09da32"
		"75600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

static void hkdf_refuses_what_it_cannot_give(void **state)
{
	(void)state;
	static uint8_t out[255 * 32 + 1];
	struct hf_error err = {0};
	assert_int_equal(hf_hkdf(text("secret"), text("salt"), "info", out, sizeof(out) - 1, &err), 0);
	assert_true(hf_hkdf(text("secret"), text("salt"), "info", out, sizeof(out), &err) < 0);
	assert_non_null(strstr(err.msg, "HKDF"));
}

/* Ours are the first 32 of the RFC's 64 bytes: scrypt's last step makes them in blocks of 32. */
static void scrypt_known_answers(void **state)
{
	(void)state;
	static const struct {
		const char *passphrase, *salt;
		struct hf_scrypt_cost cost;
		const char *key;
	} cases[] = {
		{"", "", {4, 1, 1}, "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"},
		{"password", "NaCl", {10, 8, 16},
			"fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"},
		{"pleaseletmein", "SodiumChloride", {14, 8, 1},
			"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t out[32];
		assert_int_equal(
			hf_scrypt(text(cases[i].passphrase), text(cases[i].salt), &cases[i].cost, out, NULL),
			0);
		assert_hex(out, 32, cases[i].key);
	}
}

static void scrypt_costs_are_bounded(void **state)
{
	(void)state;
	static const struct hf_scrypt_cost refused[] = {{0, 8, 1}, {16, 0, 1}, {16, 8, 0}, {21, 1, 1},
		{20, 8, 1}, {18, 9, 1}, {10, 17, 1}, {10, 8, 17}, {31, 8, 1}, {32, 8, 1}, {64, 8, 1},
		{4294967295u, 8, 1}, {16, 4294967295u, 1}, {16, 8, 4294967295u}};
	static const struct hf_scrypt_cost allowed[] = {{1, 1, 1}, {18, 8, 16}, {17, 16, 16}, {20, 2, 1}};
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		uint8_t out[32];
		struct hf_error err = {0};
		assert_int_equal(hf_scrypt(text("p"), text("s"), &refused[i], out, &err), HF_E_CORRUPT);
		assert_non_null(strstr(err.msg, "scrypt"));
	}
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
		assert_int_equal(hf_scrypt_check(&allowed[i], NULL), 0);
	assert_int_equal(hf_scrypt_check(&HF_SCRYPT_DEFAULT, NULL), 0);
}

/* The most memory that the bounds allow is really given: OpenSSL's own limit does not cut in below ours. */
static void the_largest_allowed_cost_works(void **state)
{
	(void)state;
	uint8_t out[32];
	struct hf_error err = {0};
	assert_int_equal(hf_scrypt(text("p"), text("s"), &(struct hf_scrypt_cost){18, 8, 1}, out, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hkdf_known_answers),
		cmocka_unit_test(hkdf_refuses_what_it_cannot_give),
		cmocka_unit_test(scrypt_known_answers),
		cmocka_unit_test(scrypt_costs_are_bounded),
		cmocka_unit_test(the_largest_allowed_cost_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
