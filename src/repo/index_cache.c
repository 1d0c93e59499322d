/*
 * The cache of index blocks; see index_cache.h. Eight shards by block, each a small array under a lock of its own, which
 * is searched from end to end: that is cheaper than what a hit saves by far.
 */
#include "repo/index_cache.h"

#include <pthread.h>
#include <stdlib.h>

enum { SHARDS = 8, SHARD_LEAST = 2 };

struct shard {
	pthread_mutex_t lock;
	struct hf_index_block **slots;
	size_t hand;
};

struct hf_index_cache {
	size_t shard_size;
	struct shard shards[SHARDS];
};

static struct shard *shard_of(struct hf_index_cache *cache, uint64_t segment, uint32_t number)
{
	uint64_t h = (segment * 1000003 + number) * UINT64_C(0x9e3779b97f4a7c15);
	return &cache->shards[h >> 61];
}

int hf_index_cache_new(size_t bytes, struct hf_index_cache **out, struct hf_error *err)
{
	struct hf_index_cache *cache = calloc(1, sizeof(*cache));
	if (!cache)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	cache->shard_size = bytes / sizeof(struct hf_index_block) / SHARDS;
	if (cache->shard_size < SHARD_LEAST)
		cache->shard_size = SHARD_LEAST;
	bool whole = true;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&cache->shards[i].lock, NULL);
		cache->shards[i].slots = calloc(cache->shard_size, sizeof(struct hf_index_block *));
		whole = whole && cache->shards[i].slots;
	}
	if (!whole) {
		hf_index_cache_free(cache);
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	}
	*out = cache;
	return 0;
}

void hf_index_cache_free(struct hf_index_cache *cache)
{
	if (!cache)
		return;
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &cache->shards[i];
		for (size_t k = 0; s->slots && k < cache->shard_size; k++)
			free(s->slots[k]);
		free(s->slots);
		pthread_mutex_destroy(&s->lock);
	}
	free(cache);
}

struct hf_index_block *hf_index_cache_find(struct hf_index_cache *cache, uint64_t segment, uint32_t number)
{
	struct shard *s = shard_of(cache, segment, number);
	struct hf_index_block *found = NULL;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < cache->shard_size && !found; i++)
		if (s->slots[i] && s->slots[i]->number == number && s->slots[i]->segment == segment)
			found = s->slots[i];
	if (found) {
		found->pins++;
		found->recent = true;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

struct hf_index_block *hf_index_block_new(uint64_t segment, uint32_t number)
{
	struct hf_index_block *b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->segment = segment;
	b->number = number;
	b->pins = 1;
	b->cached = b->recent = false;
	return b;
}

/* A slot to put a block into: a free one, or one whose block is neither pinned nor recent. NULL: all are in use. */
static struct hf_index_block **slot_for(struct hf_index_cache *cache, struct shard *s)
{
	for (size_t i = 0; i < 2 * cache->shard_size; i++) {
		struct hf_index_block **slot = &s->slots[s->hand++ % cache->shard_size];
		if (!*slot)
			return slot;
		if ((*slot)->pins == 0 && !(*slot)->recent)
			return slot;
		(*slot)->recent = false;
	}
	return NULL;
}

void hf_index_cache_add(struct hf_index_cache *cache, struct hf_index_block *block)
{
	struct shard *s = shard_of(cache, block->segment, block->number);
	struct hf_index_block *evicted = NULL;
	pthread_mutex_lock(&s->lock);
	struct hf_index_block **slot = slot_for(cache, s);
	if (slot) {
		evicted = *slot;
		*slot = block;
		block->cached = block->recent = true;
	}
	pthread_mutex_unlock(&s->lock);
	free(evicted);
}

void hf_index_cache_release(struct hf_index_cache *cache, struct hf_index_block *block)
{
	if (!block)
		return;
	struct shard *s = shard_of(cache, block->segment, block->number);
	pthread_mutex_lock(&s->lock);
	bool forget = --block->pins == 0 && !block->cached;
	pthread_mutex_unlock(&s->lock);
	if (forget)
		free(block);
}
