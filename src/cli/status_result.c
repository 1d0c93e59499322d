/* What status says; see status_result.h. */
#include "cli/status_result.h"

#include "base/hex.h"
#include "base/time.h"
#include "cli/output.h"
#include "cli/status.h"
#include "report/table.h"

#include <string.h>

/* --- JSON ---------------------------------------------------------------------------------------------------------------- */

static json_t *met_json(enum hf_met met)
{
	return met == HF_MET_UNKNOWN ? json_null() : json_boolean(met == HF_MET);
}

static json_t *seconds_json(int64_t ns, bool known)
{
	return known ? json_real(hf_seconds(ns)) : json_null();
}

static json_t *text_json(const char *text)
{
	return text ? hf_json_bytes(text, strlen(text)) : json_null();
}

static json_t *id_json(const struct hf_point *p)
{
	return p ? hf_json_hex_string(p->ref.id.b, HF_ID_SIZE) : json_null();
}

static json_t *drill_json(const struct hf_status_source *s)
{
	if (!s->has_drill)
		return json_null();
	json_t *j = json_object();
	json_object_set_new(j, "time", hf_json_time(s->drilled_at));
	json_object_set_new(j, "ok", json_boolean(s->drill_ok));
	json_object_set_new(j, "rto_seconds", seconds_json(s->rto_ns, s->proved));
	json_object_set_new(j, "rpo_seconds", seconds_json(s->rpo_ns, s->proved));
	json_object_set_new(j, "service_rto_seconds", seconds_json(s->service_rto_ns, s->proved));
	json_object_set_new(j, "throttled", s->proved ? json_boolean(!s->is_timed) : json_null());
	return j;
}

static json_t *source_json(const struct hf_status_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", text_json(s->name));
	json_object_set_new(j, "kind", text_json(s->kind));
	json_object_set_new(j, "writer", text_json(s->writer));
	json_object_set_new(j, "host", text_json(s->host));
	json_object_set_new(j, "snapshot", id_json(s->newest));
	json_object_set_new(j, "time", s->newest ? hf_json_time(s->newest->time) : json_null());
	json_object_set_new(j, "complete", s->newest ? json_boolean(s->complete) : json_null());
	json_object_set_new(j, "bytes", s->newest ? json_integer((json_int_t)s->bytes) : json_null());
	json_object_set_new(j, "consistency_point", s->newest ? hf_json_time(s->consistency_point) : json_null());
	json_object_set_new(j, "age_seconds", seconds_json(s->age_ns, s->newest));
	json_object_set_new(j, "worst_exposure_seconds", seconds_json(s->worst_exposure_ns, s->worst_exposure_ns > 0));
	json_object_set_new(j, "rpo_met", met_json(s->rpo_met));
	json_object_set_new(j, "drill", drill_json(s));
	json_object_set_new(j, "proved", id_json(s->proved));
	json_object_set_new(j, "proved_at", s->proved ? hf_json_time(s->proved_at) : json_null());
	json_object_set_new(j, "expected_rto_seconds", seconds_json(s->expected_rto_ns, s->proved));
	json_object_set_new(j, "rto_met", met_json(s->rto_met));
	return j;
}

static json_t *problems_json(const struct hf_catalogue *c)
{
	json_t *all = json_array();
	for (size_t i = 0; i < c->problem_count; i++)
		json_array_append_new(all, json_pack("{s:o, s:o, s:b}", "object", text_json(c->problems[i].object), "error",
			text_json(c->problems[i].why), "loss", c->problems[i].is_loss));
	return all;
}

static json_t *verify_json(const struct hf_status *s)
{
	return s->has_verify ? json_pack("{s:o, s:b}", "time", hf_json_time(s->verified_at), "ok", s->verify_ok) : json_null();
}

static json_t *objectives_json(const struct hf_status *s)
{
	if (!s->rpo_objective && !s->rto_objective)
		return json_null();
	return json_pack("{s:o, s:o}", "rpo_seconds", seconds_json(s->rpo_objective, s->rpo_objective > 0), "rto_seconds",
		seconds_json(s->rto_objective, s->rto_objective > 0));
}

static json_t *copied_json(const struct hf_status_copied *c, const struct hf_status_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", text_json(s->name));
	json_object_set_new(j, "writer", text_json(s->writer));
	json_object_set_new(j, "snapshot", id_json(c->newest));
	json_object_set_new(j, "copy_of", c->newest ? hf_json_hex_string(c->newest->snapshot->origin.snapshot.id.b, HF_ID_SIZE) : json_null());
	json_object_set_new(j, "time", c->newest ? hf_json_time(c->newest->time) : json_null());
	json_object_set_new(j, "complete", c->newest ? json_boolean(c->complete) : json_null());
	json_object_set_new(j, "age_seconds", seconds_json(c->age_ns, c->newest));
	json_object_set_new(j, "behind", json_boolean(c->is_behind));
	json_object_set_new(j, "rpo_met", met_json(c->rpo_met));
	return j;
}

static json_t *copy_json(const struct hf_status_copy *c, const struct hf_status *s)
{
	json_t *j = json_object(), *sources = json_array();
	json_object_set_new(j, "url", text_json(c->url));
	json_object_set_new(j, "error", c->failed ? json_pack("{s:i, s:o}", "status", hf_status_of(c->failed), "message", text_json(c->why))
						  : json_null());
	json_object_set_new(j, "repository", c->failed ? json_null() : hf_json_hex_string(c->repo->id.b, HF_ID_SIZE));
	json_object_set_new(j, "whole", json_boolean(c->is_whole));
	for (size_t i = 0; !c->failed && i < s->source_count; i++)
		json_array_append_new(sources, copied_json(&c->sources[i], &s->sources[i]));
	json_object_set_new(j, "sources", sources);
	return j;
}

static json_t *copies_json(const struct hf_status *s)
{
	json_t *all = json_array();
	for (size_t i = 0; i < s->copy_count; i++)
		json_array_append_new(all, copy_json(&s->copies[i], s));
	return all;
}

int hf_status_print_json(const struct hf_status *s, struct hf_error *err)
{
	bool judged = s->rpo_objective || s->rto_objective;
	json_t *j = json_object(), *sources = json_array();
	for (size_t i = 0; i < s->source_count; i++)
		json_array_append_new(sources, source_json(&s->sources[i]));
	json_object_set_new(j, "repository", hf_json_hex_string(s->catalogue.repo->id.b, HF_ID_SIZE));
	json_object_set_new(j, "sources", sources);
	json_object_set_new(j, "objectives", objectives_json(s));
	json_object_set_new(j, "met", judged ? json_boolean(s->met) : json_null());
	json_object_set_new(j, "whole", json_boolean(s->is_whole));
	json_object_set_new(j, "rolled_back", json_integer((json_int_t)s->catalogue.rolled_back));
	json_object_set_new(j, "missing", json_integer((json_int_t)s->catalogue.missing_count));
	json_object_set_new(j, "damaged", json_integer((json_int_t)s->catalogue.damaged));
	json_object_set_new(j, "future", json_integer((json_int_t)s->future));
	json_object_set_new(j, "copies", copies_json(s));
	json_object_set_new(j, "verify", verify_json(s));
	json_object_set_new(j, "problems", problems_json(&s->catalogue));
	return hf_print_json(j, err);
}

/* --- text ---------------------------------------------------------------------------------------------------------------- */

static const char *met_text(enum hf_met met)
{
	static const char *const texts[] = {"", "met", "MISSED"};
	return texts[met];
}

static void put_time_ago(struct hf_table *t, int64_t ns, bool known)
{
	char text[HF_TIME_TEXT];
	hf_table_cell(t, "%s", known ? hf_duration_format(ns, text) : "never");
}

static void add_row(struct hf_table *t, const struct hf_status_source *row)
{
	char id[HF_ID_TEXT], when[HF_TIME_TEXT], rto[HF_TIME_TEXT], expected[HF_TIME_TEXT];
	hf_table_row(t);
	hf_table_cell(t, "%s", row->name);
	hf_table_cell(t, "%s", row->writer ? row->writer : "");
	hf_table_cell(t, "%.12s%s", row->newest ? hf_hex(row->newest->ref.id.b, HF_ID_SIZE, id) : "none",
		row->newest && !row->complete ? " INCOMPLETE" : "");
	put_time_ago(t, row->age_ns, row->newest);
	hf_table_cell(t, "%s", row->worst_exposure_ns ? hf_duration_format(row->worst_exposure_ns, rto) : "");
	hf_table_cell(t, "%s", met_text(row->rpo_met));
	hf_table_cell(t, "%s%s", row->has_drill ? hf_time_format(row->drilled_at / HF_SECOND * HF_SECOND, when) : "never",
		row->has_drill && !row->drill_ok ? " FAILED" : "");
	hf_table_cell(t, "%s%s", row->proved ? hf_duration_format(row->rto_ns, rto) : "",
		row->proved && !row->is_timed ? " THROTTLED" : "");
	hf_table_cell(t, "%s", row->proved ? hf_duration_format(row->expected_rto_ns, expected) : "");
	hf_table_cell(t, "%s", met_text(row->rto_met));
}

static void put_summary(struct hf_buf *out, const struct hf_status *s)
{
	char a[HF_TIME_TEXT], b[HF_TIME_TEXT];
	if (!s->source_count)
		hf_buf_str(out, "There is no restore point.\n");
	if (s->rpo_objective || s->rto_objective)
		hf_buf_printf(out, "Objectives: RPO %s, RTO %s: %s.\n",
			s->rpo_objective ? hf_duration_format(s->rpo_objective, a) : "none",
			s->rto_objective ? hf_duration_format(s->rto_objective, b) : "none", s->met ? "met" : "MISSED");
	if (s->has_verify)
		hf_buf_printf(out, "Last verify on record: %s, %s.\n",
			hf_time_format(s->verified_at / HF_SECOND * HF_SECOND, a), s->verify_ok ? "whole" : "NOT whole");
	if (s->future)
		hf_buf_printf(out, "%zu snapshots claim to be of the future, and are set apart.\n", s->future);
	if (!s->is_whole)
		hf_buf_str(out, "The catalogue is NOT whole: see the warnings.\n");
}

static void add_copy_row(struct hf_table *t, const struct hf_status_copy *copy, const struct hf_status_source *s,
	const struct hf_status_copied *c)
{
	char id[HF_ID_TEXT];
	hf_table_row(t);
	hf_table_cell(t, "%s", copy->url);
	hf_table_cell(t, "%s", s->name);
	hf_table_cell(t, "%s", s->writer ? s->writer : "");
	hf_table_cell(t, "%.12s%s", c->newest ? hf_hex(c->newest->ref.id.b, HF_ID_SIZE, id) : "none",
		c->newest && !c->complete ? " INCOMPLETE" : "");
	put_time_ago(t, c->age_ns, c->newest);
	hf_table_cell(t, "%s", met_text(c->rpo_met));
	hf_table_cell(t, "%s", c->is_behind ? "BEHIND" : "");
}

/* A table of its own, after an empty line. */
static int put_copies(struct hf_buf *out, const struct hf_status *s, struct hf_error *err)
{
	static const char *const titles[] = {"COPY", "SOURCE", "KEY", "NEWEST", "AGE", "RPO", ""};
	HF_TABLE_AUTO *t = hf_table_new();
	size_t rows = 0;
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		hf_table_column(t, titles[i], i == 4 ? HF_RIGHT : HF_LEFT);
	for (size_t i = 0; i < s->copy_count; i++)
		for (size_t k = 0; !s->copies[i].failed && k < s->source_count; k++, rows++)
			add_copy_row(t, &s->copies[i], &s->sources[k], &s->copies[i].sources[k]);
	hf_buf_str(out, rows ? "\n" : "");
	int r = hf_table_render(t, out, err);
	for (size_t i = 0; r == 0 && i < s->copy_count; i++) {
		const struct hf_status_copy *c = &s->copies[i];
		if (!c->failed && c->is_whole)
			continue;
		hf_buf_str(out, "The copy at ");
		hf_text_safe(out, c->url, strlen(c->url));
		hf_buf_str(out, c->failed ? " could NOT be looked at: " : " is NOT whole: see the warnings.");
		hf_text_safe(out, c->why ? c->why : "", c->why ? strlen(c->why) : 0);
		hf_buf_u8(out, '\n');
	}
	return r;
}

int hf_status_print_text(const struct hf_status *s, struct hf_error *err)
{
	static const char *const titles[] = {"SOURCE", "KEY", "NEWEST", "AGE", "WORST EXPOSURE", "RPO", "LAST DRILL", "RTO", "EXPECTED NOW", ""};
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		hf_table_column(t, titles[i], i == 3 || i == 4 || i == 7 || i == 8 ? HF_RIGHT : HF_LEFT);
	for (size_t i = 0; i < s->source_count; i++)
		add_row(t, &s->sources[i]);
	int r = hf_table_render(t, &text, err);
	if (r == 0)
		r = put_copies(&text, s, err);
	put_summary(&text, s);
	if (r == 0)
		r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}
