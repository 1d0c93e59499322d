/*
 * Is the disk there that a directory is meant to lie on? A repository made below an empty mount point would fill the system's own disk,
 * and be hidden as soon as the right one is mounted. What is to be mounted where stands in /etc/fstab, what is in /proc/self/mounts.
 */
#include "store/store_internal.h"

#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *absolute(const char *path)
{
	char cwd[PATH_MAX], *out = NULL;
	if (*path == '/')
		return strdup(path);
	return !getcwd(cwd, sizeof(cwd)) || asprintf(&out, "%s/%s", cwd, path) < 0 ? NULL : out;
}

/* Absolute, and without symbolic links as far as it exists. NULL: it can't be told. To be freed. */
static char *resolve(const char *path)
{
	char *whole = absolute(path), *real = NULL, *out = NULL;
	size_t end = whole ? strlen(whole) : 0;
	while (end && !real) {
		char cut = whole[end];
		whole[end] = 0;
		real = realpath(whole, NULL);
		whole[end] = cut;
		if (!real)
			while (--end && whole[end] != '/')
				;
	}
	if (whole && asprintf(&out, "%s%s", real ? real : "", whole + end) < 0)
		out = NULL;
	free(real);
	free(whole);
	return out;
}

static bool is_within(const char *path, const char *directory)
{
	size_t n = strlen(directory);
	return strncmp(path, directory, n) == 0 && (path[n] == '/' || !path[n]);
}

/* Calls the table at `file` through until an entry fits: that of a directory which `path` is in, or with `exactly` of itself. */
static bool find_mount(const char *file, const char *path, bool exactly, char found[PATH_MAX])
{
	char text[PATH_MAX + 1024];
	struct mntent entry;
	FILE *table = setmntent(file, "re");
	bool fits = false;
	while (table && !fits && getmntent_r(table, &entry, text, sizeof(text))) {
		char *directory = *entry.mnt_dir == '/' ? resolve(entry.mnt_dir) : NULL;
		if (directory && strlen(directory) > 1 && strlen(directory) < PATH_MAX)
			fits = exactly ? strcmp(directory, path) == 0
				       : is_within(path, directory) && !find_mount("/proc/self/mounts", directory, true, found);
		if (fits)
			strcpy(found, directory);
		free(directory);
	}
	if (table)
		endmntent(table);
	return fits;
}

int hf_store_check_mounted(const char *path, struct hf_error *err)
{
	char missing[PATH_MAX];
	bool can_tell = access("/proc/self/mounts", R_OK) == 0;
	char *whole = can_tell ? resolve(path) : NULL;
	bool is_missing = whole && find_mount("/etc/fstab", whole, false, missing);
	free(whole);
	return is_missing ? hf_fail(err, HF_E_IO, "nothing is mounted at %s, where /etc/fstab has a file system for it: mount that first", missing)
			  : 0;
}
