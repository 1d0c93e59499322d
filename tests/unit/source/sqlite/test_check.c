/* Restoring and checking: what was captured passes, whatever is not it fails, and nothing is left beside it. */
#include "database.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define SCHEMA \
	"CREATE TABLE customer(id INTEGER PRIMARY KEY, name TEXT); " \
	"CREATE TABLE orders(id INTEGER PRIMARY KEY, customer INT REFERENCES customer(id), total REAL CHECK (total >= 0)); " \
	"CREATE INDEX orders_customer ON orders(customer); " \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO customer " \
	"SELECT i, 'name ' || i FROM n; INSERT INTO orders SELECT id, id, id / 3.0 FROM customer; "

/* A captured and restored database. */
struct restored {
	struct bench bench;
	char directory[128];
	char path[256];
	int dirfd;
	struct hf_check_report report;
};

static struct hf_source *open_source(struct restored *x)
{
	const struct hf_source_spec spec = {.kind = "sqlite", .name = "test", .scratch = x->bench.directory};
	struct hf_source *source = NULL;
	assert_int_equal(hf_source_open(&spec, &source, NULL), 0);
	return source;
}

static void restored_new(struct restored *x, const char *sql)
{
	*x = (struct restored){0};
	bench_new(&x->bench);
	bench_sql(&x->bench, sql);
	assert_int_equal(chmod(x->bench.path, 0640), 0);
	assert_int_equal(bench_capture(&x->bench, NULL), 0);
	snprintf(x->directory, sizeof(x->directory), "%s/restored", x->bench.directory);
	assert_int_equal(mkdir(x->directory, 0700), 0);
	x->dirfd = open(x->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	snprintf(x->path, sizeof(x->path), "%s/test.db", x->directory);
	struct hf_source *source = open_source(x);
	struct hf_feed *feed = recorder_feed(&x->bench.recorder);
	struct hf_restored done = {0};
	struct hf_error err = {0};
	const struct hf_restore_options options = {.own_as_is = geteuid() != 0, .detail = x->bench.captured.detail};
	if (source->driver->restore(source, feed, x->dirfd, &options, &done, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(done.files, 1);
	json_decref(done.notes);
	recorder_feed_free(feed);
	hf_source_close(source);
}

static void restored_free(struct restored *x)
{
	hf_check_report_free(&x->report);
	close(x->dirfd);
	bench_free(&x->bench);
}

static void run_checks(struct restored *x)
{
	struct hf_error err = {0};
	struct hf_source *source = open_source(x);
	const struct hf_check_options options = {.path = x->directory, .dirfd = x->dirfd, .scratch = x->bench.directory,
		.detail = x->bench.captured.detail};
	hf_check_report_free(&x->report);
	if (source->driver->check(source, &options, &x->report, &err) < 0)
		fail_msg("%s", err.msg);
	hf_source_close(source);
}

/* The check of this name, which must be there. */
static const struct hf_check *find(const struct restored *x, const char *name)
{
	for (size_t i = 0; i < x->report.count; i++)
		if (strcmp(x->report.checks[i].name, name) == 0)
			return &x->report.checks[i];
	fail_msg("no check %s", name);
	return NULL;
}

static size_t count_files(const char *directory)
{
	size_t n = 0;
	DIR *d = opendir(directory);
	for (const struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

static void all_is_well(void **state)
{
	(void)state;
	static const char *const kinds[] = {SCHEMA, "PRAGMA journal_mode=wal; " SCHEMA};
	for (int i = 0; i < 2; i++) {
		struct restored x;
		struct stat st;
		restored_new(&x, kinds[i]);
		run_checks(&x);
		assert_int_equal(x.report.count, 5);
		for (size_t k = 0; k < 5; k++)
			if (!x.report.checks[k].ok)
				fail_msg("%s: %s", x.report.checks[k].name, x.report.checks[k].detail);
		assert_false(find(&x, "open")->proves);
		assert_true(find(&x, "integrity_check")->proves);
		assert_true(x.report.check_ns > 0 && x.report.prove_ns > 0);
		assert_int_equal(stat(x.path, &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0640);
		assert_int_equal(count_files(x.directory), 1);
		restored_free(&x);
	}
}

static void a_lost_row_is_found(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, SCHEMA);
	sqlite3 *db = NULL;
	sqlite3_open(x.path, &db);
	assert_int_equal(sqlite3_exec(db, "DELETE FROM orders WHERE id = 7", NULL, NULL, NULL), 0);
	sqlite3_close(db);
	run_checks(&x);
	assert_false(find(&x, "rows")->ok);
	assert_non_null(strstr(find(&x, "rows")->detail, "orders has 499 rows, had 500"));
	assert_true(find(&x, "integrity_check")->ok);
	restored_free(&x);
}

static void dangling_references_are_found(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, SCHEMA "DELETE FROM customer WHERE id = 3");
	run_checks(&x);
	assert_false(find(&x, "foreign_key_check")->ok);
	assert_non_null(strstr(find(&x, "foreign_key_check")->detail, "row 3 of orders refers to no row of customer"));
	assert_true(find(&x, "rows")->ok);
	restored_free(&x);
}

static void damage_is_found(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, SCHEMA);
	char bytes[64];
	memset(bytes, 0xee, sizeof(bytes));
	file_poke(x.path, 4096 * 3, bytes, sizeof(bytes));
	run_checks(&x);
	assert_false(find(&x, "integrity_check")->ok);
	assert_int_equal(truncate(x.path, 4096 * 2), 0);
	run_checks(&x);
	assert_false(find(&x, "page_count")->ok);
	assert_int_equal(unlink(x.path), 0);
	run_checks(&x);
	assert_int_equal(x.report.count, 1);
	assert_false(find(&x, "open")->ok);
	restored_free(&x);
}

static void check_constraints_hold(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, SCHEMA "PRAGMA ignore_check_constraints=1; UPDATE orders SET total = -1 WHERE id = 9");
	run_checks(&x);
	assert_non_null(strstr(find(&x, "integrity_check")->detail, "CHECK constraint failed in orders"));
	restored_free(&x);
}

static void an_empty_database_is_sound(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, "");
	run_checks(&x);
	for (size_t k = 0; k < x.report.count; k++)
		assert_true(x.report.checks[k].ok);
	restored_free(&x);
}

static void what_was_not_recorded_is_not_green(void **state)
{
	(void)state;
	struct restored x;
	restored_new(&x, SCHEMA);
	json_object_del(x.bench.captured.detail, "page_count");
	run_checks(&x);
	assert_false(find(&x, "page_count")->ok);
	restored_free(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_is_well),
		cmocka_unit_test(a_lost_row_is_found),
		cmocka_unit_test(dangling_references_are_found),
		cmocka_unit_test(damage_is_found),
		cmocka_unit_test(check_constraints_hold),
		cmocka_unit_test(an_empty_database_is_sound),
		cmocka_unit_test(what_was_not_recorded_is_not_green),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
