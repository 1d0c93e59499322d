/*
 * A store within limits of bytes a second. Most drivers move an object piece by piece and draw on the limits for each (limit_by);
 * then this wrapper keeps the limits, and passes everything on. For one that doesn't, it waits before a whole object goes in, and
 * asks for it in pieces where each costs little.
 *
 * What the driver has no function for, the wrapper has none for either, so that callers go the same ways with and without it.
 */
#include "store/limit.h"
#include "store/store.h"

#include <stdlib.h>

struct limited {
	struct hf_store base;
	struct hf_store_ops ops;
	struct hf_store *inner;
	struct hf_limits own, used; /* those that were made; those of them on which the driver does not draw itself */
};

static struct limited *of(struct hf_store *s)
{
	return (struct limited *)s;
}

static int limited_put(struct hf_store *s, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	for (int i = 0; i < count; i++)
		hf_limit_take(of(s)->used.upload, parts[i].iov_len);
	return hf_store_put(of(s)->inner, name, parts, count, err);
}

static int limited_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	struct hf_limit *limit = of(s)->used.download;
	size_t piece = s->is_far ? SIZE_MAX : hf_limit_piece(limit);
	uint8_t *at = out;
	int r = 0;
	do {
		size_t n = len < piece ? len : piece;
		hf_limit_take(limit, n);
		r = hf_store_get(of(s)->inner, name, offset, at, n, err);
		at += n;
		offset += n;
		len -= n;
	} while (r == 0 && len);
	return r;
}

static int limited_get_all(struct hf_store *s, const char *name, struct hf_buf *out, struct hf_error *err)
{
	int r = hf_store_get_all(of(s)->inner, name, out, err);
	hf_limit_take(of(s)->used.download, out->len); /* how much it is, is known afterwards: the next one waits */
	return r;
}

static int limited_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	return hf_store_stat(of(s)->inner, name, info, err);
}

static int limited_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	return hf_store_list(of(s)->inner, prefix, each, user, err);
}

static int limited_erase(struct hf_store *s, const char *name, struct hf_error *err)
{
	return of(s)->inner->ops->erase(of(s)->inner, name, err);
}

static int limited_retain(struct hf_store *s, const char *name, int64_t *until_ns, struct hf_error *err)
{
	return hf_store_retain(of(s)->inner, name, until_ns, err);
}

static int64_t limited_lock_horizon(struct hf_store *s)
{
	return hf_store_lock_horizon(of(s)->inner);
}

static int limited_describe(struct hf_store *s, hf_store_fact *fact, void *user, struct hf_error *err)
{
	return of(s)->inner->ops->describe(of(s)->inner, fact, user, err);
}

static int64_t limited_now(struct hf_store *s)
{
	return hf_store_now(of(s)->inner);
}

static void limited_count_to(struct hf_store *s, struct hf_store_counts *counts)
{
	of(s)->inner->ops->count_to(of(s)->inner, counts);
}

static bool limited_doubt(struct hf_store *s, const char *name, bool is_gone)
{
	return of(s)->inner->ops->doubt(of(s)->inner, name, is_gone);
}

static int limited_each_doubted(struct hf_store *s, hf_store_each_name *each, void *user, struct hf_error *err)
{
	return hf_store_each_doubted(of(s)->inner, each, user, err);
}

static void free_limited(struct limited *l)
{
	hf_limit_free(l->own.upload);
	hf_limit_free(l->own.download);
	free(l);
}

static void limited_close(struct hf_store *s)
{
	hf_store_close(of(s)->inner);
	free_limited(of(s));
}

static struct hf_store_ops ops_over(const struct hf_store_ops *inner)
{
	return (struct hf_store_ops){.put = limited_put, .get = limited_get, .stat = limited_stat, .list = limited_list,
		.erase = limited_erase, .close = limited_close,
		.get_all = inner->get_all ? limited_get_all : NULL,
		.retain = inner->retain ? limited_retain : NULL,
		.lock_horizon = inner->lock_horizon ? limited_lock_horizon : NULL,
		.describe = inner->describe ? limited_describe : NULL,
		.now = inner->now ? limited_now : NULL,
		.count_to = inner->count_to ? limited_count_to : NULL,
		.doubt = inner->doubt ? limited_doubt : NULL,
		.each_doubted = inner->each_doubted ? limited_each_doubted : NULL};
}

int hf_store_open_limited(struct hf_store *inner, uint64_t upload, uint64_t download, struct hf_store **out, struct hf_error *err)
{
	struct limited *l = calloc(1, sizeof(*l));
	if (!l)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = upload ? hf_limit_new(upload, &l->own.upload, err) : 0;
	if (r == 0 && download)
		r = hf_limit_new(download, &l->own.download, err);
	if (r < 0) {
		free_limited(l);
		return r;
	}
	l->ops = ops_over(inner->ops);
	l->base = (struct hf_store){&l->ops, inner->is_far};
	l->inner = inner;
	if (inner->ops->limit_by)
		inner->ops->limit_by(inner, &l->own);
	else
		l->used = l->own;
	*out = &l->base;
	return 0;
}
