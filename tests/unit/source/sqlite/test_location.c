/* location.h, by tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/sqlite/location.h"

#include <stdlib.h>
#include <string.h>

static void locations_become_paths(void **state)
{
	(void)state;
	static const struct {
		const char *location, *path;
	} good[] = {
		{"queue.db", "queue.db"},
		{"/srv/a b%20.db?x", "/srv/a b%20.db?x"},
		{"sqlite:queue.db", "queue.db"},
		{"sqlite:/srv/q%.db", "/srv/q%.db"},
		{"sqlite:///queue.db", "queue.db"},
		{"sqlite:///data/queue.db", "data/queue.db"},
		{"sqlite:////srv/queue.db", "/srv/queue.db"},
		{"sqlite:////srv/a%20b%FF%3f.db?mode=ro&x=%zz", "/srv/a b\xff?.db"},
		{"sqlite:////srv/q.db#frag", "/srv/q.db"},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char *path = NULL;
		assert_int_equal(hf_sqlite_location(good[i].location, &path, NULL), 0);
		assert_string_equal(path, good[i].path);
		free(path);
	}
}

static void slips_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *location, *message;
	} bad[] = {
		{"sqlite://queue.db", "has no host"},
		{"sqlite://localhost/queue.db", "has no host"},
		{"sqlite:", "no path"},
		{"sqlite://", "no path"},
		{"sqlite:///", "no path"},
		{"sqlite:///?x=1", "no path"},
		{"", "no path"},
		{":memory:", "memory"},
		{"sqlite:///:memory:", "memory"},
		{"sqlite:///a%2", "percent"},
		{"sqlite:///a%zz", "percent"},
		{"sqlite:///a%00b", "percent"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *path = NULL;
		struct hf_error err = {0};
		assert_int_equal(hf_sqlite_location(bad[i].location, &path, &err), HF_E_USAGE);
		assert_null(path);
		if (!strstr(err.msg, bad[i].message))
			fail_msg("%s: %s", bad[i].location, err.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locations_become_paths),
		cmocka_unit_test(slips_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
