/* A drill's record as JSON; see drill.h. Seconds with millisecond precision: more would be noise. */
#include "ops/drill.h"

#include "base/time.h"

#include <string.h>

static json_t *seconds(int64_t ns)
{
	int64_t milliseconds = ns / 1000000;
	return json_real((double)milliseconds / 1000.0);
}

static json_t *checks_json(const struct hf_check_report *report)
{
	json_t *all = json_array();
	for (size_t i = 0; i < report->count; i++) {
		const struct hf_check *c = &report->checks[i];
		json_t *detail = c->detail ? hf_json_bytes(c->detail, strlen(c->detail)) : json_string("");
		json_array_append_new(all, json_pack("{s:s, s:b, s:o}", "name", c->name, "ok", c->ok, "detail", detail));
	}
	return all;
}

static json_t *source_json(const struct hf_drilled_source *s)
{
	json_t *phases = json_pack("{s:o, s:o, s:o, s:o, s:o}", "locate", seconds(s->locate_ns), "fetch",
		seconds(s->fetch_ns), "start", seconds(s->start_ns), "recover", seconds(s->recover_ns), "check",
		seconds(s->check_ns));
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "name", s->name, "kind", s->kind, "bytes",
		(json_int_t)s->bytes, "consistency_point", hf_json_time(s->consistency_point), "rpo_seconds",
		seconds(s->rpo_ns), "rto_seconds", seconds(s->rto_ns), "phases", phases, "prove_seconds",
		seconds(s->prove_ns), "checks", checks_json(&s->report), "ok", s->ok);
}

static json_t *objectives_json(const struct hf_drill_result *r)
{
	if (!r->has_objectives)
		return json_null();
	return json_pack("{s:o, s:o}", "rto_seconds", r->rto_objective ? seconds(r->rto_objective) : json_null(),
		"rpo_seconds", r->rpo_objective ? seconds(r->rpo_objective) : json_null());
}

json_t *hf_drill_json(const struct hf_drill_result *r)
{
	json_t *sources = json_array();
	for (size_t i = 0; i < r->source_count; i++)
		json_array_append_new(sources, source_json(&r->sources[i]));
	bool is_judged = r->has_objectives && !r->is_unjudged;
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b}", "snapshot", hf_json_hex_string(r->snapshot.b, HF_ID_SIZE),
		"incident_at", hf_json_time(r->incident_at), "sources", sources, "checks", checks_json(&r->report),
		"rto_seconds", seconds(r->rto_ns), "rpo_seconds", seconds(r->rpo_ns), "objectives", objectives_json(r), "met",
		is_judged ? json_boolean(r->met) : json_null(), "throttled", r->is_throttled);
}
