/*
 * From one repository into a run of another: a source of a snapshot, read and verified chunk by chunk, and stored anew under
 * the other's keys.
 *
 *	as it is	where both name chunks by the same key: the manifest's tree is walked, and each chunk of it that the other
 *			repository lacks is fetched and stored under the id that it has. What is there already is not even read.
 *	anew		where they don't: entries and data go through the sink, and are cut and named as the other repository does.
 *
 * Every chunk that passes is authenticated and its id recomputed (reader.h). One thread calls.
 */
#ifndef HF_PIPELINE_TRANSFER_H
#define HF_PIPELINE_TRANSFER_H

#include "pipeline/ingest.h"
#include "pipeline/reader.h"
#include "repo/snapshot.h"

struct hf_transfer {
	struct hf_ingest *ingest; /* with no source begun */
	struct hf_reader *from;
	const struct hf_snapshot_source *source;
	struct hf_progress *progress; /* may be NULL: counts what is gone through */
};

/* Whether chunks may pass as they are: both domains have the same keys of ids and of cutting, and both repositories the same
 * sizes of chunks. */
bool hf_transfer_is_alike(const struct hf_repository *from, const struct hf_domain *from_domain,
	const struct hf_repository *to);

/* Both fill in `out` as hf_ingest_end does (out->problems stays NULL). `about` is what the source said of itself. */
int hf_transfer_as_is(const struct hf_transfer *t, struct hf_ingested *out, struct hf_error *err) HF_MUST_CHECK;
int hf_transfer_anew(const struct hf_transfer *t, const json_t *about, struct hf_ingested *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
