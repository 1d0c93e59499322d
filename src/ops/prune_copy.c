/*
 * Repacking, the last part: what is used of some condemned packs of a domain is stored in other packs, by a run of this key's in that
 * domain; then a condemnation says where, and those are deleted of which that is sure to stay. The order is FORMAT.md's, section 13.
 */
#include "ops/prune_repack_internal.h"

#include "base/sorter.h"
#include "base/stop.h"
#include "ops/run_keeper.h"
#include "repo/condemned.h"
#include "repo/pack.h"
#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>

enum { MOVES_AN_OBJECT = 4096 };

/* Where the used chunks of one old pack lie by now. */
struct targets {
	struct hf_ref *known;
	hf_slot *slots;
	size_t known_count, slot_count;
};

struct copying {
	struct hf_prune_uses *uses;
	struct hf_certs writers;
	struct hf_index *index;
	struct hf_ingest *ingest;
	struct hf_run_keeper *keeper;
	struct targets *targets; /* of each pack in uses->packs */
	struct hf_moved *moved;
	size_t moved_count;
};

static int add_known(struct targets *t, const struct hf_ref *pack, struct hf_error *err)
{
	for (size_t i = 0; i < t->known_count; i++)
		if (hf_ref_equal(&t->known[i], pack))
			return 0;
	struct hf_ref *more = reallocarray(t->known, t->known_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	t->known = more;
	more[t->known_count++] = *pack;
	return 0;
}

static int add_slot(struct targets *t, hf_slot slot, struct hf_error *err)
{
	if (t->slot_count && t->slots[t->slot_count - 1] == slot)
		return 0;
	hf_slot *more = reallocarray(t->slots, t->slot_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	t->slots = more;
	more[t->slot_count++] = slot;
	return 0;
}

static int copy_chunk(struct copying *c, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref, struct targets *t,
	struct hf_error *err)
{
	struct hf_index_hit hit;
	struct hf_chunk_view view;
	hf_slot slot;
	int r = hf_index_lookup(c->index, &ref->id, &hit, err);
	if (r < 0 || (r > 0 && hit.has_pack))
		return r < 0 ? r : add_known(t, &hit.pack, err);
	r = hf_reader_get(c->uses->access.reader, kind, ref, &view, err);
	if (r < 0)
		return r;
	r = hf_ingest_copy(c->ingest, kind, (struct iovec){(void *)(uintptr_t)view.data, view.len}, &slot, err);
	hf_reader_unpin(c->uses->access.reader, view.frame);
	c->uses->p->result->repacked_bytes += ref->len;
	return r < 0 ? r : add_slot(t, slot, err);
}

static const struct hf_pack_frame *frame_of(const struct hf_pack_table *t, uint32_t chunk)
{
	size_t i = 0;
	while (i + 1 < t->frame_count && t->frames[i + 1].first_chunk <= chunk)
		i++;
	return &t->frames[i];
}

static int open_pack(struct copying *c, uint32_t number, struct hf_pack_table *t, struct hf_error *err)
{
	const struct hf_repository *repo = c->uses->p->repo;
	const struct hf_ref *pack = &c->uses->packs[number];
	struct hf_run_key key = {0};
	hf_object_name(HF_KIND_PACK, pack, c->uses->at);
	int r = hf_pack_open(repo->store, pack, repo->key, &repo->certs, &key, t, err);
	hf_run_key_wipe(&key);
	return r;
}

/* Goes through the used chunks, which come pack by pack; one table is in memory. */
static int copy_all(struct copying *c, struct hf_error *err)
{
	struct hf_pack_table t = {0};
	struct hf_prune_use use, before = {.pack = UINT32_MAX};
	const void *bytes;
	size_t len;
	int r = 0;
	while (r == 0 && (r = hf_sorter_next(c->uses->used, &bytes, &len, err)) > 0) {
		memcpy(&use, bytes, sizeof(use));
		r = hf_stop_check(err);
		if (r == 0 && use.pack != before.pack) {
			hf_pack_table_free(&t);
			r = open_pack(c, use.pack, &t, err);
		}
		before = use;
		if (r == 0)
			r = copy_chunk(c, (enum hf_chunk_kind)frame_of(&t, use.chunk)->chunk_kind, &t.chunks[use.chunk],
				&c->targets[use.pack], err);
	}
	hf_pack_table_free(&t);
	return r;
}

static int begin_copying(struct copying *c, struct hf_error *err)
{
	struct hf_prune *p = c->uses->p;
	const struct hf_index_options index = {.store = p->repo->store, .key = p->repo->key,
		.domain = &c->uses->access.domain, .certs = &c->writers, .cache_dir = hf_repository_copies(p->repo),
		.verified_dir = p->repo->cache_dir};
	c->targets = calloc(c->uses->pack_count + 1, sizeof(*c->targets));
	int r = c->targets ? hf_catalogue_writers(&p->look.catalogue, &c->writers, err)
			   : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = hf_index_open(&index, &c->index, err);
	for (size_t i = 0; i < p->look.condemned.count && r == 0; i++)
		r = hf_index_exclude_pack(c->index, &p->look.condemned.packs[i], err);
	const struct hf_ingest_options ingest = {
		.repo = p->repo, .index = c->index, .domain = &c->uses->access.domain, .scratch = p->options->scratch, .threads = 1};
	if (r == 0)
		r = hf_ingest_new(&ingest, &c->ingest, err);
	const struct hf_run_keeper_options keeper = {.repo = p->repo, .ingest = c->ingest};
	return r < 0 ? r : hf_run_keeper_start(&keeper, &c->keeper, err);
}

static void end_copying(struct copying *c)
{
	hf_run_keeper_stop(c->keeper);
	hf_ingest_free(c->ingest);
	hf_index_close(c->index);
	hf_certs_free(&c->writers);
	for (size_t i = 0; c->targets && i < c->uses->pack_count; i++) {
		free(c->targets[i].known);
		free(c->targets[i].slots);
	}
	free(c->targets);
	free(c->moved);
}

/* --- saying so, and deleting ------------------------------------------------------------------------------------------ */

static int add_moved(struct copying *c, const struct hf_ref *from, const struct hf_ref *to, struct hf_error *err)
{
	struct hf_moved *more = reallocarray(c->moved, c->moved_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	c->moved = more;
	more[c->moved_count++] = (struct hf_moved){*from, *to};
	return 0;
}

/* Where it is only known that a chunk went to some pack of this run, all of them stand for it. */
static int resolve(struct copying *c, size_t number, struct hf_error *err)
{
	struct targets *t = &c->targets[number];
	size_t count;
	int r = 0;
	for (size_t i = 0; i < t->slot_count && r >= 0; i++) {
		struct hf_ref pack;
		r = hf_ingest_slot_pack(c->ingest, t->slots[i], &pack, err);
		if (r > 0)
			r = add_known(t, &pack, err);
		const struct hf_ref *all = r == 0 && t->slots[i] == UINT32_MAX ? hf_ingest_packs(c->ingest, &count) : NULL;
		for (size_t k = 0; all && k < count && r >= 0; k++)
			r = add_known(t, &all[k], err);
	}
	t->known_count = hf_ref_sort(t->known, t->known_count);
	for (size_t i = 0; i < t->known_count && r >= 0; i++)
		r = add_moved(c, &c->uses->packs[number], &t->known[i], err);
	return r < 0 ? r : 0;
}

static int say_moved(struct copying *c, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < c->uses->pack_count && r == 0; i++)
		r = resolve(c, i, err);
	for (size_t i = 0; i < c->moved_count && r == 0;) {
		size_t end = i;
		/* All of one pack in one object. */
		while (end < c->moved_count &&
			(end - i < MOVES_AN_OBJECT || hf_ref_equal(&c->moved[end].from, &c->moved[end - 1].from)))
			end++;
		r = hf_condemned_put_moved(c->uses->p->repo, c->moved + i, end - i, err);
		i = end;
	}
	return r;
}

static bool is_sure(const struct targets *t, const struct hf_condemned *now)
{
	for (size_t i = 0; i < t->known_count; i++)
		if (hf_condemned_has(now, &t->known[i]))
			return false;
	return now->unreadable == 0;
}

static int delete_moved(struct copying *c, struct hf_error *err)
{
	struct hf_prune *p = c->uses->p;
	struct hf_condemned now;
	int r = hf_condemned_list(p->repo, &now, err);
	for (size_t i = 0; i < c->uses->pack_count && r == 0; i++) {
		if (c->uses->shares[i].is_foreign || !is_sure(&c->targets[i], &now))
			continue;
		r = hf_prune_erase(p, HF_KIND_PACK, &c->uses->packs[i], 0, "what is used of it lies in other packs", err);
		p->result->repacked += r == 0;
	}
	hf_condemned_free(&now);
	return r;
}

int hf_prune_move(struct hf_prune_uses *u, struct hf_error *err)
{
	struct copying c = {.uses = u};
	int r = begin_copying(&c, err);
	if (r == 0)
		r = copy_all(&c, err);
	if (r == 0)
		r = hf_ingest_finish(c.ingest, err);
	if (r == 0)
		r = say_moved(&c, err);
	if (r == 0)
		r = delete_moved(&c, err);
	end_copying(&c);
	return r;
}
