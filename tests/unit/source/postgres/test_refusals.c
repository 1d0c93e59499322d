/* capture.c on bad days: a server that is down, refuses, has no room, is stopped in the middle; being told to stop. Each
 * has a message that says what to do, and leaves nothing behind on the server. */
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
#include <unistd.h>

/* One capture, recorded in `rec`; the result, with the message in `err`. */
static int capture(const char *location, struct recorder *rec, struct hf_captured *out, struct hf_error *err)
{
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .location = location, .scratch = "/tmp"};
	struct hf_source *source;
	*err = (struct hf_error){0};
	int r = hf_source_open(&spec, &source, err);
	if (r < 0)
		return r;
	r = source->driver->capture(source, &rec->sink, out, err);
	hf_source_close(source);
	return r;
}

static void assert_refused(const char *location, int code, const char *says, const char *advises)
{
	struct recorder rec;
	struct hf_captured out;
	struct hf_error err;
	recorder_new(&rec);
	int r = capture(location, &rec, &out, &err);
	recorder_free(&rec);
	if (r != code || !strstr(err.msg, says) || !strstr(err.msg, advises))
		fail_msg("%d: %s (expected %d, \"%s\" and \"%s\")", r, err.msg, code, says, advises);
}

static void assert_cluster_refuses(const struct cluster *c, const char *user, int code, const char *says,
	const char *advises)
{
	char *url = cluster_url(c, user, "postgres");
	assert_refused(url, code, says, advises);
	free(url);
}

static void what_is_no_location(void **state)
{
	(void)state;
	assert_refused("relative/path", HF_E_USAGE, "socket directory", "postgresql://");
	struct recorder rec;
	struct hf_captured out;
	struct hf_error err;
	recorder_new(&rec);
	assert_int_equal(capture("postgresql://user:sec%zzret@/db", &rec, &out, &err), HF_E_USAGE);
	assert_null(strstr(err.msg, "sec"));
	assert_int_equal(capture("postgresql://user:secret@127.0.0.1:1/db", &rec, &out, &err), HF_E_NETWORK);
	assert_null(strstr(err.msg, "secret"));
	assert_non_null(strstr(err.msg, "127.0.0.1"));
	recorder_free(&rec);
}

static void set(struct cluster *c, const char *settings)
{
	cluster_stop(c);
	char *path = text_of("%s/postgresql.conf", c->data);
	FILE *f = fopen(path, "a");
	fprintf(f, "wal_level = replica\nmax_wal_senders = 10\nmax_replication_slots = 10\n%s\n", settings);
	fclose(f);
	free(path);
	cluster_start(c);
}

static void what_a_server_refuses(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, NULL);
	assert_refused(c.sockets, HF_E_NETWORK, c.sockets, "is the server running");
	cluster_start(&c);
	cluster_do(&c, "postgres", "CREATE ROLE plain LOGIN; CREATE ROLE keeper LOGIN REPLICATION");
	assert_cluster_refuses(&c, "plain", HF_E_DENIED, "42501", "REPLICATION");
	char *hba = text_of("%s/pg_hba.conf", c.data);
	FILE *f = fopen(hba, "w");
	fprintf(f, "local all all trust\nlocal replication keeper scram-sha-256\n");
	fclose(f);
	free(hba);
	cluster_do(&c, "postgres", "SELECT pg_reload_conf(); ALTER ROLE keeper PASSWORD 'right'");
	cluster_do(&c, "postgres", "SELECT pg_sleep(0.3)");
	assert_cluster_refuses(&c, "postgres", HF_E_DENIED, "no pg_hba.conf entry", "\"replication\"");
	assert_cluster_refuses(&c, "keeper", HF_E_DENIED, "password", ".pgpass");
	char *url = text_of("postgresql://keeper:wrong-one@/postgres?host=%s", c.sockets);
	struct recorder rec;
	struct hf_captured out;
	struct hf_error err;
	recorder_new(&rec);
	assert_int_equal(capture(url, &rec, &out, &err), HF_E_DENIED);
	assert_non_null(strstr(err.msg, "authentication failed"));
	assert_null(strstr(err.msg, "wrong-one"));
	recorder_free(&rec);
	free(url);
	cluster_free(&c);
}

static void what_a_server_has_no_room_for(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, NULL);
	set(&c, "wal_level = minimal\nmax_wal_senders = 0\n");
	assert_cluster_refuses(&c, "postgres", HF_E_NETWORK, "max_wal_senders", "wal_level");
	set(&c, "max_wal_senders = 1\n");
	assert_cluster_refuses(&c, "postgres", HF_E_NETWORK, "second connection", "max_wal_senders");
	set(&c, "max_replication_slots = 0\n");
	assert_cluster_refuses(&c, "postgres", HF_E_NETWORK, "slot", "raise max_replication_slots");
	set(&c, "max_replication_slots = 1\n");
	cluster_do(&c, "postgres", "SELECT pg_create_physical_replication_slot('taken')");
	assert_cluster_refuses(&c, "postgres", HF_E_NETWORK, "slot", "raise max_replication_slots");
	cluster_free(&c);
}

/* Meddling in the middle of a capture, once `after` bytes have come. */
struct meddler {
	struct recorder *rec;
	struct cluster *cluster;
	uint64_t after;
	bool done;
};

static int kill_server(void *user, struct hf_error *err)
{
	(void)err;
	struct meddler *m = user;
	if (!m->done && m->rec->bytes > m->after) {
		m->done = true;
		hf_proc_end(&m->cluster->server, 0);
	}
	return 0;
}

static int request_stop(void *user, struct hf_error *err)
{
	(void)err;
	struct meddler *m = user;
	if (!m->done && m->rec->bytes > m->after) {
		m->done = true;
		hf_stop_request(SIGTERM);
	}
	return 0;
}

static int refuse_data(void *user, struct hf_error *err)
{
	struct meddler *m = user;
	return m->rec->bytes > m->after ? hf_fail(err, HF_E_NOSPACE, "the disk is full") : 0;
}

static int meddle(struct cluster *c, int (*hook)(void *, struct hf_error *), struct meddler *m, struct hf_error *err)
{
	struct recorder rec;
	struct hf_captured out;
	recorder_new(&rec);
	*m = (struct meddler){.rec = &rec, .cluster = c, .after = 5 << 20};
	rec.hook = hook;
	rec.user = m;
	char *url = cluster_url(c, "postgres", "postgres");
	int r = capture(url, &rec, &out, err);
	free(url);
	recorder_free(&rec);
	return r;
}

/* Whatever happened: soon there is no walsender and no slot any more. */
static void assert_nothing_left(const struct cluster *c)
{
	char *left = NULL;
	for (int i = 0; i < 600; i++) {
		free(left);
		left = cluster_sql(c, "postgres",
			"SELECT (SELECT count(*) FROM pg_stat_replication) + (SELECT count(*) FROM pg_replication_slots)");
		if (strcmp(left, "0") == 0)
			break;
		usleep(100000);
	}
	assert_string_equal(left, "0");
	free(left);
}

static void what_happens_in_the_middle(void **state)
{
	(void)state;
	struct cluster c;
	struct meddler m;
	struct hf_error err;
	cluster_new(&c, NULL);
	cluster_start(&c);
	assert_int_equal(meddle(&c, refuse_data, &m, &err), HF_E_NOSPACE);
	assert_non_null(strstr(err.msg, "the disk is full"));
	assert_nothing_left(&c);
	assert_int_equal(meddle(&c, request_stop, &m, &err), HF_E_STOPPED);
	hf_stop_reset();
	assert_nothing_left(&c);
	assert_int_equal(meddle(&c, kill_server, &m, &err), HF_E_NETWORK);
	assert_non_null(strstr(err.msg, "base backup, after "));
	assert_non_null(strstr(err.msg, " bytes, last base/"));
	cluster_free(&c);
}

static void a_page_that_is_damaged(void **state)
{
	(void)state;
	struct cluster c;
	cluster_new(&c, NULL);
	cluster_start(&c);
	cluster_do(&c, "postgres", "CREATE TABLE t AS SELECT g FROM generate_series(1, 3000) g");
	char *path = cluster_sql(&c, "postgres", "SELECT pg_relation_filepath('t')");
	cluster_stop(&c);
	char *full = text_of("%s/%s", c.data, path);
	HF_FD_AUTO fd = open(full, O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "damage", 6, 2 * 8192 + 5000), 6);
	cluster_start(&c);
	struct recorder rec;
	struct hf_captured out;
	struct hf_error err;
	recorder_new(&rec);
	char *url = cluster_url(&c, "postgres", "postgres");
	if (capture(url, &rec, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_true(out.incomplete);
	assert_int_equal(rec.problem_count, 1);
	char *expected = text_of("%s: ", path);
	assert_int_equal(strncmp(rec.problems[0], expected, strlen(expected)), 0);
	assert_non_null(strstr(rec.problems[0], "checksum"));
	json_decref(out.detail);
	recorder_free(&rec);
	free(expected), free(url), free(full), free(path);
	cluster_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_location),
		cmocka_unit_test(what_a_server_refuses),
		cmocka_unit_test(what_a_server_has_no_room_for),
		cmocka_unit_test(what_happens_in_the_middle),
		cmocka_unit_test(a_page_that_is_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
