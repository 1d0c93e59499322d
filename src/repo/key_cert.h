/*
 * Certificates: what the owner signed of each key, and the secrets of its domain for those who may read data.
 * FORMAT.md, section 4.
 */
#ifndef HF_REPO_KEY_CERT_H
#define HF_REPO_KEY_CERT_H

#include "repo/key.h"
#include "store/store.h"

/* Certifies `key` (which may be the owner's own): puts its certificate, signed by `owner`. */
int hf_cert_put(struct hf_store *store, const struct hf_key *owner, const struct hf_key *key,
	struct hf_error *err) HF_MUST_CHECK;

/* All certificates that `key`'s owner signed. What does not verify is not believed: it is logged as a warning
 * and counted in `set_aside`. Fails only where the store does. Free with hf_certs_free, also after failure.
 * `copies` (may be NULL) is a store near by: a certificate that lies in it is not read from `store`, others are copied into it.
 */
int hf_certs_load(struct hf_store *store, struct hf_store *copies, const struct hf_key *key, struct hf_certs *out,
	struct hf_error *err) HF_MUST_CHECK;

/* The first certificate whose domain has this name, or NULL. */
const struct hf_cert *hf_certs_find_domain(const struct hf_certs *certs, const char *name);

/* The secrets of the domain `id`: `key`'s own, or opened from a certificate that names it. HF_E_CORRUPT if
 * none does, HF_E_KEY if `key` may not read data, HF_E_CORRUPT if every certificate of the domain is damaged.
 */
int hf_domain_open(struct hf_store *store, const struct hf_key *key, const struct hf_certs *certs,
	const struct hf_id *id, struct hf_domain *out, struct hf_error *err) HF_MUST_CHECK;

/* What packs of the domain `id` carry of it when `key` writes them: 0 in its own. HF_E_KEY if it may not write there,
 * HF_E_UNSUPPORTED if another domain has the same mark (or this one none). */
int hf_domain_mark_for(const struct hf_key *key, const struct hf_certs *certs, const struct hf_id *id, uint32_t *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
