/*
 * index.h: what was noted is found, by this run and the next; claims are given once; memory stays flat; damage is named and
 * never believed; concurrent claims, notes and flushes agree.
 */
#include "index_world.h"

#include "base/file.h"
#include "repo/index_segment.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static void claims_become_places(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	struct hf_index_hit hit;
	struct hf_place place;
	struct hf_chunk_id id = id_of(5);
	assert_int_equal(claim(index, 5, &hit), 0);
	assert_int_equal(claim(index, 5, &hit), 1);
	assert_false(hit.has_pack);
	assert_int_equal(hf_index_find(index, &id, 0, &place, NULL), HF_E_NOTFOUND);
	note_pack(&w, index, 0, 100);
	assert_int_equal(claim(index, 5, &hit), 1);
	assert_true(hit.has_pack && hf_id_equal(&hit.pack.writer, &w.key.id));
	assert_place(index, 5, 0, 0);
	assert_int_equal(lookup(index, 99), 1);
	assert_int_equal(lookup(index, 100), 0);
	assert_int_equal(claim(index, 100, &hit), 0);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	assert_int_equal(claim(index, 5, &hit), 1);
	assert_true(hit.has_pack);
	assert_int_equal(claim(index, 100, &hit), 1); /* a claim outlives the flush */
	assert_place(index, 99, 0, 0);
	struct hf_index_stats stats;
	hf_index_stats(index, &stats);
	assert_int_equal(stats.segments, 1);
	assert_true(stats.segment_entries == 100 && stats.claims == 1);
	hf_index_close(index);

	index = open_index(&w, (struct hf_index_options){0}); /* the next run */
	for (uint64_t n = 0; n < 100; n++)
		assert_place(index, n, 0, 0);
	assert_int_equal(claim(index, 100, &hit), 0);
	assert_int_equal(hf_index_damaged_count(index), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

static void several_places(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	struct hf_index_hit hit;
	struct hf_chunk_id id = id_of(50);
	struct hf_place place;
	note_pack(&w, index, 0, 100);
	note_pack(&w, index, 50, 100); /* chunks 50 to 99 once more */
	for (int round = 0; round < 3; round++) {
		assert_place(index, 50, 0, 0);
		assert_place(index, 50, 1, 50);
		assert_int_equal(hf_index_find(index, &id, 2, &place, NULL), HF_E_NOTFOUND);
		assert_int_equal(hf_index_flush(index, NULL), 0);
	}
	struct hf_ref condemned = {.writer = w.key.id};
	assert_int_equal(hf_index_exclude_pack(index, &condemned, NULL), 0);
	assert_int_equal(claim(index, 49, &hit), 0); /* only in the condemned pack */
	assert_int_equal(claim(index, 49, &hit), 1);
	assert_false(hit.has_pack);
	assert_int_equal(claim(index, 50, &hit), 1);
	assert_int_equal(hit.pack.id.b[0], 50);
	assert_place(index, 49, 0, 0); /* readers may still try it */
	note_pack(&w, index, 49, 1);
	assert_int_equal(claim(index, 49, &hit), 1);
	assert_int_equal(hit.pack.id.b[0], 49);
	hf_index_close(index);
	hf_store_close(w.store);
}

static void excluded_before_the_flush(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	struct hf_index_hit hit;
	note_pack(&w, index, 7, 10);
	struct hf_ref condemned = {.writer = w.key.id, .id.b = {7}};
	assert_int_equal(hf_index_exclude_pack(index, &condemned, NULL), 0);
	assert_int_equal(lookup(index, 8), 0);
	assert_int_equal(claim(index, 8, &hit), 0);
	assert_int_equal(claim(index, 8, &hit), 1);
	hf_index_close(index);
	hf_store_close(w.store);
}

static void impossible_packs(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	for (int i = 0; i < 3; i++) {
		struct hf_pack_table t = make_pack(&w, 0, 100);
		t.chunks[3].len += i == 0 ? HF_FRAME_MAX : 0;
		t.frames[1].chunk_count += i == 1 ? 1000 : 0;
		t.frames[1].plain_len += i == 2 ? HF_FRAME_MAX : 0;
		assert_int_equal(hf_index_note(index, &t, NULL), HF_E_USAGE);
		free_pack(&t);
	}
	assert_int_equal(lookup(index, 1), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* A million chunks through a small memtable: claims, notes, flushes, merges; then every one of them found again. */
static void a_million(void **state)
{
	(void)state;
	enum { TOTAL = 1000000, PACK = 2000 };
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){.memtable_entries = 8192});
	struct hf_index_stats stats;
	struct hf_index_hit hit;
	size_t most_segments = 0, most_claims = 0;
	for (uint64_t first = 0; first < TOTAL; first += PACK) {
		for (uint64_t n = first; n < first + PACK; n++)
			assert_int_equal(claim(index, n, &hit), 0);
		note_pack(&w, index, first, PACK);
		hf_index_stats(index, &stats);
		most_segments = stats.segments > most_segments ? stats.segments : most_segments;
		most_claims = stats.claims > most_claims ? stats.claims : most_claims;
	}
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_stats(index, &stats);
	assert_true(stats.segment_entries == TOTAL && stats.claims == 0 && stats.merged > 0);
	assert_true(most_segments <= 32 && most_claims <= 8192 + PACK);
	hf_index_close(index);

	index = open_index(&w, (struct hf_index_options){0});
	hf_index_stats(index, &stats);
	assert_true(stats.segment_entries == TOTAL && stats.segments <= 32);
	for (uint64_t n = 0; n < TOTAL; n += 37)
		assert_place(index, n, 0, n / PACK * PACK);
	for (uint64_t n = 0; n < TOTAL; n += 41)
		assert_int_equal(claim(index, n, &hit), 1);
	size_t strangers = 0;
	hf_index_stats(index, &stats);
	uint64_t blocks = stats.blocks_read + stats.blocks_cached;
	for (uint64_t n = TOTAL; n < TOTAL + 100000; n++)
		strangers += (size_t)claim(index, n, &hit);
	assert_int_equal(strangers, 0);
	hf_index_stats(index, &stats);
	assert_true(stats.blocks_read + stats.blocks_cached - blocks < 40000); /* filters spare nearly all of them */
	assert_int_equal(hf_index_damaged_count(index), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* With neither filters nor a cache worth the name it is slower, and as right. */
static void without_filters(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index_options small = {.memtable_entries = 1000, .filter_bytes = 1, .cache_bytes = 1};
	struct hf_index *index = open_index(&w, small);
	for (uint64_t first = 0; first < 20000; first += 500)
		note_pack(&w, index, first, 500);
	for (uint64_t n = 0; n < 20000; n += 7)
		assert_place(index, n, 0, n / 500 * 500);
	assert_int_equal(lookup(index, 20001), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* --- damage ------------------------------------------------------------------------------------------------------ */

struct only {
	char name[HF_NAME_MAX];
	uint64_t size;
	size_t count;
};

static int see_one(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)err;
	struct only *o = user;
	memcpy(o->name, info->name, sizeof(o->name));
	o->size = info->size;
	o->count++;
	return 0;
}

static struct only the_segment(struct world *w)
{
	struct only o = {0};
	assert_int_equal(hf_store_list(w->store, "index/", see_one, &o, NULL), 0);
	return o;
}

/* Replaces the only segment by `bytes`. */
static void overwrite(struct world *w, const struct only *o, const void *bytes, size_t len)
{
	struct hf_eraser eraser = {w->store};
	struct iovec part = {(void *)(uintptr_t)bytes, len};
	assert_int_equal(hf_eraser_erase(&eraser, o->name, NULL), 0);
	assert_int_equal(hf_store_put(w->store, o->name, &part, 1, NULL), 0);
}

/* All that the index says after some mischief must be true, and mischief must not go unnoticed. */
static void assert_honest(struct world *w, bool must_be_whole)
{
	struct hf_index *index = open_index(w, (struct hf_index_options){0});
	size_t there = 0;
	for (uint64_t n = 0; n < 100; n++) {
		struct hf_place p;
		struct hf_chunk_id id = id_of(n);
		int r = hf_index_find(index, &id, 0, &p, NULL);
		assert_true(r == 0 || r == HF_E_NOTFOUND);
		if (r == 0)
			assert_place(index, n, 0, 0);
		there += r == 0;
	}
	assert_int_equal(lookup(index, 100), 0);
	assert_true(must_be_whole ? there == 100 && hf_index_damaged_count(index) == 0 : hf_index_damaged_count(index) == 1);
	hf_index_close(index);
}

static void flipped_bytes(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	note_pack(&w, index, 0, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	struct only o = the_segment(&w);
	assert_int_equal(o.count, 1);
	HF_BUF_AUTO bytes = HF_BUF(1 << 20);
	assert_int_equal(hf_store_get_all(w.store, o.name, &bytes, NULL), 0);
	assert_honest(&w, true);
	for (size_t i = 0; i < bytes.len; i += i < 130 || i + 300 > bytes.len ? 1 : 997) {
		bytes.data[i] ^= (uint8_t)(1u << (i % 8));
		overwrite(&w, &o, bytes.data, bytes.len);
		assert_honest(&w, false);
		bytes.data[i] ^= (uint8_t)(1u << (i % 8));
	}
	for (size_t len = 0; len < bytes.len; len += len < 300 ? 1 : 4999) {
		overwrite(&w, &o, bytes.data, len);
		assert_honest(&w, false);
	}
	overwrite(&w, &o, bytes.data, bytes.len);
	assert_honest(&w, true);

	w.cert.rights = HF_RIGHT_PROVE; /* signed well, by a key that may not write */
	assert_honest(&w, false);
	w.cert.rights = HF_RIGHT_BACKUP;
	w.cert.sign_public[3] ^= 1; /* signed by another key */
	assert_honest(&w, false);
	hf_store_close(w.store);
}

static void other_domains(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	note_pack(&w, index, 0, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	struct hf_domain ours = w.key.domain;
	w.key.domain.id = hf_id_new();
	w.key.domain.index_key[0] ^= 1;
	index = open_index(&w, (struct hf_index_options){0});
	assert_int_equal(lookup(index, 5), 0);
	assert_int_equal(hf_index_damaged_count(index), 0);
	note_pack(&w, index, 1000, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	w.key.domain = ours;
	index = open_index(&w, (struct hf_index_options){0});
	assert_int_equal(lookup(index, 5), 1);
	assert_int_equal(lookup(index, 1005), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* What is said of our domain by a key that has another is believed of a keeper alone; that of others is passed over. */
static void only_keepers_index_other_domains(void **state)
{
	(void)state;
	static const struct {
		enum hf_key_kind kind;
		unsigned rights;
		bool is_believed;
	} who[] = {{HF_KEY_OWNER, HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN | HF_RIGHT_PROVE, true},
		{HF_KEY_READ, HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN, true}, {HF_KEY_READ, HF_RIGHT_BACKUP | HF_RIGHT_PROVE, false},
		{HF_KEY_READ, HF_RIGHT_MAINTAIN, false}, {HF_KEY_WRITE, HF_RIGHT_BACKUP, false},
		{HF_KEY_WRITE, HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN, false}, {HF_KEY_MAINTAIN, HF_RIGHT_MAINTAIN, false}};
	for (size_t i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		struct world w = new_world();
		struct hf_index *index = open_index(&w, (struct hf_index_options){0});
		note_pack(&w, index, 0, 10);
		assert_int_equal(hf_index_flush(index, NULL), 0);
		hf_index_close(index);
		w.cert.domain = hf_id_new(); /* its writer was never of this domain */
		w.cert.kind = who[i].kind;
		w.cert.rights = who[i].rights;
		index = open_index(&w, (struct hf_index_options){0});
		assert_int_equal(lookup(index, 5), who[i].is_believed);
		assert_int_equal(hf_index_damaged_count(index), 0);
		hf_index_close(index);
		hf_store_close(w.store);
	}
}

/* What a revoked key indexed is not relied on, and is no damage. */
static void revoked_writers(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	note_pack(&w, index, 0, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	w.cert.revoked = true;
	index = open_index(&w, (struct hf_index_options){0});
	assert_int_equal(lookup(index, 5), 0);
	assert_int_equal(hf_index_damaged_count(index), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* An index that was made anew names the packs of a key that was revoked since, for readers: nothing new may rest on them. */
static void packs_of_revoked_writers(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_cert certs[] = {w.cert, {.key = hf_id_new(), .kind = HF_KEY_WRITE}};
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	struct hf_pack_table theirs = make_pack(&w, 0, 100);
	theirs.pack.writer = certs[1].key;
	assert_int_equal(hf_index_note(index, &theirs, NULL), 0);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	for (int revoked = 0; revoked < 2; revoked++) {
		certs[1].revoked = revoked;
		w.certs = (struct hf_certs){.certs = certs, .count = 2};
		const struct hf_index_options options = {
			.store = w.store, .key = &w.key, .domain = &w.key.domain, .certs = &w.certs};
		assert_int_equal(hf_index_open(&options, &index, NULL), 0);
		assert_int_equal(lookup(index, 5), !revoked);
		assert_int_equal(hf_index_has_pack(index, &theirs.pack), !revoked);
		assert_place(index, 5, 0, 0);
		hf_index_close(index);
	}
	free_pack(&theirs);
	hf_store_close(w.store);
}

/* A fresh index replaces what there was, damaged or not. */
static void built_anew(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	note_pack(&w, index, 0, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	struct only o = the_segment(&w);
	overwrite(&w, &o, "nonsense", 8);
	index = open_index(&w, (struct hf_index_options){0});
	assert_int_equal(hf_index_damaged_count(index), 1);
	hf_index_close(index);

	for (int round = 0; round < 2; round++) {
		index = open_index(&w, (struct hf_index_options){.fresh = true, .memtable_entries = 50});
		assert_int_equal(lookup(index, 5), 0);
		note_pack(&w, index, 0, 100); /* which fills the memtable: the last segment is an empty one */
		assert_int_equal(hf_index_flush(index, NULL), 0);
		hf_index_close(index);
		index = open_index(&w, (struct hf_index_options){0});
		assert_int_equal(hf_index_damaged_count(index), 0);
		struct hf_index_stats stats;
		hf_index_stats(index, &stats);
		assert_true(stats.segment_entries == 100);
		assert_place(index, 5, 0, 0);
		hf_index_close(index);
	}
	hf_store_close(w.store);
}

struct copy_path {
	char text[512];
};

static struct copy_path copy_of(const struct only *o, const char *dir)
{
	struct copy_path path;
	char text[HF_NAME_MAX];
	memcpy(text, o->name + 6, sizeof(text) - 6);
	text[32] = '-';
	snprintf(path.text, sizeof(path.text), "%s/%s.index", dir, text);
	return path;
}

/* Copies in the cache directory are made, used, mended, and cleared away. */
static void copies(void **state)
{
	(void)state;
	char *dir;
	assert_int_equal(hf_scratch_make("/tmp", "holdfast-test-index", &dir, NULL), 0);
	struct world w = new_world();
	struct hf_index_options options = {.cache_dir = dir};
	struct hf_index *index = open_index(&w, options);
	note_pack(&w, index, 0, 100);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);

	struct only o = the_segment(&w);
	const struct copy_path where = copy_of(&o, dir);
	const char *path = where.text;
	HF_BUF_AUTO copy = HF_BUF(1 << 20), stored = HF_BUF(1 << 20);
	assert_int_equal(hf_file_read(-1, path, &copy, NULL), 0);
	assert_int_equal(hf_store_get_all(w.store, o.name, &stored, NULL), 0);
	assert_true(copy.len == stored.len && memcmp(copy.data, stored.data, copy.len) == 0);

	static const size_t places[] = {3, 8, 200, 16384 + 300};
	for (size_t i = 0; i < 5; i++) { /* a flipped byte in the copy; and no copy at all */
		assert_int_equal(hf_remove_tree(-1, path, NULL), 0);
		if (i < 4) {
			copy.data[places[i]] ^= 1;
			struct iovec part = {copy.data, copy.len};
			assert_int_equal(hf_file_write(-1, path, &part, 1, &(struct hf_file_options){0}, NULL), 0);
			copy.data[places[i]] ^= 1;
		}
		index = open_index(&w, options);
		assert_place(index, 5, 0, 0);
		assert_int_equal(hf_index_damaged_count(index), 0);
		hf_index_close(index);
	}
	assert_int_equal(hf_file_read(-1, path, &copy, NULL), 0);
	assert_int_equal(hf_eraser_erase(&(struct hf_eraser){w.store}, o.name, NULL), 0);
	hf_index_close(open_index(&w, options));
	assert_int_equal(hf_file_read(-1, path, &copy, NULL), HF_E_NOTFOUND);
	assert_int_equal(hf_remove_tree(-1, dir, NULL), 0);
	free(dir);
	hf_store_close(w.store);
}

/* A filter that is damaged in the copy alone is read from the store; one that is damaged there too is named. */
static void damaged_filters(void **state)
{
	(void)state;
	enum { COUNT = 100, FILTER_AT = HF_INDEX_HEADER + 3 * HF_INDEX_SEALED }; /* after a block of entries, frames and packs each */
	char *dir;
	assert_int_equal(hf_scratch_make("/tmp", "holdfast-test-index", &dir, NULL), 0);
	struct world w = new_world();
	struct hf_index_options options = {.cache_dir = dir};
	struct hf_index *index = open_index(&w, options);
	note_pack(&w, index, 0, COUNT);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	struct only o = the_segment(&w);
	const struct copy_path path = copy_of(&o, dir);
	HF_BUF_AUTO bytes = HF_BUF(1 << 20);
	assert_int_equal(hf_store_get_all(w.store, o.name, &bytes, NULL), 0);
	bytes.data[FILTER_AT + 100] ^= 1;
	struct iovec part = {bytes.data, bytes.len};
	for (size_t damaged = 0; damaged < 2; damaged++) {
		assert_int_equal(hf_file_write(-1, path.text, &part, 1, &(struct hf_file_options){0}, NULL), 0);
		index = open_index(&w, options);
		for (uint64_t n = 0; n < 2 * COUNT; n++) /* of those that aren't there, one at least asks for the filter */
			assert_int_equal(lookup(index, n), n < COUNT);
		struct hf_index_stats stats;
		hf_index_stats(index, &stats);
		assert_int_equal(hf_index_damaged_count(index), damaged);
		assert_true(stats.filter_bytes > 0);
		hf_index_close(index);
		overwrite(&w, &o, bytes.data, bytes.len);
	}
	assert_int_equal(hf_remove_tree(-1, dir, NULL), 0);
	free(dir);
	hf_store_close(w.store);
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

enum { THREADS = 4, SHARED = 40000, BATCH = 500 };

struct worker {
	const struct world *w;
	struct hf_index *index;
	_Atomic uint8_t *owners; /* of each chunk: how many threads were told to store it */
	uint64_t number;
};

/* Claims all chunks in an order of its own, and packs what is its own to store; looks and finds meanwhile. */
static void *work(void *arg)
{
	struct worker *me = arg;
	struct hf_pack_table t = make_pack(me->w, 0, BATCH);
	size_t mine = 0, packs = 0;
	for (uint64_t i = 0; i < SHARED; i++) {
		uint64_t n = (i * 7919 + me->number * 10007) % SHARED;
		struct hf_index_hit hit;
		struct hf_chunk_id id = id_of(n);
		struct hf_place place;
		int r = hf_index_claim(me->index, &id, &hit, NULL);
		(void)!hf_index_find(me->index, &id, 0, &place, NULL);
		if (r != 0)
			continue;
		atomic_fetch_add(&me->owners[n], 1);
		t.chunks[mine++].id = id;
		if (mine < BATCH)
			continue;
		uint64_t name = me->number << 32 | packs++;
		memcpy(t.pack.id.b, &name, sizeof(name));
		if (hf_index_note(me->index, &t, NULL) < 0)
			abort();
		mine = 0;
	}
	t.frame_count = 1;
	t.frames[0].chunk_count = (uint32_t)mine;
	t.frames[0].plain_len = BATCH * CHUNK;
	uint64_t name = me->number << 32 | packs;
	memcpy(t.pack.id.b, &name, sizeof(name));
	if (mine > 0 && hf_index_note(me->index, &t, NULL) < 0)
		abort();
	free_pack(&t);
	return NULL;
}

static void concurrent_claims(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){.memtable_entries = 2000});
	_Atomic uint8_t *owners = calloc(SHARED, sizeof(*owners));
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	for (uint64_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.w = &w, .index = index, .owners = owners, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	struct hf_index_stats stats;
	hf_index_stats(index, &stats);
	assert_true(stats.segment_entries == SHARED && stats.claims == 0);
	for (uint64_t n = 0; n < SHARED; n++) {
		struct hf_place place;
		struct hf_chunk_id id = id_of(n);
		assert_int_equal(atomic_load(&owners[n]), 1);
		assert_int_equal(hf_index_find(index, &id, 0, &place, NULL), 0);
	}
	free(owners);
	hf_index_close(index);
	hf_store_close(w.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(claims_become_places),
		cmocka_unit_test(several_places),
		cmocka_unit_test(excluded_before_the_flush),
		cmocka_unit_test(impossible_packs),
		cmocka_unit_test(without_filters),
		cmocka_unit_test(flipped_bytes),
		cmocka_unit_test(other_domains),
		cmocka_unit_test(only_keepers_index_other_domains),
		cmocka_unit_test(revoked_writers),
		cmocka_unit_test(packs_of_revoked_writers),
		cmocka_unit_test(built_anew),
		cmocka_unit_test(copies),
		cmocka_unit_test(damaged_filters),
		cmocka_unit_test(concurrent_claims),
		cmocka_unit_test(a_million),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
