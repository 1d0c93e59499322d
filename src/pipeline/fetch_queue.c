/*
 * Fetching in order; see fetch_queue.h.
 *
 * Chunks are gathered into loads of about 1 MiB, each of them a job, and handed out load by load. Where looking ahead pays, a job only
 * starts when some loads are there: the first one then sees what the others want, and fetches it along. So few threads do: each
 * request is a large one, and more threads would take more memory, beside that of a writer, and no less time.
 */
#include "pipeline/fetch_queue.h"

#include "base/pool.h"
#include "base/stop.h"
#include "pipeline/lookahead.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 2, LOADS_MAX = 8, LOADS_AHEAD = 4, LOAD_BYTES = 1 << 20, LOAD_CHUNKS = 512 };

struct load {
	struct load *next;
	struct hf_fetch_queue *owner;
	struct hf_wants *wants; /* until its job begins */
	struct hf_fetch chunks[LOAD_CHUNKS];
	size_t count, bytes;
	uint8_t *data; /* of all chunks, one after another; once it is done */
	bool is_done;
	int result;
	struct hf_error error;
};

struct hf_fetch_queue {
	struct hf_fetch_queue_options options;
	struct hf_lookahead *ahead;
	struct hf_pool *pool;
	struct load *filling;	      /* not among those below; NULL: none */
	struct load *oldest, **newest; /* asked for, not handed out */
	struct load *waiting;	      /* the first of them whose job was not started */
	size_t loads, waiting_count;
	atomic_bool is_over; /* nobody wants the rest */
	pthread_mutex_t lock; /* of is_done */
	pthread_cond_t done;
};

int hf_fetch_queue_new(const struct hf_fetch_queue_options *options, struct hf_fetch_queue **out, struct hf_error *err)
{
	struct hf_fetch_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	q->options = *options;
	q->newest = &q->oldest;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->done, NULL);
	int r = hf_lookahead_new(options->reader, &q->ahead, err);
	if (r == 0)
		r = hf_pool_new(THREADS, LOADS_MAX, &q->pool, err);
	if (r < 0) {
		hf_fetch_queue_free(q);
		return r;
	}
	*out = q;
	return 0;
}

static void free_load(struct load *l)
{
	if (!l)
		return;
	hf_lookahead_forget(l->owner->ahead, l->wants);
	free(l->data);
	free(l);
}

void hf_fetch_queue_free(struct hf_fetch_queue *q)
{
	if (!q)
		return;
	atomic_store(&q->is_over, true);
	hf_pool_free(q->pool);
	while (q->oldest) {
		struct load *l = q->oldest;
		q->oldest = l->next;
		free_load(l);
	}
	free_load(q->filling);
	hf_lookahead_free(q->ahead);
	pthread_cond_destroy(&q->done);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

/* --- jobs ------------------------------------------------------------------------------------------------------------- */

static int fetch(struct load *l, struct hf_error *err)
{
	struct hf_reader *reader = l->owner->options.reader;
	size_t at = 0;
	int r = (l->data = malloc(l->bytes ? l->bytes : 1)) ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < l->count && r == 0; i++) {
		struct hf_chunk_view view;
		r = hf_stopped() ? hf_stop_check(err) : hf_reader_get(reader, l->chunks[i].kind, &l->chunks[i].ref, &view, err);
		if (r < 0)
			break;
		if (view.len == l->chunks[i].ref.len)
			memcpy(l->data + at, view.data, view.len);
		else
			r = hf_fail(err, HF_E_CORRUPT, "a chunk is of %u bytes, not of %u", view.len, l->chunks[i].ref.len);
		at += view.len;
		hf_reader_unpin(reader, view.frame);
	}
	return r;
}

static void run(void *job)
{
	struct load *l = job;
	struct hf_fetch_queue *q = l->owner;
	struct hf_wants *wants = l->wants;
	l->wants = NULL;
	if (atomic_load(&q->is_over)) {
		hf_lookahead_forget(q->ahead, wants);
	} else {
		hf_lookahead_begin(q->ahead, wants);
		l->result = fetch(l, &l->error);
	}
	pthread_mutex_lock(&q->lock);
	l->is_done = true;
	pthread_cond_broadcast(&q->done);
	pthread_mutex_unlock(&q->lock);
}

static void start_waiting(struct hf_fetch_queue *q)
{
	while (q->waiting) {
		struct load *l = q->waiting;
		q->waiting = l->next;
		hf_pool_submit(q->pool, run, l);
	}
	q->waiting_count = 0;
}

/* Lists what is filled; its job starts with some others. */
static void ask_for_filled(struct hf_fetch_queue *q)
{
	struct load *l = q->filling;
	q->filling = NULL;
	l->wants = hf_lookahead_add(q->ahead, &l->chunks[0].ref.id, sizeof(l->chunks[0]), l->count);
	*q->newest = l;
	q->newest = &l->next;
	q->loads++;
	if (!q->waiting)
		q->waiting = l;
	if (++q->waiting_count >= LOADS_AHEAD || !l->wants)
		start_waiting(q);
}

/* --- handing out ------------------------------------------------------------------------------------------------------ */

static int hand_out_load(struct hf_fetch_queue *q, const struct load *l, struct hf_error *err)
{
	const uint8_t *data = l->data;
	if (l->result < 0)
		return hf_fail(err, l->result, "%s", l->error.msg);
	for (size_t i = 0; i < l->count; i++) {
		int r = q->options.each(q->options.user, &l->chunks[i], data, err);
		if (r != 0)
			return r;
		data += l->chunks[i].ref.len;
	}
	return 0;
}

static int hand_out_oldest(struct hf_fetch_queue *q, struct hf_error *err)
{
	struct load *l = q->oldest;
	if (l == q->waiting)
		start_waiting(q);
	pthread_mutex_lock(&q->lock);
	while (!l->is_done)
		pthread_cond_wait(&q->done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	int r = hand_out_load(q, l, err);
	q->oldest = l->next;
	if (!q->oldest)
		q->newest = &q->oldest;
	q->loads--;
	free_load(l);
	return r;
}

int hf_fetch_queue_add(struct hf_fetch_queue *q, const struct hf_fetch *what, struct hf_error *err)
{
	if (q->loads == LOADS_MAX) {
		int r = hand_out_oldest(q, err);
		if (r != 0)
			return r;
	}
	if (!q->filling) {
		q->filling = calloc(1, sizeof(*q->filling));
		if (!q->filling)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		q->filling->owner = q;
	}
	struct load *l = q->filling;
	l->chunks[l->count++] = *what;
	l->bytes += what->ref.len;
	if (l->count == LOAD_CHUNKS || l->bytes >= LOAD_BYTES)
		ask_for_filled(q);
	return 0;
}

int hf_fetch_queue_finish(struct hf_fetch_queue *q, struct hf_error *err)
{
	int r = 0;
	if (q->filling)
		ask_for_filled(q);
	while (q->oldest && r == 0)
		r = hand_out_oldest(q, err);
	return r;
}
