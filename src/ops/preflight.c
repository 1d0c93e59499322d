/* Before a restore; see preflight.h. */
#include "ops/preflight.h"

#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

int hf_preflight_measure(struct hf_access *access, const struct hf_snapshot_source *source, const struct hf_path *paths,
	size_t path_count, struct hf_room *need, struct hf_error *err)
{
	const struct hf_chunk_feed feed = hf_reader_feed(access->reader);
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_manifest_entry *e;
	int r = hf_manifest_reader_open(&feed, &source->root, &reader, err);
	if (r == 0 && path_count)
		r = hf_manifest_reader_select(reader, paths, path_count, err);
	if (r < 0)
		return r;
	while ((r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		need->inodes += e->entry.type != HF_ENTRY_HARDLINK;
		if (e->entry.type == HF_ENTRY_FILE)
			need->bytes += e->content.bytes;
	}
	return r;
}

/* The nearest directory above `target` that is there; to be freed. */
static char *existing_parent(const char *target)
{
	char *path = strdup(target);
	struct stat st;
	while (path) {
		char *slash = strrchr(path, '/');
		if (!slash) {
			free(path);
			return strdup(".");
		}
		if (slash == path) {
			path[1] = 0;
			return path;
		}
		*slash = 0;
		if (stat(path, &st) == 0 || errno != ENOENT)
			return path;
	}
	return NULL;
}

int hf_preflight_rights(const char *target, struct hf_error *err)
{
	char *parent = existing_parent(target);
	struct stat st;
	int r = 0;
	if (!parent)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (stat(parent, &st) < 0)
		r = hf_fail_errno(err, errno, "restore to %s: look at %s", target, parent);
	else if (!S_ISDIR(st.st_mode))
		r = hf_fail(err, HF_E_EXISTS, "restore to %s: %s is not a directory", target, parent);
	else if (faccessat(AT_FDCWD, parent, W_OK | X_OK, AT_EACCESS) < 0)
		r = hf_fail_errno(err, errno, "restore to %s: nothing can be made in %s", target, parent);
	free(parent);
	return r;
}

int hf_preflight_room(const char *target, const struct hf_room *need, struct hf_error *err)
{
	char *parent = existing_parent(target);
	char there[HF_SIZE_TEXT], needed[HF_SIZE_TEXT];
	struct statvfs fs;
	int r = parent ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0 && statvfs(parent, &fs) < 0)
		r = hf_fail_errno(err, errno, "look for room in %s", parent);
	uint64_t room = r == 0 ? (uint64_t)fs.f_bavail * fs.f_frsize : 0;
	if (r == 0 && room < need->bytes)
		r = hf_fail(err, HF_E_NOSPACE, "there is no room to restore to %s: it takes %s, and the file system of %s has %s free",
			target, hf_size_format(need->bytes, needed), parent, hf_size_format(room, there));
	if (r == 0 && fs.f_files && fs.f_favail < need->inodes)
		r = hf_fail(err, HF_E_NOSPACE,
			"there is no room to restore to %s: it takes %llu files and directories, and the file system of %s has "
			"room for %llu more",
			target, (unsigned long long)need->inodes, parent, (unsigned long long)fs.f_favail);
	free(parent);
	return r;
}
