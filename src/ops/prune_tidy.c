/*
 * The small things of a prune: snapshots that nobody will use again, voids of those that were left unconfirmed, and the words of
 * runs and pruners that have had their say. All of it decided on the last look.
 */
#include "ops/prune_internal.h"

#include "repo/condemned.h"
#include "repo/object.h"
#include "repo/void.h"

#include <stdlib.h>

/* --- snapshots -------------------------------------------------------------------------------------------------------- */

/* Forgotten or void: their objects go before any pack, so that no one takes one for whole that isn't. */
int hf_prune_snapshots(struct hf_prune *p, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < p->look.snapshot_count && r == 0; i++) {
		const struct hf_prune_snapshot *s = &p->look.snapshots[i];
		if ((!s->is_forgotten && !s->is_void) || hf_prune_is_blocked(p, &s->ref.writer))
			continue;
		r = hf_prune_erase(p, HF_KIND_SNAPSHOT, &s->ref, 0, s->is_forgotten ? "forgotten" : "left unconfirmed", err);
		p->result->snapshots += r == 0;
	}
	return r;
}

static bool is_left_behind(const struct hf_prune *p, const struct hf_prune_snapshot *s)
{
	return !s->is_committed && !s->is_forgotten && !s->is_void && hf_prune_is_old(p, s->time_ns) &&
	       !hf_prune_is_blocked(p, &s->ref.writer) && !hf_prune_is_running(p, &s->ref.writer, &s->run);
}

int hf_prune_void(struct hf_prune *p, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < p->look.snapshot_count && r == 0; i++) {
		const struct hf_prune_snapshot *s = &p->look.snapshots[i];
		if (!is_left_behind(p, s))
			continue;
		p->result->voided++;
		if (!p->options->dry_run)
			r = hf_void_put(p->repo, &s->ref, err);
	}
	return r;
}

/* --- words that had their say ----------------------------------------------------------------------------------------- */

struct tidying {
	struct hf_prune *p;
	struct hf_ref *refs; /* of objects to be deleted */
	size_t count;
};

static int add(struct tidying *t, const struct hf_ref *ref, struct hf_error *err)
{
	struct hf_ref *more = reallocarray(t->refs, t->count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	t->refs = more;
	more[t->count++] = *ref;
	return 0;
}

static int erase_all(struct tidying *t, enum hf_kind kind, const char *why, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < t->count && r == 0; i++) {
		r = hf_prune_erase(t->p, kind, &t->refs[i], 0, why, err);
		t->p->result->others += r == 0;
	}
	free(t->refs);
	t->refs = NULL;
	t->count = 0;
	return r;
}

/* The newest word of a run that may still be at work stays. */
static bool is_wanted(const struct hf_prune *p, const struct hf_ref *ref)
{
	for (size_t i = 0; i < p->look.run_count; i++) {
		const struct hf_prune_run *run = &p->look.runs[i];
		if (hf_ref_equal(&run->ref, ref))
			return !hf_prune_is_old(p, run->time_ns) || hf_prune_is_unseeing(p, run);
	}
	return false;
}

static int see_run(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct tidying *t = user;
	bool stays = hf_prune_is_blocked(t->p, &ref->writer) || !hf_prune_is_old(t->p, info->time_ns) || is_wanted(t->p, ref);
	return stays ? 0 : add(t, ref, err);
}

static const struct hf_prune_snapshot *find_snapshot(const struct hf_prune_look *look, const struct hf_ref *ref)
{
	for (size_t i = 0; i < look->snapshot_count; i++)
		if (hf_ref_equal(&look->snapshots[i].ref, ref))
			return &look->snapshots[i];
	return NULL;
}

/* A void is needed while a commit of its snapshot may still come, and as long as there is one whose object it took away. */
static int tidy_voids(struct tidying *t, struct hf_error *err)
{
	const struct hf_prune_look *look = &t->p->look;
	int r = 0;
	for (size_t i = 0; i < look->void_count && r == 0; i++) {
		const struct hf_prune_void *v = &look->voids[i];
		const struct hf_prune_snapshot *s = find_snapshot(look, &v->snapshot);
		bool is_committed = hf_ref_find(look->committed, look->committed_count, &v->snapshot);
		bool has_said = s ? s->is_committed : !is_committed;
		if (has_said && t->p->clock.now - v->time_ns > HF_CONDEMNED_HORIZON &&
			!hf_prune_is_blocked(t->p, &v->snapshot.writer))
			r = add(t, &v->ref, err);
	}
	return r < 0 ? r : erase_all(t, HF_KIND_VOID, "no commit of its snapshot will come any more", err);
}

/* A clock that was left behind: a condemnation that names no packs. */
static int see_condemnation(const struct hf_condemnation *c, void *user, struct hf_error *err)
{
	struct tidying *t = user;
	bool is_empty = !c->unreadable && !c->pack_count;
	return is_empty && hf_prune_is_old(t->p, c->time_ns) ? add(t, &c->ref, err) : 0;
}

int hf_prune_tidy(struct hf_prune *p, struct hf_error *err)
{
	struct tidying t = {.p = p};
	int r = hf_object_list(p->repo->store, HF_KIND_RUN, see_run, &t, err);
	if (r == 0)
		r = erase_all(&t, HF_KIND_RUN, "its run is over", err);
	if (r == 0)
		r = tidy_voids(&t, err);
	if (r == 0)
		r = hf_condemned_each(p->repo, see_condemnation, &t, err);
	if (r == 0)
		r = erase_all(&t, HF_KIND_CONDEMNED, "names no packs", err);
	free(t.refs);
	return r;
}
