/*
 * The copies' part of status: for each source of the first repository the newest restore point that each copy has of it. By the first
 * one's clock and by when the first one saw the commit, so that the age of a copy is that of what it copies. What can't be opened or
 * read is told of as failed: a check that could not run is no good one.
 */
#include "ops/status_internal.h"

#include <stdlib.h>
#include <string.h>

static void look_at(struct hf_status_copy *copy, const struct hf_point *p, const struct hf_status *s)
{
	const struct hf_snapshot *snapshot = p->snapshot;
	if (!snapshot || !snapshot->is_copy || p->time_trust == HF_TIME_FUTURE ||
		!hf_id_equal(&snapshot->origin.repository, &s->catalogue.repo->id))
		return;
	for (size_t i = 0; i < s->source_count; i++) {
		const struct hf_point *first = s->sources[i].newest;
		if (first && hf_id_equal(&first->ref.writer, &snapshot->origin.snapshot.writer) &&
			hf_snapshot_source(snapshot, s->sources[i].name))
			copy->sources[i].newest = p; /* points ascend by time */
	}
}

/* As status.c reckons the ages of the first repository's points. */
static int64_t age_of(const struct hf_point *p, const struct hf_snapshot_source *s, int64_t now)
{
	int64_t took = p->snapshot->time - s->consistency_point;
	return now - p->seen + (took > 0 ? took : 0);
}

static void judge(struct hf_status_copied *copied, const struct hf_status_source *source, int64_t now, int64_t objective)
{
	const struct hf_point *p = copied->newest;
	if (p) {
		const struct hf_snapshot_source *s = hf_snapshot_source(p->snapshot, source->name);
		copied->age_ns = age_of(p, s, now);
		copied->complete = s->complete;
	}
	copied->is_behind = source->newest && !(p && hf_ref_equal(&p->snapshot->origin.snapshot, &source->newest->ref));
	copied->rpo_met = !objective ? HF_MET_UNKNOWN : p && copied->age_ns <= objective ? HF_MET : HF_MISSED;
}

static int read_copy(struct hf_status_copy *copy, int64_t now, struct hf_status *s, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	int r = hf_repository_require_reading(copy->repo, false, "tell the status", err);
	if (r == 0 && hf_id_equal(&copy->repo->id, &s->catalogue.repo->id))
		r = hf_fail(err, HF_E_USAGE, "it is the repository that is to be copied, and no copy of it");
	if (r == 0)
		r = hf_catalogue_load(copy->repo, &all, &copy->catalogue, err);
	for (size_t i = 0; r == 0 && i < copy->catalogue.point_count; i++)
		look_at(copy, &copy->catalogue.points[i], s);
	for (size_t i = 0; r == 0 && i < s->source_count; i++)
		judge(&copy->sources[i], &s->sources[i], now, s->rpo_objective);
	if (r == 0)
		copy->is_whole = hf_status_is_whole(&copy->catalogue);
	return r;
}

/* Fails only for want of memory, or when told to stop. */
static int note_copy(const struct hf_status_options *o, const struct hf_policy_place *place, int64_t now, struct hf_status *s,
	struct hf_error *err)
{
	struct hf_error why = {0};
	struct hf_status_copy *copy = &s->copies[s->copy_count++];
	copy->url = place->repository;
	copy->sources = calloc(s->source_count + 1, sizeof(*copy->sources));
	if (!copy->sources)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = o->open_copy(o->user, place, &copy->repo, &why);
	if (r == 0)
		r = read_copy(copy, now, s, &why);
	if (r == 0)
		return 0;
	copy->failed = r;
	copy->why = strdup(why.msg);
	if (r == HF_E_NOMEM || r == HF_E_STOPPED || !copy->why)
		return hf_fail(err, copy->why ? r : HF_E_NOMEM, "%s", why.msg);
	return 0;
}

int hf_status_note_copies(const struct hf_status_options *o, int64_t now, struct hf_status *s, struct hf_error *err)
{
	const struct hf_groups *places = o->policy ? &o->policy->copies : NULL;
	if (!o->open_copy || !places || !places->count)
		return 0;
	s->copies = calloc(places->count, sizeof(*s->copies));
	if (!s->copies)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = 0;
	for (size_t i = 0; r == 0 && i < places->count; i++) {
		const struct hf_status_copy *copy = &s->copies[i];
		r = note_copy(o, (const struct hf_policy_place *)places->items + i, now, s, err);
		s->copies_failed += copy->failed || !copy->is_whole;
		for (size_t k = 0; r == 0 && k < s->source_count; k++)
			s->met = s->met && copy->sources[k].rpo_met != HF_MISSED;
	}
	return r;
}

void hf_status_copies_free(struct hf_status *s)
{
	for (size_t i = 0; i < s->copy_count; i++) {
		hf_catalogue_free(&s->copies[i].catalogue);
		hf_repository_close(s->copies[i].repo);
		free(s->copies[i].sources);
		free(s->copies[i].why);
	}
	free(s->copies);
	s->copies = NULL;
	s->copy_count = 0;
}
