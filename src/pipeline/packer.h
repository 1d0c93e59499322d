/*
 * The packer: gathers the frames of a run into packs and uploads them. One for a run; safe from all threads.
 *
 *	number = hf_packer_next_frame()       before a frame's first chunk is claimed
 *	hf_packer_add(frame)                  copies it into the current pack; blocks while two packs are in memory
 *	hf_packer_finish()                    puts what is left and waits until all is durable and in the index
 *
 * Afterwards hf_packer_pack_of tells in which pack a frame came to lie. One thread uploads; a pack is noted in the
 * index only when the store has it.
 */
#ifndef HF_PIPELINE_PACKER_H
#define HF_PIPELINE_PACKER_H

#include "repo/index.h"
#include "repo/pack.h"

struct hf_packer;

struct hf_packer_options {
	struct hf_store *store;
	const struct hf_key *key;
	struct hf_index *index;
	const struct hf_run_key *run_key;
	uint64_t pack_size; /* 0: 32 MiB */
};

int hf_packer_new(const struct hf_packer_options *options, struct hf_packer **out, struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_packer_next_frame(struct hf_packer *p);
int hf_packer_add(struct hf_packer *p, const struct hf_new_frame *frame, struct hf_error *err) HF_MUST_CHECK;
int hf_packer_finish(struct hf_packer *p, struct hf_error *err) HF_MUST_CHECK;
/* After finish, until free. The packs of this run in the order in which they were begun, and the place in that array
 * of a frame's pack (UINT32_MAX: no such frame). */
const struct hf_ref *hf_packer_packs(const struct hf_packer *p, size_t *count);
/* At any time: a copy of that array as it is now, to be freed by the caller. */
int hf_packer_copy_packs(struct hf_packer *p, struct hf_ref **out, size_t *count, struct hf_error *err) HF_MUST_CHECK;
uint32_t hf_packer_pack_of(const struct hf_packer *p, uint64_t frame);
uint64_t hf_packer_frame_count(const struct hf_packer *p);
/* What went into the store so far. */
uint64_t hf_packer_bytes_stored(const struct hf_packer *p);
void hf_packer_free(struct hf_packer *p); /* gives up what is not finished */

#endif
