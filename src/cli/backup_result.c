/* A backup's result for people and programs; see backup_result.h. */
#include "cli/backup_result.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/requests.h"
#include "report/table.h"

#include <string.h>

enum { SHOWN_MAX = 20 }; /* problems of a source that are said one by one */

/* What was wrong with a source, each with its path; a source that failed whole has one without. */
static json_t *errors_json(const struct hf_backup_source *s)
{
	json_t *errors = s->problems ? json_deep_copy(s->problems) : json_array();
	if (s->failed) {
		json_t *e = json_object();
		json_object_set_new(e, "path", json_string(""));
		json_object_set_new(e, "error", hf_json_bytes(s->failure ? s->failure : "", s->failure ? strlen(s->failure) : 0));
		json_array_append_new(errors, e);
	}
	return errors;
}

static json_t *source_json(const struct hf_backup_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", hf_json_bytes(s->name, strlen(s->name)));
	json_object_set_new(j, "kind", json_string(s->kind));
	json_object_set_new(j, "files", json_integer((json_int_t)s->files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(j, "bytes_new", json_integer((json_int_t)s->bytes_new));
	json_object_set_new(j, "bytes_stored", json_integer((json_int_t)s->bytes_stored));
	json_object_set_new(j, "consistency_point", s->failed ? json_null() : hf_json_time(s->consistency_point));
	json_object_set_new(j, "complete", json_boolean(s->complete && !s->failed));
	json_object_set_new(j, "errors", errors_json(s));
	return j;
}

json_t *hf_backup_result_json(const struct hf_backup_result *b)
{
	json_t *j = json_object(), *sources = json_array();
	json_object_set_new(j, "snapshot", hf_json_hex_string(b->snapshot.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(b->time));
	json_object_set_new(j, "complete", json_boolean(b->complete));
	json_object_set_new(j, "head", hf_json_hex_string(b->head.b, sizeof(b->head.b)));
	json_object_set_new(j, "sources", sources);
	for (size_t i = 0; i < b->source_count; i++)
		json_array_append_new(sources, source_json(&b->sources[i]));
	json_object_set_new(j, "skew_seconds", json_real(hf_seconds(b->skew_ns)));
	json_object_set_new(j, "locks", hf_locks_json(&b->locks));
	json_object_set_new(j, "requests", hf_requests_json(&b->requests));
	json_object_set_new(j, "seconds", json_real(hf_seconds(b->elapsed_ns)));
	return j;
}

int hf_backup_result_status(const struct hf_backup_result *b)
{
	return b->complete && hf_locks_check(&b->locks, NULL) == 0 ? HF_STATUS_DONE : HF_STATUS_INCOMPLETE;
}

static void add_row(struct hf_table *t, const struct hf_backup_source *s)
{
	char bytes[HF_SIZE_TEXT], fresh[HF_SIZE_TEXT], stored[HF_SIZE_TEXT];
	hf_table_row(t);
	hf_table_cell(t, "%s", s->name);
	hf_table_cell(t, "%s", s->kind);
	hf_table_cell(t, "%llu", (unsigned long long)s->files);
	hf_table_cell(t, "%s", hf_size_format(s->bytes, bytes));
	hf_table_cell(t, "%s", hf_size_format(s->bytes_new, fresh));
	hf_table_cell(t, "%s", hf_size_format(s->bytes_stored, stored));
	hf_table_cell(t, "%s", s->failed ? "FAILED" : s->complete ? "" : "incomplete");
}

int hf_backup_result_print(const struct hf_backup_result *b, struct hf_error *err)
{
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	char id[HF_ID_TEXT], head[65], took[HF_TIME_TEXT], skew[HF_TIME_TEXT];
	hf_table_column(t, "SOURCE", HF_LEFT);
	hf_table_column(t, "KIND", HF_LEFT);
	hf_table_column(t, "FILES", HF_RIGHT);
	hf_table_column(t, "SIZE", HF_RIGHT);
	hf_table_column(t, "NEW", HF_RIGHT);
	hf_table_column(t, "STORED", HF_RIGHT);
	hf_table_column(t, "", HF_LEFT);
	for (size_t i = 0; i < b->source_count; i++)
		add_row(t, &b->sources[i]);
	int r = hf_table_render(t, &text, err);
	if (r < 0)
		return r;
	hf_buf_printf(&text, "Snapshot %s%s, in %s", hf_hex(b->snapshot.id.b, HF_ID_SIZE, id),
		b->complete ? "" : ", INCOMPLETE", hf_duration_format(b->elapsed_ns, took));
	if (b->source_count > 1)
		hf_buf_printf(&text, "; skew between its sources: %s", hf_duration_format(b->skew_ns, skew));
	hf_buf_printf(&text, ".\nHead of the catalogue: %s\n", hf_hex(b->head.b, sizeof(b->head.b), head));
	r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

static void warn_of(const struct hf_backup_source *s)
{
	HF_BUF_AUTO line = HF_BUF(1 << 20);
	size_t listed = json_array_size(s->problems);
	for (size_t i = 0; i < listed && i < SHOWN_MAX; i++) {
		const json_t *p = json_array_get(s->problems, i);
		const char *path = json_string_value(json_object_get(p, "path"));
		const char *why = json_string_value(json_object_get(p, "error"));
		hf_buf_clear(&line);
		hf_text_safe(&line, path ? path : "", path ? strlen(path) : 0);
		const char *shown = hf_buf_cstr(&line);
		hf_warn("%s: %s: %s", s->name, shown ? shown : "", why ? why : "");
	}
	if (s->problem_count > SHOWN_MAX)
		hf_warn("%s: and %llu more that could not be read", s->name,
			(unsigned long long)(s->problem_count - SHOWN_MAX));
}

void hf_backup_result_warn(const struct hf_backup_result *b)
{
	for (size_t i = 0; i < b->source_count; i++)
		warn_of(&b->sources[i]);
}
