/*
 * Batches: about 1 MiB of consecutive chunks, whatever files they come from, on their way through the workers and back to
 * the capturing thread in order.
 *
 *	b = hf_batches_fill()            the batch to put data into; waits for a free one
 *	hf_batches_submit()              hands it to the workers
 *	b = hf_batches_drain(wait)       the oldest submitted one once it is done, or NULL
 *	hf_batches_free_one(b)           it can be filled again
 *
 * All of these are called by one thread. A worker's failure comes out of drain, in its turn.
 */
#ifndef HF_PIPELINE_BATCH_H
#define HF_PIPELINE_BATCH_H

#include "pipeline/lane.h"

struct hf_file; /* of ingest_file.h: whose chunk it is */

struct hf_batch_chunk {
	struct hf_lane_chunk chunk;
	uint32_t offset; /* of the data in the batch */
	struct hf_file *file;
	bool replaces_first; /* a page-cut file's first unit, which comes last */
};

enum { HF_BATCH_SIZE = 1 << 20 };

struct hf_batch {
	struct hf_batch *next;
	uint8_t *data; /* hf_batches_room bytes */
	size_t len;    /* filled */
	struct hf_batch_chunk *chunks;
	size_t count, cap;
	bool done;
	int result;
	struct hf_error error;
	struct hf_batches *owner;
};

struct hf_batches;

/* `room`: bytes that a batch can hold: at least HF_BATCH_SIZE plus the longest chunk. */
int hf_batches_new(const struct hf_lane_options *lanes, int threads, size_t room, struct hf_batches **out,
	struct hf_error *err) HF_MUST_CHECK;
size_t hf_batches_room(const struct hf_batches *b);
struct hf_batch *hf_batches_fill(struct hf_batches *b); /* NULL: none is free: drain first */
int hf_batch_add(struct hf_batch *b, const struct hf_batch_chunk *chunk, struct hf_error *err) HF_MUST_CHECK;
void hf_batches_submit(struct hf_batches *b, struct hf_batch *batch);
struct hf_batch *hf_batches_drain(struct hf_batches *b, bool wait);
void hf_batches_release(struct hf_batches *b, struct hf_batch *batch);
/* With nothing submitted: seals all lanes' frames, and adds up their counts. */
int hf_batches_flush(struct hf_batches *b, uint64_t *plain, uint64_t *stored, struct hf_error *err) HF_MUST_CHECK;
void hf_batches_free(struct hf_batches *b);

#endif
