/* The run keeper; see run_keeper.h. */
#include "ops/run_keeper.h"

#include "base/log.h"
#include "base/time.h"
#include "repo/run.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { GRACE_MOST = 1 << 30 }; /* seconds, so that the interval fits in nanoseconds */

struct hf_run_keeper {
	struct hf_run_keeper_options options;
	int64_t interval_ns;
	bool is_stopping;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
};

static int put(struct hf_run_keeper *k, struct hf_error *err)
{
	struct hf_ref *packs = NULL;
	struct hf_run run = {.run = *hf_ingest_run(k->options.ingest), .cannot_list = k->options.cannot_list};
	int r = hf_ingest_packs_so_far(k->options.ingest, &packs, &run.pack_count, err);
	run.packs = packs;
	if (r == 0)
		r = hf_run_put(k->options.repo, &run, err);
	free(packs);
	return r;
}

/* Waits for the interval, or to be stopped. Under the lock. */
static void wait_a_while(struct hf_run_keeper *k)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + k->interval_ns;
	until.tv_sec += ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	while (!k->is_stopping && pthread_cond_timedwait(&k->changed, &k->lock, &until) == 0)
		;
}

static void *keep(void *user)
{
	struct hf_run_keeper *k = user;
	pthread_mutex_lock(&k->lock);
	for (;;) {
		wait_a_while(k);
		if (k->is_stopping)
			break;
		pthread_mutex_unlock(&k->lock);
		struct hf_error why = {0};
		if (put(k, &why) < 0)
			hf_warn("a prune may make this backup store some of its packs anew: %s", why.msg);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

static int start_thread(struct hf_run_keeper *k, struct hf_error *err)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	int r = pthread_create(&k->thread, NULL, keep, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r == 0 ? 0 : hf_fail(err, HF_E_NOMEM, "start a thread that says what this run relies on");
}

int hf_run_keeper_start(const struct hf_run_keeper_options *options, struct hf_run_keeper **out, struct hf_error *err)
{
	pthread_condattr_t monotonic;
	struct hf_run_keeper *k = calloc(1, sizeof(*k));
	if (!k)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	k->options = *options;
	uint64_t grace = options->repo->config.grace_seconds;
	k->interval_ns = (int64_t)(grace < GRACE_MOST ? grace : GRACE_MOST) * (HF_SECOND / 4);
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&k->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int r = options->cannot_list ? put(k, err) : 0;
	if (r == 0)
		r = start_thread(k, err);
	if (r < 0) {
		pthread_mutex_destroy(&k->lock);
		pthread_cond_destroy(&k->changed);
		free(k);
		return r;
	}
	*out = k;
	return 0;
}

void hf_run_keeper_stop(struct hf_run_keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->is_stopping = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_mutex_destroy(&k->lock);
	pthread_cond_destroy(&k->changed);
	free(k);
}
