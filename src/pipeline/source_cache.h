/*
 * What is remembered of a source from one backup to the next, so that what did not change is neither read nor looked up:
 *
 *  - the stat cache of a volume: path, stamp -> the encoded manifest entry and the packs that its chunks lie in;
 *  - the page cache of database files: for each page its chunk id and its pack.
 *
 * One file a source (block_file.h), written anew by every run and named only once the snapshot is committed. Losing it costs
 * time, never correctness. A record counts only if all its packs are still fit to be relied on: the caller says so for each
 * pack of the table once, when the cache is opened.
 *
 * Records are written, and asked for, in the order of hf_path_compare; page runs in any order. One thread at a time.
 */
#ifndef HF_PIPELINE_SOURCE_CACHE_H
#define HF_PIPELINE_SOURCE_CACHE_H

#include "base/buf.h"
#include "entry/entry.h"
#include "pipeline/pack_set.h"

/* --- reading ---------------------------------------------------------------------------------------------------------- */

struct hf_source_cache;

#define HF_SOURCE_CACHE_VERSION UINT64_C(0x3265686361636668) /* "hfcache2": files of another layout are not read */

/* A remembered entry; owns its memory, free() releases all of it. */
struct hf_stat_record {
	const char *path;
	size_t path_len;
	struct hf_stamp stamp;
	const uint8_t *body; /* as hf_manifest_encode_body made it */
	size_t body_len;
	const hf_slot *slots; /* of the pack set that the cache was opened with; each once */
	size_t slot_count;
};

/* Opens `path`. Packs for which `is_fit` says no make what lies in them unknown; the others get their slots in `packs` when a
 * record that needs them is used. HF_E_NOTFOUND, HF_E_CORRUPT: then there is nothing to recall. */
struct hf_source_cache_options {
	const char *path;
	const struct hf_domain *domain;
	struct hf_pack_set *packs;
	bool (*is_fit)(void *user, const struct hf_packed *packed);
	void *user;
};
int hf_source_cache_open(const struct hf_source_cache_options *options, struct hf_source_cache **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_source_cache_close(struct hf_source_cache *c); /* NULL is fine */

struct hf_path_stamp {
	const char *path;
	size_t len;
	const struct hf_stamp *stamp;
};
/* The record of a path if it has exactly this stamp: 1, else 0. Paths must ascend from call to call. */
int hf_source_cache_stat(struct hf_source_cache *c, const struct hf_path_stamp *wanted, struct hf_stat_record **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Starts to recall the pages of a file; false if none with this unit are known. */
bool hf_source_cache_pages(struct hf_source_cache *c, const char *path, size_t len, uint32_t unit);
/* The chunk of page unit `number` (1 and up in ascending order, then 0): 1 and its id and slot; 0: not known. */
int hf_source_cache_page(struct hf_source_cache *c, uint64_t number, struct hf_chunk_id *id, hf_slot *slot,
	struct hf_error *err) HF_MUST_CHECK;

/* --- writing ---------------------------------------------------------------------------------------------------------- */

struct hf_source_memo;

int hf_source_memo_new(const char *path, const struct hf_domain *domain, struct hf_source_memo **out,
	struct hf_error *err) HF_MUST_CHECK;
int hf_source_memo_stat(struct hf_source_memo *m, const struct hf_stat_record *record, struct hf_error *err) HF_MUST_CHECK;
/* A page unit of the current file, in the order 1, 2, … then 0; then the file is named. */
int hf_source_memo_page(struct hf_source_memo *m, const struct hf_chunk_id *id, hf_slot slot,
	struct hf_error *err) HF_MUST_CHECK;
int hf_source_memo_pages_end(struct hf_source_memo *m, const char *path, size_t len, uint32_t unit,
	struct hf_error *err) HF_MUST_CHECK;
/* Writes the table of packs and puts the file in place. Frees the memo, also on failure. */
int hf_source_memo_commit(struct hf_source_memo *m, struct hf_pack_set *packs, const struct hf_packer *packer,
	struct hf_error *err) HF_MUST_CHECK;
void hf_source_memo_discard(struct hf_source_memo *m); /* NULL is fine */

#endif
