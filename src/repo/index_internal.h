/*
 * The index from the inside: index.c looks things up, index_set.c keeps the list of segments, index_flush.c writes and
 * merges them. What each promises is in index.h.
 */
#ifndef HF_REPO_INDEX_INTERNAL_H
#define HF_REPO_INDEX_INTERNAL_H

#include "repo/index_memtable.h"

#include <pthread.h>
#include <stdatomic.h>

/* Segments in use at some moment: immutable, reference-counted, so that nobody holds a lock while looking into them. */
struct hf_index_list {
	_Atomic unsigned holds;
	size_t count;
	struct hf_index_segment *segments[]; /* each held */
};

struct hf_index_damage {
	struct hf_ref ref;
	char *why;
};

struct hf_index {
	struct hf_index_options options;
	struct hf_index_access access;
	struct hf_index_cache *cache;
	struct hf_ref_set *excluded;
	bool knows_revoked; /* some certificate says that its key is revoked */
	struct hf_memtable *memtable;
	_Atomic uint64_t blocks_read, blocks_cached, flushed, merged, bytes_written, serials;

	pthread_mutex_t lock; /* of what follows; never held over I/O */
	struct hf_index_list *list;
	struct hf_index_damage *damage;
	size_t damage_count, damage_cap;
	pthread_cond_t filter_done; /* one that was coming */

	struct hf_ref *packs; /* sorted: what the segments named at the first hf_index_has_pack */
	size_t pack_count;
	bool has_packs;

	struct hf_index_garbage *garbage; /* what was found replaced at open */
	size_t garbage_count;

	pthread_mutex_t flush_lock; /* one flush or merge at a time; taken before `lock` */
	struct hf_ref *obsolete;    /* what a fresh index replaces with its last segment; under flush_lock */
	size_t obsolete_count;
};

/* The segments now in use; give them back. */
struct hf_index_list *hf_index_list_take(struct hf_index *index);
void hf_index_list_give(struct hf_index_list *list); /* NULL is fine */

/* Adds segments (taking over the caller's holds, whatever the result) and takes others out, as one step. */
struct hf_index_change {
	struct hf_index_segment **add;
	size_t add_count;
	struct hf_index_segment **remove;
	size_t remove_count;
};
int hf_index_list_change(struct hf_index *index, const struct hf_index_change *change, struct hf_error *err);

/* Lists, opens and verifies what is in the store. */
int hf_index_load(struct hf_index *index, struct hf_error *err);

/* What the filters of the segments in use take, or soon will. Under the lock. */
size_t hf_index_filters_held(const struct hf_index *index);
/* Brings the filter of a segment in use into memory, if the bound allows, or waits while another thread does. Damage is noted, not
 * returned. */
int hf_index_want_filter(struct hf_index *index, struct hf_index_segment *segment, struct hf_error *err);

/* Whether `code` is damage, which is noted with the message in `err`, and to be lived with. */
bool hf_index_is_damage(struct hf_index *index, const struct hf_ref *ref, int code, const struct hf_error *err);

#endif
