/*
 * Keys: what a host holds of a repository, and what the owner certified of each key. FORMAT.md, section 4.
 *
 * struct hf_key is the loaded form of a key file (or of an opened passphrase slot): plain data, freed by hf_key_free,
 * which wipes it. struct hf_cert is what everyone may know of a key: read from its certificate, verified.
 */
#ifndef HF_REPO_KEY_H
#define HF_REPO_KEY_H

#include "base/error.h"
#include "repo/id.h"

#include <stddef.h>

enum hf_right { /* bits */
	HF_RIGHT_BACKUP = 1,
	HF_RIGHT_MAINTAIN = 2,
	HF_RIGHT_PROVE = 4,
};

enum hf_key_kind { HF_KEY_OWNER = 1, HF_KEY_READ, HF_KEY_WRITE, HF_KEY_MAINTAIN, HF_KEY_STATUS };

enum { HF_KEY_NAME_MAX = 64 }; /* of a key or a domain, with its terminator */

/* The secrets of a deduplication domain. */
struct hf_domain {
	struct hf_id id;
	char name[HF_KEY_NAME_MAX];
	uint8_t id_key[32], cut_key[32], index_key[32];
};

/* One generation of the sealing pairs. */
struct hf_epoch {
	uint32_t number;
	uint8_t data_public[32], catalogue_public[32];
	uint8_t data_secret[32], catalogue_secret[32];
	bool has_data_secret, has_catalogue_secret;
};

struct hf_key {
	enum hf_key_kind kind;
	struct hf_id repository, id, owner_id;
	char name[HF_KEY_NAME_MAX];
	unsigned rights; /* enum hf_right */
	uint8_t owner_public[32];
	uint8_t sign_secret[32], sign_public[32];
	bool has_domain;
	struct hf_domain domain;
	struct hf_epoch *epochs; /* ascending; the last one is for new data */
	size_t epoch_count;
	char *rescue_json; /* {"README.md": sha256, …} as text, or NULL */
};

struct hf_cert {
	struct hf_id key;
	enum hf_key_kind kind;
	char name[HF_KEY_NAME_MAX];
	unsigned rights;
	uint8_t sign_public[32];
	bool has_box;
	uint8_t box_public[32]; /* to which grants of new epochs are sealed (key_grant.h); certificates of old have none */
	bool has_domain;
	struct hf_id domain;
	char domain_name[HF_KEY_NAME_MAX];
	int64_t created; /* ns */
	bool revoked;	 /* only where hf_catalogue_writers said so: certificates themselves don't know */
};

/* The certificates of a repository, verified; lookups by key id. Read-only once loaded: safe from any thread. */
struct hf_certs {
	struct hf_cert *certs;
	size_t count;
	size_t set_aside; /* objects that say they are certificates, and are damaged or not the owner's */
};

void hf_key_free(struct hf_key *key); /* wipes; NULL is fine; frees the struct itself */
const struct hf_cert *hf_certs_find(const struct hf_certs *certs, const struct hf_id *key); /* NULL: unknown */
void hf_certs_free(struct hf_certs *certs);

/* Whether a key of this kind with these rights (enum hf_right) is a keeper, which may write in every domain: it reads data, backs up and
 * maintains. Any other key writes in its own domain only. FORMAT.md, section 4. */
bool hf_key_is_keeper(enum hf_key_kind kind, unsigned rights);
/* What the packs that a keeper writes carry of the domain: the first four bytes of its id, as a number. */
uint32_t hf_domain_mark(const struct hf_id *domain);

/* The epoch by number, or NULL. */
const struct hf_epoch *hf_key_epoch(const struct hf_key *key, uint32_t number);
/* The epoch for new data. */
const struct hf_epoch *hf_key_newest_epoch(const struct hf_key *key);
const char *hf_right_name(enum hf_right right); /* of one right; NULL for any other number */
const char *hf_key_kind_name(enum hf_key_kind kind);
enum hf_key_kind hf_key_kind_of(const char *name); /* 0: no such kind */
/* Whether `name` may name a key or a domain: UTF-8, 1 to 63 bytes, no control characters. HF_E_USAGE if not. */
int hf_key_name_check(const char *name, struct hf_error *err) HF_MUST_CHECK;

#endif
