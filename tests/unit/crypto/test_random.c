/* random.h: bytes come, differ, fill exactly what was asked for; comparing and wiping do what they say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/random.h"

#include <string.h>

static void bytes_differ_and_stay_inside(void **state)
{
	(void)state;
	uint8_t a[70] = {0}, b[70] = {0}, none[3] = {0};
	hf_random(a + 3, 64);
	hf_random(b + 3, 64);
	assert_memory_not_equal(a + 3, b + 3, 64);
	assert_memory_equal(a, none, 3);
	assert_memory_equal(a + 67, none, 3);
	hf_random(a, 0);
	assert_memory_equal(a, none, 3);
}

/* More than getrandom(2) gives at once without being interruptible: every page of it must be filled. */
static void large_requests_are_filled(void **state)
{
	(void)state;
	static uint8_t large[5 << 20], none[4096];
	hf_random(large, sizeof(large));
	for (size_t i = 0; i < sizeof(large); i += sizeof(none))
		assert_memory_not_equal(large + i, none, sizeof(none));
}

static void equal_sees_every_byte(void **state)
{
	(void)state;
	uint8_t a[33], b[33];
	hf_random(a, sizeof(a));
	memcpy(b, a, sizeof(a));
	assert_true(hf_equal(a, b, sizeof(a)));
	for (size_t i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x80;
		assert_false(hf_equal(a, b, sizeof(a)));
		b[i] ^= 0x80;
	}
	assert_true(hf_equal(NULL, NULL, 0));
}

static void wiping_zeroes(void **state)
{
	(void)state;
	uint8_t a[40], none[38] = {0};
	memset(a, 7, sizeof(a));
	hf_wipe(a + 1, 38);
	assert_memory_equal(a + 1, none, 38);
	assert_int_equal(a[0], 7);
	assert_int_equal(a[39], 7);
	hf_wipe(NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_differ_and_stay_inside),
		cmocka_unit_test(large_requests_are_filled),
		cmocka_unit_test(equal_sees_every_byte),
		cmocka_unit_test(wiping_zeroes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
