/* Facts about a database; see facts.h. */
#include "source/sqlite/facts.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_WRITE_VERSION = 18, WAL_VERSION = 2 };

static int read_encoding(const struct hf_sqlite_db *db, char out[16], struct hf_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, "PRAGMA encoding", -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	const char *text = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(s, 0) : NULL;
	int r = text ? 0 : hf_sqlite_db_fail(db, rc, "read the encoding of", err);
	if (text)
		strncpy(out, text, 15);
	sqlite3_finalize(s);
	return r;
}

/* The mode can't change while we hold a read transaction, and it stands in the file itself. */
static int read_mode(const struct hf_sqlite_db *db, bool *is_wal, struct hf_error *err)
{
	unsigned char head[HEADER_WRITE_VERSION + 1] = {0};
	ssize_t n = hf_pread_full(db->fd, head, sizeof(head), 0, db->path, err);
	if (n < 0)
		return (int)n;
	*is_wal = head[HEADER_WRITE_VERSION] == WAL_VERSION;
	return 0;
}

int hf_sqlite_facts_read(const struct hf_sqlite_db *db, struct hf_sqlite_facts *out, struct hf_error *err)
{
	const struct {
		const char *sql;
		int64_t *value;
	} values[] = {
		{"PRAGMA page_size", &out->page_size},
		{"PRAGMA page_count", &out->page_count},
		{"PRAGMA user_version", &out->user_version},
		{"PRAGMA application_id", &out->application_id},
		{"PRAGMA schema_version", &out->schema_version},
	};
	int r = 0;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]) && r == 0; i++)
		r = hf_sqlite_db_int(db, values[i].sql, values[i].value, err);
	if (r == 0)
		r = read_encoding(db, out->encoding, err);
	if (r == 0)
		r = read_mode(db, &out->is_wal, err);
	int reserved = -1;
	if (r == 0 && sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved) == SQLITE_OK)
		out->reserved = reserved;
	return r;
}

static char *column_copy(sqlite3_stmt *s, int column)
{
	const char *text = (const char *)sqlite3_column_text(s, column);
	return strdup(text ? text : "");
}

static int add_object(struct hf_sqlite_facts *facts, sqlite3_stmt *s, struct hf_error *err)
{
	size_t n = facts->object_count;
	if ((n & (n - 1)) == 0) {
		size_t cap = n ? 2 * n : 1;
		struct hf_sqlite_object *grown = realloc(facts->objects, cap * sizeof(*grown));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory for the names of %zu tables and indexes", cap);
		facts->objects = grown;
	}
	const char *sql = (const char *)sqlite3_column_text(s, 4);
	struct hf_sqlite_object *o = &facts->objects[facts->object_count++];
	*o = (struct hf_sqlite_object){
		.name = column_copy(s, 1),
		.table = column_copy(s, 2),
		.root = (uint32_t)sqlite3_column_int64(s, 3),
		.is_index = sqlite3_column_int(s, 0),
		.may_be_partial = sql && strcasestr(sql, "where"),
	};
	return o->name && o->table ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
}

int hf_sqlite_facts_read_schema(const struct hf_sqlite_db *db, struct hf_sqlite_facts *facts, struct hf_error *err)
{
	static const char sql[] = "SELECT type = 'index', name, tbl_name, rootpage, sql FROM sqlite_schema "
				  "WHERE type IN ('table', 'index') AND rootpage > 0";
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	int r = 0;
	while (rc == SQLITE_OK && r == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		r = add_object(facts, s, err);
		rc = SQLITE_OK;
	}
	if (r == 0 && rc != SQLITE_DONE)
		r = hf_sqlite_db_fail(db, rc, "read the schema of", err);
	sqlite3_finalize(s);
	return r;
}

void hf_sqlite_facts_free(struct hf_sqlite_facts *facts)
{
	for (size_t i = 0; i < facts->object_count; i++) {
		free(facts->objects[i].name);
		free(facts->objects[i].table);
	}
	free(facts->objects);
	facts->objects = NULL;
	facts->object_count = 0;
}
