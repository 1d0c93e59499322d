/*
 * What a verification has found sound already: leaves of manifests and whole content lists, each with the packs that it took to find all
 * that is below. Snapshots of what changes little share most of them, so that each is looked into once and not once a snapshot.
 *
 * It holds for another snapshot only if that one lists the same packs, and if the parent of the node says of it the same as the one
 * before. The table is bounded: each node has one place, which is taken over by the next node that belongs there, and what is
 * forgotten is only looked into again.
 */
#include "ops/verify_internal.h"

#include <stdlib.h>
#include <string.h>

enum { PLACES = 1 << 15, BYTES_MAX = 16 << 20 };

struct known {
	const struct hf_access *access; /* whose domain */
	struct hf_chunk_id id;
	uint64_t len, entries;
	size_t first_len, last_len, pack_count;
	uint32_t packs[]; /* then the two paths */
};

struct hf_verify_known {
	struct known *places[PLACES];
	size_t bytes;
};

/* --- sets of packs ---------------------------------------------------------------------------------------------------- */

int hf_verify_packs_new(struct hf_verify_packs *set, size_t pack_count, struct hf_error *err)
{
	*set = (struct hf_verify_packs){.bits = calloc(1, pack_count / 8 + 1), .list = calloc(pack_count + 1, sizeof(*set->list))};
	return set->bits && set->list ? 0 : hf_fail(err, HF_E_NOMEM, "no memory for a set of %zu packs", pack_count);
}

void hf_verify_packs_free(struct hf_verify_packs *set)
{
	free(set->bits);
	free(set->list);
	*set = (struct hf_verify_packs){0};
}

bool hf_verify_packs_has(const struct hf_verify_packs *set, uint32_t pack)
{
	return set->bits[pack / 8] >> pack % 8 & 1;
}

void hf_verify_packs_add(struct hf_verify_packs *set, uint32_t pack)
{
	if (hf_verify_packs_has(set, pack))
		return;
	set->bits[pack / 8] = (uint8_t)(set->bits[pack / 8] | 1u << pack % 8);
	set->list[set->count++] = pack;
}

void hf_verify_packs_clear(struct hf_verify_packs *set)
{
	for (size_t i = 0; i < set->count; i++)
		set->bits[set->list[i] / 8] = 0;
	set->count = 0;
}

/* --- the table -------------------------------------------------------------------------------------------------------- */

struct hf_verify_known *hf_verify_known_new(void)
{
	return calloc(1, sizeof(struct hf_verify_known));
}

void hf_verify_known_free(struct hf_verify_known *k)
{
	for (size_t i = 0; k && i < PLACES; i++)
		free(k->places[i]);
	free(k);
}

static struct known **place_of(struct hf_verify_known *k, const struct hf_chunk_id *id)
{
	uint16_t number;
	memcpy(&number, id->b, sizeof(number));
	return &k->places[number % PLACES];
}

static char *paths_of(struct known *k)
{
	return (char *)(k->packs + k->pack_count);
}

static size_t size_of(const struct known *k)
{
	return sizeof(*k) + k->pack_count * sizeof(*k->packs) + k->first_len + k->last_len;
}

void hf_verify_known_note(struct hf_verify_known *k, const struct hf_access *access, const struct hf_manifest_child *node,
	const struct hf_verify_packs *packs, const struct hf_buf *last)
{
	struct known **place = place_of(k, &node->id);
	if (*place)
		k->bytes -= size_of(*place);
	free(*place);
	*place = NULL;
	const struct known sizes = {access, node->id, node->len, node->entries, node->path_len, last->len, packs->count};
	size_t size = size_of(&sizes);
	if (k->bytes + size > BYTES_MAX)
		return;
	struct known *made = malloc(size);
	if (!made)
		return;
	*made = sizes;
	memcpy(made->packs, packs->list, packs->count * sizeof(*packs->list));
	if (node->path_len)
		memcpy(paths_of(made), node->path, node->path_len);
	if (last->len)
		memcpy(paths_of(made) + node->path_len, last->data, last->len);
	*place = made;
	k->bytes += size;
}

static bool is_same(struct known *k, const struct hf_access *access, const struct hf_manifest_child *node)
{
	return k && k->access == access && memcmp(&k->id, &node->id, sizeof(k->id)) == 0 && k->len == node->len &&
	       k->entries == node->entries && k->first_len == node->path_len &&
	       (node->path_len == 0 || memcmp(paths_of(k), node->path, node->path_len) == 0);
}

bool hf_verify_known_find(struct hf_verify_known *k, const struct hf_access *access, const struct hf_manifest_child *node,
	const struct hf_verify_packs *listed, struct hf_verify_packs *used, struct hf_buf *last)
{
	struct known *found = *place_of(k, &node->id);
	if (!is_same(found, access, node))
		return false;
	for (size_t i = 0; i < found->pack_count; i++)
		if (!hf_verify_packs_has(listed, found->packs[i]))
			return false;
	for (size_t i = 0; used && i < found->pack_count; i++)
		hf_verify_packs_add(used, found->packs[i]);
	if (last)
		hf_buf_add(last, paths_of(found) + found->first_len, found->last_len);
	return true;
}
