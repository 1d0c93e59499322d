/* http.h: what needs no server: headers, percent-encoding, times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "store/http.h"

#include <string.h>

static void headers(void **state)
{
	(void)state;
	HF_HTTP_ANSWER_AUTO a = HF_HTTP_ANSWER;
	char out[16];
	hf_buf_str(&a.head, "HTTP/1.1 200 OK\r\nETag: \"x\"\r\ncontent-length:12\r\nEmpty:\r\nLong: 0123456789abcdefg\r\n\r\n");
	assert_true(hf_http_header(&a, "etag", out, sizeof(out)));
	assert_string_equal(out, "\"x\"");
	assert_true(hf_http_header(&a, "Content-Length", out, sizeof(out)));
	assert_string_equal(out, "12");
	assert_true(hf_http_header(&a, "Empty", out, sizeof(out)));
	assert_string_equal(out, "");
	assert_false(hf_http_header(&a, "Content", out, sizeof(out)));
	assert_false(hf_http_header(&a, "Long", out, sizeof(out)));
}

static void times(void **state)
{
	(void)state;
	int64_t ns;
	assert_true(hf_http_time("Sat, 21 Nov 2026 16:37:06 GMT", &ns));
	assert_true(ns == INT64_C(1795279026) * HF_SECOND);
	assert_false(hf_http_time("yesterday", &ns));
}

static void percent(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(256);
	hf_percent_encode(&out, "a b/c+d~é%", true);
	assert_string_equal(hf_buf_cstr(&out), "a%20b/c%2Bd~%C3%A9%25");
	hf_buf_clear(&out);
	hf_percent_encode(&out, "/*'(", false);
	assert_string_equal(hf_buf_cstr(&out), "%2F%2A%27%28");
	char text[] = "a%20b%2f%C3%A9", broken[] = "a%2", worse[] = "%g0";
	long n = hf_percent_decode(text, strlen(text));
	assert_int_equal(n, 6);
	assert_memory_equal(text, "a b/\xc3\xa9", 6);
	assert_int_equal(hf_percent_decode(broken, strlen(broken)), -1);
	assert_int_equal(hf_percent_decode(worse, strlen(worse)), -1);
}

/* What requests carry beside. RFC 4648, section 10; RFC 1321, A.5; RFC 4231, case 6. */
static void sums(void **state)
{
	(void)state;
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"},
				 *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"},
				 *const broken[] = {"Zg=", "Z===", "Zh==", "Zm9", "Zm9v!m9v", "=m9v", "Zg==Zg=="};
	HF_BUF_AUTO out = HF_BUF(256);
	for (size_t i = 0; i < 7; i++) {
		hf_buf_clear(&out);
		hf_base64(plain[i], strlen(plain[i]), &out);
		assert_string_equal(hf_buf_cstr(&out), coded[i]);
		hf_buf_clear(&out);
		assert_true(hf_unbase64(coded[i], &out));
		assert_string_equal(hf_buf_cstr(&out), plain[i]);
		assert_false(hf_unbase64(broken[i], &out));
	}
	uint8_t md5[HF_MD5], mac[HF_SHA256], key[131];
	const struct iovec parts[] = {{(void *)(uintptr_t)"message ", 8}, {(void *)(uintptr_t)"digest", 6}};
	assert_int_equal(hf_md5(parts, 2, md5, NULL), 0);
	assert_memory_equal(md5, "\xf9\x6b\x69\x7d\x7c\xb7\x93\x8d\x52\x5a\x2f\x31\xaa\xf1\x61\xd0", 16);
	memset(key, 0xaa, sizeof(key));
	const struct iovec text = {(void *)(uintptr_t)"Test Using Larger Than Block-Size Key - Hash Key First", 54};
	hf_hmac_sha256((struct iovec){key, sizeof(key)}, &text, 1, mac);
	assert_memory_equal(mac, "\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f", 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers), cmocka_unit_test(times), cmocka_unit_test(percent), cmocka_unit_test(sums)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
