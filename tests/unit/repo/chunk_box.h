/*
 * A box of chunks in memory, for tests of what is stored as chunks: hands out ids (a hash of kind and bytes), gives the bytes
 * back, and counts. With `trusting` it doesn't recompute the id of what it gives, so that a test can change bytes and see
 * what the reader makes of them.
 */
#ifndef HF_TESTS_CHUNK_BOX_H
#define HF_TESTS_CHUNK_BOX_H

#include "crypto/hash.h"
#include "repo/content.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct boxed {
	struct hf_chunk_id id;
	enum hf_chunk_kind kind;
	uint8_t *data;
	size_t len;
};

struct chunk_box {
	struct boxed *chunks; /* in the order in which they came first */
	size_t count, cap;
	uint32_t *table; /* number + 1 by id, open addressing */
	size_t table_size;
	size_t loads, stores;
	bool trusting;
};

static inline struct hf_chunk_id box_id(enum hf_chunk_kind kind, const void *data, size_t len)
{
	uint8_t k = (uint8_t)kind, hash[HF_SHA256];
	const struct iovec parts[] = {{&k, 1}, {(void *)(uintptr_t)data, len}};
	hf_sha256(parts, 2, hash);
	struct hf_chunk_id id;
	memcpy(id.b, hash, sizeof(id.b));
	return id;
}

static inline uint32_t *box_slot(struct chunk_box *box, const struct hf_chunk_id *id)
{
	uint64_t h;
	memcpy(&h, id->b, sizeof(h));
	for (size_t i = (size_t)h & (box->table_size - 1);; i = (i + 1) & (box->table_size - 1))
		if (!box->table[i] || memcmp(box->chunks[box->table[i] - 1].id.b, id->b, HF_ID_SIZE) == 0)
			return &box->table[i];
}

static inline void box_grow(struct chunk_box *box)
{
	box->cap = box->cap ? box->cap * 2 : 64;
	box->chunks = realloc(box->chunks, box->cap * sizeof(*box->chunks));
	free(box->table);
	box->table_size = box->cap * 2;
	box->table = calloc(box->table_size, sizeof(*box->table));
	assert(box->chunks && box->table);
	for (size_t i = 0; i < box->count; i++)
		*box_slot(box, &box->chunks[i].id) = (uint32_t)i + 1;
}

static inline int box_store(void *user, enum hf_chunk_kind kind, const void *data, size_t len, struct hf_chunk_id *id,
	struct hf_error *err)
{
	(void)err;
	struct chunk_box *box = user;
	box->stores++;
	*id = box_id(kind, data, len);
	if (box->count == box->cap)
		box_grow(box);
	uint32_t *slot = box_slot(box, id);
	if (*slot)
		return 0;
	struct boxed *c = &box->chunks[box->count++];
	*slot = (uint32_t)box->count;
	*c = (struct boxed){.id = *id, .kind = kind, .data = malloc(len), .len = len};
	memcpy(c->data, data, len);
	return 0;
}

static inline struct boxed *box_find(struct chunk_box *box, const struct hf_chunk_id *id)
{
	uint32_t *slot = box->count ? box_slot(box, id) : NULL;
	return slot && *slot ? &box->chunks[*slot - 1] : NULL;
}

static inline int box_load(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	struct chunk_box *box = user;
	box->loads++;
	struct boxed *c = box_find(box, id);
	if (!c || c->kind != kind)
		return hf_fail(err, HF_E_NOTFOUND, "no such chunk");
	struct hf_chunk_id real = box_id(kind, c->data, c->len);
	if (!box->trusting && (memcmp(real.b, id->b, HF_ID_SIZE) != 0 || (expected_len && expected_len != c->len)))
		return hf_fail(err, HF_E_CORRUPT, "a changed chunk");
	hf_buf_clear(out);
	hf_buf_add(out, c->data, c->len);
	return hf_buf_check(out, "chunk", err);
}

static inline struct hf_chunk_sink box_sink(struct chunk_box *box)
{
	return (struct hf_chunk_sink){.store_chunk = box_store, .user = box};
}

static inline struct hf_chunk_feed box_feed(struct chunk_box *box)
{
	return (struct hf_chunk_feed){.load_chunk = box_load, .user = box};
}

static inline void box_free(struct chunk_box *box)
{
	for (size_t i = 0; i < box->count; i++)
		free(box->chunks[i].data);
	free(box->chunks);
	free(box->table);
	*box = (struct chunk_box){0};
}

/* Numbers that are the same in each run (splitmix64). */
static inline uint64_t box_random(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#endif
