/* busy.h: who has a database open is found. */
#include "database.h"

#include "source/sqlite/busy.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <cmocka.h>

/* A process that opens the database, runs `sql`, and keeps it open. */
struct holder {
	pid_t pid;
	int go;
};

static void holder_start(struct holder *h, const char *path, const char *sql)
{
	int ready[2];
	int done[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(done, O_CLOEXEC), 0);
	h->pid = fork();
	if (h->pid == 0) {
		sqlite3 *db = NULL;
		char byte = 0;
		close(done[1]);
		int r = sqlite3_open(path, &db) || sqlite3_exec(db, sql, NULL, NULL, NULL);
		r |= write(ready[1], &byte, 1) != 1;
		r |= read(done[0], &byte, 1) != 0;
		sqlite3_close(db);
		_exit(r);
	}
	char byte;
	close(ready[1]);
	close(done[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	h->go = done[1];
}

static void holder_end(struct holder *h)
{
	int status;
	close(h->go);
	waitpid(h->pid, &status, 0);
	assert_int_equal(status, 0);
}

static void assert_held(struct bench *b, const char *sql, const char *how)
{
	struct hf_error err = {0};
	char who[HF_SQLITE_WHO] = "";
	char pid[32];
	struct holder h;
	holder_start(&h, b->path, sql);
	assert_int_equal(hf_sqlite_busy(AT_FDCWD, b->path, who, &err), 1);
	snprintf(pid, sizeof(pid), "process %d (", (int)h.pid);
	if (!strstr(who, pid) || !strstr(who, how))
		fail_msg("%s: %s", sql, who);
	holder_end(&h);
	assert_int_equal(hf_sqlite_busy(AT_FDCWD, b->path, who, &err), 0);
}

static void whoever_has_it_open_is_found(void **state)
{
	(void)state;
	struct bench b;
	bench_new(&b);
	struct hf_error err = {0};
	char who[HF_SQLITE_WHO];
	assert_int_equal(hf_sqlite_busy(AT_FDCWD, b.path, who, &err), 0);
	bench_sql(&b, "CREATE TABLE t(x)");
	assert_held(&b, "SELECT * FROM t", "open");
	assert_held(&b, "BEGIN; SELECT * FROM t", "locked");
	assert_held(&b, "BEGIN IMMEDIATE", "locked");
	bench_sql(&b, "PRAGMA journal_mode=wal");
	assert_held(&b, "SELECT * FROM t", "locked");
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_has_it_open_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
