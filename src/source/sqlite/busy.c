/* Databases in use; see busy.h. Lock bytes: sqlite.org/lockingv3.html, sqlite.org/walformat.html (section 2.3). */
#include "source/sqlite/busy.h"

#include "base/file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	PENDING_BYTE = 0x40000000, /* then RESERVED, then 510 bytes of SHARED */
	LOCK_BYTES = 512,
	SHM_LOCK_BYTE = 120, /* eight locks and the dead man's switch, which every open connection holds */
	SHM_LOCK_BYTES = 9,
	FILES = 4,
};

static const char *const suffixes[FILES] = {"", "-wal", "-shm", "-journal"};

/* The files of a database that are there. */
struct files {
	dev_t device[FILES];
	ino_t inode[FILES];
	bool exists[FILES];
};

static char *name_of(const char *name, const char *suffix)
{
	char *out = NULL;
	return asprintf(&out, "%s%s", name, suffix) < 0 ? NULL : out;
}

static int look(int dirfd, const char *name, struct files *files, struct hf_error *err)
{
	*files = (struct files){0};
	for (int i = 0; i < FILES; i++) {
		char *path = name_of(name, suffixes[i]);
		struct stat st;
		if (!path)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		files->exists[i] = fstatat(dirfd, path, &st, 0) == 0;
		int e = errno;
		free(path);
		if (!files->exists[i] && e != ENOENT && e != ELOOP)
			return hf_fail_errno(err, e, "look at %s%s", name, suffixes[i]);
		if (files->exists[i]) {
			files->device[i] = st.st_dev;
			files->inode[i] = st.st_ino;
		}
	}
	return 0;
}

static void describe(pid_t pid, const char *how, char who[HF_SQLITE_WHO])
{
	char path[64];
	char program[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	FILE *f = fopen(path, "re");
	if (f && fgets(program, sizeof(program), f))
		program[strcspn(program, "\n")] = 0;
	if (f)
		fclose(f);
	snprintf(who, HF_SQLITE_WHO, "process %d (%s) has it %s", (int)pid, program[0] ? program : "unknown", how);
}

/* 1: another process holds a lock in the range. */
static int locked(int dirfd, const char *name, const char *suffix, struct flock range, char who[HF_SQLITE_WHO])
{
	char *path = name_of(name, suffix);
	HF_FD_AUTO fd = path ? openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	free(path);
	if (fd < 0 || fcntl(fd, F_GETLK, &range) < 0 || range.l_type == F_UNLCK)
		return 0;
	describe(range.l_pid, "locked", who);
	return 1;
}

static bool is_one_of(const struct files *files, const struct stat *st)
{
	for (int i = 0; i < FILES; i++)
		if (files->exists[i] && files->device[i] == st->st_dev && files->inode[i] == st->st_ino)
			return true;
	return false;
}

static bool process_has(pid_t pid, const struct files *files)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	DIR *d = opendir(path); /* gone, or not ours to look at */
	bool has = false;
	struct stat st;
	for (const struct dirent *e = d ? readdir(d) : NULL; e && !has; e = readdir(d))
		has = isdigit((unsigned char)e->d_name[0]) && fstatat(dirfd(d), e->d_name, &st, 0) == 0 &&
			is_one_of(files, &st);
	if (d)
		closedir(d);
	return has;
}

static int opened(const struct files *files, char who[HF_SQLITE_WHO], struct hf_error *err)
{
	DIR *d = opendir("/proc");
	if (!d)
		return hf_fail_errno(err, errno, "list the processes");
	int found = 0;
	for (const struct dirent *e = readdir(d); e && !found; e = readdir(d)) {
		pid_t pid = atoi(e->d_name);
		if (pid <= 0 || pid == getpid() || !process_has(pid, files))
			continue;
		describe(pid, "open", who);
		found = 1;
	}
	closedir(d);
	return found;
}

int hf_sqlite_busy(int dirfd, const char *name, char who[HF_SQLITE_WHO], struct hf_error *err)
{
	const struct flock main_range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = PENDING_BYTE, .l_len = LOCK_BYTES};
	const struct flock shm_range = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SHM_LOCK_BYTE, .l_len = SHM_LOCK_BYTES};
	struct files files;
	int r = look(dirfd, name, &files, err);
	if (r < 0)
		return r;
	if (locked(dirfd, name, "", main_range, who) || locked(dirfd, name, "-shm", shm_range, who))
		return 1;
	return opened(&files, who, err);
}
