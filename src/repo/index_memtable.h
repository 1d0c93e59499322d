/*
 * What a run added to the index and no segment holds yet: claims, and the places in packs that were noted.
 *
 * Look-ups go through 64 tables by id, each under a lock of its own. The places themselves lie in a *generation*, which
 * note fills; freeze takes it out of use so that it can be written as a segment, while its places can still be found and a new
 * generation takes what comes; thaw forgets it, once the segment is in the index. All but new and free may be called from any
 * thread; freeze and thaw by one at a time.
 */
#ifndef HF_REPO_INDEX_MEMTABLE_H
#define HF_REPO_INDEX_MEMTABLE_H

#include "repo/index_segment.h"

struct hf_memtable;
struct hf_pack_table;

/* Packs that don't count, by name. Safe from any thread. */
struct hf_ref_set;
int hf_ref_set_new(struct hf_ref_set **out, struct hf_error *err) HF_MUST_CHECK;
void hf_ref_set_free(struct hf_ref_set *set); /* NULL is fine */
int hf_ref_set_add(struct hf_ref_set *set, const struct hf_ref *ref, struct hf_error *err) HF_MUST_CHECK;
bool hf_ref_set_has(struct hf_ref_set *set, const struct hf_ref *ref);

/* `excluded` is borrowed. */
int hf_memtable_new(struct hf_ref_set *excluded, struct hf_memtable **out, struct hf_error *err) HF_MUST_CHECK;
void hf_memtable_free(struct hf_memtable *t); /* NULL is fine */

/* 1: known here, and `hit` says more; 0: not. With `claim` it is then claimed. */
int hf_memtable_lookup(struct hf_memtable *t, const struct hf_chunk_id *id, bool claim, struct hf_index_hit *hit,
	struct hf_error *err) HF_MUST_CHECK;
/* Takes a claim back. */
void hf_memtable_unclaim(struct hf_memtable *t, const struct hf_chunk_id *id);
/* The nth place: true; or false, and how many there are in `found`. */
bool hf_memtable_find(struct hf_memtable *t, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	unsigned *found);

/* HF_E_USAGE for numbers that can't be. */
int hf_memtable_note(struct hf_memtable *t, const struct hf_pack_table *pack, struct hf_error *err) HF_MUST_CHECK;

size_t hf_memtable_noted(struct hf_memtable *t);  /* places in the generation that is being filled */
size_t hf_memtable_held(struct hf_memtable *t);   /* claims, and places of both generations */

/* The frozen generation as a source of records in order, their number in `count`: of the one that is frozen already, if any.
 * 0 places: nothing was frozen. */
int hf_memtable_freeze(struct hf_memtable *t, struct hf_index_source *source, uint64_t *count,
	struct hf_error *err) HF_MUST_CHECK;
void hf_memtable_thaw(struct hf_memtable *t);

#endif
