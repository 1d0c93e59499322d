/*
 * Looking ahead on the way out: jobs tell beforehand which chunks they will ask the reader for, so that each that begins fetches
 * what is its own together with what those after it want of the same places. Only for stores far away: near ones gain nothing.
 *
 *	planner: hf_lookahead_add		worker: hf_lookahead_begin -> hf_reader_get …
 *
 * Safe from any thread.
 */
#ifndef HF_PIPELINE_LOOKAHEAD_H
#define HF_PIPELINE_LOOKAHEAD_H

#include "pipeline/reader.h"

struct hf_lookahead;
struct hf_wants; /* of one job */

/* The reader is borrowed. */
int hf_lookahead_new(struct hf_reader *reader, struct hf_lookahead **out, struct hf_error *err) HF_MUST_CHECK;
void hf_lookahead_free(struct hf_lookahead *a); /* each job must have begun or been forgotten; NULL is fine */

/* What the next job wants: `count` ids, one every `stride` bytes, which are copied. NULL: there is no looking ahead (or no memory
 * for it). Every other result must come to hf_lookahead_begin or hf_lookahead_forget. */
struct hf_wants *hf_lookahead_add(struct hf_lookahead *a, const struct hf_chunk_id *ids, size_t stride, size_t count);

/* The job begins: `wants` is freed. NULL is fine. Fails never: what can't be had now, the reader fetches and reports on. */
void hf_lookahead_begin(struct hf_lookahead *a, struct hf_wants *wants);

/* The job never begins: `wants` is freed. NULL is fine. */
void hf_lookahead_forget(struct hf_lookahead *a, struct hf_wants *wants);

#endif
