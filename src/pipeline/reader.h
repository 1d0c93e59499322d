/*
 * Reading chunks back: found in the index, their frames fetched, opened and kept for a while, every chunk's id recomputed
 * before its bytes are given out. Where one place of a chunk fails, the next is tried, and the failure is reported once.
 *
 *	hf_reader_new -> hf_reader_get (spans into shared frames) | hf_reader_load (a copy) -> hf_reader_free
 *
 * Safe from any thread. Frames in use are pinned; those that are not stay until others need their memory.
 */
#ifndef HF_PIPELINE_READER_H
#define HF_PIPELINE_READER_H

#include "repo/content.h"
#include "repo/index.h"
#include "repo/repository.h"

struct hf_reader;
struct hf_stored;
struct hf_frame; /* an opened frame, counted */

struct hf_reader_options {
	struct hf_repository *repo;
	struct hf_index *index;		 /* of the domain whose chunks are read */
	const struct hf_domain *domain;	 /* borrowed */
	size_t cache_bytes;		 /* of frames that no one uses; 0: 24 MiB with what is fetched ahead */
};

int hf_reader_new(const struct hf_reader_options *options, struct hf_reader **out, struct hf_error *err) HF_MUST_CHECK;
void hf_reader_free(struct hf_reader *r); /* NULL is fine */

/* A verified chunk: `data` lies in `frame`, which the caller unpins with hf_reader_unpin. `len` 0: any length. */
struct hf_chunk_view {
	const uint8_t *data;
	uint32_t len;
	struct hf_frame *frame;
};
int hf_reader_get(struct hf_reader *r, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	struct hf_chunk_view *out, struct hf_error *err) HF_MUST_CHECK;
void hf_reader_unpin(struct hf_reader *r, struct hf_frame *frame);

/* The load_chunk of a struct hf_chunk_feed whose user is the reader. */
int hf_reader_load(void *reader, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err);
struct hf_chunk_feed hf_reader_feed(struct hf_reader *r);

/* For a store far away (is_far) frames that are wanted together can be fetched together (lookahead.h does it for jobs): where a
 * chunk's frame lies, false if nothing can be said; and the frames of `wanted` (clobbered), of which the first `own` are needed
 * now, the rest soon. Neither fails: hf_reader_get reports on what can't be had. */
bool hf_reader_is_far(const struct hf_reader *r);
bool hf_reader_locate(struct hf_reader *r, const struct hf_chunk_id *id, struct hf_stored *out);
void hf_reader_ahead(struct hf_reader *r, struct hf_stored *wanted, size_t own, size_t count);

#endif
