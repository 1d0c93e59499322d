/* What is common to all stores: opening by URL, thin calls through the table, and the counting wrapper. */
#include "store/store.h"

#include "base/time.h"
#include "store/s3/url.h"
#include "store/store_internal.h"

#include <stdlib.h>
#include <string.h>

static bool is_s3(const char *url)
{
	return strncmp(url, "s3://", 5) == 0;
}

static int check_scheme(const char *url, struct hf_error *err)
{
	const char *scheme = strstr(url, "://");
	if (strncmp(url, "s3:", 3) == 0 && !is_s3(url))
		return hf_fail(err, HF_E_USAGE, "repository %s: a bucket is s3://BUCKET/PREFIX?endpoint=URL; a directory of this name is ./%s",
			url, url);
	if (scheme && !is_s3(url))
		return hf_fail(err, HF_E_USAGE, "repository %s: no store is known for \"%.*s://\"; give a path or s3://BUCKET/PREFIX", url,
			(int)(scheme - url), url);
	return 0;
}

static int open_driver(const char *url, const struct hf_store_open_options *options, struct hf_store **out, struct hf_error *err)
{
	int r = check_scheme(url, err);
	if (r < 0)
		return r;
	return is_s3(url) ? hf_store_open_s3(url, options, out, err) : hf_store_open_local(url, options, out, err);
}

int hf_store_check_url(const char *url, struct hf_error *err)
{
	struct hf_s3_url s3;
	int r = check_scheme(url, err);
	if (r < 0 || !is_s3(url))
		return r;
	r = hf_s3_url_parse(url, NULL, &s3, err);
	if (r == 0)
		hf_s3_url_free(&s3);
	return r;
}

int hf_store_open(const char *url, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err)
{
	static const struct hf_store_open_options none;
	struct hf_store *store = NULL;
	if (!options)
		options = &none;
	int r = open_driver(url, options, &store, err);
	if (r == 0 && (options->limit_upload || options->limit_download))
		r = hf_store_open_limited(store, options->limit_upload, options->limit_download, out, err);
	else if (r == 0)
		*out = store;
	if (r < 0)
		hf_store_close(store);
	return r;
}

void hf_store_close(struct hf_store *s)
{
	if (s)
		s->ops->close(s);
}

int hf_store_put(struct hf_store *s, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	return s->ops->put(s, name, parts, count, err);
}

int hf_store_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	return s->ops->get(s, name, offset, out, len, err);
}

int hf_store_get_all(struct hf_store *s, const char *name, struct hf_buf *out, struct hf_error *err)
{
	struct hf_object_info info;
	hf_buf_clear(out);
	if (s->ops->get_all)
		return s->ops->get_all(s, name, out, err);
	int r = hf_store_stat(s, name, &info, err);
	if (r < 0)
		return r;
	if (info.size > out->max)
		return hf_fail(err, HF_E_CORRUPT, "object %s: %llu bytes, more than the format allows", name,
			(unsigned long long)info.size);
	uint8_t *p = hf_buf_space(out, (size_t)info.size);
	if (!p && info.size)
		return hf_buf_check(out, name, err);
	return info.size ? hf_store_get(s, name, 0, p, (size_t)info.size, err) : 0;
}

int hf_store_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	return s->ops->stat(s, name, info, err);
}

int hf_store_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	return s->ops->list(s, prefix, each, user, err);
}

int hf_store_retain(struct hf_store *s, const char *name, int64_t *until_ns, struct hf_error *err)
{
	*until_ns = 0;
	return s->ops->retain ? s->ops->retain(s, name, until_ns, err) : 0;
}

int64_t hf_store_now(struct hf_store *s)
{
	return s->ops->now ? s->ops->now(s) : hf_time_now();
}

int64_t hf_store_lock_horizon(struct hf_store *s)
{
	return s->ops->lock_horizon ? s->ops->lock_horizon(s) : 0;
}

bool hf_store_doubt(struct hf_store *s, const char *name, int r, struct hf_error *err)
{
	bool is_gone = r == HF_E_NOTFOUND;
	if (!(is_gone || r == HF_E_CORRUPT || r == HF_E_UNSUPPORTED) || !s->ops->doubt || !s->ops->doubt(s, name, is_gone))
		return false;
	if (is_gone && err) {
		const struct hf_error why = *err;
		hf_fail(err, why.code, "%s; the store still has an older version of it: versions=oldest in the repository's URL reads that",
			why.msg);
	}
	return !is_gone;
}

int hf_store_each_doubted(struct hf_store *s, hf_store_each_name *each, void *user, struct hf_error *err)
{
	return s->ops->each_doubted ? s->ops->each_doubted(s, each, user, err) : 0;
}

int hf_eraser_erase(struct hf_eraser *e, const char *name, struct hf_error *err)
{
	return e->store->ops->erase(e->store, name, err);
}

/* --- counting ------------------------------------------------------------------------------------------------ */

struct counted {
	struct hf_store base;
	struct hf_store *inner;
	struct hf_store_counts *counts;
};

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static int counted_put(struct hf_store *s, const char *name, const struct iovec *parts, int count,
	struct hf_error *err)
{
	struct counted *c = (struct counted *)s;
	add(&c->counts->put, 1);
	for (int i = 0; i < count; i++)
		add(&c->counts->bytes_written, parts[i].iov_len);
	return hf_store_put(c->inner, name, parts, count, err);
}

static int counted_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len,
	struct hf_error *err)
{
	struct counted *c = (struct counted *)s;
	add(&c->counts->get, 1);
	add(&c->counts->bytes_read, len);
	return hf_store_get(c->inner, name, offset, out, len, err);
}

static int counted_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct counted *c = (struct counted *)s;
	add(&c->counts->head, 1);
	return hf_store_stat(c->inner, name, info, err);
}

static int counted_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user,
	struct hf_error *err)
{
	struct counted *c = (struct counted *)s;
	add(&c->counts->list, 1);
	return hf_store_list(c->inner, prefix, each, user, err);
}

static int counted_erase(struct hf_store *s, const char *name, struct hf_error *err)
{
	struct counted *c = (struct counted *)s;
	add(&c->counts->erased, 1);
	return c->inner->ops->erase(c->inner, name, err);
}

static void counted_close(struct hf_store *s)
{
	hf_store_close(((struct counted *)s)->inner);
	free(s);
}

int hf_store_open_counted(struct hf_store *inner, struct hf_store_counts *counts, struct hf_store **out,
	struct hf_error *err)
{
	static const struct hf_store_ops ops = {.put = counted_put, .get = counted_get, .stat = counted_stat,
		.list = counted_list, .erase = counted_erase, .close = counted_close};
	if (inner->ops->count_to) {
		inner->ops->count_to(inner, counts);
		*out = inner;
		return 0;
	}
	struct counted *c = calloc(1, sizeof(*c));
	if (!c)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	*c = (struct counted){.base = {&ops, inner->is_far}, .inner = inner, .counts = counts};
	*out = &c->base;
	return 0;
}
