/* Batches; see batch.h. The pool runs them, each with a lane that no other job has at that moment. */
#include "pipeline/batch.h"

#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>

struct hf_batches {
	struct hf_pool *pool;
	struct hf_lane **lanes; /* those not in use: the first `free_lanes` */
	int lane_count, free_lanes;
	size_t room;
	struct hf_batch *all, *free; /* `all`: an array */
	int count;
	struct hf_batch *oldest, **newest; /* submitted, in order */
	pthread_mutex_t lock;
	pthread_cond_t done;
};

static struct hf_lane *take_lane(struct hf_batches *b)
{
	pthread_mutex_lock(&b->lock);
	struct hf_lane *l = b->lanes[--b->free_lanes];
	pthread_mutex_unlock(&b->lock);
	return l;
}

static void run_batch(void *job)
{
	struct hf_batch *batch = job;
	struct hf_batches *b = batch->owner;
	struct hf_lane *lane = take_lane(b);
	batch->result = 0;
	for (size_t i = 0; i < batch->count && batch->result == 0; i++) {
		struct hf_batch_chunk *c = &batch->chunks[i];
		c->chunk.data = batch->data + c->offset;
		batch->result = hf_lane_chunk(lane, &c->chunk, &batch->error);
	}
	pthread_mutex_lock(&b->lock);
	b->lanes[b->free_lanes++] = lane;
	batch->done = true;
	pthread_cond_signal(&b->done);
	pthread_mutex_unlock(&b->lock);
}

int hf_batches_new(const struct hf_lane_options *lanes, int threads, size_t room, struct hf_batches **out,
	struct hf_error *err)
{
	struct hf_batches *b = calloc(1, sizeof(*b));
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	b->room = room;
	b->newest = &b->oldest;
	b->count = 2 * threads + 1;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->done, NULL);
	b->all = calloc((size_t)b->count, sizeof(*b->all));
	b->lanes = calloc((size_t)threads, sizeof(struct hf_lane *));
	int r = b->all && b->lanes ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (int i = 0; r == 0 && i < threads; i++) {
		r = hf_lane_new(lanes, &b->lanes[i], err);
		b->lane_count = b->free_lanes = r == 0 ? i + 1 : i;
	}
	for (int i = 0; r == 0 && i < b->count; i++) {
		b->all[i].owner = b;
		b->all[i].data = malloc(room);
		if (!b->all[i].data)
			r = hf_fail(err, HF_E_NOMEM, "no memory");
		b->all[i].next = b->free;
		b->free = &b->all[i];
	}
	if (r == 0)
		r = hf_pool_new(threads, (size_t)b->count, &b->pool, err);
	if (r < 0) {
		hf_batches_free(b);
		return r;
	}
	*out = b;
	return 0;
}

size_t hf_batches_room(const struct hf_batches *b)
{
	return b->room;
}

struct hf_batch *hf_batches_fill(struct hf_batches *b)
{
	struct hf_batch *batch = b->free;
	if (!batch)
		return NULL;
	b->free = batch->next;
	batch->next = NULL;
	batch->len = batch->count = 0;
	batch->done = false;
	return batch;
}

int hf_batch_add(struct hf_batch *b, const struct hf_batch_chunk *chunk, struct hf_error *err)
{
	if (b->count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;
		void *grown = realloc(b->chunks, cap * sizeof(*b->chunks));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		b->chunks = grown;
		b->cap = cap;
	}
	b->chunks[b->count++] = *chunk;
	return 0;
}

void hf_batches_submit(struct hf_batches *b, struct hf_batch *batch)
{
	*b->newest = batch;
	b->newest = &batch->next;
	hf_pool_submit(b->pool, run_batch, batch);
}

struct hf_batch *hf_batches_drain(struct hf_batches *b, bool wait)
{
	struct hf_batch *batch = b->oldest;
	if (!batch)
		return NULL;
	pthread_mutex_lock(&b->lock);
	while (wait && !batch->done)
		pthread_cond_wait(&b->done, &b->lock);
	bool done = batch->done;
	pthread_mutex_unlock(&b->lock);
	if (!done)
		return NULL;
	b->oldest = batch->next;
	if (!b->oldest)
		b->newest = &b->oldest;
	return batch;
}

void hf_batches_release(struct hf_batches *b, struct hf_batch *batch)
{
	batch->next = b->free;
	b->free = batch;
}

int hf_batches_flush(struct hf_batches *b, uint64_t *plain, uint64_t *stored, struct hf_error *err)
{
	hf_pool_wait(b->pool);
	int r = 0;
	for (int i = 0; i < b->lane_count; i++) {
		if (r == 0)
			r = hf_lane_flush(b->lanes[i], err);
		hf_lane_take_counts(b->lanes[i], plain, stored);
	}
	return r;
}

void hf_batches_free(struct hf_batches *b)
{
	if (!b)
		return;
	hf_pool_free(b->pool);
	for (int i = 0; i < b->lane_count; i++)
		hf_lane_free(b->lanes[i]);
	for (int i = 0; b->all && i < b->count; i++) {
		free(b->all[i].data);
		free(b->all[i].chunks);
	}
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->done);
	free(b->all);
	free(b->lanes);
	free(b);
}
