/*
 * What is asked before a byte is restored: may we write there, and is there room? Sizes are those of the snapshot; only where these
 * don't fit is the manifest gone through, for what holes, hard links and a selection of paths leave of them.
 */
#ifndef HF_OPS_PREFLIGHT_H
#define HF_OPS_PREFLIGHT_H

#include "ops/access.h"

struct hf_room {
	uint64_t bytes, inodes; /* at least so many */
};

/* Adds what a source takes; of these paths and what is below them, or (none) of all. */
int hf_preflight_measure(struct hf_access *access, const struct hf_snapshot_source *source, const struct hf_path *paths,
	size_t path_count, struct hf_room *need, struct hf_error *err) HF_MUST_CHECK;

/* Whether the directory in which `target` is, or is to be made, can be written to: HF_E_DENIED, HF_E_IO (a read-only file system),
 * HF_E_EXISTS (a file is in the way of a directory that is to be made). */
int hf_preflight_rights(const char *target, struct hf_error *err) HF_MUST_CHECK;

/* Whether its file system has that room: HF_E_NOSPACE, with what is there and what it takes. Where a file system doesn't tell how
 * many inodes it has room for, none are asked for. */
int hf_preflight_room(const char *target, const struct hf_room *need, struct hf_error *err) HF_MUST_CHECK;

#endif
