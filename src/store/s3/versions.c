/*
 * Versions and locks. In a bucket with object lock an object that was written once can be hidden (by a delete marker) or covered (by
 * a newer version) by whoever may write, but its first version stays until its lock ends. So with lock= the oldest version of a
 * name is the object: lists show it, whatever lies over it, and locks are renewed on it.
 */
#include "base/base64.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "store/s3/s3_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY (86400 * HF_SECOND)

/* --- lists --------------------------------------------------------------------------------------------------------- */

/* Versions of one name come together, the newest first: the last before another name begins is the oldest. */
struct oldest {
	hf_store_each *each;
	void *user;
	struct hf_object_info info;
	bool has;
};

static int give(struct oldest *o, struct hf_error *err)
{
	bool has = o->has;
	o->has = false;
	return has ? o->each(&o->info, o->user, err) : 0;
}

static int see_version(const struct hf_s3_item *item, void *user, struct hf_error *err)
{
	struct oldest *o = user;
	if (item->is_gone)
		return 0;
	int r = strcmp(item->info.name, o->info.name) != 0 ? give(o, err) : 0;
	o->info = item->info;
	o->has = true;
	return r;
}

int hf_s3_list_oldest(struct hf_s3 *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct oldest o = {.each = each, .user = user};
	int r = hf_s3_list(s, prefix, true, see_version, &o, err);
	return r == 0 ? give(&o, err) : r;
}

/* --- one name ------------------------------------------------------------------------------------------------------ */

struct versions {
	const char *name;
	char **ids; /* newest first, delete markers as well */
	bool *gone;
	size_t count;
};

static void versions_free(struct versions *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->ids[i]);
	free(v->ids);
	free(v->gone);
}
#define VERSIONS_AUTO __attribute__((cleanup(versions_free))) struct versions

static int keep_version(const struct hf_s3_item *item, void *user, struct hf_error *err)
{
	struct versions *v = user;
	if (strcmp(item->info.name, v->name) != 0)
		return 0; /* a longer name that begins so */
	char **ids = reallocarray(v->ids, v->count + 1, sizeof(*ids));
	if (ids)
		v->ids = ids;
	bool *gone = reallocarray(v->gone, v->count + 1, sizeof(*gone));
	if (gone)
		v->gone = gone;
	if (!ids || !gone || !(ids[v->count] = strdup(item->version ? item->version : "null")))
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	gone[v->count++] = item->is_gone;
	return 0;
}

/* NULL in `id` (which belongs to `v`) if the name has no version that is an object. */
static int find_oldest(struct hf_s3 *s, const char *name, struct versions *v, const char **id, struct hf_error *err)
{
	*v = (struct versions){.name = name};
	*id = NULL;
	int r = hf_s3_list(s, name, true, keep_version, v, err);
	for (size_t i = 0; r == 0 && i < v->count; i++)
		if (!v->gone[i])
			*id = v->ids[i];
	if (r == 0 && !*id)
		r = hf_fail(err, HF_E_NOTFOUND, "read %s in %s: there is no version of such an object", name, s->url.text);
	return r;
}

int hf_s3_erase_versions(struct hf_s3 *s, const char *name, struct hf_error *err)
{
	VERSIONS_AUTO v = {.name = name};
	int r = hf_s3_list(s, name, true, keep_version, &v, err);
	/* The oldest first: if the rest is refused, what lies over it hides nothing. */
	for (size_t i = v.count; r == 0 && i-- > 0;)
		r = hf_s3_erase(s, name, v.ids[i], err);
	return r;
}

/* --- locks --------------------------------------------------------------------------------------------------------- */

static const char *lock_word(const struct hf_s3 *s)
{
	return s->url.lock == HF_S3_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE";
}

/* The server's clock decides when a lock ends: any answer tells it. */
static int learn_clock(struct hf_s3 *s, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = {.count = &s->counts->head, .method = "HEAD", .doing = "look at", .right = "s3:ListBucket"};
	if (atomic_load(&s->clock_known))
		return 0;
	int r = hf_s3_send(s, &q, &answer, err);
	if (atomic_load(&s->clock_known))
		return 0; /* a refusal tells it too */
	return r < 0 ? r : hf_fail(err, HF_E_UNSUPPORTED, "the server does not say what time it is: no lock can be set");
}

static void lock_end(struct hf_s3 *s, char until[], int64_t *ns)
{
	*ns = hf_s3_now(s) + (int64_t)s->url.lock_days * DAY * 3 / 2;
	*ns -= *ns % HF_SECOND;
	hf_time_format(*ns, until);
}

int hf_s3_add_lock(struct hf_s3 *s, struct hf_s3_request *q, char until[], struct hf_error *err)
{
	int64_t ns;
	int r = learn_clock(s, err);
	if (r < 0)
		return r;
	lock_end(s, until, &ns);
	hf_s3_add_header(q, "x-amz-object-lock-mode", lock_word(s));
	hf_s3_add_header(q, "x-amz-object-lock-retain-until-date", until);
	return 0;
}

static int put_retention(struct hf_s3 *s, const char *name, const char *version, int64_t *until_ns, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	HF_BUF_AUTO text = HF_BUF(512), md5 = HF_BUF(64);
	char until[HF_TIME_TEXT];
	uint8_t hash[HF_MD5];
	int64_t ns;
	lock_end(s, until, &ns);
	hf_buf_printf(&text, "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>%s</Mode>"
		"<RetainUntilDate>%s</RetainUntilDate></Retention>", lock_word(s), until);
	struct iovec body = {text.data, text.len};
	int r = hf_md5(&body, 1, hash, err);
	if (r < 0)
		return r;
	hf_base64(hash, sizeof(hash), &md5);
	struct hf_s3_request q = {.count = &s->counts->put, .method = "PUT", .name = name, .doing = "renew the lock of",
		.right = "s3:PutObjectRetention", .query = {{"retention", ""}, {"versionId", version}}, .body = &body, .body_count = 1};
	hf_s3_add_header(&q, "content-md5", hf_buf_cstr(&md5));
	r = hf_s3_send(s, &q, &answer, err);
	if (r == 0)
		*until_ns = ns;
	return r;
}

/* When the lock of a version ends, by its HEAD; 0 if it has none. */
static int get_retention(struct hf_s3 *s, const char *name, const char *version, int64_t *until_ns, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char text[64];
	struct hf_s3_request q = {.count = &s->counts->head, .method = "HEAD", .name = name, .doing = "look at",
		.right = "s3:GetObjectVersion and s3:GetObjectRetention", .query = {{"versionId", version}}};
	*until_ns = 0;
	int r = hf_s3_send(s, &q, &answer, err);
	if (r == 0 && hf_http_header(&answer, "x-amz-object-lock-retain-until-date", text, sizeof(text)))
		r = hf_time_parse(text, until_ns, err);
	return r;
}

int hf_s3_retain(struct hf_store *store, const char *name, int64_t *until_ns, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	const char *version;
	*until_ns = 0;
	if (!s->url.lock)
		return 0;
	VERSIONS_AUTO v = {0};
	int r = find_oldest(s, name, &v, &version, err);
	if (r == 0)
		r = get_retention(s, name, version, until_ns, err);
	if (r < 0 || *until_ns >= hf_s3_now(s) + (int64_t)s->url.lock_days * DAY)
		return r;
	return put_retention(s, name, version, until_ns, err);
}

/* --- the view of the oldest versions ------------------------------------------------------------------------------- */

struct view {
	struct hf_store base;
	struct hf_s3 *s; /* not owned */
};

static int view_get(struct hf_store *store, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	struct hf_s3 *s = ((struct view *)store)->s;
	const char *version;
	VERSIONS_AUTO v = {0};
	int r = find_oldest(s, name, &v, &version, err);
	return r < 0 ? r : hf_s3_get(s, name, version, (struct iovec){out, len}, offset, err);
}

static int view_get_all(struct hf_store *store, const char *name, struct hf_buf *out, struct hf_error *err)
{
	struct hf_s3 *s = ((struct view *)store)->s;
	const char *version;
	VERSIONS_AUTO v = {0};
	int r = find_oldest(s, name, &v, &version, err);
	return r < 0 ? r : hf_s3_get_all(s, name, version, out, err);
}

static int view_stat(struct hf_store *store, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct hf_s3 *s = ((struct view *)store)->s;
	const char *version;
	VERSIONS_AUTO v = {0};
	int r = find_oldest(s, name, &v, &version, err);
	return r < 0 ? r : hf_s3_stat(s, name, version, info, err);
}

static int view_list(struct hf_store *store, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	return hf_s3_list_oldest(((struct view *)store)->s, prefix, each, user, err);
}

static int view_put(struct hf_store *store, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	(void)store, (void)parts, (void)count;
	return hf_fail(err, HF_E_UNSUPPORTED, "write %s: this is a view of the oldest versions", name);
}

static int view_erase(struct hf_store *store, const char *name, struct hf_error *err)
{
	(void)store;
	return hf_fail(err, HF_E_UNSUPPORTED, "delete %s: this is a view of the oldest versions", name);
}

static void view_close(struct hf_store *store)
{
	free(store);
}

int hf_s3_open_oldest(struct hf_store *store, struct hf_store **out, struct hf_error *err)
{
	static const struct hf_store_ops ops = {.put = view_put, .get = view_get, .get_all = view_get_all, .stat = view_stat,
		.list = view_list, .erase = view_erase, .close = view_close};
	struct view *v = calloc(1, sizeof(*v));
	if (!v)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	*v = (struct view){.base = {.ops = &ops, .is_far = true}, .s = (struct hf_s3 *)store};
	*out = &v->base;
	return 0;
}
