/*
 * The store in a local directory: an object is a file of its name. It is made beside, fsynced and renamed with
 * RENAME_NOREPLACE (base/file.h), so it is never seen in part and never replaced. Open descriptors of recently read
 * objects are kept, since a restore reads many ranges of one pack.
 */
#include "store/store_internal.h"

#include "base/file.h"
#include "store/limit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { OPEN_FILES = 8 };

struct open_file {
	char name[HF_NAME_MAX];
	int fd, users;
	uint64_t used; /* when, for picking the one to close */
};

struct local {
	struct hf_store base;
	struct hf_limits limits;
	char *path;
	int dir;
	pthread_mutex_t lock; /* of the open files */
	struct open_file files[OPEN_FILES];
	uint64_t clock;
};

static int make_parents(struct local *l, const char *name, struct hf_error *err)
{
	const char *slash = strrchr(name, '/');
	if (!slash)
		return 0;
	char parent[HF_NAME_MAX];
	memcpy(parent, name, (size_t)(slash - name));
	parent[slash - name] = 0;
	return hf_mkdirs(l->dir, parent, 0777, err);
}

static void wait_for(void *limit, size_t bytes)
{
	hf_limit_take(limit, bytes);
}

static int local_put(struct hf_store *s, const char *name, const struct iovec *parts, int count,
	struct hf_error *err)
{
	struct local *l = (struct local *)s;
	struct hf_limit *limit = l->limits.upload;
	const struct hf_file_options fresh = {.fresh = true, .pace = {limit ? wait_for : NULL, limit, hf_limit_piece(limit)}};
	int r = hf_file_write(l->dir, name, parts, count, &fresh, err);
	if (r == HF_E_NOTFOUND) {
		r = make_parents(l, name, err);
		if (r == 0)
			r = hf_file_write(l->dir, name, parts, count, &fresh, err);
	}
	return r < 0 ? hf_wrap(err, r, "repository %s", l->path) : 0;
}

static struct open_file *find_open(struct local *l, const char *name)
{
	for (int i = 0; i < OPEN_FILES; i++)
		if (l->files[i].fd >= 0 && strcmp(l->files[i].name, name) == 0)
			return &l->files[i];
	return NULL;
}

/* An entry that no one uses, emptied; NULL if all are in use. */
static struct open_file *free_entry(struct local *l)
{
	struct open_file *oldest = NULL;
	for (int i = 0; i < OPEN_FILES; i++) {
		struct open_file *f = &l->files[i];
		if (f->users == 0 && (!oldest || f->fd < 0 || (oldest->fd >= 0 && f->used < oldest->used)))
			oldest = f;
	}
	if (oldest)
		hf_fd_close(&oldest->fd);
	return oldest;
}

/* The descriptor of an object; `*file` is to be given back, or NULL if the descriptor is the caller's to close. */
static int acquire(struct local *l, const char *name, struct open_file **file, struct hf_error *err)
{
	pthread_mutex_lock(&l->lock);
	struct open_file *f = find_open(l, name);
	int fd = f ? f->fd : openat(l->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int why = errno;
	if (fd >= 0 && !f && (f = free_entry(l))) {
		f->fd = fd;
		strcpy(f->name, name);
	}
	if (fd >= 0 && f) {
		f->users++;
		f->used = ++l->clock;
	}
	pthread_mutex_unlock(&l->lock);
	*file = f;
	return fd >= 0 ? fd : hf_fail_errno(err, why, "open object %s in repository %s", name, l->path);
}

static void give_back(struct local *l, struct open_file *f, int fd)
{
	if (!f) {
		close(fd);
		return;
	}
	pthread_mutex_lock(&l->lock);
	f->users--;
	pthread_mutex_unlock(&l->lock);
}

/* Returns how many bytes there were. */
static ssize_t read_paced(struct local *l, int fd, struct iovec out, uint64_t offset, const char *name, struct hf_error *err)
{
	size_t piece = hf_limit_piece(l->limits.download), done = 0;
	ssize_t n = 0;
	while (done < out.iov_len) {
		size_t want = out.iov_len - done < piece ? out.iov_len - done : piece;
		hf_limit_take(l->limits.download, want);
		n = hf_pread_full(fd, (uint8_t *)out.iov_base + done, want, offset + done, name, err);
		if (n < 0)
			return n;
		done += (size_t)n;
		if ((size_t)n < want)
			break;
	}
	return (ssize_t)done;
}

static int local_get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len,
	struct hf_error *err)
{
	struct local *l = (struct local *)s;
	struct open_file *f = NULL;
	int fd = acquire(l, name, &f, err);
	if (fd < 0)
		return fd;
	ssize_t n = read_paced(l, fd, (struct iovec){out, len}, offset, name, err);
	give_back(l, f, fd);
	if (n < 0)
		return (int)n;
	if ((size_t)n < len)
		return hf_fail(err, HF_E_CORRUPT, "object %s in repository %s is cut short: wanted bytes %llu to %llu",
			name, l->path, (unsigned long long)offset, (unsigned long long)(offset + len));
	return 0;
}

static int local_stat(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	struct local *l = (struct local *)s;
	struct stat st;
	if (fstatat(l->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return hf_fail_errno(err, errno, "object %s in repository %s", name, l->path);
	if (!S_ISREG(st.st_mode))
		return hf_fail(err, HF_E_CORRUPT, "object %s in repository %s is not a file", name, l->path);
	*info = (struct hf_object_info){.size = (uint64_t)st.st_size,
		.time_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
	strncpy(info->name, name, sizeof(info->name) - 1);
	return 0;
}

struct walk {
	struct local *l;
	hf_store_each *each;
	void *user;
};

static int walk_directory(const struct walk *w, const char *path, struct hf_error *err);

static int visit(const struct walk *w, const char *path, struct hf_error *err)
{
	struct stat st;
	if (fstatat(w->l->dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : hf_fail_errno(err, errno, "list %s in repository %s", path, w->l->path);
	if (S_ISDIR(st.st_mode))
		return walk_directory(w, path, err);
	if (!S_ISREG(st.st_mode))
		return 0;
	struct hf_object_info info;
	int r = local_stat(&w->l->base, path, &info, err);
	return r < 0 ? r : w->each(&info, w->user, err);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *de)
{
	return de->d_name[0] != '.';
}

static int walk_directory(const struct walk *w, const char *path, struct hf_error *err)
{
	struct dirent **names = NULL;
	int n = scandirat(w->l->dir, *path ? path : ".", &names, not_hidden, by_name);
	if (n < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? 0
			       : hf_fail_errno(err, errno, "list %s in repository %s", path, w->l->path);
	int r = 0;
	for (int i = 0; i < n; i++) {
		char child[HF_NAME_MAX];
		int len = snprintf(child, sizeof(child), "%s%s%s", path, *path ? "/" : "", names[i]->d_name);
		if (r == 0 && len < (int)sizeof(child))
			r = visit(w, child, err);
		free(names[i]);
	}
	free(names);
	return r;
}

static int local_list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	char path[HF_NAME_MAX];
	strncpy(path, prefix, sizeof(path) - 1);
	path[sizeof(path) - 1] = 0;
	size_t n = strlen(path);
	if (n && path[n - 1] == '/')
		path[n - 1] = 0;
	struct walk w = {(struct local *)s, each, user};
	return walk_directory(&w, path, err);
}

static int local_erase(struct hf_store *s, const char *name, struct hf_error *err)
{
	struct local *l = (struct local *)s;
	if (unlinkat(l->dir, name, 0) < 0 && errno != ENOENT)
		return hf_fail_errno(err, errno, "delete object %s in repository %s", name, l->path);
	return 0;
}

static void local_limit_by(struct hf_store *s, const struct hf_limits *limits)
{
	((struct local *)s)->limits = *limits;
}

static void local_close(struct hf_store *s)
{
	struct local *l = (struct local *)s;
	for (int i = 0; i < OPEN_FILES; i++)
		hf_fd_close(&l->files[i].fd);
	hf_fd_close(&l->dir);
	pthread_mutex_destroy(&l->lock);
	free(l->path);
	free(l);
}

/* Makes the directory, unless the disk is missing that it belongs on. */
static int make_place(const char *path, const struct hf_store_open_options *options, struct hf_error *err)
{
	size_t n = strlen(path);
	int r = hf_store_check_mounted(path, err); /* a mount point is there without its disk, too */
	if (r < 0 || access(path, F_OK) == 0)
		return r;
	while (n && path[n - 1] == '/')
		n--;
	while (n && path[n - 1] != '/')
		n--;
	char *parent = n ? strndup(path, n) : strdup(".");
	if (!parent)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	if (options->create_itself && access(parent, F_OK) < 0)
		r = hf_fail_errno(err, errno, "make %s in %s (mount the disk, or make that directory if it is the right one)", path, parent);
	free(parent);
	return r < 0 ? r : hf_mkdirs(AT_FDCWD, path, 0700, err);
}

static int no_place(const char *path, int errnum, struct hf_error *err)
{
	struct hf_error why = {0};
	if (hf_store_check_mounted(path, &why) < 0)
		return hf_fail(err, HF_E_NOREPO, "no repository at %s: %s", path, why.msg);
	return hf_fail(err, HF_E_NOREPO, "no repository at %s: %s; make one with holdfast init", path, strerror(errnum));
}

int hf_store_open_local(const char *path, const struct hf_store_open_options *options, struct hf_store **out,
	struct hf_error *err)
{
	static const struct hf_store_ops ops = {.put = local_put, .get = local_get, .stat = local_stat,
		.list = local_list, .erase = local_erase, .limit_by = local_limit_by, .close = local_close};
	int r = options->create ? make_place(path, options, err) : 0;
	if (r < 0)
		return r;
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return no_place(path, errno, err);
	if (dir < 0)
		return hf_fail_errno(err, errno, "open repository %s", path);
	struct local *l = calloc(1, sizeof(*l));
	char *copy = strdup(path);
	if (!l || !copy) {
		free(l);
		free(copy);
		close(dir);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	*l = (struct local){.base = {.ops = &ops}, .path = copy, .dir = dir};
	for (int i = 0; i < OPEN_FILES; i++)
		l->files[i].fd = -1;
	pthread_mutex_init(&l->lock, NULL);
	*out = &l->base;
	return 0;
}
