/*
 * Makes the index anew from the tables of the packs alone: of each domain where the key is a keeper (hf_key_is_keeper), else of the
 * key's own, since no one would believe what it says of others.
 */
#ifndef HF_OPS_REBUILD_INDEX_H
#define HF_OPS_REBUILD_INDEX_H

#include "base/progress.h"
#include "repo/repository.h"

struct hf_rebuild_result {
	uint64_t packs, chunks;
	struct hf_pack_failure {
		char *object, *error;
	} *unreadable; /* packs whose table could not be believed */
	size_t unreadable_count;
	char (*left)[HF_KEY_NAME_MAX]; /* names of domains that have packs, and whose index was left as it is: that takes a keeper */
	size_t left_count;
};

int hf_rebuild_index(struct hf_repository *repo, struct hf_progress *progress, struct hf_rebuild_result *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_rebuild_result_free(struct hf_rebuild_result *result);

#endif
