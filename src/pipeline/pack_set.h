/*
 * The packs that a snapshot relies on, numbered, each with one chunk that lies in it: by looking for that, a later run finds out
 * whether the index still names the pack. Safe from several threads.
 *
 * A *slot* says where a chunk lies: in a pack of this set by its number, or in a frame of this run whose pack is not
 * known yet (the high bit, then the frame's number); hf_pack_set_resolve turns the latter into the former once the
 * packer has finished.
 */
#ifndef HF_PIPELINE_PACK_SET_H
#define HF_PIPELINE_PACK_SET_H

#include "pipeline/packer.h"

struct hf_pack_set;
typedef uint32_t hf_slot;

#define HF_SLOT_FRAME UINT32_C(0x80000000)

int hf_pack_set_new(struct hf_pack_set **out, struct hf_error *err) HF_MUST_CHECK;
void hf_pack_set_free(struct hf_pack_set *s);
struct hf_packed { /* a chunk, and a pack that it lies in */
	struct hf_ref pack;
	struct hf_chunk_id chunk;
};
/* The number of the pack, which is added if it is new. */
int hf_pack_set_add(struct hf_pack_set *s, const struct hf_packed *packed, hf_slot *slot, struct hf_error *err) HF_MUST_CHECK;
/* All of them by number, and the chunk of one; valid until the next add. */
const struct hf_ref *hf_pack_set_all(const struct hf_pack_set *s, size_t *count);
const struct hf_chunk_id *hf_pack_set_chunk(const struct hf_pack_set *s, size_t number);
/* Appends them, as they are now, to an array that the caller frees. */
int hf_pack_set_append(struct hf_pack_set *s, struct hf_ref **refs, size_t *count, struct hf_error *err) HF_MUST_CHECK;
/* A slot as a pack's number; UINT32_MAX if its frame was never packed. Adds the packs of `packer`. */
int hf_pack_set_resolve(struct hf_pack_set *s, const struct hf_packer *packer, hf_slot slot, uint32_t *pack,
	struct hf_error *err) HF_MUST_CHECK;

#endif
