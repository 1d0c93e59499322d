/*
 * index_copy.h, by way of the index: what a store far away is asked for while the cache directory is empty;
 * that what a copy lacks or has wrong is neither believed nor taken for damage; and that damage in the store
 * is.
 */
#include "index_world.h"
#include "tamper.h"

#include "base/file.h"
#include "repo/index_segment.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNKS = 120000, IN_PACK = 500, STRANGER = 1 << 30, THREADS = 4 };

/* An index of a large segment and a small one, in a store that is far away and counts. */
static struct world w;
static struct hf_store_counts counts;
static char *dir, copy_path[1024], name[HF_NAME_MAX]; /* of the large one */
static uint64_t size;

static int see(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)user;
	(void)err;
	if (info->size <= 1 << 20)
		return 0;
	size = info->size;
	memcpy(name, info->name, sizeof(name));
	snprintf(copy_path, sizeof(copy_path), "%s/%.32s-%.32s.index", dir, name + 6, name + 6 + 33);
	return 0;
}

static int make_world(void **state)
{
	(void)state;
	w = new_world();
	w.store->is_far = true;
	assert_int_equal(hf_store_open_counted(w.store, &counts, &w.store, NULL), 0);
	struct hf_index *index = open_index(&w, (struct hf_index_options){.memtable_entries = CHUNKS + 1});
	for (uint64_t first = 0; first < CHUNKS; first += IN_PACK)
		note_pack(&w, index, first, IN_PACK);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	note_pack(&w, index, CHUNKS, IN_PACK);
	assert_int_equal(hf_index_flush(index, NULL), 0);
	hf_index_close(index);
	assert_int_equal(hf_scratch_make("/tmp", "holdfast-test-copy", &dir, NULL), 0);
	assert_int_equal(hf_store_list(w.store, "index/", see, NULL, NULL), 0);
	assert_true(size > 2 << 20);
	return 0;
}

static int free_world(void **state)
{
	(void)state;
	int r = hf_remove_tree(-1, dir, NULL);
	free(dir);
	hf_store_close(w.store);
	return r;
}

static int empty_dir(void **state)
{
	(void)state;
	assert_int_equal(hf_remove_tree(-1, dir, NULL), 0);
	return mkdir(dir, 0700);
}

static struct hf_index *open_counted(void)
{
	memset(&counts, 0, sizeof(counts));
	return open_index(&w, (struct hf_index_options){.cache_dir = dir});
}

/* Chunk n is where it was put. */
static void has(struct hf_index *index, uint64_t n)
{
	assert_place(index, n, 0, n / IN_PACK * IN_PACK);
}

static void has_many(struct hf_index *index)
{
	for (uint64_t n = 0; n < CHUNKS + IN_PACK; n += 97)
		has(index, n);
	for (uint64_t n = STRANGER; n < STRANGER + 300; n++)
		assert_int_equal(lookup(index, n), 0);
	assert_int_equal(hf_index_damaged_count(index), 0);
}

static void is_whole(void)
{
	HF_BUF_AUTO copy = HF_BUF(64 << 20), stored = HF_BUF(64 << 20);
	assert_int_equal(hf_file_read(-1, copy_path, &copy, NULL), 0);
	assert_int_equal(hf_store_get_all(w.store, name, &stored, NULL), 0);
	assert_true(copy.len == stored.len && memcmp(copy.data, stored.data, copy.len) == 0);
}

/* --- what is asked for
 * ------------------------------------------------------------------------------------------- */

static void little_is_fetched_for_little(void **state)
{
	(void)state;
	struct hf_index *index = open_counted();
	assert_int_equal(counts.get, 3); /* the small segment; header and end of the large one */
	assert_true(counts.bytes_read < 100000);
	has(index, 70000);
	assert_int_equal(counts.get, 3 + 4); /* the filter; blocks of entries, frames and packs */
	assert_int_equal(lookup(index, STRANGER), 0);
	assert_int_equal(counts.get, 3 + 4);
	assert_true(counts.bytes_read < size / 4);
	hf_index_close(index);

	index = open_counted(); /* it is all in the copy */
	has(index, 70000);
	assert_int_equal(lookup(index, STRANGER), 0);
	assert_int_equal(counts.get, 0);
	hf_index_close(index);
}

static void all_is_fetched_for_much(void **state)
{
	(void)state;
	struct hf_index *index = open_counted();
	has_many(index);
	uint64_t gets = counts.get;
	assert_true(gets < 40 && counts.bytes_read < 2 * size);
	has_many(index);
	assert_int_equal(counts.get, gets);
	hf_index_close(index);
	is_whole();
	index = open_counted();
	has_many(index);
	assert_int_equal(counts.get, 0);
	hf_index_close(index);
}

/* Without a directory for copies, each block is a request, and few are made. */
static void without_a_directory(void **state)
{
	(void)state;
	memset(&counts, 0, sizeof(counts));
	struct hf_index *index = open_index(&w, (struct hf_index_options){0});
	has(index, 70000);
	for (uint64_t n = STRANGER; n < STRANGER + 300; n++)
		assert_int_equal(lookup(index, n), 0);
	assert_true(counts.get < 20 && counts.bytes_read < size / 4);
	hf_index_close(index);
}

/* --- copies that are not as they should be
 * ----------------------------------------------------------------------- */

static void make_whole_copy(void)
{
	HF_BUF_AUTO stored = HF_BUF(64 << 20);
	assert_int_equal(hf_store_get_all(w.store, name, &stored, NULL), 0);
	struct iovec part = {stored.data, stored.len};
	assert_int_equal(hf_file_write(-1, copy_path, &part, 1, &(struct hf_file_options){0}, NULL), 0);
}

enum { CUT, LONGER, EMPTY, CHANGED, ZEROS, TORN, WAYS };

static void spoil(int way)
{
	HF_BUF_AUTO bytes = HF_BUF(64 << 20);
	assert_int_equal(hf_file_read(-1, copy_path, &bytes, NULL), 0);
	for (size_t at = 70; way == CHANGED && at < bytes.len; at += 1000)
		bytes.data[at] ^= 0x10;
	for (size_t at = 0; way == TORN && at + 4096 < bytes.len;
		at += 12288) /* pages that never reached the disk */
		memset(bytes.data + at, 0, 4096);
	if (way == ZEROS)
		memset(bytes.data, 0, bytes.len);
	bytes.len = way == CUT ? bytes.len / 2 : way == EMPTY ? 0 : bytes.len;
	struct iovec parts[] = {{bytes.data, bytes.len}, {bytes.data, way == LONGER ? 100 : 0}};
	assert_int_equal(hf_file_write(-1, copy_path, parts, 2, &(struct hf_file_options){0}, NULL), 0);
}

static void spoilt_copies_are_no_harm(void **state)
{
	for (int way = 0; way < WAYS; way++) {
		assert_int_equal(empty_dir(state), 0);
		make_whole_copy();
		spoil(way);
		struct hf_index *index = open_counted();
		has_many(index);
		hf_index_close(index);
		struct stat st;
		assert_int_equal(stat(copy_path, &st), 0);
		assert_true((uint64_t)st.st_size == size);
	}
}

/* One of which a part is damaged is mended where it is met. */
static void damage_is_mended(void **state)
{
	(void)state;
	make_whole_copy();
	spoil(CHANGED);
	struct hf_index *index = open_counted();
	has_many(index);
	assert_true(counts.get > 0);
	hf_index_close(index);
	index = open_counted();
	has_many(index);
	assert_int_equal(counts.get, 0);
	hf_index_close(index);
}

/* As when the disk is full: the file can be made, but no more be written to it than so much. */
static void no_room(void **state)
{
	struct rlimit old, none;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t room = 0; room < 3 << 20; room += 1 << 20) {
		assert_int_equal(empty_dir(state), 0);
		struct hf_index *index = open_counted();
		hf_index_close(index);
		none = (struct rlimit){room, old.rlim_max};
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
		index = open_counted();
		has_many(index);
		hf_index_close(index);
		assert_int_equal(unlink(copy_path), 0);
		index = open_counted();
		has_many(index);
		hf_index_close(index);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		index = open_counted();
		has_many(index);
		hf_index_close(index);
		is_whole();
	}
}

/* --- damage in the store
 * ----------------------------------------------------------------------------------------- */

/* What the index says is damaged, with and without copies, when bit `bit` of the large segment is flipped, or
 * it is cut short there. */
static void assert_damage(size_t bit, bool cut, const char *why)
{
	char prefix[HF_NAME_MAX];
	memcpy(prefix, name, sizeof(prefix));
	size_t user = cut ? bit / 8 : bit;
	struct hf_store *sound = w.store;
	w.store = tampered(sound, prefix, cut ? tamper_cut : tamper_flip, &user);
	w.store->is_far = true;
	for (int with = 0; with < 3; with++) { /* no copies, none yet, some */
		struct hf_index *index =
			open_index(&w, (struct hf_index_options){.cache_dir = with ? dir : NULL});
		for (uint64_t n = 0; n < CHUNKS; n += 97)
			(void)lookup(index, n);
		assert_int_equal(lookup(index, CHUNKS + 3), 1);
		const char *text = "";
		assert_true(hf_index_damaged(index, 0, NULL, &text));
		assert_non_null(strstr(text, name));
		assert_non_null(strstr(text, why));
		assert_int_equal(hf_index_damaged_count(index), 1);
		hf_index_close(index);
	}
	hf_store_close(w.store);
	w.store = sound;
}

static void damage_in_the_store_is_named(void **state)
{
	static const char changed[] = "the bytes do not authenticate",
			  signature[] = "the signature does not verify";
	assert_damage(8 * 3, false, "this is no index segment");
	assert_int_equal(empty_dir(state), 0);
	assert_damage(8 * 80, false, signature);
	assert_int_equal(empty_dir(state), 0);
	assert_damage(8 * (HF_INDEX_HEADER + 3 * HF_INDEX_SEALED), false, changed);
	assert_int_equal(empty_dir(state), 0);
	assert_damage(8 * ((size_t)size - 3), false, signature);
	assert_int_equal(empty_dir(state), 0);
	assert_damage(8 * ((size_t)size / 2), true, "");
}

/* --- threads
 * ----------------------------------------------------------------------------------------------------- */

static void *look_up(void *arg)
{
	struct hf_index *index = arg;
	for (uint64_t n = 0; n < CHUNKS; n += 997)
		has(index, n);
	return NULL;
}

static void threads_share_what_is_fetched(void **state)
{
	(void)state;
	struct hf_index *index = open_counted();
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_up, index), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(counts.get < 40 && counts.bytes_read < 2 * size);
	hf_index_close(index);
	is_whole();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(little_is_fetched_for_little, empty_dir),
		cmocka_unit_test_setup(all_is_fetched_for_much, empty_dir),
		cmocka_unit_test_setup(without_a_directory, empty_dir),
		cmocka_unit_test_setup(spoilt_copies_are_no_harm, empty_dir),
		cmocka_unit_test_setup(damage_is_mended, empty_dir),
		cmocka_unit_test_setup(no_room, empty_dir),
		cmocka_unit_test_setup(damage_in_the_store_is_named, empty_dir),
		cmocka_unit_test_setup(threads_share_what_is_fetched, empty_dir),
	};
	return cmocka_run_group_tests(tests, make_world, free_world);
}
