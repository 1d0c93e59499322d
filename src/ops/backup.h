/*
 * Backup: several sources captured into one snapshot, committed in the order of FORMAT.md, section 13.
 *
 * Sources are captured one after another, databases first, then files. One that fails whole is left out and makes the
 * snapshot incomplete; if all fail there is no snapshot, and the first failure is returned.
 */
#ifndef HF_OPS_BACKUP_H
#define HF_OPS_BACKUP_H

#include "base/progress.h"
#include "ops/renew.h"
#include "pipeline/ingest.h"
#include "repo/catalogue.h"
#include "source/source.h"

/* In place of capturing sources (copy): what is stored elsewhere. */
struct hf_backup_origin {
	/* Brings source number `source` of the options into `ingest` (from begin to end), and says what there is to say. */
	int (*fill)(void *user, size_t source, struct hf_ingest *ingest, struct hf_captured *captured, struct hf_ingested *out,
		struct hf_error *err);
	void *user;
	int64_t time, started; /* as they were */
	struct hf_snapshot_origin of;
};

struct hf_backup_options {
	struct hf_repository *repo;
	const struct hf_source_spec *sources;
	size_t source_count;
	const char *const *tags;
	size_t tag_count;
	const char *host;    /* NULL: this machine's name */
	const char *scratch; /* for spools and spills */
	int level;	     /* of zstd, 1 to 19; 0: 3, and 2 for pages of databases (pipeline/lane.c) */
	int threads;	     /* 0: as many as there are processors */
	uint64_t pack_size;  /* 0: 32 MiB */
	bool verify;	     /* read back what this run wrote before it is committed */
	struct hf_progress *progress; /* may be NULL */
	const struct hf_backup_origin *origin; /* NULL: the sources are captured. Else their names and kinds are all that counts */
	/* Around the capture of the sources; optional. A prune may make it necessary to capture again: then both are called
	 * again. `freeze` that fails ends the run; `thaw` follows whatever happened, `freeze` failed or not. */
	int (*freeze)(void *user, struct hf_error *err);
	void (*thaw)(void *user);
	void *user;
};

struct hf_backup_source {
	const char *name, *kind; /* the spec's */
	bool failed;		 /* whole: nothing of it is in the snapshot; `failure` says why */
	char *failure;
	uint64_t files, bytes, bytes_new, bytes_stored;
	int64_t consistency_point;
	bool complete;
	uint64_t problem_count;
	json_t *problems; /* array of {"path", "path_base64"?, "error"} */
};

struct hf_backup_result {
	struct hf_ref snapshot;
	int64_t time;
	bool complete;
	struct hf_hash head;
	struct hf_backup_source *sources;
	size_t source_count;
	int64_t skew_ns; /* between the first and the last consistency point */
	struct hf_locks locks; /* of what the snapshot needs, where the store locks objects: see hf_locks_check */
	struct hf_store_counts requests;
	int64_t elapsed_ns;
};

/* 0: done; see `complete` and `locks`, of which a failure is also a warning and on record as evidence. Free the result with hf_backup_result_free, also after failure. */
int hf_backup(const struct hf_backup_options *options, struct hf_backup_result *out, struct hf_error *err) HF_MUST_CHECK;
void hf_backup_result_free(struct hf_backup_result *result);

#endif
