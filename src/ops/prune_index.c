/*
 * The part of a prune that takes the index, and so a key that can read data: finding out whether all of it can be read; deleting
 * segments that were replaced; and deleting condemnations, which must outlive every segment that names their packs.
 */
#include "ops/prune_internal.h"

#include "crypto/random.h"
#include "repo/condemned.h"
#include "repo/index.h"
#include "repo/key_cert.h"
#include "repo/object_fetch.h"
#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>

static bool may_read(const struct hf_prune *p)
{
	return hf_repository_require_reading(p->repo, true, "", NULL) == 0;
}

/* Each domain once: where its first certificate stands. */
static bool is_first(const struct hf_certs *certs, size_t i)
{
	for (size_t k = 0; certs->certs[i].has_domain && k < i; k++)
		if (certs->certs[k].has_domain && hf_id_equal(&certs->certs[k].domain, &certs->certs[i].domain))
			return false;
	return certs->certs[i].has_domain;
}

typedef int each_index(struct hf_prune *p, const struct hf_domain *domain, struct hf_index *index, void *user,
	struct hf_error *err);

static int with_index(struct hf_prune *p, const struct hf_id *id, each_index *each, void *user, struct hf_error *err)
{
	struct hf_domain domain = {0};
	struct hf_index *index = NULL;
	int r = hf_domain_open(p->repo->store, p->repo->key, &p->repo->certs, id, &domain, err);
	const struct hf_index_options options = {
		.store = p->repo->store, .key = p->repo->key, .domain = &domain, .certs = &p->repo->certs,
		.cache_dir = hf_repository_copies(p->repo),
		.verified_dir = p->repo->cache_dir};
	if (r == 0)
		r = hf_index_open(&options, &index, err);
	if (r == 0)
		r = each(p, &domain, index, user, err);
	hf_index_close(index);
	hf_wipe(&domain, sizeof(domain));
	return r;
}

static int for_each_index(struct hf_prune *p, each_index *each, void *user, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < p->repo->certs.count && r == 0; i++)
		if (is_first(&p->repo->certs, i))
			r = with_index(p, &p->repo->certs.certs[i].domain, each, user, err);
	return r;
}

/* --- can all of it be read? ------------------------------------------------------------------------------------------- */

/* One that was replaced may be deleted by another prune between its being listed and its being read. */
static int is_gone(struct hf_prune *p, const char *name, struct hf_error *err)
{
	struct hf_object_info info;
	int r = hf_store_stat(p->repo->store, name, &info, err);
	return r == HF_E_NOTFOUND ? 1 : r;
}

static int note_damage(struct hf_prune *p, const struct hf_domain *domain, struct hf_index *index, void *user,
	struct hf_error *err)
{
	struct hf_ref ref;
	const char *why;
	char name[HF_NAME_MAX];
	int r = 0;
	(void)user;
	size_t damaged = 0;
	for (size_t i = 0; r >= 0 && hf_index_damaged(index, i, &ref, &why); i++) {
		r = is_gone(p, hf_object_name(HF_KIND_INDEX, &ref, name), err);
		damaged += r == 0;
		if (r == 0)
			r = hf_prune_problem(p, name, &ref.writer, why, err);
	}
	if (r < 0 || !damaged)
		return r < 0 ? r : 0;
	struct hf_id *more = reallocarray(p->unindexed, p->unindexed_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	p->unindexed = more;
	more[p->unindexed_count++] = domain->id;
	return 0;
}

int hf_prune_check_index(struct hf_prune *p, struct hf_error *err)
{
	return may_read(p) ? for_each_index(p, note_damage, NULL, err) : 0;
}

/* --- condemnations ---------------------------------------------------------------------------------------------------- */

enum { OLD_MOST = 64 }; /* condemnations that one prune looks at, so that memory is bounded */

struct old_condemnation {
	bool has_moved;
	struct hf_ref ref;
	struct hf_ref *packs; /* sorted */
	size_t count;
	bool is_needed;
};

struct old_condemnations {
	struct hf_prune *p;
	struct old_condemnation list[OLD_MOST];
	size_t count;
};

static int see_condemnation(const struct hf_condemnation *c, void *user, struct hf_error *err)
{
	struct old_condemnations *old = user;
	bool is_old = old->p->clock.now - c->time_ns > HF_CONDEMNED_HORIZON;
	if (c->unreadable || !c->pack_count || !is_old || old->count == OLD_MOST)
		return 0;
	struct old_condemnation *o = &old->list[old->count];
	o->packs = malloc(c->pack_count * sizeof(*o->packs));
	if (!o->packs)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	memcpy(o->packs, c->packs, c->pack_count * sizeof(*o->packs));
	o->count = hf_ref_sort(o->packs, c->pack_count);
	o->ref = c->ref;
	o->has_moved = c->moved_count > 0;
	old->count++;
	return 0;
}

static int see_pack(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct old_condemnations *old = user;
	(void)info;
	(void)err;
	for (size_t i = 0; i < old->count; i++)
		old->list[i].is_needed = old->list[i].is_needed || hf_ref_find(old->list[i].packs, old->list[i].count, ref);
	return 0;
}

/* One whose packs a segment still names is needed; so is each, where not all segments can be read. */
static int see_index(struct hf_prune *p, const struct hf_domain *domain, struct hf_index *index, void *user,
	struct hf_error *err)
{
	struct old_condemnations *old = user;
	(void)p;
	(void)domain;
	(void)err;
	for (size_t i = 0; i < old->count; i++)
		for (size_t k = 0; k < old->list[i].count && !old->list[i].is_needed; k++)
			old->list[i].is_needed = hf_index_has_pack(index, &old->list[i].packs[k]);
	for (size_t i = 0; i < old->count && hf_index_damaged_count(index); i++)
		old->list[i].is_needed = true;
	return 0;
}

/* Where packs were moved to must be known as long as a snapshot lists them. */
static int see_snapshots(struct old_condemnations *old, struct hf_error *err)
{
	const struct hf_prune_look *look = &old->p->look;
	int r = 0;
	for (size_t i = 0; i < look->snapshot_count && r == 0; i++) {
		struct hf_snapshot s = {0};
		if (look->snapshots[i].is_forgotten || look->snapshots[i].is_void)
			continue;
		struct hf_error why = {0};
		r = hf_snapshot_get(old->p->repo, &look->snapshots[i].ref, HF_SNAPSHOT_WHOLE, &s, &why);
		bool is_lost = hf_object_is_lost(r) || r == HF_E_KEY;
		for (size_t n = 0; is_lost && n < old->count; n++) /* whatever it lists */
			old->list[n].is_needed = old->list[n].is_needed || old->list[n].has_moved;
		if (r < 0)
			r = is_lost ? 0 : hf_fail(err, r, "%s", why.msg);
		else
			r = hf_condemned_follow(&look->condemned, &s.packs, &s.pack_count, err);
		for (size_t k = 0; k < s.pack_count && r == 0; k++)
			for (size_t n = 0; n < old->count; n++)
				old->list[n].is_needed = old->list[n].is_needed ||
							 (old->list[n].has_moved &&
								 hf_ref_find(old->list[n].packs, old->list[n].count, &s.packs[k]));
		hf_snapshot_free(&s);
	}
	return r;
}

static int tidy_condemnations(struct hf_prune *p, struct hf_error *err)
{
	struct old_condemnations old = {.p = p};
	int r = hf_condemned_each(p->repo, see_condemnation, &old, err);
	if (r == 0 && old.count)
		r = hf_object_list(p->repo->store, HF_KIND_PACK, see_pack, &old, err);
	if (r == 0 && old.count)
		r = for_each_index(p, see_index, &old, err);
	if (r == 0 && old.count)
		r = see_snapshots(&old, err);
	for (size_t i = 0; i < old.count; i++) {
		if (r == 0 && !old.list[i].is_needed) {
			r = hf_prune_erase(p, HF_KIND_CONDEMNED, &old.list[i].ref, 0, "no index names its packs any more", err);
			p->result->others += r == 0;
		}
		free(old.list[i].packs);
	}
	return r;
}

/* --- replaced segments ------------------------------------------------------------------------------------------------ */

static int note_replaced(struct hf_prune *p, struct hf_index *index, struct hf_error *err)
{
	struct hf_index_garbage g;
	for (size_t i = 0; hf_index_garbage(index, i, &g); i++) {
		struct hf_ref *more = reallocarray(p->replaced, p->replaced_count + 1, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		p->replaced = more;
		more[p->replaced_count++] = g.segment;
	}
	p->replaced_count = hf_ref_sort(p->replaced, p->replaced_count);
	return 0;
}

static int tidy_segments(struct hf_prune *p, const struct hf_domain *domain, struct hf_index *index, void *user,
	struct hf_error *err)
{
	struct hf_index_garbage g;
	int r = note_replaced(p, index, err);
	(void)user;
	for (size_t i = 0; r == 0 && hf_index_garbage(index, i, &g); i++) {
		if (!hf_prune_is_old(p, g.replaced_ns) || hf_prune_is_domain_blocked(p, &domain->id))
			return 0; /* those that come after it may name it */
		r = hf_prune_erase(p, HF_KIND_INDEX, &g.segment, 0, "replaced by a merge", err);
		p->result->segments += r == 0;
	}
	return r;
}

int hf_prune_tidy_index(struct hf_prune *p, struct hf_error *err)
{
	if (!may_read(p))
		return 0;
	int r = for_each_index(p, tidy_segments, NULL, err);
	return r < 0 ? r : tidy_condemnations(p, err);
}
