/*
 * The blocks of an index segment, opened. Input: u16 entries, u16 frames, u16 packs, u8 lines of the filter less one, then their records,
 * one after another: they are cut into blocks here.
 */
#define hf_index_copy_blocks fuzz_blocks
#define hf_index_copy_blocks_anew fuzz_blocks
#define hf_index_segment_unseal fuzz_unseal
#include "repo/index_reader.c"

#include "base/cursor.h"
#include "fuzz.h"

/* The records of the four regions. */
static struct region {
	const uint8_t *data;
	size_t len, in_block;
	uint32_t first, blocks;
} regions[4];

int fuzz_blocks(struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	(void)c;
	(void)err;
	memset(out, 0, (size_t)run->count * HF_INDEX_SEALED);
	for (uint32_t i = 0; i < run->count; i++)
		for (const struct region *r = regions; r < regions + 4; r++) {
			uint32_t block = run->first + i;
			size_t at = (size_t)(block - r->first) * r->in_block;
			if (block >= r->first && block - r->first < r->blocks && at < r->len)
				memcpy(out + (size_t)i * HF_INDEX_SEALED, r->data + at, r->len - at < r->in_block ? r->len - at : r->in_block);
		}
	return 0;
}

int fuzz_unseal(struct hf_index_segment *s, uint64_t nonce, uint8_t *bytes, size_t len, struct hf_error *err)
{
	(void)s;
	(void)nonce;
	(void)bytes;
	(void)len;
	(void)err;
	return 0;
}

static uint32_t set_region(struct hf_cursor *c, int i, uint32_t records, size_t size)
{
	struct region *before = i ? &regions[i - 1] : NULL, *r = &regions[i];
	size_t left = hf_cursor_left(c), len = records * size, in_block = HF_INDEX_BLOCK / size;
	*r = (struct region){.len = len < left ? len : left, .in_block = in_block * size, .first = before ? before->first + before->blocks : 0,
		.blocks = (uint32_t)((records + in_block - 1) / in_block)};
	r->data = hf_cursor_bytes(c, r->len);
	return r->first;
}

/* Everyone's place is asked for, and one after it that isn't there. */
static void look_at(struct hf_index_segment *s)
{
	struct hf_index_scan scan = {.segment = s};
	struct hf_index_record record;
	struct hf_error err = {0};
	int r;
	while ((r = hf_index_scan_next(&scan, &record, &err)) == 1) {
		struct hf_place place;
		unsigned found;
		if (hf_index_segment_find(s, &record.id, 0, &place, &found, &err) == 1)
			FUZZ_MUST(place.chunk_offset <= place.plain_len && place.chunk_len <= place.plain_len - place.chunk_offset &&
				  place.plain_len <= HF_FRAME_MAX && place.stored_len <= HF_PACK_MAX);
		if (hf_index_segment_find(s, &record.id, 1u << 20, &place, &found, &err) == 1)
			abort();
	}
	hf_index_scan_end(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_cursor c = hf_cursor(data, size);
	_Atomic uint64_t read = 0, cached = 0;
	struct hf_index_access access = {.blocks_read = &read, .blocks_cached = &cached};
	struct hf_index_segment s = {.access = &access, .serial = 1, .name = "a segment", .copy.fd = -1};
	s.entries = hf_cursor_u16(&c);
	s.frames = hf_cursor_u16(&c);
	s.packs = hf_cursor_u16(&c);
	s.lines = hf_cursor_u8(&c) + 1u;
	set_region(&c, 0, (uint32_t)s.entries, HF_INDEX_ENTRY_SIZE);
	s.frames_at = set_region(&c, 1, s.frames, HF_INDEX_FRAME_SIZE);
	s.packs_at = set_region(&c, 2, s.packs, HF_INDEX_PACK_SIZE);
	s.filter_at = set_region(&c, 3, s.lines, HF_INDEX_LINE_SIZE);
	s.entry_blocks = regions[0].blocks;
	s.blocks = s.filter_at + regions[3].blocks;
	struct hf_error err = {0};
	s.firsts = calloc(s.entry_blocks + 1, sizeof(*s.firsts));
	s.last = UINT64_MAX;
	FUZZ_MUST(s.firsts && hf_index_cache_new(1 << 20, &access.cache, &err) == 0);
	for (uint32_t i = 0; i < s.entry_blocks; i++) {
		struct hf_index_block *b = hf_index_block_new(1, i);
		FUZZ_MUST(b && read_block(&s, i, b, &err) == 0);
		s.firsts[i] = hf_index_key8((const struct hf_chunk_id *)b->bytes);
		hf_index_cache_release(access.cache, b);
	}
	FUZZ_MUST(hf_index_segment_load_filter(&s, &err) == 0);
	look_at(&s);
	hf_index_cache_free(access.cache);
	free(atomic_load(&s.filter));
	free(s.firsts);
	return 0;
}
