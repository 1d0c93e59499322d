/* A restored directory made ready; see scratch_copy.h. */
#include "source/postgres/scratch_copy.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEPTH_MAX = 64, LINKS_MAX = 100000 };

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}
#define DIR_AUTO __attribute__((cleanup(close_dir))) DIR

/* Opens a directory for reading its names; the descriptor given stays the caller's. */
static DIR *open_dir(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

void hf_pg_links_free(struct hf_pg_links *links)
{
	for (size_t i = 0; i < links->count; i++)
		free(links->targets[i]);
	free(links->targets);
	*links = (struct hf_pg_links){0};
}

static int add_link(struct hf_pg_links *links, int fd, const char *name, const char *allowed, struct hf_error *err)
{
	char target[PATH_MAX], real[PATH_MAX];
	ssize_t n = readlinkat(fd, name, target, sizeof(target) - 1);
	if (n < 0)
		return errno == EINVAL ? 0 : hf_fail_errno(err, errno, "read the link pg_tblspc/%s", name);
	target[n] = 0;
	if (target[0] != '/' || !realpath(target, real))
		return hf_fail(err, HF_E_CHECK, "the tablespace pg_tblspc/%s leads to %s, which is not there", name, target);
	size_t len = strlen(allowed);
	if (strncmp(real, allowed, len) != 0 || (real[len] != '/' && allowed[len - 1] != '/'))
		return hf_fail(err, HF_E_CHECK,
			"the tablespace pg_tblspc/%s leads to %s, outside of %s: restore it with a tablespace map",
			name, real, allowed);
	char **grown = realloc(links->targets, (links->count + 1) * sizeof(*grown));
	char *copy = strdup(target);
	if (grown)
		links->targets = grown;
	if (!grown || !copy) {
		free(copy);
		return hf_fail(err, HF_E_NOMEM, "read tablespaces: no memory");
	}
	links->targets[links->count++] = copy;
	return 0;
}

int hf_pg_links_read(int data, const char *allowed, struct hf_pg_links *out, struct hf_error *err)
{
	*out = (struct hf_pg_links){0};
	char root[PATH_MAX];
	if (!realpath(allowed, root))
		return hf_fail_errno(err, errno, "resolve %s", allowed);
	DIR_AUTO *d = open_dir(data, "pg_tblspc");
	if (!d)
		return errno == ENOENT ? 0 : hf_fail_errno(err, errno, "open pg_tblspc");
	int r = 0;
	for (const struct dirent *e; r == 0 && (e = readdir(d));) {
		if (out->count >= LINKS_MAX)
			return hf_fail(err, HF_E_CORRUPT, "pg_tblspc holds more than %d links", LINKS_MAX);
		if (!is_dots(e->d_name))
			r = add_link(out, dirfd(d), e->d_name, root, err);
	}
	return r;
}

static int own(int parent, const char *name, const struct stat *like, int depth, struct hf_error *err)
{
	DIR_AUTO *d = open_dir(parent, name);
	if (!d)
		return hf_fail_errno(err, errno, "open %s to change its owner", name);
	if (depth > DEPTH_MAX)
		return hf_fail(err, HF_E_CORRUPT, "the data directory is more than %d levels deep", DEPTH_MAX);
	int fd = dirfd(d);
	if (fchown(fd, like->st_uid, like->st_gid) < 0)
		return hf_fail_errno(err, errno, "change the owner of %s", name);
	int r = 0;
	for (const struct dirent *e; r == 0 && (e = readdir(d));) {
		struct stat st;
		if (is_dots(e->d_name))
			continue;
		if (fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return hf_fail_errno(err, errno, "examine %s", e->d_name);
		if (S_ISDIR(st.st_mode) && st.st_dev == like->st_dev)
			r = own(fd, e->d_name, like, depth + 1, err);
		else if (fchownat(fd, e->d_name, like->st_uid, like->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
			r = hf_fail_errno(err, errno, "change the owner of %s", e->d_name);
	}
	return r;
}

int hf_pg_own(int data, uid_t uid, gid_t gid, struct hf_error *err)
{
	struct stat like;
	if (fstat(data, &like) < 0)
		return hf_fail_errno(err, errno, "examine the data directory");
	like.st_uid = uid;
	like.st_gid = gid;
	return own(data, ".", &like, 0, err);
}

int hf_pg_set_aside(int data, struct hf_error *err)
{
	static const char *const names[] = {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf",
		"standby.signal", "recovery.signal", "recovery.conf", "postmaster.pid", "postmaster.opts"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char aside[64];
		snprintf(aside, sizeof(aside), "%s.set-aside", names[i]);
		int r = hf_file_rename(data, names[i], data, aside, false, err);
		if (r < 0 && r != HF_E_NOTFOUND)
			return hf_wrap(err, r, "set the captured configuration aside");
	}
	return 0;
}
