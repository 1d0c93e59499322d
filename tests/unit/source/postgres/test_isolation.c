/*
 * A check can't touch production: a copy whose configuration, subscription, event trigger and functions all phone home
 * is checked while a listener outside waits for the call and the captured server itself still runs; and the same copy,
 * started without isolation, does call.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "cluster.h"
#include "recorder.h"
#include "source/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct trap {
	struct cluster cluster;
	struct recorder rec;
	struct hf_captured captured;
	char *data, *scratch;
	int listener, port;
};

static int listen_tcp(int *port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 100), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

/* Calls that have come since the last look; waits for the first up to `wait_ms`. */
static int calls(const struct trap *t, int wait_ms)
{
	struct pollfd p = {.fd = t->listener, .events = POLLIN};
	int n = 0;
	poll(&p, 1, wait_ms);
	for (int fd; (fd = accept(t->listener, NULL, NULL)) >= 0; n++)
		close(fd);
	return n;
}

/* Whatever a server can be made to call out with. */
static void set_the_trap(const struct trap *t)
{
	const struct cluster *c = &t->cluster;
	char *program = text_of("bash -c 'exec 3<>/dev/tcp/127.0.0.1/%d'", t->port);
	static const char *const commands[] = {"archive_command", "restore_command", "recovery_end_command",
		"archive_cleanup_command"};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char *sql = text_of("ALTER SYSTEM SET %s = $x$%s$x$", commands[i], program);
		cluster_do(c, "postgres", sql);
		free(sql);
	}
	char *sql = text_of("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=%d user=x'", t->port);
	cluster_do(c, "postgres", sql);
	free(sql);
	cluster_do(c, "postgres", "ALTER SYSTEM SET archive_mode = on");
	cluster_do(c, "postgres", "ALTER SYSTEM SET shared_preload_libraries = 'auto_explain'");
	cluster_do(c, "postgres", "ALTER DATABASE postgres SET session_preload_libraries = 'no_such_library'");
	sql = text_of("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=%d dbname=x user=x' PUBLICATION p "
		      "WITH (connect = false, slot_name = 's')", t->port);
	cluster_do(c, "template1", sql);
	cluster_do(c, "template1", "ALTER SUBSCRIPTION s ENABLE");
	free(sql);
	sql = text_of("CREATE EXTENSION dblink; "
		      "CREATE FUNCTION dial() RETURNS bool LANGUAGE sql SECURITY DEFINER AS $$ SELECT dblink_connect('t', "
		      "'host=127.0.0.1 port=%d dbname=x user=x connect_timeout=5') = 'OK' $$; "
		      "CREATE FUNCTION production() RETURNS bool LANGUAGE sql SECURITY DEFINER AS $$ SELECT "
		      "dblink_connect('p', 'host=%s dbname=template1 user=postgres') = 'OK' $$; "
		      "CREATE FUNCTION trigger_dial() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM dial(); END $$; "
		      "CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION trigger_dial()",
		t->port, c->sockets);
	cluster_do(c, "template1", sql);
	free(sql);
	free(program);
}

static void trap_new(struct trap *t)
{
	*t = (struct trap){.listener = -1};
	t->listener = listen_tcp(&t->port);
	cluster_new(&t->cluster, "max_logical_replication_workers = 0\n");
	cluster_start(&t->cluster);
	set_the_trap(t);
	char *url = cluster_url(&t->cluster, "postgres", "template1");
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .location = url, .scratch = "/tmp"};
	struct hf_source *source;
	struct hf_error err = {0};
	recorder_new(&t->rec);
	if (hf_source_open(&spec, &source, &err) < 0 ||
		source->driver->capture(source, &t->rec.sink, &t->captured, &err) < 0)
		fail_msg("%s", err.msg);
	hf_source_close(source);
	free(url);
	t->data = text_of("%s/copy", t->cluster.root);
	t->scratch = text_of("%s/scratch", t->cluster.root);
	recorder_unpack(&t->rec, t->data);
	assert_int_equal(mkdir(t->scratch, 0700), 0);
	/* As if it had come with the copy. */
	char *signal = text_of("%s/standby.signal", t->data);
	HF_FD_AUTO fd = open(signal, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	free(signal);
	calls(t, 0);
}

static void trap_free(struct trap *t)
{
	json_decref(t->captured.detail);
	recorder_free(&t->rec);
	cluster_free(&t->cluster);
	hf_fd_close(&t->listener);
	free(t->data);
	free(t->scratch);
}

static void check(struct trap *t, bool allow_network, struct hf_check_report *report)
{
	const struct hf_option options[] = {{"allow-network", allow_network ? "true" : "false"},
		{"check-sql", "SELECT dial()"}, {"check-sql", "SELECT production()"},
		{"check-sql", "SELECT current_setting('auto_explain.log_min_duration', true) IS NULL AND current_setting('archive_mode') = 'off' "
			      "AND current_setting('listen_addresses') = ''"}};
	struct hf_source_spec spec = {.kind = "postgresql", .name = "pg", .scratch = t->scratch};
	struct hf_source *source;
	struct hf_error err = {0};
	assert_int_equal(hf_source_open(&spec, &source, &err), 0);
	HF_FD_AUTO dirfd = open(t->data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct hf_check_options o = {.path = t->data, .dirfd = dirfd, .scratch = t->scratch,
		.detail = t->captured.detail, .options = options, .option_count = 4};
	*report = (struct hf_check_report){0};
	if (source->driver->check(source, &o, report, &err) < 0)
		fail_msg("%s", err.msg);
	hf_source_close(source);
}

static const struct hf_check *find(const struct hf_check_report *report, const char *name, size_t nth)
{
	for (size_t i = 0; i < report->count; i++)
		if (strcmp(report->checks[i].name, name) == 0 && nth-- == 0)
			return &report->checks[i];
	fail_msg("there is no check %s", name);
	return NULL;
}

static void assert_ok(const struct hf_check *c, bool ok)
{
	if (c->ok != ok)
		fail_msg("%s is %s: %s", c->name, c->ok ? "ok" : "not ok", c->detail);
}

/* The server of the copy as it is, by its own configuration. */
static void start_as_it_is(struct trap *t, const char *data)
{
	cluster_adopt(&t->cluster, data);
	cluster_start(&t->cluster);
}

static void nothing_leaves(void **state)
{
	(void)state;
	struct trap t;
	struct hf_check_report report;
	trap_new(&t);
	check(&t, false, &report);
	assert_int_equal(calls(&t, 0), 0);
	assert_ok(find(&report, "recovery", 0), true);
	assert_ok(find(&report, "databases", 0), true);
	assert_ok(find(&report, "check-sql", 0), false);
	assert_ok(find(&report, "check-sql", 1), false); /* the captured server runs, and its socket can't be reached */
	assert_ok(find(&report, "check-sql", 2), true);
	assert_ok(find(&report, "amcheck", 0), true);
	hf_check_report_free(&report);
	trap_free(&t);
}

static void the_trap_works(void **state)
{
	(void)state;
	struct trap t;
	struct hf_check_report report;
	trap_new(&t);
	/* With the network allowed the same function does reach the listener. */
	check(&t, true, &report);
	assert_true(calls(&t, 0) > 0);
	assert_ok(find(&report, "check-sql", 1), false); /* files and sockets are still apart */
	hf_check_report_free(&report);
	/* And the copy, restored anew and started by its own configuration, calls by itself. */
	char *again = text_of("%s/again", t.cluster.root);
	recorder_unpack(&t.rec, again);
	start_as_it_is(&t, again);
	cluster_do(&t.cluster, "template1", "SET session_replication_role = replica; SELECT pg_switch_wal()");
	assert_true(calls(&t, 60000) > 0);
	free(again);
	trap_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaves),
		cmocka_unit_test(the_trap_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
