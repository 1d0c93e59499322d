/* For whoever is about to replace a database file that is there already: is somebody using it? A database is up to four files
 * (-wal, -shm and -journal beside it). */
#ifndef HF_SOURCE_SQLITE_BUSY_H
#define HF_SOURCE_SQLITE_BUSY_H

#include "base/error.h"

enum { HF_SQLITE_WHO = 128 };

/* Does another process have the database `name` in `dirfd` open? 0: none that can be seen, or there is no such
 * file; 1: one has, and `who` says which ("process 4711 (gunicorn) has it locked"). Looks at SQLite's locks on the
 * file and its -shm, and at /proc/PID/fd of all processes that we may look at (all, as root). Our own process must
 * not have the file open: its POSIX locks on it would be lost. */
int hf_sqlite_busy(int dirfd, const char *name, char who[HF_SQLITE_WHO], struct hf_error *err) HF_MUST_CHECK;

#endif
