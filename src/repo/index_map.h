/* A small hash table from 64-bit keys to numbers below 2^32 - 1, which only grows: of frames and packs while a segment is
 * written. One thread at a time. Start with {0}. */
#ifndef HF_REPO_INDEX_MAP_H
#define HF_REPO_INDEX_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_index_map {
	struct hf_index_map_pair *pairs;
	size_t count, size;
};

/* Whether `key` is there; its value, if so. */
bool hf_index_map_get(const struct hf_index_map *m, uint64_t key, uint32_t *value);
/* Adds a key that is not there yet. False without memory. */
bool hf_index_map_add(struct hf_index_map *m, uint64_t key, uint32_t value);
void hf_index_map_clear(struct hf_index_map *m); /* forgets the keys, keeps the memory */
void hf_index_map_free(struct hf_index_map *m);

#endif
