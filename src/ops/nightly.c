/* The nightly job: hooks, backup, drill; see nightly.h. What follows a good snapshot is in nightly_upkeep.c. */
#include "ops/nightly.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "ops/guardian.h"
#include "ops/hook.h"
#include "ops/nightly_internal.h"
#include "ops/policy_drill.h"
#include "ops/policy_sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hf_outcome_name(enum hf_outcome outcome)
{
	static const char *const names[] = {"done", "skipped", "failed"};
	return names[outcome];
}

int hf_nightly_note(struct hf_nightly *n, const struct hf_nightly_step *step, struct hf_error *err)
{
	struct hf_nightly_result *out = n->result;
	struct hf_nightly_step *more = reallocarray(out->steps, out->step_count + 1, sizeof(*more));
	if (!more) {
		free(step->what);
		free(step->said);
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	out->steps = more;
	more[out->step_count++] = *step;
	if (step->outcome != HF_OUTCOME_FAILED)
		return 0;
	if (!out->failed)
		out->failed = step->code;
	if (step->code == HF_E_STOPPED)
		return hf_fail(err, HF_E_STOPPED, "%s", step->said ? step->said : "stopped");
	hf_warn("%s failed: %s", step->name, step->said ? step->said : "");
	return 0;
}

/* --- hooks ------------------------------------------------------------------------------------------------------------- */

/* What hooks find in their environment. */
struct variables {
	struct hf_buf policy, error;
	const char *list[4]; /* NULL-terminated */
};

static void name_variables(const struct hf_nightly *n, const char *failure, struct variables *v)
{
	size_t count = 0;
	*v = (struct variables){.policy = HF_BUF(8192), .error = HF_BUF(HF_ERROR_MAX + 64)};
	hf_buf_printf(&v->policy, "HOLDFAST_POLICY=%s", n->options->policy->path);
	v->list[count++] = hf_buf_cstr(&v->policy);
	hf_buf_printf(&v->error, "HOLDFAST_ERROR=%s", failure ? failure : "");
	if (failure)
		v->list[count++] = hf_buf_cstr(&v->error);
	if (n->snapshot[0])
		v->list[count++] = n->snapshot;
}

static void variables_free(struct variables *v)
{
	hf_buf_free(&v->policy);
	hf_buf_free(&v->error);
}

static int run_hooks(const struct hf_nightly *n, const struct hf_groups *hooks, const char *stage, const char *failure,
	struct hf_error *err)
{
	struct variables v;
	name_variables(n, failure, &v);
	const struct hf_hook_options options = {.stage = stage, .variables = v.list,
		.whatever_happened = failure || strcmp(stage, "thaw") == 0};
	int r = hf_hooks_run(hooks, &options, err);
	variables_free(&v);
	return r;
}

/* Without one the backup goes on as well: it thaws by itself unless it is killed. */
static void start_guardian(struct hf_nightly *n)
{
	struct variables v;
	struct hf_error why = {0};
	name_variables(n, NULL, &v);
	const struct hf_guardian_options options = {n->options->guardian, &n->options->policy->hooks.thaw, v.list};
	if (hf_guardian_start(&options, &n->guardian, &why) < 0)
		hf_warn("%s; what is frozen now stays so if this backup is killed", why.msg);
	variables_free(&v);
}

static int freeze(void *user, struct hf_error *err)
{
	struct hf_nightly *n = user;
	const struct hf_policy_hooks *hooks = &n->options->policy->hooks;
	if (n->options->guardian && hooks->thaw.count)
		start_guardian(n);
	return run_hooks(n, &hooks->freeze, "freeze", NULL, err);
}

/* By the guardian; by ourselves if there is none, or it can't any more. */
static int run_thaw_hooks(struct hf_nightly *n, struct hf_error *err)
{
	int r = n->guardian ? hf_guardian_thaw(n->guardian, err) : 1;
	if (n->guardian && r == 1)
		hf_warn("the guardian of the thaw hooks is gone: they are run without it");
	n->guardian = NULL;
	return r == 1 ? run_hooks(n, &n->options->policy->hooks.thaw, "thaw", NULL, err) : r;
}

/* What could not be thawed may stand still now: the snapshot is good all the same, the job is not. */
static void thaw(void *user)
{
	struct hf_nightly *n = user;
	struct hf_error why = {0};
	int r = run_thaw_hooks(n, &why);
	const struct hf_nightly_step step = {.name = "thaw", .outcome = HF_OUTCOME_FAILED, .code = r, .said = strdup(why.msg)};
	if (r < 0)
		(void)!hf_nightly_note(n, &step, NULL);
	else
		free(step.said);
}

/* --- backup and drill -------------------------------------------------------------------------------------------------- */

static void settle_backup(struct hf_nightly *n, const struct hf_policy_sources *sources, struct hf_backup_options *o)
{
	const struct hf_policy *p = n->options->policy;
	*o = n->options->backup;
	o->repo = n->options->repo;
	o->sources = sources->specs;
	o->source_count = sources->count;
	if (!o->tag_count) {
		o->tags = p->tags.items;
		o->tag_count = p->tags.count;
	}
	o->host = o->host ? o->host : p->host;
	o->scratch = o->scratch ? o->scratch : p->scratch;
	o->level = o->level ? o->level : (int)p->compression;
	o->verify = o->verify || p->verify.written;
	o->progress = n->options->progress;
	o->freeze = freeze;
	o->thaw = thaw;
	o->user = n;
}

static int back_up(struct hf_nightly *n, struct hf_error *err)
{
	struct hf_policy_sources sources;
	struct hf_backup_options o;
	char id[HF_ID_TEXT];
	int r = hf_policy_sources_make(n->options->policy, &sources, err);
	if (r == 0) {
		settle_backup(n, &sources, &o);
		r = hf_backup(&o, &n->result->backup, err);
	}
	hf_policy_sources_free(&sources);
	/* Its names were the sources', which are the policy's; what else it points to is its own. */
	n->result->has_snapshot = r == 0;
	if (r == 0)
		snprintf(n->snapshot, sizeof(n->snapshot), "HOLDFAST_SNAPSHOT=%s",
			hf_hex(n->result->backup.snapshot.id.b, HF_ID_SIZE, id));
	return r;
}

static int drill_point(struct hf_nightly *n, struct hf_catalogue *c, struct hf_error *err)
{
	struct hf_arena arena = {0};
	struct hf_drill_options o = {.repo = n->options->repo, .catalogue = c, .progress = n->options->progress,
		.point = hf_catalogue_point(c, &n->result->backup.snapshot), .scratch = n->options->backup.scratch};
	if (!o.point || !o.point->snapshot)
		return hf_fail(err, HF_E_CHECK, "the snapshot that was just taken can't be read: %s",
			o.point && o.point->why ? o.point->why : "the catalogue does not have it");
	int r = hf_policy_drill_options(n->options->policy, &arena, &o, err);
	if (r == 0)
		r = hf_drill(&o, &n->result->drill, err);
	n->result->has_drill = r == 0;
	hf_arena_free(&arena);
	return r;
}

static const struct hf_check *first_failed(const struct hf_check_report *report)
{
	for (size_t i = 0; i < report->count; i++)
		if (!report->checks[i].ok)
			return &report->checks[i];
	return NULL;
}

/* With the first check that failed, for whoever reads no more than this line. */
static int fail_drill(const struct hf_drill_result *drill, struct hf_error *why)
{
	const char *source = NULL;
	const struct hf_check *failed = NULL;
	for (size_t i = 0; !failed && i < drill->source_count; i++) {
		failed = first_failed(&drill->sources[i].report);
		source = drill->sources[i].name;
	}
	if (!failed) {
		failed = first_failed(&drill->report);
		source = "the whole";
	}
	if (!failed)
		return hf_fail(why, HF_E_CHECK, "the snapshot did not come back whole");
	return hf_fail(why, HF_E_CHECK, "the snapshot did not come back whole: %s: %s: %s", source, failed->name,
		failed->detail ? failed->detail : "it failed");
}

static int drill(struct hf_nightly *n, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	struct hf_catalogue c;
	int64_t began = hf_time_monotonic();
	struct hf_error why = {0};
	int r = hf_catalogue_load(n->options->repo, &all, &c, &why);
	if (r == 0)
		r = drill_point(n, &c, &why);
	hf_catalogue_free(&c);
	if (r == 0 && !n->result->drill.ok)
		r = fail_drill(&n->result->drill, &why);
	const struct hf_nightly_step step = {.name = hf_step_name(HF_STEP_DRILL),
		.outcome = r < 0 ? HF_OUTCOME_FAILED : HF_OUTCOME_DONE, .code = r, .said = strdup(r < 0 ? why.msg : ""),
		.elapsed_ns = hf_time_monotonic() - began};
	return hf_nightly_note(n, &step, err);
}

/* --- the whole --------------------------------------------------------------------------------------------------------- */

static int check_rights(const struct hf_nightly_options *o, struct hf_error *err)
{
	const char *lacks = hf_step_lacks(HF_STEP_DRILL, o->repo->key);
	int r = hf_repository_require(o->repo, HF_RIGHT_BACKUP, "back up", err);
	if (r == 0 && o->prove && lacks)
		r = hf_fail(err, HF_E_KEY, "key %s lacks %s, so what it backs up can't be proved by a drill here; nothing was done",
			o->repo->key->name, lacks);
	return r;
}

static int run_job(struct hf_nightly *n, struct hf_error *err)
{
	const struct hf_policy *p = n->options->policy;
	int r = run_hooks(n, &p->hooks.before, "before", NULL, err);
	if (r == 0)
		r = back_up(n, err);
	if (r == 0 && n->options->prove)
		r = drill(n, err);
	if (r == 0 && n->options->prove && !(n->result->has_drill && n->result->drill.ok))
		return 0;
	return r < 0 ? r : hf_nightly_upkeep(n, err);
}

/* What did not go well, or NULL. */
static const char *first_failure(const struct hf_nightly_result *out)
{
	for (size_t i = 0; i < out->step_count; i++)
		if (out->steps[i].outcome == HF_OUTCOME_FAILED)
			return out->steps[i].said ? out->steps[i].said : out->steps[i].name;
	if (!out->backup.complete)
		return "the snapshot is incomplete: something could not be read";
	if (hf_locks_check(&out->backup.locks, NULL) < 0)
		return "locks of what the snapshot needs could not be renewed";
	if (out->has_drill && out->drill.has_objectives && !out->drill.met)
		return out->drill.is_unjudged ? "the drill was throttled, so that its objectives could not be judged"
					      : "the drill missed an objective";
	return out->has_drill && !out->drill.evidence_stored ? "the evidence of the drill could not be stored" : NULL;
}

static int run_after(struct hf_nightly *n)
{
	struct hf_error why = {0};
	int r = run_hooks(n, &n->options->policy->hooks.after, "after", NULL, &why);
	const struct hf_nightly_step step = {.name = "after", .outcome = HF_OUTCOME_FAILED, .code = r, .said = strdup(why.msg)};
	if (r < 0)
		return hf_nightly_note(n, &step, &why);
	free(step.said);
	return 0;
}

/* A failed `after` is a failure like any other: whoever waits for on_failure must hear of it. */
static int run_last_hooks(struct hf_nightly *n, int r, const struct hf_error *err)
{
	struct hf_error why = {0};
	const char *failure = r < 0 ? err->msg : first_failure(n->result);
	if (!failure) {
		r = run_after(n);
		failure = first_failure(n->result);
	}
	if (failure)
		(void)!run_hooks(n, &n->options->policy->hooks.on_failure, "on_failure", failure, &why);
	return r;
}

int hf_nightly(const struct hf_nightly_options *options, struct hf_nightly_result *out, struct hf_error *err)
{
	struct hf_error local = {0};
	struct hf_nightly n = {.options = options, .result = out};
	err = err ? err : &local;
	*out = (struct hf_nightly_result){0};
	int r = check_rights(options, err);
	if (r < 0)
		return r;
	r = run_job(&n, err);
	out->backup.requests = options->repo->counts;
	return run_last_hooks(&n, r, err);
}

void hf_nightly_result_free(struct hf_nightly_result *result)
{
	for (size_t i = 0; i < result->step_count; i++) {
		free(result->steps[i].what);
		free(result->steps[i].said);
	}
	free(result->steps);
	hf_backup_result_free(&result->backup);
	hf_drill_result_free(&result->drill);
	*result = (struct hf_nightly_result){0};
}
