/* What the files of a SQLite capture share: its state, and the ways on which pages reach the sink. */
#ifndef HF_SOURCE_SQLITE_CAPTURE_INTERNAL_H
#define HF_SOURCE_SQLITE_CAPTURE_INTERNAL_H

#include "source/sqlite/db.h"
#include "source/sqlite/facts.h"
#include "source/sqlite/pages.h"
#include "source/sqlite/sqlite_internal.h"

enum { HF_SQLITE_PROBLEMS = 32 };

struct hf_sqlite_capture {
	struct hf_sqlite *source;
	const char *file; /* the entry's path: the database's file name */
	struct hf_sink *sink;
	struct hf_captured *out;
	struct hf_sqlite_db db;
	struct hf_sqlite_facts facts;
	struct hf_pages *pages; /* NULL: neither checked nor counted */
	uint8_t *page;		/* room for one page */
	uint64_t size;		/* of the captured file */

	const char *method;
	bool was_hot;		/* a hot journal was rolled back */
	bool is_locked;		/* writers wait for us since `locked_at` */
	int64_t locked_at, lock_ns;
	uint64_t wal_before, wal_after, wal_limit;
	uint64_t wal_looked_at; /* bytes pushed when the -wal's size was looked at */
	uint64_t pushed;

	char *problems[HF_SQLITE_PROBLEMS]; /* reported when the file is complete */
	size_t problem_count;
	json_t *rows; /* object; NULL: not counted */
};

/* Notes something that is wrong with the database; the capture goes on, and ends incomplete. */
void hf_sqlite_capture_problem(struct hf_sqlite_capture *c, const char *fmt, ...) HF_PRINTF(2, 3);

/* stream.c: pushes all pages into the entry that has been begun. */

/* Through the backup API, from the pinned state, without a lock. */
int hf_sqlite_stream_backup(struct hf_sqlite_capture *c, struct hf_error *err) HF_MUST_CHECK;
/* The first `size` bytes of `fd`, as they are. */
int hf_sqlite_stream_file(struct hf_sqlite_capture *c, int fd, uint64_t size, struct hf_error *err) HF_MUST_CHECK;
/* The size of the -wal, 0 if there is none. */
uint64_t hf_sqlite_wal_size(const struct hf_sqlite_db *db);

/* describe.c: makes `out->detail`. */
int hf_sqlite_describe(struct hf_sqlite_capture *c, struct hf_error *err) HF_MUST_CHECK;

/* judge.c: what the pages have told. */

/* Walks all trees: counts rows, and notes what is damaged, or that it can't be told. */
void hf_sqlite_judge(struct hf_sqlite_capture *c);
/* PRAGMA integrity_check on `handle`; what it finds is noted. */
int hf_sqlite_judge_fully(struct hf_sqlite_capture *c, sqlite3 *handle, struct hf_error *err) HF_MUST_CHECK;

#endif
