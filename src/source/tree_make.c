/* Making one thing of a tree; see tree_make.h. */
#include "source/tree_make.h"

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "source/tree_attr.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The umask can only be read by changing it, which other threads would notice; /proc tells it. Without that every
 * mode is set explicitly. */
static mode_t read_umask(void)
{
	unsigned mask = 0777;
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Umask: %o", &mask) == 1)
			break;
	if (f)
		fclose(f);
	return (mode_t)mask & 0777;
}

void hf_tree_maker_init(struct hf_tree_maker *maker, int rootfd, bool own_as_is)
{
	struct stat st;
	memset(maker, 0, sizeof(*maker));
	pthread_mutex_init(&maker->lock, NULL);
	maker->sets_owner = !own_as_is && geteuid() == 0;
	maker->uid = geteuid();
	maker->gid = getegid();
	maker->umask = read_umask();
	/* A file system mounted with grpid gives the directory's group to what is made in it. */
	if (fstat(rootfd, &st) == 0 && st.st_gid != maker->gid)
		maker->gid = (gid_t)-1;
}

static const char *const loss_text[HF_TREE_LOSSES] = {
	[HF_TREE_LOST_OWNER] = "the owner of %" PRIu64 " entries was left as it is; restore as root to set it",
	[HF_TREE_LOST_SETUID] = "%" PRIu64 " files lost their setuid, setgid or sticky bit; restore as root to set it",
	[HF_TREE_LOST_DEVICE] = "%" PRIu64 " device nodes were left out; restore as root to make them",
	[HF_TREE_LOST_XATTR] = "%" PRIu64 " extended attributes or ACLs could not be set",
	[HF_TREE_LOST_FLAGS] = "the file flags of %" PRIu64 " entries could not be set",
};

void hf_tree_maker_end(struct hf_tree_maker *maker, json_t **notes)
{
	for (int i = 0; i < HF_TREE_LOSSES; i++) {
		if (maker->losses[i].count == 0)
			continue;
		char text[160], note[640];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, sizeof(text), loss_text[i], maker->losses[i].count);
#pragma GCC diagnostic pop
		snprintf(note, sizeof(note), "%s (first: %s%s%s)", text, maker->losses[i].first,
			maker->losses[i].why[0] ? ": " : "", maker->losses[i].why);
		hf_warn("%s", note);
		if (!*notes)
			*notes = json_array();
		json_array_append_new(*notes, hf_json_bytes(note, strlen(note)));
	}
	pthread_mutex_destroy(&maker->lock);
}

/* Counts a loss. `errnum` 0: the text says enough. */
static void lost(struct hf_tree_maker *maker, enum hf_tree_loss kind, const struct hf_entry *entry, int errnum)
{
	pthread_mutex_lock(&maker->lock);
	if (maker->losses[kind].count++ == 0) {
		snprintf(maker->losses[kind].first, sizeof(maker->losses[kind].first), "%.*s",
			(int)(entry->path_len < 200 ? entry->path_len : 200), entry->path);
		if (errnum)
			snprintf(maker->losses[kind].why, sizeof(maker->losses[kind].why), "%s", strerror(errnum));
	}
	pthread_mutex_unlock(&maker->lock);
}

static int failed(struct hf_error *err, int errnum, const char *what, const struct hf_entry *entry)
{
	return hf_fail_errno(err, errnum, "%s %.*s", what, (int)(entry->path_len < 1000 ? entry->path_len : 1000),
		entry->path);
}

/* The mode that the entry is to get. Without its owner, setuid would give away what is not ours to give. */
static mode_t wanted_mode(const struct hf_tree_maker *maker, const struct hf_entry *entry)
{
	mode_t mode = entry->mode & 07777;
	if (maker->sets_owner)
		return mode;
	return mode & (entry->type == HF_ENTRY_DIRECTORY ? 01777 : 0777);
}

static int no_space(struct hf_error *err, int fd, const struct hf_entry *entry, uint64_t missing)
{
	struct statvfs fs = {0};
	(void)fstatvfs(fd, &fs);
	if (fs.f_files && !fs.f_favail)
		return hf_fail(err, HF_E_NOSPACE, "write %.*s: the file system has no inode left for one more file",
			(int)(entry->path_len < 1000 ? entry->path_len : 1000), entry->path);
	return hf_fail(err, HF_E_NOSPACE,
		"write %.*s: the disk is full: %" PRIu64 " of its %" PRIu64 " bytes are missing, %" PRIu64
		" bytes are free",
		(int)(entry->path_len < 1000 ? entry->path_len : 1000), entry->path, missing, entry->size,
		(uint64_t)fs.f_bavail * fs.f_frsize);
}

int hf_tree_make_file(const struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err)
{
	int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dirfd, name, flags, wanted_mode(maker, entry) & 0777);
	if (fd < 0 && (errno == ENOSPC || errno == EDQUOT))
		return no_space(err, dirfd, entry, entry->size);
	if (fd < 0)
		return failed(err, errno, "create", entry);
	unsigned now = 0;
	if (entry->file_flags & FS_NOCOW_FL && ioctl(fd, FS_IOC_GETFLAGS, &now) == 0) {
		now |= FS_NOCOW_FL; /* btrfs takes this one only while a file is empty */
		(void)ioctl(fd, FS_IOC_SETFLAGS, &now);
	}
	return fd;
}

/* Takes `n` written bytes off the front of a copied vector. */
static void advance(struct iovec **at, size_t *count, size_t n)
{
	while (*count > 0 && n >= (*at)->iov_len) {
		n -= (*at)->iov_len;
		++*at;
		--*count;
	}
	if (*count > 0) {
		(*at)->iov_base = (char *)(*at)->iov_base + n;
		(*at)->iov_len -= n;
	}
}

int hf_tree_make_data(int fd, const struct iovec *spans, size_t count, uint64_t offset, const struct hf_entry *entry,
	struct hf_error *err)
{
	enum { STEP = 64 };
	while (count > 0) {
		struct iovec some[STEP], *at = some;
		size_t n = count < STEP ? count : STEP;
		memcpy(some, spans, n * sizeof(*spans));
		spans += n;
		count -= n;
		advance(&at, &n, 0); /* past empty ones */
		while (n > 0) {
			ssize_t done = pwritev(fd, at, (int)n, (off_t)offset);
			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG))
				return no_space(err, fd, entry, entry->size > offset ? entry->size - offset : 0);
			if (done < 0)
				return failed(err, errno, "write", entry);
			offset += (uint64_t)done;
			advance(&at, &n, (size_t)done);
		}
	}
	return 0;
}

int hf_tree_make_finish(struct hf_tree_maker *maker, int fd, const struct hf_entry *entry, uint64_t reached,
	struct hf_error *err)
{
	if (reached != entry->size && ftruncate(fd, (off_t)entry->size) < 0)
		return failed(err, errno, "set the length of", entry);
	return hf_tree_make_attributes(maker, fd, entry, wanted_mode(maker, entry) & 0777 & ~maker->umask, err);
}

/* A thing to set attributes of: by descriptor, or by its path in /proc where the descriptor is O_PATH. */
struct thing {
	int fd;
	const char *path;
	const struct hf_entry *entry;
};

static bool is_refused(int errnum)
{
	return errnum == EPERM || errnum == EACCES || errnum == EINVAL || errnum == ENOTSUP || errnum == ENOSYS ||
		errnum == ENOTTY || errnum == EOVERFLOW;
}

static int set_owner(struct hf_tree_maker *maker, const struct thing *t, struct hf_error *err)
{
	const struct hf_entry *entry = t->entry;
	if (entry->uid == maker->uid && entry->gid == maker->gid)
		return 0;
	if (!maker->sets_owner) {
		if (entry->uid != maker->uid || maker->gid != (gid_t)-1)
			lost(maker, HF_TREE_LOST_OWNER, entry, 0);
		return 0;
	}
	if (fchownat(t->fd, "", entry->uid, entry->gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (!is_refused(errno))
		return failed(err, errno, "set the owner of", entry);
	lost(maker, HF_TREE_LOST_OWNER, entry, errno);
	return 1;
}

/* `now`: what the mode is, before a change of owner took the special bits. */
static int set_mode(struct hf_tree_maker *maker, const struct thing *t, mode_t now, struct hf_error *err)
{
	mode_t want = wanted_mode(maker, t->entry);
	if (want != (t->entry->mode & 07777))
		lost(maker, HF_TREE_LOST_SETUID, t->entry, 0);
	if (want == now)
		return 0;
	int r = t->path ? chmod(t->path, want) : fchmod(t->fd, want);
	return r == 0 ? 0 : failed(err, errno, "set the mode of", t->entry);
}

static void set_xattrs(struct hf_tree_maker *maker, const struct thing *t)
{
	for (size_t i = 0; i < t->entry->xattr_count; i++) {
		const struct hf_xattr *x = &t->entry->xattrs[i];
		int r = t->path ? setxattr(t->path, x->name, x->value, x->len, 0)
				: fsetxattr(t->fd, x->name, x->value, x->len, 0);
		if (r < 0)
			lost(maker, HF_TREE_LOST_XATTR, t->entry, errno);
	}
}

static void times_of(const struct hf_entry *entry, struct timespec times[2])
{
	int64_t seconds = entry->mtime_ns / HF_SECOND, ns = entry->mtime_ns % HF_SECOND;
	if (ns < 0) {
		seconds--;
		ns += HF_SECOND;
	}
	times[0] = (struct timespec){.tv_nsec = UTIME_OMIT};
	times[1] = (struct timespec){.tv_sec = seconds, .tv_nsec = ns};
}

static void set_flags(struct hf_tree_maker *maker, const struct thing *t)
{
	unsigned now = 0;
	if (t->entry->file_flags == 0)
		return;
	int r = ioctl(t->fd, FS_IOC_GETFLAGS, &now);
	unsigned want = (now & ~HF_TREE_FLAGS) | (t->entry->file_flags & HF_TREE_FLAGS);
	if (r == 0 && want != now)
		r = ioctl(t->fd, FS_IOC_SETFLAGS, &want);
	if (r < 0)
		lost(maker, HF_TREE_LOST_FLAGS, t->entry, errno);
}

int hf_tree_make_attributes(struct hf_tree_maker *maker, int fd, const struct hf_entry *entry, mode_t mode,
	struct hf_error *err)
{
	struct thing t = {.fd = fd, .entry = entry};
	struct timespec times[2];
	int r = set_owner(maker, &t, err);
	if (r == 0)
		r = set_mode(maker, &t, mode, err);
	else if (r > 0) /* not given to its owner: no setuid either */
		r = fchmod(fd, entry->mode & 0777) == 0 ? 0 : failed(err, errno, "set the mode of", entry);
	if (r < 0)
		return r;
	set_xattrs(maker, &t);
	times_of(entry, times);
	if (futimens(fd, times) < 0)
		return failed(err, errno, "set the time of", entry);
	set_flags(maker, &t);
	return 0;
}

static int make_node(int dirfd, const char *name, const struct hf_entry *entry)
{
	dev_t device = makedev(entry->device_major, entry->device_minor);
	switch (entry->type) {
	case HF_ENTRY_SYMLINK:
		return symlinkat(entry->link, dirfd, name);
	case HF_ENTRY_FIFO:
		return mknodat(dirfd, name, S_IFIFO | 0600, 0);
	case HF_ENTRY_SOCKET:
		return mknodat(dirfd, name, S_IFSOCK | 0600, 0);
	case HF_ENTRY_CHARACTER_DEVICE:
		return mknodat(dirfd, name, S_IFCHR | 0600, device);
	case HF_ENTRY_BLOCK_DEVICE:
		return mknodat(dirfd, name, S_IFBLK | 0600, device);
	default:
		return errno = EINVAL, -1;
	}
}

static void set_symlink_xattrs(struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry)
{
	char path[64 + NAME_MAX];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct hf_xattr *x = &entry->xattrs[i];
		if (lsetxattr(path, x->name, x->value, x->len, 0) < 0)
			lost(maker, HF_TREE_LOST_XATTR, entry, errno);
	}
}

static int special_attributes(struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err)
{
	char path[64];
	HF_FD_AUTO fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failed(err, errno, "open", entry);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct thing t = {.fd = fd, .path = path, .entry = entry};
	int r = set_owner(maker, &t, err);
	if (r < 0)
		return r;
	if (entry->type == HF_ENTRY_SYMLINK) {
		set_symlink_xattrs(maker, dirfd, name, entry);
	} else {
		r = set_mode(maker, &t, 0600 & ~maker->umask, err);
		if (r < 0)
			return r;
		set_xattrs(maker, &t);
	}
	struct timespec times[2];
	times_of(entry, times);
	if (utimensat(dirfd, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failed(err, errno, "set the time of", entry);
	return 0;
}

int hf_tree_make_special(struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err)
{
	bool is_device = entry->type == HF_ENTRY_CHARACTER_DEVICE || entry->type == HF_ENTRY_BLOCK_DEVICE;
	if (is_device && geteuid() != 0) {
		lost(maker, HF_TREE_LOST_DEVICE, entry, 0);
		return 0;
	}
	if (make_node(dirfd, name, entry) < 0) {
		if (!is_device || errno != EPERM)
			return failed(err, errno, "create", entry);
		lost(maker, HF_TREE_LOST_DEVICE, entry, errno); /* root of a container */
		return 0;
	}
	return special_attributes(maker, dirfd, name, entry, err);
}

/* Immutable and append-only files refuse new names: for that moment they are neither. */
static int link_protected(int from_dir, const char *from, int dirfd, const char *name)
{
	unsigned flags = 0;
	HF_FD_AUTO fd = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 || !(flags & (FS_IMMUTABLE_FL | FS_APPEND_FL)))
		return errno = EPERM, -1;
	unsigned open_flags = flags & ~(unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL);
	if (ioctl(fd, FS_IOC_SETFLAGS, &open_flags) < 0)
		return -1;
	int r = linkat(from_dir, from, dirfd, name, 0);
	int reason = errno;
	if (ioctl(fd, FS_IOC_SETFLAGS, &flags) < 0)
		return -1;
	errno = reason;
	return r;
}

int hf_tree_make_link(int from_dir, const char *from, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err)
{
	int r = linkat(from_dir, from, dirfd, name, 0);
	if (r < 0 && errno == EPERM)
		r = link_protected(from_dir, from, dirfd, name);
	return r == 0 ? 0 : failed(err, errno, "link", entry);
}
