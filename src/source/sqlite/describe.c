/* What a capture records for restore and check; sqlite.h lists it. */
#include "source/sqlite/capture_internal.h"

#include <string.h>

static json_t *problem_list(const struct hf_sqlite_capture *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->problem_count; i++)
		json_array_append_new(list, hf_json_bytes(c->problems[i], strlen(c->problems[i])));
	return list;
}

static const char *check_name(const struct hf_sqlite_capture *c)
{
	if (c->source->check == HF_SQLITE_CHECK_FULL)
		return "full";
	return c->source->check == HF_SQLITE_CHECK_QUICK && (c->pages || c->size == 0) ? "quick" : "none";
}

int hf_sqlite_describe(struct hf_sqlite_capture *c, struct hf_error *err)
{
	const struct hf_sqlite_facts *f = &c->facts;
	json_t *d = json_object();
	int bad = 0;
	hf_json_put_path(d, "file", c->file, strlen(c->file));
	bad |= json_object_set_new(d, "size", json_integer((json_int_t)c->size));
	bad |= json_object_set_new(d, "page_size", json_integer(f->page_size));
	bad |= json_object_set_new(d, "page_count", json_integer((json_int_t)c->size / f->page_size));
	bad |= json_object_set_new(d, "encoding", json_string(f->encoding));
	bad |= json_object_set_new(d, "journal_mode", json_string(f->is_wal ? "wal" : "rollback"));
	bad |= json_object_set_new(d, "user_version", json_integer(f->user_version));
	bad |= json_object_set_new(d, "application_id", json_integer(f->application_id));
	bad |= json_object_set_new(d, "schema_version", json_integer(f->schema_version));
	bad |= c->rows ? json_object_set(d, "rows", c->rows) : 0;
	bad |= json_object_set_new(d, "method", json_string(c->method));
	bad |= json_object_set_new(d, "check", json_string(check_name(c)));
	json_t *lock = f->is_wal ? json_null() : json_real((double)c->lock_ns / 1e6);
	bad |= json_object_set_new(d, "lock_ms", lock);
	uint64_t growth = c->wal_after > c->wal_before ? c->wal_after - c->wal_before : 0;
	bad |= json_object_set_new(d, "wal_growth_bytes", json_integer((json_int_t)growth));
	bad |= json_object_set_new(d, "hot_journal", json_boolean(c->was_hot));
	bad |= json_object_set_new(d, "sqlite_version", json_string(sqlite3_libversion()));
	bad |= json_object_set_new(d, "problems", problem_list(c));
	if (bad) {
		json_decref(d);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	c->out->detail = d;
	return 0;
}
