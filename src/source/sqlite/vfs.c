/* The private VFS; see vfs.h. What has no meaning here (locks, sync, truncation) does nothing and succeeds. */
#include "source/sqlite/vfs.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

struct file {
	sqlite3_file base; /* must be first */
	struct hf_sqlite_backing *backing;
};

static int file_close(sqlite3_file *f)
{
	(void)f;
	return SQLITE_OK;
}

/*
 * A database in WAL mode would want its -wal and -shm. What they held is in the file already, so the header is
 * shown as that of one with a rollback journal. (SQLite's own way, an immutable file, would make the connection
 * read-only; and for those SQLite leaves CHECK constraints out of its integrity check.)
 */
static void show_as_rollback(uint8_t *page, size_t len)
{
	enum { WRITE_VERSION = 18, READ_VERSION = 19, WAL = 2 };
	if (len > READ_VERSION && page[WRITE_VERSION] == WAL && page[READ_VERSION] == WAL)
		page[WRITE_VERSION] = page[READ_VERSION] = 1;
}

/* Past the end there are zeros, and SQLite wants to be told. */
static int file_read(sqlite3_file *f, void *data, int len, sqlite3_int64 offset)
{
	struct hf_sqlite_backing *b = ((struct file *)f)->backing;
	uint64_t at = (uint64_t)offset;
	size_t want = (size_t)len;
	size_t have = 0;
	if (at < b->size)
		have = b->size - at < want ? (size_t)(b->size - at) : want;
	if (have > 0 && !b->read && !b->failed) /* zeros in its place would come back as a page */
		b->failed = hf_fail(&b->error, HF_E_IO, "SQLite reads back what it has streamed");
	if (have > 0 && !b->failed)
		b->failed = b->read(b->user, at, data, have, &b->error);
	if (b->failed)
		return SQLITE_IOERR_READ;
	if (at == 0)
		show_as_rollback(data, have);
	memset((char *)data + have, 0, want - have);
	return have < want ? SQLITE_IOERR_SHORT_READ : SQLITE_OK;
}

static int file_write(sqlite3_file *f, const void *data, int len, sqlite3_int64 offset)
{
	struct hf_sqlite_backing *b = ((struct file *)f)->backing;
	uint64_t end = (uint64_t)offset + (uint64_t)len;
	if (!b->write)
		return SQLITE_READONLY;
	if (!b->failed)
		b->failed = b->write(b->user, (uint64_t)offset, data, (size_t)len, &b->error);
	if (b->failed)
		return SQLITE_IOERR_WRITE;
	if (end > b->size)
		b->size = end;
	return SQLITE_OK;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	(void)f, (void)size;
	return SQLITE_OK;
}

static int file_sync(sqlite3_file *f, int flags)
{
	(void)f, (void)flags;
	return SQLITE_OK;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)((struct file *)f)->backing->size;
	return SQLITE_OK;
}

static int file_lock(sqlite3_file *f, int level)
{
	(void)f, (void)level;
	return SQLITE_OK;
}

static int file_is_reserved(sqlite3_file *f, int *out)
{
	(void)f;
	*out = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	(void)f, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

/* The smallest page: else SQLite would rewrite, and so read back, all pages of a sector. */
static int file_sector_size(sqlite3_file *f)
{
	(void)f;
	return 512;
}

static int file_characteristics(sqlite3_file *f)
{
	(void)f;
	return 0;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_lock,
	.xCheckReservedLock = file_is_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	(void)name;
	f->pMethods = NULL;
	if (!(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	((struct file *)f)->backing = vfs->pAppData;
	f->pMethods = &methods;
	if (out_flags)
		*out_flags = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory)
{
	(void)vfs, (void)name, (void)sync_directory;
	return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs, (void)name, (void)flags;
	*out = 0; /* there is no journal and no WAL */
	return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int max, char *out)
{
	(void)vfs;
	snprintf(out, (size_t)max, "%s", name);
	return SQLITE_OK;
}

int hf_sqlite_backing_open(struct hf_sqlite_backing *b, struct hf_error *err)
{
	const sqlite3_vfs *unix_vfs = sqlite3_vfs_find(NULL);
	if (!unix_vfs)
		return hf_fail(err, HF_E_IO, "this SQLite has no VFS");
	b->vfs = *unix_vfs; /* for its clock, its sleep and its randomness */
	snprintf(b->name, sizeof(b->name), "holdfast-%p", (void *)b);
	b->vfs.zName = b->name;
	b->vfs.pNext = NULL;
	b->vfs.pAppData = b;
	b->vfs.iVersion = 2;
	b->vfs.szOsFile = sizeof(struct file);
	b->vfs.xOpen = vfs_open;
	b->vfs.xDelete = vfs_delete;
	b->vfs.xAccess = vfs_access;
	b->vfs.xFullPathname = vfs_full_path;
	int flags = SQLITE_OPEN_READWRITE | (b->write ? SQLITE_OPEN_CREATE : 0);
	int rc = sqlite3_vfs_register(&b->vfs, 0);
	if (rc == SQLITE_OK)
		rc = sqlite3_open_v2("database", &b->db, flags | SQLITE_OPEN_NOMUTEX, b->name);
	if (rc != SQLITE_OK)
		return hf_fail(err, rc == SQLITE_NOMEM ? HF_E_NOMEM : HF_E_IO, "open a private database: %s",
			sqlite3_errstr(rc));
	sqlite3_extended_result_codes(b->db, 1);
	return 0;
}

void hf_sqlite_backing_close(struct hf_sqlite_backing *b)
{
	if (b->db)
		sqlite3_close(b->db);
	b->db = NULL;
	if (b->vfs.zName)
		sqlite3_vfs_unregister(&b->vfs);
	b->vfs.zName = NULL;
}

int hf_sqlite_backing_pread(void *user, uint64_t offset, void *data, size_t len, struct hf_error *err)
{
	ssize_t n = hf_pread_full((int)(intptr_t)user, data, len, offset, "a copy of the database", err);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : hf_fail(err, HF_E_CHANGED, "a copy of the database became shorter");
}
