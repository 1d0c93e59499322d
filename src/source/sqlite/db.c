/* Connections to live databases; see db.h. */
#include "source/sqlite/db.h"

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"
#include "source/sqlite/media.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LIMIT = 512 - 8, BUSY_SLEEP_US = 5000 };

/* The size of a file beside the database; 0 if there is none. */
static uint64_t beside_size(const struct hf_sqlite_db *db, const char *suffix, bool *exists)
{
	char path[PATH_LIMIT + 16];
	struct stat st;
	snprintf(path, sizeof(path), "%s%s", db->path, suffix);
	*exists = lstat(path, &st) == 0;
	return *exists ? (uint64_t)st.st_size : 0;
}

/* Waits for a lock, in short sleeps, until the time is over or we are told to stop. */
static int on_busy(void *user, int count)
{
	struct hf_sqlite_db *db = user;
	if (count == 0)
		db->busy_since = hf_time_monotonic();
	if (hf_stopped() || hf_time_monotonic() - db->busy_since > db->busy_ns)
		return 0;
	usleep(BUSY_SLEEP_US);
	return 1;
}

static int on_progress(void *user)
{
	(void)user;
	return hf_stopped();
}

static int open_file(struct hf_sqlite_db *db, const char *path, struct hf_error *err)
{
	db->path = realpath(path, NULL);
	if (!db->path)
		return hf_fail_errno(err, errno, "open the database %s", path);
	if (strlen(db->path) > PATH_LIMIT)
		return hf_fail(err, HF_E_UNSUPPORTED, "open the database %s: its path is longer than the %d bytes that "
			"SQLite takes: use a shorter one, by a bind mount", path, PATH_LIMIT);
	db->fd = open(db->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (db->fd < 0)
		return hf_fail_errno(err, errno, "open the database %s", path);
	struct stat st;
	if (fstat(db->fd, &st) < 0)
		return hf_fail_errno(err, errno, "look at the database %s", path);
	if (!S_ISREG(st.st_mode))
		return hf_fail(err, HF_E_UNSUPPORTED, "%s is %s, not a SQLite database", path,
			S_ISDIR(st.st_mode) ? "a directory" : "not a regular file");
	return 0;
}

/* Goes on with copies that SQLite can recover: on the media itself it could not. */
static int use_copies(struct hf_sqlite_db *db, const char *scratch, struct hf_error *err)
{
	char *copy = NULL;
	int r = hf_sqlite_media_copy(db->path, scratch, &db->copies, &copy, err);
	if (r == 0) {
		hf_fd_close(&db->fd);
		free(db->path);
		db->path = realpath(copy, NULL);
		db->fd = db->path ? open(db->path, O_RDONLY | O_CLOEXEC) : -1;
		if (db->fd < 0)
			r = hf_fail_errno(err, errno, "open %s", copy);
	}
	free(copy);
	return r;
}

static int open_frozen(struct hf_sqlite_db *db, struct hf_error *err)
{
	struct stat st;
	if (fstat(db->fd, &st) < 0)
		return hf_fail_errno(err, errno, "look at %s", db->path);
	db->frozen.read = hf_sqlite_backing_pread;
	db->frozen.user = (void *)(intptr_t)db->fd;
	db->frozen.size = (uint64_t)st.st_size;
	int r = hf_sqlite_backing_open(&db->frozen, err);
	db->handle = db->frozen.db;
	return r;
}

static int open_live(struct hf_sqlite_db *db, struct hf_error *err)
{
	int rc = sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		return hf_sqlite_db_fail(db, rc, "open the database", err);
	sqlite3_extended_result_codes(db->handle, 1);
	sqlite3_busy_handler(db->handle, on_busy, db);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return 0;
}

int hf_sqlite_db_open(struct hf_sqlite_db *db, const char *path, const char *scratch, struct hf_error *err)
{
	int r = open_file(db, path, err);
	if (r < 0)
		return r;
	if (!db->busy_ns)
		db->busy_ns = 60 * HF_SECOND;
	bool exists;
	uint64_t wal = beside_size(db, "-wal", &db->had_wal);
	db->had_journal = beside_size(db, "-journal", &exists) > 0;
	db->is_frozen = hf_sqlite_media_is_frozen(db->fd);
	if (db->is_frozen && (wal > 0 || db->had_journal)) {
		db->is_frozen = false;
		r = use_copies(db, scratch, err);
	}
	if (r == 0)
		r = db->is_frozen ? open_frozen(db, err) : open_live(db, err);
	if (r < 0)
		return r;
	sqlite3_progress_handler(db->handle, 100000, on_progress, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	return 0;
}

int hf_sqlite_db_pin(struct hf_sqlite_db *db, bool tolerate, struct hf_error *err)
{
	/* Not the schema: a pin must succeed on a database whose schema does not parse. */
	static const char pin[] = "BEGIN; PRAGMA schema_version";
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_WRITABLE_SCHEMA, tolerate, NULL);
	int rc = sqlite3_exec(db->handle, pin, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	int r = hf_sqlite_db_fail(db, rc, "read the database", err);
	hf_sqlite_db_unpin(db);
	return r;
}

void hf_sqlite_db_unpin(struct hf_sqlite_db *db)
{
	if (db->handle && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

/* A -wal that our opening made is empty, and SQLite removes it (under its locks) if it may end as usual. */
static void let_wal_go(struct hf_sqlite_db *db)
{
	bool exists;
	if (!db->had_wal && beside_size(db, "-wal", &exists) == 0 && exists)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
}

void hf_sqlite_db_close(struct hf_sqlite_db *db)
{
	hf_sqlite_db_unpin(db);
	if (db->is_frozen) {
		hf_sqlite_backing_close(&db->frozen);
	} else if (db->handle) {
		let_wal_go(db);
		sqlite3_close(db->handle);
	}
	db->handle = NULL;
	hf_fd_close(&db->fd);
	if (db->copies && hf_remove_tree(AT_FDCWD, db->copies, NULL) < 0)
		db->copies[0] = 0;
	free(db->copies);
	free(db->path);
	db->copies = db->path = NULL;
}

/* SQLite could not make sense of the header: says what can be said of it. */
static int not_a_database(const struct hf_sqlite_db *db, const char *what, struct hf_error *err)
{
	static const char magic[16] = "SQLite format 3";
	unsigned char head[100] = {0};
	ssize_t n = hf_pread_full(db->fd, head, sizeof(head), 0, db->path, NULL);
	if (n < 16 || memcmp(head, magic, sizeof(magic)) != 0)
		return hf_fail(err, HF_E_UNSUPPORTED,
			"%s %s: not a SQLite database, or an encrypted one (SQLCipher, SEE): its first bytes are not SQLite's. "
			"An encrypted database can be backed up as a volume while its application is stopped", what,
			db->path);
	if (head[18] == 3 || head[19] == 3)
		return hf_fail(err, HF_E_UNSUPPORTED,
			"%s %s: it is in WAL2 mode (file format version 3), which only a branch of SQLite can read: switch it to "
			"journal_mode=wal or delete with that", what, db->path);
	return hf_fail(err, HF_E_CORRUPT, "%s %s: its header is damaged", what, db->path);
}

static int denied(const struct hf_sqlite_db *db, int rc, const char *what, struct hf_error *err)
{
	if (rc == SQLITE_READONLY_ROLLBACK)
		return hf_fail(err, HF_E_DENIED,
			"%s %s: a crash left a hot journal (%s-journal) that must be rolled back first, and we may not write: "
			"open the database once with its application or sqlite3, or back up as a user that may write there",
			what, db->path, db->path);
	return hf_fail(err, HF_E_DENIED,
		"%s %s: it is in WAL mode, and we may not write its -wal and -shm, or make them in its directory (%s): back up "
		"as root or as the database's owner, or while its application has it open", what, db->path,
		sqlite3_errmsg(db->handle));
}

int hf_sqlite_db_fail(const struct hf_sqlite_db *db, int rc, const char *what, struct hf_error *err)
{
	int r = hf_stop_check(err);
	if (r < 0)
		return r;
	if (db->frozen.failed) {
		if (err)
			*err = db->frozen.error;
		return hf_wrap(err, db->frozen.failed, "%s %s", what, db->path);
	}
	switch (rc & 0xff) {
	case SQLITE_NOTADB:
		return not_a_database(db, what, err);
	case SQLITE_CORRUPT:
		return hf_fail(err, HF_E_CORRUPT, "%s %s: %s", what, db->path, sqlite3_errmsg(db->handle));
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return denied(db, rc, what, err);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return hf_fail(err, HF_E_CHANGED, "%s %s: locked by another process for %.0f s: try again when its long "
			"transaction is over", what, db->path, hf_seconds(db->busy_ns));
	case SQLITE_NOMEM:
		return hf_fail(err, HF_E_NOMEM, "%s %s: no memory", what, db->path);
	case SQLITE_FULL:
		return hf_fail(err, HF_E_NOSPACE, "%s %s: %s", what, db->path, sqlite3_errmsg(db->handle));
	default:
		return hf_fail(err, HF_E_IO, "%s %s: %s (%d, errno %d)", what, db->path, sqlite3_errmsg(db->handle), rc,
			sqlite3_system_errno(db->handle));
	}
}

int hf_sqlite_db_int(const struct hf_sqlite_db *db, const char *sql, int64_t *out, struct hf_error *err)
{
	sqlite3_stmt *s = NULL;
	int rc = sqlite3_prepare_v2(db->handle, sql, -1, &s, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(s);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(s, 0);
	int r = rc == SQLITE_ROW ? 0 : hf_sqlite_db_fail(db, rc, "read the database", err);
	sqlite3_finalize(s);
	return r;
}
