/*
 * The packer: gathers the frames of a run into packs and uploads them, and makes the run's data keys. One for a run; safe
 * from all threads.
 *
 *	number = hf_packer_next_frame()       before a frame's first chunk is claimed
 *	hf_packer_hold_key()                  the data key to seal it with, which stays the present one until
 *	hf_packer_add(frame)                  copies it into the current pack; blocks while two packs are in memory
 *	hf_packer_release_key()
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
	struct hf_id run;
	uint32_t domain_mark; /* of the packs: see hf_domain_mark_for */
	uint64_t pack_size; /* 0: 32 MiB */
	uint64_t key_bytes; /* of frames, after which a new data key is made; 0: 2^45. In any case after 24 h. */
};

int hf_packer_new(const struct hf_packer_options *options, struct hf_packer **out, struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_packer_next_frame(struct hf_packer *p);
/* Makes a new data key first if that is due. The key is wiped by hf_packer_free. After success release it, in the same thread. */
int hf_packer_hold_key(struct hf_packer *p, const struct hf_run_key **key, struct hf_error *err) HF_MUST_CHECK;
void hf_packer_release_key(struct hf_packer *p);
/* With the key held that it was sealed with. */
int hf_packer_add(struct hf_packer *p, const struct hf_new_frame *frame, struct hf_error *err) HF_MUST_CHECK;
int hf_packer_finish(struct hf_packer *p, struct hf_error *err) HF_MUST_CHECK;
/* After finish, until free. The packs of this run in the order in which they were begun, and the place in that array
 * of a frame's pack (UINT32_MAX: no such frame). */
const struct hf_ref *hf_packer_packs(const struct hf_packer *p, size_t *count);
/* The first chunk of the pack at that place. */
const struct hf_chunk_id *hf_packer_chunk_of(const struct hf_packer *p, size_t pack);
/* At any time: a copy of that array as it is now, to be freed by the caller. */
int hf_packer_copy_packs(struct hf_packer *p, struct hf_ref **out, size_t *count, struct hf_error *err) HF_MUST_CHECK;
/* The data key of the pack at that place. */
const struct hf_run_key *hf_packer_key_of(const struct hf_packer *p, size_t pack);
uint32_t hf_packer_pack_of(const struct hf_packer *p, uint64_t frame);
uint64_t hf_packer_frame_count(const struct hf_packer *p);
void hf_packer_free(struct hf_packer *p); /* gives up what is not finished */

#endif
