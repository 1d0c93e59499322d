/*
 * Grants: how the keys that are out already get the secrets of a new epoch of the sealing pairs. The owner seals them for each key
 * to a public key that stands in its certificate, and the configuration holds the boxes. FORMAT.md, section 5.
 *
 * The secret that opens a grant follows from the key's signing secret, so a key file needs nothing that it hadn't from the start.
 */
#ifndef HF_REPO_KEY_GRANT_H
#define HF_REPO_KEY_GRANT_H

#include "base/json.h"
#include "repo/key.h"

/* The public key to which grants for the key with this signing secret are sealed. */
int hf_grant_public(const uint8_t sign_secret[32], uint8_t out[32], struct hf_error *err) HF_MUST_CHECK;

/* Appends to `grants` (an array) one of `epoch`, whose secrets are all there, for `to`: the secrets that its kind holds. HF_E_KEY if
 * its certificate names no key to seal to. */
int hf_grant_add(json_t *grants, const struct hf_key *owner, const struct hf_cert *to, const struct hf_epoch *epoch,
	struct hf_error *err) HF_MUST_CHECK;

/* Adds to `key` the epochs that a configuration's clear part names (verified by the caller) and that it has not, with the secrets
 * that were granted to it. A grant that does not open is as none, with a warning. HF_E_CORRUPT for what makes no sense. */
int hf_grant_learn(struct hf_key *key, const json_t *config, struct hf_error *err) HF_MUST_CHECK;

/* A new epoch after the newest, with new pairs, in the owner's key. */
int hf_epoch_add(struct hf_key *owner, struct hf_error *err) HF_MUST_CHECK;

#endif
