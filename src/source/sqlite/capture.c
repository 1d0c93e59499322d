/*
 * Capturing a SQLite database; see sqlite.h for what is done, and stream.c for how its pages come.
 *
 * The order is: open, pin one state, read what it says of itself, push its pages, let it go, judge what the pages
 * told. A database that SQLite calls corrupt is opened a second time, tolerantly; and if that fails too, its file is
 * taken as it is.
 */
#include "source/sqlite/capture_internal.h"

#include "base/file.h"
#include "base/log.h"
#include "base/time.h"
#include "source/sqlite/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RESERVED_BYTE = 0x40000001, MIN_WAL_LIMIT = 1 << 30 };

static void capture_free(struct hf_sqlite_capture *c)
{
	hf_sqlite_db_close(&c->db);
	hf_sqlite_facts_free(&c->facts);
	hf_pages_free(c->pages);
	free(c->page);
	for (size_t i = 0; i < c->problem_count; i++)
		free(c->problems[i]);
	json_decref(c->rows);
}

/* A journal is hot if it has contents and no writer is at work: a crash left it. */
static bool journal_is_hot(const struct hf_sqlite_db *db)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = RESERVED_BYTE, .l_len = 1};
	return db->had_journal && fcntl(db->fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK;
}

/* Pins the state. 1: SQLite can't read it at all, and the file is to be taken as it is. */
static int pin(struct hf_sqlite_capture *c, struct hf_error *err)
{
	bool hot = journal_is_hot(&c->db);
	c->locked_at = hf_time_monotonic();
	c->out->consistency_point = hf_time_now();
	int r = hf_sqlite_db_pin(&c->db, false, err);
	if (r == HF_E_CORRUPT) {
		hf_sqlite_capture_problem(c, "%s", err->msg);
		r = hf_sqlite_db_pin(&c->db, true, err);
	}
	if (r == HF_E_CORRUPT)
		return 1;
	struct stat st;
	char path[520];
	if (r == 0 && hot && snprintf(path, sizeof(path), "%s-journal", c->db.path) < (int)sizeof(path))
		c->was_hot = lstat(path, &st) < 0 || st.st_size == 0;
	if (c->was_hot)
		hf_warn("%s: a crash had left a hot journal, which was rolled back", c->db.path);
	return r;
}

/* 1: as in `pin`. A schema that does not parse is a problem, and the pages are captured all the same. */
static int read_facts(struct hf_sqlite_capture *c, struct hf_error *err)
{
	int r = hf_sqlite_facts_read_schema(&c->db, &c->facts, err);
	if (r == HF_E_CORRUPT) {
		hf_sqlite_capture_problem(c, "%s", err->msg);
		hf_sqlite_facts_free(&c->facts);
		sqlite3_db_config(c->db.handle, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
		r = hf_sqlite_facts_read_schema(&c->db, &c->facts, err);
		if (r == HF_E_CORRUPT)
			r = 0; /* what there was of it */
	}
	if (r == 0)
		r = hf_sqlite_facts_read(&c->db, &c->facts, err);
	if (r == HF_E_CORRUPT)
		hf_sqlite_capture_problem(c, "%s", err->msg);
	return r == HF_E_CORRUPT ? 1 : r;
}

static int prepare_pages(struct hf_sqlite_capture *c, struct hf_error *err)
{
	c->page = malloc((size_t)c->facts.page_size);
	if (!c->page)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	bool wanted = c->source->check != HF_SQLITE_CHECK_NONE || !c->source->no_row_counts;
	if (!wanted || c->facts.page_count == 0)
		return 0;
	struct hf_page_layout layout = {
		.page_size = (uint32_t)c->facts.page_size,
		.reserved = (uint32_t)c->facts.reserved,
		.page_count = (uint32_t)c->facts.page_count,
	};
	struct hf_error why = {0};
	int r = hf_pages_new(&layout, c->source->scratch, &c->pages, &why);
	if (r == HF_E_NOMEM)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0)
		hf_sqlite_capture_problem(c, "its structure could not be checked: %s", why.msg);
	return 0;
}

static int begin(struct hf_sqlite_capture *c, struct hf_error *err)
{
	struct stat st;
	if (fstat(c->db.fd, &st) < 0)
		return hf_fail_errno(err, errno, "look at %s", c->db.path);
	struct hf_entry entry = {
		.type = HF_ENTRY_FILE,
		.path = c->file,
		.path_len = strlen(c->file),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mtime_ns = st.st_mtim.tv_sec * HF_SECOND + st.st_mtim.tv_nsec,
		.size = c->size,
		.cut = HF_CUT_PAGES,
		.page_size = (uint32_t)c->facts.page_size,
	};
	return c->sink->ops->begin(c->sink, &entry, err);
}

static void unlock(struct hf_sqlite_capture *c)
{
	hf_sqlite_db_unpin(&c->db);
	if (c->is_locked)
		c->lock_ns = hf_time_monotonic() - c->locked_at;
	c->is_locked = false;
}

/* Has SQLite itself check the file `fd`, which nothing changes. */
static int check_file_fully(struct hf_sqlite_capture *c, int fd, struct hf_error *err)
{
	struct hf_sqlite_backing copy = {
		.read = hf_sqlite_backing_pread, .user = (void *)(intptr_t)fd, .size = c->size};
	int r = hf_sqlite_backing_open(&copy, err);
	if (r == 0)
		r = hf_sqlite_judge_fully(c, copy.db, err);
	hf_sqlite_backing_close(&copy);
	return r;
}

/* The file as it stands, while no one can write to it: under the lock, or from a copy made under it. */
static int capture_file(struct hf_sqlite_capture *c, struct hf_error *err)
{
	bool full = c->source->check == HF_SQLITE_CHECK_FULL;
	HF_FD_AUTO spool = -1;
	struct hf_error why = {0};
	if (!c->source->direct && c->is_locked)
		spool = hf_sqlite_spool(c->db.fd, c->size, c->source->scratch, &why);
	if (spool == HF_E_STOPPED)
		return hf_fail(err, HF_E_STOPPED, "%s", why.msg);
	if (spool >= 0)
		unlock(c);
	else if (why.msg[0])
		hf_info("%s: read under its lock, since it can't be copied first: %s", c->db.path, why.msg);
	c->method = spool >= 0 ? "spool" : "direct";
	int fd = spool >= 0 ? spool : c->db.fd;
	int r = hf_sqlite_stream_file(c, fd, c->size, err);
	if (r == 0 && full)
		r = check_file_fully(c, fd, err);
	unlock(c);
	return r;
}

static int capture_wal(struct hf_sqlite_capture *c, struct hf_error *err)
{
	c->method = "backup";
	c->wal_before = c->wal_after = hf_sqlite_wal_size(&c->db);
	c->wal_limit = c->source->wal_limit ? c->source->wal_limit : c->size > MIN_WAL_LIMIT ? c->size : MIN_WAL_LIMIT;
	int r = hf_sqlite_stream_backup(c, err);
	if (r == 0 && c->source->check == HF_SQLITE_CHECK_FULL)
		r = hf_sqlite_judge_fully(c, c->db.handle, err);
	unlock(c);
	return r;
}

/* SQLite can make nothing of it: its bytes are taken. A page size is needed all the same. */
static int capture_raw(struct hf_sqlite_capture *c, struct hf_error *err)
{
	struct stat st;
	if (fstat(c->db.fd, &st) < 0)
		return hf_fail_errno(err, errno, "look at %s", c->db.path);
	c->method = "raw";
	if (hf_sqlite_wal_size(&c->db) > 0)
		hf_sqlite_capture_problem(c, "its -wal is not in the snapshot, since SQLite can't read the database");
	c->facts.page_size = 4096;
	c->size = (uint64_t)st.st_size;
	int r = begin(c, err);
	return r < 0 ? r : hf_sqlite_stream_file(c, c->db.fd, c->size, err);
}

/* An empty file is a valid empty database. */
static int capture_pages(struct hf_sqlite_capture *c, struct hf_error *err)
{
	c->is_locked = !c->facts.is_wal && !c->db.is_frozen;
	c->size = (uint64_t)(c->facts.page_count * c->facts.page_size);
	int r = prepare_pages(c, err);
	if (r == 0)
		r = begin(c, err);
	if (r < 0)
		return r;
	bool backup = c->facts.is_wal && !c->db.is_frozen && c->facts.page_count > 0;
	r = backup ? capture_wal(c, err) : capture_file(c, err);
	if (r == 0)
		hf_sqlite_judge(c);
	return r;
}

static int end(struct hf_sqlite_capture *c, struct hf_error *err)
{
	struct hf_sink_end done = {.size = c->size};
	int r = c->sink->ops->end(c->sink, &done, err);
	for (size_t i = 0; i < c->problem_count && r == 0; i++)
		r = c->sink->ops->problem(c->sink, c->file, strlen(c->file), c->problems[i], err);
	return r;
}

static int run(struct hf_sqlite_capture *c, struct hf_error *err)
{
	c->db.busy_ns = c->source->busy_ns;
	int r = hf_sqlite_db_open(&c->db, c->source->path, c->source->scratch, err);
	if (r == 0)
		r = pin(c, err);
	if (r == 0)
		r = read_facts(c, err);
	if (r < 0)
		return r;
	r = r == 1 ? capture_raw(c, err) : capture_pages(c, err);
	if (r < 0)
		return hf_wrap(err, r, "capture the database %s", c->db.path);
	return end(c, err);
}

int hf_sqlite_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err)
{
	struct hf_sqlite *s = (struct hf_sqlite *)source;
	if (!s->path)
		return hf_fail(err, HF_E_USAGE, "database %s: its location is not given", s->name);
	const char *slash = strrchr(s->path, '/');
	__attribute__((cleanup(capture_free))) struct hf_sqlite_capture c = {
		.source = s,
		.file = slash ? slash + 1 : s->path,
		.sink = sink,
		.out = out,
		.db = HF_SQLITE_DB,
		.method = "",
	};
	struct hf_error why = {0}; /* holds what was got over, too */
	int r = run(&c, &why);
	if (r < 0)
		return hf_fail(err, r, "%s", why.msg);
	return hf_sqlite_describe(&c, err);
}
