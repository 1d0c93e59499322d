/*
 * How the pages of a database reach the sink; see capture_internal.h.
 *
 * The backup API writes through a VFS of ours (vfs.h): pages ascend, and page 1 comes last, because the
 * destination's own transaction changes it: the change counter, the schema cookie, the version of SQLite. Where the
 * source's file holds the same page otherwise, its bytes are taken, so that a database at rest is captured byte by
 * byte; else the cookie is put back at least, as applications may look at it.
 */
#include "source/sqlite/capture_internal.h"

#include "base/file.h"
#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	BLOCK = 256 << 10,
	WAL_LOOK_EVERY = 16 << 20,
	AT_CHANGE_COUNTER = 24,
	AT_SCHEMA_COOKIE = 40,
	AT_VALID_FOR = 92, /* and the version of SQLite after it */
};

uint64_t hf_sqlite_wal_size(const struct hf_sqlite_db *db)
{
	char *path = NULL;
	struct stat st = {0};
	if (asprintf(&path, "%s-wal", db->path) < 0)
		return 0;
	if (lstat(path, &st) < 0)
		st.st_size = 0;
	free(path);
	return (uint64_t)st.st_size;
}

/* While we read, the -wal can't be reset: it grows by all that is written. */
static int watch_wal(struct hf_sqlite_capture *c, struct hf_error *err)
{
	if (c->pushed - c->wal_looked_at < WAL_LOOK_EVERY)
		return 0;
	c->wal_looked_at = c->pushed;
	c->wal_after = hf_sqlite_wal_size(&c->db);
	if (c->wal_after <= c->wal_before + c->wal_limit)
		return 0;
	return hf_fail(err, HF_E_CHANGED,
		"the -wal grew by more than %llu bytes while it was captured, since it can't be reset meanwhile: allow more by "
		"the option wal-limit, or capture when less is written", (unsigned long long)c->wal_limit);
}

static int push(struct hf_sqlite_capture *c, uint64_t offset, const void *data, size_t len, struct hf_error *err)
{
	int r = hf_stop_check(err);
	if (r < 0)
		return r;
	size_t page = (size_t)c->facts.page_size;
	for (size_t at = 0; c->pages && at + page <= len; at += page)
		hf_pages_add(c->pages, (uint32_t)((offset + at) / page) + 1, (const uint8_t *)data + at);
	c->pushed += len;
	return c->sink->ops->data(c->sink, offset, data, len, err);
}

/* The fields that the destination's transaction writes. With `count`: the number of pages too. */
static void forget_volatile(uint8_t *page, bool count)
{
	memset(page + AT_CHANGE_COUNTER, 0, count ? 8 : 4);
	memset(page + AT_SCHEMA_COOKIE, 0, 4);
	memset(page + AT_VALID_FOR, 0, 8);
}

static uint32_t cookie_of(const uint8_t *page)
{
	const uint8_t *p = page + AT_SCHEMA_COOKIE;
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Is `file` the page 1 that was captured, but for what the destination's transaction wrote to it? The number of
 * pages must agree, lest pages be lost; but where the file was cut short, and there is no -wal, the header's number
 * stays. */
static bool is_same_page(const struct hf_sqlite_capture *c, const uint8_t *file, const uint8_t *written, uint8_t *room)
{
	size_t len = (size_t)c->facts.page_size;
	bool count = c->problem_count > 0 && c->wal_before == 0;
	memcpy(room, written, len);
	memcpy(room + len, file, len);
	forget_volatile(room, count);
	forget_volatile(room + len, count);
	return memcmp(room, room + len, len) == 0 && cookie_of(file) == (uint32_t)c->facts.schema_version;
}

static void put_cookie(uint8_t *page, int64_t cookie)
{
	for (int i = 0; i < 4; i++)
		page[AT_SCHEMA_COOKIE + i] = (uint8_t)((uint64_t)cookie >> (24 - 8 * i));
}

/* Undoes, in page 1, what the destination's transaction has changed. */
static int restore_first_page(struct hf_sqlite_capture *c, const uint8_t *written, struct hf_error *err)
{
	size_t len = (size_t)c->facts.page_size;
	uint8_t *room = malloc(2 * len);
	if (!room)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	ssize_t n = hf_pread_full(c->db.fd, c->page, len, 0, c->db.path, err);
	bool same = n == (ssize_t)len && is_same_page(c, c->page, written, room);
	free(room);
	if (n < 0)
		return (int)n;
	if (!same) {
		memcpy(c->page, written, len);
		put_cookie(c->page, c->facts.schema_version);
	}
	return 0;
}

static int on_page(void *user, uint64_t offset, const void *data, size_t len, struct hf_error *err)
{
	struct hf_sqlite_capture *c = user;
	int r = watch_wal(c, err);
	if (r == 0 && offset == 0 && len == (size_t)c->facts.page_size) {
		r = restore_first_page(c, data, err);
		data = c->page;
	}
	return r < 0 ? r : push(c, offset, data, len, err);
}

/* So that it neither keeps what it was given nor reads it back. */
static int tune_destination(struct hf_sqlite_capture *c, sqlite3 *destination, struct hf_error *err)
{
	char sql[200];
	snprintf(sql, sizeof(sql),
		"PRAGMA page_size=%lld; PRAGMA cache_size=4; PRAGMA locking_mode=exclusive; PRAGMA journal_mode=off; "
		"PRAGMA synchronous=off", (long long)c->facts.page_size);
	int rc = sqlite3_exec(destination, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : hf_fail(err, HF_E_IO, "prepare to stream: %s", sqlite3_errmsg(destination));
}

static int copy_all(struct hf_sqlite_capture *c, struct hf_sqlite_backing *to, struct hf_error *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to->db, "main", c->db.handle, "main");
	if (!backup)
		return hf_fail(err, HF_E_IO, "begin to stream: %s", sqlite3_errmsg(to->db));
	int rc = sqlite3_backup_step(backup, -1);
	int finish = sqlite3_backup_finish(backup);
	if (to->failed) {
		if (err)
			*err = to->error;
		return to->failed;
	}
	if (rc == SQLITE_DONE)
		rc = finish == SQLITE_OK ? SQLITE_DONE : finish;
	return rc == SQLITE_DONE ? 0 : hf_sqlite_db_fail(&c->db, rc, "read the database", err);
}

int hf_sqlite_stream_backup(struct hf_sqlite_capture *c, struct hf_error *err)
{
	struct hf_sqlite_backing to = {.write = on_page, .user = c};
	int r = hf_sqlite_backing_open(&to, err);
	if (r == 0)
		r = tune_destination(c, to.db, err);
	if (r == 0)
		r = copy_all(c, &to, err);
	hf_sqlite_backing_close(&to);
	c->wal_after = hf_sqlite_wal_size(&c->db);
	return r;
}

int hf_sqlite_stream_file(struct hf_sqlite_capture *c, int fd, uint64_t size, struct hf_error *err)
{
	uint8_t *block = malloc(BLOCK);
	int r = block ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (uint64_t at = 0; r == 0 && at < size;) {
		size_t want = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
		ssize_t n = hf_pread_full(fd, block, want, at, c->db.path, err);
		if (n <= 0)
			r = n < 0 ? (int)n : hf_fail(err, HF_E_CHANGED, "the file became shorter while it was read");
		else
			r = push(c, at, block, (size_t)n, err);
		at += want;
	}
	free(block);
	return r;
}
