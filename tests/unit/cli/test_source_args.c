/* source_args.h: what holdfast backup is told to back up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/source_args.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct hf_source_args a;

static int tear_down(void **state)
{
	(void)state;
	hf_source_args_free(&a);
	return 0;
}

static void each_kind_has_its_location_and_name(void **state)
{
	(void)state;
	static const struct {
		const char *text, *kind, *location, *name;
	} cases[] = {
		{"/srv/shop/uploads", "volume", "/srv/shop/uploads", "uploads"},
		{"/srv/shop/uploads///", "volume", "/srv/shop/uploads///", "uploads"},
		{"/", "volume", "/", "root"},
		{"a b", "volume", "a b", "a b"},
		{"./sqlite:x", "volume", "./sqlite:x", "sqlite:x"},
		{"sqlite:queue.db", "sqlite", "queue.db", "queue.db"},
		{"sqlite:/srv/queue.db", "sqlite", "/srv/queue.db", "queue.db"},
		{"sqlite:///dir/relative.db", "sqlite", "dir/relative.db", "relative.db"},
		{"sqlite:////srv/absolute.db?mode=ro", "sqlite", "/srv/absolute.db", "absolute.db"},
		{"sqlite:////srv/a%20b.db", "sqlite", "/srv/a b.db", "a b.db"},
		{"sqlite:odd?name", "sqlite", "odd?name", "odd?name"},
		{"postgresql://u@h:1/shop", "postgresql", "postgresql://u@h:1/shop", "shop"},
		{"postgres://h/a%20b%2Fc?x=1", "postgresql", "postgres://h/a%20b%2Fc?x=1", "a b-c"},
		{"postgresql://h", "postgresql", "postgresql://h", "postgresql"},
		{"postgresql:///?host=/run&dbname=app", "postgresql", "postgresql:///?host=/run&dbname=app", "app"},
		{"postgresql:/nowhere/socket", "postgresql", "/nowhere/socket", "postgresql"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(hf_source_args_add(&a, cases[i].text, NULL), 0);
		assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), 0);
		assert_string_equal(a.specs[0].kind, cases[i].kind);
		assert_string_equal(a.specs[0].location, cases[i].location);
		assert_string_equal(a.specs[0].name, cases[i].name);
		assert_string_equal(a.specs[0].scratch, "/var/tmp");
		hf_source_args_free(&a);
	}
}

static void a_dot_is_named_after_what_it_is(void **state)
{
	(void)state;
	char *here = getcwd(NULL, 0);
	assert_int_equal(chdir("/usr/lib"), 0);
	assert_int_equal(hf_source_args_add(&a, ".", NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "..", NULL), 0);
	assert_string_equal(a.specs[0].name, "lib");
	assert_string_equal(a.specs[1].name, "usr");
	assert_int_equal(chdir(here), 0);
	free(here);
}

static void a_name_is_of_the_source_before_it(void **state)
{
	(void)state;
	assert_int_equal(hf_source_args_add(&a, "/a/data", NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "/b/data", NULL), 0);
	assert_int_equal(hf_source_args_name(&a, "second", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, "/scratch", NULL), 0);
	assert_string_equal(a.specs[0].name, "data");
	assert_string_equal(a.specs[1].name, "second");
	assert_string_equal(a.specs[1].scratch, "/scratch");
}

static void a_name_before_all_is_of_the_only_one(void **state)
{
	(void)state;
	assert_int_equal(hf_source_args_name(&a, "mine", NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "/a", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), 0);
	assert_string_equal(a.specs[0].name, "mine");
	assert_int_equal(hf_source_args_add(&a, "/b", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), HF_E_USAGE);
}

static void names_that_clash_or_make_no_sense(void **state)
{
	(void)state;
	assert_int_equal(hf_source_args_add(&a, "/a/data", NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "sqlite:/b/data", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), HF_E_USAGE);
	static const char *const names[] = {"", "a/b", ".", ".."};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hf_source_args_name(&a, names[i], NULL), HF_E_USAGE);
}

static void senseless_sources(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "sqlite:", "sqlite://host/x", "sqlite:///", "sqlite:dir/", "postgresql:",
		"command:"};
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), HF_E_USAGE);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(hf_source_args_add(&a, texts[i], NULL), HF_E_USAGE);
		hf_source_args_free(&a);
	}
}

static void a_command_takes_the_words_after_the_dashes(void **state)
{
	(void)state;
	char cat[] = "cat", file[] = "file";
	char *words[] = {cat, file, NULL}, *none[] = {NULL};
	assert_int_equal(hf_source_args_add(&a, "/a", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, words, NULL, NULL), HF_E_USAGE);
	assert_int_equal(hf_source_args_finish(&a, none, NULL, NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "command:dump", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), HF_E_USAGE);
	assert_int_equal(hf_source_args_finish(&a, none, NULL, NULL), HF_E_USAGE);
	assert_int_equal(hf_source_args_finish(&a, words, NULL, NULL), 0);
	assert_string_equal(a.specs[1].name, "dump");
	assert_string_equal(a.specs[1].argv[1], "file");
	assert_null(a.specs[0].argv);
	assert_int_equal(hf_source_args_add(&a, "command:more", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, words, NULL, NULL), HF_E_USAGE);
}

static void options_go_to_their_kind(void **state)
{
	(void)state;
	assert_int_equal(hf_source_args_add(&a, "/a", NULL), 0);
	assert_int_equal(hf_source_args_add(&a, "sqlite:b", NULL), 0);
	assert_int_equal(hf_source_args_option(&a, "volume", "exclude", "*.tmp", NULL), 0);
	assert_int_equal(hf_source_args_option(&a, "volume", "exclude", "*.o", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), 0);
	assert_int_equal(a.specs[0].option_count, 2);
	assert_string_equal(a.specs[0].options[1].value, "*.o");
	assert_int_equal(a.specs[1].option_count, 0);
	assert_int_equal(hf_source_args_option(&a, "command", "x", "y", NULL), 0);
	assert_int_equal(hf_source_args_finish(&a, NULL, NULL, NULL), HF_E_USAGE);
}

#define TEST(f) cmocka_unit_test_teardown(f, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_has_its_location_and_name),
		TEST(a_dot_is_named_after_what_it_is),
		TEST(a_name_is_of_the_source_before_it),
		TEST(a_name_before_all_is_of_the_only_one),
		TEST(names_that_clash_or_make_no_sense),
		TEST(senseless_sources),
		TEST(a_command_takes_the_words_after_the_dashes),
		TEST(options_go_to_their_kind),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
