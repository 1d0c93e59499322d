/* hf_remove_tree: any depth, protected things, and nothing beyond the tree. As root. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static char path[64];
static int root;

static int set_up(void **state)
{
	(void)state;
	strcpy(path, "/tmp/hf-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return root >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	close(root);
	return hf_remove_tree(AT_FDCWD, path, NULL);
}

static void make(int fd, const char *name)
{
	int f = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(f >= 0);
	close(f);
}

static int make_directory(int fd, const char *name)
{
	assert_int_equal(mkdirat(fd, name, 0755), 0);
	return openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_there(const char *name)
{
	return faccessat(root, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void removes_deeper_than_descriptors(void **state)
{
	(void)state;
	int fd = make_directory(root, "deep");
	for (int i = 0; i < 3000; i++) {
		make(fd, "a");
		make(fd, "z");
		int next = make_directory(fd, "down.5678901234567890");
		close(fd);
		fd = next;
	}
	close(fd);
	assert_int_equal(hf_remove_tree(root, "deep", NULL), 0);
	assert_false(is_there("deep"));
}

static void protect(int dirfd, const char *name, unsigned flag)
{
	HF_FD_AUTO fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	unsigned flags = 0;
	assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
	flags |= flag;
	assert_int_equal(ioctl(fd, FS_IOC_SETFLAGS, &flags), 0);
}

static void removes_what_is_protected(void **state)
{
	(void)state;
	HF_FD_AUTO d = make_directory(root, "d");
	HF_FD_AUTO sub = make_directory(d, "sub");
	make(d, "f");
	make(sub, "g");
	make(root, "alone");
	protect(sub, "g", FS_APPEND_FL);
	protect(d, "f", FS_IMMUTABLE_FL);
	protect(d, "sub", FS_IMMUTABLE_FL);
	protect(root, "d", FS_IMMUTABLE_FL);
	protect(root, "alone", FS_IMMUTABLE_FL);
	assert_int_equal(hf_remove_tree(root, "d", NULL), 0);
	assert_false(is_there("d"));
	assert_int_equal(hf_remove_tree(root, "alone", NULL), 0);
	assert_false(is_there("alone"));
}

static void does_not_follow_links(void **state)
{
	(void)state;
	HF_FD_AUTO keep = make_directory(root, "keep");
	HF_FD_AUTO d = make_directory(root, "d");
	make(keep, "precious");
	assert_int_equal(symlinkat("../keep", d, "link"), 0);
	assert_int_equal(symlinkat("keep", root, "toplink"), 0);
	assert_int_equal(hf_remove_tree(root, "d", NULL), 0);
	assert_int_equal(hf_remove_tree(root, "toplink", NULL), 0);
	assert_true(is_there("keep/precious"));
	assert_false(is_there("toplink"));
	assert_int_equal(hf_remove_tree(root, "nothing", NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(removes_deeper_than_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removes_what_is_protected, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_not_follow_links, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
