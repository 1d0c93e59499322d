/*
 * BASE_BACKUP; see base_backup.h.
 *
 * TABLESPACE_MAP is not asked for: the server would list tablespace_map in the manifest and, at the restored server's
 * start, undo a re-mapping. WAIT is off, since we bring the WAL ourselves and must not hang on an archive_command.
 */
#include "source/postgres/base_backup.h"

#include "source/postgres/conn.h"
#include "source/postgres/lsn.h"

#include <stdlib.h>
#include <string.h>

enum { WARNINGS_MAX = 1 << 20, TABLESPACES_MAX = 100000 };

static const char *command_for(int version)
{
	if (version >= 150000)
		return "BASE_BACKUP (LABEL 'holdfast', CHECKPOINT 'fast', WAIT 0, MANIFEST 'yes', "
		       "MANIFEST_CHECKSUMS 'CRC32C')";
	if (version >= 130000)
		return "BASE_BACKUP LABEL 'holdfast' FAST NOWAIT MANIFEST 'yes' MANIFEST_CHECKSUMS 'CRC32C'";
	return "BASE_BACKUP LABEL 'holdfast' FAST NOWAIT";
}

static void collect_warning(void *user, const PGresult *result)
{
	struct hf_pg_backup *b = user;
	const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (text && severity && strcmp(severity, "WARNING") == 0)
		hf_buf_add(&b->warnings, text, strlen(text) + 1);
}

static void drop_warning(void *user, const PGresult *result)
{
	(void)user;
	(void)result;
}

static int copy_message(struct hf_pg_copy *copy, const char **data, size_t *len, struct hf_error *err)
{
	struct hf_pg_backup *b = (struct hf_pg_backup *)((char *)copy - offsetof(struct hf_pg_backup, copy));
	for (;;) {
		PQfreemem(b->message);
		b->message = NULL;
		int n = PQgetCopyData(b->conn, &b->message, 1);
		if (n > 0) {
			*data = b->message;
			*len = (size_t)n;
			return 1;
		}
		if (n == -1)
			return 0;
		if (n == -2)
			return hf_pg_fail(err, b->conn, NULL, "receive the base backup");
		int r = b->watch ? b->watch(b->user, err) : 0;
		if (r == 0)
			r = hf_pg_wait_input(b->conn, err);
		if (r < 0)
			return r;
	}
}

/* The next result that is no mere end of a command. */
static int copy_next(struct hf_pg_copy *copy, struct hf_error *err)
{
	struct hf_pg_backup *b = (struct hf_pg_backup *)((char *)copy - offsetof(struct hf_pg_backup, copy));
	for (;;) {
		HF_PG_RESULT_AUTO *result = NULL;
		int r = hf_pg_next_result(b->conn, &result, err);
		if (r < 0)
			return r;
		ExecStatusType status = PQresultStatus(result);
		if (status == PGRES_COPY_OUT)
			return 1;
		if (result && status == PGRES_COMMAND_OK)
			continue;
		if (!result || status != PGRES_TUPLES_OK)
			return hf_pg_fail(err, b->conn, result, "receive the base backup");
		b->after = result;
		result = NULL;
		return 0;
	}
}

static int take_lsn(struct hf_pg_backup *b, PGresult *result, uint64_t *lsn, struct hf_error *err)
{
	if (PQntuples(result) != 1 || PQnfields(result) < 2 || !hf_lsn_parse(PQgetvalue(result, 0, 0), lsn))
		return hf_fail(err, HF_E_CORRUPT, "the base backup does not say where in the WAL it is");
	uint32_t timeline = (uint32_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
	if (b->timeline && timeline != b->timeline)
		return hf_fail(err, HF_E_CHANGED,
			"the server changed from timeline %u to %u during the backup (a promotion?): try again",
			b->timeline, timeline);
	b->timeline = timeline;
	return 0;
}

static int take_tablespaces(struct hf_pg_backup *b, PGresult *result, struct hf_error *err)
{
	int n = PQntuples(result);
	if (n < 1 || n > TABLESPACES_MAX || PQnfields(result) < 2)
		return hf_fail(err, HF_E_CORRUPT, "the base backup lists no tablespaces");
	b->tablespaces = calloc((size_t)n, sizeof(*b->tablespaces));
	if (!b->tablespaces)
		return hf_fail(err, HF_E_NOMEM, "list %d tablespaces: no memory", n);
	b->tablespace_count = (size_t)n;
	for (int i = 0; i < n; i++) {
		struct hf_pg_tablespace *t = &b->tablespaces[i];
		if (PQgetisnull(result, i, 0))
			continue;
		t->oid = (uint32_t)strtoul(PQgetvalue(result, i, 0), NULL, 10);
		t->location = strdup(PQgetvalue(result, i, 1));
		if (!t->location)
			return hf_fail(err, HF_E_NOMEM, "list %d tablespaces: no memory", n);
	}
	return 0;
}

static int take_row(struct hf_pg_backup *b, PGresult **out, struct hf_error *err)
{
	int r = hf_pg_next_result(b->conn, out, err);
	if (r == 0 && PQresultStatus(*out) != PGRES_TUPLES_OK)
		r = hf_pg_fail(err, b->conn, *out, "start the base backup");
	return r;
}

int hf_pg_backup_begin(struct hf_pg_backup *b, PGconn *conn, struct hf_error *err)
{
	b->conn = conn;
	b->warnings = HF_BUF(WARNINGS_MAX);
	b->copy = (struct hf_pg_copy){copy_message, copy_next};
	int version = PQserverVersion(conn);
	PQsetNoticeReceiver(conn, collect_warning, b);
	if (!PQsendQuery(conn, command_for(version)))
		return hf_pg_fail(err, conn, NULL, "start the base backup");
	HF_PG_RESULT_AUTO *start = NULL;
	HF_PG_RESULT_AUTO *list = NULL;
	int r = take_row(b, &start, err);
	if (r == 0)
		r = take_lsn(b, start, &b->start_lsn, err);
	if (r == 0)
		r = take_row(b, &list, err);
	if (r == 0)
		r = take_tablespaces(b, list, err);
	b->wire = (struct hf_pg_wire){.copy = &b->copy, .version = version, .tablespaces = b->tablespaces,
		.tablespace_count = b->tablespace_count, .has_manifest = version >= 130000};
	return r;
}

int hf_pg_backup_finish(struct hf_pg_backup *b, struct hf_error *err)
{
	if (!b->after)
		return hf_fail(err, HF_E_CORRUPT, "the base backup ended without a stop LSN");
	int r = take_lsn(b, b->after, &b->stop_lsn, err);
	while (r == 0) {
		HF_PG_RESULT_AUTO *result = NULL;
		r = hf_pg_next_result(b->conn, &result, err);
		if (r < 0 || !result)
			break;
		if (PQresultStatus(result) != PGRES_FATAL_ERROR)
			continue;
		const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
		if (state && strcmp(state, "XX001") == 0)
			b->damaged = true;
		else
			r = hf_pg_fail(err, b->conn, result, "finish the base backup");
	}
	return r;
}

void hf_pg_backup_free(struct hf_pg_backup *b)
{
	if (b->conn)
		PQsetNoticeReceiver(b->conn, drop_warning, NULL);
	for (size_t i = 0; i < b->tablespace_count; i++)
		free(b->tablespaces[i].location);
	free(b->tablespaces);
	PQfreemem(b->message);
	PQclear(b->after);
	hf_buf_free(&b->warnings);
	*b = (struct hf_pg_backup){0};
}
