/*
 * What the files of repacking share: prune_repack.c (which packs, domain by domain), prune_uses.c (what is used of them),
 * prune_copy.c (storing that elsewhere, saying so, deleting them).
 */
#ifndef HF_OPS_PRUNE_REPACK_INTERNAL_H
#define HF_OPS_PRUNE_REPACK_INTERNAL_H

#include "ops/access.h"
#include "ops/prune_internal.h"

/* A used chunk of a pack: numbers in the list of packs and in the pack's table. */
struct hf_prune_use {
	uint32_t pack, chunk;
};

/* Bytes of chunks in a pack. */
struct hf_prune_share {
	uint64_t total, used;
	uint32_t pack;
	bool is_foreign; /* it is of another domain than the snapshots that refer to it: nothing of it is known, and it stays */
};

/* Some packs of one domain, and what is known of their use. {.p, .domain, .packs, .pack_count} to begin with. */
struct hf_prune_uses {
	struct hf_prune *p;
	uint32_t domain; /* in p->domains, from 1 */
	const struct hf_ref *packs; /* sorted */
	size_t pack_count;
	struct hf_access access;
	struct hf_sorter *ids;
	struct hf_sorter *used; /* struct hf_prune_use, pack by pack */
	struct hf_prune_share *shares;
	struct hf_chunk_id *met; /* nodes below which all is noted, or will be before the walk is over */
	char at[HF_NAME_MAX]; /* the object that is being read */
};

/* Walks the domain's live snapshots and reads the tables of the packs. Free with hf_prune_uses_free, also after failure. */
int hf_prune_find_uses(struct hf_prune_uses *u, struct hf_error *err) HF_MUST_CHECK;
void hf_prune_uses_free(struct hf_prune_uses *u);

/* After hf_prune_find_uses, of packs that were condemned before the look at the snapshots. */
int hf_prune_move(struct hf_prune_uses *u, struct hf_error *err) HF_MUST_CHECK;

#endif
