/*
 * Repacking: of packs that snapshots refer to, and that are mostly of no use any more, what is used is stored in other packs, so
 * that they can go.
 *
 * Which chunks are used is told by the manifests of all live snapshots. Ids of used chunks and of the chunks in the packs in
 * question are sorted together (on disk where it takes that): a chunk of a pack is used if both have its id. What snapshots share is
 * walked once: nodes that were met lately are remembered, in a table that forgets one when another needs its place.
 *
 * The order (FORMAT.md, section 13): such a pack is condemned before the look at snapshots by which its use is judged, so no
 * snapshot that is not seen can come to rely on it. What is used is stored in packs that aren't condemned, unless it lies
 * in one anyway. Then a condemnation is PUT that says which packs these are ("moved"), so that whoever sees a snapshot refer to the old
 * pack takes it to refer to those as well; then condemnations are listed once more, and the old pack is deleted only if none of those
 * is condemned by then.
 */
#include "ops/prune_internal.h"

#include "base/sorter.h"
#include "base/stop.h"
#include "crypto/random.h"
#include "ops/access.h"
#include "ops/run_keeper.h"
#include "repo/condemned.h"
#include "repo/manifest_reader.h"
#include "repo/object_fetch.h"
#include "repo/pack.h"
#include "repo/ref_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SORT_MEMORY = 16 << 20, MOVES_AN_OBJECT = 4096, NODES_REMEMBERED = 65536, ATTEMPTS = 3 };

/* Sorted by id; that a chunk is used comes before where it lies. */
struct id_record {
	struct hf_chunk_id id;
	uint8_t is_place, pad[3];
	uint32_t pack, chunk, len; /* of a place: numbers in the list of packs and in the pack's table */
};
static_assert(sizeof(struct id_record) == 32, "no padding that is not named: it is sorted as bytes");

struct use_record { /* a used chunk of a pack */
	uint32_t pack, chunk;
};

struct share {
	uint64_t total, used;
	uint32_t pack;
};

/* What is known of the use of the packs in p->repackable. */
struct uses {
	struct hf_prune *p;
	struct hf_access access;
	struct hf_sorter *ids;
	struct hf_sorter *used; /* struct use_record */
	struct share *shares;
	struct hf_chunk_id *met; /* nodes below which all is noted, or will be before the walk is over */
};

static int by_id(const void *a, size_t a_len, const void *b, size_t b_len)
{
	(void)a_len;
	(void)b_len;
	return memcmp(a, b, HF_ID_SIZE + 1);
}

static int by_pack(const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct use_record x, y;
	(void)a_len;
	(void)b_len;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x.pack != y.pack)
		return x.pack < y.pack ? -1 : 1;
	return (x.chunk > y.chunk) - (x.chunk < y.chunk);
}

int hf_prune_note_repackable(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err)
{
	const unsigned wanted = HF_GC_EXISTS | HF_GC_REFERENCED;
	const unsigned against = HF_GC_RUNNING | HF_GC_UNSEEING | HF_GC_BLOCKED;
	const struct hf_cert *cert = hf_certs_find(&p->repo->certs, &pack->ref.writer);
	if (!p->options->has_max_unused || (pack->flags & wanted) != wanted || (pack->flags & against) || !cert ||
		!cert->has_domain || !p->repo->key->has_domain || !hf_id_equal(&cert->domain, &p->repo->key->domain.id))
		return 0;
	size_t n = p->repackable_count;
	if ((n & (n - 1)) == 0) {
		struct hf_ref *more = reallocarray(p->repackable, n ? 2 * n : 1, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		p->repackable = more;
	}
	p->repackable[p->repackable_count++] = pack->ref;
	return 0;
}

/* --- what is used ----------------------------------------------------------------------------------------------------- */

static int note_used(struct uses *u, const struct hf_chunk_id *id, struct hf_error *err)
{
	const struct id_record record = {.id = *id};
	return hf_sorter_add(u->ids, &record, sizeof(record), err);
}

/* Whether the node was met in this walk; if not, or if that is forgotten, it is from now on. A walk that fails is of no use as
 * a whole, so it doesn't matter that what is below it is still to come. */
static bool has_met(const struct uses *u, const struct hf_chunk_id *node)
{
	uint16_t place;
	memcpy(&place, node->b, sizeof(place));
	bool met = memcmp(&u->met[place], node, sizeof(*node)) == 0;
	u->met[place] = *node;
	return met;
}

/* Loads nodes of manifests and contents, and notes them. */
static int load_noting(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	struct uses *u = user;
	int r = note_used(u, id, err);
	return r < 0 ? r : hf_reader_load(u->access.reader, kind, id, expected_len, out, err);
}

static bool has_met_node(void *user, const struct hf_manifest_child *node, struct hf_buf *last)
{
	(void)last;
	return has_met(user, &node->id);
}

static int walk_content(struct uses *u, const struct hf_content *content, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_noting, u};
	struct hf_chunk_ref ref;
	uint64_t offset;
	if (content->form == HF_CONTENT_LIST && has_met(u, &content->root))
		return 0;
	int r = hf_content_reader_open(&feed, content, &reader, err);
	while (r == 0 && (r = hf_content_reader_next(reader, &ref, &offset, err)) > 0)
		r = note_used(u, &ref.id, err);
	return r;
}

static int walk_source(struct uses *u, const struct hf_snapshot_source *source, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_noting, u};
	const struct hf_manifest_entry *e;
	int r = note_used(u, &source->about, err);
	if (r < 0 || has_met(u, &source->root))
		return r;
	r = hf_manifest_reader_open(&feed, &source->root, &reader, err);
	if (r == 0)
		hf_manifest_reader_pass_over(reader, has_met_node, u);
	while (r == 0 && (r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		r = hf_stop_check(err);
		if (r == 0 && e->entry.type == HF_ENTRY_FILE && e->content.bytes)
			r = walk_content(u, &e->content, err);
	}
	return r < 0 ? hf_wrap(err, r, "source %s", source->name) : 0;
}

static int walk_snapshots(struct uses *u, struct hf_error *err)
{
	const struct hf_prune_look *look = &u->p->look;
	int r = 0;
	for (size_t i = 0; i < look->snapshot_count && r == 0; i++) {
		const struct hf_prune_snapshot *listed = &look->snapshots[i];
		struct hf_snapshot s = {0};
		if (listed->is_forgotten || listed->is_void)
			continue;
		r = hf_snapshot_get(u->p->repo, &listed->ref, HF_SNAPSHOT_WITHOUT_PACKS, &s, err);
		bool is_ours = r == 0 && hf_id_equal(&s.domain, &u->access.domain.id);
		for (size_t k = 0; is_ours && r == 0 && k < s.source_count; k++)
			r = walk_source(u, &s.sources[k], err);
		hf_snapshot_free(&s);
	}
	return r < 0 ? hf_wrap(err, r, "find out what is used") : 0;
}

static int note_places(struct uses *u, uint32_t number, struct hf_error *err)
{
	struct hf_prune *p = u->p;
	struct hf_run_key key = {0};
	struct hf_pack_table t = {0};
	u->shares[number].pack = number;
	int r = hf_pack_open(p->repo->store, &p->repackable[number], p->repo->key, &p->repo->certs, &key, &t, err);
	for (uint32_t i = 0; i < t.chunk_count && r == 0; i++) {
		const struct id_record place = {
			.id = t.chunks[i].id, .is_place = 1, .pack = number, .chunk = i, .len = t.chunks[i].len};
		u->shares[number].total += place.len;
		r = hf_sorter_add(u->ids, &place, sizeof(place), err);
	}
	hf_pack_table_free(&t);
	hf_run_key_wipe(&key);
	return r;
}

static int join(struct uses *u, struct hf_error *err)
{
	const void *bytes;
	size_t len;
	struct id_record now, used = {.is_place = 1};
	int r = hf_sorter_finish(u->ids, err);
	while (r == 0 && (r = hf_sorter_next(u->ids, &bytes, &len, err)) > 0) {
		memcpy(&now, bytes, sizeof(now));
		r = 0;
		if (!now.is_place) {
			used = now;
		} else if (!used.is_place && memcmp(&used.id, &now.id, sizeof(now.id)) == 0) {
			const struct use_record use = {now.pack, now.chunk};
			u->shares[now.pack].used += now.len;
			r = hf_sorter_add(u->used, &use, sizeof(use), err);
		}
	}
	return r < 0 ? r : hf_sorter_finish(u->used, err);
}

static int find_uses(struct uses *u, struct hf_error *err)
{
	struct hf_prune *p = u->p;
	u->shares = calloc(p->repackable_count + 1, sizeof(*u->shares));
	u->met = calloc(NODES_REMEMBERED, sizeof(*u->met));
	int r = u->shares && u->met ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = hf_access_open(p->repo, &p->repo->key->domain.id, &u->access, err);
	if (r == 0)
		r = hf_sorter_new(SORT_MEMORY, p->options->scratch, by_id, &u->ids, err);
	if (r == 0)
		r = hf_sorter_new(SORT_MEMORY, p->options->scratch, by_pack, &u->used, err);
	if (r == 0)
		r = walk_snapshots(u, err);
	for (uint32_t i = 0; i < p->repackable_count && r == 0; i++)
		r = note_places(u, i, err);
	return r < 0 ? r : join(u, err);
}

static void end_uses(struct uses *u)
{
	hf_sorter_free(u->ids);
	hf_sorter_free(u->used);
	hf_access_close(&u->access);
	free(u->shares);
	free(u->met);
}

/* --- choosing --------------------------------------------------------------------------------------------------------- */

static double unused_share(const struct share *s)
{
	return s->total ? (double)(s->total - s->used) / (double)s->total : 0;
}

/* Those of least use first. */
static int by_share(const void *a, const void *b)
{
	double x = unused_share(a), y = unused_share(b);
	return x != y ? (x > y ? -1 : 1) : 0;
}

/* Keeps the chosen ones in p->repackable. */
static int choose(struct uses *u, struct hf_error *err)
{
	struct hf_prune *p = u->p;
	uint64_t total = 0, unused = 0;
	size_t count = p->repackable_count, chosen = 0;
	struct hf_ref *refs = calloc(count + 1, sizeof(*refs));
	if (!refs)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < count; i++) {
		total += u->shares[i].total;
		unused += u->shares[i].total - u->shares[i].used;
	}
	if (count)
		qsort(u->shares, count, sizeof(*u->shares), by_share);
	while (chosen < count && (double)unused > p->options->max_unused * (double)total && unused_share(&u->shares[chosen]) > 0) {
		unused -= u->shares[chosen].total - u->shares[chosen].used;
		refs[chosen] = p->repackable[u->shares[chosen].pack];
		chosen++;
	}
	free(p->repackable);
	p->repackable = refs;
	p->repackable_count = hf_ref_sort(refs, chosen);
	return 0;
}

/* What can't be read keeps packs from being repacked, and nothing else. */
static int give_up(struct hf_prune *p, const struct hf_error *why, struct hf_error *err)
{
	if (why->code != HF_E_CORRUPT && why->code != HF_E_NOTFOUND && why->code != HF_E_UNSUPPORTED)
		return hf_fail(err, why->code, "repack: %s", why->msg);
	return hf_prune_problem(p, "repacking", &p->repo->key->id, why->msg, err);
}

/* What could not be read may be what another prune deleted meanwhile: a fresh look tells. Notes what it gives that verdict. */
static int look_anew(struct hf_prune *p, enum hf_gc_verdict verdict, struct hf_error *err)
{
	struct hf_gc_pack pack;
	p->repackable_count = 0;
	int r = hf_prune_look(p, err);
	while (r == 0 && (r = hf_prune_next(p, &pack, err)) > 0)
		r = hf_gc_judge(&pack, &p->clock) == verdict ? hf_prune_note_repackable(p, &pack, err) : 0;
	return r;
}

static int try_choosing(struct hf_prune *p, struct hf_error *err)
{
	struct uses u = {.p = p};
	int r = find_uses(&u, err);
	if (r == 0)
		r = choose(&u, err);
	end_uses(&u);
	return r;
}

/* Does it with what was noted, and where that can't be read, with what a fresh look notes. */
static int insist(struct hf_prune *p, int (*try)(struct hf_prune *p, struct hf_error *err), enum hf_gc_verdict verdict,
	struct hf_error *err)
{
	struct hf_error why = {0};
	int r = 0;
	for (int i = 0; i < ATTEMPTS && p->repackable_count; i++) {
		r = try(p, &why);
		if (!hf_object_is_lost(r))
			break;
		int looked = i + 1 < ATTEMPTS ? look_anew(p, verdict, err) : 0;
		if (looked < 0)
			return looked;
		r = p->repackable_count ? r : 0;
	}
	if (r < 0)
		p->repackable_count = 0;
	return r < 0 ? give_up(p, &why, err) : 0;
}

int hf_prune_choose_unused(struct hf_prune *p, struct hf_error *err)
{
	return insist(p, try_choosing, HF_GC_KEEP, err);
}

/* --- copying ---------------------------------------------------------------------------------------------------------- */

/* Where the used chunks of one old pack lie by now. */
struct targets {
	struct hf_ref *known;
	hf_slot *slots;
	size_t known_count, slot_count;
};

struct copying {
	struct uses *uses;
	struct hf_certs writers;
	struct hf_index *index;
	struct hf_ingest *ingest;
	struct hf_run_keeper *keeper;
	struct targets *targets; /* of each pack in p->repackable */
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

/* Goes through the used chunks, which come pack by pack; one table is in memory. */
static int copy_all(struct copying *c, struct hf_error *err)
{
	struct hf_prune *p = c->uses->p;
	struct hf_run_key key = {0};
	struct hf_pack_table t = {0};
	struct use_record use, before = {.pack = UINT32_MAX};
	const void *bytes;
	size_t len;
	int r = 0;
	while (r == 0 && (r = hf_sorter_next(c->uses->used, &bytes, &len, err)) > 0) {
		memcpy(&use, bytes, sizeof(use));
		r = hf_stop_check(err);
		if (r == 0 && use.pack != before.pack) {
			hf_pack_table_free(&t);
			r = hf_pack_open(p->repo->store, &p->repackable[use.pack], p->repo->key, &p->repo->certs, &key, &t, err);
		}
		before = use;
		if (r == 0)
			r = copy_chunk(c, (enum hf_chunk_kind)frame_of(&t, use.chunk)->chunk_kind, &t.chunks[use.chunk],
				&c->targets[use.pack], err);
	}
	hf_pack_table_free(&t);
	hf_run_key_wipe(&key);
	return r;
}

static int begin_copying(struct copying *c, struct hf_error *err)
{
	struct hf_prune *p = c->uses->p;
	const struct hf_index_options index = {.store = p->repo->store, .key = p->repo->key,
		.domain = &p->repo->key->domain, .certs = &c->writers, .cache_dir = hf_repository_copies(p->repo),
		.verified_dir = p->repo->cache_dir};
	c->targets = calloc(p->repackable_count + 1, sizeof(*c->targets));
	int r = c->targets ? hf_catalogue_writers(&p->look.catalogue, &c->writers, err)
			   : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = hf_index_open(&index, &c->index, err);
	for (size_t i = 0; i < p->look.condemned.count && r == 0; i++)
		r = hf_index_exclude_pack(c->index, &p->look.condemned.packs[i], err);
	const struct hf_ingest_options ingest = {
		.repo = p->repo, .index = c->index, .scratch = p->options->scratch, .threads = 1};
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
	for (size_t i = 0; c->targets && i < c->uses->p->repackable_count; i++) {
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
		r = add_moved(c, &c->uses->p->repackable[number], &t->known[i], err);
	return r < 0 ? r : 0;
}

static int say_moved(struct copying *c, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < c->uses->p->repackable_count && r == 0; i++)
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
	for (size_t i = 0; i < p->repackable_count && r == 0; i++) {
		if (!is_sure(&c->targets[i], &now))
			continue;
		r = hf_prune_erase(p, HF_KIND_PACK, &p->repackable[i], 0, "what is used of it lies in other packs", err);
		p->result->repacked += r == 0;
	}
	hf_condemned_free(&now);
	return r;
}

static int copy(struct uses *u, struct hf_error *err)
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

static int try_copying(struct hf_prune *p, struct hf_error *err)
{
	struct uses u = {.p = p};
	int r = find_uses(&u, err);
	if (r == 0)
		r = copy(&u, err);
	end_uses(&u);
	return r;
}

int hf_prune_repack(struct hf_prune *p, struct hf_error *err)
{
	return p->options->dry_run ? 0 : insist(p, try_copying, HF_GC_HOLD, err);
}
