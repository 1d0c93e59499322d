/* Databases on read-only media: a file system of its own in a mount namespace, made read-only. */
#include "../rig.h"
#include "database.h"

#include "base/file.h"
#include "source/sqlite/media.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#define CONTENTS "CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3);"

/* Runs SQL in a child that dies without closing. */
static void crash_after(const char *path, const char *sql)
{
	pid_t pid = fork();
	if (pid == 0) {
		sqlite3 *db = NULL;
		_exit(sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL));
	}
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* Captures from a file system that cannot be written to, in this process's namespace. */
static void capture_from_media(const char *make, const char *crash, int64_t rows)
{
	struct bench b;
	bench_new(&b);
	char home[64];
	snprintf(home, sizeof(home), "%s", b.directory);
	assert_int_equal(mount("none", b.directory, "tmpfs", 0, NULL), 0);
	bench_sql(&b, make);
	if (crash)
		crash_after(b.path, crash);
	assert_int_equal(mount("none", b.directory, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	assert_int_equal(bench_capture(&b, NULL), 0);
	char *said = database_integrity(bench_result(&b));
	assert_string_equal(said, "ok");
	free(said);
	assert_false(b.captured.incomplete);
	assert_int_equal(bench_rows(&b, "t"), rows);
	assert_int_equal(database_int(bench_result(&b), "SELECT count(*) FROM t"), rows);
	assert_int_equal(umount(b.directory), 0);
	bench_free(&b);
}

static void all_kinds_are_captured(void **state)
{
	(void)state;
	capture_from_media(CONTENTS, NULL, 3);
	capture_from_media("PRAGMA journal_mode=wal;" CONTENTS, NULL, 3);
	capture_from_media("PRAGMA journal_mode=wal;" CONTENTS, "INSERT INTO t VALUES (4)", 4);
	capture_from_media(CONTENTS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t "
				    "SELECT i FROM n",
		"PRAGMA cache_size=5; BEGIN; UPDATE t SET x = hex(randomblob(50))", 5003);
}

/* A read-only view of what is written to elsewhere is not frozen. */
static void a_read_only_mount_is_alive(void **state)
{
	(void)state;
	struct bench b;
	bench_new(&b);
	assert_int_equal(mount("none", b.directory, "tmpfs", 0, NULL), 0);
	bench_sql(&b, CONTENTS);
	HF_FD_AUTO writable = open(b.path, O_RDONLY | O_CLOEXEC);
	assert_false(hf_sqlite_media_is_frozen(writable));
	assert_int_equal(mount(b.directory, b.directory, NULL, MS_BIND, NULL), 0);
	assert_int_equal(mount(NULL, b.directory, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), 0);
	HF_FD_AUTO fd = open(b.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(openat(AT_FDCWD, b.path, O_RDWR | O_CLOEXEC), -1);
	assert_false(hf_sqlite_media_is_frozen(fd));
	assert_int_equal(bench_capture(&b, NULL), 0);
	assert_int_equal(bench_rows(&b, "t"), 3);
	hf_fd_close(&fd);
	hf_fd_close(&writable);
	assert_int_equal(umount(b.directory), 0);
	assert_int_equal(umount(b.directory), 0);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_are_captured),
		cmocka_unit_test(a_read_only_mount_is_alive),
	};
	if (rig_own_mounts() < 0) {
		perror("a mount namespace of our own");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
