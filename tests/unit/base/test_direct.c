/* direct.h: the file holds what was given, whatever the lengths and places of the parts, on file systems with and without
 * direct writes; and what can't be written is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/direct.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 9 << 20 };
static uint8_t *given, *found;

static void check(const char *dir, const struct iovec *parts, int count)
{
	struct hf_error err = {0};
	HF_FD_AUTO fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(hf_direct_write(fd, parts, count, &(struct hf_direct_options){.name = "a file"}, &err), 0);
	assert_int_equal(fcntl(fd, F_GETFL) & O_DIRECT, 0);
	size_t at = 0;
	assert_true(hf_pread_full(fd, found, LONGEST + 1, 0, "a file", &err) >= 0);
	for (int i = 0; i < count; at += parts[i++].iov_len)
		assert_memory_equal(found + at, parts[i].iov_base, parts[i].iov_len);
	assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)at);
}

static void lengths(const char *dir)
{
	static const size_t some[] = {0, 1, 4095, 4096, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (4 << 20) + 4096, LONGEST};
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		check(dir, &(struct iovec){given, some[i]}, 1);
	const struct iovec parts[] = {{given + 3, 1}, {given + 11, 4095}, {given, 0}, {given + 1, 3 << 20}, {given + 77, 100001}};
	check(dir, parts, 5);
}

static void test_any_length(void **state)
{
	(void)state;
	lengths("/var/tmp");
}

static void test_where_direct_writes_may_be_unknown(void **state)
{
	(void)state;
	lengths("/dev/shm");
}

static void test_a_full_device_is_said(void **state)
{
	(void)state;
	struct hf_error err = {0};
	HF_FD_AUTO fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_int_equal(hf_direct_write(fd, &(struct iovec){given, 3 << 20}, 1, &(struct hf_direct_options){.name = "the pack"}, &err),
		HF_E_NOSPACE);
	assert_non_null(strstr(err.msg, "the pack"));
}

struct pieces {
	size_t largest, sum;
};

static void note_piece(void *user, size_t bytes)
{
	struct pieces *p = user;
	p->sum += bytes;
	p->largest = bytes > p->largest ? bytes : p->largest;
}

/* Every byte is waited for, and no more than a piece at once, but for a block, which can't be less. */
static void test_a_pace(void **state)
{
	(void)state;
	static const size_t pieces[] = {100, 4096, 10000, 65536, 64 << 20};
	for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
		struct pieces seen = {0};
		const struct hf_direct_options options = {"a file", {note_piece, &seen, pieces[i]}};
		HF_FD_AUTO fd = open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		assert_int_equal(hf_direct_write(fd, &(struct iovec){given, LONGEST - 7}, 1, &options, NULL), 0);
		assert_int_equal(hf_pread_full(fd, found, LONGEST, 0, "a file", NULL), LONGEST - 7);
		assert_memory_equal(found, given, LONGEST - 7);
		assert_int_equal(seen.sum, LONGEST - 7);
		assert_true(seen.largest <= (pieces[i] < 4096 ? 4096 : pieces[i]));
	}
}

static int setup(void **state)
{
	(void)state;
	given = malloc(LONGEST);
	found = malloc(LONGEST + 1);
	uint32_t x = 1;
	for (size_t i = 0; given && i < LONGEST; i++)
		given[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
	return given && found ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(given);
	free(found);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_length),
		cmocka_unit_test(test_where_direct_writes_may_be_unknown), cmocka_unit_test(test_a_full_device_is_said),
		cmocka_unit_test(test_a_pace)};
	return cmocka_run_group_tests(tests, setup, teardown);
}
