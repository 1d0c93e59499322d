/*
 * tree_compare.h: what was restored well passes; each way in which it may differ is found, by the check that is meant
 * to find it, and named. And the volume driver around it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "source/tree_compare.h"
#include "source/tree_write.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct scene {
	char path[64];
	int fd;
	struct rig_recording rec;
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
	rig_recording_free(&s->rec);
	close(s->fd);
	rig_scratch_remove(s->path);
	free(s);
	return 0;
}

static int subdirectory(int fd, const char *name)
{
	assert_int_equal(mkdirat(fd, name, 0755), 0);
	int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(sub >= 0);
	return sub;
}

static void build(int fd)
{
	rig_write(fd, "a", "contents of a");
	rig_write(fd, "b", "contents of b");
	rig_write(fd, "c", "contents of b");
	assert_int_equal(linkat(fd, "a", fd, "d-hard", 0), 0);
	assert_int_equal(symlinkat("a", fd, "e-link"), 0);
	assert_int_equal(mknodat(fd, "f-device", S_IFCHR | 0600, makedev(1, 3)), 0);
	close(subdirectory(fd, "g"));
	rig_write(fd, "g/inside", "x");
	int f = openat(fd, "h-sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(f, 3 << 20), 0);
	assert_int_equal(pwrite(f, "island", 6, 2 << 20), 6);
	close(f);
	f = openat(fd, "b", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fsetxattr(f, "user.x", "1", 1, 0), 0);
	close(f);
}

/* Each changes one thing of the restored tree, and leaves times as they were. */
static void keep_time(int fd, const char *name, void (*change)(int file))
{
	struct stat st;
	int f = openat(fd, name, O_RDWR | O_CLOEXEC);
	assert_true(f >= 0);
	assert_int_equal(fstat(f, &st), 0);
	change(f);
	struct timespec times[2] = {st.st_atim, st.st_mtim};
	assert_int_equal(futimens(f, times), 0);
	close(f);
}

static void flip(int f)
{
	assert_int_equal(pwrite(f, "C", 1, 0), 1);
}
static void fill_hole(int f)
{
	assert_int_equal(pwrite(f, "!", 1, 1 << 20), 1);
}
static void fill_end(int f)
{
	assert_int_equal(pwrite(f, "!", 1, (3 << 20) - 1), 1);
}
static void shorten(int f)
{
	assert_int_equal(ftruncate(f, 5), 0);
}
static void lengthen(int f)
{
	assert_int_equal(ftruncate(f, 100), 0);
}
static void add_xattr(int f)
{
	assert_int_equal(fsetxattr(f, "user.y", "1", 1, 0), 0);
}
static void change_xattr(int f)
{
	assert_int_equal(fsetxattr(f, "user.x", "2", 1, 0), 0);
}
static void remove_xattr(int f)
{
	assert_int_equal(fremovexattr(f, "user.x"), 0);
}
static void change_owner(int f)
{
	assert_int_equal(fchown(f, 12, 0), 0);
}
static void change_mode(int f)
{
	assert_int_equal(fchmod(f, 0600), 0);
}
static void change_flags(int f)
{
	unsigned flags = 0;
	assert_int_equal(ioctl(f, FS_IOC_GETFLAGS, &flags), 0);
	flags |= FS_NODUMP_FL;
	assert_int_equal(ioctl(f, FS_IOC_SETFLAGS, &flags), 0);
}

static void on_b_flip(int fd)
{
	keep_time(fd, "b", flip);
}
static void on_sparse_fill(int fd)
{
	keep_time(fd, "h-sparse", fill_hole);
}
static void on_sparse_fill_end(int fd)
{
	keep_time(fd, "h-sparse", fill_end);
}
static void on_b_shorten(int fd)
{
	keep_time(fd, "b", shorten);
}
static void on_b_lengthen(int fd)
{
	keep_time(fd, "b", lengthen);
}
static void on_b_add_xattr(int fd)
{
	keep_time(fd, "b", add_xattr);
}
static void on_b_change_xattr(int fd)
{
	keep_time(fd, "b", change_xattr);
}
static void on_b_remove_xattr(int fd)
{
	keep_time(fd, "b", remove_xattr);
}
static void on_b_owner(int fd)
{
	keep_time(fd, "b", change_owner);
}
static void on_b_mode(int fd)
{
	keep_time(fd, "b", change_mode);
}
static void on_b_flags(int fd)
{
	keep_time(fd, "b", change_flags);
}
static void touch(int fd)
{
	assert_int_equal(utimensat(fd, "b", NULL, 0), 0);
}
static void remove_one(int fd)
{
	assert_int_equal(unlinkat(fd, "g/inside", 0), 0);
}
static void add_one(int fd)
{
	rig_write(fd, "g/more", "x");
}
static void add_last(int fd)
{
	rig_write(fd, "zzz", "x");
}
static void relink(int fd)
{
	assert_int_equal(unlinkat(fd, "e-link", 0), 0);
	assert_int_equal(symlinkat("b", fd, "e-link"), 0);
}
static void other_device(int fd)
{
	assert_int_equal(unlinkat(fd, "f-device", 0), 0);
	assert_int_equal(mknodat(fd, "f-device", S_IFCHR | 0600, makedev(1, 5)), 0);
}
static void break_hard_link(int fd)
{
	assert_int_equal(unlinkat(fd, "d-hard", 0), 0);
	rig_write(fd, "d-hard", "contents of a");
}
static void join_files(int fd)
{
	assert_int_equal(unlinkat(fd, "c", 0), 0);
	assert_int_equal(linkat(fd, "b", fd, "c", 0), 0);
}
static void another_type(int fd)
{
	assert_int_equal(unlinkat(fd, "c", 0), 0);
	assert_int_equal(mkfifoat(fd, "c", 0644), 0);
}

static const struct {
	void (*change)(int fd);
	const char *check, *says;
} cases[] = {
	{on_b_flip, "content", "b: contents differ after byte 0"},
	{on_sparse_fill, "content", "h-sparse: contents differ"},
	{on_sparse_fill_end, "content", "h-sparse: contents differ"},
	{on_b_shorten, "content", "b: contents differ"},
	{on_b_lengthen, "attributes", "b: 100 bytes, was 13"},
	{on_b_add_xattr, "attributes", "b: user.y is there"},
	{on_b_change_xattr, "attributes", "b: user.x differs"},
	{on_b_remove_xattr, "attributes", "b: user.x is missing"},
	{on_b_owner, "attributes", "b: owner 12:0, was 0:0"},
	{on_b_mode, "attributes", "b: mode 0600, was 0644"},
	{on_b_flags, "attributes", "b: file flags"},
	{touch, "attributes", "b: modified at"},
	{remove_one, "complete", "g/inside: it is missing"},
	{add_one, "complete", "g/more: it is there"},
	{add_last, "complete", "zzz: it is there"},
	{relink, "content", "e-link: it links to something else"},
	{other_device, "attributes", "f-device: device 1:5, was 1:3"},
	{break_hard_link, "attributes", "d-hard: it is no hard link of a"},
	{join_files, "attributes", "c: it is the same file as b"},
	{another_type, "attributes", "c: it is a fifo, was a file"},
};

static void write_back(struct scene *s, int to)
{
	struct hf_tree_write_options options = {0};
	struct hf_restored restored = {0};
	struct hf_feed *feed = rig_feed_new(&s->rec, 100);
	assert_int_equal(hf_tree_write(feed, to, &options, &restored, NULL), 0);
	assert_null(restored.notes);
	rig_feed_free(feed);
}

static void compare(struct scene *s, int to, struct hf_check_report *report)
{
	struct hf_feed *feed = rig_feed_new(&s->rec, 5);
	assert_int_equal(hf_tree_compare(feed, to, report, NULL), 0);
	rig_feed_free(feed);
	assert_int_equal(report->count, 3);
}

static struct hf_source *open_source(const char *location, const struct hf_option *options, size_t count)
{
	struct hf_source_spec spec = {.kind = "volume", .name = "v", .location = location, .options = options,
		.option_count = count, .scratch = "/tmp"};
	struct hf_source *source = NULL;
	struct hf_error err;
	if (hf_source_open(&spec, &source, &err) < 0)
		fail_msg("%s", err.msg);
	return source;
}

static void capture(struct scene *s, const char *location, const struct hf_option *options, size_t count)
{
	struct hf_source *source = open_source(location, options, count);
	struct hf_captured captured = {0};
	struct hf_error err;
	if (source->driver->capture(source, &s->rec.sink, &captured, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(captured.incomplete);
	assert_true(captured.consistency_point > 0);
	assert_int_equal(json_object_size(captured.detail), 0);
	json_decref(captured.detail);
	hf_source_close(source);
}

static void each_difference_is_found(void **state)
{
	struct scene *s = *state;
	char from[80];
	int fd = subdirectory(s->fd, "from");
	build(fd);
	close(fd);
	snprintf(from, sizeof(from), "%s/from", s->path);
	capture(s, from, NULL, 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[16];
		struct hf_check_report report = {0};
		snprintf(name, sizeof(name), "to%zu", i);
		int to = subdirectory(s->fd, name);
		write_back(s, to);
		compare(s, to, &report);
		for (size_t k = 0; k < 3; k++)
			if (!report.checks[k].ok)
				fail_msg("%s: %s", report.checks[k].name, report.checks[k].detail);
		hf_check_report_free(&report);
		cases[i].change(to);
		compare(s, to, &report);
		size_t k = 0;
		while (k < 3 && strcmp(report.checks[k].name, cases[i].check) != 0)
			k++;
		assert_true(k < 3);
		if (report.checks[k].ok || !strstr(report.checks[k].detail, cases[i].says))
			fail_msg("case %zu, %s: \"%s\" does not say \"%s\"", i, cases[i].check,
				report.checks[k].detail, cases[i].says);
		hf_check_report_free(&report);
		close(to);
	}
}

static void many_differences_are_counted(void **state)
{
	struct scene *s = *state;
	int from = subdirectory(s->fd, "from"), to = subdirectory(s->fd, "to");
	for (int i = 0; i < 20; i++) {
		char name[16];
		snprintf(name, sizeof(name), "f%02d", i);
		rig_write(from, name, "x");
	}
	char path[80];
	snprintf(path, sizeof(path), "%s/from", s->path);
	capture(s, path, NULL, 0);
	struct hf_check_report report = {0};
	compare(s, to, &report);
	assert_false(report.checks[0].ok);
	assert_non_null(strstr(report.checks[0].detail, "20 differences: f00: it is missing; f01"));
	assert_null(strstr(report.checks[0].detail, "f05"));
	hf_check_report_free(&report);
	close(from);
	close(to);
}

static void a_failing_feed_is_no_answer(void **state)
{
	struct scene *s = *state;
	close(subdirectory(s->fd, "d"));
	capture(s, s->path, NULL, 0);
	s->rec.fail_at = 2;
	struct hf_check_report report = {0};
	struct hf_feed *feed = rig_feed_new(&s->rec, 5);
	assert_int_equal(hf_tree_compare(feed, s->fd, &report, NULL), HF_E_CORRUPT);
	assert_int_equal(report.count, 0);
	rig_feed_free(feed);
}

static void without_a_feed_nothing_is_green(void **state)
{
	(void)state;
	struct hf_source *source = open_source(NULL, NULL, 0);
	struct hf_check_options options = {0};
	struct hf_check_report report = {0};
	assert_int_equal(source->driver->check(source, &options, &report, NULL), 0);
	assert_int_equal(report.count, 1);
	assert_false(report.checks[0].ok);
	hf_check_report_free(&report);
	hf_source_close(source);
}

static void options_leave_things_out(void **state)
{
	struct scene *s = *state;
	close(subdirectory(s->fd, "keep"));
	close(subdirectory(s->fd, "cache"));
	close(subdirectory(s->fd, "var"));
	rig_write(s->fd, "keep/a.tmp", "");
	rig_write(s->fd, "keep/b", "");
	rig_write(s->fd, "keep/c.o", "");
	rig_write(s->fd, "keep/var", "");
	rig_write(s->fd, "patterns", "# objects\n*.o\n");
	rig_write(s->fd, "cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55");
	rig_write(s->fd, "cache/big", "");
	char file[80], absolute[80];
	snprintf(file, sizeof(file), "%s/patterns", s->path);
	snprintf(absolute, sizeof(absolute), "%s/var", s->path);
	const struct hf_option options[] = {{"exclude", "*.tmp"}, {"exclude", absolute}, {"exclude-file", file},
		{"exclude-caches", "true"}, {"one-file-system", "true"}};
	capture(s, s->path, options, 5);
	static const char *const there[] = {"", "cache", "cache/CACHEDIR.TAG", "keep", "keep/b", "keep/var", "patterns"};
	assert_int_equal(s->rec.count, 7);
	for (size_t i = 0; i < 7; i++)
		assert_non_null(rig_find(&s->rec, there[i]));
}

static void bad_sources_are_named(void **state)
{
	struct scene *s = *state;
	struct hf_captured captured = {0};
	struct hf_error err;
	char path[80];
	struct hf_source *source = open_source("/no/such/place", NULL, 0);
	assert_int_equal(source->driver->capture(source, &s->rec.sink, &captured, &err), HF_E_NOTFOUND);
	assert_non_null(strstr(err.msg, "/no/such/place"));
	hf_source_close(source);
	rig_write(s->fd, "file", "");
	snprintf(path, sizeof(path), "%s/file", s->path);
	source = open_source(path, NULL, 0);
	assert_int_equal(source->driver->capture(source, &s->rec.sink, &captured, &err), HF_E_NOTFOUND);
	assert_non_null(strstr(err.msg, "not a directory"));
	hf_source_close(source);
	const struct hf_option unknown = {"exclud", "x"}, empty = {"exclude", ""};
	struct hf_source_spec spec = {.kind = "volume", .name = "v", .location = path, .options = &unknown,
		.option_count = 1};
	assert_int_equal(hf_source_open(&spec, &source, &err), HF_E_USAGE);
	spec.options = &empty;
	assert_int_equal(hf_source_open(&spec, &source, &err), HF_E_USAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_difference_is_found),
		TEST(many_differences_are_counted),
		TEST(a_failing_feed_is_no_answer),
		TEST(without_a_feed_nothing_is_green),
		TEST(options_leave_things_out),
		TEST(bad_sources_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
