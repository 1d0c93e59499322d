/* holdfast status */
#include "base/log.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "cli/status_result.h"
#include "ops/snapshots.h"
#include "ops/status.h"
#include "report/table.h"

#include <stdio.h>
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

/* --- Nagios -------------------------------------------------------------------------------------------------------------- */

enum { NAGIOS_OK, NAGIOS_WARNING, NAGIOS_CRITICAL, NAGIOS_UNKNOWN };

static int nagios_state(const struct hf_status *s)
{
	bool warn = s->future > 0 || !s->source_count;
	if (!s->met || !s->is_whole || s->copies_failed || (s->has_verify && !s->verify_ok))
		return NAGIOS_CRITICAL;
	for (size_t i = 0; i < s->source_count; i++) {
		warn = warn || !s->sources[i].complete;
		if (s->sources[i].has_drill && !s->sources[i].drill_ok)
			return NAGIOS_CRITICAL;
	}
	for (size_t i = 0; i < s->copy_count; i++)
		for (size_t k = 0; k < s->source_count; k++)
			warn = warn || (!s->rpo_objective && s->copies[i].sources[k].is_behind);
	return warn ? NAGIOS_WARNING : NAGIOS_OK;
}

/* With an objective it says how old is too old; a copy that is made right now is always behind. */
static const char *put_nagios_copy(struct hf_buf *out, const struct hf_status *s, const struct hf_status_copy *c, const char *between)
{
	char age[HF_TIME_TEXT];
	if (c->failed || !c->is_whole) {
		hf_buf_printf(out, "%scopy %s: %s", between, c->url, c->failed ? c->why : "the catalogue is not whole");
		return "; ";
	}
	for (size_t i = 0; i < s->source_count; i++) {
		const struct hf_status_copied *row = &c->sources[i];
		if (row->rpo_met != HF_MISSED && (s->rpo_objective || !row->is_behind))
			continue;
		hf_buf_printf(out, "%scopy %s: ", between, c->url);
		hf_text_safe(out, s->sources[i].name, strlen(s->sources[i].name));
		hf_buf_printf(out, ": %s, newest %s", row->rpo_met == HF_MISSED ? "RPO missed" : "behind",
			row->newest ? hf_duration_format(row->age_ns, age) : "never");
		between = "; ";
	}
	return between;
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
	for (size_t i = 0; i < s->copy_count; i++)
		between = put_nagios_copy(out, s, &s->copies[i], between);
	hf_buf_printf(out, "%s%s%s%s", s->is_whole ? "" : between, s->is_whole ? "" : "the catalogue is not whole",
		s->has_verify && !s->verify_ok ? "; the last verify found damage" : "", s->future ? "; snapshots of the future" : "");
	if (!s->source_count)
		hf_buf_str(out, "there is no restore point");
	else if (!*between && s->is_whole)
		hf_buf_printf(out, "%zu source%s", s->source_count, s->source_count == 1 ? "" : "s");
}

struct aged {
	const char *what; /* "age", "copy_0_age" */
	size_t number;
	const char *name;
	int64_t ns;
};

static void put_age(struct hf_buf *out, const struct aged *a, int64_t objective)
{
	hf_buf_printf(out, " '%s_%zu_", a->what, a->number);
	hf_text_safe(out, a->name, strlen(a->name));
	hf_buf_printf(out, "'=%.0fs;;", hf_seconds(a->ns));
	if (objective)
		hf_buf_printf(out, "%.0f", hf_seconds(objective));
}

static void put_nagios_data(struct hf_buf *out, const struct hf_status *s)
{
	char what[40];
	hf_buf_str(out, " |");
	for (size_t i = 0; i < s->source_count; i++) {
		const struct aged a = {"age", i, s->sources[i].name, s->sources[i].age_ns};
		if (s->sources[i].newest)
			put_age(out, &a, s->rpo_objective);
	}
	for (size_t i = 0; i < s->copy_count; i++) {
		snprintf(what, sizeof(what), "copy_%zu_age", i);
		for (size_t k = 0; k < s->source_count; k++) {
			const struct aged a = {what, k, s->sources[k].name, s->copies[i].sources[k].age_ns};
			if (s->copies[i].sources[k].newest)
				put_age(out, &a, s->rpo_objective);
		}
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
		text.data[i] = text.data[i] == '|' ? '!' : text.data[i] == '\n' ? ' ' : text.data[i];
	put_nagios_data(&text, s);
	int r = hf_buf_check(&text, "report", err);
	if (r == 0)
		r = hf_print_bytes(text.data, text.len, err);
	return r < 0 ? r : nagios_state(s);
}

/* --- the command --------------------------------------------------------------------------------------------------------- */

static int exit_status(const struct hf_status *s)
{
	if (!s->is_whole || s->copies_failed || (s->has_verify && !s->verify_ok))
		return HF_STATUS_CHECK;
	return s->met ? HF_STATUS_DONE : HF_STATUS_MISSED;
}

static void warn_of_copies(const struct hf_status *s)
{
	for (size_t i = 0; i < s->copy_count; i++) {
		const struct hf_status_copy *c = &s->copies[i];
		if (c->failed || !c->is_whole)
			hf_warn("the copy at %s %s%s", c->url, c->failed ? "could not be looked at: " : "is not whole",
				c->failed ? c->why : "");
		if (!c->failed)
			hf_catalogue_warn(&c->catalogue);
	}
}

/* -r names one repository, and only that is looked at. */
static int tell(struct hf_cli *cli, const struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	HF_CLI_PLACES_AUTO places;
	struct hf_status status = {0};
	hf_cli_places_begin(&places, cli);
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0) {
		const struct hf_status_options o = {.repo = repo, .policy = cli->policy, .host = q->host,
			.open_copy = cli->repo ? NULL : hf_cli_places_open, .user = &places};
		r = hf_status_get(&o, &status, err);
	}
	if (r == 0) {
		hf_catalogue_warn(&status.catalogue);
		warn_of_copies(&status);
		r = q->nagios   ? print_nagios(&status, err)
		    : cli->json ? hf_status_print_json(&status, err)
				: hf_status_print_text(&status, err);
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
		 "drill has shown is missed), 20 if the catalogue is not whole. The policy's copies are looked at as well, unless\n"
		 "-r names one repository: one that can't be is 20, one that is too old 21. --nagios has a plugin's statuses: 0 well,\n"
		 "1 warning, 2 critical, 3 unknown.",
	.options = options,
	.run = run,
	.only_shows = true,
};
