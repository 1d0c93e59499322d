/*
 * Capturing a cluster; see postgres.h.
 *
 *	walsender A: IDENTIFY_SYSTEM, BASE_BACKUP -> wire -> tar -> intake -> sink         (this thread)
 *	walsender B: temporary slot, START_REPLICATION -> spool                            (a thread of its own)
 *	SQL, if it may be had: names, sizes, the clock, configuration outside the data directory
 *
 * The slot is made before the backup starts, so no WAL that it needs can be recycled. It is temporary: it goes away
 * with its connection, whatever becomes of us.
 */
#include "source/postgres/internal.h"

#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "source/postgres/base_backup.h"
#include "source/postgres/conf.h"
#include "source/postgres/intake.h"
#include "source/postgres/lsn.h"
#include "source/postgres/wal_receive.h"
#include "source/postgres/wal_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct capture {
	struct hf_pg_source *source;
	struct hf_pg_place place; /* with host and port pinned */
	PGconn *main, *sql;
	PGconn *wal_conn; /* until the receiver takes it */
	struct hf_wal_receive *wal;
	struct hf_pg_backup backup;
	struct hf_pg_intake in;
	enum hf_pg_event event; /* the latest */
	uint32_t timeline, segment_size;
	char system_identifier[32];
	char slot[64];
	json_t *detail;
	bool incomplete;
};

static int show(PGconn *conn, const char *name, char *out, size_t len, struct hf_error *err)
{
	char sql[96];
	snprintf(sql, sizeof(sql), "SHOW %s", name);
	HF_PG_RESULT_AUTO *result = NULL;
	int r = hf_pg_query(conn, sql, &result, err);
	if (r == 0 && PQntuples(result) != 1)
		r = hf_fail(err, HF_E_CORRUPT, "the server does not show its %s", name);
	if (r == 0)
		snprintf(out, len, "%s", PQgetvalue(result, 0, 0));
	return r;
}

static int identify(PGconn *conn, char system[32], uint32_t *timeline, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *result = NULL;
	int r = hf_pg_query(conn, "IDENTIFY_SYSTEM", &result, err);
	if (r == 0 && (PQntuples(result) != 1 || PQnfields(result) < 2))
		r = hf_fail(err, HF_E_CORRUPT, "the server does not identify itself");
	if (r < 0)
		return r;
	snprintf(system, 32, "%s", PQgetvalue(result, 0, 0));
	*timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
	return 0;
}

static int put_text(json_t *detail, const char *key, const char *value, struct hf_error *err)
{
	if (json_object_set_new(detail, key, hf_json_bytes(value, strlen(value))) == 0)
		return 0;
	return hf_fail(err, HF_E_NOMEM, "describe the cluster: no memory");
}

static int put_int(json_t *detail, const char *key, int64_t value, struct hf_error *err)
{
	if (json_object_set_new(detail, key, json_integer(value)) == 0)
		return 0;
	return hf_fail(err, HF_E_NOMEM, "describe the cluster: no memory");
}

static int learn_settings(struct capture *c, struct hf_error *err)
{
	char text[64];
	int r = show(c->main, "wal_segment_size", text, sizeof(text), err);
	if (r < 0)
		return r;
	c->segment_size = hf_wal_segment_size(text);
	if (!c->segment_size)
		return hf_fail(err, HF_E_CORRUPT, "the server's wal_segment_size is \"%s\"", text);
	r = show(c->main, "block_size", text, sizeof(text), err);
	if (r < 0)
		return r;
	unsigned long block = strtoul(text, NULL, 10);
	if (block < 512 || block > 65536 || (block & (block - 1)) != 0)
		return hf_fail(err, HF_E_CORRUPT, "the server's block_size is \"%s\"", text);
	c->in.block_size = (uint32_t)block;
	c->in.root_mode = 0700;
	if (PQserverVersion(c->main) >= 110000 &&
		show(c->main, "data_directory_mode", text, sizeof(text), NULL) == 0)
		c->in.root_mode = (uint32_t)strtoul(text, NULL, 8) & 0750;
	r = show(c->main, "data_checksums", text, sizeof(text), err);
	if (r == 0)
		r = json_object_set_new(c->detail, "data_checksums", json_boolean(strcmp(text, "on") == 0));
	if (r == 0)
		r = put_int(c->detail, "wal_segment_size", c->segment_size, err);
	if (r == 0)
		r = put_int(c->detail, "block_size", c->in.block_size, err);
	if (r == 0)
		r = put_int(c->detail, "server_version_num", PQserverVersion(c->main), err);
	const char *version = PQparameterStatus(c->main, "server_version");
	return r < 0 ? r : put_text(c->detail, "server_version", version ? version : "", err);
}

static int make_slot(struct capture *c, struct hf_error *err)
{
	uint32_t random = 0;
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		random = (uint32_t)hf_time_monotonic();
	snprintf(c->slot, sizeof(c->slot), "holdfast_%d_%08x", (int)getpid(), random);
	char sql[160], state[6];
	snprintf(sql, sizeof(sql), "CREATE_REPLICATION_SLOT \"%s\" TEMPORARY PHYSICAL RESERVE_WAL", c->slot);
	HF_PG_RESULT_AUTO *result = NULL;
	struct hf_pg_statement s = {.sql = sql, .sqlstate = state};
	int r = hf_pg_run(c->wal_conn, &s, &result, err);
	if (r < 0 && (strcmp(state, "53400") == 0 || strcmp(state, "55000") == 0)) {
		char why[HF_ERROR_MAX];
		snprintf(why, sizeof(why), "%s", err ? err->msg : "");
		return hf_fail(err, HF_E_NETWORK,
			"make a temporary replication slot: %s: raise max_replication_slots (a backup takes one "
			"while it runs) or drop a slot that is not used",
			why);
	}
	return r < 0 ? hf_wrap(err, r, "make a temporary replication slot") : 0;
}

static int connect_wal(struct capture *c, struct hf_error *err)
{
	struct hf_pg_connect_options options = {.replication = true};
	int r = hf_pg_connect(&c->place, &options, &c->wal_conn, err);
	if (r < 0)
		return hf_wrap(err, r, "the second connection, for WAL");
	char system[32];
	uint32_t timeline;
	r = identify(c->wal_conn, system, &timeline, err);
	if (r == 0 && strcmp(system, c->system_identifier) != 0)
		r = hf_fail(err, HF_E_CHANGED, "two connections to the same address reached different clusters "
					       "(%s and %s)", c->system_identifier, system);
	return r < 0 ? r : make_slot(c, err);
}

/* An ordinary connection is wanted, not needed: its role may be one for replication only. */
static int connect_sql(struct capture *c, struct hf_error *err)
{
	const char *named = hf_pg_place_get(&c->place, "dbname");
	const char *const tries[] = {named ? named : "postgres", named ? NULL : "template1"};
	struct hf_error why = {0};
	for (size_t i = 0; i < 2 && !c->sql && tries[i]; i++) {
		struct hf_pg_connect_options options = {.dbname = tries[i]};
		int r = hf_pg_connect(&c->place, &options, &c->sql, &why);
		if (r == HF_E_STOPPED)
			return hf_fail(err, r, "%s", why.msg);
	}
	if (!c->sql)
		hf_info("no ordinary connection to PostgreSQL (%s): names and sizes of databases stay unknown", why.msg);
	return 0;
}

static int connect_all(struct capture *c, struct hf_error *err)
{
	struct hf_pg_connect_options options = {.replication = true};
	int r = hf_pg_connect(&c->place, &options, &c->main, err);
	if (r == 0)
		r = hf_pg_place_pin(&c->place, c->main, err);
	if (r == 0)
		r = identify(c->main, c->system_identifier, &c->timeline, err);
	if (r == 0)
		r = learn_settings(c, err);
	if (r == 0)
		r = connect_wal(c, err);
	if (r == 0)
		r = connect_sql(c, err);
	return r;
}

static int watch_wal(void *user, struct hf_error *err)
{
	struct capture *c = user;
	return c->wal ? hf_wal_receive_check(c->wal, err) : 0;
}

static int begin_backup(struct capture *c, struct hf_error *err)
{
	int r = hf_pg_backup_begin(&c->backup, c->main, err);
	if (r < 0)
		return r;
	c->backup.watch = watch_wal;
	c->backup.user = c;
	struct hf_wal_receive_options options = {.conn = c->wal_conn, .slot = c->slot, .timeline = c->backup.timeline,
		.start_lsn = c->backup.start_lsn - c->backup.start_lsn % c->segment_size,
		.scratch = c->source->scratch};
	c->wal_conn = NULL;
	return hf_wal_receive_start(&options, &c->wal, err);
}

/* The tar reader's source: the DATA events up to the next one of another kind, which stays in c->event. */
static int archive_bytes(void *user, const void **data, size_t *len, struct hf_error *err)
{
	struct capture *c = user;
	while (c->event == HF_PG_DATA) {
		int r = watch_wal(c, err);
		if (r == 0)
			r = hf_pg_wire_next(&c->backup.wire, &c->event, err);
		if (r < 0)
			return r;
		if (c->event == HF_PG_DATA && c->backup.wire.len > 0) {
			*data = c->backup.wire.data;
			*len = c->backup.wire.len;
			return 1;
		}
	}
	return 0;
}

static int take_archive(struct capture *c, struct hf_error *err)
{
	c->event = HF_PG_DATA;
	int r = hf_pg_intake_archive(&c->in, c->backup.wire.oid, archive_bytes, c, err);
	const void *rest;
	size_t len;
	/* libarchive stops at the end mark; the padding after it is still to come. */
	do {
		r = r < 0 ? r : archive_bytes(c, &rest, &len, err);
	} while (r > 0);
	return r;
}

static int take_manifest(struct capture *c, struct hf_error *err)
{
	int r = hf_pg_intake_begin(&c->in, "backup_manifest", 0, err);
	uint64_t size = 0;
	c->event = HF_PG_DATA;
	while (r == 0) {
		const void *data;
		size_t len;
		r = archive_bytes(c, &data, &len, err);
		if (r == 0)
			break;
		if (r > 0)
			r = hf_pg_intake_data(&c->in, size, data, len, err);
		size += len;
	}
	c->in.files++;
	return r < 0 ? r : hf_pg_intake_end(&c->in, size, err);
}

static int take_parts(struct capture *c, struct hf_error *err)
{
	int r = hf_pg_wire_next(&c->backup.wire, &c->event, err);
	while (r == 0 && c->event != HF_PG_END) {
		if (c->event == HF_PG_ARCHIVE)
			r = take_archive(c, err);
		else if (c->event == HF_PG_MANIFEST)
			r = take_manifest(c, err);
		else
			r = hf_fail(err, HF_E_CORRUPT, "the base backup holds data that belongs to no archive");
	}
	if (r == 0)
		r = hf_pg_backup_finish(&c->backup, err);
	if (r < 0 && r != HF_E_STOPPED)
		return hf_wrap(err, r, "base backup, after %llu files and %llu bytes%s%s",
			(unsigned long long)c->in.files, (unsigned long long)c->in.bytes, c->in.path[0] ? ", last " : "",
			c->in.path);
	return r;
}

static int take_history(struct capture *c, struct hf_error *err)
{
	char sql[64], path[128];
	if (c->backup.timeline < 2)
		return 0;
	snprintf(sql, sizeof(sql), "TIMELINE_HISTORY %u", c->backup.timeline);
	HF_PG_RESULT_AUTO *result = NULL;
	int r = hf_pg_query(c->main, sql, &result, err);
	if (r < 0 || PQntuples(result) != 1 || PQnfields(result) < 2)
		return r < 0 ? r : hf_fail(err, HF_E_CORRUPT, "the server gives no history of timeline %u", c->backup.timeline);
	snprintf(path, sizeof(path), "pg_wal/%08X.history", c->backup.timeline);
	r = hf_pg_intake_file(&c->in, path, PQgetvalue(result, 0, 1), (size_t)PQgetlength(result, 0, 1), err);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "pg_wal/archive_status/%08X.history.done", c->backup.timeline);
	return hf_pg_intake_file(&c->in, path, NULL, 0, err);
}

static int take_wal(struct capture *c, struct hf_error *err)
{
	struct hf_wal_run run = {.spool = hf_wal_receive_spool(c->wal), .stop_lsn = c->backup.stop_lsn,
		.start_lsn = c->backup.start_lsn - c->backup.start_lsn % c->segment_size,
		.timeline = c->backup.timeline, .segment_size = c->segment_size};
	int r = hf_wal_store(&c->in, &run, err);
	if (r == 0)
		r = put_int(c->detail, "wal_bytes", (int64_t)(run.stop_lsn - run.start_lsn), err);
	return r < 0 ? r : take_history(c, err);
}

/* The server's clock right after the stop; without SQL, that of its latest message on the WAL connection. */
static int64_t stop_time(struct capture *c)
{
	HF_PG_RESULT_AUTO *result = NULL;
	if (c->sql && hf_pg_query(c->sql, "SELECT (extract(epoch from clock_timestamp()) * 1000000)::bigint", &result,
			      NULL) == 0)
		return strtoll(PQgetvalue(result, 0, 0), NULL, 10) * 1000;
	int64_t clock = hf_wal_receive_clock(c->wal);
	return clock ? clock : hf_time_now();
}

/* What a query without parameters gives, or NULL: these things are told where they may be known. */
static PGresult *ask(struct capture *c, const char *sql)
{
	PGresult *result = NULL;
	struct hf_error why = {0};
	if (hf_pg_query(c->sql, sql, &result, &why) < 0)
		hf_debug("%s", why.msg);
	return result;
}

static int describe_databases(struct capture *c, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *super = ask(c, "SELECT rolname FROM pg_catalog.pg_roles WHERE oid = 10");
	HF_PG_RESULT_AUTO *list = ask(c,
		"SELECT datname, CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_database_size(oid) END "
		"FROM pg_catalog.pg_database ORDER BY datname");
	HF_PG_RESULT_AUTO *commit = NULL;
	char track[16] = "";
	if (show(c->sql, "track_commit_timestamp", track, sizeof(track), NULL) == 0 && strcmp(track, "on") == 0)
		commit = ask(c, "SELECT (extract(epoch from timestamp) * 1000000)::bigint FROM pg_last_committed_xact()");
	HF_JSON_AUTO *databases = json_array();
	for (int i = 0; list && i < PQntuples(list); i++) {
		const char *name = PQgetvalue(list, i, 0);
		json_t *d = json_pack("{s:o}", "name", hf_json_bytes(name, strlen(name)));
		if (d && !PQgetisnull(list, i, 1))
			json_object_set_new(d, "bytes", json_integer(strtoll(PQgetvalue(list, i, 1), NULL, 10)));
		json_array_append_new(databases, d);
	}
	int r = put_text(c->detail, "database", PQdb(c->sql), err);
	if (r == 0 && super && PQntuples(super) == 1)
		r = put_text(c->detail, "superuser", PQgetvalue(super, 0, 0), err);
	if (r == 0 && commit && PQntuples(commit) == 1 && !PQgetisnull(commit, 0, 0))
		json_object_set_new(c->detail, "last_commit",
			hf_json_time(strtoll(PQgetvalue(commit, 0, 0), NULL, 10) * 1000));
	if (r == 0 && list)
		json_object_set(c->detail, "databases", databases);
	return r;
}

static int describe(struct capture *c, struct hf_error *err)
{
	char lsn[HF_LSN_TEXT];
	int r = put_text(c->detail, "system_identifier", c->system_identifier, err);
	if (r == 0)
		r = put_text(c->detail, "start_lsn", hf_lsn_format(c->backup.start_lsn, lsn), err);
	if (r == 0)
		r = put_text(c->detail, "stop_lsn", hf_lsn_format(c->backup.stop_lsn, lsn), err);
	if (r == 0)
		r = put_int(c->detail, "timeline", c->backup.timeline, err);
	json_object_set_new(c->detail, "manifest", json_boolean(c->backup.wire.has_manifest));
	json_t *list = json_array();
	for (size_t i = 0; i < c->backup.tablespace_count; i++) {
		const struct hf_pg_tablespace *t = &c->backup.tablespaces[i];
		if (t->oid)
			json_array_append_new(list, json_pack("{s:I, s:o}", "oid", (json_int_t)t->oid, "location",
				hf_json_bytes(t->location, strlen(t->location))));
	}
	json_object_set_new(c->detail, "tablespaces", list);
	if (r == 0 && c->sql)
		r = describe_databases(c, err);
	return r;
}

/* The path in a warning's quotes, "" if there is none. */
static void quoted_path(const char *warning, char *out, size_t len)
{
	const char *open = strchr(warning, '"');
	const char *close = open ? strchr(open + 1, '"') : NULL;
	if (open && strncmp(open, "\"./", 3) == 0)
		open += 2;
	snprintf(out, len, "%.*s", close ? (int)(close - open - 1) : 0, open ? open + 1 : "");
}

static int report_damage(struct capture *c, struct hf_error *err)
{
	const struct hf_buf *w = &c->backup.warnings;
	char path[1024], previous[1024] = "";
	int r = 0;
	bool named = false;
	for (size_t at = 0; r == 0 && at < w->len;) {
		const char *text = (const char *)w->data + at;
		at += strlen(text) + 1;
		quoted_path(text, path, sizeof(path));
		if (!c->backup.damaged || !path[0])
			hf_warn("PostgreSQL: %s", text);
		else if (strcmp(path, previous) != 0)
			r = c->in.sink->ops->problem(c->in.sink, path, strlen(path), text, err);
		named = named || (c->backup.damaged && path[0]);
		memcpy(previous, path, sizeof(path));
	}
	if (r == 0 && c->backup.damaged && !named)
		r = c->in.sink->ops->problem(c->in.sink, "", 0, "PostgreSQL found checksums wrong while it was copied", err);
	c->incomplete = c->backup.damaged;
	return r;
}

static int capture(struct capture *c, struct hf_captured *out, struct hf_error *err)
{
	int r = connect_all(c, err);
	if (r == 0)
		r = begin_backup(c, err);
	if (r == 0)
		r = take_parts(c, err);
	if (r == 0)
		r = hf_wal_receive_finish(c->wal, c->backup.stop_lsn, err);
	if (r < 0)
		return r;
	out->consistency_point = stop_time(c);
	r = take_wal(c, err);
	if (r == 0)
		r = hf_pg_conf_capture(c->sql, c->main, &c->in, c->detail, err);
	if (r == 0)
		r = describe(c, err);
	if (r == 0)
		r = report_damage(c, err);
	return r;
}

int hf_pg_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err)
{
	*out = (struct hf_captured){0};
	struct capture c = {.source = (struct hf_pg_source *)source, .in = {.sink = sink}, .detail = json_object()};
	if (!c.source->has_place)
		return hf_fail(err, HF_E_USAGE, "capture PostgreSQL: no location was given");
	if (!c.detail)
		return hf_fail(err, HF_E_NOMEM, "capture PostgreSQL: no memory");
	int r = 0;
	c.place.is_administrator = c.source->place.is_administrator;
	for (size_t i = 0; r == 0 && i < c.source->place.count; i++)
		r = hf_pg_place_set(&c.place, c.source->place.params[i].keyword, c.source->place.params[i].value, err);
	if (r == 0)
		r = capture(&c, out, err);
	hf_wal_receive_free(c.wal);
	hf_pg_backup_free(&c.backup);
	PQfinish(c.main);
	PQfinish(c.sql);
	PQfinish(c.wal_conn);
	hf_pg_place_free(&c.place);
	if (r < 0) {
		json_decref(c.detail);
		return r;
	}
	out->incomplete = c.incomplete;
	out->detail = c.detail;
	return 0;
}
