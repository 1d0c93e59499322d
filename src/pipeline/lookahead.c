/*
 * Looking ahead; see lookahead.h.
 *
 * What is not fetched yet is in a list, in its order. Where the chunks lie is looked up once for each job, by whichever worker
 * comes first; a job goes on when all is located that is listed, its own too, so none goes while its places are being looked up.
 */
#include "pipeline/lookahead.h"

#include "base/stop.h"
#include "pipeline/ranges.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* No more is gathered for one look: so much lies within a reader's bound for ranges, or nearly. */
enum { GATHER_BYTES = 16 << 20 };

enum state { UNLOCATED, LOCATING, LOCATED };

struct hf_wants {
	struct hf_wants *next;
	enum state state;
	struct hf_stored *frames; /* located */
	size_t frame_count, count;
	struct hf_chunk_id ids[];
};

struct hf_lookahead {
	struct hf_reader *reader;
	pthread_mutex_t lock;
	pthread_cond_t located;
	struct hf_wants *first, **last;
};

int hf_lookahead_new(struct hf_reader *reader, struct hf_lookahead **out, struct hf_error *err)
{
	struct hf_lookahead *a = calloc(1, sizeof(*a));
	if (!a)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	a->reader = reader;
	a->last = &a->first;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->located, NULL);
	*out = a;
	return 0;
}

void hf_lookahead_free(struct hf_lookahead *a)
{
	if (!a)
		return;
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->located);
	free(a);
}

struct hf_wants *hf_lookahead_add(struct hf_lookahead *a, const struct hf_chunk_id *ids, size_t stride, size_t count)
{
	if (!hf_reader_is_far(a->reader) || count == 0)
		return NULL;
	struct hf_wants *w = calloc(1, sizeof(*w) + count * sizeof(w->ids[0]));
	if (!w)
		return NULL;
	for (size_t i = 0; i < count; i++)
		memcpy(&w->ids[i], (const char *)ids + i * stride, sizeof(w->ids[i]));
	w->count = count;
	pthread_mutex_lock(&a->lock);
	*a->last = w;
	a->last = &w->next;
	pthread_mutex_unlock(&a->lock);
	return w;
}

/* Looks up where the chunks lie; each run of chunks in one frame counts once. */
static void locate(struct hf_lookahead *a, struct hf_wants *w)
{
	w->frames = calloc(w->count, sizeof(*w->frames));
	for (size_t i = 0; w->frames && i < w->count && !hf_stopped(); i++) {
		struct hf_stored *f = &w->frames[w->frame_count];
		if (i > 0 && memcmp(&w->ids[i], &w->ids[i - 1], sizeof(w->ids[i])) == 0)
			continue;
		if (!hf_reader_locate(a->reader, &w->ids[i], f))
			continue;
		if (w->frame_count == 0 || f->offset != f[-1].offset || !hf_ref_equal(&f->pack, &f[-1].pack))
			w->frame_count++;
	}
}

/* Locates all that are listed, or waits while others do: so whoever comes first sees all that is wanted. The lock is held, and given
 * up meanwhile; then any but one's own may be gone, and it begins anew. */
static void locate_all(struct hf_lookahead *a)
{
	struct hf_wants *w = a->first;
	while (w) {
		if (w->state == LOCATED) {
			w = w->next;
			continue;
		}
		if (w->state == UNLOCATED) {
			w->state = LOCATING;
			pthread_mutex_unlock(&a->lock);
			locate(a, w);
			pthread_mutex_lock(&a->lock);
			w->state = LOCATED;
			pthread_cond_broadcast(&a->located);
		} else {
			pthread_cond_wait(&a->located, &a->lock);
		}
		w = a->first;
	}
}

static void unlist(struct hf_lookahead *a, struct hf_wants *w)
{
	struct hf_wants **at = &a->first;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (a->last == &w->next)
		a->last = at;
}

/* The frames of `w`, then of the others that are listed: to be freed. The lock is held. */
static struct hf_stored *gather(const struct hf_lookahead *a, const struct hf_wants *w, size_t *count)
{
	size_t room = 0, n = w->frame_count;
	for (const struct hf_wants *o = a->first; o; o = o->next)
		room += o->frame_count;
	struct hf_stored *all = n ? malloc(room * sizeof(*all)) : NULL;
	if (!all)
		return NULL;
	memcpy(all, w->frames, n * sizeof(*all));
	uint64_t bytes = 0;
	for (const struct hf_wants *o = a->first; o && bytes < GATHER_BYTES; o = o->next)
		for (size_t i = 0; o != w && i < o->frame_count; i++) {
			all[n++] = o->frames[i];
			bytes += o->frames[i].len;
		}
	*count = n;
	return all;
}

void hf_lookahead_begin(struct hf_lookahead *a, struct hf_wants *w)
{
	if (!w)
		return;
	size_t count = 0;
	pthread_mutex_lock(&a->lock);
	locate_all(a);
	struct hf_stored *wanted = gather(a, w, &count);
	pthread_mutex_unlock(&a->lock);
	if (wanted)
		hf_reader_ahead(a->reader, wanted, w->frame_count, count);
	pthread_mutex_lock(&a->lock);
	unlist(a, w);
	pthread_mutex_unlock(&a->lock);
	free(wanted);
	free(w->frames);
	free(w);
}

void hf_lookahead_forget(struct hf_lookahead *a, struct hf_wants *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&a->lock);
	while (w->state == LOCATING)
		pthread_cond_wait(&a->located, &a->lock);
	unlist(a, w);
	pthread_mutex_unlock(&a->lock);
	free(w->frames);
	free(w);
}
