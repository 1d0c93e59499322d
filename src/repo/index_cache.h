/*
 * The opened blocks of index segments, kept in a bounded amount of memory and shared by all segments of an index.
 *
 *	find -> (on a miss: block_new, fill it, add) -> read its bytes -> release
 *
 * A block in use is pinned, so it may outlive its place in the cache. Which one makes room is decided by the clock
 * algorithm. Safe from any thread; the locks are held for look-ups only, never while a block is read or opened.
 */
#ifndef HF_REPO_INDEX_CACHE_H
#define HF_REPO_INDEX_CACHE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HF_INDEX_BLOCK = 16384, HF_INDEX_SEALED = 16400 };

struct hf_index_cache;

struct hf_index_block {
	uint64_t segment; /* the serial number of its segment */
	uint32_t number;  /* in the segment */
	unsigned pins;	  /* the cache's own */
	bool cached, recent;
	uint8_t bytes[HF_INDEX_SEALED]; /* the first HF_INDEX_BLOCK hold, once it is opened */
};

/* Keeps about `bytes` of blocks, at least 16 of them. */
int hf_index_cache_new(size_t bytes, struct hf_index_cache **out, struct hf_error *err) HF_MUST_CHECK;
void hf_index_cache_free(struct hf_index_cache *cache); /* no block may be pinned; NULL is fine */

/* The block, pinned, or NULL. */
struct hf_index_block *hf_index_cache_find(struct hf_index_cache *cache, uint64_t segment, uint32_t number);
/* A new one, pinned, in no cache yet; NULL without memory. Give it back by release, filled and added or not. */
struct hf_index_block *hf_index_block_new(uint64_t segment, uint32_t number);
void hf_index_cache_add(struct hf_index_cache *cache, struct hf_index_block *block);
void hf_index_cache_release(struct hf_index_cache *cache, struct hf_index_block *block);

#endif
