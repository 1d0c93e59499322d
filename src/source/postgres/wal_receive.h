/*
 * The WAL that makes a base backup consistent: received on a connection of its own, by a thread of its own, while the
 * backup itself is being stored at whatever pace the store allows.
 *
 *	hf_wal_receive_start (before BASE_BACKUP is read); hf_wal_receive_check now and then; hf_wal_receive_finish
 *	with the stop LSN; then hf_wal_receive_spool; hf_wal_receive_free
 *
 * What was received counts as flushed and is acknowledged at once, so that the server's slot holds nothing back for
 * our sake: it is in memory or in the scratch directory, and lost only together with the backup.
 */
#ifndef HF_SOURCE_POSTGRES_WAL_RECEIVE_H
#define HF_SOURCE_POSTGRES_WAL_RECEIVE_H

#include "source/postgres/wal_spool.h"

#include <libpq-fe.h>

struct hf_wal_receive;

struct hf_wal_receive_options {
	PGconn *conn;	     /* a walsender with the slot made; taken over, also on failure */
	const char *slot;
	uint32_t timeline;
	uint64_t start_lsn;  /* of a segment's first byte */
	const char *scratch; /* must live as long as the receiver */
};

int hf_wal_receive_start(const struct hf_wal_receive_options *options, struct hf_wal_receive **out,
	struct hf_error *err) HF_MUST_CHECK;
/* 0, or the failure that ended the receiver. Cheap. */
int hf_wal_receive_check(struct hf_wal_receive *w, struct hf_error *err) HF_MUST_CHECK;
/* Waits until everything before `stop_lsn` is there; ends the thread and the connection, and with it the slot. */
int hf_wal_receive_finish(struct hf_wal_receive *w, uint64_t stop_lsn, struct hf_error *err) HF_MUST_CHECK;
/* After finish: the WAL from start_lsn on (offset 0). Belongs to the receiver. */
struct hf_wal_spool *hf_wal_receive_spool(struct hf_wal_receive *w);
/* The server's clock at its latest message, ns since 1970; 0 if there was none. */
int64_t hf_wal_receive_clock(struct hf_wal_receive *w);
void hf_wal_receive_free(struct hf_wal_receive *w); /* ends it if it still runs; NULL is fine */

#endif
