/* check.c: a restored cluster is started apart, asked, proved and taken down; and what is wrong with one is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"
#include "cluster.h"
#include "recorder.h"
#include "source/source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A captured cluster, and a place to unpack and check it in. */
struct fixture {
	struct cluster cluster;
	struct recorder rec;
	struct hf_captured captured;
	char *drill, *data, *scratch;
};

static void capture(struct fixture *f)
{
	char *url = cluster_url(&f->cluster, "postgres", "postgres");
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .location = url, .scratch = "/tmp"};
	struct hf_source *source;
	struct hf_error err = {0};
	recorder_new(&f->rec);
	if (hf_source_open(&spec, &source, &err) < 0 ||
		source->driver->capture(source, &f->rec.sink, &f->captured, &err) < 0)
		fail_msg("%s", err.msg);
	hf_source_close(source);
	free(url);
	f->drill = text_of("%s/drill", f->cluster.root);
	f->data = text_of("%s/pg", f->drill);
	f->scratch = text_of("%s/scratch", f->drill);
	assert_int_equal(mkdir(f->drill, 0700), 0);
	assert_int_equal(mkdir(f->scratch, 0700), 0);
	recorder_unpack(&f->rec, f->data);
}

static void fixture_free(struct fixture *f)
{
	json_decref(f->captured.detail);
	recorder_free(&f->rec);
	cluster_free(&f->cluster);
	free(f->drill);
	free(f->data);
	free(f->scratch);
}

static int check(struct fixture *f, const struct hf_option *options, size_t count, struct hf_check_report *report,
	struct hf_error *err)
{
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .scratch = f->scratch};
	struct hf_source *source;
	assert_int_equal(hf_source_open(&spec, &source, err), 0);
	HF_FD_AUTO dirfd = open(f->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dirfd >= 0);
	struct hf_check_options o = {.path = f->data, .dirfd = dirfd, .scratch = f->scratch,
		.detail = f->captured.detail, .options = options, .option_count = count};
	*report = (struct hf_check_report){0};
	int r = source->driver->check(source, &o, report, err);
	hf_source_close(source);
	return r;
}

static const struct hf_check *find(const struct hf_check_report *report, const char *name, size_t nth)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->checks[i].name, name) == 0 && nth-- == 0)
			return &report->checks[i];
	return NULL;
}

static void assert_check(const struct hf_check_report *report, const char *name, size_t nth, bool ok, const char *says)
{
	const struct hf_check *c = find(report, name, nth);
	if (!c)
		fail_msg("there is no check %s", name);
	if (c->ok != ok || !strstr(c->detail, says))
		fail_msg("%s: %s: %s (expected \"%s\")", c->name, c->ok ? "ok" : "not ok", c->detail, says);
}

static void assert_all_ok(const struct hf_check_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (!report->checks[i].ok)
			fail_msg("%s: %s", report->checks[i].name, report->checks[i].detail);
}

/* Nothing of the drill still runs or holds the copy. */
static void assert_down(const struct fixture *f)
{
	char *pid = text_of("%s/postmaster.pid", f->data);
	assert_int_equal(access(pid, F_OK), -1);
	free(pid);
}

static void a_whole_one(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, "track_commit_timestamp = on\n");
	cluster_start(&f.cluster);
	cluster_do(&f.cluster, "postgres", "CREATE DATABASE \"Sh op\"");
	cluster_do(&f.cluster, "Sh op",
		"CREATE TABLE orders AS SELECT g AS id FROM generate_series(1, 1000) g; CREATE INDEX ON orders (id)");
	int64_t before = hf_time_now() / 1000 * 1000;
	cluster_do(&f.cluster, "postgres", "CREATE TABLE newest (x int primary key)");
	capture(&f);
	const struct hf_option options[] = {{"check-sql", "SELECT count(*) = 0 FROM newest"},
		{"check-sql", "SELECT pg_has_role(current_user, 'pg_read_all_data', 'usage') AND NOT usesuper FROM pg_user "
			      "WHERE usename = current_user"},
		{"check-sql", "postgres:SELECT 'a:b' = 'a' || ':b'"}};
	struct hf_check_report report;
	struct hf_error err = {0};
	if (check(&f, options, 3, &report, &err) < 0)
		fail_msg("%s", err.msg);
	assert_all_ok(&report);
	static const char *const names[] = {"manifest", "recovery", "databases", "check-sql", "amcheck", "checksums"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_non_null(find(&report, names[i], 0));
	assert_true(find(&report, "amcheck", 0)->proves && !find(&report, "recovery", 0)->proves);
	assert_true(report.start_ns > 0 && report.recover_ns > 0 && report.check_ns > 0 && report.prove_ns > 0);
	assert_true(report.last_commit_ns >= before && report.last_commit_ns <= f.captured.consistency_point);
	assert_down(&f);
	hf_check_report_free(&report);
	fixture_free(&f);
}

static void statements_that_do_not_hold(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	cluster_do(&f.cluster, "postgres", "CREATE TABLE t AS SELECT 1 AS x");
	capture(&f);
	const struct hf_option options[] = {{"check-sql", "SELECT x > 1 FROM t"}, {"check-sql", "SELECT 1"},
		{"check-sql", "SELECT x = 1 FROM t WHERE x = 2"}, {"check-sql", "DELETE FROM t RETURNING true"},
		{"check-sql", "SELECT true; DROP TABLE t"}, {"check-sql", "nowhere:SELECT true"},
		{"check-sql", "COPY (SELECT 1) TO PROGRAM 'true'"}, {"check-sql", "SELECT null::bool"}};
	static const char *const says[] = {"false", "not true or false", "0 rows", "read-only transaction",
		"multiple commands", "does not exist", "", "null"};
	struct hf_check_report report;
	struct hf_error err = {0};
	if (check(&f, options, 8, &report, &err) < 0)
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < 8; i++)
		assert_check(&report, "check-sql", i, false, says[i]);
	assert_check(&report, "amcheck", 0, true, "B-tree indexes");
	hf_check_report_free(&report);
	fixture_free(&f);
}

/* Overwrites one byte of a file of the copy. */
static void damage(const struct fixture *f, const char *path, off_t at)
{
	char *full = text_of("%s/%s", f->data, path);
	HF_FD_AUTO fd = open(full, O_RDWR | O_CLOEXEC);
	unsigned char byte = 0;
	assert_true(fd >= 0 && pread(fd, &byte, 1, at) == 1);
	byte ^= 0x41;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	free(full);
}

static void a_damaged_page(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	cluster_do(&f.cluster, "postgres", "CREATE TABLE t AS SELECT g AS x FROM generate_series(1, 5000) g; "
					   "CREATE INDEX t_x ON t (x)");
	char *index = cluster_sql(&f.cluster, "postgres", "CHECKPOINT; SELECT pg_relation_filepath('t_x')");
	capture(&f);
	damage(&f, index, 3 * 8192 - 40);
	struct hf_check_report report;
	struct hf_error err = {0};
	if (check(&f, NULL, 0, &report, &err) < 0)
		fail_msg("%s", err.msg);
	assert_check(&report, "manifest", 0, false, index);
	assert_check(&report, "recovery", 0, true, "");
	assert_check(&report, "amcheck", 0, false, "public.t_x");
	assert_check(&report, "checksums", 0, false, "");
	assert_down(&f);
	hf_check_report_free(&report);
	free(index);
	fixture_free(&f);
}

static void one_that_does_not_start(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	capture(&f);
	char *wal = text_of("%s/pg_wal", f.data);
	assert_int_equal(hf_remove_tree(AT_FDCWD, wal, NULL), 0);
	assert_int_equal(mkdir(wal, 0700), 0);
	free(wal);
	struct hf_check_report report;
	struct hf_error err = {0};
	if (check(&f, NULL, 0, &report, &err) < 0)
		fail_msg("%s", err.msg);
	assert_check(&report, "wal", 0, false, "pg_waldump");
	const struct hf_check *c = find(&report, "recovery", 0);
	c = c ? c : find(&report, "start", 0);
	assert_false(c->ok);
	assert_non_null(strstr(c->detail, "could not locate required checkpoint record"));
	hf_check_report_free(&report);
	fixture_free(&f);
}

static void on_alarm(int number)
{
	hf_stop_request(number);
}

/* Told to stop in the middle of a question: the server goes down with it. Its scratch directory has a path that no
 * socket's address has room for. */
static void one_that_is_stopped(void **state)
{
	(void)state;
	struct fixture f;
	cluster_new(&f.cluster, NULL);
	cluster_start(&f.cluster);
	capture(&f);
	char *deep = text_of("%s/%0100d", f.scratch, 0);
	assert_int_equal(mkdir(deep, 0700), 0);
	free(f.scratch);
	f.scratch = deep;
	const struct hf_option options[] = {{"check-sql", "SELECT pg_sleep(1000) IS NULL"}};
	struct hf_check_report report;
	struct hf_error err = {0};
	signal(SIGALRM, on_alarm);
	alarm(6);
	assert_int_equal(check(&f, options, 1, &report, &err), HF_E_STOPPED);
	alarm(0);
	hf_stop_reset();
	assert_down(&f);
	hf_check_report_free(&report);
	fixture_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_one),
		cmocka_unit_test(statements_that_do_not_hold),
		cmocka_unit_test(a_damaged_page),
		cmocka_unit_test(one_that_does_not_start),
		cmocka_unit_test(one_that_is_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
