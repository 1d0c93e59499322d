/*
 * Chunks that are fetched by several threads, and handed out in the order in which they were asked for: for whoever carries chunks
 * from one place to another (copy, repacking).
 *
 *	hf_fetch_queue_new -> add* (which hands out what was added before) -> finish (the rest) -> free
 *
 * From a store that is far away, frames are fetched with what is wanted next to them (lookahead.h). Memory is bounded, whatever lies
 * in a frame beside what is wanted: the chunks are copied out. One thread calls; it is also the one that is handed the chunks.
 */
#ifndef HF_PIPELINE_FETCH_QUEUE_H
#define HF_PIPELINE_FETCH_QUEUE_H

#include "pipeline/reader.h"

struct hf_fetch_queue;

struct hf_fetch {
	enum hf_chunk_kind kind;
	struct hf_chunk_ref ref; /* its length is known */
	int mark;		 /* the caller's own */
};

/* A chunk, verified; `data` is of ref.len bytes, until it returns. Non-zero ends the work, and is what add or finish then return. */
typedef int hf_fetch_each(void *user, const struct hf_fetch *what, const uint8_t *data, struct hf_error *err);

struct hf_fetch_queue_options {
	struct hf_reader *reader; /* borrowed */
	hf_fetch_each *each;
	void *user;
};

int hf_fetch_queue_new(const struct hf_fetch_queue_options *options, struct hf_fetch_queue **out, struct hf_error *err) HF_MUST_CHECK;

/* Asks for one more. What hf_reader_get fails with for a chunk comes back from here or from finish, in the chunk's turn. After a
 * failure there is only free. */
int hf_fetch_queue_add(struct hf_fetch_queue *q, const struct hf_fetch *what, struct hf_error *err) HF_MUST_CHECK;
/* Hands out all that was added; more may be added then. */
int hf_fetch_queue_finish(struct hf_fetch_queue *q, struct hf_error *err) HF_MUST_CHECK;
/* What was not handed out is given up. NULL is fine. */
void hf_fetch_queue_free(struct hf_fetch_queue *q);

#endif
