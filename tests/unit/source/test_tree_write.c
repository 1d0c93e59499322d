/*
 * tree_write.h: what was captured comes back with every attribute; nothing is written outside; what can't be done is said.
 * As root, on a file system with xattrs, ACLs and flags.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/json.h"
#include "base/stop.h"
#include "source/tree_write.h"
#include "source/volume/capture.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

struct scene {
	char path[64];
	int fd, from, to; /* the scratch directory, and two in it */
	struct rig_recording rec, back;
	struct hf_restored restored;
	struct hf_error err;
};

static int subdirectory(int fd, const char *name)
{
	assert_int_equal(mkdirat(fd, name, 0755), 0);
	int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sub >= 0);
	return sub;
}

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	s->fd = rig_scratch(s->path);
	s->from = subdirectory(s->fd, "from");
	s->to = subdirectory(s->fd, "to");
	rig_recording_init(&s->rec);
	rig_recording_init(&s->back);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;
	rig_recording_free(&s->rec);
	rig_recording_free(&s->back);
	json_decref(s->restored.notes);
	close(s->from);
	close(s->to);
	close(s->fd);
	rig_scratch_remove(s->path);
	free(s);
	return 0;
}

static void capture(int fd, struct rig_recording *rec)
{
	struct hf_tree_walk_options options = {0};
	bool incomplete;
	assert_int_equal(hf_volume_capture(fd, &options, &rec->sink, &incomplete, NULL), 0);
	assert_false(incomplete);
}

static int restore_as(struct scene *s, size_t piece, bool own_as_is)
{
	struct hf_tree_write_options options = {.threads = 3, .own_as_is = own_as_is};
	struct hf_feed *feed = rig_feed_new(&s->rec, piece);
	json_decref(s->restored.notes);
	s->restored = (struct hf_restored){0};
	int r = hf_tree_write(feed, s->to, &options, &s->restored, &s->err);
	rig_feed_free(feed);
	return r;
}

static void round_trip(struct scene *s, size_t piece)
{
	capture(s->from, &s->rec);
	if (restore_as(s, piece, false) != 0)
		fail_msg("%s", s->err.msg);
	if (s->restored.notes)
		fail_msg("%s", json_string_value(json_array_get(s->restored.notes, 0)));
	capture(s->to, &s->back);
	rig_assert_same(&s->rec, &s->back);
}

static void set_mtime(int fd, const char *name, int64_t seconds, long ns)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = ns}};
	assert_int_equal(utimensat(fd, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void set_flags(int dirfd, const char *name, unsigned flags)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	unsigned now = 0;
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &now), 0);
	now |= flags;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &now), 0);
	close(fd);
}

static const unsigned char acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 0xd2, 4, 0, 0, 4, 0, 4, 0, 255,
	255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255};

static void build_everything(int fd)
{
	static const unsigned char caps[] = {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	rig_write(fd, "plain", "text");
	rig_write(fd, "nothing", "");
	rig_write(fd, "suid", "x");
	assert_int_equal(fchownat(fd, "suid", 1234, 4321, 0), 0);
	assert_int_equal(fchmodat(fd, "suid", 06711, 0), 0);
	rig_write(fd, "closed", "x");
	assert_int_equal(fchmodat(fd, "closed", 0, 0), 0);
	rig_write(fd, "wide", "x");
	assert_int_equal(fchmodat(fd, "wide", 0777, 0), 0);
	rig_write(fd, "attributes", "x");
	int f = openat(fd, "attributes", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fchown(f, 5, 6), 0);
	assert_int_equal(fsetxattr(f, "user.z", "\0\xff", 2, 0), 0);
	assert_int_equal(fsetxattr(f, "user.empty", "", 0, 0), 0);
	assert_int_equal(fsetxattr(f, "security.capability", caps, sizeof(caps), 0), 0);
	assert_int_equal(fsetxattr(f, "system.posix_acl_access", acl, sizeof(acl), 0), 0);
	close(f);
	set_flags(fd, "attributes", FS_NODUMP_FL | FS_NOATIME_FL);
	assert_int_equal(symlinkat("to/\xff where", fd, "link"), 0);
	assert_int_equal(fchownat(fd, "link", 77, 88, AT_SYMLINK_NOFOLLOW), 0);
	set_mtime(fd, "link", 1000000000, 1);
	assert_int_equal(mkfifoat(fd, "fifo", 0622), 0);
	assert_int_equal(fchmodat(fd, "fifo", 0622, 0), 0);
	assert_int_equal(mknodat(fd, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	assert_int_equal(mknodat(fd, "disk", S_IFBLK | 0660, makedev(259, 70000)), 0);
	assert_int_equal(fchownat(fd, "disk", 0, 6, 0), 0);
	assert_int_equal(mknodat(fd, "socket", S_IFSOCK | 0600, 0), 0);
	assert_int_equal(linkat(fd, "plain", fd, "zz other name", 0), 0);
	assert_int_equal(linkat(fd, "fifo", fd, "zz other fifo", 0), 0);
	set_mtime(fd, "plain", -5, 123456789);
	set_mtime(fd, "fifo", 5000000000, 999999999);
}

static void build_directories(int fd)
{
	assert_int_equal(mkdirat(fd, "d", 0755), 0);
	assert_int_equal(mkdirat(fd, "d/locked", 0755), 0);
	rig_write(fd, "d/locked/f", "in a directory that nobody may write");
	rig_write(fd, "d/\xff\n", "odd");
	assert_int_equal(fchmodat(fd, "d/locked", 0500, 0), 0);
	assert_int_equal(mkdirat(fd, "d/empty", 03777), 0);
	assert_int_equal(fchmodat(fd, "d/empty", 03777, 0), 0);
	assert_int_equal(fchownat(fd, "d/empty", 9, 10, 0), 0);
	int d = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(fsetxattr(d, "system.posix_acl_default", acl, sizeof(acl), 0), 0);
	assert_int_equal(fsetxattr(d, "trusted.t", "1", 1, 0), 0);
	close(d);
	set_mtime(fd, "d/locked", 1111111111, 5);
	set_mtime(fd, "d/empty", 1222222222, 6);
	set_mtime(fd, "d", 1333333333, 7);
	set_mtime(fd, ".", 1444444444, 8);
	assert_int_equal(fchmod(fd, 0751), 0);
	assert_int_equal(fchown(fd, 3, 4), 0);
}

static void everything_comes_back(void **state)
{
	static const size_t pieces[] = {1, 7, 100000};
	struct scene *s = *state;
	build_everything(s->from);
	build_directories(s->from);
	capture(s->from, &s->rec);
	for (size_t i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "to%zu", i);
		close(s->to);
		s->to = subdirectory(s->fd, name);
		umask(i == 0 ? 0 : i == 1 ? 077 : 022);
		int r = restore_as(s, pieces[i], false);
		umask(022);
		if (r != 0)
			fail_msg("%s", s->err.msg);
		assert_null(s->restored.notes);
		assert_int_equal(s->restored.files, 8);
		struct rig_recording back;
		rig_recording_init(&back);
		capture(s->to, &back);
		rig_assert_same(&s->rec, &back);
		rig_recording_free(&back);
	}
	set_mtime(s->from, ".", 1, 1);
}

static void an_inherited_acl_does_not_spread(void **state)
{
	struct scene *s = *state;
	build_everything(s->from);
	build_directories(s->from);
	assert_int_equal(fsetxattr(s->fd, "system.posix_acl_default", acl, sizeof(acl), 0), 0);
	assert_int_equal(fchmod(s->fd, 02755), 0);
	assert_int_equal(fchown(s->fd, 0, 50), 0);
	close(s->to);
	s->to = subdirectory(s->fd, "inherits");
	round_trip(s, 1 << 20);
}

static void protected_files_come_back_with_all_their_names(void **state)
{
	struct scene *s = *state;
	rig_write(s->from, "a", "immutable");
	rig_write(s->from, "b", "append only");
	assert_int_equal(linkat(s->from, "a", s->from, "c", 0), 0);
	assert_int_equal(linkat(s->from, "b", s->from, "d", 0), 0);
	assert_int_equal(mkdirat(s->from, "dir", 0755), 0);
	rig_write(s->from, "dir/inside", "x");
	set_flags(s->from, "a", FS_IMMUTABLE_FL);
	set_flags(s->from, "b", FS_APPEND_FL);
	set_flags(s->from, "dir", FS_IMMUTABLE_FL);
	round_trip(s, 1 << 20);
}

static void deeper_than_path_max(void **state)
{
	struct scene *s = *state;
	enum { DEPTH = 300 };
	int fd = dup(s->from);
	rig_write(fd, "a", "first name");
	for (int i = 0; i < DEPTH; i++) {
		rig_write(fd, "b", "before");
		int next = subdirectory(fd, "level.89012345678901");
		rig_write(fd, "z", "after");
		close(fd);
		fd = next;
	}
	rig_write(fd, "deepest", "another first name");
	assert_int_equal(linkat(s->from, "a", fd, "linked", 0), 0);
	assert_int_equal(linkat(fd, "deepest", s->from, "zz", 0), 0);
	close(fd);
	round_trip(s, 1 << 20);
}

static void sparse_files_stay_sparse(void **state)
{
	struct scene *s = *state;
	const off_t large = INT64_C(6) << 30;
	int fd = openat(s->from, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, large), 0);
	assert_int_equal(pwrite(fd, "far", 3, INT64_C(5) << 30), 3);
	close(fd);
	fd = openat(s->from, "hole", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 1 << 20), 0);
	close(fd);
	round_trip(s, 1000);
	struct stat st;
	assert_int_equal(fstatat(s->to, "large", &st, 0), 0);
	assert_true(st.st_size == large && st.st_blocks < 64);
	fd = openat(s->to, "large", O_RDONLY | O_CLOEXEC);
	char text[4] = "";
	assert_int_equal(pread(fd, text, 3, INT64_C(5) << 30), 3);
	assert_string_equal(text, "far");
	close(fd);
}

static void many_files_large_and_small(void **state)
{
	struct scene *s = *state;
	uint8_t *data = malloc(1 << 20);
	for (size_t i = 0; i < 1 << 20; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
	for (unsigned i = 0; i < 400; i++) {
		char name[32];
		snprintf(name, sizeof(name), "d%u", i % 20);
		mkdirat(s->from, name, 0755);
		snprintf(name, sizeof(name), "d%u/f%u", i % 20, i);
		int fd = openat(s->from, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		size_t len = i * 2654435761u % (i % 10 == 0 ? 1 << 20 : 10000);
		assert_int_equal(write(fd, data, len), len);
		close(fd);
	}
	free(data);
	round_trip(s, 50000);
}

static void planted_links_are_not_followed(void **state)
{
	struct scene *s = *state;
	static const char *const planted[] = {"dir", "file", "fifo"};
	assert_int_equal(mkdirat(s->from, "dir", 0755), 0);
	rig_write(s->from, "dir/f", "x");
	rig_write(s->from, "file", "x");
	assert_int_equal(mkfifoat(s->from, "fifo", 0644), 0);
	capture(s->from, &s->rec);
	char outside[128];
	snprintf(outside, sizeof(outside), "%s/outside", s->path);
	for (size_t i = 0; i < 3; i++) {
		char name[16];
		snprintf(name, sizeof(name), "to%zu", i);
		close(s->to);
		s->to = subdirectory(s->fd, name);
		assert_int_equal(symlinkat(outside, s->to, planted[i]), 0);
		if (i == 0)
			close(subdirectory(s->fd, "outside"));
		assert_int_equal(restore_as(s, 1 << 20, false), HF_E_EXISTS);
		assert_non_null(strstr(s->err.msg, planted[i]));
		assert_int_equal(faccessat(s->fd, "outside/f", F_OK, 0), -1);
		struct stat st;
		assert_int_equal(fstatat(s->fd, "outside", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0755);
	}
}

static struct rig_file *add(struct scene *s, enum hf_entry_type type, const char *path, const char *link)
{
	struct rig_file *file = &s->rec.files[s->rec.count++];
	memset(file, 0, sizeof(*file));
	file->entry = (struct hf_entry){.type = type, .path = path, .path_len = strlen(path), .mode = 0644,
		.link = link, .link_len = link ? strlen(link) : 0};
	return file;
}

static void unsound_paths_are_refused(void **state)
{
	struct scene *s = *state;
	static const char *const paths[] = {"../x", "a/../x", "/etc/x", "a//b", ".", "x/"};
	s->rec.files = calloc(1, sizeof(*s->rec.files));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		s->rec.count = 0;
		add(s, HF_ENTRY_FIFO, paths[i], NULL);
		assert_int_equal(restore_as(s, 1, false), HF_E_CORRUPT);
		s->rec.count = 0;
		add(s, HF_ENTRY_HARDLINK, "h", paths[i]);
		assert_int_equal(restore_as(s, 1, false), HF_E_CORRUPT);
	}
	s->rec.count = 0;
}

static void links_do_not_lead_out(void **state)
{
	struct scene *s = *state;
	rig_write(s->fd, "secret", "x");
	s->rec.files = calloc(2, sizeof(*s->rec.files));
	add(s, HF_ENTRY_SYMLINK, "a", "..");
	add(s, HF_ENTRY_HARDLINK, "b", "a/secret");
	assert_true(restore_as(s, 1, false) < 0);
	assert_int_equal(faccessat(s->to, "b", F_OK, 0), -1);
	s->rec.count = 0;
}

static void missing_parents_are_made(void **state)
{
	struct scene *s = *state;
	s->rec.files = calloc(3, sizeof(*s->rec.files));
	add(s, HF_ENTRY_FILE, "a/b/c", NULL);
	add(s, HF_ENTRY_FIFO, "a/b2/d", NULL);
	add(s, HF_ENTRY_FILE, "e", NULL);
	assert_int_equal(restore_as(s, 1, false), 0);
	struct stat st;
	assert_int_equal(fstatat(s->to, "a/b/c", &st, 0), 0);
	assert_int_equal(fstatat(s->to, "a/b", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fstatat(s->to, "a/b2/d", &st, 0), 0);
	assert_int_equal(fstatat(s->to, ".", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	s->rec.count = 0;
}

static int restore_as_nobody(struct scene *s)
{
	struct stat st;
	if (setgid(65534) != 0 || setuid(65534) != 0)
		return 2;
	if (restore_as(s, 100, true) != 0)
		return fprintf(stderr, "%s\n", s->err.msg), 3;
	if (fstatat(s->to, "suid", &st, 0) != 0 || (st.st_mode & 07777) != 0711 || st.st_uid != 65534)
		return 4;
	if (faccessat(s->to, "null", F_OK, 0) == 0 || faccessat(s->to, "zz other name", F_OK, 0) != 0)
		return 5;
	if (fstatat(s->to, "d/locked", &st, 0) != 0 || (st.st_mode & 07777) != 0500)
		return 6;
	/* owners, setuid, devices, xattrs: each said once */
	return json_array_size(s->restored.notes) == 4 ? 0 : 7;
}

static void without_root_what_is_lost_is_said(void **state)
{
	struct scene *s = *state;
	build_everything(s->from);
	build_directories(s->from);
	capture(s->from, &s->rec);
	assert_int_equal(fchmod(s->fd, 0755), 0);
	assert_int_equal(fchown(s->to, 65534, 65534), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(restore_as_nobody(s));
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int restore_to_a_small_disk(struct scene *s)
{
	if (rig_own_mounts() < 0)
		return 2;
	char path[128];
	snprintf(path, sizeof(path), "%s/to", s->path);
	if (mount("tmpfs", path, "tmpfs", 0, "size=1m") != 0)
		return 3;
	close(s->to);
	s->to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (restore_as(s, 300000, false) != HF_E_NOSPACE)
		return 4;
	return strstr(s->err.msg, "big") && strstr(s->err.msg, "are missing") ? 0 : 5;
}

static void a_full_disk_is_told_with_what_is_missing(void **state)
{
	struct scene *s = *state;
	rig_write(s->from, "a", "small");
	int fd = openat(s->from, "big", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	char block[4096];
	memset(block, 'b', sizeof(block));
	for (int i = 0; i < 1000; i++)
		assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
	close(fd);
	capture(s->from, &s->rec);
	pid_t pid = fork();
	if (pid == 0)
		_exit(restore_to_a_small_disk(s));
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void a_failing_feed_ends_it(void **state)
{
	struct scene *s = *state;
	build_everything(s->from);
	build_directories(s->from);
	capture(s->from, &s->rec);
	size_t count = s->rec.count;
	for (size_t n = 1; n <= count; n++) {
		char name[16];
		snprintf(name, sizeof(name), "to%zu", n);
		close(s->to);
		s->to = subdirectory(s->fd, name);
		s->rec.fail_at = n;
		assert_int_equal(restore_as(s, 100, false), HF_E_CORRUPT);
		assert_string_equal(s->err.msg, "the feed fails");
	}
}

static void it_stops_when_told(void **state)
{
	struct scene *s = *state;
	build_everything(s->from);
	capture(s->from, &s->rec);
	hf_stop_request(15);
	int r = restore_as(s, 100, false);
	hf_stop_reset();
	assert_int_equal(r, HF_E_STOPPED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_comes_back),
		TEST(an_inherited_acl_does_not_spread),
		TEST(protected_files_come_back_with_all_their_names),
		TEST(deeper_than_path_max),
		TEST(sparse_files_stay_sparse),
		TEST(many_files_large_and_small),
		TEST(planted_links_are_not_followed),
		TEST(unsound_paths_are_refused),
		TEST(links_do_not_lead_out),
		TEST(missing_parents_are_made),
		TEST(without_root_what_is_lost_is_said),
		TEST(a_full_disk_is_told_with_what_is_missing),
		TEST(a_failing_feed_ends_it),
		TEST(it_stops_when_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
