/* zone.h: the calendar of a place, and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/time.h"
#include "base/zone.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t at(const char *text)
{
	int64_t ns;
	assert_int_equal(hf_time_parse(text, &ns, NULL), 0);
	return ns;
}

static void the_calendar_of_utc(void **state)
{
	(void)state;
	static const struct {
		const char *time;
		int year, month, day, hour, iso_year, iso_week;
		int64_t days;
	} table[] = {
		{"1970-01-01T00:00:00Z", 1970, 1, 1, 0, 1970, 1, 0},
		{"1969-12-31T23:59:59.5Z", 1969, 12, 31, 23, 1970, 1, -1},
		{"2000-02-29T12:00:00Z", 2000, 2, 29, 12, 2000, 9, 11016},
		{"2000-03-01T00:00:00Z", 2000, 3, 1, 0, 2000, 9, 11017},
		{"1900-03-01T00:00:00Z", 1900, 3, 1, 0, 1900, 9, -25508}, /* no leap year */
		{"2024-12-30T00:00:00Z", 2024, 12, 30, 0, 2025, 1, 20087}, /* a Monday */
		{"2024-12-29T23:59:59Z", 2024, 12, 29, 23, 2024, 52, 20086},
		{"2021-01-03T10:00:00Z", 2021, 1, 3, 10, 2020, 53, 18630},
		{"2021-01-04T10:00:00Z", 2021, 1, 4, 10, 2021, 1, 18631},
		{"2260-12-31T23:59:59Z", 2260, 12, 31, 23, 2261, 1, 106285},
		{"1680-01-01T00:00:00Z", 1680, 1, 1, 0, 1680, 1, -105920},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct hf_civil c = hf_zone_civil(NULL, at(table[i].time));
		assert_int_equal(c.year, table[i].year);
		assert_int_equal(c.month, table[i].month);
		assert_int_equal(c.day, table[i].day);
		assert_int_equal(c.hour, table[i].hour);
		assert_int_equal(c.iso_year, table[i].iso_year);
		assert_int_equal(c.iso_week, table[i].iso_week);
		assert_int_equal(c.days, table[i].days);
		assert_int_equal(c.offset, 0);
	}
}

/* Against the C library, which knows one zone a process: every nine hours or so of three centuries. */
static void agrees_with_the_c_library(void **state)
{
	(void)state;
	static const char *const names[] = {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu",
		"America/Sao_Paulo", "Africa/Casablanca", "Europe/Dublin", "Pacific/Apia", "Etc/UTC", "Asia/Tehran"};
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
		struct hf_zone *zone;
		assert_int_equal(hf_zone_load(names[n], &zone, NULL), 0);
		setenv("TZ", names[n], 1);
		tzset();
		for (int64_t t = -6000000000; t < 9000000000; t += 33331) {
			struct tm tm;
			time_t seconds = (time_t)t;
			assert_non_null(localtime_r(&seconds, &tm));
			struct hf_civil c = hf_zone_civil(zone, t * HF_SECOND);
			if (c.offset != tm.tm_gmtoff || c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 ||
				c.day != tm.tm_mday || c.hour != tm.tm_hour)
				fail_msg("%s at %lld: offset %d, the C library says %ld", names[n], (long long)t,
					(int)c.offset, tm.tm_gmtoff);
			char week[16];
			strftime(week, sizeof(week), "%V", &tm);
			assert_int_equal(c.iso_week, atoi(week));
		}
		hf_zone_free(zone);
	}
	unsetenv("TZ");
}

static void names_that_are_none(void **state)
{
	(void)state;
	static const char *const names[] = {"", "Europe", "Europe/Nowhere", "../../../etc/passwd", "/etc/localtime",
		"Europe/../UTC", "tzdata.zi", "Berlin\n"};
	struct hf_zone *zone;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct hf_error err = {0};
		assert_int_equal(hf_zone_load(names[i], &zone, &err), HF_E_USAGE);
		assert_non_null(strstr(err.msg, "time zone"));
		assert_null(zone);
	}
	assert_int_equal(hf_zone_load("UTC", &zone, NULL), 0);
	assert_null(zone);
}

/* Every prefix of a file, and the file with each byte changed: refused, or understood, and asked a few times. */
static void damaged_files(void **state)
{
	(void)state;
	HF_BUF_AUTO bytes = HF_BUF(1 << 20);
	assert_int_equal(hf_file_read(AT_FDCWD, "/usr/share/zoneinfo/Europe/Berlin", &bytes, NULL), 0);
	struct hf_zone *zone;
	for (size_t len = 0; len < bytes.len; len++) {
		/* A copy of its own, so that a read past the end is noticed. */
		void *copy = malloc(len + 1);
		memcpy(copy, bytes.data, len);
		assert_int_equal(hf_zone_parse(copy, len, &zone, NULL), HF_E_CORRUPT);
		free(copy);
	}
	for (size_t i = 0; i < bytes.len; i++) {
		uint8_t was = bytes.data[i];
		bytes.data[i] = (uint8_t)(was ^ 0x95);
		if (hf_zone_parse(bytes.data, bytes.len, &zone, NULL) == 0) {
			for (int64_t t = -8; t < 9; t++)
				(void)hf_zone_civil(zone, t * 1000000007 * HF_SECOND);
			hf_zone_free(zone);
		}
		bytes.data[i] = was;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_calendar_of_utc),
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(names_that_are_none),
		cmocka_unit_test(damaged_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
