/*
 * Checking a restored database: it is opened through a VFS that takes no writes (vfs.h), so nothing is written, locked or left
 * beside it. Readiness is that it opens, that its schema parses and that it has its pages; proof is that it is
 * whole and holds the rows that the captured state held.
 */
#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "source/sqlite/sqlite_internal.h"
#include "source/sqlite/vfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN = 3 }; /* of many faults of one kind */

struct checker {
	struct hf_check_report *report;
	const struct hf_check_options *options;
	const json_t *detail;
	sqlite3 *db;
	char text[600]; /* what was found */
};

static int on_progress(void *user)
{
	(void)user;
	return hf_stopped();
}

static bool is_sidecar(const char *name)
{
	static const char *const ends[] = {"-wal", "-shm", "-journal"};
	size_t len = strlen(name);
	for (size_t i = 0; i < 3; i++)
		if (len > strlen(ends[i]) && strcmp(name + len - strlen(ends[i]), ends[i]) == 0)
			return true;
	return false;
}

/* The one file in the directory. Its name in `detail` may be spelt otherwise, if it is not UTF-8. */
static int find_file(int dirfd, char **name, struct hf_error *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return hf_fail_errno(err, errno, "list the restored files");
	size_t files = 0;
	struct stat st;
	for (const struct dirent *e = readdir(d); e; e = readdir(d)) {
		if (is_sidecar(e->d_name) || fstatat(dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		free(*name);
		*name = strdup(e->d_name);
		files++;
	}
	closedir(d);
	if (files == 1 && *name)
		return 0;
	return hf_fail(err, HF_E_CHECK, "one database file is expected there, not %zu files", files);
}

static int add(struct checker *c, const char *name, bool ok, bool proves, int64_t began)
{
	int64_t ns = hf_time_monotonic() - began;
	if (proves)
		c->report->prove_ns += ns;
	else
		c->report->check_ns += ns;
	return hf_check_add(c->report, name, ok, proves, "%s", c->text);
}

/* One integer; false with `text` set if it can't be had. */
static bool ask(struct checker *c, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	else
		snprintf(c->text, sizeof(c->text), "%s: %s", sql, sqlite3_errmsg(c->db));
	sqlite3_finalize(s);
	return rc == SQLITE_ROW;
}

static int check_schema(struct checker *c)
{
	int64_t began = hf_time_monotonic();
	int64_t tables = 0;
	bool ok = ask(c, "SELECT count(*) FROM sqlite_schema WHERE type = 'table'", &tables);
	if (ok)
		snprintf(c->text, sizeof(c->text), "opens, with %lld tables", (long long)tables);
	return add(c, "open", ok, false, began);
}

static int check_page_count(struct checker *c)
{
	int64_t began = hf_time_monotonic();
	int64_t pages = 0;
	int64_t wanted = 0;
	bool ok = ask(c, "PRAGMA page_count", &pages);
	struct hf_error err = {0};
	if (ok && hf_json_int(c->detail, "page_count", &wanted, &err) < 0) {
		ok = false;
		snprintf(c->text, sizeof(c->text), "the number at capture is not known: %.400s", err.msg);
	} else if (ok) {
		ok = pages == wanted;
		snprintf(c->text, sizeof(c->text), "%lld pages, captured %lld", (long long)pages, (long long)wanted);
	}
	return add(c, "page_count", ok, false, began);
}

/* Adds a fault to the text, as long as few are in it. */
static void fault(struct checker *c, size_t count, const char *text)
{
	size_t len = strlen(c->text);
	if (count < SHOWN)
		snprintf(c->text + len, sizeof(c->text) - len, "%s%s", count ? "; " : "", text);
	else if (count == SHOWN)
		snprintf(c->text + len, sizeof(c->text) - len, "; …");
}

/* Runs a PRAGMA of which each row but "ok" is a fault. `describe` turns a row into text. */
static int check_pragma(struct checker *c, const char *name, const char *sql,
	void (*describe)(sqlite3_stmt *row, char text[200]))
{
	int64_t began = hf_time_monotonic();
	sqlite3_stmt *s = NULL;
	size_t faults = 0;
	c->text[0] = 0;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		char text[200] = "";
		describe(s, text);
		if (text[0])
			fault(c, faults++, text);
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE)
		fault(c, faults++, sqlite3_errmsg(c->db));
	sqlite3_finalize(s);
	if (faults == 0)
		snprintf(c->text, sizeof(c->text), "ok");
	return add(c, name, faults == 0, true, began);
}

static void describe_integrity(sqlite3_stmt *row, char text[200])
{
	const char *said = (const char *)sqlite3_column_text(row, 0);
	if (!said || strcmp(said, "ok") != 0)
		snprintf(text, 200, "%s", said ? said : "no memory");
}

static void describe_foreign_key(sqlite3_stmt *row, char text[200])
{
	const char *child = (const char *)sqlite3_column_text(row, 0);
	const char *parent = (const char *)sqlite3_column_text(row, 2);
	snprintf(text, 200, "row %lld of %s refers to no row of %s", (long long)sqlite3_column_int64(row, 1),
		child ? child : "?", parent ? parent : "?");
}

/* True if the table has the rows that it had. */
static bool rows_match(struct checker *c, const char *table, int64_t wanted, char text[200])
{
	int64_t found = 0;
	char *sql = sqlite3_mprintf("SELECT count(*) FROM \"%w\"", table);
	bool ok = sql && ask(c, sql, &found);
	sqlite3_free(sql);
	if (!ok)
		snprintf(text, 200, "%.199s", c->text);
	else if (found != wanted)
		snprintf(text, 200, "%s has %lld rows, had %lld", table, (long long)found, (long long)wanted);
	return ok && found == wanted;
}

/* Only where the rows were counted at capture. */
static int check_rows(struct checker *c)
{
	const json_t *rows = json_object_get(c->detail, "rows");
	if (!json_is_object(rows))
		return 0;
	int64_t began = hf_time_monotonic();
	char found[sizeof(c->text)] = "";
	size_t faults = 0;
	int64_t total = 0;
	const char *table;
	json_t *n;
	json_object_foreach((json_t *)rows, table, n)
	{
		char text[200];
		total += json_integer_value(n);
		if (rows_match(c, table, json_integer_value(n), text))
			continue;
		memcpy(c->text, found, sizeof(found));
		fault(c, faults++, text);
		memcpy(found, c->text, sizeof(found));
	}
	if (faults == 0)
		snprintf(c->text, sizeof(c->text), "%lld rows in %zu tables, as captured", (long long)total,
			json_object_size(rows));
	return add(c, "rows", faults == 0, true, began);
}

/* Whether the one statement returns one row, true. What it found is in `text`. */
static bool is_true(struct checker *c, const char *sql)
{
	sqlite3_stmt *s = NULL;
	const char *rest = NULL, *why = NULL;
	int rc = sqlite3_prepare_v2(c->db, sql, -1, &s, &rest);
	if (rc == SQLITE_OK && (!s || !sqlite3_stmt_readonly(s) || rest[strspn(rest, "; \t\r\n")]))
		why = "it is not one statement that reads";
	if (rc == SQLITE_OK && !why)
		rc = sqlite3_step(s);
	if (!why && rc == SQLITE_DONE)
		why = "it returned no row";
	else if (!why && rc != SQLITE_ROW)
		why = sqlite3_errmsg(c->db);
	else if (!why && (sqlite3_column_type(s, 0) == SQLITE_NULL || sqlite3_column_double(s, 0) == 0))
		why = "it is not true";
	else if (!why && sqlite3_step(s) != SQLITE_DONE)
		why = "it returned more than one row";
	snprintf(c->text, sizeof(c->text), "%.300s: %s", sql, why ? why : "true");
	sqlite3_finalize(s);
	return !why;
}

/* The policy's questions, each a check of its own. */
static int check_sql(struct checker *c)
{
	int r = 0;
	for (size_t i = 0; i < c->options->option_count && r == 0; i++) {
		int64_t began = hf_time_monotonic();
		if (strcmp(c->options->options[i].name, "check-sql") != 0)
			continue;
		bool ok = is_true(c, c->options->options[i].value);
		r = add(c, "check-sql", ok, false, began);
	}
	return r;
}

static int run_checks(struct checker *c, struct hf_error *err)
{
	int r = check_schema(c);
	if (r == 0)
		r = check_page_count(c);
	if (r == 0)
		r = check_sql(c);
	if (r == 0)
		r = check_pragma(c, "integrity_check", "PRAGMA integrity_check(100)", describe_integrity);
	if (r == 0)
		r = check_pragma(c, "foreign_key_check", "PRAGMA foreign_key_check", describe_foreign_key);
	if (r == 0)
		r = check_rows(c);
	if (r < 0)
		return hf_fail(err, r, "no memory");
	return hf_stop_check(err);
}

static int check_file(struct checker *c, int dirfd, const char *name, struct hf_error *err)
{
	HF_FD_AUTO fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return hf_fail_errno(err, errno, "open %s", name);
	struct hf_sqlite_backing backing = {
		.read = hf_sqlite_backing_pread, .user = (void *)(intptr_t)fd, .size = (uint64_t)st.st_size};
	int r = hf_sqlite_backing_open(&backing, err);
	c->db = backing.db;
	if (r == 0) {
		sqlite3_progress_handler(c->db, 100000, on_progress, NULL);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
		/* Indexes are looked up in the order of their table: with the usual 2 MiB most look-ups read the file. */
		(void)!sqlite3_exec(c->db, "PRAGMA cache_size=-32768", NULL, NULL, NULL); /* fails if the schema does */
		r = run_checks(c, err);
	}
	hf_sqlite_backing_close(&backing);
	return r;
}

int hf_sqlite_check(struct hf_source *source, const struct hf_check_options *options, struct hf_check_report *report,
	struct hf_error *err)
{
	(void)source;
	struct checker c = {.report = report, .options = options, .detail = options->detail};
	char *name = NULL;
	struct hf_error why = {0};
	int r = find_file(options->dirfd, &name, &why);
	if (r == 0)
		r = check_file(&c, options->dirfd, name, err);
	else
		r = hf_check_add(report, "open", false, false, "%s", why.msg);
	free(name);
	return r;
}
