/* Read-only media; see media.h. */
#include "source/sqlite/media.h"

#include "base/file.h"
#include "source/sqlite/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

static int mount_id(int fd)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	FILE *f = fopen(path, "re");
	char line[256];
	int id = -1;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "mnt_id: %d", &id) == 1)
			break;
	if (f)
		fclose(f);
	return id;
}

/* The options of the file system (not those of the mount) are the last field of its line. */
static bool superblock_is_read_only(int id)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t cap = 0;
	bool found = false;
	while (f && !found && getline(&line, &cap, f) > 0) {
		if (atoi(line) != id)
			continue;
		const char *options = strrchr(line, ' ');
		found = options && strncmp(options + 1, "ro", 2) == 0 && strchr(",\n", options[3]);
		break;
	}
	free(line);
	if (f)
		fclose(f);
	return found;
}

bool hf_sqlite_media_is_frozen(int fd)
{
	struct statvfs v;
	if (fstatvfs(fd, &v) < 0 || !(v.f_flag & ST_RDONLY))
		return false;
	int id = mount_id(fd);
	return id >= 0 && superblock_is_read_only(id);
}

static int copy_one(const char *from, const char *to, bool needed, struct hf_error *err)
{
	HF_FD_AUTO in = open(from, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return errno == ENOENT && !needed ? 0 : hf_fail_errno(err, errno, "open %s", from);
	struct stat st;
	if (fstat(in, &st) < 0)
		return hf_fail_errno(err, errno, "look at %s", from);
	HF_FD_AUTO out = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return hf_fail_errno(err, errno, "create %s", to);
	return hf_sqlite_spool_fill(in, out, (uint64_t)st.st_size, err);
}

int hf_sqlite_media_copy(const char *path, const char *scratch, char **directory, char **copy, struct hf_error *err)
{
	static const char *const suffixes[] = {"", "-wal", "-journal"};
	int r = hf_scratch_make(scratch, "holdfast-sqlite", directory, err);
	if (r < 0)
		return r;
	if (asprintf(copy, "%s/database", *directory) < 0) {
		*copy = NULL;
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	for (size_t i = 0; i < 3 && r == 0; i++) {
		char *from = NULL;
		char *to = NULL;
		if (asprintf(&from, "%s%s", path, suffixes[i]) < 0)
			from = NULL;
		if (asprintf(&to, "%s%s", *copy, suffixes[i]) < 0)
			to = NULL;
		r = from && to ? copy_one(from, to, i == 0, err) : hf_fail(err, HF_E_NOMEM, "no memory");
		free(from);
		free(to);
	}
	return r;
}
