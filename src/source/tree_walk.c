/*
 * The walker; see tree_walk.h. A stack of levels, one a directory on the way down, each with its names and how far
 * they have been gone through.
 */
#include "source/tree_walk.h"

#include "base/stop.h"
#include "source/tree_names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	KEEP_OPEN = 48,	     /* levels whose descriptors are kept */
	STOP_EVERY = 64,     /* items between two looks at the stop flag */
	BENEATH_STEP = 4000, /* bytes of a path given to the kernel at once: below PATH_MAX */
};

static const char CACHE_TAG[] = "CACHEDIR.TAG";
static const char CACHE_SIGNATURE[] = "Signature: 8a477f597d28d172789f06886806bc55";

struct level {
	struct hf_tree_dir *dir; /* NULL while closed */
	uint64_t device, inode;
	size_t path_len;
	struct hf_tree_names names;
};

struct hf_tree_walk {
	struct hf_tree_walk_options options;
	int rootfd;
	bool started;
	struct level *levels;
	size_t depth, level_cap; /* levels in use; beyond them lie spare ones with their buffers */
	char *path;
	size_t path_cap;
	size_t open_count;
	unsigned met;
};

struct hf_tree_dir *hf_tree_dir_ref(struct hf_tree_dir *dir)
{
	dir->refs++;
	return dir;
}

void hf_tree_dir_unref(struct hf_tree_dir *dir)
{
	if (!dir || --dir->refs > 0)
		return;
	close(dir->fd);
	--*dir->open_count;
	free(dir);
}

static struct hf_tree_dir *dir_new(struct hf_tree_walk *walk, int fd)
{
	struct hf_tree_dir *dir = malloc(sizeof(*dir));
	if (!dir) {
		close(fd);
		return NULL;
	}
	*dir = (struct hf_tree_dir){.fd = fd, .refs = 1, .open_count = &walk->open_count};
	walk->open_count++;
	return dir;
}

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory to walk a directory tree");
}

int hf_tree_walk_new(int rootfd, const struct hf_tree_walk_options *options, struct hf_tree_walk **out,
	struct hf_error *err)
{
	struct hf_tree_walk *walk = calloc(1, sizeof(*walk));
	if (!walk)
		return no_memory(err);
	walk->options = *options;
	walk->rootfd = rootfd;
	walk->path_cap = 4096;
	walk->path = calloc(1, walk->path_cap);
	if (!walk->path) {
		hf_tree_walk_free(walk);
		return no_memory(err);
	}
	*out = walk;
	return 0;
}

void hf_tree_walk_free(struct hf_tree_walk *walk)
{
	if (!walk)
		return;
	for (size_t i = 0; i < walk->depth; i++)
		hf_tree_dir_unref(walk->levels[i].dir);
	for (size_t i = 0; i < walk->level_cap; i++)
		hf_tree_names_free(&walk->levels[i].names);
	free(walk->levels);
	free(walk->path);
	free(walk);
}

size_t hf_tree_walk_open_count(const struct hf_tree_walk *walk)
{
	return walk->open_count;
}

static int stat_name(int dirfd, const char *name, int flags, struct statx *st)
{
	return statx(dirfd, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, st);
}

/* O_NOATIME is for owners and root only; others do without. */
static int open_directory(int dirfd, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(dirfd, name, flags);
	return fd;
}

static int open_step(int dirfd, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

/* How much of the path fits into one step, cut at a slash. */
static size_t step_len(const char *path, size_t len, size_t max)
{
	if (len <= max)
		return len;
	const char *slash = memrchr(path, '/', max);
	return slash ? (size_t)(slash - path) : len;
}

int hf_tree_open_beneath(int rootfd, const char *path, size_t len, int flags)
{
	int fd = open_step(rootfd, ".", len == 0 ? flags : O_PATH);
	size_t max = BENEATH_STEP;
	if (fd < 0 && errno == ENOSYS) { /* a kernel before 5.6: one component at a time is as safe */
		fd = openat(rootfd, ".", (len == 0 ? flags : O_PATH) | O_DIRECTORY | O_CLOEXEC);
		max = 0;
	}
	while (fd >= 0 && len > 0) {
		char step[BENEATH_STEP + 1];
		const char *slash = max ? NULL : memchr(path, '/', len);
		size_t n = max ? step_len(path, len, max) : slash ? (size_t)(slash - path) : len;
		if (n > BENEATH_STEP) {
			close(fd);
			return errno = ENAMETOOLONG, -1;
		}
		memcpy(step, path, n);
		step[n] = 0;
		int how = n == len ? flags : O_PATH;
		int next = max ? open_step(fd, step, how)
			       : openat(fd, step, how | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		int failed = errno;
		close(fd);
		errno = failed;
		fd = next;
		path += n < len ? n + 1 : n;
		len -= n < len ? n + 1 : n;
	}
	return fd;
}

static int reserve_path(struct hf_tree_walk *walk, size_t len)
{
	if (len < walk->path_cap)
		return 0;
	size_t cap = walk->path_cap * 2 > len ? walk->path_cap * 2 : len + 1;
	char *grown = realloc(walk->path, cap);
	if (!grown)
		return -1;
	walk->path = grown;
	walk->path_cap = cap;
	return 0;
}

/* Sets the path to that of `level` and `name`; returns its length, or 0 without memory. */
static size_t set_path(struct hf_tree_walk *walk, const struct level *level, const char *name)
{
	size_t at = level->path_len, n = strlen(name);
	if (reserve_path(walk, at + 1 + n) < 0)
		return 0;
	if (at > 0)
		walk->path[at++] = '/';
	memcpy(walk->path + at, name, n + 1);
	return at + n;
}

static struct level *new_level(struct hf_tree_walk *walk)
{
	if (walk->depth == walk->level_cap) {
		size_t cap = walk->level_cap ? walk->level_cap * 2 : 32;
		struct level *grown = realloc(walk->levels, cap * sizeof(*grown));
		if (!grown)
			return NULL;
		memset(grown + walk->level_cap, 0, (cap - walk->level_cap) * sizeof(*grown));
		walk->levels = grown;
		walk->level_cap = cap;
	}
	return &walk->levels[walk->depth++];
}

static bool is_cache(int fd)
{
	char text[sizeof(CACHE_SIGNATURE) - 1];
	int tag = openat(fd, CACHE_TAG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (tag < 0)
		return false;
	ssize_t n = read(tag, text, sizeof(text));
	close(tag);
	return n == (ssize_t)sizeof(text) && memcmp(text, CACHE_SIGNATURE, sizeof(text)) == 0;
}

static bool is_left_out(const struct hf_tree_walk_options *o, const struct level *level)
{
	if (!o->leave_out.inode || level->inode != o->leave_out.inode || level->device != o->leave_out.device)
		return false;
	if (o->leave_out.met)
		*o->leave_out.met = true;
	return true;
}

/* Opens the directory that `item` is, and makes its names the next to be met. Its level takes the descriptor. */
static int enter(struct hf_tree_walk *walk, struct hf_tree_item *item, int dirfd, struct hf_error *err)
{
	int fd = open_directory(dirfd, item->name);
	struct statx now;
	if (fd < 0 || stat_name(fd, "", AT_EMPTY_PATH, &now) < 0) {
		item->error = errno;
		item->attempt = "open";
		if (fd >= 0)
			close(fd);
		return 0;
	}
	item->st = now; /* what is open counts: the name may have been given to another one meanwhile */
	struct hf_tree_dir *dir = dir_new(walk, fd);
	struct level *level = dir ? new_level(walk) : NULL;
	if (!level) {
		hf_tree_dir_unref(dir);
		return no_memory(err);
	}
	level->dir = dir;
	level->device = makedev(now.stx_dev_major, now.stx_dev_minor);
	level->inode = now.stx_ino;
	level->path_len = item->path_len;
	item->fd = fd;
	hf_tree_names_clear(&level->names);
	if (walk->options.one_file_system && level->device != walk->levels[0].device)
		return 0;
	if (is_left_out(&walk->options, level))
		return 0;
	item->error = hf_tree_names_read(&level->names, fd);
	item->attempt = "list";
	if (walk->options.exclude_caches && hf_tree_names_has(&level->names, CACHE_TAG) && is_cache(fd))
		hf_tree_names_keep_only(&level->names, CACHE_TAG);
	if (walk->depth > KEEP_OPEN) {
		struct level *shallow = &walk->levels[walk->depth - KEEP_OPEN - 1];
		hf_tree_dir_unref(shallow->dir);
		shallow->dir = NULL;
	}
	return 0;
}

static bool is_level(const struct level *level, int fd)
{
	struct statx st;
	return stat_name(fd, "", AT_EMPTY_PATH, &st) == 0 && st.stx_ino == level->inode &&
		makedev(st.stx_dev_major, st.stx_dev_minor) == level->device;
}

/* The descriptor of a level that was closed: through ".." of the one below it, else from the root again. */
static int reopen(const struct hf_tree_walk *walk, const struct level *level, int below)
{
	int fd = below >= 0 ? open_directory(below, "..") : -1;
	if (fd >= 0 && is_level(level, fd))
		return fd;
	if (fd >= 0)
		close(fd);
	fd = hf_tree_open_beneath(walk->rootfd, walk->path, level->path_len, O_RDONLY);
	if (fd >= 0 && is_level(level, fd))
		return fd;
	if (fd >= 0)
		close(fd);
	errno = ESTALE;
	return -1;
}

/* Leaves the deepest level. 1: its parent can't be found again, and `item` says so. */
static int leave(struct hf_tree_walk *walk, struct hf_tree_item *item, struct hf_error *err)
{
	struct level *done = &walk->levels[walk->depth - 1];
	struct level *parent = walk->depth > 1 ? done - 1 : NULL;
	int lost = 0;
	if (parent && !parent->dir && parent->names.next < parent->names.count) {
		int fd = reopen(walk, parent, done->dir ? done->dir->fd : -1);
		if (fd < 0) {
			lost = errno;
			parent->names.next = parent->names.count;
		} else if (!(parent->dir = dir_new(walk, fd))) {
			return no_memory(err);
		}
	}
	hf_tree_dir_unref(done->dir);
	done->dir = NULL;
	walk->depth--;
	if (!lost)
		return 0;
	walk->path[parent->path_len] = 0;
	*item = (struct hf_tree_item){.path = walk->path, .path_len = parent->path_len, .name = ".", .fd = -1,
		.error = lost, .attempt = "return to (it was moved or removed)"};
	return 1;
}

static int meet(struct hf_tree_walk *walk, struct hf_tree_item *item, struct hf_tree_dir *dir, const char *name,
	struct hf_error *err)
{
	int dirfd = dir ? dir->fd : walk->rootfd;
	item->path = walk->path;
	item->name = name;
	item->dir = dir;
	item->fd = -1;
	item->error = 0;
	item->attempt = "stat";
	if (stat_name(dirfd, name, 0, &item->st) < 0) {
		item->error = errno;
		memset(&item->st, 0, sizeof(item->st));
		return 1;
	}
	if (!S_ISDIR(item->st.stx_mode))
		return 1;
	int r = enter(walk, item, dirfd, err);
	return r < 0 ? r : 1;
}

static int meet_root(struct hf_tree_walk *walk, struct hf_tree_item *item, struct hf_error *err)
{
	walk->started = true;
	walk->path[0] = 0;
	item->path_len = 0;
	return meet(walk, item, NULL, ".", err);
}

static int is_excluded(struct hf_tree_walk *walk, struct hf_error *err)
{
	return walk->options.excludes ? walk->options.excludes(walk->options.user, walk->path, err) : 0;
}

int hf_tree_walk_next(struct hf_tree_walk *walk, struct hf_tree_item *item, struct hf_error *err)
{
	if (walk->met++ % STOP_EVERY == 0) {
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
	}
	if (!walk->started)
		return meet_root(walk, item, err);
	while (walk->depth > 0) {
		struct level *level = &walk->levels[walk->depth - 1];
		if (level->names.next == level->names.count) {
			int r = leave(walk, item, err);
			if (r != 0)
				return r;
			continue;
		}
		const char *name = hf_tree_names_at(&level->names, level->names.next++);
		item->path_len = set_path(walk, level, name);
		if (item->path_len == 0)
			return no_memory(err);
		int r = is_excluded(walk, err);
		if (r < 0)
			return r;
		if (r == 0)
			return meet(walk, item, level->dir, name, err);
	}
	return 0;
}
