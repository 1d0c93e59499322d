/* holdfast forget */
#include "base/hex.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/forget_plan.h"
#include "cli/open.h"
#include "cli/output.h"
#include "ops/forget.h"
#include "policy/policy.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum {
	KEEP_LAST = HF_ARG_OWN,
	KEEP_HOURLY, /* the periods, in their order */
	KEEP_DAILY,
	KEEP_WEEKLY,
	KEEP_MONTHLY,
	KEEP_YEARLY,
	KEEP_WITHIN,
	WITHIN_HOURLY, /* again */
	WITHIN_DAILY,
	WITHIN_WEEKLY,
	WITHIN_MONTHLY,
	WITHIN_YEARLY,
	KEEP_TAG,
	GROUP_BY,
	TIMEZONE,
	DRY_RUN,
	YES_REALLY,
	UNDO,
};

static const struct hf_option_info options[] = {
	{KEEP_LAST, "keep-last", "N", "keep the N newest"},
	{KEEP_HOURLY, "keep-hourly", "N", "keep the newest of each of the N newest hours that have any"},
	{KEEP_DAILY, "keep-daily", "N", "… of N days"},
	{KEEP_WEEKLY, "keep-weekly", "N", "… of N weeks, which start on Monday"},
	{KEEP_MONTHLY, "keep-monthly", "N", "… of N months"},
	{KEEP_YEARLY, "keep-yearly", "N", "… of N years"},
	{KEEP_WITHIN, "keep-within", "DURATION", "keep all that are so much older than the newest at most: 7d"},
	{WITHIN_HOURLY, "keep-within-hourly", "DURATION", "of these, keep the newest of each hour"},
	{WITHIN_DAILY, "keep-within-daily", "DURATION", "… of each day"},
	{WITHIN_WEEKLY, "keep-within-weekly", "DURATION", "… of each week"},
	{WITHIN_MONTHLY, "keep-within-monthly", "DURATION", "… of each month"},
	{WITHIN_YEARLY, "keep-within-yearly", "DURATION", "… of each year"},
	{KEEP_TAG, "keep-tag", "TAG", "keep all that have this tag (may be given again)"},
	{GROUP_BY, "group-by", "name|tag|sources", "the rules count by key and source (name), also by the tags,\n"
						   "or by key and the set of sources (default: name)"},
	{TIMEZONE, "timezone", "ZONE", "where days begin and end: Europe/Berlin (default: UTC)"},
	{DRY_RUN, "dry-run", NULL, "only show what would be forgotten, and why"},
	{YES_REALLY, "yes-really", NULL, "even if more than half of a group goes at once"},
	{UNDO, "undo", NULL, "take back that the snapshots ID… were forgotten"},
	{0},
};

struct request {
	struct hf_retention_rules rules;
	struct hf_zone *zone;
	bool has_rule_option; /* any that only makes sense with rules */
	bool undo, dry_run, insist;
	const char **ids, **tags; /* room for all words */
	size_t id_count;
};

/* --- the command line ---------------------------------------------------------------------------------------------- */

static int parse_count(const char *text, unsigned *out, struct hf_error *err)
{
	char *end;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > INT_MAX)
		return hf_fail(err, HF_E_USAGE, "\"%s\" is not a number of snapshots", text);
	*out = (unsigned)n;
	return 0;
}

static int parse_rule(struct request *q, int id, const char *value, struct hf_error *err)
{
	struct hf_retention_rules *rules = &q->rules;
	q->has_rule_option = true;
	if (id == KEEP_LAST)
		return parse_count(value, &rules->last, err);
	if (id >= KEEP_HOURLY && id <= KEEP_YEARLY)
		return parse_count(value, &rules->count[id - KEEP_HOURLY], err);
	if (id == KEEP_WITHIN)
		return hf_duration_parse(value, &rules->within, err);
	if (id >= WITHIN_HOURLY && id <= WITHIN_YEARLY)
		return hf_duration_parse(value, &rules->within_period[id - WITHIN_HOURLY], err);
	if (id == GROUP_BY)
		return hf_grouping_parse(value, &rules->group_by, err);
	if (id == TIMEZONE) {
		hf_zone_free(q->zone);
		int r = hf_zone_load(value, &q->zone, err);
		rules->zone = q->zone;
		return r;
	}
	q->tags[rules->tag_count++] = value;
	return 0;
}

static int take_rule(struct request *q, int id, const char *value, struct hf_error *err)
{
	const struct hf_option_info *o = options;
	int r = parse_rule(q, id, value, err);
	while (o->id && o->id != id)
		o++;
	return r < 0 ? hf_wrap(err, r, "--%s", o->name) : 0;
}

static int take(struct request *q, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case HF_ARG_OPERAND:
		q->ids[q->id_count++] = value;
		return 0;
	case DRY_RUN:
		q->dry_run = true;
		return 0;
	case YES_REALLY:
		q->insist = true;
		return 0;
	case UNDO:
		q->undo = true;
		return 0;
	default:
		return take_rule(q, id, value, err);
	}
}

static int check(const struct request *q, struct hf_error *err)
{
	if (q->has_rule_option && (q->id_count || q->undo))
		return hf_fail(err, HF_E_USAGE, "forget either by rules or by names, not both");
	if (q->has_rule_option && !hf_retention_has_rule(&q->rules))
		return hf_fail(err, HF_E_USAGE, "no rule says what to keep: give at least one --keep-… with more than 0");
	if (!q->has_rule_option && !q->id_count)
		return hf_fail(err, HF_E_USAGE, "which snapshots? Name them by their ids (see holdfast snapshots) or \"latest\", or "
						"give rules of what to keep, like --keep-daily 7");
	if (!q->has_rule_option && (q->dry_run || q->insist))
		return hf_fail(err, HF_E_USAGE, "--dry-run and --yes-really go with rules of what to keep");
	return 0;
}

/* Without ids and rules of the command line's own. */
static int take_policy(const struct hf_policy *p, struct request *q, struct hf_error *err)
{
	if (!p || q->id_count || q->undo || q->has_rule_option)
		return 0;
	if (!p->has_retention)
		return hf_fail(err, HF_E_USAGE, "%s says nothing of retention, so it forgets nothing", p->path);
	int r = hf_zone_load(p->timezone, &q->zone, err);
	hf_policy_rules(p, q->zone, &q->rules);
	q->has_rule_option = true;
	return r;
}

static int parse(const struct hf_policy *policy, struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0)
		r = id < 0 ? id : take(q, id, value, err);
	for (char **rest = hf_args_rest(args); r == 0 && rest && *rest; rest++)
		q->ids[q->id_count++] = *rest;
	q->rules.tags = q->tags;
	if (r == 0)
		r = take_policy(policy, q, err);
	return r < 0 ? r : check(q, err);
}

/* --- doing it ------------------------------------------------------------------------------------------------------ */

static int print_ids(const struct hf_cli *cli, const char *what, const struct hf_forgotten *f, struct hf_error *err)
{
	json_t *ids = cli->json ? json_array() : NULL;
	for (size_t i = 0; i < f->count; i++) {
		char id[HF_ID_TEXT];
		hf_hex(f->snapshots[i].id.b, HF_ID_SIZE, id);
		if (cli->json)
			json_array_append_new(ids, json_string(id));
		else if (!cli->quiet)
			hf_print("%s: %s\n", what, id);
	}
	if (!cli->json)
		return 0;
	json_t *j = json_object();
	json_object_set_new(j, what, ids);
	return hf_print_json(j, err);
}

static int by_ids(const struct hf_cli *cli, const struct request *q, struct hf_repository *repo, struct hf_error *err)
{
	struct hf_forgotten forgotten = {0};
	const struct hf_forget_names names = {q->ids, q->id_count, cli->policy ? cli->policy->source_names : NULL};
	int r = q->undo ? hf_forget_undo(repo, q->ids, q->id_count, &forgotten, err) : hf_forget(repo, &names, &forgotten, err);
	if (r == 0)
		r = print_ids(cli, q->undo ? "restored" : "forgotten", &forgotten, err);
	hf_forgotten_free(&forgotten);
	return r;
}

static int by_rules(const struct hf_cli *cli, const struct request *q, struct hf_repository *repo, struct hf_error *err)
{
	const struct hf_forget_options o = {.rules = &q->rules, .dry_run = q->dry_run, .insist = q->insist};
	struct hf_forget_plan plan = {0};
	int r = hf_forget_by_rules(repo, &o, &plan, err);
	if (r == 0)
		r = hf_forget_plan_print(cli, &plan, err);
	hf_forget_plan_free(&plan);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	size_t words = (size_t)args->argc + 1;
	struct request q = {.ids = calloc(words, sizeof(*q.ids)), .tags = calloc(words, sizeof(*q.tags))};
	int r = q.ids && q.tags ? parse(cli->policy, args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = q.id_count ? by_ids(cli, &q, repo, err) : by_rules(cli, &q, repo, err);
	hf_zone_free(q.zone);
	free(q.ids);
	free(q.tags);
	return r;
}

const struct hf_command hf_cmd_forget = {
	.name = "forget",
	.arguments = "SNAPSHOT…\n"
		     "       holdfast [-r REPO] forget --keep-… [OPTION…]\n"
		     "       holdfast --policy FILE forget [--dry-run] [--yes-really]\n"
		     "       holdfast [-r REPO] forget --undo ID…",
	.summary = "take snapshots out of the list of restore points",
	.notes = "By ids (which may be shortened as long as they are unique), \"latest\" or \"latest:NAME\" (the newest, if NAME\n"
		 "is all that it holds); or all that no rule keeps. The rules\n"
		 "count for each key and source on its own, and whatever they say the newest complete snapshot of each\n"
		 "source and the newest that a drill proved stay. Nothing is deleted by this: until a prune it can be\n"
		 "taken back.",
	.options = options,
	.run = run,
};
