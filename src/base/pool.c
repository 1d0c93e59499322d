/*
 * The thread pool; see pool.h. A ring of waiting jobs under one mutex with three conditions: there is work, there is
 * room, all is quiet. The lock is never held while a job runs.
 */
#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct job {
	void (*run)(void *job);
	void *arg;
};

struct hf_pool {
	pthread_mutex_t lock;
	pthread_cond_t work, room, quiet;
	struct job *ring;
	size_t max, first, count; /* of the ring */
	size_t running;
	bool ending;
	int thread_count;
	pthread_t threads[];
};

static struct job take(struct hf_pool *pool)
{
	struct job job = pool->ring[pool->first];
	pool->first = (pool->first + 1) % pool->max;
	pool->count--;
	pool->running++;
	pthread_cond_signal(&pool->room);
	return job;
}

static void *worker(void *arg)
{
	struct hf_pool *pool = arg;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (pool->count == 0 && !pool->ending)
			pthread_cond_wait(&pool->work, &pool->lock);
		if (pool->count == 0)
			break;
		struct job job = take(pool);
		pthread_mutex_unlock(&pool->lock);
		job.run(job.arg);
		pthread_mutex_lock(&pool->lock);
		pool->running--;
		if (pool->running == 0 && pool->count == 0)
			pthread_cond_broadcast(&pool->quiet);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Starts the workers with all signals blocked; they inherit the mask. Returns 0 or an errno. */
static int start(struct hf_pool *pool, int threads)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int r = 0;
	while (pool->thread_count < threads && r == 0) {
		r = pthread_create(&pool->threads[pool->thread_count], NULL, worker, pool);
		if (r == 0)
			pool->thread_count++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int hf_pool_new(int threads, size_t queue_max, struct hf_pool **out, struct hf_error *err)
{
	assert(threads >= 1 && queue_max >= 1);
	struct hf_pool *pool = calloc(1, sizeof(*pool) + (size_t)threads * sizeof(pool->threads[0]));
	struct job *ring = calloc(queue_max, sizeof(*ring));
	if (!pool || !ring) {
		free(pool);
		free(ring);
		return hf_fail(err, HF_E_NOMEM, "no memory for a pool of %d threads", threads);
	}
	pool->ring = ring;
	pool->max = queue_max;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->room, NULL);
	pthread_cond_init(&pool->quiet, NULL);
	int r = start(pool, threads);
	if (r != 0) {
		hf_pool_free(pool);
		return hf_fail_errno(err, r, "start %d threads", threads);
	}
	*out = pool;
	return 0;
}

void hf_pool_submit(struct hf_pool *pool, void (*run)(void *job), void *job)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->count == pool->max)
		pthread_cond_wait(&pool->room, &pool->lock);
	pool->ring[(pool->first + pool->count++) % pool->max] = (struct job){.run = run, .arg = job};
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void hf_pool_wait(struct hf_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->count > 0 || pool->running > 0)
		pthread_cond_wait(&pool->quiet, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void hf_pool_free(struct hf_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->ending = true;
	pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	for (int i = 0; i < pool->thread_count; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->work);
	pthread_cond_destroy(&pool->room);
	pthread_cond_destroy(&pool->quiet);
	pthread_mutex_destroy(&pool->lock);
	free(pool->ring);
	free(pool);
}
