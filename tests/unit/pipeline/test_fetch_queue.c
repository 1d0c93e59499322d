/*
 * fetch_queue.h: chunks come in the order in which they were asked for, whole, from near and from far away, there with few requests;
 * a failure comes in its chunk's turn, and whatever is left may be given up at any time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../repo/place.h"

#include "crypto/random.h"
#include "pipeline/fetch_queue.h"
#include "pipeline/ingest.h"
#include "repo/chunking.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 300, LEAST = 1000, STEP = 700, LARGEST = LEAST + CHUNKS * STEP };

static struct hf_repository *repo;
static struct hf_store_counts counts;
static struct hf_index *idx;
static struct hf_reader *reader;
static struct hf_fetch_queue *queue;
static struct hf_chunk_id ids[CHUNKS];
static uint8_t *bytes;			   /* chunk i is what is in it from i on */
static int seen[3 * CHUNKS], refused;	   /* marks; the one at which `each` refuses */
static size_t seen_count;

static uint32_t length_of(int i)
{
	return (uint32_t)(LEAST + i * STEP);
}

static struct hf_index *open_idx(void)
{
	struct hf_index *out;
	const struct hf_index_options options = {
		.store = repo->store, .key = repo->key, .domain = &repo->key->domain, .certs = &repo->certs};
	assert_int_equal(hf_index_open(&options, &out, NULL), 0);
	return out;
}

static void store_chunks(void)
{
	struct hf_chunk_hasher *hasher;
	struct hf_ingest *in;
	struct hf_index *index = open_idx();
	const struct hf_ingest_options options = {.repo = repo, .index = index, .scratch = "/tmp", .threads = 2, .pack_size = 6000000};
	assert_int_equal(hf_ingest_new(&options, &in, NULL), 0);
	assert_int_equal(hf_chunk_hasher_new(&repo->key->domain, &hasher, NULL), 0);
	for (int i = 0; i < CHUNKS; i++) {
		hf_slot slot;
		ids[i] = hf_chunk_hash(hasher, HF_CHUNK_DATA, bytes + i, length_of(i));
		assert_int_equal(hf_ingest_copy(in, HF_CHUNK_DATA, (struct iovec){bytes + i, length_of(i)}, &slot, NULL), 0);
	}
	hf_chunk_hasher_free(hasher);
	assert_int_equal(hf_ingest_finish(in, NULL), 0);
	hf_ingest_free(in);
	hf_index_close(index);
}

static int each(void *user, const struct hf_fetch *what, const uint8_t *data, struct hf_error *err)
{
	(void)user;
	assert_int_equal(what->ref.len, length_of(what->mark));
	assert_memory_equal(data, bytes + what->mark, what->ref.len);
	assert_true(seen_count < sizeof(seen) / sizeof(*seen));
	seen[seen_count++] = what->mark;
	return what->mark == refused ? hf_fail(err, HF_E_USAGE, "refused") : 0;
}

static int set_up(void **state)
{
	(void)state;
	bytes = malloc(LARGEST + CHUNKS);
	if (!bytes)
		return -1;
	hf_random(bytes, LARGEST + CHUNKS);
	repo = place_in_memory();
	store_chunks();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_repository_close(repo);
	free(bytes);
	return 0;
}

static void begin(bool is_far)
{
	seen_count = 0;
	refused = -1;
	repo->store->is_far = is_far;
	idx = open_idx();
	const struct hf_reader_options reading = {.repo = repo, .index = idx, .domain = &repo->key->domain};
	assert_int_equal(hf_reader_new(&reading, &reader, NULL), 0);
	const struct hf_fetch_queue_options options = {.reader = reader, .each = each};
	assert_int_equal(hf_fetch_queue_new(&options, &queue, NULL), 0);
	counts = repo->counts;
}

static void end(void)
{
	hf_fetch_queue_free(queue);
	hf_reader_free(reader);
	hf_index_close(idx);
}

static int add(int i, struct hf_error *err)
{
	const struct hf_fetch what = {.kind = HF_CHUNK_DATA, .ref = {.id = ids[i], .len = length_of(i)}, .mark = i};
	return hf_fetch_queue_add(queue, &what, err);
}

static void comes_in_order(bool is_far)
{
	begin(is_far);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < CHUNKS; i++)
			assert_int_equal(add(i * 7 % CHUNKS, NULL), 0); /* each once, in another order */
		assert_int_equal(hf_fetch_queue_finish(queue, NULL), 0);
		assert_int_equal(seen_count, (round + 1) * CHUNKS);
		for (int i = 0; i < CHUNKS; i++)
			assert_int_equal(seen[round * CHUNKS + i], i * 7 % CHUNKS);
	}
	end();
}

static void in_order(void **state)
{
	(void)state;
	comes_in_order(false);
	comes_in_order(true);
}

/* As they lie: some thirty megabytes, in frames of one to one and a half, and ranges of up to four. */
static void few_requests(void **state)
{
	(void)state;
	uint64_t gets[2];
	for (int is_far = 0; is_far < 2; is_far++) {
		begin(is_far);
		for (int i = 0; i < CHUNKS; i++)
			assert_int_equal(add(i, NULL), 0);
		assert_int_equal(hf_fetch_queue_finish(queue, NULL), 0);
		assert_int_equal(seen_count, CHUNKS);
		gets[is_far] = repo->counts.get - counts.get;
		end();
	}
	if (gets[1] * 3 > gets[0] * 2)
		fail_msg("%llu requests, and %llu for single frames", (unsigned long long)gets[1], (unsigned long long)gets[0]);
}

static void failures_come_in_their_turn(void **state)
{
	(void)state;
	enum { LOST = 222 };
	for (int is_far = 0; is_far < 2; is_far++) {
		struct hf_error err = {0};
		int r = 0;
		begin(is_far);
		ids[LOST].b[0] ^= 1;
		for (int i = 0; i < CHUNKS && r == 0; i++)
			r = add(i, &err);
		if (r == 0)
			r = hf_fetch_queue_finish(queue, &err);
		ids[LOST].b[0] ^= 1;
		assert_int_equal(r, HF_E_CORRUPT);
		assert_non_null(strstr(err.msg, "not in the index"));
		assert_true(seen_count <= LOST);
		end();
	}
}

/* A length that the manifest has wrong. */
static void wrong_lengths(void **state)
{
	(void)state;
	struct hf_error err = {0};
	const struct hf_fetch none = {.kind = HF_CHUNK_DATA, .ref = {.id = ids[5], .len = 0}, .mark = 5};
	begin(false);
	assert_int_equal(hf_fetch_queue_add(queue, &none, &err), 0);
	assert_int_equal(hf_fetch_queue_finish(queue, &err), HF_E_CORRUPT);
	assert_int_equal(seen_count, 0);
	end();
}

static void given_up(void **state)
{
	(void)state;
	for (int is_far = 0; is_far < 2; is_far++) {
		for (int count = 0; count < CHUNKS; count += 37) { /* whatever is under way, listed or being filled */
			begin(is_far);
			for (int i = 0; i < count; i++)
				assert_int_equal(add(i, NULL), 0);
			end();
		}
		struct hf_error err = {0};
		int r = 0;
		begin(is_far);
		refused = 40;
		for (int i = 0; i < CHUNKS && r == 0; i++)
			r = add(i, &err);
		assert_int_equal(r, HF_E_USAGE);
		assert_int_equal(seen_count, 41);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(few_requests),
		cmocka_unit_test(failures_come_in_their_turn),
		cmocka_unit_test(wrong_lengths),
		cmocka_unit_test(given_up),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
