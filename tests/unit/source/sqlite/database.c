/* Databases for tests; see database.h. */
#include "database.h"

#include "base/file.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

void bench_new(struct bench *b)
{
	*b = (struct bench){.directory = "/tmp/hf-sqlite-XXXXXX"};
	assert_non_null(mkdtemp(b->directory));
	snprintf(b->path, sizeof(b->path), "%s/test.db", b->directory);
	recorder_new(&b->recorder);
}

void bench_free(struct bench *b)
{
	json_decref(b->captured.detail);
	recorder_free(&b->recorder);
	assert_int_equal(hf_remove_tree(AT_FDCWD, b->directory, NULL), 0);
}

void bench_option(struct bench *b, const char *name, const char *value)
{
	b->options[b->option_count++] = (struct hf_option){name, value};
}

static sqlite3 *open_database(const char *path)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 60000);
	(void)!sqlite3_exec(db, "PRAGMA synchronous=off", NULL, NULL, NULL); /* fails if the schema does not parse */
	return db;
}

void bench_sql(struct bench *b, const char *sql)
{
	sqlite3 *db = open_database(b->path);
	char *message = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", sql, message);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

char *database_text(const char *path, const char *sql)
{
	sqlite3 *db = open_database(path);
	sqlite3_stmt *s = NULL;
	char *text = NULL;
	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		text = strdup((const char *)sqlite3_column_text(s, 0));
	else
		text = strdup(sqlite3_errmsg(db));
	sqlite3_finalize(s);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return text;
}

int64_t database_int(const char *path, const char *sql)
{
	char *text = database_text(path, sql);
	char *end;
	long long n = strtoll(text, &end, 10);
	if (*end)
		fail_msg("%s: %s", sql, text);
	free(text);
	return n;
}

char *database_integrity(const char *path)
{
	return database_text(path, "PRAGMA integrity_check");
}

int bench_capture(struct bench *b, const char *location)
{
	struct hf_source_spec spec = {
		.kind = "sqlite",
		.name = "test",
		.location = location ? location : b->path,
		.options = b->options,
		.option_count = b->option_count,
		.scratch = b->recorder.directory,
	};
	struct hf_source *source = NULL;
	b->err = (struct hf_error){0};
	int r = hf_source_open(&spec, &source, &b->err);
	if (r == 0)
		r = source->driver->capture(source, &b->recorder.sink, &b->captured, &b->err);
	hf_source_close(source);
	return r;
}

const char *bench_result(struct bench *b)
{
	if (b->err.code)
		fail_msg("%s", b->err.msg);
	assert_int_equal(b->recorder.count, 1);
	assert_false(b->recorder.is_open);
	const struct hf_entry *e = &b->recorder.items[0].entry;
	assert_int_equal(e->type, HF_ENTRY_FILE);
	assert_int_equal(e->cut, HF_CUT_PAGES);
	return b->recorder.items[0].data;
}

int64_t bench_detail_int(struct bench *b, const char *key)
{
	int64_t n = 0;
	struct hf_error err = {0};
	if (hf_json_int(b->captured.detail, key, &n, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

const char *bench_detail_text(struct bench *b, const char *key)
{
	const char *text = NULL;
	struct hf_error err = {0};
	if (hf_json_string(b->captured.detail, key, &text, &err) < 0)
		fail_msg("%s", err.msg);
	return text;
}

int64_t bench_rows(struct bench *b, const char *table)
{
	const json_t *n = json_object_get(json_object_get(b->captured.detail, "rows"), table);
	return json_is_integer(n) ? json_integer_value(n) : -1;
}

bool bench_has_problem(const struct bench *b, const char *text)
{
	for (size_t i = 0; i < b->recorder.problem_count; i++)
		if (strstr(b->recorder.problems[i], text))
			return true;
	return false;
}

void file_poke(const char *path, long offset, const void *data, size_t len)
{
	HF_FD_AUTO fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(hf_pwrite_full(fd, data, len, (uint64_t)offset, path, NULL), 0);
}

bool file_exists(const char *path, const char *suffix)
{
	char name[256];
	struct stat st;
	snprintf(name, sizeof(name), "%s%s", path, suffix);
	return lstat(name, &st) == 0;
}

bool files_equal(const char *a, const char *b)
{
	HF_BUF_AUTO x = HF_BUF(64 << 20);
	HF_BUF_AUTO y = HF_BUF(64 << 20);
	assert_int_equal(hf_file_read(AT_FDCWD, a, &x, NULL), 0);
	assert_int_equal(hf_file_read(AT_FDCWD, b, &y, NULL), 0);
	return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

/* In the writer's process: no assertions, since they would jump into the test. */
static int write_until_closed(const char *path, int go, int started)
{
	sqlite3 *db = NULL;
	int failures = sqlite3_open(path, &db) != SQLITE_OK;
	sqlite3_busy_timeout(db, 60000);
	failures += sqlite3_exec(db, "PRAGMA synchronous=off", NULL, NULL, NULL) != SQLITE_OK;
	struct pollfd p = {.fd = go, .events = POLLIN};
	for (int n = 0; poll(&p, 1, 0) == 0; n++) {
		char sql[256];
		snprintf(sql, sizeof(sql),
			"BEGIN IMMEDIATE; UPDATE account SET balance = balance - 7 WHERE id = %d; "
			"UPDATE account SET balance = balance + 7 WHERE id = %d; COMMIT", n % 97 + 1, n % 89 + 2);
		if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
			failures++;
		if (n == 0 && write(started, "", 1) != 1)
			failures++;
	}
	sqlite3_close(db);
	return failures > 100 ? 100 : failures;
}

void writer_start(struct writer *w, const char *path)
{
	int go[2];
	int started[2];
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	assert_int_equal(pipe2(started, O_CLOEXEC), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		close(go[1]);
		_exit(write_until_closed(path, go[0], started[1]));
	}
	close(go[0]);
	close(started[1]);
	char byte;
	assert_int_equal(read(started[0], &byte, 1), 1);
	close(started[0]);
	w->go = go[1];
}

void writer_end(struct writer *w)
{
	int status = -1;
	close(w->go);
	assert_int_equal(waitpid(w->pid, &status, 0), w->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}
