/* Capturing databases that are alive: every shape, every mode, with writers, crashes and missing rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"
#include "database.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ACCOUNTS \
	"CREATE TABLE account(id INTEGER PRIMARY KEY, name TEXT, balance INT, note TEXT); " \
	"CREATE INDEX account_name ON account(name); " \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) " \
	"INSERT INTO account SELECT i, 'name ' || (i * 7919 % 20000), 1000, hex(randomblob(60)) FROM n;"
#define WAL "PRAGMA journal_mode=wal; "

static int setup(void **state)
{
	struct bench *b = malloc(sizeof(*b));
	bench_new(b);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	bench_free(*state);
	free(*state);
	return 0;
}

static void assert_whole(struct bench *b)
{
	char *said = database_integrity(bench_result(b));
	assert_string_equal(said, "ok");
	free(said);
	if (b->recorder.problem_count)
		fail_msg("%s", b->recorder.problems[0]);
	assert_false(b->captured.incomplete);
}

static void a_wal_database_at_rest_is_captured_byte_by_byte(void **state)
{
	struct bench *b = *state;
	bench_sql(b, WAL ACCOUNTS);
	assert_false(file_exists(b->path, "-wal"));
	int64_t before = hf_time_now();
	assert_int_equal(bench_capture(b, NULL), 0);
	assert_false(file_exists(b->path, "-wal"));
	assert_false(file_exists(b->path, "-shm"));
	assert_true(files_equal(b->path, bench_result(b)));
	assert_whole(b);
	assert_string_equal(b->recorder.items[0].path, "test.db");
	assert_string_equal(bench_detail_text(b, "journal_mode"), "wal");
	assert_string_equal(bench_detail_text(b, "method"), "backup");
	assert_true(json_is_null(json_object_get(b->captured.detail, "lock_ms")));
	assert_int_equal(bench_rows(b, "account"), 20000);
	assert_true(b->captured.consistency_point >= before && b->captured.consistency_point <= hf_time_now());
}

static void what_lies_in_the_wal_is_captured_and_stays_there(void **state)
{
	struct bench *b = *state;
	bench_sql(b, WAL ACCOUNTS);
	sqlite3 *db = NULL;
	sqlite3_open(b->path, &db);
	assert_int_equal(sqlite3_exec(db, "PRAGMA wal_autocheckpoint=0; UPDATE account SET balance = 1; "
		"CREATE TABLE later(x); INSERT INTO later VALUES (1), (2); PRAGMA user_version=42", NULL, NULL, NULL), 0);
	struct stat wal;
	struct stat wal_after;
	char path[200];
	snprintf(path, sizeof(path), "%s-wal", b->path);
	assert_int_equal(stat(path, &wal), 0);
	sqlite3_close(NULL);
	pid_t pid = fork(); /* as in life, another process: our closing must not take the locks of this one */
	if (pid == 0)
		_exit(bench_capture(b, NULL) == 0 ? 0 : 1);
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_int_equal(stat(path, &wal_after), 0);
	assert_true(wal.st_size > 0 && wal.st_size == wal_after.st_size && wal.st_ino == wal_after.st_ino);
	recorder_free(&b->recorder);
	recorder_new(&b->recorder);
	assert_int_equal(bench_capture(b, NULL), 0);
	sqlite3_close(db);
	assert_whole(b);
	assert_int_equal(database_int(bench_result(b), "SELECT sum(balance) FROM account"), 20000);
	assert_int_equal(bench_rows(b, "later"), 2);
	assert_int_equal(bench_detail_int(b, "user_version"), 42);
	assert_int_equal(database_int(bench_result(b), "PRAGMA schema_version"), bench_detail_int(b, "schema_version"));
}

static int wait_a_little(void *user, struct hf_error *err)
{
	(void)user, (void)err;
	usleep(50);
	return 0;
}

static void no_transaction_is_cut_by_a_capture(struct bench *b)
{
	struct writer w;
	writer_start(&w, b->path);
	b->recorder.hook = wait_a_little;
	assert_int_equal(bench_capture(b, NULL), 0);
	writer_end(&w);
	assert_whole(b);
	assert_int_equal(database_int(bench_result(b), "SELECT sum(balance) FROM account"), 20000 * 1000);
	assert_int_equal(bench_rows(b, "account"), 20000);
}

static void a_writer_in_wal_mode_goes_on(void **state)
{
	struct bench *b = *state;
	bench_sql(b, WAL ACCOUNTS);
	no_transaction_is_cut_by_a_capture(b);
}

static void a_writer_with_a_rollback_journal_waits(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	no_transaction_is_cut_by_a_capture(b);
	assert_string_equal(bench_detail_text(b, "method"), "spool");
	assert_true(json_is_real(json_object_get(b->captured.detail, "lock_ms")));
}

static void direct_reads_under_the_lock(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	bench_option(b, "direct", "true");
	no_transaction_is_cut_by_a_capture(b);
	assert_string_equal(bench_detail_text(b, "method"), "direct");
}

static void a_rollback_database_is_captured_byte_by_byte(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	assert_int_equal(bench_capture(b, NULL), 0);
	assert_true(files_equal(b->path, bench_result(b)));
	assert_whole(b);
}

static void a_lock_is_waited_for_and_then_named(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	int ready[2];
	int done[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC) | pipe2(done, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		sqlite3 *db = NULL;
		sqlite3_open(b->path, &db);
		int r = sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL);
		char byte = 0;
		close(done[1]);
		r |= write(ready[1], &byte, 1) != 1;
		r |= read(done[0], &byte, 1) != 0;
		_exit(r);
	}
	char byte;
	assert_int_equal(read(ready[0], &byte, 1), 1);
	bench_option(b, "busy-timeout", "50ms");
	assert_int_equal(bench_capture(b, NULL), HF_E_CHANGED);
	assert_non_null(strstr(b->err.msg, "locked by another process"));
	close(done[0]);
	close(done[1]);
	close(ready[0]);
	close(ready[1]);
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
}

/* Leaves `path` as a crash in the middle of a commit would: a child changes pages, spills them to the file, and
 * dies without a word. */
static void crash_while_writing(const char *path)
{
	pid_t pid = fork();
	if (pid == 0) {
		sqlite3 *db = NULL;
		sqlite3_open(path, &db);
		int r = sqlite3_exec(db, "PRAGMA cache_size=5; PRAGMA cache_spill=1; BEGIN; UPDATE account SET balance = 5, "
			"note = hex(randomblob(40))", NULL, NULL, NULL);
		_exit(r);
	}
	int status;
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);
	assert_true(file_exists(path, "-journal"));
}

static void a_hot_journal_is_rolled_back_first(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	crash_while_writing(b->path);
	assert_int_equal(bench_capture(b, NULL), 0);
	assert_true(json_is_true(json_object_get(b->captured.detail, "hot_journal")));
	assert_false(file_exists(b->path, "-journal"));
	assert_whole(b);
	assert_int_equal(database_int(bench_result(b), "SELECT sum(balance) FROM account"), 20000 * 1000);
}

/* Captures in a child that has no rights; gives back the result, with the message in `message`. */
static int capture_as_nobody(struct bench *b, char message[HF_ERROR_MAX])
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		int r = bench_capture(b, NULL);
		ssize_t n = write(ends[1], b->err.msg, strlen(b->err.msg) + 1);
		_exit(n > 0 ? -r : 1);
	}
	close(ends[1]);
	ssize_t n = hf_read_full(ends[0], message, HF_ERROR_MAX, "pipe", NULL);
	assert_true(n > 0);
	close(ends[0]);
	int status;
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void what_may_not_be_written_is_named(void **state)
{
	struct bench *b = *state;
	char message[HF_ERROR_MAX];
	char journal[200];
	bench_sql(b, ACCOUNTS);
	crash_while_writing(b->path);
	snprintf(journal, sizeof(journal), "%s-journal", b->path);
	chmod(b->path, 0444);
	chmod(journal, 0444);
	chmod(b->recorder.directory, 0777);
	chmod(b->directory, 0555);
	assert_int_equal(capture_as_nobody(b, message), HF_E_DENIED);
	assert_non_null(strstr(message, "hot journal"));
	chmod(b->directory, 0755);
	chmod(b->path, 0644);
	bench_sql(b, WAL);
	chmod(b->path, 0444);
	chmod(b->directory, 0555);
	assert_int_equal(capture_as_nobody(b, message), HF_E_DENIED);
	assert_non_null(strstr(message, "WAL mode"));
	chmod(b->directory, 0755);
}

static void what_is_no_database_is_named(void **state)
{
	struct bench *b = *state;
	char text[4096];
	memset(text, 'x', sizeof(text));
	HF_FD_AUTO fd = open(b->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(hf_write_full(fd, text, sizeof(text), b->path, NULL), 0);
	assert_int_equal(bench_capture(b, NULL), HF_E_UNSUPPORTED);
	assert_non_null(strstr(b->err.msg, "not a SQLite database"));
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(bench_capture(b, NULL), HF_E_UNSUPPORTED);
	assert_int_equal(bench_capture(b, "/no/such/file.db"), HF_E_NOTFOUND);
	assert_int_equal(bench_capture(b, "/tmp"), HF_E_UNSUPPORTED);
	assert_non_null(strstr(b->err.msg, "directory"));
}

static void wal2_is_named(void **state)
{
	struct bench *b = *state;
	bench_sql(b, "CREATE TABLE t(x)");
	file_poke(b->path, 18, "\3\3", 2);
	assert_int_equal(bench_capture(b, NULL), HF_E_UNSUPPORTED);
	assert_non_null(strstr(b->err.msg, "WAL2"));
}

static void an_empty_file_is_an_empty_database(void **state)
{
	struct bench *b = *state;
	HF_FD_AUTO fd = open(b->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0640);
	assert_true(fd >= 0);
	assert_int_equal(bench_capture(b, NULL), 0);
	bench_result(b);
	assert_int_equal(b->recorder.items[0].entry.size, 0);
	assert_int_equal(b->recorder.bytes, 0);
	assert_false(b->captured.incomplete);
	assert_int_equal(bench_detail_int(b, "page_count"), 0);
}

#define EVERYTHING \
	"CREATE TABLE r(a INTEGER PRIMARY KEY, b, c); CREATE INDEX rc ON r(c, b); " \
	"CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; CREATE INDEX wv ON w(v) WHERE v > 500; " \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) " \
	"INSERT INTO r SELECT i * 3, randomblob(i % 200), i / 7.0 FROM n; " \
	"INSERT INTO r(b) VALUES (zeroblob(200000)), (NULL); INSERT INTO r VALUES (-5, 1, 2); " \
	"INSERT INTO w SELECT 'key ' || a, a % 1000 FROM r; DELETE FROM r WHERE a % 5 = 1; " \
	"CREATE VIRTUAL TABLE f USING fts5(t); INSERT INTO f SELECT k || ' word' FROM w; " \
	"CREATE TABLE \"a \"\" name\"(x); CREATE TABLE gone AS SELECT * FROM r; DROP TABLE gone; CREATE VIEW view AS SELECT 1;"

static void capture_everything(int page_size, bool wal)
{
	struct bench b;
	bench_new(&b);
	char sql[200];
	/* auto_vacuum and encoding must come before the first table, and in the same connection */
	snprintf(sql, sizeof(sql), "PRAGMA page_size=%d; PRAGMA auto_vacuum=%d; PRAGMA encoding='%s'; PRAGMA journal_mode=%s; "
		"CREATE TABLE first(x);", page_size, page_size % 3, wal ? "UTF-16le" : "UTF-8", wal ? "wal" : "delete");
	bench_sql(&b, sql);
	bench_sql(&b, EVERYTHING);
	assert_int_equal(bench_capture(&b, NULL), 0);
	assert_whole(&b);
	assert_int_equal(bench_detail_int(&b, "page_size"), page_size);
	assert_int_equal(b.recorder.items[0].entry.page_size, page_size);
	assert_true(files_equal(b.path, bench_result(&b)));
	assert_int_equal(bench_rows(&b, "r"), database_int(b.path, "SELECT count(*) FROM r"));
	assert_int_equal(bench_rows(&b, "w"), 3003);
	assert_int_equal(bench_rows(&b, "f_data"), database_int(b.path, "SELECT count(*) FROM f_data"));
	assert_int_equal(bench_rows(&b, "a \" name"), 0);
	assert_int_equal(bench_rows(&b, "view"), -1);
	assert_string_equal(bench_detail_text(&b, "encoding"), wal ? "UTF-16le" : "UTF-8");
	bench_free(&b);
}

static void all_page_sizes_and_modes(void **state)
{
	(void)state;
	for (int size = 512; size <= 65536; size *= 2) {
		capture_everything(size, false);
		capture_everything(size, true);
	}
}

static void names_that_are_not_utf8(void **state)
{
	struct bench *b = *state;
	snprintf(b->path, sizeof(b->path), "%s/d\xff %%20.db", b->directory);
	bench_sql(b, ACCOUNTS);
	assert_int_equal(bench_capture(b, NULL), 0);
	assert_string_equal(b->recorder.items[0].path, "d\xff %20.db");
	assert_non_null(bench_detail_text(b, "file_base64"));
	assert_whole(b);
}

static void urls_are_locations(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	char url[200];
	snprintf(url, sizeof(url), "sqlite:///%s?mode=ro", b->path);
	assert_int_equal(bench_capture(b, url), 0);
	assert_whole(b);
}

static void a_growing_wal_ends_the_capture(void **state)
{
	struct bench *b = *state;
	bench_sql(b, WAL "CREATE TABLE blob(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
		     "FROM n WHERE i < 40) INSERT INTO blob SELECT zeroblob(1000000) FROM n;" ACCOUNTS);
	bench_option(b, "wal-limit", "1");
	struct writer w;
	writer_start(&w, b->path);
	b->recorder.hook = wait_a_little;
	assert_int_equal(bench_capture(b, NULL), HF_E_CHANGED);
	assert_non_null(strstr(b->err.msg, "wal-limit"));
	writer_end(&w);
}

static int stop_now(void *user, struct hf_error *err)
{
	(void)user, (void)err;
	hf_stop_request(SIGTERM);
	return 0;
}

static int fail_now(void *user, struct hf_error *err)
{
	(void)user;
	return hf_fail(err, HF_E_NOSPACE, "the store is full");
}

static void failures_leave_nothing(struct bench *b, int (*hook)(void *, struct hf_error *), int code)
{
	b->recorder.hook = hook;
	assert_int_equal(bench_capture(b, NULL), code);
	assert_false(file_exists(b->path, "-wal"));
	bench_sql(b, "INSERT INTO account(name) VALUES ('x')"); /* no lock is left */
	hf_stop_reset();
}

static void failures_of_the_sink_come_back_as_they_are(void **state)
{
	(void)state;
	for (int wal = 0; wal < 2; wal++) {
		struct bench b;
		bench_new(&b);
		bench_sql(&b, wal ? WAL ACCOUNTS : ACCOUNTS);
		failures_leave_nothing(&b, fail_now, HF_E_NOSPACE);
		assert_non_null(strstr(b.err.msg, "the store is full"));
		recorder_free(&b.recorder);
		recorder_new(&b.recorder);
		failures_leave_nothing(&b, stop_now, HF_E_STOPPED);
		bench_free(&b);
	}
}

static void options_are_checked(void **state)
{
	struct bench *b = *state;
	bench_sql(b, ACCOUNTS);
	bench_option(b, "check", "sometimes");
	assert_int_equal(bench_capture(b, NULL), HF_E_USAGE);
	b->options[0] = (struct hf_option){"no-such-option", "true"};
	assert_int_equal(bench_capture(b, NULL), HF_E_USAGE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_wal_database_at_rest_is_captured_byte_by_byte),
		CASE(what_lies_in_the_wal_is_captured_and_stays_there),
		CASE(a_writer_in_wal_mode_goes_on),
		CASE(a_writer_with_a_rollback_journal_waits),
		CASE(direct_reads_under_the_lock),
		CASE(a_rollback_database_is_captured_byte_by_byte),
		CASE(a_lock_is_waited_for_and_then_named),
		CASE(a_hot_journal_is_rolled_back_first),
		CASE(what_may_not_be_written_is_named),
		CASE(what_is_no_database_is_named),
		CASE(wal2_is_named),
		CASE(an_empty_file_is_an_empty_database),
		cmocka_unit_test(all_page_sizes_and_modes),
		CASE(names_that_are_not_utf8),
		CASE(urls_are_locations),
		CASE(a_growing_wal_ends_the_capture),
		cmocka_unit_test(failures_of_the_sink_come_back_as_they_are),
		CASE(options_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
