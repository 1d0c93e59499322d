/*
 * Writes one index segment; see index_segment.h. Blocks are sealed as they fill; frames, packs and the filter wait until the
 * entries are through. The whole segment lies in memory at the end, since a store takes objects in one piece.
 */
#include "repo/index_segment.h"

#include "base/buf.h"
#include "base/file.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "repo/object.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_PER_LINE = 42, SEGMENT_MAX = 1 << 30 };

struct hf_index_writer {
	const struct hf_index_access *access;
	struct hf_ref ref;
	uint8_t header[HF_INDEX_HEADER];
	struct hf_aead *aead;
	struct hf_buf out;   /* the sealed blocks, later root, tail and signature */
	struct hf_buf block; /* the block that is being filled */
	struct hf_buf frames, packs, firsts;
	uint32_t frame_count, pack_count, block_count, entry_blocks;
	uint64_t entries;
	struct hf_chunk_id last;
	uint8_t *filter;
	uint32_t lines;
};

int hf_index_segment_key(const struct hf_domain *domain, const uint8_t header[HF_INDEX_HEADER], struct hf_aead **out,
	struct hf_error *err)
{
	uint8_t key[HF_AEAD_KEY];
	struct iovec secret = {(void *)(uintptr_t)domain->index_key, sizeof(domain->index_key)};
	struct iovec salt = {(void *)(uintptr_t)(header + HF_ENVELOPE_SIZE), 32};
	int r = hf_hkdf(secret, salt, "holdfast index v1", key, sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, out, err);
	hf_wipe(key, sizeof(key));
	return r;
}

uint64_t hf_index_key8(const struct hf_chunk_id *id)
{
	return __builtin_bswap64(hf_get_u64(id->b));
}

static uint8_t *line_of(uint8_t *filter, uint32_t lines, const struct hf_chunk_id *id)
{
	return filter + (hf_get_u64(id->b) % lines) * HF_INDEX_LINE_SIZE;
}

void hf_index_filter_set(uint8_t *filter, uint32_t lines, const struct hf_chunk_id *id)
{
	uint8_t *line = line_of(filter, lines, id);
	uint64_t bits = hf_get_u64(id->b + 8);
	for (int i = 0; i < 6; i++, bits >>= 9)
		line[(bits & 511) / 8] |= (uint8_t)(1u << (bits & 7));
}

bool hf_index_filter_has(const uint8_t *filter, uint32_t lines, const struct hf_chunk_id *id)
{
	const uint8_t *line = line_of((uint8_t *)(uintptr_t)filter, lines, id);
	uint64_t bits = hf_get_u64(id->b + 8);
	for (int i = 0; i < 6; i++, bits >>= 9)
		if (!(line[(bits & 511) / 8] & (1u << (bits & 7))))
			return false;
	return true;
}

static void make_header(struct hf_index_writer *w)
{
	uint8_t *h = w->header;
	memcpy(h, "HOLDFAST", 8);
	h[8] = 1;
	h[9] = HF_KIND_INDEX;
	h[10] = HF_FORM_BLOCKS;
	memcpy(h + 16, w->access->key->repository.b, HF_ID_SIZE);
	memcpy(h + 32, w->ref.writer.b, HF_ID_SIZE);
	memcpy(h + 48, w->ref.id.b, HF_ID_SIZE);
	hf_random(h + HF_ENVELOPE_SIZE, 32);
	memcpy(h + 104, w->access->domain->id.b, HF_ID_SIZE);
}

int hf_index_writer_new(const struct hf_index_access *access, size_t most, struct hf_index_writer **out,
	struct hf_error *err)
{
	struct hf_index_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	w->access = access;
	w->ref = (struct hf_ref){.writer = access->key->id, .id = hf_id_new()};
	make_header(w);
	w->out = w->frames = w->packs = w->firsts = HF_BUF(SEGMENT_MAX);
	w->block = HF_BUF(HF_INDEX_BLOCK);
	w->lines = (uint32_t)(most / ENTRIES_PER_LINE + 1);
	w->filter = calloc(w->lines, HF_INDEX_LINE_SIZE);
	int r = w->filter ? 0 : hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	if (r == 0)
		r = hf_index_segment_key(access->domain, w->header, &w->aead, err);
	if (r < 0) {
		hf_index_writer_free(w);
		return r;
	}
	*out = w;
	return 0;
}

void hf_index_writer_free(struct hf_index_writer *w)
{
	if (!w)
		return;
	hf_aead_free(w->aead);
	hf_buf_free(&w->out);
	hf_buf_free(&w->block);
	hf_buf_free(&w->frames);
	hf_buf_free(&w->packs);
	hf_buf_free(&w->firsts);
	free(w->filter);
	free(w);
}

/* Seals `len` bytes at `plain` as the next block, the rest of it zeros. */
static int seal_block(struct hf_index_writer *w, const uint8_t *plain, size_t len, struct hf_error *err)
{
	uint8_t *at = hf_buf_space(&w->out, HF_INDEX_SEALED);
	if (!at)
		return hf_buf_check(&w->out, "index segment", err);
	assert(len <= HF_INDEX_BLOCK);
	memcpy(at, plain, len);
	memset(at + len, 0, HF_INDEX_BLOCK - len);
	struct iovec aad = {w->header, sizeof(w->header)};
	return hf_aead_seal(w->aead, w->block_count++, aad, at, HF_INDEX_BLOCK, at, err);
}

/* Seals records of `size` bytes, as many to a block as fit. */
static int seal_records(struct hf_index_writer *w, const uint8_t *data, size_t len, size_t size, struct hf_error *err)
{
	size_t step = HF_INDEX_BLOCK / size * size;
	int r = 0;
	for (size_t at = 0; at < len && r == 0; at += step)
		r = seal_block(w, data + at, len - at < step ? len - at : step, err);
	return r;
}

int hf_index_writer_pack(struct hf_index_writer *w, const struct hf_index_pack *pack, uint32_t *number,
	struct hf_error *err)
{
	hf_buf_add(&w->packs, pack->ref.writer.b, HF_ID_SIZE);
	hf_buf_add(&w->packs, pack->ref.id.b, HF_ID_SIZE);
	hf_buf_add(&w->packs, pack->run.b, HF_ID_SIZE);
	*number = w->pack_count++;
	return hf_buf_check(&w->packs, "packs of an index segment", err);
}

int hf_index_writer_frame(struct hf_index_writer *w, const struct hf_index_frame *frame, uint32_t *number,
	struct hf_error *err)
{
	assert(frame->pack < w->pack_count);
	if (w->frame_count > HF_INDEX_U24)
		return hf_fail(err, HF_E_UNSUPPORTED, "more frames than an index segment holds");
	hf_buf_u32(&w->frames, frame->pack);
	hf_buf_u32(&w->frames, frame->offset);
	hf_buf_u32(&w->frames, frame->stored_len);
	hf_buf_u32(&w->frames, frame->plain_len);
	hf_buf_u64(&w->frames, frame->number);
	hf_buf_u32(&w->frames, frame->key_number);
	*number = w->frame_count++;
	return hf_buf_check(&w->frames, "frames of an index segment", err);
}

static void put_u24(struct hf_buf *b, uint32_t v)
{
	hf_buf_u16(b, (uint16_t)v);
	hf_buf_u8(b, (uint8_t)(v >> 16));
}

int hf_index_writer_add(struct hf_index_writer *w, const struct hf_index_record *record, struct hf_error *err)
{
	assert(record->frame < w->frame_count && record->offset <= HF_INDEX_U24 && record->len <= HF_INDEX_U24);
	assert(w->entries == 0 || memcmp(w->last.b, record->id.b, HF_ID_SIZE) <= 0);
	if (w->block.len + HF_INDEX_ENTRY_SIZE > HF_INDEX_BLOCK) {
		int r = seal_block(w, w->block.data, w->block.len, err);
		if (r < 0)
			return r;
		hf_buf_clear(&w->block);
	}
	if (w->block.len == 0) {
		hf_buf_u64(&w->firsts, hf_index_key8(&record->id));
		w->entry_blocks++;
	}
	hf_buf_add(&w->block, record->id.b, HF_ID_SIZE);
	put_u24(&w->block, record->frame);
	put_u24(&w->block, record->offset);
	put_u24(&w->block, record->len);
	hf_index_filter_set(w->filter, w->lines, &record->id);
	w->last = record->id;
	w->entries++;
	return hf_buf_check(&w->block, "block of an index segment", err);
}

uint64_t hf_index_writer_entries(const struct hf_index_writer *w)
{
	return w->entries;
}

static int seal_root(struct hf_index_writer *w, const struct hf_index_ending *ending, struct hf_error *err)
{
	HF_BUF_AUTO root = HF_BUF(HF_INDEX_ROOT_MAX - HF_AEAD_TAG);
	hf_buf_u64(&root, w->entries);
	hf_buf_u32(&root, w->frame_count);
	hf_buf_u32(&root, w->pack_count);
	hf_buf_u32(&root, w->lines);
	hf_buf_u32(&root, ending->tier);
	hf_buf_u64(&root, w->entries ? hf_index_key8(&w->last) : 0);
	hf_buf_u32(&root, w->entry_blocks);
	hf_buf_add(&root, w->firsts.data, w->firsts.len);
	hf_buf_u32(&root, (uint32_t)ending->replaces_count);
	for (size_t i = 0; i < ending->replaces_count; i++) {
		hf_buf_add(&root, ending->replaces[i].writer.b, HF_ID_SIZE);
		hf_buf_add(&root, ending->replaces[i].id.b, HF_ID_SIZE);
	}
	uint64_t offset = HF_INDEX_HEADER + w->out.len;
	uint32_t sealed_len = (uint32_t)root.len + HF_AEAD_TAG;
	uint8_t *at = hf_buf_space(&w->out, sealed_len);
	hf_buf_u64(&w->out, offset);
	hf_buf_u32(&w->out, sealed_len);
	hf_buf_u32(&w->out, 0);
	int r = hf_buf_check(&root, "root of an index segment", err);
	if (r == 0)
		r = hf_buf_check(&w->out, "index segment", err);
	struct iovec aad = {w->header, sizeof(w->header)};
	return r < 0 ? r : hf_aead_seal(w->aead, HF_INDEX_ROOT_NONCE, aad, root.data, root.len, at, err);
}

static int put(struct hf_index_writer *w, size_t signed_len, struct hf_error *err)
{
	uint8_t sig[HF_SIGNATURE];
	const struct iovec what[] = {
		{w->header, sizeof(w->header)}, {w->out.data + w->out.len - signed_len, signed_len}};
	int r = hf_sign(w->access->key->sign_secret, what, 2, sig, err);
	if (r < 0)
		return r;
	char name[HF_NAME_MAX], path[PATH_MAX];
	hf_object_name(HF_KIND_INDEX, &w->ref, name);
	const struct iovec parts[] = {{w->header, sizeof(w->header)}, {w->out.data, w->out.len}, {sig, sizeof(sig)}};
	r = hf_store_put(w->access->store, name, parts, 3, err);
	if (r < 0)
		return hf_wrap(err, r, "store an index segment");
	/* the copy spares time only: whether it can be made doesn't matter */
	if (hf_index_segment_copy_path(w->access, &w->ref, path, sizeof(path)))
		(void)!hf_file_write(AT_FDCWD, path, parts, 3, &(struct hf_file_options){.secret = true}, NULL);
	return 0;
}

int hf_index_writer_finish(struct hf_index_writer *w, const struct hf_index_ending *ending, struct hf_ref *ref,
	uint64_t *size, struct hf_error *err)
{
	int r = w->block.len ? seal_block(w, w->block.data, w->block.len, err) : 0;
	if (r == 0)
		r = seal_records(w, w->frames.data, w->frames.len, HF_INDEX_FRAME_SIZE, err);
	if (r == 0)
		r = seal_records(w, w->packs.data, w->packs.len, HF_INDEX_PACK_SIZE, err);
	if (r == 0)
		r = seal_records(w, w->filter, (size_t)w->lines * HF_INDEX_LINE_SIZE, HF_INDEX_LINE_SIZE, err);
	size_t blocks_len = w->out.len;
	if (r == 0)
		r = seal_root(w, ending, err);
	if (r == 0)
		r = put(w, w->out.len - blocks_len, err);
	if (r < 0)
		return r;
	*ref = w->ref;
	*size = HF_INDEX_HEADER + w->out.len + HF_SIGNATURE;
	return 0;
}
