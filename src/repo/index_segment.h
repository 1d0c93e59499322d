/*
 * One index segment: a sorted, sealed, immutable table chunk id -> place. FORMAT.md, section 12. What index.c is made of;
 * everyone else goes through index.h.
 *
 *	writer:  new -> pack*, frame*, add* (ascending) -> finish (PUTs it)
 *	reader:  open (root verified) -> find, or a scan in order; blocks are read when needed, through a shared cache
 *	merge:   hf_index_segments_write: any number of sorted sources -> segments of a bounded size
 */
#ifndef HF_REPO_INDEX_SEGMENT_H
#define HF_REPO_INDEX_SEGMENT_H

#include "repo/index.h"
#include "repo/index_cache.h"
#include "repo/key.h"
#include "store/store.h"

/* What all segments of an index share; borrowed. */
struct hf_index_access {
	struct hf_store *store;
	const struct hf_key *key;
	const struct hf_domain *domain;
	const struct hf_certs *certs;
	struct hf_index_cache *cache;
	const char *cache_dir;		/* NULL: none */
	struct hf_index_verified *verified; /* signatures that held, while the index is opened; NULL: none */
	_Atomic uint64_t *blocks_read;	/* counted */
	_Atomic uint64_t *blocks_cached;
	_Atomic uint64_t *serials;	/* the next segment's number in the cache */
};

struct hf_index_record { /* the format's entry */
	struct hf_chunk_id id;
	uint32_t frame, offset, len; /* each below 2^24 */
};

struct hf_index_frame {
	uint32_t pack; /* its number in the segment */
	uint32_t offset, stored_len, plain_len, key_number;
	uint64_t number;
};

struct hf_index_pack {
	struct hf_ref ref;
	struct hf_id run;
};

enum {
	HF_INDEX_ENTRY_SIZE = 25,
	HF_INDEX_FRAME_SIZE = 28,
	HF_INDEX_PACK_SIZE = 48,
	HF_INDEX_LINE_SIZE = 64,
	HF_INDEX_ENTRIES = HF_INDEX_BLOCK / HF_INDEX_ENTRY_SIZE, /* in a block */
	HF_INDEX_FRAMES = HF_INDEX_BLOCK / HF_INDEX_FRAME_SIZE,
	HF_INDEX_PACKS = HF_INDEX_BLOCK / HF_INDEX_PACK_SIZE,
	HF_INDEX_LINES = HF_INDEX_BLOCK / HF_INDEX_LINE_SIZE,
	HF_INDEX_HEADER = 120,
	HF_INDEX_TAIL = 16,
	HF_INDEX_ROOT_MAX = 16 << 20,
	HF_INDEX_U24 = (1 << 24) - 1,
	HF_INDEX_SEGMENT_ENTRIES = 1 << 17, /* the most that we put into one segment, for merging takes memory by it; the format has no limit */
};
#define HF_INDEX_ROOT_NONCE (UINT64_C(1) << 63)

/* The nonce-free half of what is sealed: the key of the segment whose header this is, ready for use. */
struct hf_aead;
int hf_index_segment_key(const struct hf_domain *domain, const uint8_t header[HF_INDEX_HEADER], struct hf_aead **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Line and bits of an id in a filter of `lines` lines. */
void hf_index_filter_set(uint8_t *filter, uint32_t lines, const struct hf_chunk_id *id);
bool hf_index_filter_has(const uint8_t *filter, uint32_t lines, const struct hf_chunk_id *id);

/* The first 8 bytes as a number that orders as the ids do. */
uint64_t hf_index_key8(const struct hf_chunk_id *id);

/* Where the cache directory keeps the copy of a segment; false if there is no such directory. */
bool hf_index_segment_copy_path(const struct hf_index_access *access, const struct hf_ref *ref, char *out, size_t size);

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct hf_index_writer;

/* A segment of at most `most` entries, held in memory until it is finished. */
int hf_index_writer_new(const struct hf_index_access *access, size_t most, struct hf_index_writer **out,
	struct hf_error *err) HF_MUST_CHECK;
/* Each gives its number, from 0. */
int hf_index_writer_pack(struct hf_index_writer *w, const struct hf_index_pack *pack, uint32_t *number,
	struct hf_error *err) HF_MUST_CHECK;
int hf_index_writer_frame(struct hf_index_writer *w, const struct hf_index_frame *frame, uint32_t *number,
	struct hf_error *err) HF_MUST_CHECK;
/* The next entry, not below the one before. */
int hf_index_writer_add(struct hf_index_writer *w, const struct hf_index_record *record,
	struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_index_writer_entries(const struct hf_index_writer *w);

struct hf_index_ending {
	uint32_t tier;
	const struct hf_ref *replaces;
	size_t replaces_count;
};
/* Seals the rest, signs, PUTs (and keeps a copy in the cache directory). `ref` and `size` of the new segment. */
int hf_index_writer_finish(struct hf_index_writer *w, const struct hf_index_ending *ending, struct hf_ref *ref,
	uint64_t *size, struct hf_error *err) HF_MUST_CHECK;
void hf_index_writer_free(struct hf_index_writer *w); /* NULL is fine */

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* Reference-counted; read-only but for the filter. Safe from any thread. */
struct hf_index_segment;

enum { HF_INDEX_OTHER_DOMAIN = 1 };

/* Opens segment `ref` of `size` bytes: verifies signature and root. HF_INDEX_OTHER_DOMAIN (and no segment) if it is a sound
 * segment of another domain. HF_E_CORRUPT, HF_E_NOTFOUND: damaged. */
int hf_index_segment_open(const struct hf_index_access *access, const struct hf_ref *ref, uint64_t size,
	struct hf_index_segment **out, struct hf_error *err) HF_MUST_CHECK;
struct hf_index_segment *hf_index_segment_hold(struct hf_index_segment *s);
void hf_index_segment_drop(struct hf_index_segment *s); /* NULL is fine */

const struct hf_ref *hf_index_segment_ref(const struct hf_index_segment *s);
uint64_t hf_index_segment_entries(const struct hf_index_segment *s);
uint32_t hf_index_segment_tier(const struct hf_index_segment *s);
const struct hf_ref *hf_index_segment_replaces(const struct hf_index_segment *s, size_t *count);
void hf_index_segment_range(const struct hf_index_segment *s, uint64_t *first, uint64_t *last); /* of hf_index_key8 */
size_t hf_index_segment_filter_bytes(const struct hf_index_segment *s); /* in memory or not */

/* Brings the filter into memory; once it is, `may_hold` uses it. */
int hf_index_segment_load_filter(struct hf_index_segment *s, struct hf_error *err) HF_MUST_CHECK;
/* How far it is with that: kept for the index, which bounds the memory of all filters, under its lock. */
enum hf_index_filter { HF_FILTER_UNASKED, HF_FILTER_COMING, HF_FILTER_DONE /* it is there, or damaged */ };
enum hf_index_filter *hf_index_segment_filter(struct hf_index_segment *s);
/* Whether the filter should be had before the segment is looked into: where each block is a request to a store far away. */
bool hf_index_segment_wants_filter(const struct hf_index_segment *s);
/* An id was looked for in vain. True, once, when that took several times as many blocks as the filter has (of a filter of a block or
 * two: as many). So a run that looks for little does without, and its memory doesn't grow with the index. */
bool hf_index_segment_note_miss(struct hf_index_segment *s);
/* False: the id is not in it. Costs no I/O. */
bool hf_index_segment_may_hold(const struct hf_index_segment *s, const struct hf_chunk_id *id);

/* The nth entry of the id: 1 and the place; 0: there are not so many, and `found` says how many there are. */
int hf_index_segment_find(struct hf_index_segment *s, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	unsigned *found, struct hf_error *err) HF_MUST_CHECK;

/* Frame and pack by number. */
int hf_index_segment_frame(struct hf_index_segment *s, uint32_t number, struct hf_index_frame *frame,
	struct hf_index_pack *pack, struct hf_error *err) HF_MUST_CHECK;

uint32_t hf_index_segment_packs(const struct hf_index_segment *s); /* how many it names */
int hf_index_segment_pack(struct hf_index_segment *s, uint32_t number, struct hf_index_pack *pack,
	struct hf_error *err) HF_MUST_CHECK;

/* A scan in order. Start with {.segment = s}; end with hf_index_scan_end. */
struct hf_index_scan {
	struct hf_index_segment *segment; /* borrowed */
	uint64_t at;
	struct hf_index_block *block;
	struct hf_chunk_id last;
};
int hf_index_scan_next(struct hf_index_scan *scan, struct hf_index_record *out, struct hf_error *err) HF_MUST_CHECK;
void hf_index_scan_end(struct hf_index_scan *scan);

/* --- from many to few -------------------------------------------------------------------------------------------- */

/* Something that gives records in order: a segment, or the memtable. */
struct hf_index_source {
	int (*next)(void *self, struct hf_index_record *out, struct hf_error *err); /* 1, or 0 at the end */
	int (*frame)(void *self, uint32_t number, struct hf_index_frame *frame, struct hf_index_pack *pack,
		struct hf_error *err);
	void *self;
};

struct hf_index_written {
	struct hf_ref ref;
	uint64_t size;
};

struct hf_index_merge {
	const struct hf_index_access *access;
	struct hf_index_source *sources;
	size_t count;
	uint64_t most;		       /* records in all of them, at most */
	struct hf_index_ending ending; /* of the last segment; all have its tier, none other names what is replaced */
	/* called for each segment that was PUT */
	int (*written)(void *user, const struct hf_index_written *segment, struct hf_error *err);
	void *user;
};

/* Writes what the sources hold, without repetitions, as segments with ranges of their own. Nothing is written of
 * nothing, unless something is to be replaced. */
int hf_index_segments_write(struct hf_index_merge *m, struct hf_error *err) HF_MUST_CHECK;

#endif
