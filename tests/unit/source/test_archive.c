/* archive.h: which paths a pattern leaves out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "source/archive.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *pattern, *path;
	int excluded;
} cases[] = {
	{"*.tmp", "x.tmp", 1},
	{"*.tmp", "a/b/x.tmp", 1},
	{"*.tmp", "x.tmpl", 0},
	{"*.tmp", "x.tmp/inside", 1},
	{"cache", "cache", 1},
	{"cache", "a/cache/b", 1},
	{"cache", "a/mycache", 0},
	{"cache/", "a/cache", 1},
	{"a/b", "x/a/b", 1},
	{"a/b", "a/x/b", 0},
	{"/var", "var", 1},
	{"/var", "var/x", 1},
	{"/var", "x/var", 0},
	{"/srv/shop/var", "var", 1},
	{"/srv/shop/var", "x/var", 0},
	{"/srv/shopping", "srv/shopping", 1},
	{"f?o", "foo", 1},
	{"f[ab]o", "fao", 1},
	{"f[ab]o", "fco", 0},
	{"\\!x", "!x", 1},
	{"\\*", "*", 1},
	{"\\*", "a", 0},
	{"\xff*", "a/\xff\xfe", 1},
};

static void patterns_match_as_in_tar(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_archive_match *match = NULL;
		assert_int_equal(hf_archive_match_new("/srv/shop/", &match, NULL), 0);
		assert_true(hf_archive_match_is_empty(match));
		assert_int_equal(hf_archive_match_add(match, cases[i].pattern, NULL), 0);
		assert_false(hf_archive_match_is_empty(match));
		if (hf_archive_match_path(match, cases[i].path, NULL) != cases[i].excluded)
			fail_msg("%s on %s is not %d", cases[i].pattern, cases[i].path, cases[i].excluded);
		hf_archive_match_free(match);
	}
}

static void senseless_patterns_are_refused(void **state)
{
	(void)state;
	static const char *const patterns[] = {"", "/", "!keep", "/srv/shop/"};
	struct hf_archive_match *match = NULL;
	assert_int_equal(hf_archive_match_new("/srv/shop", &match, NULL), 0);
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		assert_int_equal(hf_archive_match_add(match, patterns[i], NULL), HF_E_USAGE);
	assert_int_equal(hf_archive_match_path(match, "keep", NULL), 0);
	hf_archive_match_free(match);
}

static void files_of_patterns(void **state)
{
	(void)state;
	char name[] = "/tmp/hf-patterns-XXXXXX";
	int fd = mkstemp(name);
	assert_true(fd >= 0);
	static const char text[] = "# a comment\n\n*.o\r\n/build\n\\#notes";
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	struct hf_archive_match *match = NULL;
	assert_int_equal(hf_archive_match_new(NULL, &match, NULL), 0);
	assert_int_equal(hf_archive_match_add_file(match, name, NULL), 0);
	assert_int_equal(hf_archive_match_path(match, "x/y.o", NULL), 1);
	assert_int_equal(hf_archive_match_path(match, "build", NULL), 1);
	assert_int_equal(hf_archive_match_path(match, "#notes", NULL), 1);
	assert_int_equal(hf_archive_match_path(match, "x/build", NULL), 0);
	assert_int_equal(hf_archive_match_path(match, "# a comment", NULL), 0);
	unlink(name);
	assert_int_equal(hf_archive_match_add_file(match, name, NULL), HF_E_NOTFOUND);
	hf_archive_match_free(match);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_as_in_tar),
		cmocka_unit_test(senseless_patterns_are_refused),
		cmocka_unit_test(files_of_patterns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
