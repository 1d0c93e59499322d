/*
 * A look at the whole repository; see prune.h.
 *
 * The order in which things are listed is what makes it safe, together with the order in which writers work:
 *  - condemnations before snapshots: a pack that is condemned here was so before the snapshots were listed, so whoever refers
 *    to it and is not seen here sees the condemnation;
 *  - packs before runs: a writer that can't list says so before its first pack, so the word of each pack's run is seen;
 *  - voids before entries: a snapshot with a void and without an entry gets its entry after the void was there, so its writer
 *    sees the void and doesn't take the snapshot for committed;
 *  - entries before snapshots: a commit that is seen here has its snapshot here;
 *  - certificates after snapshots, where one is by a writer who has none yet: a key is certified before it writes.
 */
#include "ops/prune_internal.h"

#include "base/cursor.h"
#include "base/stop.h"
#include "repo/condemned.h"
#include "repo/object_fetch.h"
#include "repo/pack.h"
#include "repo/run.h"
#include "repo/void.h"

#include <stdlib.h>

enum { VANISHED_MAX = 32 }; /* then it is no other prune, but a store that lists what it does not have */

void hf_prune_look_free(struct hf_prune_look *look)
{
	hf_gc_facts_free(look->facts);
	hf_condemned_free(&look->condemned);
	hf_catalogue_free(&look->catalogue);
	free(look->committed);
	free(look->voids);
	free(look->runs);
	free(look->snapshots);
	free(look->blocked);
	hf_sorter_free(look->kept);
	free(look->words);
	*look = (struct hf_prune_look){0};
}

/* Room for one more in an array that grows by doubling: capacities are powers of two. */
static void *grow(void *array, size_t count, size_t size)
{
	return count & (count - 1) ? array : reallocarray(array, count ? 2 * count : 1, size);
}

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory");
}

/* --- what can't be read --------------------------------------------------------------------------------------------- */

static int block_domain(struct hf_prune *p, const struct hf_id *domain, struct hf_error *err)
{
	struct hf_prune_look *look = &p->look;
	struct hf_id *more = grow(look->blocked, look->blocked_count, sizeof(*more));
	if (!more)
		return no_memory(err);
	look->blocked = more;
	more[look->blocked_count++] = *domain;
	return 0;
}

static int block(struct hf_prune *p, const struct hf_id *writer, struct hf_error *err)
{
	const struct hf_cert *cert = writer ? hf_certs_find(&p->repo->certs, writer) : NULL;
	if (cert && cert->has_domain)
		return block_domain(p, &cert->domain, err);
	p->look.all_blocked = true;
	return 0;
}

static bool is_told(const json_t *problems, const char *object)
{
	for (size_t i = 0; i < json_array_size(problems); i++)
		if (strcmp(json_string_value(json_object_get(json_array_get(problems, i), "object")), object) == 0)
			return true;
	return false;
}

static void tell(struct hf_prune *p, const char *object, const char *why)
{
	if (is_told(p->result->problems, object))
		return;
	json_t *j = json_object();
	json_object_set_new(j, "object", json_string(object));
	json_object_set_new(j, "error", hf_json_bytes(why, strlen(why)));
	json_array_append_new(p->result->problems, j);
}

int hf_prune_problem(struct hf_prune *p, const char *object, const struct hf_id *writer, const char *why,
	struct hf_error *err)
{
	tell(p, object, why);
	return block(p, writer, err);
}

int hf_prune_problem_in(struct hf_prune *p, const char *object, const struct hf_id *domain, const char *why,
	struct hf_error *err)
{
	tell(p, object, why);
	return block_domain(p, domain, err);
}

static bool has_id(const struct hf_id *ids, size_t count, const struct hf_id *id)
{
	for (size_t i = 0; i < count; i++)
		if (hf_id_equal(&ids[i], id))
			return true;
	return false;
}

bool hf_prune_is_domain_blocked(const struct hf_prune *p, const struct hf_id *domain)
{
	return p->look.all_blocked || has_id(p->look.blocked, p->look.blocked_count, domain) ||
	       has_id(p->unindexed, p->unindexed_count, domain);
}

bool hf_prune_is_blocked(const struct hf_prune *p, const struct hf_id *writer)
{
	const struct hf_cert *cert = hf_certs_find(&p->repo->certs, writer);
	return !cert || hf_prune_is_domain_blocked(p, &cert->domain);
}

bool hf_prune_is_old(const struct hf_prune *p, int64_t time_ns)
{
	return p->clock.now - time_ns > p->clock.grace;
}

/* --- condemnations, packs --------------------------------------------------------------------------------------------- */

static int see_condemnation(const struct hf_condemnation *c, void *user, struct hf_error *err)
{
	struct hf_prune *p = user;
	char name[HF_NAME_MAX];
	int r = 0;
	if (c->unreadable)
		return hf_prune_problem(p, hf_object_name(HF_KIND_CONDEMNED, &c->ref, name), NULL, c->unreadable, err);
	for (size_t i = 0; i < c->pack_count && r == 0; i++) {
		const struct hf_gc_pack fact = {.ref = c->packs[i], .flags = HF_GC_CONDEMNED};
		r = hf_gc_facts_add(p->look.facts, &fact, err);
	}
	if (r == 0)
		r = hf_prune_note_word(p, c, err);
	return r < 0 ? r : hf_condemned_add(&p->look.condemned, c, err);
}

static int see_pack(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_prune *p = user;
	const struct hf_gc_pack fact = {
		.ref = *ref, .flags = HF_GC_EXISTS, .size = info->size, .time_ns = info->time_ns};
	return hf_gc_facts_add(p->look.facts, &fact, err);
}

/* --- runs ------------------------------------------------------------------------------------------------------------- */

static struct hf_prune_run *find_run(const struct hf_prune_look *look, const struct hf_id *writer, const struct hf_id *run)
{
	for (size_t i = 0; i < look->run_count; i++)
		if (hf_id_equal(&look->runs[i].run, run) && hf_id_equal(&look->runs[i].writer, writer))
			return &look->runs[i];
	return NULL;
}

static bool is_keepers(const struct hf_prune *p, const struct hf_id *writer)
{
	const struct hf_cert *cert = hf_certs_find(&p->repo->certs, writer);
	return cert && hf_key_is_keeper(cert->kind, cert->rights);
}

/* Keeps the newest word of each run. What an older one names, that one names too. A keeper's run may be of any domain. */
static int see_run(const struct hf_run_object *o, void *user, struct hf_error *err)
{
	struct hf_prune *p = user;
	struct hf_prune_look *look = &p->look;
	char name[HF_NAME_MAX];
	if (o->unreadable)
		return hf_prune_problem(p, hf_object_name(HF_KIND_RUN, &o->ref, name),
			is_keepers(p, &o->ref.writer) ? NULL : &o->ref.writer, o->unreadable, err);
	struct hf_prune_run *run = find_run(look, &o->ref.writer, &o->run.run);
	if (!run) {
		struct hf_prune_run *more = grow(look->runs, look->run_count, sizeof(*more));
		if (!more)
			return no_memory(err);
		look->runs = more;
		run = &more[look->run_count++];
		*run = (struct hf_prune_run){.writer = o->ref.writer, .run = o->run.run, .time_ns = INT64_MIN};
	}
	run->cannot_list = run->cannot_list || o->run.cannot_list;
	if (o->time_ns >= run->time_ns) {
		run->ref = o->ref;
		run->time_ns = o->time_ns;
	}
	int r = 0;
	for (size_t i = 0; i < o->run.pack_count && r == 0 && !hf_prune_is_old(p, o->time_ns); i++) {
		const struct hf_gc_pack fact = {.ref = o->run.packs[i], .flags = HF_GC_RUNNING};
		r = hf_gc_facts_add(look->facts, &fact, err);
	}
	return r;
}

bool hf_prune_is_unseeing(const struct hf_prune *p, const struct hf_prune_run *run)
{
	return run->cannot_list && !run->is_committed && p->clock.now - run->time_ns < HF_CONDEMNED_HORIZON;
}

bool hf_prune_is_running(const struct hf_prune *p, const struct hf_id *writer, const struct hf_id *id)
{
	const struct hf_prune_run *run = find_run(&p->look, writer, id);
	return run && (!hf_prune_is_old(p, run->time_ns) || hf_prune_is_unseeing(p, run));
}

/* --- voids, entries --------------------------------------------------------------------------------------------------- */

static int see_void(const struct hf_void *v, void *user, struct hf_error *err)
{
	struct hf_prune *p = user;
	char name[HF_NAME_MAX];
	if (v->unreadable)
		return hf_prune_problem(p, hf_object_name(HF_KIND_VOID, &v->ref, name), NULL, v->unreadable, err);
	struct hf_prune_void *more = grow(p->look.voids, p->look.void_count, sizeof(*more));
	if (!more)
		return no_memory(err);
	p->look.voids = more;
	more[p->look.void_count++] = (struct hf_prune_void){.snapshot = v->snapshot, .ref = v->ref, .time_ns = v->time_ns};
	return 0;
}

static int by_snapshot(const void *a, const void *b)
{
	return hf_ref_compare(a, b); /* the first member */
}

static bool has_void(const struct hf_prune_look *look, const struct hf_ref *snapshot)
{
	const struct hf_prune_void key = {.snapshot = *snapshot};
	return look->void_count && bsearch(&key, look->voids, look->void_count, sizeof(key), by_snapshot);
}

/* What the catalogue lacks may be anything: a commit of its writer, or a word that a forgotten snapshot is to be kept. */
static int judge_catalogue(struct hf_prune *p, struct hf_error *err)
{
	const struct hf_catalogue *c = &p->look.catalogue;
	int r = 0;
	for (size_t i = 0; i < c->problem_count && r == 0; i++) {
		enum hf_kind kind;
		struct hf_ref ref;
		if (!c->problems[i].is_loss)
			continue;
		bool named = hf_object_name_parse(c->problems[i].object, &kind, &ref);
		bool one_domain = named && !(hf_writer_rights(p->repo, &ref.writer) & HF_RIGHT_MAINTAIN && kind == HF_KIND_ENTRY);
		r = hf_prune_problem(p, named ? c->problems[i].object : "catalogue", one_domain ? &ref.writer : NULL,
			c->problems[i].why, err);
	}
	if (r == 0 && c->unknown)
		r = hf_prune_problem(p, "catalogue", NULL, "it has entries of a type that this version does not know", err);
	return r;
}

static int note_committed(struct hf_prune_look *look, const struct hf_ref *refs, size_t count, struct hf_error *err)
{
	for (size_t i = 0; i < count; i++) {
		struct hf_ref *more = grow(look->committed, look->committed_count, sizeof(*more));
		if (!more)
			return no_memory(err);
		look->committed = more;
		more[look->committed_count++] = refs[i];
	}
	return 0;
}

static int read_catalogue(struct hf_prune *p, struct hf_error *err)
{
	struct hf_prune_look *look = &p->look;
	int r = hf_catalogue_load(p->repo, NULL, &look->catalogue, err);
	if (r == 0)
		r = hf_catalogue_require_believed(&look->catalogue, err);
	if (r == 0)
		r = judge_catalogue(p, err);
	for (size_t i = 0; r == 0 && i < look->catalogue.entry_count; i++) {
		const struct hf_catalogue_entry *e = &look->catalogue.entries[i];
		if (e->kind != HF_CATALOGUE_COMMIT)
			continue;
		struct hf_prune_run *run = find_run(look, &e->ref.writer, &e->run);
		if (run)
			run->is_committed = true;
		r = note_committed(look, e->snapshots, e->snapshot_count, err);
	}
	look->committed_count = hf_ref_sort(look->committed, look->committed_count);
	return r;
}

/* --- snapshots -------------------------------------------------------------------------------------------------------- */

static int see_snapshot(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_prune_look *look = &((struct hf_prune *)user)->look;
	const struct hf_catalogue *c = &look->catalogue;
	struct hf_prune_snapshot *more = grow(look->snapshots, look->snapshot_count, sizeof(*more));
	if (!more)
		return no_memory(err);
	look->snapshots = more;
	struct hf_prune_snapshot *s = &more[look->snapshot_count++];
	*s = (struct hf_prune_snapshot){.ref = *ref, .time_ns = info->time_ns};
	s->is_committed = hf_ref_find(look->committed, look->committed_count, ref);
	s->is_forgotten = hf_ref_find(c->forgotten, c->forgotten_count, ref);
	s->is_void = !s->is_committed && has_void(look, ref);
	return 0;
}

/* The number of a domain, in p->domains from 1. */
static int number_domain(struct hf_prune *p, const struct hf_id *id, uint32_t *out, struct hf_error *err)
{
	size_t i = 0;
	while (i < p->domain_count && !hf_id_equal(&p->domains[i].id, id))
		i++;
	*out = (uint32_t)i + 1;
	if (i < p->domain_count)
		return 0;
	struct hf_prune_domain *more = grow(p->domains, p->domain_count, sizeof(*more));
	if (!more)
		return no_memory(err);
	p->domains = more;
	more[p->domain_count++] = (struct hf_prune_domain){.id = *id};
	return 0;
}

static int number_of_writer(struct hf_prune *p, const struct hf_id *writer, uint32_t *out, struct hf_error *err)
{
	const struct hf_cert *cert = hf_certs_find(&p->repo->certs, writer);
	*out = 0;
	return cert && cert->has_domain ? number_domain(p, &cert->domain, out, err) : 0;
}

/* Its domain is its writer's own, whatever it says itself; but where the owner's certificate is lost, no one else knows. */
static int number_of_snapshot(struct hf_prune *p, const struct hf_id *writer, const struct hf_id *said, uint32_t *out,
	struct hf_error *err)
{
	int r = number_of_writer(p, writer, out, err);
	return r == 0 && !*out ? number_domain(p, said, out, err) : r;
}

static int refer(struct hf_prune *p, struct hf_prune_snapshot *listed, struct hf_snapshot *s, struct hf_error *err)
{
	int r = number_of_snapshot(p, &listed->ref.writer, &s->domain, &listed->domain, err);
	if (r == 0)
		r = hf_condemned_follow(&p->look.condemned, &s->packs, &s->pack_count, err);
	for (size_t i = 0; i < s->pack_count && r == 0; i++) {
		const struct hf_gc_pack fact = {.ref = s->packs[i], .flags = HF_GC_REFERENCED, .domain = listed->domain};
		r = hf_gc_facts_add(p->look.facts, &fact, err);
	}
	return r;
}

/* A stranger's object is no snapshot of ours, unless certificates are missing. */
static bool is_strangers(const struct hf_prune *p, const struct hf_ref *ref)
{
	return !hf_certs_find(&p->repo->certs, &ref->writer) && !p->repo->certs.set_aside;
}

/* 1 if the certificates were read anew, since a snapshot's writer had none, and there are more of them now. */
static int meet_strangers(struct hf_prune *p, struct hf_error *err)
{
	size_t before = p->repo->certs.count, i = 0;
	while (i < p->look.snapshot_count && hf_certs_find(&p->repo->certs, &p->look.snapshots[i].ref.writer))
		i++;
	if (i == p->look.snapshot_count)
		return 0;
	int r = hf_repository_reload_certs(p->repo, err);
	return r < 0 ? r : p->repo->certs.count != before;
}

/* 1: the look is to be begun anew. */
static int read_snapshot(struct hf_prune *p, struct hf_prune_snapshot *listed, struct hf_error *err)
{
	struct hf_snapshot s = {0};
	struct hf_error why = {0};
	char name[HF_NAME_MAX];
	int r = hf_snapshot_get(p->repo, &listed->ref, HF_SNAPSHOT_WHOLE, &s, &why);
	listed->run = s.run;
	/* Another prune deleted it, by what was said since this look began: a fresh look sees that, too. */
	if (r == HF_E_NOTFOUND && ++p->vanished <= VANISHED_MAX)
		r = 1;
	else if (r == 0)
		r = refer(p, listed, &s, err);
	else if (hf_object_is_lost(r) || r == HF_E_KEY)
		r = is_strangers(p, &listed->ref)
			    ? 0
			    : hf_prune_problem(p, hf_object_name(HF_KIND_SNAPSHOT, &listed->ref, name), &listed->ref.writer,
				      why.msg, err);
	else
		r = hf_fail(err, r, "%s", why.msg);
	hf_snapshot_free(&s);
	return r;
}

static int read_snapshots(struct hf_prune *p, struct hf_error *err)
{
	struct hf_prune_look *look = &p->look;
	int r = hf_object_list(p->repo->store, HF_KIND_SNAPSHOT, see_snapshot, p, err);
	if (r == 0)
		r = meet_strangers(p, err);
	for (size_t i = 0; i < look->snapshot_count && r == 0; i++) {
		struct hf_prune_snapshot *s = &look->snapshots[i];
		r = hf_stop_check(err);
		if (r == 0 && !s->is_forgotten && !s->is_void)
			r = read_snapshot(p, s, err);
	}
	return r;
}

/* --- all together ----------------------------------------------------------------------------------------------------- */

/* 1: it must be done again, with the certificates that there are by now, or since something vanished meanwhile. */
static int look(struct hf_prune *p, struct hf_error *err)
{
	hf_prune_look_free(&p->look);
	int r = hf_gc_facts_new(p->options->scratch, &p->look.facts, err);
	if (r == 0)
		r = hf_condemned_each(p->repo, see_condemnation, p, err);
	hf_condemned_sort(&p->look.condemned);
	hf_prune_sort_words(p);
	if (r == 0)
		r = hf_object_list(p->repo->store, HF_KIND_PACK, see_pack, p, err);
	if (r == 0)
		r = hf_run_each(p->repo, see_run, p, err);
	if (r == 0)
		r = hf_void_each(p->repo, see_void, p, err);
	if (p->look.void_count)
		qsort(p->look.voids, p->look.void_count, sizeof(*p->look.voids), by_snapshot);
	if (r == 0)
		r = read_catalogue(p, err);
	return r < 0 ? r : read_snapshots(p, err);
}

int hf_prune_look(struct hf_prune *p, struct hf_error *err)
{
	int r;
	do
		r = look(p, err);
	while (r > 0);
	return r < 0 ? r : hf_gc_facts_finish(p->look.facts, err);
}

static bool has_unseeing(const struct hf_prune *p, const struct hf_id *writer)
{
	for (size_t i = 0; i < p->look.run_count; i++)
		if (hf_id_equal(&p->look.runs[i].writer, writer) && hf_prune_is_unseeing(p, &p->look.runs[i]))
			return true;
	return false;
}

/* Which run a pack is of stands in its header, in the clear. */
static int is_of_unseeing(const struct hf_prune *p, const struct hf_ref *pack, struct hf_error *err)
{
	struct hf_pack_claim claim;
	int r = hf_pack_peek(p->repo->store, pack, &claim, err);
	if (r == HF_E_NOTFOUND || r == HF_E_CORRUPT)
		return 1; /* it can't be told */
	const struct hf_prune_run *run = r == 0 ? find_run(&p->look, &pack->writer, &claim.run) : NULL;
	return r < 0 ? r : run && hf_prune_is_unseeing(p, run);
}

/* What is blocked may be a domain that the keeper wrote the pack in: 1 or 0. One that proves no domain may be of any. */
static int is_marked_blocked(struct hf_prune *p, const struct hf_ref *pack, struct hf_error *err)
{
	const struct hf_certs *certs = &p->repo->certs;
	struct hf_error why = {0};
	uint32_t mark;
	int r = hf_pack_mark(p->repo->store, pack, certs, &mark, &why);
	if (r < 0)
		return hf_object_is_lost(r) ? 1 : hf_fail(err, r, "%s", why.msg);
	if (!mark && !hf_certs_find(certs, &pack->writer)->has_domain)
		return 1; /* its writer's certificate is lost */
	for (size_t i = 0; i < p->look.blocked_count && r == 0; i++)
		r = hf_pack_is_in(certs, &pack->writer, mark, &p->look.blocked[i]);
	for (size_t i = 0; i < p->unindexed_count && r == 0; i++)
		r = hf_pack_is_in(certs, &pack->writer, mark, &p->unindexed[i]);
	return r;
}

/* Of which domain a pack is stands in its writer's certificate; of a keeper's it is told by the snapshots that refer to it, and if
 * there are none, it is read where that matters. Before such a one is repacked, it is read as well. */
static int find_domain(struct hf_prune *p, struct hf_gc_pack *pack, struct hf_error *err)
{
	const struct hf_id *writer = &pack->ref.writer;
	const unsigned used = HF_GC_REFERENCED | HF_GC_RUNNING | HF_GC_UNSEEING;
	bool anything = p->look.all_blocked || p->look.blocked_count || p->unindexed_count;
	int r = 0, blocked;
	if (pack->domain == HF_GC_MIXED)
		pack->domain = 0;
	if (!is_keepers(p, writer)) {
		blocked = hf_prune_is_blocked(p, writer);
		r = number_of_writer(p, writer, &pack->domain, err);
	} else if (pack->domain) {
		blocked = hf_prune_is_domain_blocked(p, &p->domains[pack->domain - 1].id);
	} else if (!anything || p->look.all_blocked || (pack->flags & used) || !(pack->flags & HF_GC_EXISTS)) {
		blocked = anything;
	} else {
		r = blocked = is_marked_blocked(p, &pack->ref, err);
	}
	pack->flags |= blocked > 0 ? HF_GC_BLOCKED : 0;
	return r < 0 ? r : 0;
}

int hf_prune_next(struct hf_prune *p, struct hf_gc_pack *out, struct hf_error *err)
{
	int r = hf_gc_facts_next(p->look.facts, out, err);
	if (r <= 0)
		return r;
	r = find_domain(p, out, err);
	if (r == 0)
		r = hf_prune_note_kept(p, out, err);
	if (r < 0)
		return r;
	if (!(out->flags & HF_GC_EXISTS) || !has_unseeing(p, &out->ref.writer))
		return 1;
	r = is_of_unseeing(p, &out->ref, err);
	if (r > 0)
		out->flags |= HF_GC_UNSEEING;
	return r < 0 ? r : 1;
}
