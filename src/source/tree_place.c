/* Directories being restored; see tree_place.h. */
#include "source/tree_place.h"

#include "base/arena.h"
#include "source/tree_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { KEEP_OPEN = 48 };

struct hf_tree_place {
	struct hf_tree_maker *maker;
	int fd; /* -1 while closed */
	dev_t device;
	ino_t inode;
	atomic_uint refs; /* the stack's own, and one each job */
	size_t path_len;
	struct hf_arena arena;
	struct hf_entry entry; /* attributes to be set, in the arena */
	bool has_entry;
	mode_t plain_mode; /* without an entry: just this */
};

struct hf_tree_places {
	struct hf_tree_maker *maker;
	int rootfd;
	struct hf_tree_place **stack;
	size_t depth, cap;
	char *path; /* of the deepest level, and room for a name after it */
	size_t path_cap;
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory to restore a directory tree");
}

static int path_failed(struct hf_error *err, int errnum, const char *what, const char *path, size_t len)
{
	return hf_fail_errno(err, errnum, "%s %.*s", what, (int)(len < 1000 ? len : 1000), path);
}

/* Copies what a directory needs of its entry for later. */
static int keep_entry(struct hf_tree_place *place, const struct hf_entry *entry)
{
	struct hf_arena *a = &place->arena;
	struct hf_xattr *xattrs = entry->xattr_count ? hf_arena_alloc(a, entry->xattr_count * sizeof(*xattrs)) : NULL;
	if (entry->xattr_count && !xattrs)
		return -1;
	place->entry = *entry;
	place->entry.path = hf_arena_copy(a, entry->path, entry->path_len);
	if (!place->entry.path)
		return -1;
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct hf_xattr *from = &entry->xattrs[i];
		xattrs[i] = (struct hf_xattr){.name = hf_arena_copy(a, from->name, strlen(from->name)),
			.value = hf_arena_copy(a, from->value, from->len),
			.len = from->len};
		if (!xattrs[i].name || !xattrs[i].value)
			return -1;
	}
	place->entry.xattrs = xattrs;
	place->has_entry = true;
	return 0;
}

static void place_free(struct hf_tree_place *place)
{
	if (place->fd >= 0)
		close(place->fd);
	hf_arena_free(&place->arena);
	free(place);
}

/* A place over an open directory, which it takes. */
static struct hf_tree_place *place_new(struct hf_tree_places *places, int fd, size_t path_len)
{
	struct stat st;
	struct hf_tree_place *place = fstat(fd, &st) == 0 ? calloc(1, sizeof(*place)) : NULL;
	if (!place) {
		close(fd);
		return NULL;
	}
	place->maker = places->maker;
	place->fd = fd;
	place->device = st.st_dev;
	place->inode = st.st_ino;
	place->path_len = path_len;
	place->plain_mode = 0777 & ~places->maker->umask;
	atomic_init(&place->refs, 1);
	return place;
}

static int push(struct hf_tree_places *places, int fd, size_t path_len, struct hf_error *err)
{
	if (places->depth == places->cap) {
		size_t cap = places->cap ? places->cap * 2 : 32;
		struct hf_tree_place **grown = realloc(places->stack, cap * sizeof(struct hf_tree_place *));
		if (!grown) {
			close(fd);
			return no_memory(err);
		}
		places->stack = grown;
		places->cap = cap;
	}
	struct hf_tree_place *place = place_new(places, fd, path_len);
	if (!place)
		return no_memory(err);
	places->stack[places->depth++] = place;
	if (places->depth > KEEP_OPEN) {
		struct hf_tree_place *shallow = places->stack[places->depth - KEEP_OPEN - 1];
		if (shallow->fd >= 0 && atomic_load(&shallow->refs) == 1) {
			close(shallow->fd);
			shallow->fd = -1;
		}
	}
	return 0;
}

static int reserve_path(struct hf_tree_places *places, size_t len, struct hf_error *err)
{
	if (len < places->path_cap)
		return 0;
	size_t cap = places->path_cap ? places->path_cap * 2 : 4096;
	while (cap <= len)
		cap *= 2;
	char *grown = realloc(places->path, cap);
	if (!grown)
		return no_memory(err);
	places->path = grown;
	places->path_cap = cap;
	return 0;
}

int hf_tree_places_new(struct hf_tree_maker *maker, int rootfd, struct hf_tree_places **out, struct hf_error *err)
{
	struct stat st;
	int fd = openat(rootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return hf_fail_errno(err, errno, "open the directory to restore into");
	(void)fchmod(fd, 0700); /* if it is not ours, then so be it */
	(void)fremovexattr(fd, "system.posix_acl_default");
	(void)fremovexattr(fd, "system.posix_acl_access");
	struct hf_tree_places *places = calloc(1, sizeof(*places));
	if (!places) {
		close(fd);
		return no_memory(err);
	}
	places->maker = maker;
	places->rootfd = rootfd;
	int r = push(places, fd, 0, err);
	if (r == 0)
		r = reserve_path(places, 1, err);
	if (r < 0) {
		hf_tree_places_free(places, true, NULL);
		return r;
	}
	places->stack[0]->plain_mode = st.st_mode & 07777;
	*out = places;
	return 0;
}

/* The last reference is gone: nothing will be made in it any more. */
static int complete(struct hf_tree_place *place, struct hf_error *err)
{
	int r = 0;
	if (place->has_entry)
		r = hf_tree_make_attributes(place->maker, place->fd, &place->entry, 0700, err);
	else if (fchmod(place->fd, place->plain_mode) < 0 && errno != EPERM)
		r = hf_fail_errno(err, errno, "set the mode of a directory");
	place_free(place);
	return r;
}

int hf_tree_place_unref(struct hf_tree_place *place, struct hf_error *err)
{
	return atomic_fetch_sub(&place->refs, 1) == 1 ? complete(place, err) : 0;
}

int hf_tree_place_fd(const struct hf_tree_place *place)
{
	return place->fd;
}

static bool is_place(const struct hf_tree_place *place, int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_dev == place->device && st.st_ino == place->inode;
}

/* Opens `place` again, whose child `below` is. */
static int reopen(const struct hf_tree_places *places, struct hf_tree_place *place, int below, struct hf_error *err)
{
	int fd = openat(below, "..", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && is_place(place, fd)) {
		place->fd = fd;
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return path_failed(err, ESTALE, "return to", places->path, place->path_len);
}

/* Leaves the deepest directory. */
static int leave(struct hf_tree_places *places, struct hf_error *err)
{
	struct hf_tree_place *place = places->stack[places->depth - 1];
	struct hf_tree_place *parent = places->depth > 1 ? places->stack[places->depth - 2] : NULL;
	int r = parent && parent->fd < 0 ? reopen(places, parent, place->fd, err) : 0;
	if (r < 0)
		return r;
	places->depth--;
	places->path[parent ? parent->path_len : 0] = 0;
	return hf_tree_place_unref(place, err);
}

/* Is the deepest directory an ancestor of `path`, or the path itself? */
static bool is_above(const struct hf_tree_places *places, const char *path, size_t len)
{
	size_t n = places->stack[places->depth - 1]->path_len;
	return n == 0 || (len >= n && memcmp(path, places->path, n) == 0 && (len == n || path[n] == '/'));
}

/* Makes the next component of `path` below the deepest directory, and enters it. */
static int descend(struct hf_tree_places *places, const char *path, size_t len, struct hf_error *err)
{
	struct hf_tree_place *top = places->stack[places->depth - 1];
	size_t from = top->path_len ? top->path_len + 1 : 0;
	const char *slash = memchr(path + from, '/', len - from);
	size_t to = slash ? (size_t)(slash - path) : len;
	int r = reserve_path(places, to, err);
	if (r < 0)
		return r;
	memcpy(places->path, path, to);
	places->path[to] = 0;
	const char *name = places->path + from;
	if (mkdirat(top->fd, name, 0700) < 0)
		return path_failed(err, errno, "make the directory", path, to);
	int fd = openat(top->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return path_failed(err, errno, "open the directory", path, to);
	return push(places, fd, to, err);
}

/* Goes to the directory `path`, which may be new. */
static int go_to(struct hf_tree_places *places, const char *path, size_t len, struct hf_error *err)
{
	int r = 0;
	while (r == 0 && !is_above(places, path, len))
		r = leave(places, err);
	while (r == 0 && places->stack[places->depth - 1]->path_len < len)
		r = descend(places, path, len, err);
	return r;
}

int hf_tree_places_enter(struct hf_tree_places *places, const struct hf_entry *entry, struct hf_error *err)
{
	int r = go_to(places, entry->path, entry->path_len, err);
	if (r < 0)
		return r;
	struct hf_tree_place *place = places->stack[places->depth - 1];
	if (place->has_entry)
		return path_failed(err, EEXIST, "make the directory", entry->path, entry->path_len);
	return keep_entry(place, entry) < 0 ? no_memory(err) : 0;
}

int hf_tree_places_parent(struct hf_tree_places *places, const char *path, size_t path_len,
	struct hf_tree_place **out, const char **name, struct hf_error *err)
{
	const char *slash = memrchr(path, '/', path_len);
	size_t dir_len = slash ? (size_t)(slash - path) : 0;
	int r = go_to(places, path, dir_len, err);
	if (r == 0)
		r = reserve_path(places, path_len + 1, err);
	if (r < 0)
		return r;
	size_t from = slash ? dir_len + 1 : 0;
	char *at = places->path + dir_len + 1; /* beyond the directory's own path and its terminator */
	memcpy(at, path + from, path_len - from);
	at[path_len - from] = 0;
	*out = places->stack[places->depth - 1];
	atomic_fetch_add(&(*out)->refs, 1);
	*name = at;
	return 0;
}

int hf_tree_places_free(struct hf_tree_places *places, bool is_failed, struct hf_error *err)
{
	int r = 0;
	if (!places)
		return 0;
	while (places->depth > 0 && r == 0 && !is_failed)
		r = leave(places, err);
	while (places->depth > 0)
		place_free(places->stack[--places->depth]);
	free(places->stack);
	free(places->path);
	free(places);
	return r;
}
