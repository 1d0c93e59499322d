/* env_file.h: .env files as applications have them, and ${NAME}. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/env_file.h"

#include <stdlib.h>
#include <string.h>

static void expect(const char *text, const char *name, const char *value)
{
	struct hf_env_file f;
	struct hf_error err = {0};
	if (hf_env_file_parse("f", text, &f, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	const char *got = hf_env_file_get(&f, name);
	if (!value)
		assert_null(got);
	else if (!got || strcmp(got, value) != 0)
		fail_msg("%s: %s is [%s], not [%s]", text, name, got ? got : "nothing", value);
	hf_env_file_free(&f);
}

static void values_are_read_as_applications_mean_them(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *value;
	} cases[] = {
		{"DATABASE_URL=postgresql://app:s#cr$t@db:5432/shop?a=b\n", "DATABASE_URL", "postgresql://app:s#cr$t@db:5432/shop?a=b"},
		{"DATABASE_URL=\"sqlite:///shop.db\"", "DATABASE_URL", "sqlite:///shop.db"},
		{"# A=1\n\n  \nA=2\n", "A", "2"},
		{"export A=1", "A", "1"},
		{"export\tA = 1 ", "A", "1"},
		{"A=1 # one", "A", "1"},
		{"A=# nothing", "A", ""},
		{"A=", "A", ""},
		{"A=''", "A", ""},
		{"A='$x \\n #'  # c", "A", "$x \\n #"},
		{"A=\"a\\nb\\t\\\"q\\\" \\$x \\z\"", "A", "a\nb\t\"q\" $x \\z"},
		{"A=\"two\nlines\"\nB=3", "A", "two\nlines"},
		{"A=\"two\nlines\"\nB=3", "B", "3"},
		{"A=1\r\nB=2\r\n", "A", "1"},
		{"\xEF\xBB\xBF""A=1", "A", "1"},
		{"A=1\nA=2", "A", "2"},
		{"A=x y  z", "A", "x y  z"},
		{"A=it's", "A", "it's"},
		{"HF_TEST_H=h\nA=http://${HF_TEST_H}:${HF_TEST_P:-80}/", "A", "http://h:80/"},
		{"HF_TEST_H=h\nA='${HF_TEST_H}'", "A", "${HF_TEST_H}"},
		{"A=p${w$rd", "A", "p${w$rd"},
		{"A=${HF_TEST_UNSET}", "A", "${HF_TEST_UNSET}"},
		{"A\nB=1", "B", "1"},
		{"A\nB=1", "A", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect(cases[i].text, cases[i].name, cases[i].value);
}

static void senseless_lines_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *text, *place;
	} cases[] = {{"A=1\n=2\n", "f:2: "}, {"A=\"1\n\n", "f:1: "}, {"A=1\n\n1A=2", "f:3: "}, {"A='1' 2", "f:1: "},
		{"some text\n", "f:1: "}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_env_file f;
		struct hf_error err = {0};
		assert_int_equal(hf_env_file_parse("f", cases[i].text, &f, &err), HF_E_USAGE);
		if (strncmp(err.msg, cases[i].place, strlen(cases[i].place)) != 0)
			fail_msg("%s: %s", cases[i].text, err.msg);
		hf_env_file_free(&f);
	}
}

static void the_environment_beats_the_file(void **state)
{
	(void)state;
	struct hf_env_file f;
	setenv("HF_TEST_A", "environment", 1);
	unsetenv("HF_TEST_B");
	assert_int_equal(hf_env_file_parse("f", "HF_TEST_A=file\nHF_TEST_B=1\nHF_TEST_B=2\n", &f, NULL), 0);
	assert_int_equal(hf_env_file_export(&f, NULL), 0);
	assert_string_equal(getenv("HF_TEST_A"), "environment");
	assert_string_equal(getenv("HF_TEST_B"), "2");
	hf_env_file_free(&f);
}

static void references_are_replaced(void **state)
{
	(void)state;
	static const struct {
		const char *text, *value; /* NULL: refused */
	} cases[] = {{"plain", "plain"}, {"${HF_TEST_X}", "1"}, {"a${HF_TEST_X}b${HF_TEST_X}", "a1b1"}, {"${HF_TEST_E}", ""},
		{"${HF_TEST_E:-d}", "d"}, {"${HF_TEST_N:-d/$e}", "d/$e"}, {"${HF_TEST_N:-}", ""}, {"$${HF_TEST_X}", "${HF_TEST_X}"},
		{"$HF_TEST_X $ $$", "$HF_TEST_X $ $"}, {"${HF_TEST_N}", NULL}, {"${", NULL}, {"${}", NULL}, {"${HF_TEST_X", NULL},
		{"${HF_TEST_X?}", NULL}, {"${1}", NULL}};
	setenv("HF_TEST_X", "1", 1);
	setenv("HF_TEST_E", "", 1);
	unsetenv("HF_TEST_N");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		HF_BUF_AUTO out = HF_BUF(1000);
		int r = hf_env_expand(cases[i].text, &out, NULL);
		assert_int_equal(r, cases[i].value ? 0 : HF_E_USAGE);
		if (cases[i].value)
			assert_string_equal(hf_buf_cstr(&out), cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_as_applications_mean_them),
		cmocka_unit_test(senseless_lines_are_named),
		cmocka_unit_test(the_environment_beats_the_file),
		cmocka_unit_test(references_are_replaced),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
