/*
 * Making keys. The kinds are presets of one mechanism: which rights a key's certificate gives, which of the
 * two sealing pairs' secrets it holds, and whether it has a domain to write in. FORMAT.md, section 4.
 *
 * What is made here is not certified yet: hf_cert_put (key_cert.h) does that, before the key file is handed
 * out.
 */
#ifndef HF_REPO_KEY_NEW_H
#define HF_REPO_KEY_NEW_H

#include "repo/key.h"

struct hf_key_preset {
	unsigned rights;
	bool data_secret, catalogue_secret, domain;
	const char *can; /* for people: "back up; read nothing back" */
};
/* Never NULL for a kind that exists. */
const struct hf_key_preset *hf_key_preset(enum hf_key_kind kind);

/* The owner key of a new repository: new ids, pairs and the domain "default"; in `out`, to be freed. */
int hf_key_new_owner(const char *name, struct hf_key **out, struct hf_error *err) HF_MUST_CHECK;

/* A new domain: an id and keys that no one else has, and a mark (hf_domain_mark) that none of the `others` has (NULL: there are none). The
 * name must be one (hf_key_name_check). */
void hf_domain_new(const char *name, const struct hf_certs *others, struct hf_domain *out);

struct hf_key_options {
	enum hf_key_kind kind; /* not HF_KEY_OWNER */
	const char *name;
	bool maintain; /* a read key that may also forget and prune */
	const struct hf_domain
		*domain; /* to join; NULL: a new one, named as the key. Unused by kinds without one. */
};
/* A key of `owner`'s repository; in `out`, to be freed. HF_E_KEY if `owner` is not its owner key, HF_E_USAGE
 * for a bad name or a kind that can't be so. */
int hf_key_new(const struct hf_key *owner, const struct hf_key_options *options, struct hf_key **out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
