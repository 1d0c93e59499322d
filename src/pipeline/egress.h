/*
 * The way out: the feed (entry/feed.h) of one source of a snapshot. It reads the manifest in order, and ahead of whoever
 * pulls it, workers fetch, open and verify what the next pieces need; so decoding runs in parallel, within a bound.
 */
#ifndef HF_PIPELINE_EGRESS_H
#define HF_PIPELINE_EGRESS_H

#include "entry/feed.h"
#include "pipeline/reader.h"
#include "repo/manifest_reader.h"

struct hf_egress;

struct hf_egress_options {
	struct hf_reader *reader;
	struct hf_chunk_id root;	/* of the manifest */
	const struct hf_path *paths;	/* only these and what is below them; NULL: everything */
	size_t path_count;
	int threads;			/* 0: as many as there are processors, at most 8 */
	bool metadata_only;		/* entries without their data: FILEs come as one piece without spans */
	/* Called when data can't be had: returning 0 leaves out the file's data from there on and goes on (verify); else
	 * the feed fails. NULL: it fails. */
	int (*damaged)(void *user, const struct hf_entry *entry, const struct hf_error *why);
	void *user;
};

int hf_egress_new(const struct hf_egress_options *options, struct hf_egress **out, struct hf_error *err) HF_MUST_CHECK;
struct hf_feed *hf_egress_feed(struct hf_egress *e);
/* All pieces must have been released. */
void hf_egress_free(struct hf_egress *e); /* NULL is fine */

#endif
