/* buf.h and cursor.h: what is written is read back; bounds and maxima hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/cursor.h"

#include <string.h>

static void round_trip(void **state)
{
	(void)state;
	HF_BUF_AUTO b = HF_BUF(1024);
	const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
	hf_buf_u8(&b, 9);
	hf_buf_u16(&b, 0x1234);
	hf_buf_u32(&b, 0xdeadbeef);
	hf_buf_u64(&b, 0x0123456789abcdefu);
	for (size_t i = 0; i < 7; i++)
		hf_buf_varint(&b, values[i]);
	hf_buf_zigzag(&b, INT64_MIN);
	hf_buf_zigzag(&b, -3);
	hf_buf_blob(&b, "abc", 3);
	assert_false(b.failed);

	struct hf_cursor c = hf_cursor(b.data, b.len);
	assert_int_equal(hf_cursor_u8(&c), 9);
	assert_int_equal(hf_cursor_u16(&c), 0x1234);
	assert_int_equal(hf_cursor_u32(&c), 0xdeadbeef);
	assert_true(hf_cursor_u64(&c) == 0x0123456789abcdefu);
	for (size_t i = 0; i < 7; i++)
		assert_true(hf_cursor_varint(&c) == values[i]);
	assert_true(hf_cursor_zigzag(&c) == INT64_MIN);
	assert_true(hf_cursor_zigzag(&c) == -3);
	size_t len;
	const uint8_t *p = hf_cursor_blob(&c, 3, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(p, "abc", 3);
	assert_true(hf_cursor_done(&c));
	assert_int_equal(hf_cursor_u8(&c), 0);
	assert_true(c.failed);
}

static void maximum_holds(void **state)
{
	(void)state;
	HF_BUF_AUTO b = HF_BUF(10);
	hf_buf_str(&b, "123456789");
	assert_false(b.failed);
	hf_buf_u16(&b, 1);
	assert_true(b.failed);
	assert_int_equal(b.len, 9);
	struct hf_error err;
	assert_int_equal(hf_buf_check(&b, "thing", &err), HF_E_NOMEM);
}

static void varints_have_one_form(void **state)
{
	(void)state;
	const uint8_t overlong[] = {0x80, 0x00};
	const uint8_t overflow[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	struct hf_cursor c = hf_cursor(overlong, sizeof(overlong));
	hf_cursor_varint(&c);
	assert_true(c.failed);
	c = hf_cursor(overflow, sizeof(overflow));
	hf_cursor_varint(&c);
	assert_true(c.failed);
}

static void reserving_moves_nothing_and_keeps_the_maximum(void **state)
{
	(void)state;
	HF_BUF_AUTO b = HF_BUF(100);
	hf_buf_str(&b, "kept");
	hf_buf_reserve(&b, 64);
	assert_true(b.cap >= 64);
	assert_int_equal(b.len, 4);
	assert_memory_equal(b.data, "kept", 4);
	size_t cap = b.cap;
	hf_buf_reserve(&b, 8); /* never smaller */
	assert_int_equal(b.cap, cap);
	hf_buf_reserve(&b, 1000);
	assert_non_null(hf_buf_space(&b, 96));
	assert_null(hf_buf_space(&b, 1));
	assert_true(b.failed);
}

static void context_goes_in_front(void **state)
{
	(void)state;
	struct hf_error err = {0};
	int r = hf_fail(&err, HF_E_IO, "write %s", "x");
	r = hf_wrap(&err, r, "back up %s", "shop");
	assert_int_equal(r, HF_E_IO);
	assert_string_equal(err.msg, "back up shop: write x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(maximum_holds),
		cmocka_unit_test(varints_have_one_form),
		cmocka_unit_test(reserving_moves_nothing_and_keeps_the_maximum),
		cmocka_unit_test(context_goes_in_front),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
