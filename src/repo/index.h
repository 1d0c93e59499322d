/*
 * The index of one domain: chunk id -> where it lies. FORMAT.md, section 12.
 *
 * It is the segments that are in the store (sorted, sealed in blocks, read through a bounded cache, index_segment.h) and what
 * this run added: claims (a worker said that it stores the chunk), and the *memtable* (packs that are in the store but in no
 * segment yet). The memtable becomes a segment whenever it is full, and own small segments are merged as they gather, so
 * memory is flat and segments stay few, however large the backup.
 *
 *	workers:  claim(id) -> 1: there, or someone else's work; 0: mine: store it in a frame
 *	packer:   PUT the pack -> note(pack)
 *	end:      flush -> then the snapshot object
 *	readers:  find(id, 0), and find(id, 1) … if that place turns out to be damaged
 *
 * All functions may be called from several threads at once, except open and close. Locks are sharded by id and never held
 * over I/O or decryption, but for the flush, which whoever fills the memtable waits for: that bounds it.
 *
 * Damage is never fatal: a segment, or a block of one, that fails its check is passed over, and the segment is counted
 * and named. What is then not found is stored anew (claim), or to be had after rebuild-index (find).
 */
#ifndef HF_REPO_INDEX_H
#define HF_REPO_INDEX_H

#include "repo/content.h"
#include "repo/id.h"

#include <stddef.h>

struct hf_certs;
struct hf_domain;
struct hf_index;
struct hf_key;
struct hf_pack_table;
struct hf_store;

/* Where a chunk lies. */
struct hf_place {
	struct hf_ref pack;
	struct hf_id run;
	uint32_t key_number;
	uint64_t frame_number;
	uint32_t frame_offset, stored_len, plain_len; /* the frame in the pack */
	uint32_t chunk_offset, chunk_len;	      /* the chunk in the frame's plain bytes */
};

struct hf_index_options { /* borrowed: all that it points to must outlive the index */
	struct hf_store *store;
	const struct hf_key *key;	/* who signs new segments; the repository */
	const struct hf_domain *domain; /* whose index: its index_key opens and seals segments */
	const struct hf_certs *certs;	/* segments by other writers are not believed */
	const char *cache_dir;		/* segments are kept here verbatim, for stores far away; NULL: not */
	const char *verified_dir;	/* here it is remembered whose signatures held, which spares time; NULL: not */
	size_t cache_bytes;		/* of opened blocks; 0: 8 MiB */
	size_t filter_bytes;		/* of filters in memory, all segments together; 0: 16 MiB */
	size_t memtable_entries;	/* 0: 65536 */
	bool unlisted; /* look for no segments: this writer may not list. It knows what it stores itself */
	bool fresh; /* start empty, whatever segments there are: note every pack, then flush, which replaces those that
		     * this key may replace: its own, and the owner anyone's (rebuild-index) */
};

/* Lists the domain's segments, loads and verifies their roots, drops those that were replaced. Fails only where the store
 * can't be listed, or without memory. */
int hf_index_open(const struct hf_index_options *options, struct hf_index **out, struct hf_error *err) HF_MUST_CHECK;
void hf_index_close(struct hf_index *index); /* what was not flushed is forgotten; NULL is fine */

struct hf_index_hit {
	bool has_pack; /* false: being stored by another worker of this run, in a pack that isn't noted yet */
	struct hf_ref pack;
};

/* 1: known (in a segment or a noted pack that is not excluded, or claimed in this run); 0: not known, and from now on the
 * caller's to store. A claim can't be given back: a run that fails to store what it claimed has failed. */
int hf_index_claim(struct hf_index *index, const struct hf_chunk_id *id, struct hf_index_hit *hit,
	struct hf_error *err) HF_MUST_CHECK;

/* The same without claiming: 1 known (`hit` as above), 0 not known. */
int hf_index_lookup(struct hf_index *index, const struct hf_chunk_id *id, struct hf_index_hit *hit,
	struct hf_error *err) HF_MUST_CHECK;

/* Tells of a pack of this run, durable in the store (or of any, when the index is rebuilt): its claims become places. Writes
 * a segment when the memtable is full, and merges then. HF_E_USAGE if the pack's numbers contradict each other or pass the
 * format's maxima. */
int hf_index_note(struct hf_index *index, const struct hf_pack_table *pack, struct hf_error *err) HF_MUST_CHECK;

/* PUTs what is not in a segment yet; then merges, if there are many. */
int hf_index_flush(struct hf_index *index, struct hf_error *err) HF_MUST_CHECK;

/* The nth place (from 0) of a chunk, excluded packs too. HF_E_NOTFOUND when there are no more. The order holds as long as
 * nothing is noted. */
int hf_index_find(struct hf_index *index, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	struct hf_error *err) HF_MUST_CHECK;

/* A condemned pack: from now on claim and lookup don't count places in it; find does. So it is with packs by revoked keys. */
int hf_index_exclude_pack(struct hf_index *index, const struct hf_ref *pack, struct hf_error *err) HF_MUST_CHECK;

bool hf_index_is_excluded(struct hf_index *index, const struct hf_ref *pack);
/* The same for all packs that the segments name: nothing can be said of any. */
int hf_index_exclude_all(struct hf_index *index, struct hf_error *err) HF_MUST_CHECK;

/* Whether a segment says that the chunk lies in this pack, and the pack may be relied on (neither excluded nor by a revoked key). A
 * pack that none names (it was lost, and the index made anew) must not be relied on, whatever a cache says. Segments that can't
 * be read count as saying nothing. */
bool hf_index_has_place(struct hf_index *index, const struct hf_chunk_id *id, const struct hf_ref *pack);

/* Whether a segment that was there at open names the pack, and it may be relied on. The first call reads the names of all packs
 * there are: for one pack or some thousands, ask hf_index_has_place of a chunk in it. One thread at a time. */
bool hf_index_has_pack(struct hf_index *index, const struct hf_ref *pack);

/* Damaged segments, by number from 0; false when there are no more. `ref` and `why` may be NULL; `why` lives as long
 * as the index. */
bool hf_index_damaged(struct hf_index *index, size_t number, struct hf_ref *ref, const char **why);
size_t hf_index_damaged_count(struct hf_index *index);

/* Segments that were replaced and are still there, by number from 0, those first that must be deleted first (FORMAT.md, section
 * 12); false when there are no more. */
struct hf_index_garbage {
	struct hf_ref segment;
	int64_t made_ns, replaced_ns; /* by the store's clock; replaced: when what replaces it was made */
	uint32_t tier;
};
bool hf_index_garbage(const struct hf_index *index, size_t number, struct hf_index_garbage *out);

struct hf_index_stats {
	size_t segments;	    /* in use */
	uint64_t segment_entries;   /* in them */
	size_t memtable_entries;    /* noted, in no segment yet */
	size_t claims;		    /* claimed, or noted and not yet in a segment */
	uint64_t flushed, merged;   /* segments written by this run */
	uint64_t bytes_written;	    /* in them */
	uint64_t blocks_read, blocks_cached; /* opened from the store; found in the cache */
	size_t filter_bytes;	    /* of filters in memory */
};
void hf_index_stats(struct hf_index *index, struct hf_index_stats *out);

static inline void hf_index_release(struct hf_index **index)
{
	hf_index_close(*index);
	*index = NULL;
}
#define HF_INDEX_AUTO __attribute__((cleanup(hf_index_release))) struct hf_index

#endif
