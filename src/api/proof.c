/* Verify and drill: the public interface over ops/verify.h and ops/drill.h. */
#include "api/api_internal.h"
#include "base/hex.h"
#include "ops/drill.h"
#include "ops/verify.h"

#include <stdlib.h>

/* --- verify -------------------------------------------------------------------------------------------------------------------- */

struct verified {
	struct holdfast_verify_result shown; /* first: what the caller holds */
	struct hf_arena arena;
};

static int show_damage(struct verified *v, const struct hf_verify_result *result, struct hf_error *err)
{
	struct holdfast_damage *damaged = NULL;
	int r = hf_api_room(&v->arena, result->damaged_count, sizeof(*damaged), &damaged, err);
	for (size_t i = 0; r == 0 && i < result->damaged_count; i++) {
		damaged[i].path_count = result->damaged[i].path_count;
		r = hf_api_text(&v->arena, result->damaged[i].object, &damaged[i].object, err);
		if (r == 0)
			r = hf_api_text(&v->arena, result->damaged[i].error, &damaged[i].error, err);
	}
	v->shown = (struct holdfast_verify_result){result->ok, result->objects, result->bytes, damaged, r == 0 ? result->damaged_count : 0};
	return r;
}

static int verify(struct hf_repository *repo, const struct holdfast_verify_options *o, struct verified *v, struct hf_error *err)
{
	const struct hf_verify_options options = {.repo = repo, .read_data = o->read_data, .sample = o->sample,
		.progress = hf_api_progress(o->progress)};
	struct hf_verify_result result = {0};
	if (!(o->sample >= 0 && o->sample <= 1) || (o->sample > 0 && !o->read_data))
		return hf_fail(err, HF_E_USAGE, "verify: a sample is a share of at most 1, and goes with read_data");
	int r = hf_repository_require_reading(repo, true, "verify the repository", err);
	if (r == 0)
		r = hf_verify_repository(&options, &result, err);
	if (r == 0)
		r = show_damage(v, &result, err);
	hf_verify_result_free(&result);
	return r;
}

int holdfast_verify(struct holdfast_repository *repo, const struct holdfast_verify_options *options,
	struct holdfast_verify_result **out, struct holdfast_error *err)
{
	struct holdfast_verify_options o;
	struct hf_error e = {0};
	struct verified *v = calloc(1, sizeof(*v));
	*out = NULL;
	int r = v ? hf_api_options(options, &o, sizeof(o), &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = verify(repo->repo, &o, v, &e);
	if (r == 0)
		*out = &v->shown;
	else
		holdfast_verify_result_free(v ? &v->shown : NULL);
	return hf_api_end(r, &e, err);
}

void holdfast_verify_result_free(struct holdfast_verify_result *result)
{
	struct verified *v = (struct verified *)result;
	if (!v)
		return;
	hf_arena_free(&v->arena);
	free(v);
}

/* --- drill --------------------------------------------------------------------------------------------------------------------- */

struct drilled {
	struct holdfast_drill_result shown; /* first: what the caller holds */
	struct hf_arena arena;
};

/* Appends the checks of one report; there is room. */
static int show_checks(struct hf_arena *arena, const char *source, const struct hf_check_report *report, struct holdfast_check *out,
	size_t *count, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < report->count; i++) {
		struct holdfast_check *c = &out[(*count)++];
		c->ok = report->checks[i].ok;
		r = hf_api_text(arena, source, &c->source, err);
		if (r == 0)
			r = hf_api_text(arena, report->checks[i].name, &c->name, err);
		if (r == 0)
			r = hf_api_text(arena, report->checks[i].detail, &c->detail, err);
	}
	return r;
}

static int show_drill(struct drilled *d, const struct hf_drill_result *result, struct hf_error *err)
{
	size_t n = result->report.count;
	struct holdfast_check *checks = NULL;
	for (size_t i = 0; i < result->source_count; i++)
		n += result->sources[i].report.count;
	d->shown = (struct holdfast_drill_result){.ok = result->ok, .has_objectives = result->has_objectives, .met = result->met,
		.evidence_stored = result->evidence_stored, .rto = result->rto_ns, .rpo = result->rpo_ns};
	hf_hex(result->snapshot.b, HF_ID_SIZE, d->shown.snapshot);
	int r = hf_api_text(&d->arena, result->evidence_failure, &d->shown.evidence_failure, err);
	if (r == 0)
		r = hf_api_room(&d->arena, n, sizeof(*checks), &checks, err);
	d->shown.checks = checks;
	if (r == 0)
		r = show_checks(&d->arena, NULL, &result->report, checks, &d->shown.check_count, err);
	for (size_t i = 0; r == 0 && i < result->source_count; i++)
		r = show_checks(&d->arena, result->sources[i].name, &result->sources[i].report, checks, &d->shown.check_count, err);
	return r;
}

static int drill(struct hf_repository *repo, const struct holdfast_drill_options *o, struct drilled *d, struct hf_error *err)
{
	struct hf_api_choice choice = {0};
	struct hf_drill_result result = {0};
	struct hf_drill_options options = {.repo = repo, .scratch = o->scratch ? o->scratch : "/var/tmp", .option_count = o->check_count,
		.rto_objective = o->rto, .rpo_objective = o->rpo, .progress = hf_api_progress(o->progress)};
	if (o->rto < 0 || o->rpo < 0)
		return hf_fail(err, HF_E_USAGE, "drill: an objective is not negative");
	int r = hf_api_driver_options(&d->arena, o->checks, o->check_count, &options.options, err);
	if (r == 0)
		r = hf_api_choose(repo, o->snapshot, o->source, &choice, err);
	options.catalogue = &choice.catalogue;
	options.point = choice.point;
	options.source = choice.source;
	if (r == 0)
		r = hf_drill(&options, &result, err);
	if (r == 0)
		r = show_drill(d, &result, err);
	hf_drill_result_free(&result);
	hf_catalogue_free(&choice.catalogue);
	return r;
}

int holdfast_drill(struct holdfast_repository *repo, const struct holdfast_drill_options *options, struct holdfast_drill_result **out,
	struct holdfast_error *err)
{
	struct holdfast_drill_options o;
	struct hf_error e = {0};
	struct drilled *d = calloc(1, sizeof(*d));
	*out = NULL;
	int r = d ? hf_api_options(options, &o, sizeof(o), &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = drill(repo->repo, &o, d, &e);
	if (r == 0)
		*out = &d->shown;
	else
		holdfast_drill_result_free(d ? &d->shown : NULL);
	return hf_api_end(r, &e, err);
}

void holdfast_drill_result_free(struct holdfast_drill_result *result)
{
	struct drilled *d = (struct drilled *)result;
	if (!d)
		return;
	hf_arena_free(&d->arena);
	free(d);
}
