/* Damaged databases: captured all the same, and the snapshot says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ACCOUNTS \
	"CREATE TABLE account(id INTEGER PRIMARY KEY, name TEXT, balance INT, note TEXT); " \
	"CREATE INDEX account_name ON account(name); " \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) " \
	"INSERT INTO account SELECT i, 'name ' || (i * 7919 % 20000), 1000, hex(randomblob(60)) FROM n;"
#define WAL "PRAGMA journal_mode=wal; "

static const char *const modes[] = {ACCOUNTS, WAL ACCOUNTS};

/* The capture must succeed with the very bytes, and complain of `problem`. */
static void assert_reported(struct bench *b, const char *problem)
{
	assert_int_equal(bench_capture(b, NULL), 0);
	assert_true(b->captured.incomplete);
	if (!bench_has_problem(b, problem))
		fail_msg("no \"%s\", but: %s", problem, b->recorder.problem_count ? b->recorder.problems[0] : "nothing");
	assert_true(files_equal(b->path, bench_result(b)));
	assert_int_equal(json_array_size(json_object_get(b->captured.detail, "problems")), b->recorder.problem_count);
}

static void a_page_of_zeros(void **state)
{
	(void)state;
	for (int m = 0; m < 2; m++) {
		struct bench b;
		bench_new(&b);
		bench_sql(&b, modes[m]);
		int64_t pages = database_int(b.path, "PRAGMA page_count");
		char zeros[4096] = {0};
		file_poke(b.path, 4096 * (pages / 2), zeros, sizeof(zeros));
		assert_reported(&b, "account is damaged: page");
		bench_free(&b);
	}
}

static void bytes_that_do_not_belong_there(void **state)
{
	(void)state;
	for (int m = 0; m < 2; m++) {
		struct bench b;
		bench_new(&b);
		bench_sql(&b, modes[m]);
		char bytes[300];
		memset(bytes, 0x5a, sizeof(bytes));
		file_poke(b.path, 4096 * 30 + 1000, bytes, sizeof(bytes));
		assert_reported(&b, "is damaged: page");
		bench_free(&b);
	}
}

static void half_a_file(void **state)
{
	(void)state;
	for (int m = 0; m < 2; m++) {
		struct bench b;
		struct stat st;
		bench_new(&b);
		bench_sql(&b, modes[m]);
		assert_int_equal(stat(b.path, &st), 0);
		assert_int_equal(truncate(b.path, st.st_size / 2 / 4096 * 4096), 0);
		assert_reported(&b, "malformed");
		bench_free(&b);
	}
}

static void a_schema_that_does_not_parse(void **state)
{
	(void)state;
	for (int m = 0; m < 2; m++) {
		struct bench b;
		bench_new(&b);
		bench_sql(&b, modes[m]);
		bench_sql(&b, "PRAGMA writable_schema=1; UPDATE sqlite_schema SET sql = 'CREATE TABLE ((' WHERE name = 'account'");
		assert_reported(&b, "malformed database schema");
		assert_int_equal(bench_rows(&b, "account"), 20000);
		bench_free(&b);
	}
}

static void a_header_that_makes_no_sense(void **state)
{
	(void)state;
	for (int m = 0; m < 2; m++) {
		struct bench b;
		bench_new(&b);
		bench_sql(&b, modes[m]);
		file_poke(b.path, 16, "\1\1", 2); /* 257 is no page size */
		assert_reported(&b, "header is damaged");
		assert_string_equal(bench_detail_text(&b, "method"), "raw");
		bench_free(&b);
	}
}

static void an_index_without_some_entries(void **state)
{
	(void)state;
	struct bench b;
	bench_new(&b);
	bench_sql(&b, "CREATE TABLE t(a); CREATE INDEX ta ON t(a); INSERT INTO t VALUES (1), (2), (3); "
		      "PRAGMA writable_schema=1; UPDATE sqlite_schema SET type = 'x', sql = '' WHERE name = 'ta'");
	/* A row comes while the schema does not know the index. */
	bench_sql(&b, "PRAGMA writable_schema=1; INSERT INTO t VALUES (4); "
		      "UPDATE sqlite_schema SET type = 'index', sql = 'CREATE INDEX ta ON t(a)' WHERE name = 'ta'");
	assert_reported(&b, "index ta has 3 entries, its table t has 4 rows");
	bench_free(&b);
}

static void what_only_a_full_check_sees(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		bool full = i & 1;
		struct bench b;
		bench_new(&b);
		bench_sql(&b, "CREATE TABLE t(a INT NOT NULL); INSERT INTO t VALUES (1); PRAGMA writable_schema=1; "
			      "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(a INT CHECK (a > 1))'");
		bench_sql(&b, i & 2 ? WAL : "PRAGMA user_version=1");
		bench_option(&b, "check", full ? "full" : "none");
		bench_option(&b, "row-counts", full ? "on" : "off");
		assert_int_equal(bench_capture(&b, NULL), 0);
		assert_int_equal(b.captured.incomplete, full);
		assert_int_equal(bench_has_problem(&b, "CHECK constraint failed"), full);
		assert_int_equal(bench_rows(&b, "t"), full ? 1 : -1);
		assert_string_equal(bench_detail_text(&b, "check"), full ? "full" : "none");
		bench_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_of_zeros),
		cmocka_unit_test(bytes_that_do_not_belong_there),
		cmocka_unit_test(half_a_file),
		cmocka_unit_test(a_schema_that_does_not_parse),
		cmocka_unit_test(a_header_that_makes_no_sense),
		cmocka_unit_test(an_index_without_some_entries),
		cmocka_unit_test(what_only_a_full_check_sees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
