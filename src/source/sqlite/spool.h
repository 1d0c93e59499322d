/*
 * A copy of a database file that is locked against writers, made as quickly as the file system can: a reflink where
 * it shares blocks, else a copy within the kernel, else a plain one. The file has no name, so nothing is left of it.
 */
#ifndef HF_SOURCE_SQLITE_SPOOL_H
#define HF_SOURCE_SQLITE_SPOOL_H

#include "base/error.h"

#include <stdint.h>

/* Returns the descriptor of an unnamed copy of the first `size` bytes of `fd` in the directory `scratch`.
 * HF_E_NOSPACE: there is not the room for it and some to spare, and nothing was written. HF_E_STOPPED. */
int hf_sqlite_spool(int fd, uint64_t size, const char *scratch, struct hf_error *err) HF_MUST_CHECK;

/* Copies `size` bytes from the beginning of `in` to that of `out`, an empty file, by the same means. */
int hf_sqlite_spool_fill(int in, int out, uint64_t size, struct hf_error *err) HF_MUST_CHECK;

#endif
