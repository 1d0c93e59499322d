/* Makes the index of each domain anew from the tables of its packs alone. */
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
};

int hf_rebuild_index(struct hf_repository *repo, struct hf_progress *progress, struct hf_rebuild_result *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_rebuild_result_free(struct hf_rebuild_result *result);

#endif
