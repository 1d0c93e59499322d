/*
 * A connection to a live database of someone else's, opened so that nothing of it changes that SQLite's own rules
 * would not change for any reader: no checkpoint on close, -wal and -shm left as they were (removed again if our
 * opening made them), no schema trusted, no extension loaded.
 *
 *	open -> pin -> read … -> unpin -> close
 *
 * `fd` is our own descriptor of the database file. POSIX locks belong to the process and go with any descriptor
 * that it closes, so it is opened before SQLite's and closed after it. Nothing else in the process may open the
 * file meanwhile.
 */
#ifndef HF_SOURCE_SQLITE_DB_H
#define HF_SOURCE_SQLITE_DB_H

#include "source/sqlite/vfs.h"

#include <stdbool.h>

struct hf_sqlite_db {
	sqlite3 *handle;
	int fd;
	char *path;	   /* with symbolic links resolved, as SQLite does to find -wal and -journal */
	int64_t busy_ns;   /* how long a lock is waited for; 0: a minute */
	bool had_wal;	   /* there was a -wal before we opened it */
	bool is_frozen;	   /* on a read-only file system: nothing can change, and no lock is taken */
	bool had_journal;  /* there was a -journal that may be hot */
	struct hf_sqlite_backing frozen; /* what `handle` is opened on if `is_frozen` */
	char *copies;	   /* a scratch directory with copies, which `path` and `fd` then are; or NULL */
	int64_t busy_since;
};

/* Opens the file. HF_E_NOTFOUND, HF_E_DENIED; HF_E_UNSUPPORTED: not a regular file. SQLite has not read it yet. On
 * a read-only file system with a -wal or hot journal beside it, copies of all are made in `scratch`, and those
 * opened. Close in any case, also after a failure; initialise with HF_SQLITE_DB. */
int hf_sqlite_db_open(struct hf_sqlite_db *db, const char *path, const char *scratch, struct hf_error *err) HF_MUST_CHECK;
#define HF_SQLITE_DB {.fd = -1}

/*
 * Begins a read transaction: from here on all reads see one state. If there is a hot journal, SQLite rolls it back
 * first, as it does for any reader. Returns 0, or
 * HF_E_CORRUPT	 SQLite says that it is corrupt (once: try again with `tolerate`, which takes what can be read)
 * HF_E_UNSUPPORTED  not a SQLite database, or encrypted, or of another branch (WAL2)
 * HF_E_DENIED	 a hot journal or a WAL that we have no right to roll back or to read
 * HF_E_CHANGED	 locked by another process for longer than `busy_ns`
 */
int hf_sqlite_db_pin(struct hf_sqlite_db *db, bool tolerate, struct hf_error *err) HF_MUST_CHECK;
void hf_sqlite_db_unpin(struct hf_sqlite_db *db);

void hf_sqlite_db_close(struct hf_sqlite_db *db);

/* Makes an error of SQLite's result code: "`what` PATH: …, what to do". */
int hf_sqlite_db_fail(const struct hf_sqlite_db *db, int rc, const char *what, struct hf_error *err);

/* One integer out of `sql` (a PRAGMA or a SELECT); HF_E_CORRUPT and others as hf_sqlite_db_fail has them. */
int hf_sqlite_db_int(const struct hf_sqlite_db *db, const char *sql, int64_t *out, struct hf_error *err) HF_MUST_CHECK;

#endif
