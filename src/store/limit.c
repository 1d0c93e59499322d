/*
 * The limit; see limit.h. It is one number, the time up to which the line is taken: each taker moves it on by what its bytes
 * last, and sleeps until its own place. Unused time is lost but for a twentieth of a second, so that nothing bursts.
 */
#include "store/limit.h"

#include "base/stop.h"
#include "base/time.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define SAVED (HF_SECOND / 20)
#define PIECES 10 /* a second */
#define NAP (HF_SECOND / 10) /* how long a stop may go unnoticed */

enum { PIECE_LEAST = 512, PIECE_MOST = 64 << 10 };

struct hf_limit {
	pthread_mutex_t lock;
	double ns_per_byte;
	int64_t taken_until;
};

int hf_limit_new(uint64_t rate, struct hf_limit **out, struct hf_error *err)
{
	struct hf_limit *l = calloc(1, sizeof(*l));
	if (!l)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	pthread_mutex_init(&l->lock, NULL);
	l->ns_per_byte = (double)HF_SECOND / (double)rate;
	*out = l;
	return 0;
}

void hf_limit_free(struct hf_limit *l)
{
	if (!l)
		return;
	pthread_mutex_destroy(&l->lock);
	free(l);
}

size_t hf_limit_piece(const struct hf_limit *l)
{
	if (!l)
		return SIZE_MAX;
	double bytes = (double)HF_SECOND / l->ns_per_byte / PIECES;
	return bytes < PIECE_LEAST ? PIECE_LEAST : bytes > PIECE_MOST ? PIECE_MOST : (size_t)bytes;
}

void hf_limit_take(struct hf_limit *l, size_t bytes)
{
	if (!l)
		return;
	int64_t now = hf_time_monotonic();
	pthread_mutex_lock(&l->lock);
	if (l->taken_until < now - SAVED)
		l->taken_until = now - SAVED;
	l->taken_until += (int64_t)((double)bytes * l->ns_per_byte);
	int64_t due = l->taken_until;
	pthread_mutex_unlock(&l->lock);
	for (; now < due && !hf_stopped(); now = hf_time_monotonic()) {
		int64_t nap = due - now < NAP ? due - now : NAP;
		nanosleep(&(struct timespec){.tv_nsec = nap}, NULL);
	}
}
