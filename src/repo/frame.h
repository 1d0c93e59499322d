/*
 * Frames: the unit of compression and encryption. FORMAT.md, section 6. The only place that uses zstd.
 * A maker or an opener serves one thread at a time.
 */
#ifndef HF_REPO_FRAME_H
#define HF_REPO_FRAME_H

#include "base/buf.h"
#include "repo/run_key.h"

#include <sys/uio.h>

struct hf_frame_maker;
struct hf_frame_opener;

int hf_frame_maker_new(struct hf_frame_maker **out, struct hf_error *err) HF_MUST_CHECK;
/* The data key to seal with, which must outlive its use; before the first frame, and cheap where it is the same as before. */
int hf_frame_maker_rekey(struct hf_frame_maker *m, const struct hf_run_key *k, struct hf_error *err) HF_MUST_CHECK;

/* How hard to compress. Chosen before the first frame, and again whenever that changes. HF_E_USAGE: zstd knows no such level. */
struct hf_compression {
	int level;     /* of zstd, 1 to 19 */
	int hash_log;  /* of its hash table; 0: as the level has it */
	int chain_log; /* of its second table, of shorter matches; 0: as the level has it */
};
int hf_frame_maker_choose(struct hf_frame_maker *m, const struct hf_compression *c, struct hf_error *err) HF_MUST_CHECK;

/* Compresses, pads, seals and appends the stored form of `len` bytes as frame `number` (never used twice). */
int hf_frame_make(struct hf_frame_maker *m, uint64_t number, const void *plain, size_t len, struct hf_buf *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_frame_maker_free(struct hf_frame_maker *m);

int hf_frame_opener_new(struct hf_frame_opener **out, struct hf_error *err) HF_MUST_CHECK;
/* Opens a stored frame into `plain`, which has room for `plain_len`. HF_E_CORRUPT if it doesn't authenticate or
 * unpack to exactly that. `stored` is overwritten. */
int hf_frame_open(struct hf_frame_opener *o, const struct hf_run_key *k, uint64_t number, struct iovec stored,
	struct iovec plain, struct hf_error *err) HF_MUST_CHECK;
void hf_frame_opener_free(struct hf_frame_opener *o);

/* An upper bound of what a frame of `len` plain bytes takes in the store. */
size_t hf_frame_bound(size_t len);

#endif
