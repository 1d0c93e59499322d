/*
 * BASE_BACKUP over a replication connection: the command for each server version, what it answers before and after the
 * data, and the data as the COPYs that wire.h takes.
 *
 *	hf_pg_backup_begin; events of hf_pg_wire_next on backup->wire; hf_pg_backup_finish; hf_pg_backup_free
 *
 * The server's warnings while it runs are collected: those that name a file with a failed checksum are what the
 * snapshot reports as its problems.
 */
#ifndef HF_SOURCE_POSTGRES_BASE_BACKUP_H
#define HF_SOURCE_POSTGRES_BASE_BACKUP_H

#include "base/buf.h"
#include "source/postgres/wire.h"

#include <libpq-fe.h>

struct hf_pg_backup {
	struct hf_pg_wire wire;
	uint64_t start_lsn, stop_lsn;
	uint32_t timeline;
	bool damaged; /* the server found checksums wrong; `warnings` say where */
	struct hf_pg_tablespace *tablespaces;
	size_t tablespace_count;
	struct hf_buf warnings; /* terminated strings, one after the other; bounded */

	struct hf_pg_copy copy;
	PGconn *conn;
	char *message;	       /* libpq's, of the latest COPY message */
	PGresult *after;       /* the result that followed the last COPY */
	int (*watch)(void *user, struct hf_error *err); /* asked now and then while waiting; negative ends it */
	void *user;
};

/* Starts it on `conn`, which stays the caller's. `watch` may be NULL. The backup must not move in memory. */
int hf_pg_backup_begin(struct hf_pg_backup *backup, PGconn *conn, struct hf_error *err) HF_MUST_CHECK;
/* After HF_PG_END: takes the stop LSN. A report of failed checksums sets `damaged` and is no failure. */
int hf_pg_backup_finish(struct hf_pg_backup *backup, struct hf_error *err) HF_MUST_CHECK;
void hf_pg_backup_free(struct hf_pg_backup *backup);

#endif
