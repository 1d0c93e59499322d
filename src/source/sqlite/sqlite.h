/*
 * The kind "sqlite": one SQLite database as one file, cut at its pages.
 *
 * A database in WAL mode is streamed through the Online Backup API, in one step, into a VFS of ours: no writer waits
 * and no temporary copy is made. One with a rollback journal is locked against writers while its file is reflinked or
 * copied to the scratch directory, and captured from there; with `direct` (or where there is no room) while
 * it is captured. Hot journals are rolled back first, as SQLite does for every reader.
 *
 * Options:
 *	direct		    flag: no spool, read under the lock
 *	check		    quick (default): the structure of every B-tree page and tree, as the pages pass by; full: PRAGMA
 *			    integrity_check on the captured state too; none
 *	row-counts	    on (default), off: rows of each table, for the check after a restore
 *	wal-limit	    by how much the -wal may grow while it can't be reset ("4G"; default: the database's size, at
 *			    least 1G); more fails the capture
 *	busy-timeout	    how long a lock is waited for (default 60s)
 *
 * A corrupt database is captured as it is; what is wrong goes to sink->problem, and `incomplete` is set. Recorded in
 * detail: file, page_size, page_count, encoding, journal_mode ("wal" or "rollback"), user_version, application_id,
 * schema_version, rows ({table: n}, of the captured state; absent where they could not be counted), method
 * ("backup", "spool", "direct", "raw"), check, lock_ms (null in WAL mode), wal_growth_bytes, hot_journal,
 * sqlite_version, problems.
 *
 * Checks of a restored database: "open" (it opens and its schema parses) and "page_count" tell readiness;
 * "integrity_check", "foreign_key_check" and "rows" (each table has the rows that were recorded) prove it.
 */
#ifndef HF_SOURCE_SQLITE_SQLITE_H
#define HF_SOURCE_SQLITE_SQLITE_H

#include "source/source.h"

extern const struct hf_source_driver hf_source_sqlite;

#endif
