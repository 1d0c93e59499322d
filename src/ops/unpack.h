/* One source of a snapshot, written under a directory: what restore and drill have in common. */
#ifndef HF_OPS_UNPACK_H
#define HF_OPS_UNPACK_H

#include "base/progress.h"
#include "ops/access.h"
#include "source/source.h"

struct hf_unpack {
	struct hf_access *access;
	const struct hf_snapshot_source *source;
	int dirfd;	    /* empty, ours */
	const char *target; /* where the tree will stand: for notes */
	const char *conf_path;
	const char *scratch;
	const struct hf_path *paths; /* NULL: everything */
	size_t path_count;
	const struct hf_option *options;
	size_t option_count;
	struct hf_progress *progress;
};

struct hf_unpacked {
	struct hf_restored restored;
	json_t *detail;	  /* what capture recorded; borrowed from `about` */
	json_t *about;
	int64_t locate_ns, fetch_ns;
};

/* Writes it; the file system is not synced yet. Free with hf_unpacked_free, also after failure. */
int hf_unpack_source(const struct hf_unpack *what, struct hf_unpacked *out, struct hf_error *err) HF_MUST_CHECK;
void hf_unpacked_free(struct hf_unpacked *u);

/* A source of that kind with no place of its own, to restore or check with. */
int hf_unpack_open_source(const struct hf_snapshot_source *source, const char *scratch, struct hf_source **out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
