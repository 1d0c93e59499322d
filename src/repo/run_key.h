/*
 * The data key of a run: random, sealed to the repository's data pair (packs of class data) or catalogue pair (class
 * list) in the header of each pack. FORMAT.md, section 6. Plain data; wipe with hf_run_key_wipe.
 */
#ifndef HF_REPO_RUN_KEY_H
#define HF_REPO_RUN_KEY_H

#include "repo/key.h"

enum hf_pack_class { HF_PACK_DATA = 1, HF_PACK_LIST = 2 };

enum { HF_PACK_HEADER = 200, HF_PACK_TRAILER = 80 };

struct hf_run_key {
	struct hf_id repository, writer, run;
	enum hf_pack_class pack_class;
	uint32_t number; /* of the key within its run */
	uint32_t epoch;
	uint32_t domain_mark; /* 0: the writer's own domain; else hf_domain_mark of that which a keeper wrote in */
	uint8_t secret[32];
	uint8_t box[80], commitment[32];
};

struct hf_run_key_options {
	enum hf_pack_class pack_class;
	struct hf_id run;
	uint32_t number, domain_mark;
};

/* A new one for a run of `key`'s owner. */
int hf_run_key_new(const struct hf_key *key, const struct hf_run_key_options *options, struct hf_run_key *out,
	struct hf_error *err) HF_MUST_CHECK;

/* The header of a pack under this run key. */
void hf_run_key_header(const struct hf_run_key *k, const struct hf_id *pack, uint8_t out[HF_PACK_HEADER]);

/* Parses a pack's header (that must be of `pack` in `key`'s repository), opens the box, checks the commitment.
 * HF_E_KEY if `key` has not the secret. The signature, and whether the writer may write in the domain, is for the caller to check
 * (pack.h). */
int hf_run_key_open(const uint8_t header[HF_PACK_HEADER], const struct hf_ref *pack, const struct hf_key *key,
	struct hf_run_key *out, struct hf_error *err) HF_MUST_CHECK;

void hf_run_key_wipe(struct hf_run_key *k);

#endif
