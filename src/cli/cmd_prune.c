/* holdfast prune */
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/policy_steps.h"
#include "ops/prune.h"
#include "ops/requests.h"
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

enum { GRACE = HF_ARG_OWN, MAX_UNUSED, DRY_RUN, SCRATCH };

static const struct hf_option_info options[] = {
	{GRACE, "grace", "TIME", "how old a pack must be before it goes, if nothing refers to it\n(default: as init set it). Shorter makes running backups repeat work"},
	{MAX_UNUSED, "max-unused", "SHARE", "repack until at most this share of the packs is of no use, as in 10%\n(default: delete whole packs only)"},
	{DRY_RUN, "dry-run", NULL, "print what would go, and change nothing"},
	{SCRATCH, "scratch", "DIR", "for sorting what does not fit in memory (default: /var/tmp)"},
	{0},
};

struct request {
	const struct hf_cli *cli;
	struct hf_prune_options prune;
	json_t *plan; /* of a dry run, for JSON */
};

static int parse_share(const char *text, double *share, struct hf_error *err)
{
	char *end;
	double n = strtod(text, &end);
	if (end == text || strcmp(end, "%") != 0 || !(n >= 0 && n <= 100))
		return hf_fail(err, HF_E_USAGE, "--max-unused %s: give a share from 0%% to 100%%", text);
	*share = n / 100;
	return 0;
}

static int parse(struct hf_args *args, struct hf_prune_options *o, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0) {
		if (id == HF_ARG_OPERAND)
			return hf_fail(err, HF_E_USAGE, "prune takes no arguments: \"%s\"", value);
		o->dry_run = o->dry_run || id == DRY_RUN;
		if (id == SCRATCH)
			o->scratch = value;
		if (id == GRACE) {
			o->has_grace = true;
			id = hf_duration_parse(value, &o->grace, err);
			id = id < 0 ? hf_wrap(err, id, "--grace") : 0;
		} else if (id == MAX_UNUSED) {
			o->has_max_unused = true;
			id = parse_share(value, &o->max_unused, err);
		}
		r = id < 0 ? id : 0;
	}
	return r;
}

/* A dry run names each thing. */
static int tell(void *user, const char *verb, const char *object, uint64_t size, const char *why, struct hf_error *err)
{
	struct request *q = user;
	char text[HF_SIZE_TEXT];
	(void)err;
	if (q->cli->json) {
		json_t *j = json_object();
		json_object_set_new(j, "action", json_string(verb));
		json_object_set_new(j, "object", json_string(object));
		json_object_set_new(j, "size", json_integer((json_int_t)size));
		json_object_set_new(j, "why", json_string(why));
		json_array_append_new(q->plan, j);
	} else if (size) {
		hf_print("%s %s (%s): %s\n", verb, object, hf_size_format(size, text), why);
	} else {
		hf_print("%s %s: %s\n", verb, object, why);
	}
	return 0;
}

static void put_count(json_t *j, const char *name, uint64_t count)
{
	json_object_set_new(j, name, json_integer((json_int_t)count));
}

static int print_json(const struct request *q, const struct hf_prune_result *p, struct hf_error *err)
{
	json_t *j = json_object();
	json_object_set_new(j, "dry_run", json_boolean(q->prune.dry_run));
	put_count(j, "packs", p->packs);
	put_count(j, "bytes", p->bytes);
	put_count(j, "condemned", p->condemned);
	put_count(j, "condemned_bytes", p->condemned_bytes);
	put_count(j, "deleted", p->deleted);
	put_count(j, "deleted_bytes", p->deleted_bytes);
	put_count(j, "repacked", p->repacked);
	put_count(j, "repacked_bytes", p->repacked_bytes);
	put_count(j, "held", p->held);
	put_count(j, "held_bytes", p->held_bytes);
	put_count(j, "stopped", p->stopped);
	put_count(j, "stopped_bytes", p->stopped_bytes);
	put_count(j, "voided", p->voided);
	put_count(j, "snapshots", p->snapshots);
	put_count(j, "segments", p->segments);
	put_count(j, "others", p->others);
	put_count(j, "locked", p->locked);
	json_object_set(j, "problems", p->problems);
	json_object_set_new(j, "locks", hf_locks_json(&p->locks));
	json_object_set_new(j, "requests", hf_requests_json(&p->requests));
	if (q->prune.dry_run)
		json_object_set(j, "plan", q->plan);
	json_object_set_new(j, "seconds", json_real(hf_seconds(p->elapsed_ns)));
	return hf_print_json(j, err);
}

static int print_text(const struct request *q, const struct hf_prune_result *p)
{
	char all[HF_SIZE_TEXT], gone[HF_SIZE_TEXT], size[HF_SIZE_TEXT];
	bool dry = q->prune.dry_run;
	uint64_t bytes = dry ? p->deleted_bytes + p->condemned_bytes : p->deleted_bytes;
	hf_print("%s %llu of %llu packs (%s of %s).\n", dry ? "Would delete" : "Deleted",
		(unsigned long long)(dry ? p->deleted + p->condemned : p->deleted), (unsigned long long)p->packs,
		hf_size_format(bytes, gone), hf_size_format(p->bytes, all));
	if (p->repacked)
		hf_print("Repacked %llu packs: %s of them was in use.\n", (unsigned long long)p->repacked,
			hf_size_format(p->repacked_bytes, size));
	if (p->held)
		hf_print("%llu condemned packs (%s) are still referred to, and stay until nothing does.\n",
			(unsigned long long)p->held, hf_size_format(p->held_bytes, size));
	if (p->locked)
		hf_print("%llu objects are under a lock, and go when it has ended.\n", (unsigned long long)p->locked);
	if (p->locks.is_locking)
		hf_print("%llu objects are kept, under locks that last.\n", (unsigned long long)p->locks.kept);
	if (p->stopped)
		hf_print("%llu packs (%s) would go, were it not for what can't be read.\n", (unsigned long long)p->stopped,
			hf_size_format(p->stopped_bytes, size));
	if (p->voided)
		hf_print("%llu snapshots that were left unconfirmed %s voided.\n", (unsigned long long)p->voided,
			dry ? "would be" : "were");
	return 0;
}

static void warn(const struct hf_prune_result *p)
{
	for (size_t i = 0; i < json_array_size(p->problems); i++) {
		const json_t *j = json_array_get(p->problems, i);
		hf_warn("%s can't be read, so nothing that it may refer to is deleted: %s",
			json_string_value(json_object_get(j, "object")), json_string_value(json_object_get(j, "error")));
	}
	struct hf_error why = {0};
	if (hf_locks_check(&p->locks, &why) < 0)
		hf_warn("%s", why.msg);
}

/* What the command line leaves open. */
static void take_policy(struct hf_prune_options *o, const struct hf_policy *policy)
{
	const struct hf_key *key = o->repo->key;
	const char *lacks = o->has_max_unused ? NULL : hf_policy_repack_lacks(policy, key);
	if (!o->has_grace && policy->prune.grace) {
		o->grace = policy->prune.grace;
		o->has_grace = true;
	}
	if (!o->has_max_unused && policy->prune.max_unused > 0 && !lacks) {
		o->max_unused = policy->prune.max_unused;
		o->has_max_unused = true;
	}
	if (lacks)
		hf_info("nothing is repacked: key %s lacks %s", key->name, lacks);
	if (!o->scratch)
		o->scratch = policy->scratch;
}

static int prune(struct hf_cli *cli, struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_prune_result result = {0};
	int r = hf_cli_open(cli, &repo, err);
	q->prune.repo = repo;
	if (r == 0 && cli->policy)
		take_policy(&q->prune, cli->policy);
	if (!q->prune.scratch)
		q->prune.scratch = "/var/tmp";
	q->prune.progress = &cli->progress;
	if (q->prune.dry_run && !cli->quiet) {
		q->prune.tell = tell;
		q->prune.user = q;
	}
	if (r == 0)
		r = hf_prune(&q->prune, &result, err);
	warn(&result);
	if (r == 0 && cli->json)
		r = print_json(q, &result, err);
	else if (r == 0 && !cli->quiet)
		r = print_text(q, &result);
	if (r == 0)
		r = json_array_size(result.problems) || hf_locks_check(&result.locks, NULL) < 0 ? HF_STATUS_INCOMPLETE : HF_STATUS_DONE;
	hf_prune_result_free(&result);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {.cli = cli, .plan = json_array()};
	int r = q.plan ? parse(args, &q.prune, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = prune(cli, &q, err);
	json_decref(q.plan);
	return r;
}

const struct hf_command hf_cmd_prune = {
	.name = "prune",
	.arguments = "[--dry-run] [--grace TIME] [--max-unused SHARE]",
	.summary = "give back the space of what no snapshot refers to",
	.notes = "May run beside backups and other prunes, and may be killed at any moment. Ends with status 3 if something\n"
		 "could not be read: it is named, and nothing that it may refer to was deleted; or if locks could not be\n"
		 "renewed, in a store that locks objects.",
	.options = options,
	.run = run,
};
