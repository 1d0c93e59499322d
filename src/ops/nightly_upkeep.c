/* What follows a good snapshot in the nightly job: copies, retention, prune, verify; see nightly.h. */
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "ops/forget.h"
#include "ops/nightly_internal.h"
#include "ops/prune.h"
#include "ops/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int step_function(struct hf_nightly *n, char **said, struct hf_error *err);

/* --- when the last one was ------------------------------------------------------------------------------------------- */

static int64_t newest_evidence(const struct hf_catalogue *c, const char *what)
{
	int64_t newest = 0;
	for (size_t i = 0; i < c->entry_count; i++)
		if (c->entries[i].kind == HF_CATALOGUE_EVIDENCE && strcmp(c->entries[i].what, what) == 0 &&
			c->entries[i].store_time > newest)
			newest = c->entries[i].store_time;
	return newest;
}

/* Each look at a catalogue costs requests: whoever has one in hand notes what it says. */
static void note_dates(struct hf_nightly *n, const struct hf_catalogue *c)
{
	n->pruned_at = newest_evidence(c, "prune");
	n->verified_at = newest_evidence(c, "verify");
	n->dated = n->repo;
}

/* The time of the newest evidence of that kind, by the store's clock; 0: there is none. */
static int last_time(struct hf_nightly *n, const char *what, int64_t *out, struct hf_error *err)
{
	struct hf_catalogue c = {0};
	int r = n->dated == n->repo ? 0 : hf_catalogue_load(n->repo, NULL, &c, err);
	if (r == 0 && n->dated != n->repo)
		note_dates(n, &c);
	hf_catalogue_free(&c);
	*out = strcmp(what, "prune") == 0 ? n->pruned_at : n->verified_at;
	return r;
}

/* A run that starts a little early (a timer's jitter) must not put it off by a whole round. */
static int is_due(struct hf_nightly *n, const char *what, int64_t every, char **said, struct hf_error *err)
{
	int64_t last;
	char text[HF_TIME_TEXT];
	int r = last_time(n, what, &last, err);
	if (r < 0 || !last || hf_store_now(n->repo->store) - last >= every - every / 16)
		return r;
	if (asprintf(said, "not due: the last one was at %s", hf_time_format(last, text)) < 0)
		*said = NULL;
	return 1;
}

/* --- retention ------------------------------------------------------------------------------------------------------- */

static int retain(struct hf_nightly *n, char **said, struct hf_error *err)
{
	const struct hf_policy *p = n->options->policy;
	struct hf_retention_rules rules;
	struct hf_forget_plan plan = {0};
	struct hf_zone *zone = NULL;
	int r = hf_zone_load(p->timezone, &zone, err);
	if (r == 0) {
		hf_policy_rules(p, zone, &rules);
		const struct hf_forget_options options = {.rules = &rules};
		r = hf_forget_by_rules(n->repo, &options, &plan, err);
	}
	if (r == 0)
		note_dates(n, &plan.catalogue);
	if (r == 0 && asprintf(said, "%zu of %zu snapshots forgotten", plan.plan.forgotten, plan.plan.count) < 0)
		*said = NULL;
	hf_forget_plan_free(&plan);
	hf_zone_free(zone);
	return r;
}

/* --- prune ----------------------------------------------------------------------------------------------------------- */

/* What could not be read, or locked anew, is a failure of the night. */
static int check_prune(const struct hf_prune_result *p, struct hf_error *err)
{
	size_t problems = json_array_size(p->problems);
	if (!problems)
		return hf_locks_check(&p->locks, err);
	const json_t *first = json_array_get(p->problems, 0);
	return hf_fail(err, HF_E_CORRUPT, "%zu objects can't be read, so nothing that they may refer to was deleted; the first, "
		"%s: %s", problems, json_string_value(json_object_get(first, "object")),
		json_string_value(json_object_get(first, "error")));
}

static int prune(struct hf_nightly *n, char **said, struct hf_error *err)
{
	const struct hf_policy *p = n->options->policy;
	struct hf_prune_result result = {0};
	const char *lacks = hf_policy_repack_lacks(p, n->repo->key);
	const struct hf_prune_options o = {.repo = n->repo, .grace = p->prune.grace, .has_grace = p->prune.grace > 0,
		.max_unused = p->prune.max_unused, .has_max_unused = p->prune.max_unused > 0 && !lacks,
		.always_record = true, .scratch = p->scratch, .progress = n->options->progress};
	char size[HF_SIZE_TEXT];
	int r = is_due(n, "prune", p->prune.every, said, err);
	if (r != 0)
		return r;
	if (lacks)
		hf_info("nothing is repacked: key %s lacks %s", n->repo->key->name, lacks);
	r = hf_prune(&o, &result, err);
	if (r == 0)
		r = check_prune(&result, err);
	if (r == 0 && asprintf(said, "%llu of %llu packs deleted (%s)", (unsigned long long)result.deleted,
			  (unsigned long long)result.packs, hf_size_format(result.deleted_bytes, size)) < 0)
		*said = NULL;
	hf_prune_result_free(&result);
	return r;
}

/* --- verify ---------------------------------------------------------------------------------------------------------- */

static int verify(struct hf_nightly *n, char **said, struct hf_error *err)
{
	const struct hf_policy_verify *p = &n->options->policy->verify;
	const struct hf_verify_options o = {.repo = n->repo, .read_data = p->read_data || p->sample > 0,
		.sample = p->sample, .progress = n->options->progress};
	struct hf_verify_result v = {0};
	char size[HF_SIZE_TEXT];
	int r = p->every ? is_due(n, "verify", p->every, said, err) : 0;
	if (r != 0)
		return r;
	r = hf_verify_repository(&o, &v, err);
	if (r == 0)
		r = hf_verify_record(&o, &v, err);
	if (r == 0 && !v.ok)
		r = hf_fail(err, HF_E_CHECK, "%zu damaged objects, the first %s: %s; holdfast verify names them all",
			v.damaged_count, v.damaged_count ? v.damaged[0].object : "", v.damaged_count ? v.damaged[0].error : "");
	else if (r == 0 && asprintf(said, "%llu objects looked at, %s of data read", (unsigned long long)v.objects,
				   hf_size_format(v.bytes, size)) < 0)
		*said = NULL;
	hf_verify_result_free(&v);
	return r;
}

/* --- all of them ----------------------------------------------------------------------------------------------------- */

static char *copy_text(const char *text)
{
	return text ? strdup(text) : NULL;
}

static int skip(struct hf_nightly *n, enum hf_step step, const char *lacks, struct hf_error *err)
{
	struct hf_nightly_step s = {.name = hf_step_name(step), .what = copy_text(n->what), .outcome = HF_OUTCOME_SKIPPED};
	if (asprintf(&s.said, "key %s lacks %s", n->repo->key->name, lacks) < 0)
		s.said = NULL;
	hf_info("%s is skipped: key %s lacks %s", s.name, n->repo->key->name, lacks);
	return hf_nightly_note(n, &s, err);
}

static int take_step(struct hf_nightly *n, enum hf_step step, step_function *function, struct hf_error *err)
{
	struct hf_error why = {0};
	struct hf_nightly_step s = {.name = hf_step_name(step)};
	const char *lacks = hf_step_lacks(step, n->repo->key);
	if (!hf_step_is_wanted(step, n->options->policy))
		return 0;
	if (lacks)
		return skip(n, step, lacks, err);
	s.what = copy_text(n->what);
	int64_t began = hf_time_monotonic();
	int r = function(n, &s.said, &why);
	s.elapsed_ns = hf_time_monotonic() - began;
	s.outcome = r < 0 ? HF_OUTCOME_FAILED : r == 0 ? HF_OUTCOME_DONE : HF_OUTCOME_SKIPPED;
	s.code = r < 0 ? r : 0;
	if (n->what && (r == HF_E_NOREPO || r == HF_E_KEY || r == HF_E_USAGE))
		s.code = HF_E_IO; /* the exit statuses for these speak of the first repository */
	if (r < 0 && !s.said)
		s.said = strdup(why.msg);
	return hf_nightly_note(n, &s, err);
}

/* What keeps one repository small. */
static int tidy(struct hf_nightly *n, struct hf_error *err)
{
	int r = take_step(n, HF_STEP_RETENTION, retain, err);
	return r < 0 ? r : take_step(n, HF_STEP_PRUNE, prune, err);
}

/* The copy is there, so it counts as made; but the night did not go well. */
static int note_locks(struct hf_nightly *n, struct hf_error *err)
{
	const struct hf_nightly_step s = {.name = "locks", .what = copy_text(n->what), .outcome = HF_OUTCOME_FAILED,
		.code = HF_E_DENIED, .said = copy_text("some of what the copies need could not be locked anew: the warnings say why")};
	return hf_nightly_note(n, &s, err);
}

/* A copy that can't be opened is a copy that was not made; retention is for those that were. */
static int tend_copy(struct hf_nightly *n, const struct hf_policy_place *place, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *to = NULL;
	size_t before = n->result->step_count;
	n->place = place;
	n->what = place->repository;
	n->to = &to;
	int r = take_step(n, HF_STEP_COPY, hf_nightly_copy, err);
	if (r == 0 && to && n->result->steps[before].outcome == HF_OUTCOME_DONE) {
		n->repo = to;
		r = n->locks_failed ? note_locks(n, err) : 0;
		if (r == 0)
			r = tidy(n, err);
		n->repo = n->options->repo;
	}
	n->what = NULL;
	return r;
}

int hf_nightly_upkeep(struct hf_nightly *n, struct hf_error *err)
{
	const struct hf_policy *p = n->options->policy;
	int r = 0;
	n->repo = n->options->repo;
	for (size_t i = 0; r == 0 && i < p->copies.count; i++)
		r = tend_copy(n, (const struct hf_policy_place *)p->copies.items + i, err);
	if (r == 0)
		r = tidy(n, err);
	return r < 0 ? r : take_step(n, HF_STEP_VERIFY, verify, err);
}
