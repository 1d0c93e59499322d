/* lsn.h: places in the WAL and names of its files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/postgres/lsn.h"

static void round_trip(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint64_t lsn;
	} good[] = {{"0/0", 0}, {"0/3000028", 0x3000028}, {"1A/FF", 0x1a000000ff}, {"FFFFFFFF/FFFFFFFF", UINT64_MAX}};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		uint64_t lsn = 1;
		char text[HF_LSN_TEXT];
		assert_true(hf_lsn_parse(good[i].text, &lsn));
		assert_true(lsn == good[i].lsn);
		assert_string_equal(hf_lsn_format(lsn, text), good[i].text);
	}
}

static void what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "/", "1/", "/1", "1", "1/2/3", "1/2 ", " 1/2", "123456789/0", "g/0", "-1/0"};
	uint64_t lsn;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(hf_lsn_parse(bad[i], &lsn));
}

static void names(void **state)
{
	(void)state;
	char name[HF_WAL_NAME];
	assert_string_equal(hf_wal_name(1, 0x3000028, 16 << 20, name), "000000010000000000000003");
	assert_string_equal(hf_wal_name(2, UINT64_C(0x1ff000000), 16 << 20, name), "0000000200000001000000FF");
	assert_string_equal(hf_wal_name(0xab, UINT64_C(0x140000000), 1 << 30, name), "000000AB0000000100000001");
	assert_string_equal(hf_wal_name(1, 0x100000, 1 << 20, name), "000000010000000000000001");
}

static void segment_sizes(void **state)
{
	(void)state;
	assert_int_equal(hf_wal_segment_size("16MB"), 16 << 20);
	assert_int_equal(hf_wal_segment_size("1MB"), 1 << 20);
	assert_int_equal(hf_wal_segment_size("1GB"), 1 << 30);
	static const char *const bad[] = {"", "16", "16kB", "3MB", "0MB", "2GB", "MB"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hf_wal_segment_size(bad[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(names),
		cmocka_unit_test(segment_sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
