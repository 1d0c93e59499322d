/* The signature of a request; see sign.h: canonical request -> its hash in the string to sign -> HMAC under a key of the day. */
#include "store/s3/sign.h"

#include "base/hex.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum { CANONICAL_MAX = 64 << 10, SCOPE_MAX = 256 };

static struct iovec text_of(const char *s)
{
	return (struct iovec){(void *)s, strlen(s)};
}

const char *hf_sign_time(int64_t ns, char out[HF_SIGN_TIME])
{
	time_t t = (time_t)(ns / HF_SECOND);
	struct tm tm;
	gmtime_r(&t, &tm);
	strftime(out, HF_SIGN_TIME, "%Y%m%dT%H%M%SZ", &tm);
	return out;
}

/* By name: whole lines would put "x-amz-meta-a-b:" before "x-amz-meta-a:". */
static void sort_headers(const struct hf_sign_request *q, const struct hf_sign_header **sorted)
{
	for (size_t i = 0; i < q->header_count; i++) {
		size_t at = i;
		for (; at > 0 && strcmp(sorted[at - 1]->name, q->headers[i].name) > 0; at--)
			sorted[at] = sorted[at - 1];
		sorted[at] = &q->headers[i];
	}
}

static void add_names(struct hf_buf *out, const struct hf_sign_header *const *sorted, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hf_buf_printf(out, "%s%s", i ? ";" : "", sorted[i]->name);
}

static int hash_canonical(const struct hf_sign_request *q, const struct hf_sign_header *const *sorted, char hex[65],
	struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(CANONICAL_MAX);
	uint8_t hash[HF_SHA256];
	hf_buf_printf(&text, "%s\n%s\n%s\n", q->method, q->path, q->query);
	for (size_t i = 0; i < q->header_count; i++)
		hf_buf_printf(&text, "%s:%s\n", sorted[i]->name, sorted[i]->value);
	hf_buf_str(&text, "\n");
	add_names(&text, sorted, q->header_count);
	hf_buf_printf(&text, "\n%s", q->payload);
	int r = hf_buf_check(&text, "the request to sign", err);
	if (r < 0)
		return r;
	hf_sha256(&(struct iovec){text.data, text.len}, 1, hash);
	if (text.data)
		hf_wipe(text.data, text.cap); /* it may hold a session token, or a key for the server to encrypt with */
	hf_hex(hash, sizeof(hash), hex);
	return 0;
}

static void derive_key(const struct hf_sign_request *q, const char *day, const char *secret, uint8_t key[HF_SHA256])
{
	char first[4 + 512];
	size_t len = strlen(secret);
	assert(len < 512); /* credentials.c sees to it */
	memcpy(first, "AWS4", 4);
	memcpy(first + 4, secret, len);
	const char *const steps[] = {day, q->region, q->service, "aws4_request"};
	struct iovec under = {first, 4 + len};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct iovec step = text_of(steps[i]);
		uint8_t next[HF_SHA256];
		hf_hmac_sha256(under, &step, 1, next);
		memcpy(key, next, sizeof(next));
		under = (struct iovec){key, HF_SHA256};
	}
	hf_wipe(first, sizeof(first));
}

int hf_sign_v4(const struct hf_sign_request *q, const char *key_id, const char *secret, struct hf_buf *out,
	struct hf_error *err)
{
	const struct hf_sign_header *sorted[HF_SIGN_HEADERS];
	char canonical[65], day[9] = "", hex[65];
	uint8_t key[HF_SHA256], signature[HF_SHA256];
	assert(q->header_count <= HF_SIGN_HEADERS);
	memcpy(day, q->date, 8);
	sort_headers(q, sorted);
	int r = hash_canonical(q, sorted, canonical, err);
	if (r < 0)
		return r;
	HF_BUF_AUTO scope = HF_BUF(SCOPE_MAX), text = HF_BUF(2 * SCOPE_MAX);
	hf_buf_printf(&scope, "%s/%s/%s/aws4_request", day, q->region, q->service);
	const char *scope_text = hf_buf_cstr(&scope);
	if (!scope_text)
		return hf_fail(err, HF_E_USAGE, "the region \"%s\" is too long", q->region);
	hf_buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%s\n%s", q->date, scope_text, canonical);
	r = hf_buf_check(&text, "the text to sign", err);
	if (r < 0)
		return r;
	derive_key(q, day, secret, key);
	hf_hmac_sha256((struct iovec){key, sizeof(key)}, &(struct iovec){text.data, text.len}, 1, signature);
	hf_wipe(key, sizeof(key));
	hf_buf_printf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", key_id, scope_text);
	add_names(out, sorted, q->header_count);
	hf_buf_printf(out, ", Signature=%s", hf_hex(signature, sizeof(signature), hex));
	return hf_buf_check(out, "the signature", err);
}
