/* What ingest.c (the run), ingest_sink.c (the sink: cutting) and ingest_file.c (files in order: manifest) share. */
#ifndef HF_PIPELINE_INGEST_INTERNAL_H
#define HF_PIPELINE_INGEST_INTERNAL_H

#include "base/sorter.h"
#include "chunker/chunker.h"
#include "pipeline/batch.h"
#include "pipeline/ingest.h"
#include "pipeline/source_cache.h"
#include "repo/manifest_builder.h"

/* An entry that waits for its chunks: they come back from the workers in order, and so do files. */
struct hf_file {
	struct hf_file *next;
	struct hf_entry entry; /* its pointers lead into this block */
	uint64_t waiting;      /* chunks submitted and not drained */
	bool has_begun;	       /* its content is being built */
	bool has_ended;	       /* no more chunks will come */
	bool is_dropped;       /* abandoned: leave it out */
	bool changed, partial;
	uint32_t unit; /* page-cut: bytes of a unit; else 0 */
	uint64_t received; /* bytes of content so far */
	struct hf_extent *extents; /* of a sparse file, as they really came */
	size_t extent_count, extent_cap;
	struct hf_stat_record *reuse; /* taken over from the last run; then `entry` holds only the path */
	struct hf_slot_list {
		hf_slot *slots;
		size_t count, cap;
	} slots; /* where its chunks lie, for the stat cache */
};

/* The source that is being captured. */
struct hf_intake {
	struct hf_sink sink;
	struct hf_ingest *in;
	char *name, *cache_path;
	bool is_ordered;
	struct hf_chunker chunker;

	/* the sink's side: the batch being filled, the open file */
	struct hf_batch *batch;
	size_t chunk_start; /* in the batch: where the chunk that is being gathered starts */
	struct hf_file *open;
	uint64_t unit_number; /* page-cut: of the unit that is being gathered */
	uint8_t *first_unit;  /* page-cut: unit 0, held until the end */
	size_t first_len;
	bool recalls_pages;

	/* the other side: files in order */
	struct hf_file *head, **tail;
	size_t file_count;
	struct hf_content_builder *content;
	struct hf_manifest_builder *manifest;
	struct hf_sorter *sorter; /* of entries that come in any order */
	struct hf_source_cache *cache;
	struct hf_source_memo *memo;
	struct hf_buf body, record;
	json_t *problems;
	uint64_t problem_count;
	int failed; /* the first failure, which all later calls repeat */
	struct hf_error error;
};

struct hf_memo_list {
	struct hf_memo_list *next;
	struct hf_source_memo *memo;
};

struct hf_ingest {
	struct hf_ingest_options options;
	struct hf_id run;
	struct hf_packer *packer;
	struct hf_pack_set *packs;
	struct hf_batches *batches;
	struct hf_lane *meta; /* for manifest, content and about chunks: the capturing thread's */
	struct hf_intake *intake; /* the current source, or NULL */
	struct hf_memo_list *memos; /* of completed sources, named at hf_ingest_remember */
	uint64_t plain_bytes, stored_bytes; /* of the current source */
	bool is_finished;
};

/* ingest.c: seals the frames that are not full yet, with nothing submitted, and counts them as the source's. */
int hf_ingest_flush_frames(struct hf_ingest *in, struct hf_error *err) HF_MUST_CHECK;

/* ingest_sink.c */
extern const struct hf_sink_ops hf_intake_sink_ops;
int hf_intake_submit(struct hf_intake *t, struct hf_error *err) HF_MUST_CHECK; /* the batch being filled, if any */
int hf_intake_drain_all(struct hf_intake *t, struct hf_error *err) HF_MUST_CHECK;

/* ingest_file.c */
struct hf_file *hf_file_new(const struct hf_entry *entry, struct hf_error *err);
void hf_file_free(struct hf_file *f);
int hf_file_data_at(struct hf_file *f, uint64_t offset, size_t len, struct hf_error *err) HF_MUST_CHECK;
void hf_intake_enqueue(struct hf_intake *t, struct hf_file *f);
/* A drained chunk, which is the head file's. */
int hf_intake_chunk(struct hf_intake *t, const struct hf_batch_chunk *c, struct hf_error *err) HF_MUST_CHECK;
/* Finishes the files at the head that are complete. */
int hf_intake_advance(struct hf_intake *t, struct hf_error *err) HF_MUST_CHECK;
/* The store_chunk callback for nodes; `user` is the ingest. */
int hf_ingest_store_chunk(void *user, enum hf_chunk_kind kind, const void *data, size_t len, struct hf_chunk_id *id,
	struct hf_error *err);
int hf_intake_finish_manifest(struct hf_intake *t, struct hf_manifest_root *root, struct hf_error *err) HF_MUST_CHECK;

#endif
