/* answer.h: lists and failures as servers send them, and as they should not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "store/s3/answer.h"

#include <stdio.h>
#include <string.h>

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
#define TIME "<LastModified>2026-11-21T16:37:06.174Z</LastModified>"

static int parse(const char *text, struct hf_s3_page *p, struct hf_error *err)
{
	return hf_s3_page_parse(text, strlen(text), "repo/", p, err);
}

static void a_page(void **state)
{
	(void)state;
	struct hf_s3_page p;
	assert_int_equal(parse(HEAD "<Prefix>repo/</Prefix><IsTruncated>true</IsTruncated><NextContinuationToken>a&amp;b c</NextContinuationToken>"
				    "<Contents><Key>repo%2Fpack/a+b%25</Key>" TIME "<Size>5</Size><ETag>x</ETag><Owner><ID>1</ID></Owner></Contents>"
				    "<Contents><Key>repo/z</Key>" TIME "<Size>18446744073709551615</Size></Contents></ListBucketResult>", &p, NULL), 0);
	assert_int_equal(p.count, 2);
	assert_string_equal(p.items[0].info.name, "pack/a b%");
	assert_true(p.items[0].info.time_ns == INT64_C(1795279026174000000) && p.items[0].info.size == 5);
	assert_true(p.items[1].info.size == UINT64_MAX && p.is_truncated);
	assert_string_equal(p.next, "a&b c");
	hf_s3_page_free(&p);
	assert_int_equal(parse(HEAD "<IsTruncated>false</IsTruncated></ListBucketResult>", &p, NULL), 0);
	assert_int_equal(p.count, 0);
	hf_s3_page_free(&p);
}

static void versions(void **state)
{
	(void)state;
	struct hf_s3_page p;
	assert_int_equal(parse("<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>repo%2Fk</NextKeyMarker>"
			       "<NextVersionIdMarker>v9</NextVersionIdMarker>"
			       "<DeleteMarker><Key>repo/k</Key><VersionId>v2</VersionId>" TIME "</DeleteMarker>"
			       "<Version><Key>repo/k</Key><VersionId>v1</VersionId>" TIME "<Size>3</Size></Version></ListVersionsResult>", &p, NULL), 0);
	assert_int_equal(p.count, 2);
	assert_true(p.items[0].is_gone && !p.items[1].is_gone);
	assert_string_equal(p.items[1].version, "v1");
	assert_string_equal(p.next, "repo/k");
	assert_string_equal(p.next_version, "v9");
	hf_s3_page_free(&p);
}

static void long_names_come_cut(void **state)
{
	(void)state;
	char text[2000], name[1000] = "repo/";
	struct hf_s3_page p;
	memset(name + 5, 'n', 900);
	snprintf(text, sizeof(text), HEAD "<IsTruncated>false</IsTruncated><Contents><Key>%s</Key>" TIME "<Size>0</Size></Contents></ListBucketResult>", name);
	assert_int_equal(parse(text, &p, NULL), 0);
	assert_int_equal(strlen(p.items[0].info.name), HF_NAME_MAX - 1);
	hf_s3_page_free(&p);
}

static void refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "x", HEAD, "<html></html>", HEAD "<IsTruncated>true</IsTruncated></ListBucketResult>",
		HEAD "<Contents><Key>other/k</Key>" TIME "<Size>1</Size></Contents></ListBucketResult>",
		HEAD "<Contents><Key>repo/k%2</Key>" TIME "<Size>1</Size></Contents></ListBucketResult>",
		HEAD "<Contents><Key>repo/k</Key><Size>1</Size></Contents></ListBucketResult>",
		HEAD "<Contents><Key>repo/k</Key>" TIME "</Contents></ListBucketResult>",
		HEAD "<Contents>" TIME "<Size>1</Size></Contents></ListBucketResult>",
		HEAD "<Contents><Key>repo/k</Key>" TIME "<Size>-1</Size></Contents></ListBucketResult>",
		HEAD "<Contents><Key>repo/k</Key><LastModified>today</LastModified><Size>1</Size></Contents></ListBucketResult>",
		"<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult></ListBucketResult>",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct hf_s3_page p;
		struct hf_error err = {0};
		assert_true(parse(texts[i], &p, &err) < 0);
		assert_non_null(strstr(err.msg, "server's list"));
		hf_s3_page_free(&p);
	}
}

static bool failure(const char *text, struct hf_s3_failure *f)
{
	return hf_s3_failure_parse(text, strlen(text), f);
}

static void failures(void **state)
{
	(void)state;
	struct hf_s3_failure f = {0};
	assert_true(failure("<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>no &lt;such&gt;</Message></Error>", &f));
	assert_string_equal(f.code, "NoSuchKey");
	assert_string_equal(f.message, "no <such>");
	assert_true(failure("<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>", &f));
	assert_string_equal(f.region, "eu-west-1");
	assert_true(failure("<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", &f));
	assert_string_equal(f.code, "AccessDenied");
	assert_string_equal(f.region, "");
	assert_false(failure("<html><body>502 Bad Gateway</body></html>", &f));
	assert_false(failure("not XML", &f));
	assert_false(failure("", &f));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_page), cmocka_unit_test(versions), cmocka_unit_test(long_names_come_cut),
		cmocka_unit_test(refused), cmocka_unit_test(failures)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
