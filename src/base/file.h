/*
 * Files: whole reads and writes with retries on EINTR, and the one place where a file is made durable.
 * All paths are relative to a directory descriptor (AT_FDCWD allowed). Descriptors are close-on-exec.
 */
#ifndef HF_BASE_FILE_H
#define HF_BASE_FILE_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* How fast a file may be written: `wait` is called before each piece of at most `piece` bytes. NULL: as fast as can be. */
struct hf_pace {
	void (*wait)(void *user, size_t bytes);
	void *user;
	size_t piece;
};

static inline void hf_fd_close(int *fd);
#define HF_FD_AUTO __attribute__((cleanup(hf_fd_close))) int

/* Reads until `len` bytes or the end of file; returns how many. The name is only for messages. */
ssize_t hf_read_full(int fd, void *data, size_t len, const char *name, struct hf_error *err) HF_MUST_CHECK;
ssize_t hf_pread_full(int fd, void *data, size_t len, uint64_t offset, const char *name,
	struct hf_error *err) HF_MUST_CHECK;
int hf_write_full(int fd, const void *data, size_t len, const char *name, struct hf_error *err) HF_MUST_CHECK;
int hf_pwrite_full(int fd, const void *data, size_t len, uint64_t offset, const char *name,
	struct hf_error *err) HF_MUST_CHECK;

/* A whole file into `out` (cleared first; its maximum holds). */
int hf_file_read(int dirfd, const char *path, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

/* Makes `path` hold exactly the `parts`, durably: written beside under a hidden temporary name, fsync, renamed, the
 * directory fsynced. With `fresh` an existing file is HF_E_EXISTS (and stays as it is). Mode 0666 & ~umask, or
 * 0600 with `secret`; at the `pace`. */
struct hf_file_options {
	bool fresh, secret;
	struct hf_pace pace;
};
int hf_file_write(int dirfd, const char *path, const struct iovec *parts, int count,
	const struct hf_file_options *options, struct hf_error *err) HF_MUST_CHECK;

/* Like rename(2), then fsyncs both directories. `exclusive`: HF_E_EXISTS rather than replace. */
int hf_file_rename(int from_dir, const char *from, int to_dir, const char *to, bool exclusive,
	struct hf_error *err) HF_MUST_CHECK;
/* Swaps two names (RENAME_EXCHANGE), then fsyncs both directories. */
int hf_file_exchange(int a_dir, const char *a, int b_dir, const char *b, struct hf_error *err) HF_MUST_CHECK;

int hf_fsync(int fd, const char *name, struct hf_error *err) HF_MUST_CHECK;
int hf_syncfs(int fd, const char *name, struct hf_error *err) HF_MUST_CHECK; /* the whole file system of `fd` */

/* Makes a directory and its parents, as mkdir -p; existing ones are fine. */
int hf_mkdirs(int dirfd, const char *path, mode_t mode, struct hf_error *err) HF_MUST_CHECK;
/* Removes a file or a whole tree, not following symlinks; nothing there is fine. Any depth; immutable files and
 * directories without write permission in it are no obstacle to whoever may change that. */
int hf_remove_tree(int dirfd, const char *path, struct hf_error *err) HF_MUST_CHECK;
/* A new private directory (0700) PREFIX-XXXXXX in `parent`; its path in `out`, to be freed by the caller. */
int hf_scratch_make(const char *parent, const char *prefix, char **out, struct hf_error *err) HF_MUST_CHECK;
/* An unlinked temporary file in `dir` for spilling; returns the descriptor. */
int hf_spill_file(const char *dir, struct hf_error *err) HF_MUST_CHECK;

#include <unistd.h>
static inline void hf_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

#endif
