/*
 * Removing a whole tree (hf_remove_tree of file.h), however deep: one descriptor at a time, the way back through ".."
 * checked against the inode that was left. No recursion, no paths.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

struct level {
	dev_t device;
	ino_t inode;
};

struct removal {
	struct level *above; /* the directories between the tree's parent and here */
	size_t depth, cap;
	const char *tree; /* for messages */
};

/* Takes off what keeps a file or directory from being removed, or a directory from being emptied. */
static void unprotect(int dirfd, const char *name)
{
	HF_FD_AUTO fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	unsigned flags = 0;
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return;
	unsigned open_flags = flags & ~(unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL);
	if (open_flags != flags)
		(void)ioctl(fd, FS_IOC_SETFLAGS, &open_flags);
}

/* Removes one name, if it is no directory with something in it. Returns 0 or an errno: ENOTEMPTY for those. */
static int remove_name(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	return errno == EEXIST ? ENOTEMPTY : errno == ENOTDIR ? EPERM : errno;
}

/* The same with what stands in the way taken off. `is_inside`: `dirfd` is in the tree too, and may be changed. */
static int remove_firmly(int dirfd, const char *name, bool is_inside)
{
	int r = remove_name(dirfd, name);
	if (r != EPERM && r != EACCES)
		return r;
	if (is_inside) {
		unprotect(dirfd, ".");
		(void)fchmod(dirfd, 0700);
	}
	unprotect(dirfd, name);
	return remove_name(dirfd, name);
}

static int open_directory(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags);
	if (fd < 0 && errno == EACCES && fchmodat(dirfd, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dirfd, name, flags);
	return fd;
}

/* Goes down into `name`: *fd becomes it. */
static int descend(struct removal *rm, int *fd, const char *name, struct hf_error *err)
{
	struct stat st;
	if (rm->depth == rm->cap) {
		size_t cap = rm->cap ? rm->cap * 2 : 64;
		struct level *grown = realloc(rm->above, cap * sizeof(*grown));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory to remove %s", rm->tree);
		rm->above = grown;
		rm->cap = cap;
	}
	if (fstat(*fd, &st) < 0)
		return hf_fail_errno(err, errno, "remove %s", rm->tree);
	int next = open_directory(*fd, name);
	if (next < 0)
		return hf_fail_errno(err, errno, "open directory %s below %s", name, rm->tree);
	rm->above[rm->depth++] = (struct level){.device = st.st_dev, .inode = st.st_ino};
	close(*fd);
	*fd = next;
	return 0;
}

static int ascend(struct removal *rm, int *fd, struct hf_error *err)
{
	struct stat st;
	const struct level *up = &rm->above[--rm->depth];
	int above = openat(*fd, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (above >= 0 && fstat(above, &st) == 0 && st.st_dev == up->device && st.st_ino == up->inode) {
		close(*fd);
		*fd = above;
		return 0;
	}
	if (above >= 0)
		close(above);
	return hf_fail(err, HF_E_CHANGED, "remove %s: a directory in it was moved meanwhile", rm->tree);
}

/* Removes what it can in `fd`. 1: a directory in it has something in it, and `name` is it; 0: it is empty now. */
static int sweep(const struct removal *rm, int fd, char name[NAME_MAX + 1], struct hf_error *err)
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again >= 0 ? fdopendir(again) : NULL;
	if (!dir) {
		int failed = errno;
		if (again >= 0)
			close(again);
		return hf_fail_errno(err, failed, "list a directory in %s", rm->tree);
	}
	int r = 0;
	const struct dirent *de;
	while (r == 0 && (de = readdir(dir))) {
		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		int failed = remove_firmly(fd, de->d_name, true);
		if (failed == ENOTEMPTY) {
			strcpy(name, de->d_name);
			r = 1;
		} else if (failed) {
			r = hf_fail_errno(err, failed, "remove %s below %s", de->d_name, rm->tree);
		}
	}
	closedir(dir);
	return r;
}

static int empty(struct removal *rm, int *fd, struct hf_error *err)
{
	for (;;) {
		char name[NAME_MAX + 1];
		int r = sweep(rm, *fd, name, err);
		if (r > 0)
			r = descend(rm, fd, name, err);
		else if (r == 0 && rm->depth == 0)
			return 0;
		else if (r == 0)
			r = ascend(rm, fd, err);
		if (r < 0)
			return r;
	}
}

int hf_remove_tree(int dirfd, const char *path, struct hf_error *err)
{
	int failed = remove_firmly(dirfd, path, false);
	if (failed == 0)
		return 0;
	if (failed != ENOTEMPTY)
		return hf_fail_errno(err, failed, "remove %s", path);
	HF_FD_AUTO fd = open_directory(dirfd, path);
	if (fd < 0)
		return hf_fail_errno(err, errno, "open directory %s", path);
	struct removal rm = {.tree = path};
	int r = empty(&rm, &fd, err);
	free(rm.above);
	if (r == 0 && (failed = remove_firmly(dirfd, path, false)) != 0)
		r = hf_fail_errno(err, failed, "remove directory %s", path);
	return r;
}
