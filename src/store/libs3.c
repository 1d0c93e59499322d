/*
 * A bucket on an old gateway, over libs3 (Debian's 2.0): ?driver=libs3. It signs with AWS Signature Version 2 alone, verifies no TLS
 * certificate, and knows no session token, no object lock and no way to say what shall happen to a name that is taken. So it is for
 * gateways on a trusted network that speak nothing newer, over plain http; everything else is refused with the reason.
 *
 * libs3 calls back; each request here is one struct that the callbacks fill, and is tried again for a while where that may help.
 */
#include "base/base64.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/limit.h"
#include "store/s3/credentials.h"
#include "store/s3/url.h"
#include "store/store_internal.h"

#include <libs3.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_FOR (300 * HF_SECOND)
#define RETRY_STRANGER_FOR (20 * HF_SECOND)
#define WAIT_FIRST (HF_SECOND / 10)
#define WAIT_MOST (20 * HF_SECOND)

enum { PAGE = 1000, KEY_BYTES = 1100 };

struct libs3 {
	struct hf_store base;
	struct hf_s3_url url;
	char *host; /* without the bucket */
	struct hf_s3_credentials *credentials;
	struct hf_store_counts own, *counts;
	struct hf_limits limits;
	bool answered; /* atomically */
};

/* A request, as the callbacks see it. */
struct call {
	struct libs3 *s;
	const char *doing, *name;
	S3BucketContext bucket;
	struct hf_s3_keys keys;
	char key[KEY_BYTES];
	S3Status status;
	char details[256];
	/* PUT */
	const struct iovec *parts;
	int count;
	size_t sent;
	S3PutProperties properties;
	/* GET */
	uint8_t *out;
	uint64_t offset, len, taken;
	/* HEAD */
	struct hf_object_info *info;
	/* LIST */
	struct hf_object_info *items;
	size_t item_count, item_room;
	bool is_truncated;
	char marker[KEY_BYTES];
};

/* --- callbacks ----------------------------------------------------------------------------------------------------- */

static S3Status on_properties(const S3ResponseProperties *p, void *user)
{
	struct call *c = user;
	__atomic_store_n(&c->s->answered, true, __ATOMIC_RELAXED);
	if (c->info) {
		c->info->size = p->contentLength;
		c->info->time_ns = p->lastModified * HF_SECOND;
	}
	return S3StatusOK;
}

static void on_complete(S3Status status, const S3ErrorDetails *details, void *user)
{
	struct call *c = user;
	c->status = status;
	c->details[0] = 0;
	if (details && details->message)
		snprintf(c->details, sizeof(c->details), ": %s", details->message);
}

static int on_send(int room, char *buffer, void *user)
{
	struct call *c = user;
	size_t skip = c->sent, n = 0, piece = hf_limit_piece(c->s->limits.upload), most = piece < (size_t)room ? piece : (size_t)room;
	if (hf_stopped())
		return -1;
	for (int i = 0; i < c->count && n < most; i++) {
		size_t len = c->parts[i].iov_len;
		if (skip >= len) {
			skip -= len;
			continue;
		}
		size_t part = len - skip < most - n ? len - skip : most - n;
		memcpy(buffer + n, (const char *)c->parts[i].iov_base + skip, part);
		n += part;
		skip = 0;
	}
	hf_limit_take(c->s->limits.upload, n);
	c->sent += n;
	return (int)n;
}

static S3Status on_receive(int len, const char *data, void *user)
{
	struct call *c = user;
	if (hf_stopped() || (uint64_t)len > c->len - c->taken)
		return S3StatusAbortedByCallback;
	hf_limit_take(c->s->limits.download, (size_t)len);
	memcpy(c->out + c->taken, data, (size_t)len);
	c->taken += (uint64_t)len;
	return S3StatusOK;
}

static S3Status on_page(int is_truncated, const char *next, int count, const S3ListBucketContent *contents, int prefixes,
	const char **names, void *user)
{
	(void)prefixes, (void)names;
	struct call *c = user;
	size_t skip = strlen(c->s->url.prefix);
	c->is_truncated = is_truncated;
	for (int i = 0; i < count; i++) {
		if (c->item_count == c->item_room) {
			size_t room = c->item_room ? 2 * c->item_room : PAGE;
			struct hf_object_info *more = reallocarray(c->items, room, sizeof(*more));
			if (!more)
				return S3StatusOutOfMemory;
			c->items = more;
			c->item_room = room;
		}
		struct hf_object_info *o = &c->items[c->item_count++];
		*o = (struct hf_object_info){.size = contents[i].size, .time_ns = contents[i].lastModified * HF_SECOND};
		if (strncmp(contents[i].key, c->s->url.prefix, skip) != 0)
			return S3StatusXmlParseFailure;
		strncpy(o->name, contents[i].key + skip, sizeof(o->name) - 1);
		snprintf(c->marker, sizeof(c->marker), "%s", contents[i].key);
	}
	if (next && *next)
		snprintf(c->marker, sizeof(c->marker), "%s", next);
	return S3StatusOK;
}

static const S3ResponseHandler response = {on_properties, on_complete};

/* --- sending ------------------------------------------------------------------------------------------------------- */

static void send_put(struct call *c)
{
	static const S3PutObjectHandler handler = {{on_properties, on_complete}, on_send};
	uint64_t len = 0;
	for (int i = 0; i < c->count; i++)
		len += c->parts[i].iov_len;
	c->sent = 0;
	S3_put_object(&c->bucket, c->key, len, &c->properties, NULL, &handler, c);
}

static void send_get(struct call *c)
{
	static const S3GetObjectHandler handler = {{on_properties, on_complete}, on_receive};
	S3_get_object(&c->bucket, c->key, NULL, c->offset + c->taken, c->len - c->taken, NULL, &handler, c);
}

static void send_head(struct call *c)
{
	S3_head_object(&c->bucket, c->key, NULL, &response, c);
}

static void send_delete(struct call *c)
{
	S3_delete_object(&c->bucket, c->key, NULL, &response, c);
}

static void send_list(struct call *c)
{
	static const S3ListBucketHandler handler = {{on_properties, on_complete}, on_page};
	c->item_count = 0;
	S3_list_bucket(&c->bucket, c->key, *c->marker ? c->marker : NULL, NULL,
		c->s->url.list_page ? c->s->url.list_page : PAGE, NULL, &handler, c);
}

/* The same codes as the other driver's. HEAD tells no more than its status. */
static int code_of(S3Status status)
{
	switch (status) {
	case S3StatusErrorNoSuchKey:
	case S3StatusHttpErrorNotFound:
		return HF_E_NOTFOUND;
	case S3StatusErrorAccessDenied:
	case S3StatusErrorInvalidAccessKeyId:
	case S3StatusErrorSignatureDoesNotMatch:
	case S3StatusErrorRequestTimeTooSkewed:
	case S3StatusHttpErrorForbidden:
		return HF_E_DENIED;
	case S3StatusErrorInvalidRange:
		return HF_E_CORRUPT;
	case S3StatusOutOfMemory:
		return HF_E_NOMEM;
	case S3StatusNameLookupError:
	case S3StatusFailedToConnect:
	case S3StatusConnectionFailed:
	case S3StatusErrorInternalError:
	case S3StatusErrorSlowDown:
	case S3StatusErrorRequestTimeout:
		return HF_E_NETWORK;
	default:
		return HF_E_IO;
	}
}

static bool is_passing(const struct call *c)
{
	switch (c->status) {
	case S3StatusInternalError: /* and these are what libs3 calls an answer without a body that it can read */
	case S3StatusErrorUnknown:
	case S3StatusHttpErrorUnknown:
	case S3StatusErrorBadDigest:
	case S3StatusXmlParseFailure:
		return true;
	default:
		return S3_status_is_retryable(c->status) || code_of(c->status) == HF_E_NETWORK;
	}
}

static void sleep_a_while(unsigned failures)
{
	uint64_t random;
	int64_t most = WAIT_FIRST << (failures < 8 ? failures : 8);
	hf_random(&random, sizeof(random));
	int64_t until = hf_time_monotonic() + (int64_t)(random % (uint64_t)(most < WAIT_MOST ? most : WAIT_MOST));
	while (hf_time_monotonic() < until && !hf_stopped())
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

static int keys_for(struct call *c, struct hf_error *err)
{
	int r = hf_s3_credentials_get(c->s->credentials, NULL, &c->keys, err);
	if (r == 0 && c->keys.token)
		r = hf_fail(err, HF_E_DENIED, "the credentials from %s are temporary, and driver=libs3 knows no session token",
			c->keys.from);
	c->bucket = (S3BucketContext){c->s->host, c->s->url.bucket, S3ProtocolHTTP,
		c->s->url.is_virtual ? S3UriStyleVirtualHost : S3UriStylePath, c->keys.id, c->keys.secret};
	return r;
}

/* Sends until it succeeds, or for as long as trying may help. */
static int run(struct call *c, uint64_t *count, void (*send_it)(struct call *c), struct hf_error *err)
{
	int64_t start = hf_time_monotonic();
	int r = keys_for(c, err);
	for (unsigned failures = 0; r == 0; failures++) {
		uint64_t before = c->taken;
		__atomic_fetch_add(count, 1, __ATOMIC_RELAXED);
		send_it(c);
		if (c->status == S3StatusOK || (r = hf_stop_check(err)) < 0)
			break;
		int64_t window = __atomic_load_n(&c->s->answered, __ATOMIC_RELAXED) ? RETRY_FOR : RETRY_STRANGER_FOR;
		if (c->s->url.retry_ns)
			window = c->s->url.retry_ns;
		if (c->taken != before)
			start = hf_time_monotonic();
		if (is_passing(c) && hf_time_monotonic() - start < window) {
			hf_debug("%s %s: %s; trying again", c->doing, c->name, S3_get_status_name(c->status));
			sleep_a_while(failures);
			continue;
		}
		r = hf_fail(err, code_of(c->status), "%s %s in %s (driver=libs3, access key %s): %s%s", c->doing, c->name, c->s->url.text,
			c->keys.id, S3_get_status_name(c->status), c->details);
	}
	hf_s3_keys_wipe(&c->keys);
	return r;
}

static struct call *new_call(struct hf_store *store, const char *doing, const char *name, struct hf_error *err)
{
	struct libs3 *s = (struct libs3 *)store;
	struct call *c = calloc(1, sizeof(*c));
	if (!c) {
		(void)!hf_fail(err, HF_E_NOMEM, "out of memory");
		return NULL;
	}
	c->s = s;
	c->doing = doing;
	c->name = name;
	snprintf(c->key, sizeof(c->key), "%s%s", s->url.prefix, name);
	return c;
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

static int libs3_put(struct hf_store *store, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	uint8_t md5[HF_MD5];
	HF_BUF_AUTO text = HF_BUF(64);
	struct call *c = new_call(store, "write", name, err);
	if (!c)
		return HF_E_NOMEM;
	int r = hf_md5(parts, count, md5, err);
	hf_base64(md5, sizeof(md5), &text);
	c->parts = parts;
	c->count = count;
	c->properties = (S3PutProperties){.md5 = hf_buf_cstr(&text), .expires = -1, .cannedAcl = S3CannedAclPrivate};
	if (r == 0)
		r = run(c, &c->s->counts->put, send_put, err);
	if (r == 0)
		__atomic_fetch_add(&c->s->counts->bytes_written, c->sent, __ATOMIC_RELAXED);
	free(c);
	return r;
}

static int libs3_get(struct hf_store *store, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	struct call *c = len ? new_call(store, "read", name, err) : NULL;
	if (!c)
		return len ? HF_E_NOMEM : 0;
	c->out = out;
	c->offset = offset;
	c->len = len;
	int r = run(c, &c->s->counts->get, send_get, err);
	if (r == 0 && c->taken < len)
		r = hf_fail(err, HF_E_CORRUPT, "object %s in %s is cut short: wanted bytes %llu to %llu", name, c->s->url.text,
			(unsigned long long)offset, (unsigned long long)(offset + len));
	__atomic_fetch_add(&c->s->counts->bytes_read, c->taken, __ATOMIC_RELAXED);
	free(c);
	return r;
}

static int libs3_stat(struct hf_store *store, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct call *c = new_call(store, "look at", name, err);
	if (!c)
		return HF_E_NOMEM;
	*info = (struct hf_object_info){0};
	strncpy(info->name, name, sizeof(info->name) - 1);
	c->info = info;
	int r = run(c, &c->s->counts->head, send_head, err);
	free(c);
	return r;
}

static int libs3_list(struct hf_store *store, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct call *c = new_call(store, "list", prefix, err);
	if (!c)
		return HF_E_NOMEM;
	int r = 0;
	c->is_truncated = true;
	while (r == 0 && c->is_truncated) {
		r = run(c, &c->s->counts->list, send_list, err);
		/* A bucket that is not there is no empty one. */
		if (r == HF_E_NOTFOUND)
			r = hf_fail(err, HF_E_IO, "list %s: there is no such bucket", c->s->url.text);
		for (size_t i = 0; r == 0 && i < c->item_count; i++)
			r = each(&c->items[i], user, err);
		if (c->item_count == 0)
			break;
	}
	free(c->items);
	free(c);
	return r;
}

static int libs3_erase(struct hf_store *store, const char *name, struct hf_error *err)
{
	struct call *c = new_call(store, "delete", name, err);
	if (!c)
		return HF_E_NOMEM;
	int r = run(c, &c->s->counts->erased, send_delete, err);
	free(c);
	return r == HF_E_NOTFOUND ? 0 : r;
}

static void libs3_count_to(struct hf_store *store, struct hf_store_counts *counts)
{
	((struct libs3 *)store)->counts = counts;
}

static void libs3_limit_by(struct hf_store *store, const struct hf_limits *limits)
{
	((struct libs3 *)store)->limits = *limits;
}

static void libs3_close(struct hf_store *store)
{
	struct libs3 *s = (struct libs3 *)store;
	hf_s3_credentials_free(s->credentials);
	hf_s3_url_free(&s->url);
	free(s->host);
	free(s);
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static int refuse_what_it_lacks(const struct hf_s3_url *u, struct hf_error *err)
{
	const char *lacks = u->lock || u->reads_oldest ? "object lock and versions"
			    : u->sse || u->sse_c_key_file ? "encryption by the server"
			    : u->tags			  ? "tags"
			    : u->storage_class		  ? "storage classes"
			    : u->requester_pays		  ? "requester-pays"
							  : NULL;
	if (u->is_https)
		return hf_fail(err, HF_E_USAGE, "driver=libs3 verifies no TLS certificate, so that https would protect nothing: it takes "
			"http:// endpoints alone; leave driver=libs3 out");
	return lacks ? hf_fail(err, HF_E_USAGE, "driver=libs3 knows no %s; leave driver=libs3 out", lacks) : 0;
}

static S3Status initialized;

static void initialize(void)
{
	initialized = S3_initialize("holdfast", S3_INIT_ALL, "s3.amazonaws.com");
}

static int fill(struct libs3 *s, struct hf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int r = refuse_what_it_lacks(&s->url, err);
	pthread_once(&once, initialize);
	if (r == 0 && initialized != S3StatusOK)
		r = hf_fail(err, HF_E_UNSUPPORTED, "libs3 does not start: %s", S3_get_status_name(initialized));
	s->host = strdup(s->url.host + (s->url.is_virtual ? strlen(s->url.bucket) + 1 : 0));
	if (r == 0 && !s->host)
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	return r < 0 ? r : hf_s3_credentials_new(s->url.region ? s->url.region : "us-east-1", NULL, &s->credentials, err);
}

int hf_store_open_libs3(const char *url, const struct hf_store_open_options *options, struct hf_store **out, struct hf_error *err)
{
	(void)options; /* each request has a connection of its own */
	static const struct hf_store_ops ops = {.put = libs3_put, .get = libs3_get, .stat = libs3_stat, .list = libs3_list,
		.erase = libs3_erase, .count_to = libs3_count_to, .limit_by = libs3_limit_by, .close = libs3_close};
	struct libs3 *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	s->base = (struct hf_store){.ops = &ops, .is_far = true};
	s->counts = &s->own;
	int r = hf_s3_url_parse(url, NULL, &s->url, err);
	if (r == 0)
		r = fill(s, err);
	if (r < 0) {
		libs3_close(&s->base);
		return hf_wrap(err, r, "repository %s", url);
	}
	*out = &s->base;
	return 0;
}
