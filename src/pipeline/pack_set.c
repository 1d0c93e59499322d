/* Packs by number: an array, and an open-addressing table of places in it; see pack_set.h. */
#include "pipeline/pack_set.h"

#include <pthread.h>
#include <stdlib.h>

struct hf_pack_set {
	struct hf_ref *packs;
	struct hf_chunk_id *chunks; /* one of each */
	size_t count, cap;
	uint32_t *table; /* number + 1, or 0 */
	size_t table_size; /* a power of two, at least twice the count */
	pthread_mutex_t lock;
};

int hf_pack_set_new(struct hf_pack_set **out, struct hf_error *err)
{
	struct hf_pack_set *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void hf_pack_set_free(struct hf_pack_set *s)
{
	if (!s)
		return;
	pthread_mutex_destroy(&s->lock);
	free(s->packs);
	free(s->chunks);
	free(s->table);
	free(s);
}

/* Pack ids are random: their first bytes are hash enough. */
static uint32_t *place_of(const struct hf_pack_set *s, const struct hf_ref *pack)
{
	uint64_t h;
	memcpy(&h, pack->id.b, sizeof(h));
	for (size_t i = h & (s->table_size - 1);; i = (i + 1) & (s->table_size - 1))
		if (!s->table[i] || hf_ref_equal(&s->packs[s->table[i] - 1], pack))
			return &s->table[i];
}

static int grow(struct hf_pack_set *s, struct hf_error *err)
{
	size_t cap = s->cap ? s->cap * 2 : 64;
	struct hf_ref *packs = realloc(s->packs, cap * sizeof(*packs));
	struct hf_chunk_id *chunks = realloc(s->chunks, cap * sizeof(*chunks));
	uint32_t *table = calloc(cap * 2, sizeof(*table));
	s->packs = packs ? packs : s->packs;
	s->chunks = chunks ? chunks : s->chunks;
	if (!packs || !chunks || !table) {
		free(table);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	free(s->table);
	s->cap = cap;
	s->table = table;
	s->table_size = cap * 2;
	for (size_t i = 0; i < s->count; i++)
		*place_of(s, &s->packs[i]) = (uint32_t)i + 1;
	return 0;
}

static int add_locked(struct hf_pack_set *s, const struct hf_packed *packed, hf_slot *slot, struct hf_error *err)
{
	int r = s->count == s->cap ? grow(s, err) : 0;
	if (r < 0)
		return r;
	uint32_t *at = place_of(s, &packed->pack);
	if (!*at) {
		s->chunks[s->count] = packed->chunk;
		s->packs[s->count++] = packed->pack;
		*at = (uint32_t)s->count;
	}
	*slot = *at - 1;
	return 0;
}

int hf_pack_set_add(struct hf_pack_set *s, const struct hf_packed *packed, hf_slot *slot, struct hf_error *err)
{
	pthread_mutex_lock(&s->lock);
	int r = add_locked(s, packed, slot, err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

const struct hf_ref *hf_pack_set_all(const struct hf_pack_set *s, size_t *count)
{
	*count = s->count;
	return s->packs;
}

const struct hf_chunk_id *hf_pack_set_chunk(const struct hf_pack_set *s, size_t number)
{
	return &s->chunks[number];
}

int hf_pack_set_append(struct hf_pack_set *s, struct hf_ref **refs, size_t *count, struct hf_error *err)
{
	pthread_mutex_lock(&s->lock);
	struct hf_ref *grown = realloc(*refs, (*count + s->count + 1) * sizeof(*grown));
	if (grown) {
		if (s->count)
			memcpy(grown + *count, s->packs, s->count * sizeof(*grown));
		*refs = grown;
		*count += s->count;
	}
	pthread_mutex_unlock(&s->lock);
	return grown ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
}

int hf_pack_set_resolve(struct hf_pack_set *s, const struct hf_packer *packer, hf_slot slot, uint32_t *pack,
	struct hf_error *err)
{
	*pack = slot;
	if (!(slot & HF_SLOT_FRAME))
		return 0;
	size_t count;
	const struct hf_ref *packs = hf_packer_packs(packer, &count);
	uint32_t n = hf_packer_pack_of(packer, slot & ~HF_SLOT_FRAME);
	*pack = UINT32_MAX;
	if (n >= count)
		return 0;
	const struct hf_packed packed = {packs[n], *hf_packer_chunk_of(packer, n)};
	return hf_pack_set_add(s, &packed, pack, err);
}
