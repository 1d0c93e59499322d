/* A repository in memory with an index, for the tests of index.h: packs that were never stored, and what must be found of them. */
#ifndef HF_TEST_INDEX_WORLD_H
#define HF_TEST_INDEX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/random.h"
#include "crypto/sign.h"
#include "repo/index.h"
#include "repo/key.h"
#include "repo/object.h"
#include "repo/pack.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

/* One repository in memory, one writer, one domain. */
struct world {
	struct hf_store *store;
	struct hf_key key;
	struct hf_certs certs;
	struct hf_cert cert;
	struct hf_id run;
};

static inline struct world new_world(void)
{
	struct world w = {.key = {.kind = HF_KEY_READ, .rights = HF_RIGHT_BACKUP, .has_domain = true}};
	assert_int_equal(hf_store_open_memory(&w.store, NULL), 0);
	w.key.repository = hf_id_new();
	w.key.id = hf_id_new();
	w.key.owner_id = hf_id_new();
	w.key.domain.id = hf_id_new();
	w.run = hf_id_new();
	hf_random(w.key.domain.index_key, sizeof(w.key.domain.index_key));
	assert_int_equal(hf_sign_new_pair(w.key.sign_secret, w.key.sign_public, NULL), 0);
	w.cert = (struct hf_cert){.key = w.key.id, .kind = w.key.kind, .rights = w.key.rights, .has_domain = true,
		.domain = w.key.domain.id};
	memcpy(w.cert.sign_public, w.key.sign_public, sizeof(w.cert.sign_public));
	return w;
}

static inline struct hf_index *open_index(struct world *w, struct hf_index_options options)
{
	struct hf_index *index = NULL;
	struct hf_error err = {0};
	w->certs = (struct hf_certs){.certs = &w->cert, .count = 1};
	options.store = w->store;
	options.key = &w->key;
	options.domain = &w->key.domain;
	options.certs = &w->certs;
	assert_int_equal(hf_index_open(&options, &index, &err), 0);
	return index;
}

/* Chunk number n of this world, wherever it lies. */
static inline struct hf_chunk_id id_of(uint64_t n)
{
	struct hf_chunk_id id;
	for (int half = 0; half < 2; half++) {
		uint64_t z = (2 * n + (uint64_t)half + 1) * UINT64_C(0x9e3779b97f4a7c15);
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		z ^= z >> 31;
		memcpy(id.b + 8 * half, &z, 8);
	}
	return id;
}

enum { IN_FRAME = 20, CHUNK = 4096 };

/* The table of a pack with chunks first .. first + count - 1, 20 in a frame; its id holds `first`. */
static inline struct hf_pack_table make_pack(const struct world *w, uint64_t first, size_t count)
{
	struct hf_pack_table t = {.run = w->run, .key_number = 3, .chunk_count = count};
	t.pack.writer = w->key.id;
	memcpy(t.pack.id.b, &first, sizeof(first));
	t.frame_count = (count + IN_FRAME - 1) / IN_FRAME;
	t.frames = calloc(t.frame_count + 1, sizeof(*t.frames));
	t.chunks = calloc(count + 1, sizeof(*t.chunks));
	for (size_t i = 0; i < t.frame_count; i++) {
		size_t n = count - i * IN_FRAME < IN_FRAME ? count - i * IN_FRAME : IN_FRAME;
		t.frames[i] = (struct hf_pack_frame){.number = first * 1000 + i, .offset = (uint32_t)(200 + i * 1000),
			.stored_len = 1000, .plain_len = (uint32_t)n * CHUNK, .first_chunk = (uint32_t)(i * IN_FRAME),
			.chunk_count = (uint32_t)n, .chunk_kind = HF_CHUNK_DATA};
		for (size_t k = 0; k < n; k++)
			t.chunks[i * IN_FRAME + k] = (struct hf_chunk_ref){.id = id_of(first + i * IN_FRAME + k), .len = CHUNK};
	}
	return t;
}

static inline void free_pack(struct hf_pack_table *t)
{
	free(t->frames);
	free(t->chunks);
}

static inline void note_pack(const struct world *w, struct hf_index *index, uint64_t first, size_t count)
{
	struct hf_pack_table t = make_pack(w, first, count);
	struct hf_error err = {0};
	assert_int_equal(hf_index_note(index, &t, &err), 0);
	free_pack(&t);
}

/* Chunk n must be where note_pack(first, …) put it. */
static inline void assert_place(struct hf_index *index, uint64_t n, unsigned nth, uint64_t first)
{
	struct hf_place p;
	struct hf_chunk_id id = id_of(n);
	assert_int_equal(hf_index_find(index, &id, nth, &p, NULL), 0);
	uint64_t i = (n - first) / IN_FRAME, pack;
	memcpy(&pack, p.pack.id.b, sizeof(pack));
	assert_true(pack == first);
	assert_true(p.frame_number == first * 1000 + i && p.frame_offset == 200 + i * 1000);
	assert_int_equal(p.stored_len, 1000);
	assert_int_equal(p.key_number, 3);
	assert_int_equal(p.chunk_offset, (n - first) % IN_FRAME * CHUNK);
	assert_int_equal(p.chunk_len, CHUNK);
}

static inline int claim(struct hf_index *index, uint64_t n, struct hf_index_hit *hit)
{
	struct hf_chunk_id id = id_of(n);
	struct hf_error err = {0};
	int r = hf_index_claim(index, &id, hit, &err);
	assert_true(r >= 0);
	return r;
}

static inline int lookup(struct hf_index *index, uint64_t n)
{
	struct hf_chunk_id id = id_of(n);
	struct hf_index_hit hit;
	return hf_index_lookup(index, &id, &hit, NULL);
}

#endif
