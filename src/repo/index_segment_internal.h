/* A segment from the inside: index_open.c makes one, index_reader.c reads it. See index_segment.h. */
#ifndef HF_REPO_INDEX_SEGMENT_INTERNAL_H
#define HF_REPO_INDEX_SEGMENT_INTERNAL_H

#include "repo/index_copy.h"
#include "repo/index_segment.h"

#include <pthread.h>
#include <stdatomic.h>

enum { HF_INDEX_CONTEXTS = 16 };

struct hf_index_segment {
	const struct hf_index_access *access;
	struct hf_ref ref;
	uint64_t serial; /* names its blocks in the cache */
	_Atomic unsigned holds;
	char name[HF_NAME_MAX];
	uint8_t header[HF_INDEX_HEADER];
	struct hf_index_copy copy; /* by way of which all bytes come */

	uint64_t size, entries, last, root_at;
	uint32_t frames, packs, lines, tier;
	uint32_t entry_blocks, frames_at, packs_at, filter_at, blocks; /* numbers of blocks */
	uint64_t *firsts;
	struct hf_ref *replaces;
	size_t replaces_count;

	pthread_mutex_t lock; /* of what follows, and of loading the filter */
	struct hf_aead *contexts[HF_INDEX_CONTEXTS];
	size_t context_count;
	_Atomic(uint8_t *) filter; /* NULL: not in memory */
	_Atomic unsigned misses;   /* while it was not */
	enum hf_index_filter filter_state; /* the index's own, under its lock */
};

/* Opens `len` sealed bytes in place. */
int hf_index_segment_unseal(struct hf_index_segment *s, uint64_t nonce, uint8_t *bytes, size_t len, struct hf_error *err);

/* HF_E_CORRUPT, naming the segment. */
int hf_index_segment_lie(const struct hf_index_segment *s, struct hf_error *err, const char *what);

#endif
