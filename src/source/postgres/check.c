/*
 * Checking a restored cluster; see postgres.h. In order: what needs the files as they were restored (manifest, newest
 * commit), the start, recovery, the questions that tell readiness, the proofs that need a server, a clean stop, and
 * the page checksums. A step that can't be done is a failed check, and what depends on it is left out.
 */
#include "source/postgres/internal.h"

#include "base/time.h"
#include "source/postgres/commits.h"
#include "source/postgres/prove.h"
#include "source/postgres/questions.h"
#include "source/postgres/server.h"

#include <stdlib.h>
#include <string.h>

struct checking {
	const struct hf_check_options *options;
	struct hf_check_report *report;
	struct hf_pg_server server;
	struct hf_pg_databases databases;
	const char *user; /* the superuser */
	const char *database;
};

static const char *text_or(const json_t *detail, const char *key, const char *otherwise)
{
	const char *s = detail ? json_string_value(json_object_get(detail, key)) : NULL;
	return s && *s ? s : otherwise;
}

/* A failure of what `name` says becomes a failed check, unless we were told to stop. 1: go on; 0: no further. */
static int settle(struct checking *c, int r, const char *name, struct hf_error *why, struct hf_error *err)
{
	if (r == 0)
		return 1;
	if (r == HF_E_STOPPED || r == HF_E_NOMEM)
		return hf_fail(err, r, "%s", why->msg);
	r = hf_check_add(c->report, name, false, false, "%s", why->msg);
	return r < 0 ? hf_fail(err, r, "report a check: no memory") : 0;
}

static int before_start(struct checking *c, struct hf_error *err)
{
	int64_t began = hf_time_monotonic();
	bool has_manifest = !c->options->detail || !json_is_false(json_object_get(c->options->detail, "manifest"));
	int r = has_manifest ? hf_pg_prove_manifest(&c->server, c->report, err) : 0;
	if (r == 0 && c->options->detail) {
		struct hf_error why = {0};
		r = hf_pg_newest_commit(&c->server, c->options->detail, &c->report->last_commit_ns, &why);
		r = settle(c, r, "wal", &why, err);
	}
	c->report->prove_ns += hf_time_monotonic() - began;
	return r < 0 ? r : 0;
}

static int start(struct checking *c, struct hf_error *err)
{
	struct hf_error why = {0};
	int64_t began = hf_time_monotonic();
	int r = hf_pg_server_start(&c->server, &why);
	c->report->start_ns = hf_time_monotonic() - began;
	r = settle(c, r, "start", &why, err);
	if (r <= 0)
		return r;
	began = hf_time_monotonic();
	r = hf_pg_server_ready(&c->server, c->user, &why);
	c->report->recover_ns = hf_time_monotonic() - began;
	r = settle(c, r, "recovery", &why, err);
	if (r <= 0)
		return r;
	r = hf_check_add(c->report, "recovery", true, false, "PostgreSQL %d is consistent and accepts connections",
		c->server.major);
	return r < 0 ? hf_fail(err, r, "report a check: no memory") : 1;
}

/* The cluster's own record of its latest commits, where it keeps one; before a session of ours commits anything.
 * (pg_last_committed_xact knows only of those since the server's start.) */
static void ask_last_commit(struct checking *c)
{
	static const char sql[] =
		"SELECT (extract(epoch from max(pg_xact_commit_timestamp((x % 4294967296)::text::xid))) * 1000000)::bigint "
		"FROM (SELECT txid_snapshot_xmax(txid_current_snapshot()) AS next) n, "
		"generate_series(greatest(n.next - 10000, 3), n.next - 1) x WHERE x % 4294967296 > 2";
	PGconn *conn = NULL;
	HF_PG_RESULT_AUTO *row = NULL;
	if (c->server.control.track_commit_timestamp &&
		hf_pg_server_connect(&c->server, &(struct hf_pg_login){c->user, "template1", HF_PG_QUIET, NULL}, &conn,
			NULL) == 0 &&
		hf_pg_query(conn, sql, &row, NULL) == 0 &&
		PQntuples(row) == 1 && !PQgetisnull(row, 0, 0)) {
		int64_t ns = strtoll(PQgetvalue(row, 0, 0), NULL, 10) * 1000;
		if (ns > c->report->last_commit_ns)
			c->report->last_commit_ns = ns;
	}
	PQfinish(conn);
}

static int ask(struct checking *c, struct hf_error *err)
{
	struct hf_error why = {0};
	int64_t began = hf_time_monotonic();
	ask_last_commit(c);
	int r = hf_pg_databases_read(&c->server, c->user, &c->databases, &why);
	r = settle(c, r, "databases", &why, err);
	if (r > 0) {
		struct hf_pg_sql_checks checks = {.options = c->options->options,
			.option_count = c->options->option_count, .user = c->user, .database = c->database};
		r = hf_pg_ask_databases(&c->server, c->user, &c->databases, c->report, err);
		if (r == 0)
			r = hf_pg_ask_sql(&c->server, &checks, c->report, err);
		r = r == 0 ? 1 : r;
	}
	c->report->check_ns = hf_time_monotonic() - began;
	return r;
}

static int prove(struct checking *c, struct hf_error *err)
{
	int64_t began = hf_time_monotonic();
	int r = hf_pg_prove_indexes(&c->server, c->user, &c->databases, c->report, err);
	if (r == 0) {
		bool clean = hf_pg_server_stop(&c->server);
		r = hf_pg_prove_checksums(&c->server, clean, c->report, err);
	}
	c->report->prove_ns += hf_time_monotonic() - began;
	return r;
}

static int check(struct checking *c, struct hf_error *err)
{
	const struct hf_check_options *o = c->options;
	const char *allow = hf_option_value(o->options, o->option_count, "allow-network");
	struct hf_pg_server_options options = {.path = o->path, .dirfd = o->dirfd, .scratch = o->scratch,
		.tablespace_root = hf_option_value(o->options, o->option_count, "tablespace-root"),
		.preload = hf_option_value(o->options, o->option_count, "preload-libraries"),
		.allow_network = allow && strcmp(allow, "true") == 0};
	int r = hf_pg_server_prepare(&c->server, &options, err);
	if (r < 0)
		return hf_wrap(err, r, "check the restored cluster");
	r = before_start(c, err);
	if (r == 0)
		r = start(c, err);
	if (r > 0)
		r = ask(c, err);
	if (r > 0)
		r = prove(c, err);
	return r;
}

int hf_pg_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err)
{
	(void)source;
	struct checking c = {.options = options, .report = report, .server = {.socket_fd = -1, .log_fd = -1},
		.user = text_or(options->detail, "superuser", "postgres"),
		.database = text_or(options->detail, "database", "postgres")};
	int r = check(&c, err);
	hf_pg_server_free(&c.server);
	hf_pg_databases_free(&c.databases);
	return r < 0 ? r : 0;
}
