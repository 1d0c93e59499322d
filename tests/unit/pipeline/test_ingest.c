/*
 * The way in and the way out together: a synthetic source into a store in memory, and back through the index as a reader
 * finds it. What comes out is what went in, whatever the sizes of files, packs and data keys, with several workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../repo/place.h"

#include "pipeline/egress.h"
#include "pipeline/ingest.h"
#include "pipeline/pack_check.h"
#include "repo/index.h"
#include "repo/pack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 300, LARGEST = 3 << 20, PAGE = 4096 };

static struct hf_repository *repo;
static uint8_t *bytes, *wanted;

/* What file i holds: like text, so that it compresses, and every fifth file is like another. */
static size_t content(unsigned i, uint8_t *out)
{
	unsigned seed = i % 5 ? i : 10;
	size_t len = seed == 77 ? LARGEST : seed == 78 ? 40 * PAGE : seed * 37 % 20000;
	uint32_t x = seed + 1;
	for (size_t k = 0; k < len; k++) {
		if (k % 16 == 0)
			x = x * 1664525 + 1013904223;
		out[k] = (uint8_t)(k % 16 < 6 ? x >> (k % 4 * 8) : 'a' + x % 26);
	}
	return len;
}

static struct hf_entry entry_of(unsigned i, char path[32], size_t len)
{
	int n = snprintf(path, 32, "f%05u", i);
	return (struct hf_entry){.type = HF_ENTRY_FILE, .path = path, .path_len = (size_t)n, .mode = 0640, .size = len,
		.cut = i == 78 ? HF_CUT_PAGES : HF_CUT_CONTENT, .page_size = i == 78 ? PAGE : 0};
}

/* Pushes file i in pieces of odd sizes; of a database the first page comes again, last. */
static void push(struct hf_sink *sink, unsigned i)
{
	struct hf_error err = {0};
	char path[32];
	size_t len = content(i, bytes), piece = i == 78 ? PAGE : 7001;
	const struct hf_entry entry = entry_of(i, path, len);
	const struct hf_sink_end end = {.size = len};
	assert_int_equal(sink->ops->begin(sink, &entry, &err), 0);
	if (i == 78)
		assert_int_equal(sink->ops->data(sink, 0, bytes + PAGE, PAGE, &err), 0);
	for (size_t at = i == 78 ? PAGE : 0; at < len; at += piece)
		assert_int_equal(
			sink->ops->data(sink, at, bytes + at, len - at < piece ? len - at : piece, &err), 0);
	if (i == 78)
		assert_int_equal(sink->ops->data(sink, 0, bytes, PAGE, &err), 0);
	assert_int_equal(sink->ops->end(sink, &end, &err), 0);
}

static struct hf_index *open_index(void)
{
	const struct hf_index_options options = {.store = repo->store, .key = repo->key, .domain = &repo->key->domain,
		.certs = &repo->certs};
	struct hf_index *index;
	assert_int_equal(hf_index_open(&options, &index, NULL), 0);
	return index;
}

struct run {
	struct hf_ingested in;
	size_t packs, keys;
};

static struct run ingest(const struct hf_ingest_options *given)
{
	struct hf_error err = {0};
	struct run run = {0};
	struct hf_index *index = open_index();
	struct hf_ingest_options options = *given;
	options.repo = repo;
	options.index = index;
	options.scratch = "/tmp";
	options.threads = 4;
	struct hf_ingest *in;
	struct hf_sink *sink;
	const struct hf_ingest_source source = {.name = "synthetic", .is_ordered = true};
	assert_int_equal(hf_ingest_new(&options, &in, &err), 0);
	assert_int_equal(hf_ingest_begin(in, &source, &sink, &err), 0);
	for (unsigned i = 0; i < FILES; i++)
		push(sink, i);
	assert_int_equal(hf_ingest_end(in, NULL, &run.in, &err), 0);
	assert_int_equal(hf_ingest_finish(in, &err), 0);
	if (hf_ingest_verify(in, &err) < 0)
		fail_msg("%s", err.msg);
	const struct hf_ref *packs = hf_ingest_packs(in, &run.packs);
	for (size_t i = 0; i < run.packs; i++) {
		struct hf_run_key key;
		assert_int_equal(hf_pack_open(repo->store, &packs[i], repo->key, &repo->certs, &key, NULL, &err), 0);
		run.keys = key.number + 1 > run.keys ? key.number + 1 : run.keys;
		hf_run_key_wipe(&key);
	}
	json_decref(run.in.problems);
	hf_ingest_free(in);
	hf_index_close(index);
	return run;
}

/* Reads the whole source back and compares. */
static void compare(const struct hf_chunk_id *root)
{
	struct hf_error err = {0};
	struct hf_index *index = open_index();
	const struct hf_reader_options reading = {.repo = repo, .index = index, .domain = &repo->key->domain};
	struct hf_reader *reader;
	struct hf_egress *out;
	assert_int_equal(hf_reader_new(&reading, &reader, &err), 0);
	const struct hf_egress_options options = {.reader = reader, .root = *root, .threads = 3};
	assert_int_equal(hf_egress_new(&options, &out, &err), 0);
	struct hf_feed *feed = hf_egress_feed(out);
	struct hf_piece *piece;
	unsigned i = 0;
	size_t len = 0, seen = 0;
	while (feed->ops->next(feed, &piece, &err) == 1) {
		char path[32];
		if (piece->first) {
			len = content(i, wanted);
			seen = 0;
			const struct hf_entry entry = entry_of(i, path, len);
			assert_int_equal(piece->entry->path_len, entry.path_len);
			assert_memory_equal(piece->entry->path, path, entry.path_len);
			assert_int_equal(piece->entry->size, len);
			assert_int_equal(piece->entry->mode, 0640);
		}
		size_t at = piece->offset;
		for (size_t s = 0; s < piece->span_count; at += piece->spans[s++].iov_len)
			assert_memory_equal(piece->spans[s].iov_base, wanted + at, piece->spans[s].iov_len);
		seen += piece->len;
		if (piece->last) {
			assert_int_equal(seen, len);
			i++;
		}
		feed->ops->release(feed, piece);
	}
	assert_int_equal(err.code, 0);
	assert_int_equal(i, FILES);
	hf_egress_free(out);
	hf_reader_free(reader);
	hf_index_close(index);
}

static void test_there_and_back(void **state)
{
	(void)state;
	const struct run run = ingest(&(struct hf_ingest_options){0});
	assert_int_equal(run.in.files, FILES);
	assert_int_equal(run.keys, 1);
	compare(&run.in.root);
}

static void test_what_is_there_is_not_stored_again(void **state)
{
	(void)state;
	const struct run first = ingest(&(struct hf_ingest_options){0}), second = ingest(&(struct hf_ingest_options){0});
	assert_true(first.in.bytes_new > 0);
	assert_memory_equal(first.in.root.b, second.in.root.b, sizeof(first.in.root.b));
	assert_int_equal(second.in.bytes_new, 0);
	assert_int_equal(second.in.bytes_stored, 0);
	compare(&second.in.root);
}

static void test_many_packs_and_data_keys(void **state)
{
	(void)state;
	const struct run run = ingest(&(struct hf_ingest_options){.pack_size = 100000, .key_bytes = 300000});
	/* Which frames share a pack is the threads' chance: mostly there are five packs and four keys. */
	assert_true(run.packs > 2);
	assert_true(run.keys > 1);
	compare(&run.in.root);
}

/* From a store far away, with frames fetched together. */
static void test_from_far_away(void **state)
{
	(void)state;
	const struct run run = ingest(&(struct hf_ingest_options){.pack_size = 1500000});
	repo->store->is_far = true;
	compare(&run.in.root);
	const struct run again = ingest(&(struct hf_ingest_options){0});
	compare(&again.in.root);
}

/* --- damage ----------------------------------------------------------------------------------------------------------- */

/* A store of which one byte of each large pack is not what it was; and it may refuse to give much at once. */
struct faulty {
	struct hf_store base;
	struct hf_store *inner;
	size_t most;
};

enum { DAMAGED_AT = 700000 };

static size_t largest_frame;

static int faulty_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	struct faulty *f = (struct faulty *)s;
	struct hf_object_info info;
	if (len > f->most)
		return hf_fail(err, HF_E_IO, "so much is not to be had at once");
	int r = hf_store_get(f->inner, name, offset, out, len, err);
	if (r == 0)
		r = hf_store_stat(f->inner, name, &info, err);
	if (r == 0 && strncmp(name, "pack/", 5) == 0 && info.size > 1200000 && offset <= DAMAGED_AT && DAMAGED_AT < offset + len)
		((uint8_t *)out)[DAMAGED_AT - offset] ^= 1;
	return r;
}

static int faulty_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	return hf_store_stat(((struct faulty *)s)->inner, name, info, err);
}

static int faulty_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	return hf_store_list(((struct faulty *)s)->inner, prefix, each, user, err);
}

/* What is damaged: files, or chunks of packs. */
struct harm {
	size_t count;
	uint32_t sum; /* of what they are named by */
};

static int on_damaged_file(void *user, const struct hf_entry *entry, const struct hf_error *why)
{
	struct harm *h = user;
	assert_int_equal(why->code, HF_E_CORRUPT);
	h->count++;
	for (size_t i = 0; i < entry->path_len; i++)
		h->sum = h->sum * 31 + (uint8_t)entry->path[i];
	return 0;
}

static struct harm read_all(const struct hf_chunk_id *root)
{
	struct harm harm = {0};
	struct hf_error err = {0};
	struct hf_index *index = open_index();
	const struct hf_reader_options reading = {.repo = repo, .index = index, .domain = &repo->key->domain};
	struct hf_reader *reader;
	struct hf_egress *out;
	struct hf_piece *piece;
	assert_int_equal(hf_reader_new(&reading, &reader, &err), 0);
	const struct hf_egress_options options = {.reader = reader, .root = *root, .threads = 3, .damaged = on_damaged_file,
		.user = &harm};
	assert_int_equal(hf_egress_new(&options, &out, &err), 0);
	struct hf_feed *feed = hf_egress_feed(out);
	while (feed->ops->next(feed, &piece, &err) == 1)
		feed->ops->release(feed, piece);
	assert_int_equal(err.code, 0);
	hf_egress_free(out);
	hf_reader_free(reader);
	hf_index_close(index);
	return harm;
}

static int on_bad_chunk(void *user, const struct hf_chunk_id *id, const struct hf_error *why)
{
	struct harm *h = user;
	assert_int_equal(why->code, HF_E_CORRUPT);
	h->count++;
	h->sum += hf_get_u32(id->b);
	return 0;
}

static int check_one(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	enum hf_kind kind;
	struct hf_ref ref;
	struct hf_run_key key;
	struct hf_pack_table table;
	struct hf_pack_checker *checker;
	uint64_t read = 0, stored = 0;
	assert_true(hf_object_name_parse(info->name, &kind, &ref));
	assert_int_equal(hf_pack_open(repo->store, &ref, repo->key, &repo->certs, &key, &table, err), 0);
	for (size_t i = 0; i < table.frame_count; i++) {
		stored += table.frames[i].stored_len;
		largest_frame = table.frames[i].stored_len > largest_frame ? table.frames[i].stored_len : largest_frame;
	}
	assert_int_equal(hf_pack_checker_new(repo->store, &repo->key->domain, &checker, err), 0);
	const struct hf_pack_check check = {.table = &table, .key = &key, .bad = on_bad_chunk, .user = user, .bytes = &read};
	const int want = info->size > 1200000 ? HF_E_CORRUPT : 0;
	assert_int_equal(hf_pack_checker_run(checker, &check, err), want);
	assert_int_equal(read, stored);
	hf_pack_checker_free(checker);
	hf_pack_table_free(&table);
	hf_run_key_wipe(&key);
	return 0;
}

static struct harm check_packs(void)
{
	struct harm harm = {0};
	struct hf_error err;
	assert_int_equal(hf_store_list(repo->store, "pack/", check_one, &harm, &err), 0);
	return harm;
}

/* One byte does the same harm whether frames are fetched one by one, or together, or together in vain. */
static void test_damage_far_away_spoils_no_neighbours(void **state)
{
	(void)state;
	static const struct hf_store_ops ops = {.get = faulty_get, .stat = faulty_stat, .list = faulty_list};
	const struct run run = ingest(&(struct hf_ingest_options){.pack_size = 1500000});
	struct hf_store *sound = repo->store;
	struct faulty faulty = {.base = {&ops, false}, .inner = sound, .most = SIZE_MAX};
	repo->store = &faulty.base;
	const struct harm files = read_all(&run.in.root), chunks = check_packs();
	assert_true(files.count > 0 && files.count < FILES);
	assert_true(chunks.count > 0);
	faulty.base.is_far = true;
	for (int i = 0; i < 2; i++) {
		const struct harm far_files = read_all(&run.in.root), far_chunks = check_packs();
		assert_memory_equal(&far_files, &files, sizeof(files));
		assert_memory_equal(&far_chunks, &chunks, sizeof(chunks));
		faulty.most = largest_frame;
	}
	repo->store = sound;
}

static bool none_fits(void *user, const struct hf_packed *packed)
{
	(void)user;
	(void)packed;
	return false;
}

static void test_levels(void **state)
{
	(void)state;
	const struct run hard = ingest(&(struct hf_ingest_options){.level = 19, .is_fit = none_fits});
	compare(&hard.in.root);
}

static int set_up(void **state)
{
	(void)state;
	bytes = malloc(LARGEST);
	wanted = malloc(LARGEST);
	repo = place_in_memory();
	return bytes && wanted ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	hf_repository_close(repo);
	free(bytes);
	free(wanted);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_there_and_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_there_is_not_stored_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_packs_and_data_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_from_far_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage_far_away_spoils_no_neighbours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
