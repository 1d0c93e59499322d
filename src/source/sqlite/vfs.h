/*
 * A SQLite database behind two functions of ours instead of behind a file: a private VFS with room for one main
 * database file and nothing else (no journal, no WAL, no locks).
 *
 * With `write` it is the destination of a backup that streams: pages come ascending, page 1 last. With `read` it
 * opens a file that nothing else can change (a spooled copy, a restored file, read-only media): a database in WAL
 * mode opens without -wal and -shm, nothing is created beside it, and what would write to it fails.
 */
#ifndef HF_SOURCE_SQLITE_VFS_H
#define HF_SOURCE_SQLITE_VFS_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdint.h>

/* What lies behind. It must stay where it is until it is closed. */
struct hf_sqlite_backing {
	/* Reads `len` bytes at `offset`, all below `size`. NULL: the file reads as empty. */
	int (*read)(void *user, uint64_t offset, void *data, size_t len, struct hf_error *err);
	/* Takes bytes. NULL: it is refused. */
	int (*write)(void *user, uint64_t offset, const void *data, size_t len, struct hf_error *err);
	uint64_t size; /* grows with what is written */
	void *user;

	/* The first failure of `read` or `write`: SQLite's own code tells only that there was one. */
	int failed;
	struct hf_error error;

	sqlite3 *db; /* the connection, after hf_sqlite_backing_open */
	sqlite3_vfs vfs;
	char name[40];
};

/* Opens a connection in `backing->db`. Fails by HF_E_NOMEM or HF_E_IO. Close in either case. */
int hf_sqlite_backing_open(struct hf_sqlite_backing *backing, struct hf_error *err) HF_MUST_CHECK;
/* Closes the connection, whose statements must be finished; fine on one that was never opened. */
void hf_sqlite_backing_close(struct hf_sqlite_backing *backing);

/* A backing for `read`, with the descriptor in `user` as (void *)(intptr_t)fd. */
int hf_sqlite_backing_pread(void *user, uint64_t offset, void *data, size_t len, struct hf_error *err);

#endif
