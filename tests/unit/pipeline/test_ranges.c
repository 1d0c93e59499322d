/*
 * Frames fetched with their neighbours: how many requests it takes, and what they ask for; that a range which can't be had spoils
 * nothing, that no more is kept than was allowed, and that threads share what is on its way. The bytes need be no real pack's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pipeline/ranges.h"
#include "repo/object.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PACK = 12 << 20, FRAME = 100000, FRAMES = PACK / FRAME, THREADS = 4 };

static struct hf_store *store;
static struct hf_store_counts counts;
static struct hf_ranges *ranges;
static uint8_t *pack; /* what both packs hold */
static const struct hf_ref packs[2] = {{.id.b = {1}}, {.id.b = {2}}};

static struct hf_stored frame(unsigned which, uint32_t offset, uint32_t len)
{
	return (struct hf_stored){packs[which], offset, len};
}

static int get(const struct hf_stored *f)
{
	uint8_t *out = malloc(f->len);
	int r = hf_ranges_get(ranges, f, out, NULL);
	if (r == 0 && memcmp(out, pack + f->offset, f->len) != 0)
		r = 1;
	free(out);
	return r;
}

static void get_all(const struct hf_stored *frames, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_int_equal(get(&frames[i]), 0);
}

/* All frames of a pack, one after another. */
static void fill(struct hf_stored *frames, unsigned which)
{
	for (uint32_t i = 0; i < FRAMES; i++)
		frames[i] = frame(which, i * FRAME, FRAME);
}

static void test_neighbours_come_with_one_request(void **state)
{
	(void)state;
	const struct hf_stored wanted[] = {frame(0, 3000, 1000), frame(1, 0, 500), frame(0, 1000, 2000), frame(0, 4000, 100),
		frame(0, 3000, 1000), frame(1, 500, 500)};
	hf_ranges_fetch(ranges, wanted, 1, 6);
	assert_int_equal(counts.get, 1);
	assert_int_equal(counts.bytes_read, 3100);
	hf_ranges_fetch(ranges, wanted + 1, 1, 5);
	assert_int_equal(counts.get, 2);
	assert_int_equal(counts.bytes_read, 4100);
	get_all(wanted, 4);
	assert_int_equal(counts.get, 2);
}

static void test_a_frame_alone_is_not_fetched_ahead(void **state)
{
	(void)state;
	const struct hf_stored wanted[] = {frame(0, 3000, 1000), frame(1, 4000, 500)};
	hf_ranges_fetch(ranges, wanted, 1, 2);
	assert_int_equal(counts.get, 0);
	get_all(wanted, 2);
	assert_int_equal(counts.get, 2);
	assert_int_equal(counts.bytes_read, 1500);
}

static void test_small_gaps_are_read_and_large_ones_not(void **state)
{
	(void)state;
	const struct hf_stored wanted[] = {frame(0, 0, 1000), frame(0, 1000 + HF_RANGE_GAP, 1000),
		frame(0, 2001 + 2 * HF_RANGE_GAP, 1000)};
	hf_ranges_fetch(ranges, wanted, 3, 3);
	assert_int_equal(counts.get, 1);
	assert_int_equal(counts.bytes_read, 2000 + HF_RANGE_GAP);
	get_all(wanted, 3);
	assert_int_equal(counts.get, 2);
}

static void test_a_request_has_a_bound(void **state)
{
	(void)state;
	struct hf_stored wanted[FRAMES];
	fill(wanted, 0);
	for (size_t i = 0; i < FRAMES; i++) {
		hf_ranges_fetch(ranges, wanted + i, 1, FRAMES - i);
		assert_true(counts.bytes_read <= counts.get * HF_RANGE_MAX);
		get_all(wanted + i, 1);
	}
	assert_int_equal(counts.get, FRAMES / (HF_RANGE_MAX / FRAME) + 1);
	assert_int_equal(counts.bytes_read, FRAMES * FRAME);
}

static void test_no_more_is_kept_than_allowed(void **state)
{
	(void)state;
	struct hf_stored wanted[FRAMES];
	fill(wanted, 0);
	hf_ranges_fetch(ranges, wanted, FRAMES, FRAMES); /* twelve of its megabytes, of which eight may be kept */
	assert_int_equal(counts.get, 2);
	get_all(wanted, FRAMES);
	assert_int_equal(counts.get, 2 + FRAMES - 2 * (HF_RANGE_MAX / FRAME));
	hf_ranges_fetch(ranges, wanted, FRAMES, FRAMES); /* all was taken: there is room again */
	assert_int_equal(counts.get, 4 + FRAMES - 2 * (HF_RANGE_MAX / FRAME));
}

/* Frames that no one came for hold their memory for a while only. */
static void test_what_no_one_takes_goes(void **state)
{
	(void)state;
	struct hf_stored left[FRAMES], wanted[FRAMES];
	fill(left, 0);
	fill(wanted, 1);
	hf_ranges_fetch(ranges, left, FRAMES, FRAMES);
	assert_int_equal(counts.get, 2);
	hf_ranges_fetch(ranges, wanted, 1, FRAMES);
	assert_int_equal(counts.get, 2);
	for (int i = 0; i < 100; i++)
		hf_ranges_fetch(ranges, NULL, 0, 0);
	hf_ranges_fetch(ranges, wanted, 1, FRAMES);
	assert_int_equal(counts.get, 3);
}

/* The last frame lies beyond the end: the others, which the same request would have brought, are had all the same. */
static void test_a_range_that_fails_spoils_no_frame(void **state)
{
	(void)state;
	const struct hf_stored wanted[] = {frame(0, PACK - 3000, 1000), frame(0, PACK - 2000, 1000), frame(0, PACK - 1000, 1001)};
	hf_ranges_fetch(ranges, wanted, 3, 3);
	assert_int_equal(counts.get, 1);
	get_all(wanted, 2);
	assert_int_equal(get(&wanted[2]), HF_E_CORRUPT);
	assert_int_equal(counts.get, 4);
	hf_ranges_fetch(ranges, wanted, 3, 3); /* not tried again */
	assert_int_equal(counts.get, 4);
}

/* Frames that overlap, or that no request could hold, as a damaged index may say. */
static void test_places_that_can_not_be(void **state)
{
	(void)state;
	const struct hf_stored wanted[] = {frame(0, 0, 1000), frame(0, 500, 1000), frame(0, 1500, UINT32_MAX),
		frame(0, UINT32_MAX, UINT32_MAX), frame(0, 1500, 1000)};
	hf_ranges_fetch(ranges, wanted, 5, 5);
	assert_true(counts.bytes_read <= HF_RANGE_MAX);
	get_all(wanted, 2);
	get_all(wanted + 4, 1);
}

static void *take_every_fourth(void *from)
{
	const struct hf_stored *frames = from;
	size_t wrong = 0;
	for (size_t i = 0; i < FRAMES; i += THREADS) {
		hf_ranges_fetch(ranges, frames + i, 1, FRAMES - i);
		wrong += get(&frames[i]) != 0;
	}
	return (void *)wrong;
}

static void test_several_threads(void **state)
{
	(void)state;
	struct hf_stored wanted[FRAMES + THREADS];
	pthread_t threads[THREADS];
	fill(wanted, 0);
	fill(wanted + THREADS, 0);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, take_every_fourth, wanted + i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *wrong;
		pthread_join(threads[i], &wrong);
		assert_null(wrong);
	}
}

static int set_up(void **state)
{
	(void)state;
	struct hf_store *inner;
	char name[HF_NAME_MAX];
	counts = (struct hf_store_counts){0};
	pack = malloc(PACK);
	for (size_t i = 0; pack && i < PACK; i++)
		pack[i] = (uint8_t)(i * 2654435761u >> 13);
	const struct iovec all = {pack, PACK};
	int r = hf_store_open_memory(&inner, NULL);
	for (int i = 0; i < 2 && r == 0; i++)
		r = hf_store_put(inner, hf_object_name(HF_KIND_PACK, &packs[i], name), &all, 1, NULL);
	if (r == 0)
		r = hf_store_open_counted(inner, &counts, &store, NULL);
	return r == 0 ? hf_ranges_new(store, 2 * HF_RANGE_MAX, &ranges, NULL) : r;
}

static int tear_down(void **state)
{
	(void)state;
	hf_ranges_free(ranges);
	hf_store_close(store);
	free(pack);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_neighbours_come_with_one_request, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_frame_alone_is_not_fetched_ahead, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_gaps_are_read_and_large_ones_not, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_request_has_a_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_more_is_kept_than_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_no_one_takes_goes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_range_that_fails_spoils_no_frame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_places_that_can_not_be, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_several_threads, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
