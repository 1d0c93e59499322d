/* size.h: sizes and shares as people write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/size.h"

static void sizes_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {{"0", 0}, {"4096", 4096}, {"64K", 65536}, {"64k", 65536}, {"32M", 32u << 20}, {"2G", UINT64_C(2) << 30},
		{"1T", UINT64_C(1) << 40}, {"7B", 7}, {"1KiB", 1024}, {"1MB", 1 << 20}, {"15E", UINT64_C(15) << 60}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t bytes = 1;
		assert_int_equal(hf_size_parse(cases[i].text, &bytes, NULL), 0);
		assert_int_equal(bytes, cases[i].bytes);
	}
}

static void senseless_sizes_are_refused(void **state)
{
	(void)state;
	static const char *const cases[] = {"", "K", "-1", "+1", " 1", "1 K", "1X", "1.5G", "16E", "99999999999999999999", "1KK",
		"18446744073709551615"};
	uint64_t bytes;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hf_size_parse(cases[i], &bytes, NULL), HF_E_USAGE);
}

static void sizes_are_shown(void **state)
{
	(void)state;
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {1536, "1.5 KiB"}, {10240, "10 KiB"},
		{1048575, "1.0 MiB"}, {348u << 20, "348 MiB"}, {UINT64_C(1181116006), "1.1 GiB"}, {UINT64_MAX, "16 EiB"}};
	char out[HF_SIZE_TEXT];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(hf_size_format(cases[i].bytes, out), cases[i].text);
}

static void shares(void **state)
{
	(void)state;
	double share;
	assert_int_equal(hf_share_parse("5%", &share, NULL), 0);
	assert_true(share == 0.05);
	assert_int_equal(hf_share_parse("0.5%", &share, NULL), 0);
	assert_int_equal(hf_share_parse("100%", &share, NULL), 0);
	assert_true(share == 1);
	static const char *const cases[] = {"", "%", "5", "0%", "101%", "-5%", "some", "5%%", "0x5%", "nan%", "1e1%", "."};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(hf_share_parse(cases[i], &share, NULL), HF_E_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_read),
		cmocka_unit_test(senseless_sizes_are_refused),
		cmocka_unit_test(sizes_are_shown),
		cmocka_unit_test(shares),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
