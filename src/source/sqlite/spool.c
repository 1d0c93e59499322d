/* Spooled copies; see spool.h. */
#include "source/sqlite/spool.h"

#include "base/file.h"
#include "base/stop.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

enum { STEP = 8 << 20, BLOCK = 1 << 20, SPARE = 64 << 20 };

/* 1: the file system can't do it within the kernel here. */
static int copy_in_kernel(int in, int out, uint64_t size, uint64_t *done, struct hf_error *err)
{
	while (*done < size) {
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		off_t from = (off_t)*done;
		off_t to = from;
		size_t want = size - *done < STEP ? (size_t)(size - *done) : STEP;
		ssize_t n = copy_file_range(in, &from, out, &to, want, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO))
			return hf_fail_errno(err, errno, "copy the database");
		if (n <= 0)
			return 1;
		*done += (uint64_t)n;
	}
	return 0;
}

static int copy_by_hand(int in, int out, uint64_t size, uint64_t done, struct hf_error *err)
{
	char *block = malloc(BLOCK);
	int r = block ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	while (r == 0 && done < size) {
		size_t want = size - done < BLOCK ? (size_t)(size - done) : BLOCK;
		r = hf_stop_check(err);
		ssize_t n = r < 0 ? r : hf_pread_full(in, block, want, done, "the database", err);
		if (n == 0)
			r = hf_fail(err, HF_E_CHANGED, "the database became shorter while it was copied");
		else
			r = n < 0 ? (int)n : hf_pwrite_full(out, block, (size_t)n, done, "a copy of the database", err);
		done += n > 0 ? (uint64_t)n : 0;
	}
	free(block);
	return r;
}

int hf_sqlite_spool_fill(int in, int out, uint64_t size, struct hf_error *err)
{
	uint64_t done = 0;
	int r = copy_in_kernel(in, out, size, &done, err);
	return r == 1 ? copy_by_hand(in, out, size, done, err) : r;
}

static int has_room(int fd, uint64_t size, const char *scratch, struct hf_error *err)
{
	struct statvfs v;
	if (fstatvfs(fd, &v) < 0)
		return hf_fail_errno(err, errno, "ask for the room in %s", scratch);
	uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
	if (room >= size + SPARE)
		return 0;
	return hf_fail(err, HF_E_NOSPACE, "%s has room for %llu bytes, and a copy takes %llu and some to spare", scratch,
		(unsigned long long)room, (unsigned long long)size);
}

int hf_sqlite_spool(int fd, uint64_t size, const char *scratch, struct hf_error *err)
{
	HF_FD_AUTO out = hf_spill_file(scratch, err);
	if (out < 0)
		return out;
	int r = 0;
	if (ioctl(out, FICLONE, fd) < 0) {
		r = has_room(out, size, scratch, err);
		if (r == 0)
			r = hf_sqlite_spool_fill(fd, out, size, err);
	}
	if (r < 0)
		return r;
	int spool = out;
	out = -1;
	return spool;
}
