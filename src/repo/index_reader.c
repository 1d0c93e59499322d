/*
 * Reads one index segment; see index_segment.h. A block is authenticated whenever it is read, and one that fails in the copy
 * is read again from the store, as is the filter. An opened block goes to the cache that all segments share.
 */
#include "repo/index_segment_internal.h"

#include "base/buf.h"

#include <stdlib.h>

enum { FEW_BLOCKS = 2, PATIENCE = 4 }; /* see hf_index_segment_note_miss */

/* --- what it says of itself -------------------------------------------------------------------------------------- */

const struct hf_ref *hf_index_segment_ref(const struct hf_index_segment *s)
{
	return &s->ref;
}

uint64_t hf_index_segment_entries(const struct hf_index_segment *s)
{
	return s->entries;
}

uint32_t hf_index_segment_tier(const struct hf_index_segment *s)
{
	return s->tier;
}

const struct hf_ref *hf_index_segment_replaces(const struct hf_index_segment *s, size_t *count)
{
	*count = s->replaces_count;
	return s->replaces;
}

void hf_index_segment_range(const struct hf_index_segment *s, uint64_t *first, uint64_t *last)
{
	*first = s->entry_blocks ? s->firsts[0] : UINT64_MAX;
	*last = s->entry_blocks ? s->last : 0;
}

size_t hf_index_segment_filter_bytes(const struct hf_index_segment *s)
{
	return (size_t)s->lines * HF_INDEX_LINE_SIZE;
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

/* The run of `count` blocks from `first`, in its region: of entries, frames, packs or the filter. */
static struct hf_index_run run_of(const struct hf_index_segment *s, uint32_t first, uint32_t count)
{
	const uint32_t ends[] = {s->frames_at, s->packs_at, s->filter_at, s->blocks};
	size_t i = 0;
	while (first >= ends[i])
		i++;
	return (struct hf_index_run){.first = first, .count = count, .region = i ? ends[i - 1] : 0, .region_end = ends[i]};
}

/* Opens the blocks of a run, as they are sealed in `sealed`, in place. */
static int unseal_run(struct hf_index_segment *s, const struct hf_index_run *run, uint8_t *sealed, struct hf_error *err)
{
	int r = 0;
	for (uint32_t i = 0; i < run->count && r == 0; i++)
		r = hf_index_segment_unseal(s, run->first + i, sealed + (size_t)i * HF_INDEX_SEALED, HF_INDEX_SEALED, err);
	return r;
}

static int read_run_anew(struct hf_index_segment *s, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	int r = hf_index_copy_blocks_anew(&s->copy, run, out, err);
	return r < 0 ? r : unseal_run(s, run, out, err);
}

/* Reads and opens them, each at HF_INDEX_SEALED bytes from the one before. */
static int read_run(struct hf_index_segment *s, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	atomic_fetch_add_explicit(s->access->blocks_read, run->count, memory_order_relaxed);
	int r = hf_index_copy_blocks(&s->copy, run, out, err);
	if (r == 0)
		r = unseal_run(s, run, out, err);
	if (r == HF_E_CORRUPT && hf_index_copy_is_there(&s->copy))
		r = read_run_anew(s, run, out, err);
	if (hf_store_doubt(s->access->store, s->name, r, err))
		r = read_run_anew(s, run, out, err);
	return r;
}

static int read_block(struct hf_index_segment *s, uint32_t number, struct hf_index_block *b, struct hf_error *err)
{
	const struct hf_index_run run = run_of(s, number, 1);
	int r = read_run(s, &run, b->bytes, err);
	return r < 0 ? hf_wrap(err, r, "%s: block %u", s->name, number) : 0;
}

/* Block `number`, pinned; one that had to be read is in no cache yet. */
static int look_at_block(struct hf_index_segment *s, uint32_t number, struct hf_index_block **out, struct hf_error *err)
{
	struct hf_index_block *b = hf_index_cache_find(s->access->cache, s->serial, number);
	if (b) {
		atomic_fetch_add_explicit(s->access->blocks_cached, 1, memory_order_relaxed);
		*out = b;
		return 0;
	}
	b = hf_index_block_new(s->serial, number);
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	int r = read_block(s, number, b, err);
	if (r < 0) {
		hf_index_cache_release(s->access->cache, b);
		return r;
	}
	*out = b;
	return 0;
}

/* Block `number`, pinned and cached. */
static int get_block(struct hf_index_segment *s, uint32_t number, struct hf_index_block **out, struct hf_error *err)
{
	int r = look_at_block(s, number, out, err);
	if (r == 0 && !(*out)->cached)
		hf_index_cache_add(s->access->cache, *out);
	return r;
}

/* Reads all blocks of the filter at once, since a store far away is slow to answer. */
static int read_filter(struct hf_index_segment *s, uint8_t *sealed, uint8_t *filter, struct hf_error *err)
{
	const struct hf_index_run run = run_of(s, s->filter_at, s->blocks - s->filter_at);
	int r = read_run(s, &run, sealed, err);
	if (r < 0)
		return hf_wrap(err, r, "%s: the filter", s->name);
	for (uint32_t i = 0, left = s->lines; i < run.count; i++) {
		uint32_t n = left < HF_INDEX_LINES ? left : HF_INDEX_LINES;
		memcpy(filter + (size_t)i * HF_INDEX_BLOCK, sealed + (size_t)i * HF_INDEX_SEALED, (size_t)n * HF_INDEX_LINE_SIZE);
		left -= n;
	}
	return 0;
}

int hf_index_segment_load_filter(struct hf_index_segment *s, struct hf_error *err)
{
	uint8_t *filter = malloc((size_t)s->lines * HF_INDEX_LINE_SIZE);
	uint8_t *sealed = malloc((size_t)(s->blocks - s->filter_at) * HF_INDEX_SEALED);
	int r = filter && sealed ? read_filter(s, sealed, filter, err)
				 : hf_fail(err, HF_E_NOMEM, "no memory for the filter of an index segment");
	free(sealed);
	uint8_t *none = NULL;
	if (r < 0 || !atomic_compare_exchange_strong(&s->filter, &none, filter))
		free(filter);
	return r;
}

enum hf_index_filter *hf_index_segment_filter(struct hf_index_segment *s)
{
	return &s->filter_state;
}

bool hf_index_segment_wants_filter(const struct hf_index_segment *s)
{
	return !atomic_load_explicit(&s->filter, memory_order_acquire) && !hf_index_copy_is_near(&s->copy);
}

bool hf_index_segment_note_miss(struct hf_index_segment *s)
{
	uint32_t blocks = s->blocks - s->filter_at, most = blocks > FEW_BLOCKS ? PATIENCE * blocks : blocks;
	return !atomic_load_explicit(&s->filter, memory_order_acquire) && atomic_fetch_add(&s->misses, 1) + 1 == most;
}

bool hf_index_segment_may_hold(const struct hf_index_segment *s, const struct hf_chunk_id *id)
{
	uint64_t key = hf_index_key8(id);
	if (s->entry_blocks == 0 || key < s->firsts[0] || key > s->last)
		return false;
	const uint8_t *filter = atomic_load_explicit(&s->filter, memory_order_acquire);
	return !filter || hf_index_filter_has(filter, s->lines, id);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static uint32_t get_u24(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static struct hf_index_record record_at(const struct hf_index_block *b, size_t i)
{
	const uint8_t *p = b->bytes + i * HF_INDEX_ENTRY_SIZE;
	struct hf_index_record r = {.frame = get_u24(p + 16), .offset = get_u24(p + 19), .len = get_u24(p + 22)};
	memcpy(r.id.b, p, HF_ID_SIZE);
	return r;
}

static size_t entries_in(const struct hf_index_segment *s, uint32_t block)
{
	uint64_t left = s->entries - (uint64_t)block * HF_INDEX_ENTRIES;
	return left < HF_INDEX_ENTRIES ? (size_t)left : HF_INDEX_ENTRIES;
}

int hf_index_segment_pack(struct hf_index_segment *s, uint32_t number, struct hf_index_pack *pack, struct hf_error *err)
{
	struct hf_index_block *b = NULL;
	if (number >= s->packs)
		return hf_index_segment_lie(s, err, "a frame in a pack that isn't there");
	int r = get_block(s, s->packs_at + number / HF_INDEX_PACKS, &b, err);
	if (r < 0)
		return r;
	const uint8_t *p = b->bytes + (number % HF_INDEX_PACKS) * HF_INDEX_PACK_SIZE;
	memcpy(pack->ref.writer.b, p, HF_ID_SIZE);
	memcpy(pack->ref.id.b, p + HF_ID_SIZE, HF_ID_SIZE);
	memcpy(pack->run.b, p + 2 * HF_ID_SIZE, HF_ID_SIZE);
	hf_index_cache_release(s->access->cache, b);
	return 0;
}

uint32_t hf_index_segment_packs(const struct hf_index_segment *s)
{
	return s->packs;
}

int hf_index_segment_frame(struct hf_index_segment *s, uint32_t number, struct hf_index_frame *f,
	struct hf_index_pack *pack, struct hf_error *err)
{
	struct hf_index_block *b = NULL;
	if (number >= s->frames)
		return hf_index_segment_lie(s, err, "an entry in a frame that isn't there");
	int r = get_block(s, s->frames_at + number / HF_INDEX_FRAMES, &b, err);
	if (r < 0)
		return r;
	const uint8_t *p = b->bytes + (number % HF_INDEX_FRAMES) * HF_INDEX_FRAME_SIZE;
	*f = (struct hf_index_frame){.pack = hf_get_u32(p), .offset = hf_get_u32(p + 4), .stored_len = hf_get_u32(p + 8),
		.plain_len = hf_get_u32(p + 12), .number = hf_get_u64(p + 16), .key_number = hf_get_u32(p + 24)};
	hf_index_cache_release(s->access->cache, b);
	if (f->pack >= s->packs || f->plain_len > HF_FRAME_MAX || f->offset > HF_PACK_MAX || f->stored_len > HF_PACK_MAX)
		return hf_index_segment_lie(s, err, "a frame with impossible numbers");
	return hf_index_segment_pack(s, f->pack, pack, err);
}

static int place_of(struct hf_index_segment *s, const struct hf_index_record *record, struct hf_place *out,
	struct hf_error *err)
{
	struct hf_index_frame f;
	struct hf_index_pack pack;
	int r = hf_index_segment_frame(s, record->frame, &f, &pack, err);
	if (r < 0)
		return r;
	if (record->offset > f.plain_len || record->len > f.plain_len - record->offset)
		return hf_index_segment_lie(s, err, "an entry that reaches beyond its frame");
	*out = (struct hf_place){.pack = pack.ref, .run = pack.run, .key_number = f.key_number, .frame_number = f.number,
		.frame_offset = f.offset, .stored_len = f.stored_len, .plain_len = f.plain_len,
		.chunk_offset = record->offset, .chunk_len = record->len};
	return 1;
}

/* The first block that may hold an id that starts with `key`: the last one that starts below it. */
static uint32_t first_block_for(const struct hf_index_segment *s, uint64_t key)
{
	uint32_t low = 0, high = s->entry_blocks; /* blocks before low start below key; those from high on don't */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->firsts[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

/* The first entry of the block that is not below the id. */
static size_t first_entry_for(const struct hf_index_block *b, size_t count, const struct hf_chunk_id *id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(b->bytes + middle * HF_INDEX_ENTRY_SIZE, id->b, HF_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int hf_index_segment_find(struct hf_index_segment *s, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	unsigned *found, struct hf_error *err)
{
	uint64_t key = hf_index_key8(id);
	*found = 0;
	for (uint32_t n = first_block_for(s, key); n < s->entry_blocks && s->firsts[n] <= key; n++) {
		struct hf_index_block *b;
		int r = look_at_block(s, n, &b, err);
		if (r < 0)
			return r;
		size_t count = entries_in(s, n), i = first_entry_for(b, count, id);
		bool beyond = i < count;
		struct hf_index_record record;
		for (; i < count && r == 0; i++) {
			record = record_at(b, i);
			if (memcmp(record.id.b, id->b, HF_ID_SIZE) != 0)
				break;
			beyond = i + 1 < count;
			r = (*found)++ == nth;
		}
		if (*found && !b->cached) /* blocks in which nothing was found don't crowd out those in which there was */
			hf_index_cache_add(s->access->cache, b);
		hf_index_cache_release(s->access->cache, b);
		if (r == 1)
			return place_of(s, &record, out, err);
		if (beyond)
			break;
	}
	return 0;
}

int hf_index_scan_next(struct hf_index_scan *scan, struct hf_index_record *out, struct hf_error *err)
{
	struct hf_index_segment *s = scan->segment;
	if (scan->at == s->entries)
		return 0;
	uint32_t number = (uint32_t)(scan->at / HF_INDEX_ENTRIES);
	if (!scan->block || scan->block->number != number) {
		hf_index_scan_end(scan);
		struct hf_index_block *b = hf_index_block_new(s->serial, number);
		int r = b ? read_block(s, number, b, err) : hf_fail(err, HF_E_NOMEM, "no memory for the index");
		if (r < 0) {
			hf_index_cache_release(s->access->cache, b);
			return r;
		}
		scan->block = b;
	}
	*out = record_at(scan->block, (size_t)(scan->at % HF_INDEX_ENTRIES));
	if (scan->at > 0 && memcmp(scan->last.b, out->id.b, HF_ID_SIZE) > 0)
		return hf_index_segment_lie(s, err, "entries out of order");
	scan->last = out->id;
	scan->at++;
	return 1;
}

void hf_index_scan_end(struct hf_index_scan *scan)
{
	if (scan->block)
		hf_index_cache_release(scan->segment->access->cache, scan->block);
	scan->block = NULL;
}
