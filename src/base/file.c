/* Files and durability; see file.h. The only file that calls rename and fsync. */
#include "base/file.h"

#include "base/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

ssize_t hf_read_full(int fd, void *data, size_t len, const char *name, struct hf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *)data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hf_fail_errno(err, errno, "read %s", name);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t hf_pread_full(int fd, void *data, size_t len, uint64_t offset, const char *name, struct hf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)data + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hf_fail_errno(err, errno, "read %s", name);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int hf_write_full(int fd, const void *data, size_t len, const char *name, struct hf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hf_fail_errno(err, errno, "write %s", name);
		done += (size_t)n;
	}
	return 0;
}

int hf_pwrite_full(int fd, const void *data, size_t len, uint64_t offset, const char *name, struct hf_error *err)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)data + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hf_fail_errno(err, errno, "write %s", name);
		done += (size_t)n;
	}
	return 0;
}

int hf_file_read(int dirfd, const char *path, struct hf_buf *out, struct hf_error *err)
{
	HF_FD_AUTO fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return hf_fail_errno(err, errno, "open %s", path);
	hf_buf_clear(out);
	for (;;) {
		enum { STEP = 65536 };
		char block[STEP];
		ssize_t n = hf_read_full(fd, block, STEP, path, err);
		if (n < 0)
			return (int)n;
		hf_buf_add(out, block, (size_t)n);
		if (out->failed)
			return hf_fail(err, HF_E_NOMEM, "read %s: more than %zu bytes", path, out->max);
		if (n < STEP)
			return 0;
	}
}

int hf_fsync(int fd, const char *name, struct hf_error *err)
{
	if (fsync(fd) < 0)
		return hf_fail_errno(err, errno, "fsync %s", name);
	return 0;
}

int hf_syncfs(int fd, const char *name, struct hf_error *err)
{
	if (syncfs(fd) < 0)
		return hf_fail_errno(err, errno, "sync the file system of %s", name);
	return 0;
}

/* Fsyncs the directory that holds `path`. */
static int sync_parent(int dirfd, const char *path, struct hf_error *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	if (!dir)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	HF_FD_AUTO fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? hf_fail_errno(err, errno, "open directory %s", dir) : hf_fsync(fd, dir, err);
	free(dir);
	return r;
}

static int rename_synced(int from_dir, const char *from, int to_dir, const char *to, unsigned flags,
	struct hf_error *err)
{
	if (renameat2(from_dir, from, to_dir, to, flags) < 0)
		return hf_fail_errno(err, errno, "rename %s to %s", from, to);
	int r = sync_parent(to_dir, to, err);
	if (r == 0)
		r = sync_parent(from_dir, from, err);
	return r;
}

int hf_file_rename(int from_dir, const char *from, int to_dir, const char *to, bool exclusive,
	struct hf_error *err)
{
	return rename_synced(from_dir, from, to_dir, to, exclusive ? RENAME_NOREPLACE : 0, err);
}

int hf_file_exchange(int a_dir, const char *a, int b_dir, const char *b, struct hf_error *err)
{
	return rename_synced(a_dir, a, b_dir, b, RENAME_EXCHANGE, err);
}

/* "dir/name" -> "dir/.tmp-PID-N", beside the file that it will become. */
static int temporary_name(const char *path, char **out, struct hf_error *err)
{
	static atomic_uint counter;
	const char *slash = strrchr(path, '/');
	int head = slash ? (int)(slash - path) + 1 : 0;
	unsigned n = atomic_fetch_add(&counter, 1);
	if (asprintf(out, "%.*s.tmp-%d-%u", head, path, (int)getpid(), n) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	return 0;
}

static int write_paced(int fd, const struct iovec *part, const struct hf_pace *pace, const char *path, struct hf_error *err)
{
	const uint8_t *at = part->iov_base;
	int r = 0;
	for (size_t left = part->iov_len, n; left && r == 0; at += n, left -= n) {
		n = pace->wait && pace->piece < left ? pace->piece : left;
		if (pace->wait)
			pace->wait(pace->user, n);
		r = hf_write_full(fd, at, n, path, err);
	}
	return r;
}

static int write_parts(int dirfd, const char *path, const struct iovec *parts, int count, const struct hf_file_options *options,
	struct hf_error *err)
{
	HF_FD_AUTO fd = openat(dirfd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, options->secret ? 0600 : 0666);
	if (fd < 0)
		return hf_fail_errno(err, errno, "create %s", path);
	size_t total = 0;
	for (int i = 0; i < count; i++)
		total += parts[i].iov_len;
	int r = 0;
	if (total >= HF_DIRECT_MIN)
		r = hf_direct_write(fd, parts, count, &(struct hf_direct_options){path, options->pace}, err);
	else
		for (int i = 0; i < count && r == 0; i++)
			r = write_paced(fd, &parts[i], &options->pace, path, err);
	return r < 0 ? r : hf_fsync(fd, path, err);
}

int hf_file_write(int dirfd, const char *path, const struct iovec *parts, int count,
	const struct hf_file_options *options, struct hf_error *err)
{
	static const struct hf_file_options none;
	char *tmp = NULL;
	int r = temporary_name(path, &tmp, err);
	if (r < 0)
		return r;
	if (!options)
		options = &none;
	r = write_parts(dirfd, tmp, parts, count, options, err);
	if (r == 0 && renameat2(dirfd, tmp, dirfd, path, options->fresh ? RENAME_NOREPLACE : 0) < 0)
		r = hf_fail_errno(err, errno, "rename %s to %s", tmp, path);
	if (r < 0)
		unlinkat(dirfd, tmp, 0);
	free(tmp);
	return r < 0 ? r : sync_parent(dirfd, path, err);
}

int hf_mkdirs(int dirfd, const char *path, mode_t mode, struct hf_error *err)
{
	if (mkdirat(dirfd, path, mode) == 0)
		return 0;
	if (errno == ENOENT) {
		const char *slash = strrchr(path, '/');
		if (slash && slash != path) {
			char *parent = strndup(path, (size_t)(slash - path));
			int r = parent ? hf_mkdirs(dirfd, parent, mode, err) : hf_fail(err, HF_E_NOMEM, "no memory");
			free(parent);
			if (r < 0)
				return r;
			if (mkdirat(dirfd, path, mode) == 0)
				return 0;
		}
	}
	struct stat st;
	if (errno == EEXIST && fstatat(dirfd, path, &st, 0) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return hf_fail_errno(err, errno == EEXIST ? ENOTDIR : errno, "make directory %s", path);
}

int hf_scratch_make(const char *parent, const char *prefix, char **out, struct hf_error *err)
{
	if (asprintf(out, "%s/%s-XXXXXX", parent, prefix) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	if (mkdtemp(*out))
		return 0;
	int r = hf_fail_errno(err, errno, "make a scratch directory in %s", parent);
	free(*out);
	*out = NULL;
	return r;
}

int hf_spill_file(const char *dir, struct hf_error *err)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	char *path = NULL; /* a file system without O_TMPFILE */
	if (asprintf(&path, "%s/.spill-XXXXXX", dir) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		int r = hf_fail_errno(err, errno, "make a temporary file in %s", dir);
		free(path);
		return r;
	}
	unlink(path);
	free(path);
	return fd;
}
