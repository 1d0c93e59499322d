/* capture.c against a real server under load: what arrives is a cluster that PostgreSQL's own tools accept. */
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

static int capture(const char *location, struct recorder *rec, struct hf_captured *out, struct hf_error *err)
{
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .location = location, .scratch = "/tmp"};
	struct hf_source *source;
	int r = hf_source_open(&spec, &source, err);
	if (r < 0)
		return r;
	r = source->driver->capture(source, &rec->sink, out, err);
	hf_source_close(source);
	return r;
}

static int capture_cluster(const struct cluster *c, struct recorder *rec, struct hf_captured *out,
	struct hf_error *err)
{
	char *url = cluster_url(c, "postgres", "postgres");
	int r = capture(url, rec, out, err);
	free(url);
	return r;
}

static void load(const struct cluster *c, const char *scale)
{
	const char *const argv[] = {"pgbench", "-q", "-i", "-s", scale, "-h", c->sockets, "-U", "postgres", "postgres",
		NULL};
	assert_int_equal(cluster_run(c, argv, NULL), 0);
}

static void verify_backup(const struct cluster *c, const char *directory)
{
	const char *const argv[] = {"pg_verifybackup", directory, NULL};
	cluster_chown(c, directory);
	assert_int_equal(cluster_run(c, argv, NULL), 0);
}

/* pgbench's invariant: every transaction adds the same amount in three places. */
static void assert_balanced(const struct cluster *c)
{
	char *balanced = cluster_sql(c, "postgres",
		"SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(bbalance) FROM pgbench_branches) "
		"AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT sum(delta) FROM pgbench_history)");
	assert_string_equal(balanced, "t");
	free(balanced);
}

static void under_load(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, NULL);
	cluster_start(&c);
	load(&c, "3");
	const char *const bench[] = {"pgbench", "-n", "-c", "2", "-T", "600", "-h", c.sockets, "-U", "postgres",
		"postgres", NULL};
	struct hf_proc load_proc;
	cluster_spawn(&c, bench, &load_proc);
	struct recorder rec;
	recorder_new(&rec);
	struct hf_captured got;
	struct hf_error err = {0};
	int64_t before = hf_time_now();
	if (capture_cluster(&c, &rec, &got, &err) < 0)
		fail_msg("%s", err.msg);
	hf_proc_end(&load_proc, 0);
	assert_false(got.incomplete);
	assert_true(got.consistency_point > before && got.consistency_point <= hf_time_now());
	assert_int_equal(rec.problem_count, 0);
	const struct recorded *control = recorder_find(&rec, "global/pg_control");
	assert_int_equal(control->entry.cut, HF_CUT_CONTENT);
	assert_int_equal(recorder_find(&rec, "global/1262")->entry.cut, HF_CUT_PAGES);
	assert_int_equal(recorder_find(&rec, "global/1262")->entry.page_size, 8192);

	char *restored = text_of("%s/restored", c.root);
	recorder_unpack(&rec, restored);
	verify_backup(&c, restored);
	cluster_adopt(&c, restored);
	cluster_start(&c);
	assert_balanced(&c);
	char *slots = cluster_sql(&c, "postgres", "SELECT count(*) FROM pg_replication_slots");
	assert_string_equal(slots, "0");
	free(slots);
	free(restored);
	json_decref(got.detail);
	recorder_free(&rec);
	cluster_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
