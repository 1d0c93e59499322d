/* sign.h: the examples of AWS's documentation ("Authenticating Requests: Using the Authorization Header"). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "store/s3/sign.h"

#include <stdio.h>
#include <string.h>

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define KEY "AKIAIOSFODNN7EXAMPLE"
#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

static void expect_signature(const struct hf_sign_request *q, const char *names, const char *signature)
{
	HF_BUF_AUTO out = HF_BUF(4096);
	char want[1024];
	snprintf(want, sizeof(want), "AWS4-HMAC-SHA256 Credential=" KEY "/20130524/us-east-1/s3/aws4_request, SignedHeaders=%s, Signature=%s",
		names, signature);
	assert_int_equal(hf_sign_v4(q, KEY, SECRET, &out, NULL), 0);
	assert_string_equal(hf_buf_cstr(&out), want);
}

static void get_object(void **state)
{
	(void)state;
	/* Given out of order: they are signed by name. */
	const struct hf_sign_header headers[] = {{"x-amz-date", "20130524T000000Z"}, {"range", "bytes=0-9"},
		{"x-amz-content-sha256", EMPTY}, {"host", "examplebucket.s3.amazonaws.com"}};
	const struct hf_sign_request q = {.method = "GET", .path = "/test.txt", .query = "", .headers = headers, .header_count = 4,
		.payload = EMPTY, .date = "20130524T000000Z", .region = "us-east-1", .service = "s3"};
	expect_signature(&q, "host;range;x-amz-content-sha256;x-amz-date",
		"f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void put_object(void **state)
{
	(void)state;
	static const char hash[] = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const struct hf_sign_header headers[] = {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"host", "examplebucket.s3.amazonaws.com"},
		{"x-amz-content-sha256", hash}, {"x-amz-date", "20130524T000000Z"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}};
	const struct hf_sign_request q = {.method = "PUT", .path = "/test%24file.text", .query = "", .headers = headers,
		.header_count = 5, .payload = hash, .date = "20130524T000000Z", .region = "us-east-1", .service = "s3"};
	expect_signature(&q, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
		"98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

static void list_objects(void **state)
{
	(void)state;
	const struct hf_sign_header headers[] = {{"host", "examplebucket.s3.amazonaws.com"}, {"x-amz-content-sha256", EMPTY},
		{"x-amz-date", "20130524T000000Z"}};
	struct hf_sign_request q = {.method = "GET", .path = "/", .query = "max-keys=2&prefix=J", .headers = headers, .header_count = 3,
		.payload = EMPTY, .date = "20130524T000000Z", .region = "us-east-1", .service = "s3"};
	expect_signature(&q, "host;x-amz-content-sha256;x-amz-date",
		"34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
	q.query = "lifecycle=";
	expect_signature(&q, "host;x-amz-content-sha256;x-amz-date",
		"fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

static void names_that_begin_another(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(4096);
	const struct hf_sign_header headers[] = {{"x-amz-meta-a-b", "1"}, {"host", "h"}, {"x-amz-meta-a", "2"}, {"x-amz-date", "20130524T000000Z"}};
	const struct hf_sign_request q = {.method = "GET", .path = "/", .query = "", .headers = headers, .header_count = 4,
		.payload = EMPTY, .date = "20130524T000000Z", .region = "eu-1", .service = "s3"};
	assert_int_equal(hf_sign_v4(&q, KEY, SECRET, &out, NULL), 0);
	assert_non_null(strstr(hf_buf_cstr(&out), "SignedHeaders=host;x-amz-date;x-amz-meta-a;x-amz-meta-a-b,"));
}

static void times(void **state)
{
	(void)state;
	char text[HF_SIGN_TIME];
	assert_string_equal(hf_sign_time(INT64_C(1369353600) * HF_SECOND + 999999999, text), "20130524T000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(get_object), cmocka_unit_test(put_object), cmocka_unit_test(list_objects),
		cmocka_unit_test(names_that_begin_another), cmocka_unit_test(times)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
