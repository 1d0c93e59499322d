/* pool.h: every job runs exactly once, the queue is bounded, wait means all is done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

struct job {
	int ran;
	int square, n;
};

static void square(void *arg)
{
	struct job *job = arg;
	job->ran++;
	job->square = job->n * job->n;
}

static void every_job_runs_once(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 5; threads++) {
		struct job jobs[500];
		memset(jobs, 0, sizeof(jobs));
		HF_POOL_AUTO *pool = NULL;
		assert_int_equal(hf_pool_new(threads, 3, &pool, NULL), 0);
		for (int i = 0; i < 500; i++) {
			jobs[i].n = i;
			hf_pool_submit(pool, square, &jobs[i]);
		}
		hf_pool_wait(pool);
		for (int i = 0; i < 500; i++) {
			assert_int_equal(jobs[i].ran, 1);
			assert_int_equal(jobs[i].square, i * i);
		}
	}
}

static void free_waits_for_queued_jobs(void **state)
{
	(void)state;
	struct job jobs[64];
	memset(jobs, 0, sizeof(jobs));
	struct hf_pool *pool = NULL;
	assert_int_equal(hf_pool_new(2, 64, &pool, NULL), 0);
	for (int i = 0; i < 64; i++)
		hf_pool_submit(pool, square, &jobs[i]);
	hf_pool_free(pool);
	for (int i = 0; i < 64; i++)
		assert_int_equal(jobs[i].ran, 1);
	hf_pool_free(NULL);
}

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int started;
	atomic_int submitted;
	struct hf_pool *pool;
};

static void pass_gate(void *arg)
{
	struct gate *gate = arg;
	pthread_mutex_lock(&gate->lock);
	gate->started++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open)
		pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

static void *submit_four(void *arg)
{
	struct gate *gate = arg;
	for (int i = 0; i < 4; i++) {
		hf_pool_submit(gate->pool, pass_gate, gate);
		atomic_fetch_add(&gate->submitted, 1);
	}
	return NULL;
}

/* One worker holds a job, two wait in the queue: the fourth submit can't return before the gate opens. */
static void submit_waits_while_the_queue_is_full(void **state)
{
	(void)state;
	struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	assert_int_equal(hf_pool_new(1, 2, &gate.pool, NULL), 0);
	pthread_t submitter;
	assert_int_equal(pthread_create(&submitter, NULL, submit_four, &gate), 0);
	pthread_mutex_lock(&gate.lock);
	while (gate.started == 0)
		pthread_cond_wait(&gate.changed, &gate.lock);
	assert_true(atomic_load(&gate.submitted) <= 3);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	pthread_join(submitter, NULL);
	hf_pool_wait(gate.pool);
	assert_int_equal(gate.started, 4);
	hf_pool_free(gate.pool);
}

static void read_mask(void *arg)
{
	pthread_sigmask(SIG_BLOCK, NULL, arg);
}

static void workers_leave_signals_to_the_program(void **state)
{
	(void)state;
	HF_POOL_AUTO *pool = NULL;
	assert_int_equal(hf_pool_new(1, 1, &pool, NULL), 0);
	sigset_t in_worker, here;
	sigemptyset(&in_worker);
	hf_pool_submit(pool, read_mask, &in_worker);
	hf_pool_wait(pool);
	assert_true(sigismember(&in_worker, SIGTERM));
	pthread_sigmask(SIG_BLOCK, NULL, &here);
	assert_false(sigismember(&here, SIGTERM));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_runs_once),
		cmocka_unit_test(free_waits_for_queued_jobs),
		cmocka_unit_test(submit_waits_while_the_queue_is_full),
		cmocka_unit_test(workers_leave_signals_to_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
