/*
 * Renewing locks; see renew.h. What is remembered is a text file of lines "SECONDS NAME", ascending by name. The old one is read, and
 * the new one written, while the objects are gone through in the same order: kind by kind, and by name within a kind.
 */
#include "ops/renew.h"

#include "base/file.h"
#include "base/log.h"
#include "base/pool.h"
#include "base/stop.h"
#include "base/time.h"
#include "repo/object.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	GAVE_UP = 1,
	BATCH = 128,
	THREADS = 8,
	REFUSALS = 64, /* and nothing but refusals: so it will go on */
};

static const char memory_name[] = "lock-ends";

/* One object: its lock's end is known, or is asked for by a worker. */
struct item {
	struct hf_store *store;
	char name[HF_NAME_MAX];
	int64_t until; /* seconds */
	bool is_needed, is_known;
	int code; /* of asking */
	struct hf_error why;
};

struct renewal {
	const struct hf_renew_options *options;
	struct hf_locks *out;
	int64_t horizon; /* seconds: what ends later is locked for long enough */
	int dir;	 /* of the cache; -1 without one */
	FILE *before, *after;
	char made[32]; /* the name of `after`, this process' own */
	char name[HF_NAME_MAX]; /* the line of `before` that is next; empty at its end */
	int64_t until;
	struct item *items;
	size_t count;
	uint64_t granted, refused; /* of those asked for */
	struct hf_pool *pool;
};

/* --- the memory ------------------------------------------------------------------------------------------------------- */

/* A memory that can't be read costs requests, nothing else. */
static void read_line(struct renewal *n)
{
	char line[HF_NAME_MAX + 32], last[HF_NAME_MAX], *end;
	memcpy(last, n->name, sizeof(last));
	n->name[0] = 0;
	while (n->before && fgets(line, sizeof(line), n->before)) {
		errno = 0;
		int64_t until = strtoll(line, &end, 10);
		size_t len = strcspn(line, "\n");
		if (errno || *end != ' ' || !line[len])
			continue; /* cut short */
		line[len] = 0;
		if (strlen(end + 1) >= HF_NAME_MAX || strcmp(end + 1, last) <= 0)
			continue; /* no name, or out of order */
		strcpy(n->name, end + 1);
		n->until = until;
		return;
	}
}

static FILE *open_stream(int dir, const char *name, int flags, const char *mode)
{
	int fd = dir < 0 ? -1 : openat(dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, mode);
	if (fd >= 0 && !f)
		close(fd);
	return f;
}

static void open_memory(struct renewal *n)
{
	const char *path = n->options->repo->cache_dir;
	n->dir = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	n->before = open_stream(n->dir, memory_name, O_RDONLY, "r");
	snprintf(n->made, sizeof(n->made), ".lock-ends-%d", (int)getpid());
	n->after = open_stream(n->dir, n->made, O_WRONLY | O_CREAT | O_EXCL, "w");
	read_line(n);
}

static void close_memory(struct renewal *n)
{
	if (n->before)
		fclose(n->before);
	bool whole = n->after && !ferror(n->after), made = n->after;
	if (n->after)
		whole = fclose(n->after) == 0 && whole;
	if (whole && hf_file_rename(n->dir, n->made, n->dir, memory_name, false, NULL) == 0)
		hf_debug("when locks end is remembered in %s", memory_name);
	else if (made)
		unlinkat(n->dir, n->made, 0);
	if (n->dir >= 0)
		close(n->dir);
}

/* --- asking ----------------------------------------------------------------------------------------------------------- */

static void ask(void *job)
{
	struct item *i = job;
	int64_t ns = 0;
	i->code = hf_stop_check(&i->why);
	if (i->code == 0)
		i->code = hf_store_retain(i->store, i->name, &ns, &i->why);
	i->until = ns / HF_SECOND;
}

static void note_failure(struct hf_locks *out, const struct hf_error *why)
{
	if (!out->failed && !out->gave_up)
		out->why = *why;
}

/* What a worker found. */
static int take(struct renewal *n, const struct item *i, struct hf_error *err)
{
	struct hf_locks *out = n->out;
	if (i->code == HF_E_NOTFOUND)
		return 0; /* deleted since it was listed */
	if (i->code == HF_E_STOPPED || i->code == HF_E_NOMEM)
		return hf_fail(err, i->code, "%s", i->why.msg);
	if (i->code < 0) {
		note_failure(out, &i->why);
		out->failed++;
		if (i->until && (!out->ends || i->until * HF_SECOND < out->ends))
			out->ends = i->until * HF_SECOND;
		return 0;
	}
	out->kept += i->is_needed;
	if (n->after)
		fprintf(n->after, "%" PRId64 " %s\n", i->until, i->name);
	return 0;
}

/* Asks for those of the batch that are not known. GAVE_UP if it is of no use to go on. */
static int flush(struct renewal *n, struct hf_error *err)
{
	size_t asked = 0, unreached = 0;
	int r = 0;
	for (size_t i = 0; i < n->count; i++)
		asked += !n->items[i].is_known;
	if (asked && !n->pool)
		r = hf_pool_new(THREADS, BATCH, &n->pool, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n->count; i++)
		if (!n->items[i].is_known)
			hf_pool_submit(n->pool, ask, &n->items[i]);
	if (asked)
		hf_pool_wait(n->pool);
	for (size_t i = 0; i < n->count && r == 0; i++) {
		const struct item *it = &n->items[i];
		unreached += it->code == HF_E_NETWORK;
		n->refused += it->code == HF_E_DENIED;
		n->granted += !it->is_known && it->code == 0;
		r = take(n, it, err);
	}
	n->count = 0;
	n->out->gave_up = (asked && unreached == asked) || (n->refused >= REFUSALS && !n->granted);
	return r == 0 && n->out->gave_up ? GAVE_UP : r;
}

static int add(struct renewal *n, const struct item *item, struct hf_error *err)
{
	n->items[n->count] = *item;
	n->items[n->count].store = n->options->repo->store;
	return ++n->count == BATCH ? flush(n, err) : 0;
}

/* --- going through ------------------------------------------------------------------------------------------------------ */

/* What is remembered of names before this one (NULL: of all others) stays remembered as long as it is of use: another command may
 * need them. */
static int skip_to(struct renewal *n, const char *name, struct hf_error *err)
{
	int r = 0;
	while (r == 0 && n->name[0] && (!name || strcmp(n->name, name) < 0)) {
		struct item item = {.until = n->until, .is_known = true};
		strcpy(item.name, n->name);
		if (n->until >= n->horizon)
			r = add(n, &item, err);
		read_line(n);
	}
	return r;
}

static int keep(struct renewal *n, const char *name, struct hf_error *err)
{
	struct item item = {.is_needed = true};
	int r = skip_to(n, name, err);
	if (r != 0)
		return r;
	strncpy(item.name, name, sizeof(item.name) - 1);
	if (strcmp(n->name, name) == 0) {
		item.until = n->until;
		item.is_known = n->until >= n->horizon;
		read_line(n);
	}
	r = hf_stop_check(err);
	return r < 0 ? r : add(n, &item, err);
}

/* What a stranger left under our names is not ours to keep; a writer whose certificate can't be read is none. */
static bool is_ours(const struct hf_repository *repo, const struct hf_id *writer)
{
	return hf_certs_find(&repo->certs, writer) || hf_id_equal(writer, &repo->key->owner_id) || repo->certs.set_aside;
}

struct listing {
	struct renewal *n;
	enum hf_kind kind;
};

static int see(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	const struct listing *l = user;
	const struct hf_renew_options *o = l->n->options;
	if (!is_ours(o->repo, &ref->writer) || !o->is_needed(o->user, l->kind, ref))
		return 0;
	return keep(l->n, info->name, err);
}

static int keep_packs(struct renewal *n, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	struct hf_ref pack;
	int r;
	while ((r = n->options->next_pack(n->options->user, &pack, err)) > 0) {
		r = keep(n, hf_object_name(HF_KIND_PACK, &pack, name), err);
		if (r != 0)
			return r;
	}
	return r;
}

static int keep_kind(struct renewal *n, enum hf_kind kind, struct hf_error *err)
{
	struct listing l = {n, kind};
	if (kind == HF_KIND_PACK)
		return keep_packs(n, err);
	if (!n->options->is_needed(n->options->user, kind, NULL))
		return 0;
	return hf_object_list(n->options->repo->store, kind, see, &l, err);
}

static int keep_all(struct renewal *n, struct hf_error *err)
{
	/* Ascending by name, as the memory is. Voids and runs have had their say soon. */
	static const enum hf_kind kinds[] = {HF_KIND_CERT, HF_KIND_CONDEMNED, HF_KIND_CONFIG, HF_KIND_ENTRY, HF_KIND_INDEX,
		HF_KIND_PACK, HF_KIND_RESCUE, HF_KIND_SLOT, HF_KIND_SNAPSHOT};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = keep_kind(n, kinds[i], err);
	if (r == 0)
		r = skip_to(n, NULL, err);
	return r == 0 ? flush(n, err) : r;
}

int hf_renew(const struct hf_renew_options *options, struct hf_locks *out, struct hf_error *err)
{
	struct hf_error why = {0};
	struct renewal n = {.options = options, .out = out,
		.horizon = hf_store_lock_horizon(options->repo->store) / HF_SECOND};
	*out = (struct hf_locks){.is_locking = n.horizon > 0};
	if (!out->is_locking)
		return 0;
	n.items = calloc(BATCH, sizeof(*n.items));
	if (!n.items)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	open_memory(&n);
	int r = keep_all(&n, &why);
	close_memory(&n);
	hf_pool_free(n.pool);
	free(n.items);
	if (r == HF_E_STOPPED || r == HF_E_NOMEM)
		return hf_fail(err, r, "renew locks: %s", why.msg);
	if (r < 0) { /* a list, say */
		note_failure(out, &why);
		out->gave_up = true;
	}
	return 0;
}

/* --- telling ------------------------------------------------------------------------------------------------------------ */

int hf_locks_check(const struct hf_locks *l, struct hf_error *err)
{
	char end[HF_TIME_TEXT], when[HF_TIME_TEXT + 64] = "";
	if (!l->is_locking || (!l->failed && !l->gave_up))
		return 0;
	if (l->ends)
		snprintf(when, sizeof(when), " (the first of their locks ends at %s)", hf_time_format(l->ends, end));
	return hf_fail(err, l->why.code,
		"the locks of %" PRIu64 " objects that restore points need could not be renewed%s%s: %s. When they end, whoever may "
		"delete in the store can delete those objects: mend this, then run holdfast prune, which renews all",
		l->failed, l->gave_up ? ", and others were not tried" : "", when, l->why.msg);
}

json_t *hf_locks_json(const struct hf_locks *l)
{
	if (!l->is_locking)
		return json_null();
	json_t *j = json_object();
	bool failed = l->failed || l->gave_up;
	json_object_set_new(j, "kept", json_integer((json_int_t)l->kept));
	json_object_set_new(j, "failed", json_integer((json_int_t)l->failed));
	json_object_set_new(j, "all_tried", json_boolean(!l->gave_up));
	json_object_set_new(j, "ends", l->ends ? hf_json_time(l->ends) : json_null());
	json_object_set_new(j, "error", failed ? hf_json_bytes(l->why.msg, strlen(l->why.msg)) : json_null());
	return j;
}
