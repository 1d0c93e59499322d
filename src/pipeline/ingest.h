/*
 * The way in: entries and data of sources -> chunks -> frames -> packs, and a manifest for each source.
 *
 *	hf_ingest_new
 *	for each source:  hf_ingest_begin -> its sink, which the source captures into -> hf_ingest_end, or hf_ingest_abandon
 *	hf_ingest_finish			packs and index segments are durable
 *	(the caller stores the snapshot and commits it)
 *	hf_ingest_remember			the caches of this run take the place of those before
 *	hf_ingest_free
 *
 * How it works. The sink cuts data into chunks and gathers them in batches of about 1 MiB. A batch is the unit of parallel
 * work: a worker computes the ids, claims those that the index does not know, and puts those chunks into its frame, which
 * is compressed, sealed and handed to the packer when full. Batches are drained in order by the capturing thread, which
 * builds contents and manifest of them. Memory is bounded by the number of batches and packs in flight.
 *
 * One thread at a time calls these functions and the sink, but for hf_ingest_packs_so_far.
 */
#ifndef HF_PIPELINE_INGEST_H
#define HF_PIPELINE_INGEST_H

#include "base/json.h"
#include "base/progress.h"
#include "entry/sink.h"
#include "pipeline/pack_set.h"
#include "repo/repository.h"

struct hf_ingest;

struct hf_ingest_options {
	struct hf_repository *repo;
	struct hf_index *index;
	const struct hf_domain *domain; /* in which it writes, which is that of the index; NULL: the key's own. Another takes a keeper */
	const char *scratch; /* for spilling the sort of many entries */
	int threads;	     /* workers; 0: as many as there are processors, at most 8 */
	int level;	     /* of zstd; 0: as was measured best for each kind of data (lane.c) */
	uint64_t pack_size;  /* 0: 32 MiB */
	uint64_t key_bytes;  /* as in struct hf_packer_options */
	bool (*is_fit)(void *user, const struct hf_packed *packed); /* may this run rely on the pack? NULL: on all */
	void *user;
	struct hf_progress *progress; /* may be NULL */
};

struct hf_ingest_source {
	const char *name;
	bool is_ordered; /* its entries come in path order */
};

struct hf_ingested {
	struct hf_chunk_id root, about;
	uint64_t files, bytes, bytes_new, bytes_stored;
	uint64_t problem_count;
	json_t *problems; /* array of {"path","error"}; the first 1000. The caller releases it. */
};

int hf_ingest_new(const struct hf_ingest_options *options, struct hf_ingest **out, struct hf_error *err) HF_MUST_CHECK;
const struct hf_id *hf_ingest_run(const struct hf_ingest *in);

/* Starts a source; `*sink` is valid until end or abandon. */
int hf_ingest_begin(struct hf_ingest *in, const struct hf_ingest_source *source, struct hf_sink **sink,
	struct hf_error *err) HF_MUST_CHECK;
/* Completes its manifest. `detail` (may be NULL) goes into its about chunk, with the problems. */
int hf_ingest_end(struct hf_ingest *in, const json_t *detail, struct hf_ingested *out, struct hf_error *err) HF_MUST_CHECK;
/* Of the source that was begun: did its sink refuse something (the store, the scratch directory)? Else what failed is its own. */
bool hf_ingest_has_failed(const struct hf_ingest *in);
/* Forgets the source: its capture failed. What was stored of it is garbage. */
void hf_ingest_abandon(struct hf_ingest *in);

/* Without a source: stores a chunk as it is, if no one has it (repacking). `slot` is for hf_ingest_slot_pack. */
int hf_ingest_copy(struct hf_ingest *in, enum hf_chunk_kind kind, struct iovec chunk, hf_slot *slot,
	struct hf_error *err) HF_MUST_CHECK;
/* After finish: the pack that it lies in, 1; or 0: in some pack of this run. */
int hf_ingest_slot_pack(struct hf_ingest *in, hf_slot slot, struct hf_ref *pack, struct hf_error *err) HF_MUST_CHECK;

int hf_ingest_finish(struct hf_ingest *in, struct hf_error *err) HF_MUST_CHECK;
/* After finish: all packs that the snapshot relies on. */
const struct hf_ref *hf_ingest_packs(struct hf_ingest *in, size_t *count);
/* At any time and from any thread: those that were written or relied on so far, in no order, as an array that the caller frees. */
int hf_ingest_packs_so_far(struct hf_ingest *in, struct hf_ref **out, size_t *count, struct hf_error *err) HF_MUST_CHECK;
/* Reads back every pack that this run wrote, from the store. */
int hf_ingest_verify(struct hf_ingest *in, struct hf_error *err) HF_MUST_CHECK;
/* After the commit. Only a warning is lost where it fails. */
void hf_ingest_remember(struct hf_ingest *in);
void hf_ingest_free(struct hf_ingest *in); /* NULL is fine */

#endif
