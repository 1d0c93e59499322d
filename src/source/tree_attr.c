/* Attributes beyond stat; see tree_attr.h. */
#include "source/tree_attr.h"

#include "base/buf.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

const uint32_t HF_TREE_FLAGS = FS_SECRM_FL | FS_UNRM_FL | FS_COMPR_FL | FS_SYNC_FL | FS_IMMUTABLE_FL |
	FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_NOCOMP_FL | FS_JOURNAL_DATA_FL | FS_NOTAIL_FL |
	FS_DIRSYNC_FL | FS_TOPDIR_FL | FS_NOCOW_FL | FS_PROJINHERIT_FL;

static enum hf_entry_type type_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return HF_ENTRY_FILE;
	case S_IFDIR:
		return HF_ENTRY_DIRECTORY;
	case S_IFLNK:
		return HF_ENTRY_SYMLINK;
	case S_IFIFO:
		return HF_ENTRY_FIFO;
	case S_IFCHR:
		return HF_ENTRY_CHARACTER_DEVICE;
	case S_IFBLK:
		return HF_ENTRY_BLOCK_DEVICE;
	case S_IFSOCK:
		return HF_ENTRY_SOCKET;
	default:
		return 0;
	}
}

static int64_t ns_of(const struct statx_timestamp *t)
{
	return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

void hf_tree_entry_stat(struct hf_entry *entry, const struct statx *st)
{
	entry->type = type_of(st->stx_mode);
	entry->mode = st->stx_mode & 07777;
	entry->uid = st->stx_uid;
	entry->gid = st->stx_gid;
	entry->mtime_ns = ns_of(&st->stx_mtime);
	entry->size = entry->type == HF_ENTRY_FILE ? st->stx_size : 0;
	entry->device_major = st->stx_rdev_major;
	entry->device_minor = st->stx_rdev_minor;
	entry->stamp = (struct hf_stamp){.device = makedev(st->stx_dev_major, st->stx_dev_minor),
		.inode = st->stx_ino,
		.size = st->stx_size,
		.mtime_ns = entry->mtime_ns,
		.ctime_ns = ns_of(&st->stx_ctime)};
}

/* Either an open file, or a name in an open directory, as a path that the l*xattr calls take. */
struct place {
	int fd;
	const char *path; /* NULL: use fd */
};

static ssize_t list_names(const struct place *at, char *names, size_t size)
{
	return at->path ? llistxattr(at->path, names, size) : flistxattr(at->fd, names, size);
}

static ssize_t get_value(const struct place *at, const char *name, void *value, size_t size)
{
	return at->path ? lgetxattr(at->path, name, value, size) : fgetxattr(at->fd, name, value, size);
}

/* The list of names, each terminated, in `fixed` or, where that is too small, in the arena. */
static ssize_t names_of(const struct place *at, char *fixed, size_t size, struct hf_arena *arena, char **names)
{
	*names = fixed;
	ssize_t len = list_names(at, fixed, size);
	if (len >= 0 || errno != ERANGE)
		return len;
	*names = hf_arena_alloc(arena, XATTR_LIST_MAX);
	if (*names)
		return list_names(at, *names, XATTR_LIST_MAX);
	errno = ENOMEM;
	return -1;
}

/* One value, sized by asking first; it may grow between the two calls, so a few tries. */
static ssize_t value_of(const struct place *at, const char *name, struct hf_arena *arena, void **value)
{
	char small[256];
	ssize_t len = get_value(at, name, small, sizeof(small));
	if (len >= 0) {
		*value = hf_arena_copy(arena, small, (size_t)len);
		return *value ? len : (errno = ENOMEM, -1);
	}
	if (errno != ERANGE)
		return -1;
	*value = hf_arena_alloc(arena, XATTR_SIZE_MAX);
	if (!*value)
		return errno = ENOMEM, -1;
	return get_value(at, name, *value, XATTR_SIZE_MAX);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hf_xattr *)a)->name, ((const struct hf_xattr *)b)->name);
}

static size_t count_names(const char *names, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += names[i] == 0;
	return count;
}

static int read_values(const struct place *at, const char *names, size_t len, struct hf_arena *arena,
	struct hf_entry *entry)
{
	size_t count = count_names(names, len);
	struct hf_xattr *list = hf_arena_alloc(arena, count * sizeof(*list));
	if (!list)
		return ENOMEM;
	int failed = 0;
	size_t n = 0;
	for (const char *name = names; name < names + len && n < count; name += strlen(name) + 1) {
		void *value = NULL;
		ssize_t got = value_of(at, name, arena, &value);
		if (got < 0) {
			if (errno != ENODATA) /* removed since it was listed */
				failed = errno;
			continue;
		}
		list[n].name = hf_arena_copy(arena, name, strlen(name));
		if (!list[n].name)
			return ENOMEM;
		list[n].value = value;
		list[n++].len = (size_t)got;
	}
	qsort(list, n, sizeof(*list), by_name);
	entry->xattrs = list;
	entry->xattr_count = n;
	return failed;
}

int hf_tree_xattrs(int fd, const char *name, struct hf_arena *arena, struct hf_entry *entry, struct hf_error *err)
{
	char path[64 + NAME_MAX];
	struct place at = {.fd = fd};
	if (name) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", fd, name);
		at.path = path;
	}
	entry->xattrs = NULL;
	entry->xattr_count = 0;
	char fixed[1024], *names;
	ssize_t len = names_of(&at, fixed, sizeof(fixed), arena, &names);
	if (len == 0 || (len < 0 && (errno == ENOTSUP || errno == ENOSYS)))
		return 0;
	int failed = len < 0 ? errno : read_values(&at, names, (size_t)len, arena, entry);
	return failed ? hf_fail_errno(err, failed, "read extended attributes") : 0;
}

uint32_t hf_tree_flags(int fd)
{
	unsigned int flags = 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0)
		return 0;
	return flags & HF_TREE_FLAGS;
}

/* A list of extents that doubles in the arena. */
struct extents {
	struct hf_extent *list;
	size_t count, cap;
};

static int add_extent(struct extents *x, struct hf_arena *arena, uint64_t offset, uint64_t len)
{
	if (x->count == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 8;
		struct hf_extent *grown = hf_arena_alloc(arena, cap * sizeof(*grown));
		if (!grown)
			return -1;
		if (x->count > 0)
			memcpy(grown, x->list, x->count * sizeof(*grown));
		x->list = grown;
		x->cap = cap;
	}
	x->list[x->count++] = (struct hf_extent){.offset = offset, .len = len};
	return 0;
}

/* Collects the extents up to `size`. Returns 0, or an errno. */
static int map_data(int fd, uint64_t size, struct hf_arena *arena, struct extents *x)
{
	uint64_t at = 0;
	while (at < size) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : errno; /* ENXIO: nothing but a hole from here on */
		off_t hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0 && errno != ENXIO)
			return errno;
		uint64_t end = hole < 0 || (uint64_t)hole > size || x->count == HF_TREE_EXTENTS_MAX - 1
			? size
			: (uint64_t)hole;
		if ((uint64_t)data >= end)
			return 0;
		if (add_extent(x, arena, (uint64_t)data, end - (uint64_t)data) < 0)
			return ENOMEM;
		at = end;
	}
	return 0;
}

int hf_tree_extents(int fd, struct hf_arena *arena, struct hf_entry *entry, struct hf_error *err)
{
	struct extents x = {0};
	entry->is_sparse = false;
	entry->extents = NULL;
	entry->extent_count = 0;
	int failed = map_data(fd, entry->size, arena, &x);
	if (failed == EINVAL || failed == ENOTSUP || failed == ESPIPE)
		return 0;
	if (failed)
		return hf_fail_errno(err, failed, "find the holes");
	if (x.count == 1 && x.list[0].offset == 0 && x.list[0].len == entry->size)
		return 0;
	entry->is_sparse = entry->size > 0;
	entry->extents = x.list;
	entry->extent_count = x.count;
	return 0;
}
