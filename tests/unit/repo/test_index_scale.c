/*
 * index.h: what keeps the cost of opening and asking it flat. Filters are read when they pay and bounded in memory; signatures
 * that were verified are remembered, and nothing else passes because of that; whether a pack is named costs one look-up.
 */
#include "index_world.h"

#include "base/file.h"
#include "base/hex.h"

#include <stdio.h>
#include <sys/stat.h>

static struct hf_index_stats stats_of(struct hf_index *index)
{
	struct hf_index_stats stats;
	hf_index_stats(index, &stats);
	return stats;
}

static uint64_t blocks_of(struct hf_index *index)
{
	struct hf_index_stats stats = stats_of(index);
	return stats.blocks_read + stats.blocks_cached;
}

/* Looks for `count` chunks that are nowhere, from number `first`. */
static void miss(struct hf_index *index, uint64_t first, uint64_t count)
{
	for (uint64_t n = first; n < first + count; n++)
		assert_int_equal(lookup(index, n), 0);
}

/* --- filters ----------------------------------------------------------------------------------------------------- */

enum { STRANGER = 1 << 30 };

static void filters_when_they_pay(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	for (uint64_t first = 0; first < 60000; first += 500)
		note_pack(&w, index, first, 500);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);

	index = open_index(&w, (struct hf_index_options){0});
	assert_true(blocks_of(index) == 0);
	assert_place(index, 777, 0, 500);
	miss(index, STRANGER, 2);
	assert_true(blocks_of(index) <= 5 && stats_of(index).filter_bytes == 0);
	miss(index, STRANGER, 1000);
	assert_true(stats_of(index).filter_bytes > 0);
	uint64_t blocks = blocks_of(index);
	miss(index, STRANGER + 1000, 1000);
	assert_true(blocks_of(index) - blocks < 100);
	assert_place(index, 777, 0, 500);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* Segments that a merge replaced don't count against the bound any more. */
static void filters_of_those_in_use(void **state)
{
	(void)state;
	enum { ROUNDS = 100, BOUND = 200000 };
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){.memtable_entries = 1000, .filter_bytes = BOUND});
	for (uint64_t i = 0; i < ROUNDS; i++) {
		note_pack(&w, index, i * 1000, 1000);
		miss(index, STRANGER + i * 100, 100);
		assert_true(stats_of(index).filter_bytes <= BOUND);
	}
	miss(index, STRANGER, 1000);
	uint64_t blocks = blocks_of(index);
	miss(index, STRANGER + 1000, 1000);
	assert_true(blocks_of(index) - blocks < 200);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* --- packs ------------------------------------------------------------------------------------------------------- */

static bool has_place(struct hf_index *index, uint64_t n, const struct hf_ref *pack)
{
	struct hf_chunk_id id = id_of(n);
	return hf_index_has_place(index, &id, pack);
}

static void named_packs(void **state)
{
	(void)state;
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	struct hf_pack_table a = make_pack(&w, 0, 100), b = make_pack(&w, 50, 100);
	assert_int_equal(hf_index_note(index, &a, NULL), 0);
	assert_false(has_place(index, 5, &a.pack)); /* no segment says so yet */
	assert_int_equal(hf_index_flush(index, NULL), 0);
	assert_int_equal(hf_index_note(index, &b, NULL), 0);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	assert_true(has_place(index, 5, &a.pack));
	assert_false(has_place(index, 5, &b.pack));
	assert_true(has_place(index, 70, &a.pack) && has_place(index, 70, &b.pack));
	assert_false(has_place(index, 500, &a.pack));
	assert_int_equal(hf_index_exclude_pack(index, &a.pack, NULL), 0);
	assert_false(has_place(index, 70, &a.pack));
	assert_true(has_place(index, 70, &b.pack));
	hf_index_close(index);
	free_pack(&a);
	free_pack(&b);
	hf_store_close(w.store);
}

/* All packs that segments name, each named by many of them, are known; and no other. */
static void all_named_packs(void **state)
{
	(void)state;
	enum { PACKS = 9000, IN_PACK = 10 };
	struct world w = new_world();
	struct hf_index *index = open_index(&w, (struct hf_index_options){.memtable_entries = 15000});
	struct hf_ref ref = {.writer = w.key.id};
	for (uint64_t i = 0; i < PACKS; i++)
		note_pack(&w, index, i * IN_PACK, IN_PACK);
	for (uint64_t i = 0; i < PACKS; i++) /* told of once more, as a rebuilt index may be */
		note_pack(&w, index, i * IN_PACK, IN_PACK);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	for (uint64_t i = 0; i < PACKS * IN_PACK; i++) {
		memcpy(ref.id.b, &i, sizeof(i));
		assert_int_equal(hf_index_has_pack(index, &ref), i % IN_PACK == 0);
	}
	assert_int_equal(hf_index_exclude_all(index, NULL), 0);
	for (uint64_t i = 0; i < PACKS * IN_PACK; i += 1000)
		assert_int_equal(lookup(index, i), 0);
	hf_index_close(index);
	hf_store_close(w.store);
}

/* --- signatures -------------------------------------------------------------------------------------------------- */

enum { SEGMENTS = 6 };

struct named {
	char names[SEGMENTS][HF_NAME_MAX];
	size_t count;
};

static int see_name(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)err;
	struct named *n = user;
	assert_true(n->count < SEGMENTS);
	memcpy(n->names[n->count++], info->name, HF_NAME_MAX);
	return 0;
}

/* Changes the last byte of an object: its signature's. */
static void change_signature(struct world *w, const char *name)
{
	HF_BUF_AUTO bytes = HF_BUF(1 << 20);
	struct hf_eraser eraser = {w->store};
	assert_int_equal(hf_store_get_all(w->store, name, &bytes, NULL), 0);
	bytes.data[bytes.len - 1] ^= 1;
	struct iovec part = {bytes.data, bytes.len};
	assert_int_equal(hf_eraser_erase(&eraser, name, NULL), 0);
	assert_int_equal(hf_store_put(w->store, name, &part, 1, NULL), 0);
}

static void assert_damaged(struct world *w, const char *dir, size_t damaged)
{
	struct hf_index *index = open_index(w, (struct hf_index_options){.verified_dir = dir});
	assert_int_equal(hf_index_damaged_count(index), damaged);
	assert_int_equal(stats_of(index).segments, SEGMENTS - damaged);
	hf_index_close(index);
}

static void remembered_signatures(void **state)
{
	(void)state;
	char *dir, path[512], id[HF_ID_TEXT];
	struct named found = {0};
	struct world w = new_world();
	assert_int_equal(hf_scratch_make("/tmp", "holdfast-test-index", &dir, NULL), 0);
	snprintf(path, sizeof(path), "%s/segments-%s", dir, hf_hex(w.key.domain.id.b, HF_ID_SIZE, id));
	for (uint64_t i = 0; i < SEGMENTS; i++) {
		struct hf_index *index = open_index(&w, (struct hf_index_options){0});
		note_pack(&w, index, i * 100, 100);
		assert_int_equal(hf_index_flush(index, NULL), 0);
		hf_index_close(index);
	}
	assert_damaged(&w, dir, 0);
	HF_BUF_AUTO tags = HF_BUF(1 << 20);
	assert_int_equal(hf_file_read(-1, path, &tags, NULL), 0);
	assert_int_equal(tags.len, SEGMENTS * 32);
	assert_damaged(&w, dir, 0);

	/* what was verified was that signature, by that key */
	assert_int_equal(hf_store_list(w.store, "index/", see_name, &found, NULL), 0);
	change_signature(&w, found.names[2]);
	assert_damaged(&w, dir, 1);
	change_signature(&w, found.names[2]);
	assert_damaged(&w, dir, 0);
	w.cert.sign_public[3] ^= 1;
	assert_damaged(&w, dir, SEGMENTS);
	w.cert.sign_public[3] ^= 1;
	w.cert.rights = HF_RIGHT_PROVE;
	assert_damaged(&w, dir, SEGMENTS);
	w.cert.rights = HF_RIGHT_BACKUP;

	/* a file of tags that is damaged, cut short or missing is no help and no harm */
	static const size_t lengths[] = {SEGMENTS * 32, 100, 31, 0};
	memset(tags.data, 0, tags.len);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		struct iovec part = {tags.data, lengths[i]};
		assert_int_equal(hf_file_write(-1, path, &part, 1, &(struct hf_file_options){0}, NULL), 0);
		assert_damaged(&w, dir, 0);
	}
	assert_int_equal(hf_remove_tree(-1, dir, NULL), 0);
	assert_damaged(&w, dir, 0);
	free(dir);
	hf_store_close(w.store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_when_they_pay),
		cmocka_unit_test(filters_of_those_in_use),
		cmocka_unit_test(named_packs),
		cmocka_unit_test(all_named_packs),
		cmocka_unit_test(remembered_signatures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
