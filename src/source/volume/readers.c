/* Reader threads; see readers.h. A ring of batches: those in flight, then the one being filled. */
#include "source/volume/readers.h"

#include "base/pool.h"
#include "source/volume/read.h"

#include <pthread.h>
#include <stdlib.h>

enum { RING = HF_VOLUME_IN_FLIGHT + 1 };

struct hf_volume_readers {
	struct hf_pool *pool;
	struct hf_volume_batch *ring[RING]; /* allocated when first needed */
	size_t first, in_flight;
	pthread_mutex_t lock;
	pthread_cond_t done;
};

int hf_volume_readers_new(struct hf_volume_readers **out, struct hf_error *err)
{
	struct hf_volume_readers *readers = calloc(1, sizeof(*readers));
	if (!readers)
		return hf_fail(err, HF_E_NOMEM, "no memory for reading files");
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->done, NULL);
	*out = readers;
	return 0;
}

void hf_volume_readers_free(struct hf_volume_readers *readers)
{
	if (!readers)
		return;
	hf_pool_free(readers->pool);
	for (size_t i = 0; i < RING; i++)
		hf_volume_batch_free(readers->ring[i]);
	pthread_mutex_destroy(&readers->lock);
	pthread_cond_destroy(&readers->done);
	free(readers);
}

struct hf_volume_batch *hf_volume_readers_current(struct hf_volume_readers *readers)
{
	if (readers->in_flight == HF_VOLUME_IN_FLIGHT)
		return NULL;
	struct hf_volume_batch **slot = &readers->ring[(readers->first + readers->in_flight) % RING];
	if (!*slot && (*slot = hf_volume_batch_new()))
		(*slot)->readers = readers; /* once: a reader may come late to a batch that is being filled anew */
	return *slot;
}

/* True if the batch is now the caller's to read. */
static bool take(struct hf_volume_batch *batch)
{
	enum hf_volume_batch_state waiting = HF_VOLUME_WAITING;
	return atomic_compare_exchange_strong(&batch->state, &waiting, HF_VOLUME_TAKEN);
}

/* On a reader thread. A batch that the pushing thread took meanwhile is none of ours; that one may even be in flight
 * again, with new items, and then this call reads it and the one meant for it finds it taken. */
static void read_batch(void *job)
{
	struct hf_volume_batch *batch = job;
	struct hf_volume_readers *readers = batch->readers;
	if (!take(batch))
		return;
	hf_volume_batch_read(batch);
	pthread_mutex_lock(&readers->lock);
	atomic_store(&batch->state, HF_VOLUME_DONE);
	pthread_cond_signal(&readers->done);
	pthread_mutex_unlock(&readers->lock);
}

int hf_volume_readers_submit(struct hf_volume_readers *readers, struct hf_error *err)
{
	struct hf_volume_batch *batch = hf_volume_readers_current(readers);
	readers->in_flight++;
	if (batch->reads == 0) {
		atomic_store(&batch->state, HF_VOLUME_DONE);
		return 0;
	}
	if (!readers->pool) {
		int r = hf_pool_new(HF_VOLUME_READER_THREADS, 2 * HF_VOLUME_IN_FLIGHT, &readers->pool, err);
		if (r < 0)
			return r;
	}
	atomic_store(&batch->state, HF_VOLUME_WAITING);
	hf_pool_submit(readers->pool, read_batch, batch);
	return 0;
}

size_t hf_volume_readers_in_flight(const struct hf_volume_readers *readers)
{
	return readers->in_flight;
}

bool hf_volume_readers_is_oldest_done(const struct hf_volume_readers *readers)
{
	return readers->in_flight > 0 && atomic_load(&readers->ring[readers->first]->state) == HF_VOLUME_DONE;
}

struct hf_volume_batch *hf_volume_readers_oldest(struct hf_volume_readers *readers)
{
	if (readers->in_flight == 0)
		return NULL;
	struct hf_volume_batch *batch = readers->ring[readers->first];
	if (take(batch)) {
		hf_volume_batch_read(batch);
		atomic_store(&batch->state, HF_VOLUME_DONE);
		return batch;
	}
	pthread_mutex_lock(&readers->lock);
	while (atomic_load(&batch->state) != HF_VOLUME_DONE)
		pthread_cond_wait(&readers->done, &readers->lock);
	pthread_mutex_unlock(&readers->lock);
	return batch;
}

void hf_volume_readers_recycle(struct hf_volume_readers *readers)
{
	hf_volume_batch_reset(readers->ring[readers->first]);
	readers->first = (readers->first + 1) % RING;
	readers->in_flight--;
}
