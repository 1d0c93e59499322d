/* holdfast drill */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/choose.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/drill.h"
#include "report/table.h"

#include <stdlib.h>

enum { RTO = HF_ARG_OWN, RPO, CHECK_SQL, PRELOAD, ALLOW_NETWORK, WARM, SCRATCH };

static const struct hf_option_info options[] = {
	HF_SELECT_OPTIONS,
	{RTO, "rto", "TIME", "the objective: services are ready again within TIME (30m)"},
	{RPO, "rpo", "TIME", "the objective: no more than TIME is lost (24h)"},
	{CHECK_SQL, "check-sql", "SQL", "PostgreSQL: a query that must return true (may be given\nagain; NAME:SQL for one source)"},
	{PRELOAD, "preload-libraries", "LIST", "PostgreSQL: libraries that the server needs to start"},
	{ALLOW_NETWORK, "allow-network", NULL, "PostgreSQL: start it even where it can't be isolated"},
	{WARM, "warm", NULL, "use the cache (else it starts without one, as a new\nmachine would)"},
	{SCRATCH, "scratch", "DIR", "where to restore to (default: /var/tmp); removed again"},
	{0},
};

struct request {
	struct hf_select_options select;
	struct hf_drill_options drill;
	struct hf_option *checks; /* room for all words */
	bool warm;
};

/* --- the command line ---------------------------------------------------------------------------------------------- */

static int parse_objective(const char *name, const char *text, int64_t *out, struct hf_error *err)
{
	int r = hf_duration_parse(text, out, err);
	if (r == 0 && *out == 0)
		r = hf_fail(err, HF_E_USAGE, "an objective of %s can't be met", text);
	return r < 0 ? hf_wrap(err, r, "--%s", name) : 0;
}

static void add_check(struct request *q, const char *name, const char *value)
{
	q->checks[q->drill.option_count++] = (struct hf_option){name, value};
}

static int take(struct request *q, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case RTO:
		return parse_objective("rto", value, &q->drill.rto_objective, err);
	case RPO:
		return parse_objective("rpo", value, &q->drill.rpo_objective, err);
	case CHECK_SQL:
		add_check(q, "check-sql", value);
		return 0;
	case PRELOAD:
		add_check(q, "preload-libraries", value);
		return 0;
	case ALLOW_NETWORK:
		add_check(q, "allow-network", "true");
		return 0;
	case WARM:
		q->warm = true;
		return 0;
	case SCRATCH:
		q->drill.scratch = value;
		return 0;
	default:
		if (q->select.selector)
			return hf_fail(err, HF_E_USAGE, "drill takes one snapshot, and \"%s\" is one more", value);
		q->select.selector = value;
		return 0;
	}
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r >= 0 && (id = hf_args_next(args, &value, err)) != 0) {
		if (id < 0)
			return id;
		r = hf_select_arg(&q->select, id, value, err);
		if (r == 0)
			r = take(q, id, value, err);
	}
	if (!q->select.selector)
		q->select.selector = "latest";
	q->drill.options = q->checks;
	return r < 0 ? r : hf_args_no_rest(args, err);
}

/* --- results ------------------------------------------------------------------------------------------------------- */

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

static void put_checks(struct hf_buf *out, const struct hf_drilled_source *s)
{
	for (size_t i = 0; i < s->report.count; i++) {
		const struct hf_check *c = &s->report.checks[i];
		hf_buf_printf(out, "  %s  ", c->ok ? "ok    " : "FAILED");
		hf_text_safe(out, s->name, strlen(s->name));
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
		hf_buf_printf(out, ": objectives %s", d->met ? "met" : "MISSED");
	if (d->rto_objective)
		hf_buf_printf(out, " (RTO %s)", hf_duration_format(d->rto_objective, a));
	if (d->rpo_objective)
		hf_buf_printf(out, " (RPO %s)", hf_duration_format(d->rpo_objective, b));
	hf_buf_str(out, ".\n");
}

static int print_table(const struct hf_drill_result *d, struct hf_error *err)
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
		put_checks(&text, &d->sources[i]);
	put_verdict(&text, d);
	if (r == 0)
		r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

static int status_of(const struct hf_drill_result *d)
{
	if (!d->ok)
		return HF_STATUS_CHECK;
	if (d->has_objectives && !d->met)
		return HF_STATUS_MISSED;
	return d->evidence_stored ? HF_STATUS_DONE : HF_STATUS_INCOMPLETE;
}

/* --- the command --------------------------------------------------------------------------------------------------- */

static int drill(struct hf_cli *cli, struct request *q, struct hf_repository *repo, struct hf_error *err)
{
	struct hf_choice choice;
	struct hf_drill_result result = {0};
	int r = hf_choose(repo, &q->select, "restore, and so drill", &choice, err);
	if (r == 0) {
		q->drill.repo = repo;
		q->drill.catalogue = &choice.catalogue;
		q->drill.point = choice.point;
		q->drill.source = choice.source;
		q->drill.progress = &cli->progress;
		r = hf_drill(&q->drill, &result, err);
	}
	if (r == 0 && !result.evidence_stored)
		hf_warn("the evidence of this drill could not be stored: %s",
			result.evidence_failure ? result.evidence_failure : "no reason is known");
	if (r == 0 && cli->json)
		r = hf_print_json(hf_drill_json(&result), err);
	else if (r == 0 && (!cli->quiet || !result.ok))
		r = print_table(&result, err);
	if (r == 0)
		r = status_of(&result);
	hf_drill_result_free(&result);
	hf_choice_free(&choice);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct request q = {.drill = {.scratch = "/var/tmp"}, .checks = calloc((size_t)args->argc + 1, sizeof(*q.checks))};
	int r = q.checks ? parse(args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	cli->no_cache = !q.warm;
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = drill(cli, &q, repo, err);
	free(q.checks);
	return r;
}

const struct hf_command hf_cmd_drill = {
	.name = "drill",
	.arguments = "[OPTION…] [SNAPSHOT]",
	.summary = "restore a snapshot into a scratch place, start it, check it, and time it",
	.notes = "Without SNAPSHOT it is the latest. Databases are started in isolation and checked; everything is taken\n"
		 "down again, and the evidence is recorded in the repository. Ends with status 20 if a check failed,\n"
		 "21 if an objective was missed.",
	.options = options,
	.run = run,
};
