/*
 * The rescue files: README, FORMAT.md and the independent reader, as they were when this program was built (embedded by
 * rescue_embed.py). init stores them in the repository, signed, and their hashes in the owner's key. FORMAT.md, section 11.
 */
#ifndef HF_OPS_RESCUE_H
#define HF_OPS_RESCUE_H

#include "repo/key.h"
#include "store/store.h"

struct hf_rescue_file {
	const char *name; /* "FORMAT.md" */
	const unsigned char *data;
	size_t len;
};

extern const struct hf_rescue_file hf_rescue_files[]; /* ends with .name = NULL */

/* Notes name and SHA-256 of each file in owner->rescue_json. */
int hf_rescue_note(struct hf_key *owner, struct hf_error *err) HF_MUST_CHECK;

/* PUTs them all, signed by the owner; how many in `count`. */
int hf_rescue_put(struct hf_store *store, const struct hf_key *owner, size_t *count, struct hf_error *err) HF_MUST_CHECK;

#endif
