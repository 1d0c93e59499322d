/*
 * What it takes to read a snapshot back: the secrets of its domain, that domain's index, a reader of chunks. And what a source
 * of a snapshot said of itself when it was captured.
 */
#ifndef HF_OPS_ACCESS_H
#define HF_OPS_ACCESS_H

#include "pipeline/egress.h"
#include "repo/catalogue.h"

struct hf_access {
	struct hf_repository *repo;
	struct hf_domain domain;
	struct hf_index *index;
	struct hf_reader *reader;
	bool from_store; /* past the copies in the cache */
};

/* Reads the store itself, past any copies in the cache. HF_E_KEY if this key can't read data. Close with hf_access_close, also after failure. */
int hf_access_open(struct hf_repository *repo, const struct hf_id *domain, struct hf_access *out,
	struct hf_error *err) HF_MUST_CHECK;
/* The same for one snapshot, through the copies: where the index is empty or damaged, the tables of the snapshot's packs stand in for it. */
int hf_access_open_snapshot(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_access *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_access_close(struct hf_access *a);

/* The about chunk: {"detail", "problems"}. New reference in `out`. */
int hf_access_about(struct hf_access *a, const struct hf_snapshot_source *source, json_t **out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
