/*
 * Verify: proves the repository. Always its structure: the catalogue, every snapshot's object, manifest and content lists,
 * that each chunk which they name is in the index and its pack is there with an intact table. With read_data also every
 * frame of every pack that snapshots need: read, authenticated, each chunk hashed anew; or a random sample of them.
 */
#ifndef HF_OPS_VERIFY_H
#define HF_OPS_VERIFY_H

#include "base/progress.h"
#include "repo/catalogue.h"

struct hf_verify_options {
	struct hf_repository *repo;
	const struct hf_point *const *points; /* only these; NULL: all restore points */
	size_t point_count;
	bool read_data;
	double sample; /* with read_data: the fraction of the packs to read, 0 < sample <= 1; 0: all */
	const char *expect_head; /* an entry that must be there (hf_catalogue_expect): its lack is damage; NULL: none */
	int threads;
	struct hf_progress *progress;
};

struct hf_damage {
	char *object; /* "pack/…", "snapshot/…" */
	char *error;
	struct hf_id *snapshots; /* that it touches */
	size_t snapshot_count;
	json_t *paths; /* array of "NAME/path" strings: what can't be restored, the first 100 */
	uint64_t path_count;
};

/* An entry as it should be, but by a key that the owner revoked before: set apart, as the owner wished. No damage. */
struct hf_verify_revoked {
	char object[HF_NAME_MAX];
};

struct hf_verify_result {
	bool ok;
	uint64_t objects, bytes; /* looked at; read */
	struct hf_damage *damaged;
	size_t damaged_count;
	struct hf_verify_revoked *revoked;
	size_t revoked_count;
};

/* 0: it ran to an answer (see `ok`). */
int hf_verify_repository(const struct hf_verify_options *options, struct hf_verify_result *out,
	struct hf_error *err) HF_MUST_CHECK;
/* Puts evidence of it into the catalogue: when a repository was last verified is told by that. Any key may. */
int hf_verify_record(const struct hf_verify_options *options, const struct hf_verify_result *v, struct hf_error *err) HF_MUST_CHECK;
void hf_verify_result_free(struct hf_verify_result *result);

#endif
