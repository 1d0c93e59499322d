/*
 * The copy of an index segment in the cache directory, and the segment's bytes as they are stored: out of the
 * copy where they are in it, else out of the store, and then in the copy as well.
 *
 *	open -> ( read | blocks | blocks_anew )* -> close
 *
 * A small segment is copied whole when it is opened. Of a large one only what was asked for is copied, each
 * part to the place where it lies in the segment, so that the rest of the file is a hole: an index of ten
 * million chunks is half a gigabyte, of which the restore of one file needs little. When an eighth of it was
 * fetched so, the rest is fetched too: more would be asked for.
 *
 * Nothing here is believed. A part whose last bytes are zeros is not there: all parts end with a tag, a
 * signature or an id. What is there may be damaged, torn by a crash or another's: whoever opens it finds out,
 * and asks for it anew. Whether a copy can be made, or written to, doesn't matter. Without one, each part is
 * read from the store whenever it is needed.
 *
 * Safe from any thread, but for open and close. Several processes may share a copy: all write the same bytes
 * to the same places.
 */
#ifndef HF_REPO_INDEX_COPY_H
#define HF_REPO_INDEX_COPY_H

#include "repo/index_segment.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HF_INDEX_SMALL = 1 << 20 }; /* bytes of a segment that is copied whole at once */

struct hf_index_copy {
	const struct hf_index_access *access;
	struct hf_ref ref;
	const char *name; /* the object's */
	uint64_t size;    /* of the segment */
	int fd;           /* -1: none */
	_Atomic bool is_writable, is_whole;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t fetched;
	bool is_fetching; /* one thread at a time, so that others find what it fetched */
	bool tried_all;   /* to fetch all of it, which is tried once */
	uint64_t bytes;   /* fetched in parts */
};

/* A run of blocks, in one region of the segment: only blocks of the same region are fetched along. */
struct hf_index_run {
	uint32_t first, count;
	uint32_t region, region_end;
};

/* Takes down what it is of (the name is borrowed), and opens the copy, or makes one. */
void hf_index_copy_open(struct hf_index_copy *c, const struct hf_index_access *access,
	const struct hf_ref *ref, uint64_t size, const char *name);
void hf_index_copy_close(struct hf_index_copy *c);
/* Deletes what there is, and makes a new one, of a segment of `size` bytes; there is none where it can't be deleted.
 * While nobody else uses it. */
void hf_index_copy_renew(struct hf_index_copy *c, uint64_t size);

bool hf_index_copy_is_there(const struct hf_index_copy *c);
/* Whether blocks cost next to nothing: they are here, or the store is near. */
bool hf_index_copy_is_near(const struct hf_index_copy *c);

/* A part of the segment that is no block. */
int hf_index_copy_read(
	struct hf_index_copy *c, uint64_t offset, void *out, size_t len, struct hf_error *err) HF_MUST_CHECK;
/* Blocks as they are sealed, `run->count` times HF_INDEX_SEALED bytes. */
int hf_index_copy_blocks(struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out,
	struct hf_error *err) HF_MUST_CHECK;
/* The same from the store, whatever the copy holds. */
int hf_index_copy_blocks_anew(struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
