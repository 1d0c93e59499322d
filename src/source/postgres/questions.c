/* Questions to a restored cluster; see questions.h. */
#include "source/postgres/questions.h"

#include "base/stop.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROLE_MAX 64
#define SQL_TIMEOUT_MS "600000"

void hf_pg_databases_free(struct hf_pg_databases *databases)
{
	for (size_t i = 0; i < databases->count; i++)
		free(databases->names[i]);
	free(databases->names);
	*databases = (struct hf_pg_databases){0};
}

/* Settings of databases and roles come with a login, and could name a library to load. */
static int reset_preloads(PGconn *conn, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *rows = NULL;
	int r = hf_pg_query(conn,
		"SELECT CASE WHEN d.datname IS NULL THEN format('ALTER ROLE %I RESET %I', r.rolname, s.name) "
		"WHEN r.rolname IS NULL THEN format('ALTER DATABASE %I RESET %I', d.datname, s.name) "
		"ELSE format('ALTER ROLE %I IN DATABASE %I RESET %I', r.rolname, d.datname, s.name) END "
		"FROM pg_db_role_setting g LEFT JOIN pg_database d ON d.oid = g.setdatabase "
		"LEFT JOIN pg_roles r ON r.oid = g.setrole, "
		"LATERAL (SELECT lower(split_part(c, '=', 1)) AS name FROM unnest(g.setconfig) c) s "
		"WHERE s.name IN ('session_preload_libraries', 'local_preload_libraries') "
		"AND NOT (d.datname IS NULL AND r.rolname IS NULL)",
		&rows, err);
	for (int i = 0; r == 0 && i < PQntuples(rows); i++)
		r = hf_pg_exec(conn, PQgetvalue(rows, i, 0), err);
	if (r == 0)
		r = hf_pg_exec(conn, "ALTER ROLE ALL RESET session_preload_libraries", err);
	return r == 0 ? hf_pg_exec(conn, "ALTER ROLE ALL RESET local_preload_libraries", err) : r;
}

static int read_names(PGconn *conn, struct hf_pg_databases *out, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *rows = NULL;
	int r = hf_pg_query(conn, "SELECT datname FROM pg_database WHERE datallowconn ORDER BY datname", &rows, err);
	if (r < 0)
		return r;
	out->names = calloc((size_t)PQntuples(rows) + 1, sizeof(*out->names));
	for (int i = 0; out->names && i < PQntuples(rows); i++) {
		out->names[i] = strdup(PQgetvalue(rows, i, 0));
		if (!out->names[i])
			return hf_fail(err, HF_E_NOMEM, "list databases: no memory");
		out->count++;
	}
	return out->names ? 0 : hf_fail(err, HF_E_NOMEM, "list databases: no memory");
}

int hf_pg_databases_read(struct hf_pg_server *server, const char *user, struct hf_pg_databases *out,
	struct hf_error *err)
{
	*out = (struct hf_pg_databases){0};
	PGconn *conn;
	int r = hf_pg_server_connect(server, &(struct hf_pg_login){user, "template1", HF_PG_QUIET, NULL}, &conn, err);
	if (r < 0)
		return r;
	r = reset_preloads(conn, err);
	if (r == 0)
		r = read_names(conn, out, err);
	PQfinish(conn);
	return r;
}

static int ask_one(struct hf_pg_server *server, const char *user, const char *database, struct hf_error *err)
{
	PGconn *conn;
	int r = hf_pg_server_connect(server, &(struct hf_pg_login){user, database, HF_PG_QUIET, NULL}, &conn, err);
	if (r < 0)
		return r;
	r = hf_pg_exec(conn, "SELECT 1", err);
	PQfinish(conn);
	return r;
}

int hf_pg_ask_databases(struct hf_pg_server *server, const char *user, const struct hf_pg_databases *databases,
	struct hf_check_report *report, struct hf_error *err)
{
	for (size_t i = 0; i < databases->count; i++) {
		struct hf_error why = {0};
		int r = ask_one(server, user, databases->names[i], &why);
		if (r == HF_E_STOPPED)
			return hf_fail(err, r, "%s", why.msg);
		if (r < 0)
			return hf_check_add(report, "databases", false, false, "database %s does not answer: %s",
				databases->names[i], why.msg);
	}
	return hf_check_add(report, "databases", databases->count > 0, false, "%zu databases answer", databases->count);
}

bool hf_pg_sql_database(const char *text, char *database, size_t len, const char **sql)
{
	size_t n = strcspn(text, ": \t\n'\"();,");
	*sql = text;
	if (n == 0 || n >= len || text[n] != ':' || text[n + 1] == ':')
		return false;
	memcpy(database, text, n);
	database[n] = 0;
	*sql = text + n + 1;
	return true;
}

/* A role that can read everything and do nothing. */
static int make_role(struct hf_pg_server *server, const char *user, char role[ROLE_MAX], struct hf_error *err)
{
	if (server->major < 14)
		return hf_fail(err, HF_E_UNSUPPORTED,
			"PostgreSQL %d has no pg_read_all_data (14 and later have): statements can't be checked",
			server->major);
	PGconn *conn;
	int r = hf_pg_server_connect(server, &(struct hf_pg_login){user, "template1", HF_PG_QUIET, NULL}, &conn, err);
	if (r < 0)
		return r;
	char sql[256];
	snprintf(role, ROLE_MAX, "holdfast_check_%d_%u", (int)getpid(), (unsigned)(hf_time_monotonic() & 0xffffff));
	/* BYPASSRLS: row policies are code, and would hide rows from the questions. */
	snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN BYPASSRLS IN ROLE pg_read_all_data", role);
	r = hf_pg_exec(conn, sql, err);
	PQfinish(conn);
	return r;
}

/* CONNECT may have been revoked from PUBLIC. */
static int let_in(struct hf_pg_server *server, const char *user, const char *database, const char *role,
	struct hf_error *err)
{
	PGconn *conn;
	int r = hf_pg_server_connect(server, &(struct hf_pg_login){user, database, HF_PG_QUIET, NULL}, &conn, err);
	if (r < 0)
		return r;
	char *name = PQescapeIdentifier(conn, database, strlen(database));
	HF_BUF_AUTO sql = HF_BUF(4096);
	hf_buf_printf(&sql, "GRANT CONNECT ON DATABASE %s TO %s", name ? name : "", role);
	PQfreemem(name);
	r = hf_buf_check(&sql, "a statement", err);
	if (r == 0)
		r = hf_pg_exec(conn, hf_buf_cstr(&sql), err);
	PQfinish(conn);
	return r;
}

static int judge(const PGresult *result, struct hf_error *err)
{
	enum { BOOL_OID = 16 };
	if (PQresultStatus(result) != PGRES_TUPLES_OK || PQntuples(result) != 1)
		return hf_fail(err, HF_E_CHECK, "gave %d rows instead of one", PQntuples(result));
	if (PQftype(result, 0) != BOOL_OID)
		return hf_fail(err, HF_E_CHECK, "gave \"%.100s\", which is not true or false", PQgetvalue(result, 0, 0));
	if (PQgetisnull(result, 0, 0) || strcmp(PQgetvalue(result, 0, 0), "t") != 0)
		return hf_fail(err, HF_E_CHECK, "gave %s", PQgetisnull(result, 0, 0) ? "null" : "false");
	return 0;
}

static int ask_statement(struct hf_pg_server *server, const char *role, const char *database, const char *sql,
	struct hf_error *err)
{
	PGconn *conn;
	static const char settings[] = "-c default_transaction_read_only=on -c statement_timeout=" SQL_TIMEOUT_MS;
	int r = hf_pg_server_connect(server, &(struct hf_pg_login){role, database, settings, NULL}, &conn, err);
	if (r < 0)
		return r;
	HF_PG_RESULT_AUTO *result = NULL;
	struct hf_pg_statement s = {.sql = sql, .extended = true};
	r = hf_pg_exec(conn, "BEGIN READ ONLY", err);
	if (r == 0)
		r = hf_pg_run(conn, &s, &result, err);
	if (r == 0)
		r = judge(result, err);
	PQfinish(conn);
	return r;
}

int hf_pg_ask_sql(struct hf_pg_server *server, const struct hf_pg_sql_checks *checks, struct hf_check_report *report,
	struct hf_error *err)
{
	char role[ROLE_MAX] = "";
	for (size_t i = 0; i < checks->option_count; i++) {
		if (strcmp(checks->options[i].name, "check-sql") != 0)
			continue;
		struct hf_error why = {0};
		char named[256];
		const char *sql, *database = checks->database;
		if (hf_pg_sql_database(checks->options[i].value, named, sizeof(named), &sql))
			database = named;
		int r = role[0] ? 0 : make_role(server, checks->user, role, &why);
		if (r == 0)
			r = let_in(server, checks->user, database, role, &why);
		if (r == 0)
			r = ask_statement(server, role, database, sql, &why);
		if (r == HF_E_STOPPED)
			return hf_fail(err, r, "%s", why.msg);
		r = hf_check_add(report, "check-sql", r == 0, false, "%s: %s", sql, r == 0 ? "true" : why.msg);
		if (r < 0)
			return hf_fail(err, r, "report a check: no memory");
	}
	return 0;
}
