/* Proofs; see prove.h. */
#include "source/postgres/prove.h"

#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED_MAX = 8 };

static int added(int r, struct hf_error *err)
{
	return r < 0 ? hf_fail(err, r, "report a check: no memory") : 0;
}

/* The output of a tool in one line, from its first complaint on. */
static void complaint(struct hf_buf *out, char *text, size_t len)
{
	const char *s = hf_buf_cstr(out);
	const char *first = s ? strstr(s, "error:") : NULL;
	snprintf(text, len, "%s", first ? first : s ? s : "");
	for (char *p = text; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
}

static int tool_check(struct hf_pg_server *s, const char *name, const char *const *argv, const char *good,
	struct hf_check_report *report, struct hf_error *err)
{
	HF_BUF_AUTO out = HF_BUF(1 << 20);
	struct hf_error why = {0};
	char text[1500];
	int status = -1;
	int r = hf_pg_server_tool(s, argv, &out, &status, &why);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0)
		return added(hf_check_add(report, name, false, true, "%s did not run: %s", argv[0], why.msg), err);
	complaint(&out, text, sizeof(text));
	return added(hf_check_add(report, name, status == 0, true, "%s: %s", argv[0], status == 0 ? good : text), err);
}

int hf_pg_prove_manifest(struct hf_pg_server *s, struct hf_check_report *report, struct hf_error *err)
{
	const char *const argv[] = {"pg_verifybackup", "-q", s->data, NULL};
	return tool_check(s, "manifest", argv, "every file, its checksum, and the WAL", report, err);
}

int hf_pg_prove_checksums(struct hf_pg_server *s, bool clean, struct hf_check_report *report, struct hf_error *err)
{
	if (!s->control.has_checksums)
		return 0;
	if (!clean)
		return added(hf_check_add(report, "checksums", false, true,
				     "not checked: the server did not stop cleanly"), err);
	const char *const argv[] = {s->major >= 12 ? "pg_checksums" : "pg_verify_checksums", "-D", s->data, NULL};
	return tool_check(s, "checksums", argv, "every page", report, err);
}

struct indexes {
	size_t databases, checked, bad;
	struct hf_buf named; /* the first bad ones, with why */
};

static int make_amcheck(PGconn *conn, char *function, size_t len, struct hf_error *err)
{
	static const char where[] = "SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n "
				    "ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'";
	HF_PG_RESULT_AUTO *found = NULL;
	int r = hf_pg_query(conn, where, &found, err);
	if (r == 0 && PQntuples(found) == 0) {
		PQclear(found);
		found = NULL;
		r = hf_pg_exec(conn, "CREATE SCHEMA holdfast_check", err);
		if (r == 0)
			r = hf_pg_exec(conn, "CREATE EXTENSION amcheck SCHEMA holdfast_check", err);
		if (r == 0)
			r = hf_pg_query(conn, where, &found, err);
	}
	if (r == 0)
		snprintf(function, len, "SELECT %s.bt_index_check($1::oid::regclass, true)", PQgetvalue(found, 0, 0));
	return r;
}

static int check_index(PGconn *conn, const char *sql, const char *oid, const char *name, struct indexes *all)
{
	const char *const values[] = {oid};
	struct hf_pg_statement s = {.sql = sql, .values = values, .value_count = 1};
	HF_PG_RESULT_AUTO *result = NULL;
	struct hf_error why = {0};
	int r = hf_pg_run(conn, &s, &result, &why);
	if (r == HF_E_STOPPED)
		return r;
	all->checked++;
	if (r < 0 && all->bad++ < NAMED_MAX)
		hf_buf_printf(&all->named, "%s%s.%s: %.300s", all->named.len ? "; " : "", PQdb(conn), name, why.msg);
	return PQstatus(conn) == CONNECTION_OK ? 0 : HF_E_NETWORK;
}

static int check_database(PGconn *conn, struct indexes *all, struct hf_error *err)
{
	char sql[512];
	int r = make_amcheck(conn, sql, sizeof(sql), err);
	HF_PG_RESULT_AUTO *rows = NULL;
	if (r == 0)
		r = hf_pg_query(conn,
			"SELECT c.oid, format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c "
			"ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am a "
			"ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' "
			"AND i.indisvalid AND i.indisready ORDER BY c.oid",
			&rows, err);
	for (int i = 0; r == 0 && i < PQntuples(rows); i++) {
		r = check_index(conn, sql, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1), all);
		if (r == HF_E_STOPPED)
			r = hf_stop_check(err);
		else if (r < 0)
			r = hf_fail(err, r, "the server went away while it checked %s", PQgetvalue(rows, i, 1));
	}
	return r;
}

int hf_pg_prove_indexes(struct hf_pg_server *server, const char *user, const struct hf_pg_databases *databases,
	struct hf_check_report *report, struct hf_error *err)
{
	struct indexes all = {.named = HF_BUF(8192)};
	struct hf_error why = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < databases->count; i++) {
		PGconn *conn;
		r = hf_pg_server_connect(server, &(struct hf_pg_login){user, databases->names[i], HF_PG_QUIET, NULL},
			&conn, &why);
		if (r == 0)
			r = check_database(conn, &all, &why);
		PQfinish(conn);
		if (r < 0 && r != HF_E_STOPPED)
			hf_wrap(&why, r, "database %s", databases->names[i]);
		all.databases += r == 0;
	}
	if (r == HF_E_STOPPED)
		r = hf_fail(err, r, "%s", why.msg);
	else if (r < 0)
		r = added(hf_check_add(report, "amcheck", false, true, "not all could be checked: %s", why.msg), err);
	else if (all.bad)
		r = added(hf_check_add(report, "amcheck", false, true, "%zu of %zu indexes are damaged: %s", all.bad,
				  all.checked, hf_buf_cstr(&all.named)), err);
	else
		r = added(hf_check_add(report, "amcheck", true, true,
				  "%zu B-tree indexes in %zu databases, each with its table", all.checked, all.databases), err);
	hf_buf_free(&all.named);
	return r;
}
