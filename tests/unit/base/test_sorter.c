/* sorter.h: what goes in comes out in order, equals in the order in which they came, whether it fits in memory or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/sorter.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_MOST = 200 };

/* By the first four bytes. */
static int by_key(const void *a, size_t a_len, const void *b, size_t b_len)
{
	assert_true(a_len >= 8 && b_len >= 8);
	return memcmp(a, b, 4);
}

/* Record i: a key of 4 bytes out of `keys`, the number i, and a tail of varying length that depends on i. */
static size_t record(uint32_t i, uint32_t keys, uint8_t out[RECORD_MOST])
{
	uint32_t key = (uint32_t)(i * UINT32_C(2654435761)) % keys;
	for (int k = 0; k < 4; k++) {
		out[k] = (uint8_t)(key >> (24 - 8 * k));
		out[4 + k] = (uint8_t)(i >> (24 - 8 * k));
	}
	size_t len = 8 + i * 31 % (RECORD_MOST - 8);
	memset(out + 8, (int)(i & 0xff), len - 8);
	return len;
}

static void sort(uint32_t count, uint32_t keys, size_t memory)
{
	HF_SORTER_AUTO *s = NULL;
	struct hf_error err = {0};
	assert_int_equal(hf_sorter_new(memory, "/tmp", by_key, &s, &err), 0);
	uint8_t buf[RECORD_MOST], last[8] = {0};
	for (uint32_t i = 0; i < count; i++)
		assert_int_equal(hf_sorter_add(s, buf, record(i, keys, buf), &err), 0);
	assert_int_equal(hf_sorter_finish(s, &err), 0);
	const void *rec;
	size_t len;
	for (uint32_t n = 0; n < count; n++) {
		assert_int_equal(hf_sorter_next(s, &rec, &len, &err), 1);
		assert_true(n == 0 || memcmp(last, rec, 8) < 0); /* key, then the number: stable, nothing twice */
		memcpy(last, rec, 8);
		uint32_t i = (uint32_t)last[4] << 24 | (uint32_t)last[5] << 16 | (uint32_t)last[6] << 8 | last[7];
		assert_true(i < count);
		assert_int_equal(len, record(i, keys, buf));
		assert_memory_equal(rec, buf, len);
	}
	assert_int_equal(hf_sorter_next(s, &rec, &len, &err), 0);
	assert_int_equal(hf_sorter_next(s, &rec, &len, &err), 0);
}

static void in_memory(void **state)
{
	(void)state;
	sort(0, 1, 1 << 20);
	sort(1, 1, 1 << 20);
	sort(5000, 100, 8 << 20);
}

static void on_disk(void **state)
{
	(void)state;
	sort(2000, 50, 1);	   /* a few runs */
	sort(100000, 1000, 1);	   /* more than 16, merged on the way */
	sort(250000, UINT32_MAX, 1); /* and more than 16 of those */
}

static int by_all(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int c = memcmp(a, b, a_len < b_len ? a_len : b_len);
	return c ? c : a_len < b_len ? -1 : a_len > b_len;
}

/* Records larger than the memory, and empty ones. */
static void odd_sizes(void **state)
{
	(void)state;
	HF_SORTER_AUTO *s = NULL;
	enum { LARGE = 300000 };
	char *large = malloc(LARGE);
	assert_int_equal(hf_sorter_new(1, "/tmp", by_all, &s, NULL), 0);
	for (int i = 0; i < 10; i++) {
		memset(large, 'z' - i, LARGE);
		assert_int_equal(hf_sorter_add(s, large, LARGE, NULL), 0);
		assert_int_equal(hf_sorter_add(s, "", 0, NULL), 0);
	}
	assert_int_equal(hf_sorter_finish(s, NULL), 0);
	const void *rec;
	size_t len;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(hf_sorter_next(s, &rec, &len, NULL), 1);
		assert_int_equal(len, 0);
	}
	for (int i = 9; i >= 0; i--) {
		assert_int_equal(hf_sorter_next(s, &rec, &len, NULL), 1);
		memset(large, 'z' - i, LARGE);
		assert_int_equal(len, LARGE);
		assert_memory_equal(rec, large, LARGE);
	}
	assert_int_equal(hf_sorter_next(s, &rec, &len, NULL), 0);
	free(large);
}

static void no_place_to_spill(void **state)
{
	(void)state;
	HF_SORTER_AUTO *s = NULL;
	assert_int_equal(hf_sorter_new(1, "/nonexistent", by_all, &s, NULL), 0);
	char rec[60000] = {0};
	assert_int_equal(hf_sorter_add(s, rec, sizeof(rec), NULL), 0);
	assert_int_equal(hf_sorter_add(s, rec, sizeof(rec), NULL), HF_E_NOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_memory),
		cmocka_unit_test(on_disk),
		cmocka_unit_test(odd_sizes),
		cmocka_unit_test(no_place_to_spill),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
