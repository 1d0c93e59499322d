/* holdfast drill */
#include "base/time.h"
#include "cli/choose.h"
#include "cli/drill_result.h"
#include "cli/open.h"
#include "cli/output.h"
#include "ops/policy_drill.h"

#include <stdlib.h>

enum { RTO = HF_ARG_OWN, RPO, CHECK_SQL, PRELOAD, ALLOW_NETWORK, WARM, SCRATCH };

static const struct hf_option_info options[] = {
	HF_SELECT_OPTIONS,
	{RTO, "rto", "TIME", "the objective: services are ready again within TIME (30m)"},
	{RPO, "rpo", "TIME", "the objective: no more than TIME is lost (24h)"},
	{CHECK_SQL, "check-sql", "SQL", "databases: a query that must return true (may be given\nagain; NAME:SQL for one source)"},
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

static int take(void *user, int id, const char *value, struct hf_error *err)
{
	struct request *q = user;
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
		return hf_fail(err, HF_E_USAGE, "drill takes one snapshot, and \"%s\" is one more", value);
	}
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	int r = hf_select_parse(args, &q->select, take, q, err);
	if (!q->select.selector)
		q->select.selector = "latest";
	q->drill.options = q->checks;
	return r < 0 ? r : hf_args_no_rest(args, err);
}

/* --- the command --------------------------------------------------------------------------------------------------- */

static int drill(struct hf_cli *cli, struct request *q, struct hf_repository *repo, struct hf_error *err)
{
	struct hf_choice choice;
	struct hf_drill_result result = {0};
	struct hf_arena arena = {0};
	hf_choose_by_policy(cli, &q->select);
	int r = hf_choose(repo, &q->select, "restore, and so drill", &choice, err);
	if (r == 0) {
		q->drill.repo = repo;
		q->drill.catalogue = &choice.catalogue;
		q->drill.point = choice.point;
		q->drill.source = choice.source;
		q->drill.progress = &cli->progress;
		r = cli->policy ? hf_policy_drill_options(cli->policy, &arena, &q->drill, err) : 0;
	}
	q->drill.scratch = q->drill.scratch ? q->drill.scratch : "/var/tmp";
	if (r == 0)
		r = hf_drill(&q->drill, &result, err);
	if (r == 0)
		hf_drill_result_warn(&result);
	if (r == 0 && cli->json)
		r = hf_print_json(hf_drill_json(&result), err);
	else if (r == 0 && (!cli->quiet || !result.ok))
		r = hf_drill_result_print(&result, err);
	if (r == 0)
		r = hf_drill_result_status(&result);
	hf_drill_result_free(&result);
	hf_choice_free(&choice);
	hf_arena_free(&arena);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct request q = {.drill.began = hf_time_monotonic(), .checks = calloc((size_t)args->argc + 1, sizeof(*q.checks))};
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
		 "21 if an objective was missed, or could not be judged because a limit on downloads held the drill\n"
		 "back.",
	.options = options,
	.run = run,
};
