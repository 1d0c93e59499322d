/* url.h: what URLs mean, and which are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "store/s3/url.h"

#include <string.h>

static void places(void **state)
{
	(void)state;
	static const struct {
		const char *url, *region, *text, *prefix, *base, *host, *path;
	} cases[] = {
		{"s3://b", NULL, "s3://b", "", "https://b.s3.us-east-1.amazonaws.com", "b.s3.us-east-1.amazonaws.com", ""},
		{"s3://b/", "eu-west-1", "s3://b", "", "https://b.s3.eu-west-1.amazonaws.com", "b.s3.eu-west-1.amazonaws.com", ""},
		{"s3://b//a/c//?region=cn-north-1", "x", "s3://b/a/c", "a/c/", "https://b.s3.cn-north-1.amazonaws.com.cn",
			"b.s3.cn-north-1.amazonaws.com.cn", ""},
		{"s3://b.c/p", NULL, "s3://b.c/p", "p/", "https://s3.us-east-1.amazonaws.com/b.c", "s3.us-east-1.amazonaws.com", "/b.c"},
		{"s3://b/p?endpoint=http://h:80", NULL, "s3://b/p", "p/", "http://h/b", "h", "/b"},
		{"s3://b/p?endpoint=https%3A%2F%2Fh%3a443/", NULL, "s3://b/p", "p/", "https://h/b", "h", "/b"},
		{"s3://b/p?endpoint=h:8443&style=virtual", NULL, "s3://b/p", "p/", "https://b.h:8443", "b.h:8443", ""},
		{"s3://b/p?style=path", NULL, "s3://b/p", "p/", "https://s3.us-east-1.amazonaws.com/b", "s3.us-east-1.amazonaws.com", "/b"},
		{"s3://b/p?endpoint=http://[::1]:9000", NULL, "s3://b/p", "p/", "http://[::1]:9000/b", "[::1]:9000", "/b"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct hf_s3_url u;
		assert_int_equal(hf_s3_url_parse(cases[i].url, cases[i].region, &u, NULL), 0);
		assert_string_equal(u.text, cases[i].text);
		assert_string_equal(u.prefix, cases[i].prefix);
		assert_string_equal(u.base, cases[i].base);
		assert_string_equal(u.host, cases[i].host);
		assert_string_equal(u.path, cases[i].path);
		hf_s3_url_free(&u);
	}
}

static void all_options(void **state)
{
	(void)state;
	struct hf_s3_url u;
	assert_int_equal(hf_s3_url_parse("s3://b/p?endpoint=https://h&region=r&ca-file=/a%20b&tls-verify=no&lock=governance&lock-days=30"
					 "&storage-class=C&sse=aws:kms&sse-kms-key=k&tags=a%3Db%26c%3Dd&requester-pays=yes&connections=3"
					 "&list-page=7&timeout=90s&retry-for=1h&driver=curl",
				 NULL, &u, NULL), 0);
	assert_string_equal(u.region, "r");
	assert_string_equal(u.ca_file, "/a b");
	assert_true(u.no_verify && u.is_https && u.requester_pays && u.reads_oldest);
	assert_int_equal(u.lock, HF_S3_GOVERNANCE);
	assert_int_equal(u.lock_days, 30);
	assert_string_equal(u.storage_class, "C");
	assert_string_equal(u.sse_kms_key, "k");
	assert_string_equal(u.tags, "a=b&c=d");
	assert_int_equal(u.connections, 3);
	assert_int_equal(u.list_page, 7);
	assert_true(u.timeout_ns == 90 * HF_SECOND && u.retry_ns == 3600 * HF_SECOND);
	assert_null(u.driver);
	hf_s3_url_free(&u);
}

static void refused(void **state)
{
	(void)state;
	static const char *const urls[] = {"s3://", "s3:///p", "s3://b c", "s3://b?x=1", "s3://b?region", "s3://b?region=",
		"s3://b?region=%zz", "s3://b?region=%00", "s3://b?region=a%2", "s3://b?lock=yes", "s3://b?lock=compliance",
		"s3://b?lock-days=1", "s3://b?lock=compliance&lock-days=0", "s3://b?lock=compliance&lock-days=-1",
		"s3://b?lock=compliance&lock-days=1x", "s3://b?tls-verify=maybe", "s3://b?endpoint=ftp://h", "s3://b?endpoint=http://",
		"s3://b?endpoint=http://u:p@h", "s3://b?endpoint=http://h/path", "s3://b?endpoint=http://h&ca-file=x",
		"s3://b?endpoint=http://h&tls-verify=no", "s3://b?sse-kms-key=k", "s3://b?sse=AES256&sse-kms-key=k",
		"s3://b?sse=AES256&sse-c-key-file=k", "s3://b?endpoint=http://h&sse-c-key-file=k", "s3://b?connections=1000",
		"s3://b?timeout=x", "s3://b?driver=other", "s3://b?list-page=1001", "s3://b?versions=some"};
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct hf_s3_url u;
		struct hf_error err = {0};
		assert_int_equal(hf_s3_url_parse(urls[i], NULL, &u, &err), HF_E_USAGE);
		assert_non_null(strstr(err.msg, "repository s3://"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places), cmocka_unit_test(all_options), cmocka_unit_test(refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
