/*
 * Writing large files past the page cache (O_DIRECT). A backup neither pushes what production uses out of memory, nor pays
 * for pages that no one will read: here filling the page cache took several times the CPU of the write itself.
 */
#ifndef HF_BASE_DIRECT_H
#define HF_BASE_DIRECT_H

#include "base/file.h"

#include <sys/uio.h>

/* Below this a write through the page cache is as good. */
#define HF_DIRECT_MIN (1u << 20)

/* Writes the `parts` one after the other to the start of the empty file `fd`. Where the file system knows no direct writes
 * it goes through the page cache. Not synced. The `name` is only for messages. */
struct hf_direct_options {
	const char *name;
	struct hf_pace pace;
};
int hf_direct_write(int fd, const struct iovec *parts, int count, const struct hf_direct_options *options,
	struct hf_error *err) HF_MUST_CHECK;

#endif
