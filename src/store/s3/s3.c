/*
 * The store in an S3 bucket: an object is an object of its name under the prefix, made by one PUT.
 *
 * A PUT says If-None-Match: *, which the servers that know it take for "only if it is not there"; one that answers that it does not
 * know is asked without from then on: names are random, so that nothing hangs on it.
 *
 * Where lock= is set, versions matter: versions.c says which one is read, and stands in for the plain list and deletion. Without it,
 * that is asked of an object that failed its check.
 */
#include "store/s3/s3_internal.h"

#include "base/base64.h"
#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/store_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- headers ------------------------------------------------------------------------------------------------------- */

static bool starts_with(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static void add_sse_c(const struct hf_s3 *s, struct hf_s3_request *q)
{
	if (!s->sse_c_key[0])
		return;
	hf_s3_add_header(q, "x-amz-server-side-encryption-customer-algorithm", "AES256");
	hf_s3_add_header(q, "x-amz-server-side-encryption-customer-key", s->sse_c_key);
	hf_s3_add_header(q, "x-amz-server-side-encryption-customer-key-md5", s->sse_c_md5);
}

/* What the URL asks for. Only packs go into another storage class: the rest is small, and read each time. */
static void add_wishes(const struct hf_s3 *s, struct hf_s3_request *q)
{
	const struct hf_s3_url *u = &s->url;
	if (u->storage_class && starts_with(q->name, "pack/"))
		hf_s3_add_header(q, "x-amz-storage-class", u->storage_class);
	if (u->sse)
		hf_s3_add_header(q, "x-amz-server-side-encryption", u->sse);
	if (u->sse_kms_key)
		hf_s3_add_header(q, "x-amz-server-side-encryption-aws-kms-key-id", u->sse_kms_key);
	if (u->tags)
		hf_s3_add_header(q, "x-amz-tagging", u->tags);
	add_sse_c(s, q);
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

struct fixed {
	uint8_t *out;
};

static int take_fixed(void *user, const uint8_t *data, size_t len, struct hf_error *err)
{
	(void)err;
	struct fixed *f = user;
	memcpy(f->out, data, len); /* request.c passes no more than was asked for */
	f->out += len;
	return 0;
}

static int take_growing(void *user, const uint8_t *data, size_t len, struct hf_error *err)
{
	struct hf_buf *out = user;
	hf_buf_add(out, data, len);
	return out->failed ? hf_fail(err, HF_E_CORRUPT, "it has more bytes than the format allows (%zu)", out->max) : 0;
}

static struct hf_s3_request reading(struct hf_s3 *s, const char *name, const char *version)
{
	struct hf_s3_request q = {.count = &s->counts->get, .method = "GET", .name = name, .doing = "read",
		.right = version ? "s3:GetObjectVersion" : "s3:GetObject"};
	if (version)
		q.query[0] = (struct hf_s3_query){"versionId", version};
	add_sse_c(s, &q);
	return q;
}

int hf_s3_get(struct hf_s3 *s, const char *name, const char *version, struct iovec out, uint64_t offset, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct fixed to = {out.iov_base};
	struct hf_s3_request q = reading(s, name, version);
	q.offset = offset;
	q.len = out.iov_len;
	q.take = take_fixed;
	q.user = &to;
	return out.iov_len ? hf_s3_send(s, &q, &answer, err) : 0;
}

int hf_s3_get_all(struct hf_s3 *s, const char *name, const char *version, struct hf_buf *out, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = reading(s, name, version);
	hf_buf_clear(out);
	q.take = take_growing;
	q.user = out;
	return hf_s3_send(s, &q, &answer, err);
}

static int s3_get(struct hf_store *store, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	char *version = NULL;
	int r = hf_s3_find_version(s, name, &version, err);
	if (r == 0)
		r = hf_s3_get(s, name, version, (struct iovec){out, len}, offset, err);
	free(version);
	return r;
}

static int s3_get_all(struct hf_store *store, const char *name, struct hf_buf *out, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	char *version = NULL;
	int r = hf_s3_find_version(s, name, &version, err);
	if (r == 0)
		r = hf_s3_get_all(s, name, version, out, err);
	free(version);
	return r;
}

static int take_nothing(void *user, const uint8_t *data, size_t len, struct hf_error *err)
{
	(void)user, (void)data, (void)len, (void)err;
	return 0;
}

/* An answer to HEAD has no body that says what is wrong: a GET of one byte is asked for that. It also has its own word on an
 * empty object, of which there is no first byte. */
static int why_no_head(struct hf_s3 *s, const char *name, const char *version, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = reading(s, name, version);
	q.len = 1;
	q.take = take_nothing;
	int r = hf_s3_send(s, &q, &answer, err);
	return r < 0 ? r : hf_fail(err, HF_E_NETWORK, "look at %s in %s: the server refuses HEAD, and answers GET", name, s->url.text);
}

static int read_info(const struct hf_http_answer *answer, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	char text[64], *end;
	*info = (struct hf_object_info){0};
	strncpy(info->name, name, sizeof(info->name) - 1);
	if (!hf_http_header(answer, "Content-Length", text, sizeof(text)))
		return hf_fail(err, HF_E_CORRUPT, "look at %s: the server does not say how long it is", name);
	info->size = strtoull(text, &end, 10);
	if (*end || !hf_http_header(answer, "Last-Modified", text, sizeof(text)) || !hf_http_time(text, &info->time_ns))
		return hf_fail(err, HF_E_CORRUPT, "look at %s: the server does not say when it was made", name);
	return 0;
}

int hf_s3_stat(struct hf_s3 *s, const char *name, const char *version, struct hf_object_info *info, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = {.count = &s->counts->head, .method = "HEAD", .name = name, .doing = "look at",
		.right = version ? "s3:GetObjectVersion" : "s3:GetObject"};
	if (version)
		q.query[0] = (struct hf_s3_query){"versionId", version};
	add_sse_c(s, &q);
	int r = hf_s3_send(s, &q, &answer, err);
	if (r == HF_E_NOTFOUND || r == HF_E_DENIED || (r < 0 && q.why.status == 400))
		return why_no_head(s, name, version, err);
	return r < 0 ? r : read_info(&answer, name, info, err);
}

static int s3_stat(struct hf_store *store, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	char *version = NULL;
	int r = hf_s3_find_version(s, name, &version, err);
	if (r == 0)
		r = hf_s3_stat(s, name, version, info, err);
	free(version);
	return r;
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

static int md5_text(const struct iovec *parts, int count, char out[32], struct hf_error *err)
{
	uint8_t md5[HF_MD5];
	HF_BUF_AUTO text = HF_BUF(31);
	int r = hf_md5(parts, count, md5, err);
	if (r < 0)
		return r;
	hf_base64(md5, sizeof(md5), &text);
	strcpy(out, hf_buf_cstr(&text));
	return 0;
}

static uint64_t length_of(const struct iovec *parts, int count)
{
	uint64_t n = 0;
	for (int i = 0; i < count; i++)
		n += parts[i].iov_len;
	return n;
}

/* The answer to a first attempt was lost, and the second finds an object: ours, if it has our bytes. */
static bool is_ours(struct hf_s3 *s, const char *name, const char *md5, uint64_t len)
{
	char its[32];
	HF_BUF_AUTO whole = HF_BUF((size_t)len + 1);
	if (hf_s3_get_all(s, name, NULL, &whole, NULL) < 0 || whole.len != len)
		return false;
	struct iovec all = {whole.data, whole.len};
	return md5_text(&all, 1, its, NULL) == 0 && strcmp(its, md5) == 0;
}

static bool is_refusing_conditions(const struct hf_s3_failure *f)
{
	return f->status == 501 || (f->status == 400 && strcmp(f->code, "InvalidArgument") == 0 && strstr(f->message, "If-None-Match"));
}

static int put_once(struct hf_s3 *s, struct hf_s3_request *q, const char *md5, bool conditional, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char until[HF_TIME_TEXT];
	int64_t ns = 0;
	int r = 0;
	q->header_count = 0;
	hf_s3_add_header(q, "content-md5", md5);
	if (conditional)
		hf_s3_add_header(q, "if-none-match", "*");
	add_wishes(s, q);
	if (s->url.lock && !starts_with(q->name, "run/"))
		r = hf_s3_add_lock(s, q, until, &ns, err);
	if (r == 0)
		r = hf_s3_send(s, q, &answer, err);
	if (r == 0 && ns)
		hf_s3_note_lock(s, q->name, ns);
	return r;
}

static int s3_put(struct hf_store *store, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	const struct iovec nothing = {(void *)"", 0};
	char md5[32];
	struct hf_s3_request q = {.count = &s->counts->put, .method = "PUT", .name = name, .doing = "write", .right = "s3:PutObject",
		.body = count ? parts : &nothing, .body_count = count ? count : 1};
	uint64_t len = length_of(parts, count);
	int r = md5_text(parts, count, md5, err);
	bool conditional = !atomic_load(&s->unconditional);
	if (r == 0)
		r = put_once(s, &q, md5, conditional, err);
	if (r < 0 && conditional && is_refusing_conditions(&q.why)) {
		hf_debug("%s knows no If-None-Match", s->url.text);
		atomic_store(&s->unconditional, true);
		r = put_once(s, &q, md5, false, err);
	}
	if (r == HF_E_EXISTS && q.attempts > 1 && is_ours(s, name, md5, len))
		r = 0;
	if (r == 0)
		__atomic_fetch_add(&s->counts->bytes_written, len, __ATOMIC_RELAXED);
	return r;
}

/* --- listing ------------------------------------------------------------------------------------------------------- */

/* One page; `from` is where the last one ended. The list of versions has markers, the other a token. */
static int get_page(struct hf_s3 *s, const char *key_prefix, bool versions, const struct hf_s3_page *from, struct hf_s3_page *out,
	struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = {.count = &s->counts->list, .method = "GET", .doing = "list",
		.right = versions ? "s3:ListBucketVersions" : "s3:ListBucket"};
	size_t n = 0;
	char most[16];
	snprintf(most, sizeof(most), "%d", s->url.list_page ? s->url.list_page : 1000);
	if (!versions && from->next)
		q.query[n++] = (struct hf_s3_query){"continuation-token", from->next};
	q.query[n++] = (struct hf_s3_query){"encoding-type", "url"};
	if (versions && from->next)
		q.query[n++] = (struct hf_s3_query){"key-marker", from->next};
	if (!versions)
		q.query[n++] = (struct hf_s3_query){"list-type", "2"};
	q.query[n++] = (struct hf_s3_query){"max-keys", most};
	q.query[n++] = (struct hf_s3_query){"prefix", key_prefix};
	if (versions && from->next_version)
		q.query[n++] = (struct hf_s3_query){"version-id-marker", from->next_version};
	if (versions)
		q.query[n++] = (struct hf_s3_query){"versions", ""};
	int r = hf_s3_send(s, &q, &answer, err);
	return r < 0 ? r : hf_s3_page_parse(answer.body.data, answer.body.len, s->url.prefix, out, err);
}

int hf_s3_list(struct hf_s3 *s, const char *prefix, bool versions, hf_s3_each *each, void *user, struct hf_error *err)
{
	HF_BUF_AUTO key = HF_BUF(4096);
	struct hf_s3_page page = {0}, next = {0};
	hf_buf_printf(&key, "%s%s", s->url.prefix, prefix);
	const char *key_prefix = hf_buf_cstr(&key);
	int r = key_prefix ? 0 : hf_fail(err, HF_E_USAGE, "list %s: the prefix is too long", s->url.text);
	while (r == 0) {
		r = get_page(s, key_prefix, versions, &page, &next, err);
		hf_s3_page_free(&page);
		page = next;
		next = (struct hf_s3_page){0};
		for (size_t i = 0; r == 0 && i < page.count; i++)
			r = each(&page.items[i], user, err);
		if (!page.is_truncated)
			break;
	}
	hf_s3_page_free(&page);
	return r;
}

struct listing {
	hf_store_each *each;
	void *user;
};

static int list_one(const struct hf_s3_item *item, void *user, struct hf_error *err)
{
	struct listing *l = user;
	return l->each(&item->info, l->user, err);
}

static int s3_list(struct hf_store *store, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	struct listing l = {each, user};
	if (s->url.reads_oldest)
		return hf_s3_list_oldest(s, prefix, each, user, err);
	return hf_s3_list(s, prefix, false, list_one, &l, err);
}

/* --- deleting ------------------------------------------------------------------------------------------------------ */

int hf_s3_erase(struct hf_s3 *s, const char *name, const char *version, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = {.count = &s->counts->erased, .method = "DELETE", .name = name, .doing = "delete",
		.right = version ? "s3:DeleteObjectVersion" : "s3:DeleteObject"};
	if (version)
		q.query[0] = (struct hf_s3_query){"versionId", version};
	int r = hf_s3_send(s, &q, &answer, err);
	return r == HF_E_NOTFOUND ? 0 : r;
}

static int s3_erase(struct hf_store *store, const char *name, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	return s->url.reads_oldest ? hf_s3_erase_versions(s, name, err) : hf_s3_erase(s, name, NULL, err);
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static void s3_count_to(struct hf_store *store, struct hf_store_counts *counts)
{
	((struct hf_s3 *)store)->counts = counts;
}

static void s3_limit_by(struct hf_store *store, const struct hf_limits *limits)
{
	hf_http_limit(((struct hf_s3 *)store)->http, limits);
}

static void s3_close(struct hf_store *store)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	hf_http_free(s->http);
	hf_s3_credentials_free(s->credentials);
	hf_s3_url_free(&s->url);
	hf_s3_notes_free(&s->locked);
	hf_s3_notes_free(&s->covered);
	hf_s3_notes_free(&s->doubted);
	pthread_mutex_destroy(&s->lock);
	hf_wipe(s, sizeof(*s));
	free(s);
}

/* 32 bytes, as they are or in base64. */
static int load_sse_c(struct hf_s3 *s, struct hf_error *err)
{
	HF_BUF_AUTO raw = HF_BUF(128), key = HF_BUF(128), text = HF_BUF(sizeof(s->sse_c_key));
	const char *path = s->url.sse_c_key_file;
	int r = hf_file_read(AT_FDCWD, path, &raw, err);
	if (r < 0)
		return hf_wrap(err, r, "sse-c-key-file=%s", path);
	if (raw.len == 32)
		hf_buf_add(&key, raw.data, raw.len);
	else if (!hf_buf_cstr(&raw) || !hf_unbase64((const char *)raw.data, &key) || key.len != 32)
		return hf_fail(err, HF_E_USAGE, "sse-c-key-file=%s holds neither 32 bytes nor their base64", path);
	hf_base64(key.data, key.len, &text);
	strcpy(s->sse_c_key, hf_buf_cstr(&text));
	struct iovec part = {key.data, key.len};
	r = md5_text(&part, 1, s->sse_c_md5, err);
	hf_wipe(raw.data, raw.cap);
	hf_wipe(key.data, key.cap);
	hf_wipe(text.data, text.cap);
	return r;
}

static int fill(struct hf_s3 *s, const struct hf_store_open_options *o, struct hf_error *err)
{
	const struct hf_http_options http = {.connections = o->connections ? o->connections : s->url.connections,
		.ca_file = s->url.ca_file, .no_verify = s->url.no_verify, .connect_ns = s->url.timeout_ns, .stall_ns = s->url.timeout_ns};
	int r = hf_http_new(&http, &s->http, err);
	if (r == 0)
		r = hf_s3_credentials_new(s->url.region ? s->url.region : "us-east-1", s->url.ca_file, &s->credentials, err);
	if (r == 0 && s->url.sse_c_key_file)
		r = load_sse_c(s, err);
	if (r == 0 && s->url.no_verify)
		hf_warn("%s: the server's TLS certificate is not checked (tls-verify=no)", s->url.text);
	return r;
}

static int64_t s3_now(struct hf_store *store)
{
	return hf_s3_now((struct hf_s3 *)store);
}

static int open_libs3(const char *url, const struct hf_store_open_options *options, struct hf_store **out, struct hf_error *err)
{
#ifdef HF_HAVE_LIBS3
	return hf_store_open_libs3(url, options, out, err);
#else
	(void)options, (void)out;
	return hf_fail(err, HF_E_UNSUPPORTED, "repository %s: this program was built without libs3 (meson option libs3)", url);
#endif
}

int hf_store_open_s3(const char *url, const struct hf_store_open_options *options, struct hf_store **out, struct hf_error *err)
{
	static const struct hf_store_ops ops = {.put = s3_put, .get = s3_get, .get_all = s3_get_all, .stat = s3_stat, .list = s3_list,
		.erase = s3_erase, .retain = hf_s3_retain, .lock_horizon = hf_s3_lock_horizon, .now = s3_now, .describe = hf_s3_describe,
		.count_to = s3_count_to, .limit_by = s3_limit_by, .doubt = hf_s3_doubt, .each_doubted = hf_s3_each_doubted,
		.close = s3_close};
	struct hf_s3 *s = calloc(1, sizeof(*s));
	char *region = hf_s3_region();
	int r = s ? hf_s3_url_parse(url, region, &s->url, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	free(region);
	if (r == 0 && s->url.driver) {
		hf_s3_url_free(&s->url);
		free(s);
		return open_libs3(url, options, out, err);
	}
	if (r < 0) {
		free(s);
		return r;
	}
	s->base = (struct hf_store){.ops = &ops, .is_far = true};
	s->counts = &s->own;
	pthread_mutex_init(&s->lock, NULL);
	r = fill(s, options, err);
	if (r < 0) {
		s3_close(&s->base);
		return r;
	}
	*out = &s->base;
	return 0;
}
