/* Opening the index, and looking things up in it; see index.h and index_internal.h. */
#include "repo/index_internal.h"

#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>

enum { CACHE_BYTES = 8 << 20, FILTER_BYTES = 16 << 20, MEMTABLE_ENTRIES = 65536, PACKS_AT_ONCE = 16384 };

static void set_options(struct hf_index *index, const struct hf_index_options *options)
{
	index->options = *options;
	for (size_t i = 0; options->certs && i < options->certs->count; i++)
		index->knows_revoked = index->knows_revoked || options->certs->certs[i].revoked;
	if (!index->options.cache_bytes)
		index->options.cache_bytes = CACHE_BYTES;
	if (!index->options.filter_bytes)
		index->options.filter_bytes = FILTER_BYTES;
	if (!index->options.memtable_entries)
		index->options.memtable_entries = MEMTABLE_ENTRIES;
	index->access = (struct hf_index_access){.store = options->store, .key = options->key, .domain = options->domain,
		.certs = options->certs, .cache = index->cache, .cache_dir = options->cache_dir,
		.serials = &index->serials, .blocks_read = &index->blocks_read, .blocks_cached = &index->blocks_cached};
}

int hf_index_open(const struct hf_index_options *options, struct hf_index **out, struct hf_error *err)
{
	struct hf_index *index = calloc(1, sizeof(*index));
	if (!index)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	pthread_mutex_init(&index->lock, NULL);
	pthread_mutex_init(&index->flush_lock, NULL);
	pthread_cond_init(&index->filter_done, NULL);
	int r = hf_index_cache_new(options->cache_bytes ? options->cache_bytes : CACHE_BYTES, &index->cache, err);
	if (r == 0)
		r = hf_ref_set_new(&index->excluded, err);
	if (r == 0)
		r = hf_memtable_new(index->excluded, &index->memtable, err);
	if (r == 0) {
		set_options(index, options);
		r = hf_index_load(index, err);
	}
	if (r < 0) {
		hf_index_close(index);
		return r;
	}
	*out = index;
	return 0;
}

void hf_index_close(struct hf_index *index)
{
	if (!index)
		return;
	hf_index_list_give(index->list);
	hf_memtable_free(index->memtable);
	hf_ref_set_free(index->excluded);
	hf_index_cache_free(index->cache);
	for (size_t i = 0; i < index->damage_count; i++)
		free(index->damage[i].why);
	free(index->damage);
	free(index->obsolete);
	free(index->garbage);
	free(index->packs);
	pthread_mutex_destroy(&index->lock);
	pthread_mutex_destroy(&index->flush_lock);
	pthread_cond_destroy(&index->filter_done);
	free(index);
}

/* The nth place in one segment: 1, or 0 and how many there are. What is damaged is noted and passed over. */
static int find_in(struct hf_index *index, struct hf_index_segment *s, const struct hf_chunk_id *id, unsigned nth,
	struct hf_place *out, unsigned *found, struct hf_error *err)
{
	struct hf_error here; /* two KiB, which would take longer to clear than all the rest takes */
	here.code = 0;
	here.msg[0] = 0;
	*found = 0;
	if (!hf_index_segment_may_hold(s, id))
		return 0;
	if (hf_index_segment_wants_filter(s)) {
		int w = hf_index_want_filter(index, s, err);
		if (w < 0 || !hf_index_segment_may_hold(s, id))
			return w;
	}
	int r = hf_index_segment_find(s, id, nth, out, found, &here);
	if (r == 0 && !*found && hf_index_segment_note_miss(s))
		return hf_index_want_filter(index, s, err);
	if (r >= 0 || hf_index_is_damage(index, hf_index_segment_ref(s), r, &here))
		return r < 0 ? 0 : r;
	return hf_fail(err, r, "%s", here.msg);
}

/* Not on a condemned pack, whose days are counted; nor on one by a revoked key: its thief may have made it. (An owner's segment
 * may name such packs, since old snapshots need them.) */
static bool may_rely_on(struct hf_index *index, const struct hf_ref *pack)
{
	if (hf_ref_set_has(index->excluded, pack))
		return false;
	const struct hf_cert *cert = index->knows_revoked ? hf_certs_find(index->options.certs, &pack->writer) : NULL;
	return !cert || !cert->revoked;
}

/* A pack in a segment that may be relied on: 1 or 0. */
static int look_in_segments(struct hf_index *index, const struct hf_chunk_id *id, struct hf_index_hit *hit,
	struct hf_error *err)
{
	struct hf_index_list *list = hf_index_list_take(index);
	int r = 0;
	for (size_t i = 0; i < list->count && r == 0; i++) {
		struct hf_place place;
		unsigned found = 0, nth = 0;
		do
			r = find_in(index, list->segments[i], id, nth++, &place, &found, err);
		while (r == 1 && !may_rely_on(index, &place.pack));
		if (r == 1)
			*hit = (struct hf_index_hit){.has_pack = true, .pack = place.pack};
	}
	hf_index_list_give(list);
	return r;
}

/* 1: the segment has the chunk in that pack; 0, or a failure that is no damage. */
static int has_place_in(struct hf_index *index, struct hf_index_segment *s, const struct hf_chunk_id *id,
	const struct hf_ref *pack)
{
	struct hf_place place;
	struct hf_error why = {0};
	unsigned found = 0, nth = 0;
	int r;
	do
		r = find_in(index, s, id, nth++, &place, &found, &why);
	while (r == 1 && !hf_ref_equal(&place.pack, pack));
	return r;
}

bool hf_index_has_place(struct hf_index *index, const struct hf_chunk_id *id, const struct hf_ref *pack)
{
	struct hf_index_list *list = hf_index_list_take(index);
	int r = 0;
	for (size_t i = 0; i < list->count && r == 0; i++)
		r = has_place_in(index, list->segments[i], id, pack);
	hf_index_list_give(list);
	return r == 1 && may_rely_on(index, pack);
}

int hf_index_claim(struct hf_index *index, const struct hf_chunk_id *id, struct hf_index_hit *hit, struct hf_error *err)
{
	*hit = (struct hf_index_hit){0};
	int r = hf_memtable_lookup(index->memtable, id, true, hit, err);
	if (r != 0)
		return r;
	/* Claimed first and looked up then, so that nobody else does the same meanwhile. */
	r = look_in_segments(index, id, hit, err);
	if (r != 0)
		hf_memtable_unclaim(index->memtable, id);
	return r;
}

int hf_index_lookup(struct hf_index *index, const struct hf_chunk_id *id, struct hf_index_hit *hit, struct hf_error *err)
{
	*hit = (struct hf_index_hit){0};
	int r = hf_memtable_lookup(index->memtable, id, false, hit, err);
	return r != 0 ? r : look_in_segments(index, id, hit, err);
}

int hf_index_find(struct hf_index *index, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	struct hf_error *err)
{
	unsigned found = 0;
	if (hf_memtable_find(index->memtable, id, nth, out, &found))
		return 0;
	nth -= found;
	struct hf_index_list *list = hf_index_list_take(index);
	int r = 0;
	for (size_t i = 0; i < list->count && r == 0; i++) {
		r = find_in(index, list->segments[i], id, nth, out, &found, err);
		nth -= r == 0 ? found : 0;
	}
	hf_index_list_give(list);
	if (r == 0)
		return hf_fail(err, HF_E_NOTFOUND, "the index has no such chunk");
	return r < 0 ? r : 0;
}

int hf_index_exclude_pack(struct hf_index *index, const struct hf_ref *pack, struct hf_error *err)
{
	return hf_ref_set_add(index->excluded, pack, err);
}

bool hf_index_is_excluded(struct hf_index *index, const struct hf_ref *pack)
{
	return hf_ref_set_has(index->excluded, pack);
}

/* Takes down what one segment names; as far as it can be read, and as there is memory. */
static void gather_packs(struct hf_index *index, struct hf_index_segment *s)
{
	uint32_t count = hf_index_segment_packs(s);
	struct hf_ref *grown = realloc(index->packs, (index->pack_count + count + 1) * sizeof(*grown));
	if (!grown)
		return;
	index->packs = grown;
	for (uint32_t i = 0; i < count; i++) {
		struct hf_index_pack pack;
		struct hf_error err = {0};
		int r = hf_index_segment_pack(s, i, &pack, &err);
		if (r == 0)
			index->packs[index->pack_count++] = pack.ref;
		else if (hf_index_is_damage(index, hf_index_segment_ref(s), r, &err))
			continue;
	}
}

/* Once: all that the segments name, sorted. Most segments name most packs, since ids lie anywhere: so repetitions are dropped on the
 * way, whenever there may be more of them than packs. */
static void know_packs(struct hf_index *index)
{
	size_t distinct = 0;
	if (index->has_packs)
		return;
	struct hf_index_list *list = hf_index_list_take(index);
	for (size_t i = 0; i < list->count; i++) {
		gather_packs(index, list->segments[i]);
		if (index->pack_count > 2 * distinct + PACKS_AT_ONCE)
			index->pack_count = distinct = hf_ref_sort(index->packs, index->pack_count);
	}
	hf_index_list_give(list);
	index->pack_count = hf_ref_sort(index->packs, index->pack_count);
	index->has_packs = true;
}

bool hf_index_has_pack(struct hf_index *index, const struct hf_ref *pack)
{
	know_packs(index);
	return may_rely_on(index, pack) && hf_ref_find(index->packs, index->pack_count, pack);
}

int hf_index_exclude_all(struct hf_index *index, struct hf_error *err)
{
	int r = 0;
	know_packs(index);
	for (size_t i = 0; i < index->pack_count && r == 0; i++)
		r = hf_index_exclude_pack(index, &index->packs[i], err);
	return r;
}

bool hf_index_garbage(const struct hf_index *index, size_t number, struct hf_index_garbage *out)
{
	if (number >= index->garbage_count)
		return false;
	*out = index->garbage[number];
	return true;
}

bool hf_index_damaged(struct hf_index *index, size_t number, struct hf_ref *ref, const char **why)
{
	pthread_mutex_lock(&index->lock);
	bool there = number < index->damage_count;
	if (there && ref)
		*ref = index->damage[number].ref;
	if (there && why)
		*why = index->damage[number].why;
	pthread_mutex_unlock(&index->lock);
	return there;
}

size_t hf_index_damaged_count(struct hf_index *index)
{
	pthread_mutex_lock(&index->lock);
	size_t count = index->damage_count;
	pthread_mutex_unlock(&index->lock);
	return count;
}

void hf_index_stats(struct hf_index *index, struct hf_index_stats *out)
{
	struct hf_index_list *list = hf_index_list_take(index);
	*out = (struct hf_index_stats){.segments = list->count, .memtable_entries = hf_memtable_noted(index->memtable),
		.claims = hf_memtable_held(index->memtable), .flushed = atomic_load(&index->flushed),
		.merged = atomic_load(&index->merged), .bytes_written = atomic_load(&index->bytes_written),
		.blocks_read = atomic_load(&index->blocks_read), .blocks_cached = atomic_load(&index->blocks_cached)};
	for (size_t i = 0; i < list->count; i++)
		out->segment_entries += hf_index_segment_entries(list->segments[i]);
	hf_index_list_give(list);
	pthread_mutex_lock(&index->lock);
	out->filter_bytes = hf_index_filters_held(index);
	pthread_mutex_unlock(&index->lock);
}
