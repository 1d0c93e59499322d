/* A drill's result for people, and its exit status; see drill_result.h. */
#include "cli/drill_result.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/output.h"
#include "cli/status.h"
#include "report/table.h"

#include <string.h>

static void add_row(struct hf_table *t, const struct hf_drilled_source *s)
{
	char size[HF_SIZE_TEXT], text[HF_TIME_TEXT];
	const int64_t times[] = {s->rpo_ns, s->rto_ns, s->locate_ns, s->fetch_ns, s->start_ns, s->recover_ns, s->check_ns,
		s->prove_ns};
	hf_table_row(t);
	hf_table_cell(t, "%s", s->name);
	hf_table_cell(t, "%s", s->kind);
	hf_table_cell(t, "%s", hf_size_format(s->bytes, size));
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		hf_table_cell(t, "%s", hf_duration_format(times[i], text));
	hf_table_cell(t, "%s", s->ok ? "ok" : "FAILED");
}

static void put_checks(struct hf_buf *out, const char *name, const struct hf_check_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct hf_check *c = &report->checks[i];
		hf_buf_printf(out, "  %s  ", c->ok ? "ok    " : "FAILED");
		hf_text_safe(out, name, strlen(name));
		hf_buf_printf(out, ": %s", c->name);
		if (c->detail && *c->detail) {
			hf_buf_str(out, ": ");
			hf_text_safe(out, c->detail, strlen(c->detail));
		}
		hf_buf_u8(out, '\n');
	}
}

static void put_verdict(struct hf_buf *out, const struct hf_drill_result *d)
{
	char id[HF_ID_TEXT], a[HF_TIME_TEXT], b[HF_TIME_TEXT];
	hf_buf_printf(out, "Snapshot %s %s. RTO %s, RPO %s", hf_hex(d->snapshot.b, HF_ID_SIZE, id),
		d->ok ? "came back" : "did NOT come back whole", hf_duration_format(d->rto_ns, a),
		hf_duration_format(d->rpo_ns, b));
	if (d->has_objectives)
		hf_buf_printf(out, ": objectives %s", d->met ? "met" : d->is_unjudged ? "NOT JUDGED" : "MISSED");
	if (d->rto_objective)
		hf_buf_printf(out, " (RTO %s)", hf_duration_format(d->rto_objective, a));
	if (d->rpo_objective)
		hf_buf_printf(out, " (RPO %s)", hf_duration_format(d->rpo_objective, b));
	hf_buf_str(out, ".\n");
}

int hf_drill_result_print(const struct hf_drill_result *d, struct hf_error *err)
{
	static const char *const times[] = {"RPO", "RTO", "LOCATE", "FETCH", "START", "RECOVER", "CHECK", "PROVE"};
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	hf_table_column(t, "SOURCE", HF_LEFT);
	hf_table_column(t, "KIND", HF_LEFT);
	hf_table_column(t, "SIZE", HF_RIGHT);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		hf_table_column(t, times[i], HF_RIGHT);
	hf_table_column(t, "", HF_LEFT);
	for (size_t i = 0; i < d->source_count; i++)
		add_row(t, &d->sources[i]);
	int r = hf_table_render(t, &text, err);
	for (size_t i = 0; i < d->source_count; i++)
		put_checks(&text, d->sources[i].name, &d->sources[i].report);
	put_checks(&text, "the whole", &d->report);
	put_verdict(&text, d);
	if (r == 0)
		r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

int hf_drill_result_status(const struct hf_drill_result *d)
{
	if (!d->ok)
		return HF_STATUS_CHECK;
	if (d->has_objectives && !d->met)
		return HF_STATUS_MISSED;
	return d->evidence_stored ? HF_STATUS_DONE : HF_STATUS_INCOMPLETE;
}

void hf_drill_result_warn(const struct hf_drill_result *d)
{
	if (d->is_unjudged)
		hf_warn("the objectives could not be judged: a limit on downloads (--limit-download, or the policy's limits) held the drill "
			"back; run it without one");
	if (!d->evidence_stored)
		hf_warn("the evidence of this drill could not be stored: %s",
			d->evidence_failure ? d->evidence_failure : "no reason is known");
}
