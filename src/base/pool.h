/*
 * The one thread pool: a fixed number of workers and a bounded queue, first in, first out.
 *
 * A job is the caller's struct. It belongs to the pool from submit until its `run` returns, and carries its own
 * input, result and error: the pool knows nothing of failure, and a failed job is one that ran. How the submitter
 * learns of the end is the job's own affair too (hf_pool_wait, or a flag under a lock of the caller's).
 *
 * Jobs must not submit to the pool that runs them (a full queue would wait for itself). Workers block all signals,
 * so that those are handled by the program's main thread.
 */
#ifndef HF_BASE_POOL_H
#define HF_BASE_POOL_H

#include "base/error.h"

#include <stddef.h>

struct hf_pool;

/* Starts `threads` workers (at least 1) over a queue of at most `queue_max` waiting jobs (at least 1). */
int hf_pool_new(int threads, size_t queue_max, struct hf_pool **out, struct hf_error *err) HF_MUST_CHECK;

/* Hands `job` to the next free worker, which calls run(job). Waits while the queue is full. From any thread that is
 * not one of the pool's own. */
void hf_pool_submit(struct hf_pool *pool, void (*run)(void *job), void *job);

/* Waits until every job that was submitted has run. What the jobs wrote is visible to the caller afterwards. */
void hf_pool_wait(struct hf_pool *pool);

/* Waits as hf_pool_wait does, ends the workers and releases the pool. NULL is fine. */
void hf_pool_free(struct hf_pool *pool);

static inline void hf_pool_release(struct hf_pool **pool)
{
	hf_pool_free(*pool);
	*pool = NULL;
}
#define HF_POOL_AUTO __attribute__((cleanup(hf_pool_release))) struct hf_pool

#endif
