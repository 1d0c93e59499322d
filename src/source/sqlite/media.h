/* Read-only media: where no lock is needed, since nobody can write, and none can be had. */
#ifndef HF_SOURCE_SQLITE_MEDIA_H
#define HF_SOURCE_SQLITE_MEDIA_H

#include "base/error.h"

#include <stdbool.h>

/* Is the file system of `fd` itself read-only? A read-only mount of a file system that is written to elsewhere (a
 * container's volume) is not: there the database is alive. */
bool hf_sqlite_media_is_frozen(int fd);

/* Copies the database `path` with its -wal and -journal into a new private directory in `scratch`: SQLite can
 * recover it there. Both results are the caller's to free; the directory to remove. */
int hf_sqlite_media_copy(const char *path, const char *scratch, char **directory, char **copy, struct hf_error *err)
	HF_MUST_CHECK;

#endif
