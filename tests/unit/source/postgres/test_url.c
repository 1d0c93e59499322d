/* url.h: what applications put into their URLs, and libpq does not know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "source/postgres/url.h"

#include <stdlib.h>

static void what_libpq_does_not_know_is_left_out(void **state)
{
	(void)state;
	static const struct {
		const char *url, *plain;
	} cases[] = {
		{"postgresql://u:p@h/db", "postgresql://u:p@h/db"},
		{"postgresql://u@h/db?sslmode=require", "postgresql://u@h/db?sslmode=require"},
		{"postgresql://u@h/db?schema=public", "postgresql://u@h/db"},
		{"postgresql://u@h/db?schema=public&sslmode=require&pool=5&host=%2Frun", "postgresql://u@h/db?sslmode=require&host=%2Frun"},
		{"postgresql://u@h/db?ssl=true&x", "postgresql://u@h/db?ssl=true"},
		{"postgresql:///db?", "postgresql:///db"},
		{"postgresql:///db?&&host=/run&", "postgresql:///db?host=/run"},
		{"postgresql:///db?hos=x&hostx=y", "postgresql:///db"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *plain = hf_pg_url_plain(cases[i].url);
		assert_non_null(plain);
		assert_string_equal(plain, cases[i].plain);
		free(plain);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_libpq_does_not_know_is_left_out)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
