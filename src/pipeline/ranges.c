/*
 * Ranges of packs; see ranges.h.
 *
 * A range is listed before it is fetched, so that others wait for it and don't fetch the same. It goes when each frame for which
 * it was fetched has been taken, or, if some never are (they were had elsewhere), when its memory is needed and no one has come
 * to it for a while.
 */
#include "pipeline/ranges.h"

#include "base/stop.h"
#include "repo/object.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A range that is not the caller's own must be worth a request; one is stale after so many calls of hf_ranges_fetch. */
enum { AHEAD_LEAST = 1 << 20, STALE_AFTER = 64 };

enum state { FETCHING, THERE, FAILED };

struct span {
	uint32_t offset, len;
	bool is_taken;
};

struct range {
	struct range *next;
	struct hf_ref pack;
	uint32_t offset, len;
	enum state state;
	int users;	   /* who fetches it, wait for it or copy from it */
	uint64_t used_at; /* in calls of hf_ranges_fetch */
	uint8_t *bytes;
	size_t left, count; /* of the frames: not taken yet; all */
	struct span frames[];
};

struct hf_ranges {
	struct hf_store *store;
	size_t max_bytes, bytes;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct range *first; /* FETCHING and THERE; FAILED ones belong to their users */
	uint64_t calls;
	struct hf_ref shunned; /* the pack of which a range failed last: its frames are fetched one by one */
	bool has_shunned;
};

int hf_ranges_new(struct hf_store *store, size_t max_bytes, struct hf_ranges **out, struct hf_error *err)
{
	struct hf_ranges *r = calloc(1, sizeof(*r));
	if (!r)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	r->store = store;
	r->max_bytes = max_bytes;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, NULL);
	*out = r;
	return 0;
}

static void free_range(struct range *g)
{
	free(g->bytes);
	free(g);
}

void hf_ranges_free(struct hf_ranges *r)
{
	if (!r)
		return;
	while (r->first) {
		struct range *g = r->first;
		r->first = g->next;
		free_range(g);
	}
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
	free(r);
}

/* --- what is kept ----------------------------------------------------------------------------------------------------- */

static void unlist(struct hf_ranges *r, struct range *g)
{
	struct range **at = &r->first;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	r->bytes -= g->len;
}

static struct range *find(struct hf_ranges *r, const struct hf_stored *f)
{
	for (struct range *g = r->first; g; g = g->next)
		if (f->offset >= g->offset && f->len <= g->len && f->offset - g->offset <= g->len - f->len &&
			hf_ref_equal(&f->pack, &g->pack))
			return g;
	return NULL;
}

/* Makes room for `len` bytes, out of stale ranges if need be. */
static bool make_room(struct hf_ranges *r, size_t len)
{
	for (struct range *g = r->first, *next; g && r->bytes + len > r->max_bytes; g = next) {
		next = g->next;
		if (g->users || r->calls - g->used_at <= STALE_AFTER)
			continue;
		unlist(r, g);
		free_range(g);
	}
	return r->bytes + len <= r->max_bytes;
}

static void leave(struct hf_ranges *r, struct range *g)
{
	if (--g->users > 0)
		return;
	if (g->state == THERE && g->left == 0)
		unlist(r, g);
	else if (g->state == THERE)
		return;
	free_range(g);
}

/* --- which frames make a range ---------------------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The spans in `g` shrink to those around the one at `offset` that fit into one request. They are sorted. */
static void keep_neighbours(struct range *g, uint32_t offset)
{
	size_t first = 0;
	while (g->frames[first].offset != offset)
		first++;
	size_t last = first;
	uint64_t begin = offset, end = begin + g->frames[first].len;
	for (; last + 1 < g->count; last++) {
		const struct span *s = &g->frames[last + 1];
		if (s->offset < end || s->offset - end > HF_RANGE_GAP || (uint64_t)s->offset + s->len - begin > HF_RANGE_MAX)
			break;
		end = (uint64_t)s->offset + s->len;
	}
	for (; first > 0; first--) {
		const struct span *s = &g->frames[first - 1];
		uint64_t before = (uint64_t)s->offset + s->len;
		if (before > begin || begin - before > HF_RANGE_GAP || end - s->offset > HF_RANGE_MAX)
			break;
		begin = s->offset;
	}
	g->count = g->left = last - first + 1;
	memmove(g->frames, g->frames + first, g->count * sizeof(g->frames[0]));
	g->offset = (uint32_t)begin;
	g->len = (uint32_t)(end - begin);
}

/* A range around `f`, of the frames that are wanted and in none yet; NULL if it would be `f` alone, or is not to be had. */
static struct range *range_around(struct hf_ranges *r, const struct hf_stored *f, const struct hf_stored *wanted, size_t count)
{
	if (r->has_shunned && hf_ref_equal(&r->shunned, &f->pack))
		return NULL;
	struct range *g = calloc(1, sizeof(*g) + count * sizeof(g->frames[0]));
	if (!g)
		return NULL;
	for (size_t i = 0; i < count; i++)
		if (hf_ref_equal(&wanted[i].pack, &f->pack) && !find(r, &wanted[i]))
			g->frames[g->count++] = (struct span){wanted[i].offset, wanted[i].len, false};
	qsort(g->frames, g->count, sizeof(g->frames[0]), by_offset);
	size_t n = 1;
	for (size_t i = 1; i < g->count; i++)
		if (g->frames[i].offset != g->frames[n - 1].offset)
			g->frames[n++] = g->frames[i];
	g->count = n;
	g->pack = f->pack;
	keep_neighbours(g, f->offset);
	if (g->count > 1)
		return g;
	free(g);
	return NULL;
}

/* --- fetching --------------------------------------------------------------------------------------------------------- */

/* Fetches a range that is listed; the lock is held, and given up meanwhile. */
static void fetch_range(struct hf_ranges *r, struct range *g)
{
	char name[HF_NAME_MAX];
	struct hf_error why = {0}; /* told no one: each frame that can't be had tells of itself */
	hf_object_name(HF_KIND_PACK, &g->pack, name);
	pthread_mutex_unlock(&r->lock);
	g->bytes = malloc(g->len);
	int result = g->bytes ? hf_store_get(r->store, name, g->offset, g->bytes, g->len, &why) : HF_E_NOMEM;
	pthread_mutex_lock(&r->lock);
	g->state = result < 0 ? FAILED : THERE;
	if (result < 0) {
		unlist(r, g);
		r->shunned = g->pack;
		r->has_shunned = true;
	}
	pthread_cond_broadcast(&r->changed);
	leave(r, g);
}

/* Fetches what is around `f` if it is worth it, and there is room; the lock is held. True if it was tried. */
static bool fetch_around(struct hf_ranges *r, const struct hf_stored *f, size_t least, const struct hf_stored *wanted,
	size_t count)
{
	struct range *g = range_around(r, f, wanted, count);
	if (!g)
		return false;
	if (g->len < least || !make_room(r, g->len)) {
		free(g);
		return false;
	}
	g->state = FETCHING;
	g->users = 1;
	g->used_at = r->calls;
	g->next = r->first;
	r->first = g;
	r->bytes += g->len;
	fetch_range(r, g);
	return true;
}

void hf_ranges_fetch(struct hf_ranges *r, const struct hf_stored *wanted, size_t own, size_t count)
{
	bool waits = false;
	pthread_mutex_lock(&r->lock);
	r->calls++;
	for (size_t i = 0; i < own && !hf_stopped(); i++) {
		const struct range *g = find(r, &wanted[i]);
		if (g)
			waits = waits || g->state == FETCHING;
		else
			fetch_around(r, &wanted[i], 0, wanted, count);
	}
	for (size_t i = own; i < count && waits && !hf_stopped(); i++)
		if (!find(r, &wanted[i]) && fetch_around(r, &wanted[i], AHEAD_LEAST, wanted, count))
			break;
	pthread_mutex_unlock(&r->lock);
}

static void take(struct range *g, const struct hf_stored *f)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->frames[i].offset == f->offset && !g->frames[i].is_taken) {
			g->frames[i].is_taken = true;
			g->left--;
		}
}

/* Copies out of a range, if there is one with the frame. */
static bool get_kept(struct hf_ranges *r, const struct hf_stored *f, void *out)
{
	pthread_mutex_lock(&r->lock);
	struct range *g = find(r, f);
	if (!g) {
		pthread_mutex_unlock(&r->lock);
		return false;
	}
	g->users++;
	g->used_at = r->calls;
	while (g->state == FETCHING)
		pthread_cond_wait(&r->changed, &r->lock);
	bool is_there = g->state == THERE;
	pthread_mutex_unlock(&r->lock);
	if (is_there)
		memcpy(out, g->bytes + (f->offset - g->offset), f->len);
	pthread_mutex_lock(&r->lock);
	take(g, f);
	leave(r, g);
	pthread_mutex_unlock(&r->lock);
	return is_there;
}

int hf_ranges_get(struct hf_ranges *r, const struct hf_stored *frame, void *out, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	if (get_kept(r, frame, out))
		return 0;
	return hf_store_get(r->store, hf_object_name(HF_KIND_PACK, &frame->pack, name), frame->offset, out, frame->len, err);
}
