/* Databases for the tests of the sqlite source: made by SQL, written to by another process, and looked at. */
#ifndef HF_TEST_DATABASE_H
#define HF_TEST_DATABASE_H

#include "../postgres/recorder.h"
#include "source/source.h"

#include <sqlite3.h>
#include <sys/types.h>

/* A directory with a database in it, and a capture of it. */
struct bench {
	char directory[64];
	char path[128]; /* directory/test.db */
	struct hf_option options[4];
	size_t option_count;
	struct recorder recorder;
	struct hf_captured captured;
	struct hf_error err;
};

void bench_new(struct bench *b); /* with a recorder; no database yet */
void bench_free(struct bench *b);
void bench_option(struct bench *b, const char *name, const char *value);

/* Runs SQL on `path`; any error fails the test. */
void bench_sql(struct bench *b, const char *sql);
/* One integer of a query on `path`. */
int64_t database_int(const char *path, const char *sql);
/* The first column of the first row of a query on `path`, or SQLite's error. Freed by the caller. */
char *database_text(const char *path, const char *sql);
/* "ok", or what PRAGMA integrity_check says first. Freed by the caller. */
char *database_integrity(const char *path);

/* Opens a source of `location` (NULL: `b->path`) and captures; returns what capture returned. */
int bench_capture(struct bench *b, const char *location);
/* The captured file; it has just been captured, whole. */
const char *bench_result(struct bench *b);
int64_t bench_detail_int(struct bench *b, const char *key);
const char *bench_detail_text(struct bench *b, const char *key);
int64_t bench_rows(struct bench *b, const char *table); /* -1: not recorded */
/* A problem that contains `text` was reported. */
bool bench_has_problem(const struct bench *b, const char *text);

/* Overwrites bytes of a file. */
void file_poke(const char *path, long offset, const void *data, size_t len);
bool file_exists(const char *path, const char *suffix);
bool files_equal(const char *a, const char *b);

/* A process that moves balance between the rows of `account` (id, balance), one transaction after another, until it
 * is told to end. Start returns when its first is committed; end fails the test if any failed. */
struct writer {
	pid_t pid;
	int go; /* closing it ends the writer */
};
void writer_start(struct writer *w, const char *path);
void writer_end(struct writer *w);

#endif
