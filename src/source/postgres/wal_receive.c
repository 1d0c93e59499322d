/*
 * Receiving WAL; see wal_receive.h. The messages are those of PostgreSQL's streaming replication protocol: 'w' WAL data
 * and 'k' keepalive from the server, 'r' status updates from us. Integers in them are big-endian.
 */
#include "source/postgres/wal_receive.h"

#include "base/stop.h"
#include "base/time.h"
#include "source/postgres/conn.h"
#include "source/postgres/lsn.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define PG_EPOCH_US INT64_C(946684800000000) /* 2000-01-01, in microseconds since 1970 */
#define STATUS_EVERY (5 * HF_SECOND)

struct hf_wal_receive {
	PGconn *conn;
	struct hf_wal_spool spool;
	uint64_t start_lsn;
	pthread_t thread;
	bool has_thread;
	int wake; /* eventfd: look at `stop_lsn` and `quit` */

	_Atomic uint64_t stop_lsn; /* UINT64_MAX while it is not known */
	_Atomic bool quit;
	_Atomic bool failed;
	_Atomic int64_t clock_ns;
	struct hf_error failure; /* written before `failed` is set */

	/* The thread's own. */
	uint64_t received; /* LSN after the last byte */
	int64_t last_status;
};

static uint64_t get_be64(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static void put_be64(char *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

static int send_status(struct hf_wal_receive *w, struct hf_error *err)
{
	char m[34] = {'r'};
	put_be64(m + 1, w->received);  /* written */
	put_be64(m + 9, w->received);  /* flushed */
	put_be64(m + 17, 0);	       /* applied: nothing, ever */
	put_be64(m + 25, (uint64_t)(hf_time_now() / 1000 - PG_EPOCH_US));
	w->last_status = hf_time_monotonic();
	if (PQputCopyData(w->conn, m, sizeof(m)) <= 0 || PQflush(w->conn) < 0)
		return hf_pg_fail(err, w->conn, NULL, "acknowledge WAL");
	return 0;
}

static int take_wal(struct hf_wal_receive *w, const char *m, size_t len, struct hf_error *err)
{
	enum { HEAD = 1 + 8 + 8 + 8 };
	if (len < HEAD)
		return hf_fail(err, HF_E_CORRUPT, "the server sent a short WAL message");
	uint64_t at = get_be64(m + 1);
	char want[HF_LSN_TEXT], got[HF_LSN_TEXT];
	if (at != w->received)
		return hf_fail(err, HF_E_CORRUPT, "the server sent WAL from %s where %s was due",
			hf_lsn_format(at, got), hf_lsn_format(w->received, want));
	atomic_store(&w->clock_ns, ((int64_t)get_be64(m + 17) + PG_EPOCH_US) * 1000);
	int r = hf_wal_spool_append(&w->spool, m + HEAD, len - HEAD, err);
	if (r == 0)
		w->received += len - HEAD;
	return r;
}

static int take_message(struct hf_wal_receive *w, const char *m, size_t len, struct hf_error *err)
{
	if (m[0] == 'w')
		return take_wal(w, m, len, err);
	if (m[0] != 'k' || len < 1 + 8 + 8 + 1)
		return hf_fail(err, HF_E_CORRUPT, "the server sent an unknown message in its WAL stream");
	atomic_store(&w->clock_ns, ((int64_t)get_be64(m + 9) + PG_EPOCH_US) * 1000);
	return m[17] ? send_status(w, err) : 0;
}

static int ended_early(struct hf_wal_receive *w, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *result = NULL;
	int r = hf_pg_next_result(w->conn, &result, err);
	if (r < 0)
		return r;
	if (result && PQresultStatus(result) == PGRES_FATAL_ERROR)
		return hf_pg_fail(err, w->conn, result, "receive WAL");
	return hf_fail(err, HF_E_CHANGED,
		"the server ended the WAL stream (it was stopped, or changed to another timeline)");
}

/* Takes what has arrived. */
static int drain(struct hf_wal_receive *w, struct hf_error *err)
{
	for (;;) {
		char *m = NULL;
		int n = PQgetCopyData(w->conn, &m, 1);
		if (n == 0)
			return 0;
		if (n == -1)
			return ended_early(w, err);
		if (n < 0)
			return hf_pg_fail(err, w->conn, NULL, "receive WAL");
		int r = take_message(w, m, (size_t)n, err);
		PQfreemem(m);
		if (r < 0 || w->received >= atomic_load(&w->stop_lsn) || atomic_load(&w->quit))
			return r;
	}
}

static int wait_for_more(struct hf_wal_receive *w, struct hf_error *err)
{
	struct pollfd p[2] = {{.fd = PQsocket(w->conn), .events = POLLIN}, {.fd = w->wake, .events = POLLIN}};
	if (poll(p, 2, 1000) < 0 && errno != EINTR)
		return hf_fail_errno(err, errno, "wait for WAL");
	uint64_t count;
	if (p[1].revents && read(w->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return hf_fail_errno(err, errno, "wait for WAL");
	if (p[0].revents && !PQconsumeInput(w->conn))
		return hf_pg_fail(err, w->conn, NULL, "receive WAL");
	return 0;
}

static void *receive(void *user)
{
	struct hf_wal_receive *w = user;
	int r = send_status(w, &w->failure);
	while (r == 0 && !atomic_load(&w->quit) && w->received < atomic_load(&w->stop_lsn)) {
		r = drain(w, &w->failure);
		if (r < 0 || w->received >= atomic_load(&w->stop_lsn) || atomic_load(&w->quit))
			break;
		if (hf_time_monotonic() - w->last_status > STATUS_EVERY)
			r = send_status(w, &w->failure);
		if (r == 0)
			r = wait_for_more(w, &w->failure);
	}
	if (r < 0)
		atomic_store(&w->failed, true);
	return NULL;
}

static int start_replication(struct hf_wal_receive *w, const struct hf_wal_receive_options *o, struct hf_error *err)
{
	char sql[256], lsn[HF_LSN_TEXT];
	snprintf(sql, sizeof(sql), "START_REPLICATION SLOT \"%s\" PHYSICAL %s TIMELINE %" PRIu32, o->slot,
		hf_lsn_format(o->start_lsn, lsn), o->timeline);
	if (!PQsendQuery(w->conn, sql))
		return hf_pg_fail(err, w->conn, NULL, "ask for WAL");
	HF_PG_RESULT_AUTO *result = NULL;
	int r = hf_pg_next_result(w->conn, &result, err);
	if (r == 0 && PQresultStatus(result) != PGRES_COPY_BOTH)
		r = hf_pg_fail(err, w->conn, result, "ask for WAL");
	return r;
}

int hf_wal_receive_start(const struct hf_wal_receive_options *o, struct hf_wal_receive **out, struct hf_error *err)
{
	*out = NULL;
	struct hf_wal_receive *w = calloc(1, sizeof(*w));
	if (!w) {
		PQfinish(o->conn);
		return hf_fail(err, HF_E_NOMEM, "receive WAL: no memory");
	}
	w->conn = o->conn;
	w->start_lsn = w->received = o->start_lsn;
	atomic_store(&w->stop_lsn, UINT64_MAX);
	hf_wal_spool_init(&w->spool, o->scratch);
	w->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int r = w->wake < 0 ? hf_fail_errno(err, errno, "receive WAL") : start_replication(w, o, err);
	if (r == 0) {
		int e = pthread_create(&w->thread, NULL, receive, w);
		w->has_thread = e == 0;
		if (e)
			r = hf_fail_errno(err, e, "start a thread to receive WAL");
	}
	if (r < 0) {
		hf_wal_receive_free(w);
		return r;
	}
	*out = w;
	return 0;
}

int hf_wal_receive_check(struct hf_wal_receive *w, struct hf_error *err)
{
	if (!atomic_load(&w->failed))
		return 0;
	if (err)
		*err = w->failure;
	return w->failure.code;
}

static void wake(struct hf_wal_receive *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake, &one, sizeof(one));
	(void)n; /* full only when it is awake anyway */
}

static void end_thread(struct hf_wal_receive *w)
{
	if (w->has_thread)
		pthread_join(w->thread, NULL);
	w->has_thread = false;
}

int hf_wal_receive_finish(struct hf_wal_receive *w, uint64_t stop_lsn, struct hf_error *err)
{
	atomic_store(&w->stop_lsn, stop_lsn);
	wake(w);
	struct timespec until;
	int r = 0;
	while (r == 0) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		if (pthread_timedjoin_np(w->thread, NULL, &until) == 0)
			break;
		r = hf_stop_check(err);
	}
	if (r < 0) {
		atomic_store(&w->quit, true);
		wake(w);
		end_thread(w);
		return r;
	}
	w->has_thread = false;
	r = hf_wal_receive_check(w, err);
	PQfinish(w->conn);
	w->conn = NULL;
	return r;
}

struct hf_wal_spool *hf_wal_receive_spool(struct hf_wal_receive *w)
{
	return &w->spool;
}

int64_t hf_wal_receive_clock(struct hf_wal_receive *w)
{
	return atomic_load(&w->clock_ns);
}

void hf_wal_receive_free(struct hf_wal_receive *w)
{
	if (!w)
		return;
	atomic_store(&w->quit, true);
	if (w->has_thread)
		wake(w);
	end_thread(w);
	if (w->conn)
		PQfinish(w->conn);
	if (w->wake >= 0)
		close(w->wake);
	hf_wal_spool_free(&w->spool);
	free(w);
}
