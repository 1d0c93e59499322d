/*
 * Repacking: of packs that snapshots refer to, and that are mostly of no use any more, what is used is stored in other packs, so
 * that they can go. Domain by domain: the share of what is of no use is judged in each, and what can't be read in one keeps packs
 * of no other from being repacked.
 *
 * The order (FORMAT.md, section 13): such a pack is condemned before the look at snapshots by which its use is judged, so no
 * snapshot that is not seen can come to rely on it. What is used is stored in packs that aren't condemned, unless it lies
 * in one anyway. Then a condemnation is PUT that says which packs these are ("moved"), so that whoever sees a snapshot refer to the old
 * pack takes it to refer to those as well; then condemnations are listed once more, and the old pack is deleted only if none of those
 * is condemned by then.
 */
#include "ops/prune_repack_internal.h"

#include "repo/object_fetch.h"

#include <stdlib.h>

enum { ATTEMPTS = 3 };

static int add_pack(struct hf_prune_packs *list, const struct hf_prune_pack *pack, struct hf_error *err)
{
	size_t n = list->count;
	if ((n & (n - 1)) == 0) {
		struct hf_prune_pack *more = reallocarray(list->packs, n ? 2 * n : 1, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		list->packs = more;
	}
	list->packs[list->count++] = *pack;
	return 0;
}

int hf_prune_note_repackable(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err)
{
	const unsigned wanted = HF_GC_EXISTS | HF_GC_REFERENCED;
	const unsigned against = HF_GC_RUNNING | HF_GC_UNSEEING | HF_GC_BLOCKED;
	if (!p->options->has_max_unused || (pack->flags & wanted) != wanted || (pack->flags & against) || !pack->domain ||
		p->domains[pack->domain - 1].is_done)
		return 0;
	return add_pack(&p->repackable, &(struct hf_prune_pack){pack->ref, pack->domain}, err);
}

/* --- choosing --------------------------------------------------------------------------------------------------------- */

static double unused_share(const struct hf_prune_share *s)
{
	return s->total ? (double)(s->total - s->used) / (double)s->total : 0;
}

/* Those of least use first. */
static int by_share(const void *a, const void *b)
{
	double x = unused_share(a), y = unused_share(b);
	return x != y ? (x > y ? -1 : 1) : 0;
}

/* Adds those to `chosen` without which no more of the domain is unused than may be. */
static int choose(struct hf_prune_uses *u, struct hf_prune_packs *chosen, struct hf_error *err)
{
	uint64_t total = 0, unused = 0;
	int r = 0;
	for (size_t i = 0; i < u->pack_count; i++) {
		total += u->shares[i].total;
		unused += u->shares[i].total - u->shares[i].used;
	}
	qsort(u->shares, u->pack_count, sizeof(*u->shares), by_share);
	for (size_t i = 0; i < u->pack_count && r == 0; i++) {
		const struct hf_prune_share *s = &u->shares[i];
		if ((double)unused <= u->p->options->max_unused * (double)total || unused_share(s) <= 0)
			break;
		unused -= s->total - s->used;
		r = add_pack(chosen, &(struct hf_prune_pack){u->packs[s->pack], u->domain}, err);
	}
	return r;
}

/* --- domain by domain ------------------------------------------------------------------------------------------------- */

/* What is done with the uses of a domain's packs; `chosen` may be added to. */
typedef int apply(struct hf_prune_uses *u, struct hf_prune_packs *chosen, struct hf_error *err);

struct work {
	struct hf_prune *p;
	apply *apply;
	enum hf_gc_verdict verdict; /* of the packs that it is about */
	struct hf_prune_packs chosen;
	bool is_last; /* attempt */
};

static int move(struct hf_prune_uses *u, struct hf_prune_packs *chosen, struct hf_error *err)
{
	(void)chosen;
	return hf_prune_move(u, err);
}

static int by_domain(const void *a, const void *b)
{
	const struct hf_prune_pack *x = a, *y = b;
	if (x->domain != y->domain)
		return x->domain < y->domain ? -1 : 1;
	return hf_ref_compare(&x->ref, &y->ref);
}

/* What can't be read keeps packs of its domain from being repacked, and nothing else. */
static bool is_of_domain(int code)
{
	return hf_object_is_lost(code) || code == HF_E_KEY;
}

static int give_up(struct hf_prune_uses *u, const struct hf_error *why, struct hf_error *err)
{
	return hf_prune_problem_in(u->p, u->at, &u->p->domains[u->domain - 1].id, why->msg, err);
}

/* 1: what could not be read may be what another prune deleted meanwhile. */
static int try_domain(struct work *w, struct hf_prune_uses *u, struct hf_error *err)
{
	struct hf_error why = {0};
	size_t before = w->chosen.count;
	int r = hf_prune_find_uses(u, &why);
	if (r == 0)
		r = w->apply(u, &w->chosen, &why);
	if (r < 0)
		w->chosen.count = before;
	if (is_of_domain(r))
		r = hf_object_is_lost(r) && !w->is_last ? 1 : give_up(u, &why, err);
	else if (r < 0)
		r = hf_fail(err, r, "repack: %s", why.msg);
	u->p->domains[u->domain - 1].is_done = r == 0;
	hf_prune_uses_free(u);
	return r;
}

/* 1: some domain is to be tried again. */
static int try_all(struct work *w, struct hf_error *err)
{
	const struct hf_prune_packs *all = &w->p->repackable;
	struct hf_ref *refs = calloc(all->count + 1, sizeof(*refs));
	bool again = false;
	int r = refs ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	if (all->count)
		qsort(all->packs, all->count, sizeof(*all->packs), by_domain);
	for (size_t i = 0, end; i < all->count && r >= 0; i = end) {
		for (end = i; end < all->count && all->packs[end].domain == all->packs[i].domain; end++)
			refs[end] = all->packs[end].ref;
		struct hf_prune_uses u = {
			.p = w->p, .domain = all->packs[i].domain, .packs = refs + i, .pack_count = end - i};
		r = try_domain(w, &u, err);
		again = again || r > 0;
	}
	free(refs);
	return r < 0 ? r : again;
}

/* A fresh look tells whether what is gone is of any matter. Notes what it gives the verdict, of domains that are not done. */
static int look_anew(struct work *w, struct hf_error *err)
{
	struct hf_gc_pack pack;
	w->p->repackable.count = 0;
	int r = hf_prune_look(w->p, err);
	while (r == 0 && (r = hf_prune_next(w->p, &pack, err)) > 0)
		r = hf_gc_judge(&pack, &w->p->clock) == w->verdict ? hf_prune_note_repackable(w->p, &pack, err) : 0;
	return r;
}

/* Does it with what was noted, and where that can't be read, with what a fresh look notes. What was chosen is noted then. */
static int insist(struct work *w, struct hf_error *err)
{
	struct hf_prune *p = w->p;
	int r = p->repackable.count ? 1 : 0;
	for (size_t i = 0; i < p->domain_count; i++)
		p->domains[i].is_done = false;
	for (int i = 0; i < ATTEMPTS && r > 0; i++) {
		w->is_last = i + 1 == ATTEMPTS;
		r = i ? look_anew(w, err) : 0;
		if (r == 0)
			r = try_all(w, err);
	}
	for (size_t i = 0; i < p->domain_count; i++)
		p->domains[i].is_done = false;
	free(p->repackable.packs);
	p->repackable = w->chosen;
	return r;
}

int hf_prune_choose_unused(struct hf_prune *p, struct hf_error *err)
{
	return insist(&(struct work){.p = p, .apply = choose, .verdict = HF_GC_KEEP}, err);
}

int hf_prune_repack(struct hf_prune *p, struct hf_error *err)
{
	return p->options->dry_run ? 0 : insist(&(struct work){.p = p, .apply = move, .verdict = HF_GC_HOLD}, err);
}
