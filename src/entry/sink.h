/*
 * The sink: what a source pushes its entries and data into when it is captured. It is a struct with a table of
 * functions, so that a source can be tested with one that records; the real one is the pipeline's (ingest.h).
 *
 * The grammar of calls, on one thread at a time:
 *
 *	( reuse | begin data* end | problem )*
 *
 * begin(entry)	  announces an entry. Only FILEs take data.
 * data(offset)	  bytes at a place of the current file. Offsets ascend and may skip (holes of a sparse file;
 *		  elsewhere the gap is zeros). With HF_CUT_PAGES a page may come again, later, whole: the last one
 *		  counts (SQLite's page 1). The bytes are the caller's again when the call returns.
 * end(done)	  the current file is complete. `done` carries what was only known afterwards.
 * abandon	  in place of end: the current file could not be read to its end; it is left out (or, with
 *		  done->keep_partial, kept as far as it came). Always with a `problem`.
 * problem(path)  something about `path` could not be captured: the snapshot will be incomplete and says so.
 * known(path)	  may be called at any time, from the same thread, for paths in hf_path_compare order: is this file,
 *		  with this stamp, just as it was at the last capture? Returns 1 and a token, or 0.
 * reuse(token)   in place of begin…end: takes the entry over from the last capture. Consumes the token.
 * forget(token)  gives a token back unused.
 *
 * Every function returns 0 or a negative code with `err` set; after one has failed the source unwinds and returns
 * that failure. `known` and `reuse` are optional (NULL: nothing is ever known).
 */
#ifndef HF_ENTRY_SINK_H
#define HF_ENTRY_SINK_H

#include "entry/entry.h"

struct hf_sink;

struct hf_sink_end {
	uint64_t size;		/* the true size of the file, which may differ from the announced one */
	bool changed_while_read; /* recorded on the entry; also report it with `problem` */
	bool keep_partial;	/* abandon only */
	struct hf_stamp stamp;	/* all zero: do not remember (racy, changed) */
};

struct hf_sink_ops {
	int (*begin)(struct hf_sink *sink, const struct hf_entry *entry, struct hf_error *err);
	int (*data)(struct hf_sink *sink, uint64_t offset, const void *data, size_t len, struct hf_error *err);
	int (*end)(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err);
	int (*abandon)(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err);
	int (*problem)(struct hf_sink *sink, const char *path, size_t path_len, const char *message,
		struct hf_error *err);
	int (*known)(struct hf_sink *sink, const char *path, size_t path_len, const struct hf_stamp *stamp,
		void **token, struct hf_error *err);
	int (*reuse)(struct hf_sink *sink, void *token, struct hf_error *err);
	void (*forget)(struct hf_sink *sink, void *token);
};

struct hf_sink {
	const struct hf_sink_ops *ops;
};

#endif
