/* A store within limits: it is the store that it wraps, and holds to its limits whether the driver paces itself or not. That is told
 * by a least time, which what moves can't stay below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/time.h"
#include "store/limit.h"
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

enum { SIZE = 300000, RATE = 1000000, LEAST_MS = 200 }; /* 300 ms, less what may have been saved up */

static uint8_t given[SIZE], found[SIZE];

static struct hf_store *limited_memory(uint64_t upload, uint64_t download)
{
	struct hf_store *memory = NULL, *out = NULL;
	assert_int_equal(hf_store_open_memory(&memory, NULL), 0);
	assert_int_equal(hf_store_open_limited(memory, upload, download, &out, NULL), 0);
	return out;
}

static int put(struct hf_store *s, const char *name)
{
	const struct iovec parts[] = {{given, 100}, {given + 100, SIZE - 100}};
	return hf_store_put(s, name, parts, 2, NULL);
}

static int count_one(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)err;
	assert_int_equal(info->size, SIZE);
	++*(int *)user;
	return 0;
}

static void test_it_is_the_store_that_it_wraps(void **state)
{
	(void)state;
	struct hf_store *s = limited_memory(1 << 30, 1 << 30);
	struct hf_object_info info;
	struct hf_buf all = HF_BUF(SIZE);
	int n = 0;
	assert_int_equal(put(s, "pack/a"), 0);
	assert_int_equal(put(s, "pack/a"), HF_E_EXISTS);
	assert_int_equal(put(s, "pack/b"), 0);
	assert_int_equal(hf_store_list(s, "pack/", count_one, &n, NULL), 0);
	assert_int_equal(n, 2);
	assert_int_equal(hf_store_get(s, "pack/a", 1000, found, SIZE - 1000, NULL), 0);
	assert_memory_equal(found, given + 1000, SIZE - 1000);
	assert_int_equal(hf_store_get(s, "pack/a", 1000, found, SIZE, NULL), HF_E_CORRUPT);
	assert_int_equal(hf_store_get(s, "pack/none", 0, found, 1, NULL), HF_E_NOTFOUND);
	assert_int_equal(hf_store_get_all(s, "pack/b", &all, NULL), 0);
	assert_int_equal(all.len, SIZE);
	assert_memory_equal(all.data, given, SIZE);
	assert_int_equal(hf_eraser_erase(&(struct hf_eraser){s}, "pack/a", NULL), 0);
	assert_int_equal(hf_store_stat(s, "pack/a", &info, NULL), HF_E_NOTFOUND);
	hf_buf_free(&all);
	hf_store_close(s);
}

static int64_t ms_since(int64_t begun)
{
	return (hf_time_monotonic() - begun) / 1000000;
}

static void test_up_and_down_take_their_time(void **state)
{
	(void)state;
	struct hf_store *s = limited_memory(RATE, RATE);
	int64_t begun = hf_time_monotonic();
	assert_int_equal(put(s, "pack/a"), 0);
	assert_true(ms_since(begun) >= LEAST_MS);
	begun = hf_time_monotonic();
	assert_int_equal(hf_store_get(s, "pack/a", 0, found, SIZE, NULL), 0);
	assert_true(ms_since(begun) >= LEAST_MS);
	assert_memory_equal(found, given, SIZE);
	hf_store_close(s);
}

static void test_each_way_alone(void **state)
{
	(void)state;
	struct hf_store *s = limited_memory(RATE, 0);
	int64_t begun = hf_time_monotonic();
	assert_int_equal(put(s, "pack/a"), 0);
	assert_true(ms_since(begun) >= LEAST_MS);
	assert_int_equal(hf_store_get(s, "pack/a", 0, found, SIZE, NULL), 0);
	hf_store_close(s);
	s = limited_memory(0, RATE);
	assert_int_equal(put(s, "pack/a"), 0);
	begun = hf_time_monotonic();
	assert_int_equal(hf_store_get(s, "pack/a", 0, found, SIZE, NULL), 0);
	assert_true(ms_since(begun) >= LEAST_MS);
	hf_store_close(s);
}

/* --- a driver with more, and with less ----------------------------------------------------------------------------- */

struct driver {
	struct hf_store base;
	struct hf_limits limits;
	size_t largest_get;
	unsigned gets;
};

static void keep_limits(struct hf_store *s, const struct hf_limits *limits)
{
	((struct driver *)s)->limits = *limits;
}

static int note_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	(void)name, (void)err;
	struct driver *d = (struct driver *)s;
	memcpy(out, given + offset, len);
	d->largest_get = len > d->largest_get ? len : d->largest_get;
	d->gets++;
	return 0;
}

static int64_t now(struct hf_store *s)
{
	(void)s;
	return 77;
}

static void close_nothing(struct hf_store *s)
{
	(void)s;
}

static void test_a_driver_that_paces_itself_gets_the_limits(void **state)
{
	(void)state;
	static const struct hf_store_ops ops = {.get = note_get, .now = now, .limit_by = keep_limits, .close = close_nothing};
	struct driver d = {.base = {&ops, true}};
	struct hf_store *s = NULL;
	assert_int_equal(hf_store_open_limited(&d.base, 0, 1, &s, NULL), 0);
	assert_null(d.limits.upload);
	assert_non_null(d.limits.download);
	assert_true(s->is_far);
	assert_int_equal(hf_store_now(s), 77);
	/* At a byte a second this would take days, were it paced here as well. */
	assert_int_equal(hf_store_get(s, "pack/a", 0, found, SIZE, NULL), 0);
	assert_int_equal(d.gets, 1);
	hf_store_close(s);
}

static void test_what_the_driver_lacks_is_lacking(void **state)
{
	(void)state;
	static const struct hf_store_ops ops = {.get = note_get, .close = close_nothing};
	struct driver d = {.base = {&ops, false}};
	struct hf_store *s = NULL;
	assert_int_equal(hf_store_open_limited(&d.base, 1, 1, &s, NULL), 0);
	assert_null(s->ops->get_all);
	assert_null(s->ops->retain);
	assert_null(s->ops->lock_horizon);
	assert_null(s->ops->describe);
	assert_null(s->ops->now);
	assert_null(s->ops->count_to);
	hf_store_close(s);
}

static void test_a_near_one_is_asked_in_pieces_and_a_far_one_at_once(void **state)
{
	(void)state;
	static const struct hf_store_ops ops = {.get = note_get, .close = close_nothing};
	for (int is_far = 0; is_far < 2; is_far++) {
		struct driver d = {.base = {&ops, is_far}};
		struct hf_store *s = NULL;
		assert_int_equal(hf_store_open_limited(&d.base, 0, 10 * RATE, &s, NULL), 0);
		memset(found, 0, SIZE);
		assert_int_equal(hf_store_get(s, "pack/a", 0, found, SIZE, NULL), 0);
		assert_memory_equal(found, given, SIZE);
		assert_int_equal(d.largest_get, is_far ? SIZE : 64 << 10);
		assert_int_equal(d.gets, is_far ? 1 : (SIZE + (64 << 10) - 1) / (64 << 10));
		hf_store_close(s);
	}
}

static void test_pieces(void **state)
{
	(void)state;
	static const struct {
		uint64_t rate;
		size_t piece;
	} some[] = {{1, 512}, {5000, 512}, {20000, 2000}, {10000000, 65536}};
	assert_true(hf_limit_piece(NULL) == SIZE_MAX);
	for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct hf_limit *l = NULL;
		assert_int_equal(hf_limit_new(some[i].rate, &l, NULL), 0);
		size_t piece = hf_limit_piece(l);
		assert_true(piece + 1 >= some[i].piece && piece <= some[i].piece + 1); /* it is a division of fractions */
		hf_limit_free(l);
	}
}

int main(void)
{
	for (size_t i = 0; i < SIZE; i++)
		given[i] = (uint8_t)(i * 31 ^ i >> 8);
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_it_is_the_store_that_it_wraps),
		cmocka_unit_test(test_up_and_down_take_their_time), cmocka_unit_test(test_each_way_alone),
		cmocka_unit_test(test_a_driver_that_paces_itself_gets_the_limits),
		cmocka_unit_test(test_what_the_driver_lacks_is_lacking),
		cmocka_unit_test(test_a_near_one_is_asked_in_pieces_and_a_far_one_at_once), cmocka_unit_test(test_pieces)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
