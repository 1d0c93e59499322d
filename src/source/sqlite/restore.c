/* Restoring a database: its one file. There is no -wal or -shm to restore, since what they held is in the file. And
 * seeing to it that nobody has a database open that a restored one would replace. */
#include "base/file.h"
#include "source/sqlite/busy.h"
#include "source/sqlite/sqlite_internal.h"
#include "source/tree_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_database(int dirfd, const char *name)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)];
	HF_FD_AUTO fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 && pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       memcmp(head, magic, sizeof(magic)) == 0;
}

/* Where the directory is, for messages; "." if it can't be told. */
static const char *directory_path(int dirfd, char path[1024])
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	ssize_t n = readlink(link, path, 1023);
	path[n > 0 ? n : 0] = 0;
	return n > 0 ? path : ".";
}

int hf_sqlite_may_replace(int dirfd, struct hf_error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int r = hf_fail_errno(err, errno, "look for databases in use");
		hf_fd_close(&fd);
		return r;
	}
	int r = 0;
	char path[1024];
	for (struct dirent *de; r == 0 && (de = readdir(dir));) {
		char who[HF_SQLITE_WHO];
		if (!is_database(dirfd, de->d_name))
			continue;
		r = hf_sqlite_busy(dirfd, de->d_name, who, err);
		if (r > 0)
			r = hf_fail(err, HF_E_EXISTS, "the database %s/%s is in use: %s; end it first",
				directory_path(dirfd, path), de->d_name, who);
	}
	closedir(dir);
	return r;
}

int hf_sqlite_restore(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	const struct hf_tree_write_options writing = {.own_as_is = options->own_as_is};
	return hf_tree_write(feed, dirfd, &writing, out, err);
}
