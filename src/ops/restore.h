/*
 * Restore: sources of a snapshot into a directory. It is built beside the target under a hidden name, synced as a whole,
 * and then takes the target's place: nothing half-done is ever seen, and what was there stays until then (and after, as
 * TARGET.before-<id>, unless discard_old).
 */
#ifndef HF_OPS_RESTORE_H
#define HF_OPS_RESTORE_H

#include "base/progress.h"
#include "repo/catalogue.h"
#include "source/source.h"

struct hf_restore_request {
	struct hf_repository *repo;
	const struct hf_point *point; /* with its snapshot read */
	const char *source;	      /* one source of it; NULL: all */
	const char *target;	      /* a directory: absent, or empty, or `overwrite` */
	const char *const *include;   /* paths as NAME/path, or path where there is one source */
	size_t include_count;
	bool overwrite, discard_old;
	bool ignore_room; /* too little room is only warned of (a file system that compresses) */
	const struct hf_option *options; /* for the drivers: "tablespace-map" … */
	size_t option_count;
	const char *scratch;
	struct hf_progress *progress;
};

struct hf_restored_source {
	char *name, *kind;
	uint64_t files, bytes;
	int64_t consistency_point;
	json_t *notes; /* array of strings */
};

struct hf_restore_result {
	struct hf_restored_source *sources;
	size_t source_count;
	char *kept_old; /* where what was there is now; or NULL */
	int64_t locate_ns, fetch_ns; /* the phases of RTO that a restore has */
	int64_t elapsed_ns;
};

int hf_restore(const struct hf_restore_request *request, struct hf_restore_result *out, struct hf_error *err) HF_MUST_CHECK;
void hf_restore_result_free(struct hf_restore_result *result);

#endif
