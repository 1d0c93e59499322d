/*
 * Pushing items into the sink: the grammar of sink.h, problems, and the reading of large files as they are pushed.
 * On the thread that captures.
 */
#ifndef HF_SOURCE_VOLUME_PUSH_H
#define HF_SOURCE_VOLUME_PUSH_H

#include "entry/sink.h"
#include "source/volume/batch.h"

struct hf_volume_push {
	struct hf_sink *sink;
	struct hf_tree_links *links;
	uint8_t *piece;	 /* for large files; allocated when first needed */
	bool incomplete; /* a problem was reported */
};

int hf_volume_push_item(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_arena *arena,
	struct hf_error *err) HF_MUST_CHECK;
void hf_volume_push_free(struct hf_volume_push *push);

#endif
