/*
 * The envelope: how every object but packs and index segments is signed and sealed. FORMAT.md, sections 2, 3.
 *
 *	make:  fill struct hf_object_new, hf_object_put -> object in the store, and its hash
 *	read:  hf_object_get (bytes -> parsed envelope, name and repository compared)
 *	       -> hf_object_verify against the key that must have signed it
 *	       -> hf_object_open the body where it is sealed
 */
#ifndef HF_REPO_OBJECT_H
#define HF_REPO_OBJECT_H

#include "base/json.h"
#include "repo/key.h"
#include "store/store.h"

enum hf_form { /* how the body is protected */
	HF_FORM_PLAIN = 0,
	HF_FORM_CATALOGUE = 1,
	HF_FORM_DATA = 2,
	HF_FORM_SLOT = 3,
	HF_FORM_BLOCKS = 4, /* index segments */
};

enum { HF_ENVELOPE_SIZE = 72, HF_SIGNATURE_SIZE = 64 };

struct hf_object_new {
	enum hf_kind kind;
	enum hf_form form;
	const struct hf_key *key; /* who writes and signs */
	struct hf_id id;	  /* its object id; hf_id_new() */
	json_t *clear;		  /* an object; borrowed. For forms 1 and 2 "epoch" is set here. */
	const void *body;	  /* plain */
	size_t body_len;
	const uint8_t *slot_secret; /* form 3: P, 32 bytes */
};

struct hf_object {
	struct hf_buf bytes; /* the whole object */
	enum hf_kind kind;
	enum hf_form form;
	struct hf_ref ref;
	struct hf_id repository;
	json_t *clear;
	const uint8_t *body; /* as it lies in `bytes`, sealed or not */
	size_t body_len;
	uint8_t hash[32];
};

struct hf_id hf_id_new(void);

/* "<kind>/<writer>/<id>" */
const char *hf_object_name(enum hf_kind kind, const struct hf_ref *ref, char out[HF_NAME_MAX]);
/* The reverse; false for a name of any other shape. */
bool hf_object_name_parse(const char *name, enum hf_kind *kind, struct hf_ref *ref);
const char *hf_kind_name(enum hf_kind kind);

/* Seals, signs and stores. `hash` (32 bytes) may be NULL. */
int hf_object_put(struct hf_store *store, const struct hf_object_new *o, uint8_t *hash,
	struct hf_error *err) HF_MUST_CHECK;
/* The same into a buffer, without a store. */
int hf_object_encode(const struct hf_object_new *o, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

/* Reads and parses; checks that kind, writer, id (from the name) and `repository` (unless NULL) match. Nothing is
 * believed yet. Free with hf_object_free, also after failure. */
int hf_object_get(struct hf_store *store, const char *name, const struct hf_id *repository, struct hf_object *out,
	struct hf_error *err) HF_MUST_CHECK;
/* Reads and verifies: as hf_object_get, then hf_object_verify. What fails is read once more where the store has an older version of
 * it, since nobody who signs writes over an object. */
struct hf_object_wanted {
	const char *name;
	const struct hf_id *repository;
	const uint8_t *public_key; /* whoever must have signed it; NULL: nothing is verified yet */
};
int hf_object_get_signed(struct hf_store *store, const struct hf_object_wanted *wanted, struct hf_object *out,
	struct hf_error *err) HF_MUST_CHECK;
/* The signature, against the public key of whoever must have signed. HF_E_CORRUPT if it is not theirs. */
int hf_object_verify(const struct hf_object *o, const uint8_t public_key[32], struct hf_error *err) HF_MUST_CHECK;
/* Opens the body into `plain`. HF_E_KEY if this key has not the secret that it takes. */
int hf_object_open(const struct hf_object *o, const struct hf_key *key, struct hf_buf *plain,
	struct hf_error *err) HF_MUST_CHECK;
int hf_object_open_slot(const struct hf_object *o, const uint8_t slot_secret[32], struct hf_buf *plain,
	struct hf_error *err) HF_MUST_CHECK;
void hf_object_free(struct hf_object *o);

/* All objects of a kind, ascending by name; `each` may stop with a non-zero return. Names of another shape are passed
 * over. */
typedef int hf_object_each(const struct hf_ref *ref, const struct hf_object_info *info, void *user,
	struct hf_error *err);
int hf_object_list(struct hf_store *store, enum hf_kind kind, hf_object_each *each, void *user,
	struct hf_error *err) HF_MUST_CHECK;

#endif
