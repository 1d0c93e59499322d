/*
 * A lane: what one worker needs to turn chunks into frames: a hasher, a frame maker, and for each class of chunks the frame
 * that it is filling. One thread at a time uses a lane.
 */
#ifndef HF_PIPELINE_LANE_H
#define HF_PIPELINE_LANE_H

#include "pipeline/pack_set.h"

/* Chunks of one class share frames. */
enum hf_lane_class { HF_LANE_FILES, HF_LANE_PAGES, HF_LANE_MANIFEST, HF_LANE_CONTENT, HF_LANE_ABOUT, HF_LANE_CLASSES };

struct hf_lane;

struct hf_lane_options {
	const struct hf_domain *domain;
	struct hf_index *index;
	struct hf_packer *packer;
	struct hf_pack_set *packs;
	struct hf_compression compression; /* level 0: by lane class */
};

/* One chunk on its way in. */
struct hf_lane_chunk {
	enum hf_lane_class lane_class;
	const void *data;
	uint32_t len;
	bool has_hint; /* then `id` and `slot` say what it probably is; it counts if the hash agrees */
	struct hf_chunk_id id; /* out (and hint) */
	hf_slot slot;	       /* out (and hint): where it lies; HF_SLOT_UNKNOWN: in some pack of this run */
};
#define HF_SLOT_UNKNOWN UINT32_MAX

int hf_lane_new(const struct hf_lane_options *options, struct hf_lane **out, struct hf_error *err) HF_MUST_CHECK;
/* Computes the id; stores the chunk if no one else has or does. */
int hf_lane_chunk(struct hf_lane *l, struct hf_lane_chunk *c, struct hf_error *err) HF_MUST_CHECK;
/* Seals the frames that are not full yet. */
int hf_lane_flush(struct hf_lane *l, struct hf_error *err) HF_MUST_CHECK;
/* Bytes of chunks that were new, and of the frames that they became, since the last call. */
void hf_lane_take_counts(struct hf_lane *l, uint64_t *plain, uint64_t *stored);
void hf_lane_free(struct hf_lane *l); /* NULL is fine */

#endif
