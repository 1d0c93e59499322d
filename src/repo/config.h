/*
 * The configuration of a repository: a chain of objects that the owner signs, of which the newest counts.
 * FORMAT.md, section 5.
 */
#ifndef HF_REPO_CONFIG_H
#define HF_REPO_CONFIG_H

#include "base/json.h"
#include "repo/key.h"
#include "store/store.h"

struct hf_config {
	uint64_t n; /* 1 for the first */
	int64_t created;
	uint32_t chunk_min, chunk_average, chunk_max; /* bytes, content-defined cutting */
	uint64_t grace_seconds;
	uint32_t epoch; /* of new data; its public keys are in `data_public`, `catalogue_public` */
	uint8_t data_public[32], catalogue_public[32];
	bool is_unlisted; /* the store lets us list nothing: there may be a newer one */
	bool has_others;  /* there are configurations by other owners: another repository lies at the same place */
	bool has_previous;
	uint8_t previous[32], hash[32]; /* of the one before, and of this one */
	const json_t *grants; /* only for put, borrowed: of epochs to keys (key_grant.h); NULL: none */
};

/* What `init` starts with. */
#define HF_CONFIG_DEFAULT                                                                                    \
	((struct hf_config){.n = 1,                                                                          \
		.chunk_min = 65536,                                                                          \
		.chunk_average = 262144,                                                                     \
		.chunk_max = 1048576,                                                                        \
		.grace_seconds = 172800})

/* Puts `config`, signed by `owner`, with the owner's epochs; sets config->created, epoch, its keys and hash.
 * The caller has set n, previous and has_previous. HF_E_EXISTS if there is one of that n. */
int hf_config_put(struct hf_store *store, const struct hf_key *owner, struct hf_config *config,
	struct hf_error *err) HF_MUST_CHECK;

/* The newest configuration that `key`'s owner signed. `least` is the greatest n ever seen of this repository
 * (0: none): a lesser one is a rollback, HF_E_CORRUPT. So is a damaged newest one: an older one does not
 * stand in for it. None at all: HF_E_NOREPO. Adds to `key` the epochs that are newer than it, with what was granted to it. */
int hf_config_load(struct hf_store *store, struct hf_key *key, uint64_t least, struct hf_config *out,
	struct hf_error *err) HF_MUST_CHECK;

/* The grants in the configuration with this number, verified: a new array, which may be empty. */
int hf_config_grants(struct hf_store *store, const struct hf_key *key, uint64_t n, json_t **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Whether the store holds anything that looks like a configuration; `repository` (unless NULL) is its claim,
 * not yet verified. 1, 0 or an error. */
int hf_config_probe(struct hf_store *store, struct hf_id *repository, struct hf_error *err) HF_MUST_CHECK;

#endif
