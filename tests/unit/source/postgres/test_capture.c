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
#include <unistd.h>

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

/* Captures in `rec` what must come, and makes a running server of it in place of the one captured. */
static void capture_and_start(struct cluster *c, const struct cluster *from, struct recorder *rec,
	struct hf_captured *got)
{
	struct hf_error err = {0};
	if (capture_cluster(from, rec, got, &err) < 0)
		fail_msg("%s", err.msg);
	char *restored = text_of("%s/restored-%u", c->root, (unsigned)rec->count);
	recorder_unpack(rec, restored);
	verify_backup(c, restored);
	cluster_adopt(c, restored);
	cluster_start(c);
	free(restored);
}

/* While the sink hangs on one file, the server writes far more WAL than fits in memory, in several segments. */
struct flood {
	struct cluster *cluster;
	bool done;
};

static int flood(void *user, struct hf_error *err)
{
	(void)err;
	struct flood *f = user;
	if (f->done)
		return 0;
	f->done = true;
	cluster_do(f->cluster, "postgres",
		"CREATE TABLE flood AS SELECT g, repeat('x', 1000) AS filler FROM generate_series(1, 40000) g");
	/* Acknowledged although the sink has not moved: nothing of it is held back for our sake. */
	char *lag = NULL;
	for (int i = 0; i < 200; i++) {
		free(lag);
		lag = cluster_sql(f->cluster, "postgres",
			"SELECT pg_current_wal_flush_lsn() - flush_lsn < 1000000 FROM pg_stat_replication "
			"WHERE flush_lsn IS NOT NULL");
		if (lag && strcmp(lag, "t") == 0)
			break;
		cluster_do(f->cluster, "postgres", "SELECT pg_sleep(0.1)");
	}
	assert_non_null(lag);
	assert_string_equal(lag, "t");
	free(lag);
	return 0;
}

static void more_wal_than_memory(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, "max_wal_size = 200MB\n");
	cluster_start(&c);
	struct flood f = {.cluster = &c};
	struct recorder rec;
	recorder_new(&rec);
	rec.hook = flood;
	rec.user = &f;
	struct hf_captured got;
	capture_and_start(&c, &c, &rec, &got);
	int64_t wal = json_integer_value(json_object_get(got.detail, "wal_bytes"));
	assert_true(wal > 40 << 20);
	char *n = cluster_sql(&c, "postgres", "SELECT count(*) FROM flood");
	assert_string_equal(n, "40000");
	free(n);
	json_decref(got.detail);
	recorder_free(&rec);
	cluster_free(&c);
}

static void append_conf(const struct cluster *c, const char *text)
{
	char *path = text_of("%s/postgresql.conf", c->data);
	FILE *f = fopen(path, "a");
	fprintf(f, "%s", text);
	fclose(f);
	free(path);
}

static void make_signal(const struct cluster *c, const char *name)
{
	char *path = text_of("%s/%s", c->data, name);
	FILE *f = fopen(path, "w");
	fclose(f);
	cluster_chown(c, path);
	free(path);
}

static void a_later_timeline(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, "hot_standby = off\nrestore_command = 'false'\n");
	make_signal(&c, "recovery.signal");
	cluster_start(&c);
	char *recovering;
	do {
		recovering = cluster_sql(&c, "postgres", "SELECT pg_is_in_recovery()");
	} while (strcmp(recovering, "t") == 0 && (free(recovering), true));
	free(recovering);
	cluster_do(&c, "postgres", "CREATE TABLE t AS SELECT 1");
	struct recorder rec;
	struct hf_captured got;
	recorder_new(&rec);
	capture_and_start(&c, &c, &rec, &got);
	assert_int_equal(json_integer_value(json_object_get(got.detail, "timeline")), 2);
	assert_non_null(recorder_find(&rec, "pg_wal/00000002.history"));
	cluster_do(&c, "postgres", "SELECT * FROM t");
	json_decref(got.detail);
	recorder_free(&rec);
	cluster_free(&c);
}

/* Of a standby: the same, without disturbing the primary; what comes back is no standby any more. */
static void a_standby(void **state)
{
	(void)state;
	struct cluster primary, standby;
	struct recorder rec, again;
	struct hf_captured got, from_standby;
	cluster_new(&primary, NULL);
	cluster_start(&primary);
	cluster_new(&standby, NULL);
	recorder_new(&rec);
	struct hf_error err = {0};
	if (capture_cluster(&primary, &rec, &got, &err) < 0)
		fail_msg("%s", err.msg);
	char *copy = text_of("%s/copy", standby.root);
	recorder_unpack(&rec, copy);
	cluster_adopt(&standby, copy);
	char *conf = text_of("unix_socket_directories = '%s'\nprimary_conninfo = 'host=%s user=postgres'\n",
		standby.sockets, primary.sockets);
	append_conf(&standby, conf);
	make_signal(&standby, "standby.signal");
	cluster_start(&standby);
	cluster_do(&primary, "postgres", "CREATE TABLE t AS SELECT 1; CHECKPOINT");
	char *there;
	do {
		there = cluster_sql(&standby, "postgres", "SELECT to_regclass('t') IS NOT NULL");
	} while (strcmp(there, "t") != 0 && (free(there), true));
	free(there);
	recorder_new(&again);
	capture_and_start(&standby, &standby, &again, &from_standby);
	assert_null(recorder_find(&again, "standby.signal"));
	char *recovering = cluster_sql(&standby, "postgres", "SELECT pg_is_in_recovery()");
	assert_string_equal(recovering, "f");
	json_decref(got.detail);
	json_decref(from_standby.detail);
	free(recovering), free(conf), free(copy);
	recorder_free(&rec);
	recorder_free(&again);
	cluster_free(&standby);
	cluster_free(&primary);
}

/* Root is let in where `peer` asks for the system user postgres, without a name or a password. */
static void by_socket_directory(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, NULL);
	char *hba = text_of("%s/pg_hba.conf", c.data);
	FILE *f = fopen(hba, "w");
	fprintf(f, geteuid() == 0 ? "local all all peer\nlocal replication all peer\n"
				  : "local all all trust\nlocal replication all trust\n");
	fclose(f);
	free(hba);
	const char *const argv[] = {"postgres", "-D", c.data, NULL};
	cluster_spawn(&c, argv, &c.server);
	if (geteuid() == 0)
		unsetenv("PGUSER");
	else
		setenv("PGUSER", "postgres", 1);
	struct recorder rec;
	struct hf_captured got;
	struct hf_error err = {0};
	int r;
	do { /* the server takes a while to come up */
		recorder_new(&rec);
		r = capture(c.sockets, &rec, &got, &err);
		if (r < 0)
			recorder_free(&rec);
	} while (r == HF_E_NETWORK && c.server.pid);
	if (r < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(json_string_value(json_object_get(got.detail, "database")), "postgres");
	json_decref(got.detail);
	recorder_free(&rec);
	cluster_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(under_load),
		cmocka_unit_test(more_wal_than_memory),
		cmocka_unit_test(a_later_timeline),
		cmocka_unit_test(a_standby),
		cmocka_unit_test(by_socket_directory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
