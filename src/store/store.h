/*
 * A store: dumb object storage. Each kind (local directory, S3, memory for tests) is a driver: a table of functions.
 * Wrappers (counting, retrying, limiting) have the same table and hold another store.
 *
 * Names are relative, made of [a-z0-9/-], at most HF_NAME_MAX - 1 bytes, no empty components. All functions may
 * be called from several threads at once.
 *
 * Names that begin with "pack/" are bulk, which may lie in a slower class of storage; those that begin with "run/" are short-lived
 * and are never locked. A name in a list that is longer than HF_NAME_MAX - 1 bytes, which none of ours is, comes cut short.
 *
 * Nothing here overwrites or deletes: `put` makes an object once, and deleting is another type (hf_eraser), which only
 * the operations that are meant to delete make for themselves.
 */
#ifndef HF_STORE_STORE_H
#define HF_STORE_STORE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define HF_NAME_MAX 128

struct hf_store;
struct hf_limits;

struct hf_object_info {
	char name[HF_NAME_MAX];
	uint64_t size;
	int64_t time_ns; /* when the object was made, by the store's clock */
};

struct hf_store_counts {
	uint64_t get, put, list, head, erased, bytes_read, bytes_written;
};

typedef int hf_store_each(const struct hf_object_info *info, void *user, struct hf_error *err);

typedef int hf_store_each_name(const char *name, void *user, struct hf_error *err);

/* Something that a store says of itself: has it this feature, and what else is there to say? Non-zero stops. */
typedef int hf_store_fact(void *user, const char *name, bool has, const char *detail, struct hf_error *err);

struct hf_store_ops {
	/* Makes the object of the `parts`; durable, whole and visible to `list` when it returns 0. HF_E_EXISTS where
	 * an object of that name is known to exist. Never visible in part. */
	int (*put)(struct hf_store *s, const char *name, const struct iovec *parts, int count, struct hf_error *err);

	/* Exactly `len` bytes from `offset` into `out`. HF_E_NOTFOUND: no such object. HF_E_CORRUPT: it is shorter. */
	int (*get)(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err);

	int (*stat)(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err);

	/* Calls `each` for all objects whose name starts with `prefix` (which ends in '/' or is empty), ascending by
	 * name; stops at its first non-zero return, and returns that. No objects is 0. */
	int (*list)(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err);

	/* For hf_eraser only. Fine if it is gone already. HF_E_LOCKED: not before its lock ends. */
	int (*erase)(struct hf_store *s, const char *name, struct hf_error *err);

	void (*close)(struct hf_store *s);

	/* The rest is optional: a driver that does without leaves them NULL. */

	/* The whole object, appended to `out` (empty before): for a driver that can do it in one request. HF_E_CORRUPT if it is larger
	 * than out->max. */
	int (*get_all)(struct hf_store *s, const char *name, struct hf_buf *out, struct hf_error *err);

	/* Sees that the object can't be deleted for as long as the store was told that objects are to be safe (lock-days), and
	 * renews its lock to 1.5 times that where less is left. `until_ns`: when it ends now; 0: this store locks nothing. */
	int (*retain)(struct hf_store *s, const char *name, int64_t *until_ns, struct hf_error *err);

	/* The time, by the store's clock, until which its objects are to be safe from now (now + lock-days). */
	int64_t (*lock_horizon)(struct hf_store *s);

	/* Tells what is particular about this place (versions, locks). */
	int (*describe)(struct hf_store *s, hf_store_fact *fact, void *user, struct hf_error *err);

	/* The time, by the store's clock as far as its answers have told it. */
	int64_t (*now)(struct hf_store *s);

	/* Counts into `counts` from now on: for a driver that knows better than the calls tell how many requests it sends. */
	void (*count_to)(struct hf_store *s, struct hf_store_counts *counts);

	/* Draws on the limits (limit.h) for each piece that it moves: for a driver that moves an object piece by piece, so that no
	 * whole one bursts. Called once, before anything else; they outlive the store. */
	void (*limit_by)(struct hf_store *s, const struct hf_limits *limits);

	/* What was read of `name` is not what was stored there, or (`is_gone`) it is not there any more: is there an older version of it?
	 * If so, and unless it is gone, its oldest version, which is the true one, is what `get`, `get_all` and `stat` are of from now on;
	 * said in a warning once. False also where that can't be found out. */
	bool (*doubt)(struct hf_store *s, const char *name, bool is_gone);

	/* Calls `each` for the names whose oldest version is read for that; stops at its first non-zero return, and returns that. */
	int (*each_doubted)(struct hf_store *s, hf_store_each_name *each, void *user, struct hf_error *err);
};

struct hf_store {
	const struct hf_store_ops *ops;
	bool is_far; /* each request takes a while, and may cost money: copies of what was read are worth keeping, and so is fetching
		      * neighbours together */
};

/* A handle with which objects can be deleted. */
struct hf_eraser {
	struct hf_store *store;
};

struct hf_store_open_options {
	bool create;	 /* make the place if it is not there (init): a directory; never a bucket */
	bool create_itself; /* the directory alone, not those above it: where they are not there, a disk may not be mounted */
	int connections; /* at most so many at once; 0: what the URL says, else the driver's own idea */
	uint64_t limit_upload, limit_download; /* bytes a second, of objects' contents; 0: none */
};

/* Opens by URL: a path (local directory), or s3://BUCKET/PREFIX?NAME=VALUE&... (s3/url.h). HF_E_NOREPO if there is no such
 * directory; whether a bucket is there, the first request tells. HF_E_USAGE: no such URL or option. */
int hf_store_open(const char *url, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;
/* Whether hf_store_open would take the URL for one; opens nothing. HF_E_USAGE. */
int hf_store_check_url(const char *url, struct hf_error *err) HF_MUST_CHECK;
int hf_store_open_memory(struct hf_store **out, struct hf_error *err) HF_MUST_CHECK; /* for tests */
/* Wraps `inner`, which it then owns (it may be `inner` itself); `counts` is updated atomically and must outlive it. */
int hf_store_open_counted(struct hf_store *inner, struct hf_store_counts *counts, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;
/* Wraps `inner`, which it then owns, so that no more than so many bytes a second go into and come out of it; 0: as many as there
 * are. What hf_store_open does with the limits that it is given. */
int hf_store_open_limited(struct hf_store *inner, uint64_t upload, uint64_t download, struct hf_store **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_store_close(struct hf_store *s); /* NULL is fine */

int hf_store_put(struct hf_store *s, const char *name, const struct iovec *parts, int count,
	struct hf_error *err) HF_MUST_CHECK;
int hf_store_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len,
	struct hf_error *err) HF_MUST_CHECK;
/* The whole object, appended to `out` (cleared first). HF_E_CORRUPT if it is larger than out->max. */
int hf_store_get_all(struct hf_store *s, const char *name, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;
int hf_store_stat(struct hf_store *s, const char *name, struct hf_object_info *info,
	struct hf_error *err) HF_MUST_CHECK;
int hf_store_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user,
	struct hf_error *err) HF_MUST_CHECK;
/* To be asked when reading `name`, or checking what was read of it, failed with `r` and `err` (NULL is fine): true if it is worth being
 * read once more, since it was damaged (HF_E_CORRUPT, HF_E_UNSUPPORTED) and the store has an older version, which is read from now on.
 * If it was gone (HF_E_NOTFOUND) and an older version is left, `err` is told how to read that. It costs a request, or nothing where the
 * store keeps no versions. */
bool hf_store_doubt(struct hf_store *s, const char *name, int r, struct hf_error *err);
/* As the table has it; none where the store keeps no versions. */
int hf_store_each_doubted(struct hf_store *s, hf_store_each_name *each, void *user, struct hf_error *err) HF_MUST_CHECK;
/* As the table has it; a store that locks nothing sets *until_ns to 0. */
int hf_store_retain(struct hf_store *s, const char *name, int64_t *until_ns, struct hf_error *err) HF_MUST_CHECK;
/* 0: this store locks nothing. */
int64_t hf_store_lock_horizon(struct hf_store *s);
int64_t hf_store_now(struct hf_store *s); /* this host's clock where the store has none of its own */
int hf_eraser_erase(struct hf_eraser *e, const char *name, struct hf_error *err) HF_MUST_CHECK;

#endif
