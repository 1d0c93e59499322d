/* holdfast status */
#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/snapshots.h"
#include "ops/status.h"
#include "report/table.h"

#include <string.h>

enum { NAGIOS = HF_ARG_OWN, HOST };

static const struct hf_option_info options[] = {
	{NAGIOS, "nagios", NULL, "one line, and the exit statuses of a Nagios plugin"},
	{HOST, "host", "NAME", "only what this key or host backs up"},
	{0},
};

struct request {
	bool nagios;
	const char *host;
};

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id;
	while ((id = hf_args_next(args, &value, err)) != 0) {
		if (id < 0)
			return id;
		if (id == HF_ARG_OPERAND)
			return hf_fail(err, HF_E_USAGE, "status takes no \"%s\"", value);
		q->nagios = q->nagios || id == NAGIOS;
		if (id == HOST)
			q->host = value;
	}
	return hf_args_no_rest(args, err);
}

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

static int print_json(const struct hf_status *s, struct hf_error *err)
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
	hf_table_cell(t, "%s", row->proved ? hf_duration_format(row->rto_ns, rto) : "");
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

static int print_table(const struct hf_status *s, struct hf_error *err)
{
	static const char *const titles[] = {"SOURCE", "KEY", "NEWEST", "AGE", "WORST EXPOSURE", "RPO", "LAST DRILL", "RTO", "EXPECTED NOW", ""};
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		hf_table_column(t, titles[i], i == 3 || i == 4 || i == 7 || i == 8 ? HF_RIGHT : HF_LEFT);
	for (size_t i = 0; i < s->source_count; i++)
		add_row(t, &s->sources[i]);
	int r = hf_table_render(t, &text, err);
	put_summary(&text, s);
	if (r == 0)
		r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

/* --- Nagios -------------------------------------------------------------------------------------------------------------- */

enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static int nagios_state(const struct hf_status *s)
{
	bool warn = s->future > 0 || !s->source_count;
	if (!s->met || !s->is_whole || (s->has_verify && !s->verify_ok))
		return NAGIOS_CRITICAL;
	for (size_t i = 0; i < s->source_count; i++) {
		warn = warn || !s->sources[i].complete;
		if (s->sources[i].has_drill && !s->sources[i].drill_ok)
			return NAGIOS_CRITICAL;
	}
	return warn ? NAGIOS_WARNING : NAGIOS_OK;
}

/* What is wrong, or else that all is well; a plugin's text is one line without '|'. */
static void put_nagios_text(struct hf_buf *out, const struct hf_status *s)
{
	const char *between = "";
	for (size_t i = 0; i < s->source_count; i++) {
		const struct hf_status_source *row = &s->sources[i];
		char age[HF_TIME_TEXT];
		const char *why = row->rpo_met == HF_MISSED	     ? "RPO missed"
				  : row->rto_met == HF_MISSED	     ? "RTO missed"
				  : row->has_drill && !row->drill_ok ? "drill failed"
				  : !row->complete		     ? "incomplete"
								     : NULL;
		if (!why)
			continue;
		hf_buf_str(out, between);
		hf_text_safe(out, row->name, strlen(row->name));
		hf_buf_printf(out, ": %s, newest %s", why, row->newest ? hf_duration_format(row->age_ns, age) : "never");
		between = "; ";
	}
	hf_buf_printf(out, "%s%s%s%s", s->is_whole ? "" : between, s->is_whole ? "" : "the catalogue is not whole",
		s->has_verify && !s->verify_ok ? "; the last verify found damage" : "", s->future ? "; snapshots of the future" : "");
	if (!s->source_count)
		hf_buf_str(out, "there is no restore point");
	else if (!*between && s->is_whole)
		hf_buf_printf(out, "%zu source%s", s->source_count, s->source_count == 1 ? "" : "s");
}

static void put_nagios_data(struct hf_buf *out, const struct hf_status *s)
{
	hf_buf_str(out, " |");
	for (size_t i = 0; i < s->source_count; i++) {
		const struct hf_status_source *row = &s->sources[i];
		if (!row->newest)
			continue;
		hf_buf_printf(out, " 'age_%zu_", i);
		hf_text_safe(out, row->name, strlen(row->name));
		hf_buf_printf(out, "'=%.0fs;;", hf_seconds(row->age_ns));
		if (s->rpo_objective)
			hf_buf_printf(out, "%.0f", hf_seconds(s->rpo_objective));
	}
	hf_buf_u8(out, '\n');
}

static int print_nagios(const struct hf_status *s, struct hf_error *err)
{
	static const char *const names[] = {"OK", "WARNING", "CRITICAL"};
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	hf_buf_printf(&text, "HOLDFAST %s - ", names[nagios_state(s)]);
	size_t begin = text.len;
	put_nagios_text(&text, s);
	for (size_t i = begin; i < text.len; i++)
		if (text.data[i] == '|')
			text.data[i] = '!';
	put_nagios_data(&text, s);
	int r = hf_buf_check(&text, "report", err);
	if (r == 0)
		r = hf_print_bytes(text.data, text.len, err);
	return r < 0 ? r : nagios_state(s);
}

/* --- the command --------------------------------------------------------------------------------------------------------- */

static int exit_status(const struct hf_status *s)
{
	if (!s->is_whole || (s->has_verify && !s->verify_ok))
		return HF_STATUS_CHECK;
	return s->met ? HF_STATUS_DONE : HF_STATUS_MISSED;
}

static int tell(struct hf_cli *cli, const struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_status status = {0};
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0) {
		const struct hf_status_options o = {.repo = repo, .policy = cli->policy, .host = q->host};
		r = hf_status_get(&o, &status, err);
	}
	if (r == 0) {
		hf_catalogue_warn(&status.catalogue);
		r = q->nagios ? print_nagios(&status, err) : cli->json ? print_json(&status, err) : print_table(&status, err);
	}
	if (r == 0 && !q->nagios)
		r = exit_status(&status);
	hf_status_free(&status);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {0};
	int r = parse(args, &q, err);
	if (r == 0)
		r = tell(cli, &q, err);
	if (r < 0 && q.nagios) {
		hf_print("HOLDFAST UNKNOWN - %s\n", err->msg);
		return NAGIOS_UNKNOWN;
	}
	return r;
}

const struct hf_command hf_cmd_status = {
	.name = "status",
	.arguments = "[--nagios] [--host NAME] [--policy FILE]",
	.summary = "how old the newest restore points are, which are proved, and what is wrong",
	.notes = "For each source the age of its newest restore point by the store's clock, and what the last drill of it\n"
		 "measured. With --policy, against its objectives: ends with status 21 if one is missed (an RTO that no\n"
		 "drill has shown is missed), 20 if the catalogue is not whole. --nagios has a plugin's statuses: 0 well,\n"
		 "1 warning, 2 critical, 3 unknown.",
	.options = options,
	.run = run,
};
