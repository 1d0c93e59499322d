/* table.h: columns line up, and no text can steer a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "report/table.h"

#include <string.h>

static void columns_line_up(void **state)
{
	(void)state;
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO out = HF_BUF(1 << 16);
	hf_table_column(t, "NAME", HF_LEFT);
	hf_table_column(t, "SIZE", HF_RIGHT);
	hf_table_column(t, "", HF_LEFT);
	hf_table_row(t);
	hf_table_cell(t, "%s", "a");
	hf_table_cell(t, "%d", 12345);
	hf_table_cell(t, "%s", "last");
	hf_table_row(t);
	hf_table_cell(t, "%s", "größer");
	hf_table_cell(t, "%d", 1);
	hf_table_row(t);
	hf_table_cell(t, "%s", "日本");
	assert_int_equal(hf_table_render(t, &out, NULL), 0);
	assert_string_equal(hf_buf_cstr(&out), "NAME     SIZE\n"
					       "a       12345  last\n"
					       "größer      1\n"
					       "日本\n");
}

static void nothing_is_printed_of_an_empty_table(void **state)
{
	(void)state;
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO out = HF_BUF(1 << 16);
	hf_table_column(t, "NAME", HF_LEFT);
	assert_int_equal(hf_table_render(t, &out, NULL), 0);
	assert_int_equal(out.len, 0);
}

static void text_is_made_safe(void **state)
{
	(void)state;
	static const struct {
		const char *text, *safe;
	} cases[] = {
		{"plain ünï€ 😀", "plain ünï€ 😀"},
		{"red\033[31m", "red\\x1b[31m"},
		{"new\nline\t", "new\\x0aline\\x09"},
		{"bad\xff\xc3", "bad\\xff\\xc3"},
		{"\xc0\xaf", "\\xc0\\xaf"},	       /* over-long */
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},   /* surrogate */
		{"\xc2\x9b", "\\xc2\\x9b"},	       /* C1: CSI */
		{"a\xe2\x80\xae" "b", "a\\xe2\\x80\\xae" "b"}, /* right-to-left override */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		HF_BUF_AUTO out = HF_BUF(1 << 10);
		hf_text_safe(&out, cases[i].text, strlen(cases[i].text));
		assert_string_equal(hf_buf_cstr(&out), cases[i].safe);
	}
}

static void widths(void **state)
{
	(void)state;
	assert_int_equal(hf_text_width(""), 0);
	assert_int_equal(hf_text_width("abc"), 3);
	assert_int_equal(hf_text_width("größer"), 6);
	assert_int_equal(hf_text_width("日本"), 4);
	assert_int_equal(hf_text_width("e\xcc\x81"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(nothing_is_printed_of_an_empty_table),
		cmocka_unit_test(text_is_made_safe),
		cmocka_unit_test(widths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
