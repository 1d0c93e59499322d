/*
 * Reads a pack whole: every frame is fetched, authenticated and unpacked, every chunk hashed anew. One thread at a time uses
 * a checker.
 */
#ifndef HF_PIPELINE_PACK_CHECK_H
#define HF_PIPELINE_PACK_CHECK_H

#include "repo/pack.h"

struct hf_pack_checker;

int hf_pack_checker_new(struct hf_store *store, const struct hf_domain *domain, struct hf_pack_checker **out,
	struct hf_error *err) HF_MUST_CHECK;
/* 0: all is well; `bytes` (may be NULL) grows by what was read. `bad` is called for each chunk of a frame that fails, with the
 * reason; where it returns 0 the check goes on with the next frame, and the first failure is returned at the end. */
struct hf_pack_check {
	const struct hf_pack_table *table;
	const struct hf_run_key *key;
	int (*bad)(void *user, const struct hf_chunk_id *id, const struct hf_error *why);
	void *user;
	uint64_t *bytes;
};
int hf_pack_checker_run(struct hf_pack_checker *c, const struct hf_pack_check *what, struct hf_error *err) HF_MUST_CHECK;
void hf_pack_checker_free(struct hf_pack_checker *c); /* NULL is fine */

#endif
