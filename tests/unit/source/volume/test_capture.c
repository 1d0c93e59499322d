/*
 * Capturing a volume: every kind of thing, every attribute, odd names and depths; files that change, vanish or can't be
 * read; what is left out; the stat cache. As root, on a file system with xattrs, ACLs and flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../rig.h"
#include "base/stop.h"
#include "base/time.h"
#include "source/tree_attr.h"
#include "source/volume/capture.h"
#include "source/volume/read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct scene {
	char path[64];
	int fd;
	struct rig_recording rec;
	bool incomplete;
};

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	s->fd = rig_scratch(s->path);
	rig_recording_init(&s->rec);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	hf_volume_read_hook = NULL;
	rig_recording_free(&s->rec);
	close(s->fd);
	rig_scratch_remove(s->path);
	free(s);
	return 0;
}

static void capture(struct scene *s)
{
	struct hf_tree_walk_options options = {0};
	struct hf_error err = {0};
	if (hf_volume_capture(s->fd, &options, &s->rec.sink, &s->incomplete, &err) != 0)
		fail_msg("%s", err.msg);
	assert_int_equal(s->incomplete, s->rec.problem_count > 0);
}

static const struct rig_file *must_find(struct scene *s, const char *path)
{
	const struct rig_file *file = rig_find(&s->rec, path);
	if (!file)
		fail_msg("\"%s\" was not captured", path);
	return file;
}

static void assert_text(struct scene *s, const char *path, const char *text)
{
	size_t len;
	const uint8_t *data = rig_contents(&s->rec, must_find(s, path), &len);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(data, text, len);
}

static void set_mtime(int fd, const char *name, int64_t seconds, long ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = ns}};
	assert_int_equal(utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void each_kind_is_captured(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "file", "text");
	assert_int_equal(mkdirat(s->fd, "empty", 0710), 0);
	assert_int_equal(symlinkat("to/\xff where", s->fd, "link"), 0);
	assert_int_equal(linkat(s->fd, "file", s->fd, "other", 0), 0);
	assert_int_equal(mkfifoat(s->fd, "fifo", 0600), 0);
	assert_int_equal(mknodat(s->fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknodat(s->fd, "disk", S_IFBLK | 0660, makedev(259, 70000)), 0);
	assert_int_equal(mknodat(s->fd, "socket", S_IFSOCK | 0600, 0), 0);
	rig_write(s->fd, "nothing", "");
	capture(s);

	assert_int_equal(s->rec.count, 10);
	assert_int_equal(must_find(s, "")->entry.type, HF_ENTRY_DIRECTORY);
	assert_text(s, "file", "text");
	assert_text(s, "nothing", "");
	assert_int_equal(must_find(s, "empty")->entry.type, HF_ENTRY_DIRECTORY);
	assert_int_equal(must_find(s, "empty")->entry.mode, 0710);
	assert_int_equal(must_find(s, "link")->entry.type, HF_ENTRY_SYMLINK);
	assert_string_equal(must_find(s, "link")->entry.link, "to/\xff where");
	assert_int_equal(must_find(s, "link")->entry.size, 0);
	assert_int_equal(must_find(s, "other")->entry.type, HF_ENTRY_HARDLINK);
	assert_string_equal(must_find(s, "other")->entry.link, "file");
	assert_int_equal(must_find(s, "other")->entry.size, 0);
	assert_int_equal(must_find(s, "fifo")->entry.type, HF_ENTRY_FIFO);
	assert_int_equal(must_find(s, "null")->entry.type, HF_ENTRY_CHARACTER_DEVICE);
	assert_int_equal(must_find(s, "null")->entry.device_minor, 3);
	assert_int_equal(must_find(s, "disk")->entry.type, HF_ENTRY_BLOCK_DEVICE);
	assert_int_equal(must_find(s, "disk")->entry.device_major, 259);
	assert_int_equal(must_find(s, "disk")->entry.device_minor, 70000);
	assert_int_equal(must_find(s, "socket")->entry.type, HF_ENTRY_SOCKET);
}

static const struct hf_xattr *xattr(const struct rig_file *file, const char *name)
{
	for (size_t i = 0; i < file->entry.xattr_count; i++)
		if (strcmp(file->entry.xattrs[i].name, name) == 0)
			return &file->entry.xattrs[i];
	fail_msg("no %s", name);
	return NULL;
}

static void each_attribute_is_captured(void **state)
{
	struct scene *s = *state;
	static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xd2, 4, 0, 0, 4,
		0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};
	static const unsigned char caps[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	rig_write(s->fd, "f", "x");
	int fd = openat(s->fd, "f", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fchown(fd, 1234, 0), 0);
	assert_int_equal(fchmod(fd, 06755), 0);
	assert_int_equal(fsetxattr(fd, "user.z", "\0\xff", 2, 0), 0);
	assert_int_equal(fsetxattr(fd, "user.empty", "", 0, 0), 0);
	assert_int_equal(fsetxattr(fd, "security.capability", caps, sizeof(caps), 0), 0);
	assert_int_equal(fsetxattr(fd, "system.posix_acl_access", acl, sizeof(acl), 0), 0);
	char long_value[3000];
	memset(long_value, 'v', sizeof(long_value));
	assert_int_equal(fsetxattr(fd, "user.long", long_value, sizeof(long_value), 0), 0);
	unsigned flags; /* ext4 takes its own (extents) away where they are left out, which fails now and then */
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	flags |= FS_NODUMP_FL | FS_NOATIME_FL;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
	close(fd);
	set_mtime(s->fd, "f", -5, 123456789);
	assert_int_equal(symlinkat("f", s->fd, "l"), 0);
	assert_int_equal(fchownat(s->fd, "l", 77, 88, AT_SYMLINK_NOFOLLOW), 0);
	set_mtime(s->fd, "l", 1000000000, 1);
	assert_int_equal(mkdirat(s->fd, "d", 01777), 0);
	assert_int_equal(fchmodat(s->fd, "d", 01777, 0), 0);
	char path[128];
	snprintf(path, sizeof(path), "%s/d", s->path);
	assert_int_equal(setxattr(path, "trusted.t", "1", 1, 0), 0);
	snprintf(path, sizeof(path), "%s/l", s->path);
	assert_int_equal(lsetxattr(path, "trusted.l", "2", 1, 0), 0);
	capture(s);

	const struct rig_file *f = must_find(s, "f");
	assert_int_equal(f->entry.mode & 07000, 06000);
	assert_int_equal(f->entry.uid, 1234);
	assert_null(f->entry.user);
	assert_int_equal(f->entry.gid, 0);
	assert_string_equal(f->entry.group, "root");
	assert_true(f->entry.mtime_ns == -5 * HF_SECOND + 123456789);
	assert_int_equal(f->entry.file_flags, FS_NODUMP_FL | FS_NOATIME_FL);
	assert_int_equal(f->entry.xattr_count, 5);
	assert_int_equal(xattr(f, "user.z")->len, 2);
	assert_memory_equal(xattr(f, "user.z")->value, "\0\xff", 2);
	assert_int_equal(xattr(f, "user.empty")->len, 0);
	assert_int_equal(xattr(f, "user.long")->len, sizeof(long_value));
	assert_memory_equal(xattr(f, "user.long")->value, long_value, sizeof(long_value));
	assert_memory_equal(xattr(f, "security.capability")->value, caps, sizeof(caps));
	assert_memory_equal(xattr(f, "system.posix_acl_access")->value, acl, sizeof(acl));
	const struct rig_file *l = must_find(s, "l");
	assert_int_equal(l->entry.uid, 77);
	assert_int_equal(l->entry.gid, 88);
	assert_true(l->entry.mtime_ns == 1000000000 * HF_SECOND + 1);
	assert_int_equal(xattr(l, "trusted.l")->len, 1);
	assert_int_equal(must_find(s, "d")->entry.mode, 01777);
	assert_int_equal(xattr(must_find(s, "d"), "trusted.t")->len, 1);
}

static void odd_names_come_in_order(void **state)
{
	struct scene *s = *state;
	static const char *const names[] = {"a", "a.b", "a b", "\xff\xfe", "new\nline", "-rf", " ", "...", "\xc3\xa4"};
	char longest[256];
	memset(longest, 'n', 255);
	longest[255] = 0;
	assert_int_equal(mkdirat(s->fd, "a", 0755), 0);
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		rig_write(s->fd, names[i], names[i]);
	rig_write(s->fd, longest, "long");
	rig_write(s->fd, "a/x", "inside");
	capture(s); /* the recording checks the order */
	for (size_t i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		assert_text(s, names[i], names[i]);
	assert_text(s, longest, "long");
	assert_text(s, "a/x", "inside");
	assert_int_equal(s->rec.count, 12);
}

/* 300 levels of 20 bytes: 6000 bytes of path; at each level a file before and one after the way down. */
static void deeper_than_path_max(void **state)
{
	struct scene *s = *state;
	enum { DEPTH = 300 };
	int fd = dup(s->fd);
	for (int i = 0; i < DEPTH; i++) {
		rig_write(fd, "a", "before");
		rig_write(fd, "z", "after");
		assert_int_equal(mkdirat(fd, "level.89012345678901", 0755), 0);
		int next = openat(fd, "level.89012345678901", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
	capture(s);
	assert_int_equal(s->rec.problem_count, 0);
	assert_int_equal(s->rec.count, 1 + 3 * DEPTH);
	const struct rig_file *deepest = &s->rec.files[s->rec.count - 1 - DEPTH];
	assert_int_equal(deepest->entry.path_len, DEPTH * 21 - 1);
}

static void many_files_in_one_directory(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 3000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "file-%d", i * 7919 % 3000);
		rig_write(s->fd, name, name);
	}
	capture(s);
	assert_int_equal(s->rec.count, 3001);
	assert_text(s, "file-2999", "file-2999");
	assert_text(s, "file-0", "file-0");
}

static void many_directories_stay_few_descriptors(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 600; i++) {
		char name[32];
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(mkdirat(s->fd, name, 0755), 0);
		snprintf(name, sizeof(name), "d%d/f", i);
		rig_write(s->fd, name, name);
	}
	capture(s);
	assert_int_equal(s->rec.problem_count, 0);
	assert_int_equal(s->rec.count, 1201);
	assert_text(s, "d599/f", "d599/f");
}

static void write_at(int dirfd, const char *name, off_t size, off_t at, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, size), 0);
	assert_int_equal(pwrite(fd, text, strlen(text), at), strlen(text));
	close(fd);
}

static void holes_are_not_read(void **state)
{
	struct scene *s = *state;
	const off_t large = INT64_C(6) << 30;
	write_at(s->fd, "small", 100000, 50000, "island");
	write_at(s->fd, "large", large, INT64_C(5) << 30, "far out");
	int fd = openat(s->fd, "hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	rig_write(s->fd, "solid", "no hole");
	capture(s);

	const struct rig_file *f = must_find(s, "large");
	assert_true(f->entry.is_sparse);
	assert_true(f->done.size == (uint64_t)large);
	assert_int_equal(f->entry.extent_count, 1);
	assert_int_equal(f->range_count, 1);
	assert_true(f->ranges[0].offset == UINT64_C(5) << 30);
	assert_memory_equal(f->ranges[0].data, "far out", 7);
	f = must_find(s, "small");
	assert_true(f->entry.is_sparse);
	assert_int_equal(f->done.size, 100000);
	assert_true(f->ranges[0].len < 100000);
	f = must_find(s, "hole");
	assert_true(f->entry.is_sparse);
	assert_int_equal(f->entry.extent_count, 0);
	assert_int_equal(f->done.size, 1 << 20);
	assert_int_equal(f->range_count, 0);
	assert_false(must_find(s, "solid")->entry.is_sparse);
}

static void large_files_come_whole(void **state)
{
	struct scene *s = *state;
	const size_t sizes[] = {HF_VOLUME_SMALL - 1, HF_VOLUME_SMALL, HF_VOLUME_SMALL + 1, 1 << 20, (1 << 20) + 1, 5000000};
	uint8_t *data = malloc(5000000);
	for (size_t i = 0; i < 5000000; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (size_t i = 0; i < 6; i++) {
		char name[32];
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_int_equal(write(fd, data, sizes[i]), sizes[i]);
		close(fd);
	}
	capture(s);
	for (size_t i = 0; i < 6; i++) {
		char name[32];
		size_t len;
		snprintf(name, sizeof(name), "f%zu", sizes[i]);
		const uint8_t *got = rig_contents(&s->rec, must_find(s, name), &len);
		assert_int_equal(len, sizes[i]);
		assert_memory_equal(got, data, len);
	}
	free(data);
}

/* What the hook does when `name` has been read. */
static struct {
	const char *name;
	int fd, times;
	const char *unlink;
} meddle;

static void meddling_hook(const struct hf_volume_item *item)
{
	if (strcmp(item->entry.path, meddle.name) != 0 || meddle.times-- <= 0)
		return;
	if (meddle.unlink) {
		assert_int_equal(unlinkat(meddle.fd, meddle.unlink, 0), 0);
		return;
	}
	int fd = openat(meddle.fd, meddle.name, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "+", 1), 1);
	close(fd);
}

static void meddle_with(struct scene *s, const char *name, int times, const char *unlink)
{
	meddle.name = name;
	meddle.fd = s->fd;
	meddle.times = times;
	meddle.unlink = unlink;
	hf_volume_read_hook = meddling_hook;
}

static void a_small_file_that_changes_once_is_read_again(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "f", "text");
	/* Its place is as large as it was: so this one moves to where large files are read. */
	meddle_with(s, "f", 1, NULL);
	capture(s);
	assert_int_equal(s->rec.problem_count, 0);
	assert_false(must_find(s, "f")->done.changed_while_read);
	assert_text(s, "f", "text+");
}

static void a_file_that_keeps_changing_is_flagged(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "f", "text");
	rig_write(s->fd, "g", "quiet");
	meddle_with(s, "f", 1000, NULL);
	capture(s);
	assert_true(must_find(s, "f")->done.changed_while_read);
	assert_int_equal(must_find(s, "f")->done.stamp.inode, 0);
	assert_non_null(strstr(rig_problem(&s->rec, "f"), "changed"));
	assert_int_equal(s->rec.problem_count, 1);
	assert_text(s, "g", "quiet");
}

static void shrink_hook(const struct hf_volume_item *item)
{
	if (strcmp(item->entry.path, "f") == 0)
		assert_int_equal(truncate(meddle.name, item->entry.size > 2 ? (off_t)item->entry.size - 1 : 2), 0);
}

static void a_small_file_that_keeps_shrinking_is_flagged(void **state)
{
	struct scene *s = *state;
	char path[128];
	snprintf(path, sizeof(path), "%s/f", s->path);
	rig_write(s->fd, "f", "0123456789");
	meddle.name = path;
	hf_volume_read_hook = shrink_hook;
	capture(s);
	assert_true(must_find(s, "f")->done.changed_while_read);
	assert_text(s, "f", "01234567");
}

static void vanished_files_are_named(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "a", "1");
	rig_write(s->fd, "b", "2");
	rig_write(s->fd, "c", "3");
	meddle_with(s, "a", 1, "b");
	capture(s);
	assert_null(rig_find(&s->rec, "b"));
	assert_non_null(strstr(rig_problem(&s->rec, "b"), "vanished"));
	assert_text(s, "c", "3");
}

static void another_name_stands_in_for_one_that_vanished(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "0", "0");
	rig_write(s->fd, "a", "shared");
	assert_int_equal(linkat(s->fd, "a", s->fd, "b", 0), 0);
	assert_int_equal(linkat(s->fd, "a", s->fd, "c", 0), 0);
	meddle_with(s, "0", 1, "a");
	capture(s);
	assert_null(rig_find(&s->rec, "a"));
	assert_non_null(rig_problem(&s->rec, "a"));
	assert_int_equal(must_find(s, "b")->entry.type, HF_ENTRY_FILE);
	assert_text(s, "b", "shared");
	assert_int_equal(must_find(s, "c")->entry.type, HF_ENTRY_HARDLINK);
	assert_string_equal(must_find(s, "c")->entry.link, "b");
}

/* As a user who may read only some of it; in a child, which answers by its exit status. */
static int capture_as_nobody(struct scene *s)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	struct hf_tree_walk_options options = {0};
	if (hf_volume_capture(s->fd, &options, &s->rec.sink, &s->incomplete, NULL) != 0)
		return 3;
	const char *file = rig_problem(&s->rec, "secret"), *dir = rig_problem(&s->rec, "closed");
	const char *inside = rig_problem(&s->rec, "names-only/f");
	if (!s->incomplete || !file || !strstr(file, "Permission denied") || !dir || !inside)
		return 4;
	if (!rig_find(&s->rec, "open") || !rig_find(&s->rec, "closed") || rig_find(&s->rec, "secret"))
		return 5;
	return s->rec.problem_count == 3 ? 0 : 6;
}

static void what_cant_be_read_is_named(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "secret", "x");
	rig_write(s->fd, "open", "y");
	assert_int_equal(fchmod(s->fd, 0755), 0);
	assert_int_equal(fchmodat(s->fd, "secret", 0600, 0), 0);
	assert_int_equal(mkdirat(s->fd, "closed", 0700), 0);
	assert_int_equal(mkdirat(s->fd, "names-only", 0755), 0);
	rig_write(s->fd, "names-only/f", "z");
	assert_int_equal(fchmodat(s->fd, "names-only", 0744, 0), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(capture_as_nobody(s));
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int excludes_b(void *user, const char *path, struct hf_error *err)
{
	(void)user;
	(void)err;
	return strcmp(path, "b") == 0 || strcmp(path, "d/b") == 0;
}

static void excluded_paths_are_left_out(void **state)
{
	struct scene *s = *state;
	assert_int_equal(mkdirat(s->fd, "b", 0755), 0);
	assert_int_equal(mkdirat(s->fd, "d", 0755), 0);
	rig_write(s->fd, "b/x", "");
	rig_write(s->fd, "d/b", "");
	rig_write(s->fd, "d/c", "");
	struct hf_tree_walk_options options = {.excludes = excludes_b};
	assert_int_equal(hf_volume_capture(s->fd, &options, &s->rec.sink, &s->incomplete, NULL), 0);
	assert_int_equal(s->rec.count, 3);
	assert_non_null(rig_find(&s->rec, "d/c"));
}

static void tagged_caches_are_left_out(void **state)
{
	struct scene *s = *state;
	assert_int_equal(mkdirat(s->fd, "cache", 0755), 0);
	assert_int_equal(mkdirat(s->fd, "cache/sub", 0755), 0);
	rig_write(s->fd, "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n# by us\n");
	rig_write(s->fd, "cache/x", "");
	assert_int_equal(mkdirat(s->fd, "fake", 0755), 0);
	rig_write(s->fd, "fake/CACHEDIR.TAG", "not the signature");
	rig_write(s->fd, "fake/x", "");
	struct hf_tree_walk_options options = {.exclude_caches = true};
	assert_int_equal(hf_volume_capture(s->fd, &options, &s->rec.sink, &s->incomplete, NULL), 0);
	assert_int_equal(s->rec.count, 6);
	assert_non_null(rig_find(&s->rec, "cache/CACHEDIR.TAG"));
	assert_non_null(rig_find(&s->rec, "fake/x"));
}

static bool meets(const char *root, bool one_file_system, const char *path)
{
	struct hf_tree_walk_options options = {.one_file_system = one_file_system};
	struct hf_tree_walk *walk = NULL;
	struct hf_tree_item item;
	int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(hf_tree_walk_new(fd, &options, &walk, NULL), 0);
	bool met = false;
	while (hf_tree_walk_next(walk, &item, NULL) > 0)
		met = met || strcmp(item.path, path) == 0;
	hf_tree_walk_free(walk);
	close(fd);
	return met;
}

static void mount_points_are_not_entered(void **state)
{
	(void)state;
	assert_true(meets("/dev", false, "pts/ptmx"));
	assert_true(meets("/dev", true, "pts"));
	assert_false(meets("/dev", true, "pts/ptmx"));
}

static void unchanged_files_are_not_opened(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "a", "same");
	rig_write(s->fd, "b", "changes");
	rig_write(s->fd, "c", "linked");
	assert_int_equal(linkat(s->fd, "c", s->fd, "d", 0), 0);
	rig_write(s->fd, "e", "same too");
	capture(s);
	for (size_t i = 0; i < s->rec.count; i++) /* as if they had been settled for long */
		if (s->rec.files[i].entry.type == HF_ENTRY_FILE)
			s->rec.files[i].done.stamp = s->rec.files[i].entry.stamp;
	rig_write(s->fd, "b", "changed");
	rig_write(s->fd, "b2", "new");

	struct rig_recording second;
	rig_recording_init(&second);
	second.last = &s->rec;
	struct hf_tree_walk_options options = {0};
	assert_int_equal(hf_volume_capture(s->fd, &options, &second.sink, &s->incomplete, NULL), 0);
	assert_int_equal(second.count, 7);
	assert_true(rig_find(&second, "a")->reused);
	assert_false(rig_find(&second, "b")->reused);
	assert_false(rig_find(&second, "b2")->reused);
	assert_true(rig_find(&second, "c")->reused);
	assert_int_equal(rig_find(&second, "d")->entry.type, HF_ENTRY_HARDLINK);
	assert_true(rig_find(&second, "e")->reused);
	rig_recording_free(&second);
}

static void racy_stamps_are_not_remembered(void **state)
{
	(void)state;
	struct hf_volume_item item = {0};
	item.read_at = 100 * HF_SECOND;
	item.entry.stamp.ctime_ns = 97 * HF_SECOND;
	assert_true(hf_volume_file_is_settled(&item));
	item.entry.stamp.ctime_ns = 98 * HF_SECOND;
	assert_false(hf_volume_file_is_settled(&item));
	item.entry.stamp.ctime_ns = 101 * HF_SECOND;
	assert_false(hf_volume_file_is_settled(&item));
}

static void a_failing_sink_ends_it(void **state)
{
	struct scene *s = *state;
	for (int i = 0; i < 150; i++) {
		char name[32];
		snprintf(name, sizeof(name), "f%03d", i);
		rig_write(s->fd, name, name);
		if (i % 50 == 0)
			assert_int_equal(linkat(s->fd, name, s->fd, i ? "h1" : "h0", 0), i > 50 ? -1 : 0);
	}
	for (size_t n = 1;; n++) {
		struct rig_recording rec;
		struct hf_error err = {0};
		struct hf_tree_walk_options options = {0};
		rig_recording_init(&rec);
		rec.fail_at = n;
		int r = hf_volume_capture(s->fd, &options, &rec.sink, &s->incomplete, &err);
		size_t count = rec.count;
		rig_recording_free(&rec);
		if (r == 0) {
			assert_int_equal(count, n - 1);
			break;
		}
		assert_int_equal(r, HF_E_NOSPACE);
		assert_int_equal(count, n - 1);
	}
}

static void it_stops_when_told(void **state)
{
	struct scene *s = *state;
	struct hf_tree_walk_options options = {0};
	hf_stop_request(15);
	int r = hf_volume_capture(s->fd, &options, &s->rec.sink, &s->incomplete, NULL);
	hf_stop_reset();
	assert_int_equal(r, HF_E_STOPPED);
}

static void files_that_claim_to_be_empty_are_read(void **state)
{
	struct scene *s = *state;
	close(s->fd);
	s->fd = open("/proc/sys/kernel/random", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	capture(s);
	const struct rig_file *file = must_find(s, "boot_id");
	assert_int_equal(file->done.size, 37);
	assert_int_equal(file->ranges[0].len, 37);
	assert_int_equal(file->done.stamp.inode, 0);
	assert_false(file->done.changed_while_read);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_is_captured),
		TEST(each_attribute_is_captured),
		TEST(odd_names_come_in_order),
		TEST(deeper_than_path_max),
		TEST(many_files_in_one_directory),
		TEST(many_directories_stay_few_descriptors),
		TEST(holes_are_not_read),
		TEST(large_files_come_whole),
		TEST(a_small_file_that_changes_once_is_read_again),
		TEST(a_file_that_keeps_changing_is_flagged),
		TEST(a_small_file_that_keeps_shrinking_is_flagged),
		TEST(vanished_files_are_named),
		TEST(another_name_stands_in_for_one_that_vanished),
		TEST(what_cant_be_read_is_named),
		TEST(excluded_paths_are_left_out),
		TEST(tagged_caches_are_left_out),
		TEST(mount_points_are_not_entered),
		TEST(unchanged_files_are_not_opened),
		TEST(racy_stamps_are_not_remembered),
		TEST(a_failing_sink_ends_it),
		TEST(it_stops_when_told),
		TEST(files_that_claim_to_be_empty_are_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
