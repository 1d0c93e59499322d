/* Open addressing with linear probing, at most three quarters full; see index_map.h. */
#include "repo/index_map.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 256 };

struct hf_index_map_pair {
	uint64_t key;
	uint32_t value; /* + 1; 0: a free place */
};

/* The place of `key`, or the free one where it belongs. */
static struct hf_index_map_pair *place_of(const struct hf_index_map *m, uint64_t key)
{
	size_t i = (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (m->size - 1);
	while (m->pairs[i].value != 0 && m->pairs[i].key != key)
		i = (i + 1) & (m->size - 1);
	return &m->pairs[i];
}

bool hf_index_map_get(const struct hf_index_map *m, uint64_t key, uint32_t *value)
{
	if (m->size == 0)
		return false;
	const struct hf_index_map_pair *p = place_of(m, key);
	*value = p->value - 1;
	return p->value != 0;
}

static bool grow(struct hf_index_map *m)
{
	struct hf_index_map bigger = {.count = m->count, .size = m->size ? m->size * 2 : FIRST_SIZE};
	bigger.pairs = calloc(bigger.size, sizeof(*bigger.pairs));
	if (!bigger.pairs)
		return false;
	for (size_t i = 0; i < m->size; i++)
		if (m->pairs[i].value)
			*place_of(&bigger, m->pairs[i].key) = m->pairs[i];
	free(m->pairs);
	*m = bigger;
	return true;
}

bool hf_index_map_add(struct hf_index_map *m, uint64_t key, uint32_t value)
{
	if (4 * (m->count + 1) > 3 * m->size && !grow(m))
		return false;
	*place_of(m, key) = (struct hf_index_map_pair){.key = key, .value = value + 1};
	m->count++;
	return true;
}

void hf_index_map_clear(struct hf_index_map *m)
{
	if (m->pairs)
		memset(m->pairs, 0, m->size * sizeof(*m->pairs));
	m->count = 0;
}

void hf_index_map_free(struct hf_index_map *m)
{
	free(m->pairs);
	*m = (struct hf_index_map){0};
}
