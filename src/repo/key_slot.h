/*
 * Passphrase slots: objects that a passphrase opens, with the owner's key file inside. FORMAT.md, section 4.
 *
 * Opening one takes scrypt's time and 64 MiB; a key file needs neither.
 */
#ifndef HF_REPO_KEY_SLOT_H
#define HF_REPO_KEY_SLOT_H

#include "crypto/kdf.h"
#include "repo/key.h"
#include "store/store.h"

struct hf_slot {
	struct hf_ref ref;
	char name[HF_KEY_NAME_MAX];
	struct hf_scrypt_cost cost;
	uint8_t salt[32];
	int64_t created; /* ns */
};

struct hf_slots {
	struct hf_slot *slots;
	size_t count;
	size_t set_aside; /* damaged, or asking for more work than is allowed */
};

enum { HF_SLOTS_MAX = 64 }; /* more are refused: each one costs a second of whoever tries a passphrase */

struct hf_slot_options {
	const char *name;
	struct iovec passphrase;    /* not empty */
	struct hf_scrypt_cost cost; /* all zero: HF_SCRYPT_DEFAULT */
};
/* Puts a slot that opens `owner`'s key; its id in `id` unless NULL. */
int hf_slot_put(struct hf_store *store, const struct hf_key *owner, const struct hf_slot_options *options,
	struct hf_id *id, struct hf_error *err) HF_MUST_CHECK;

/* Tries `passphrase` on every slot; the owner's key in `out`, to be freed. HF_E_KEY if it opens none,
 * HF_E_NOREPO if there is none. Damaged slots are passed over, with a warning; the message names them if no
 * other opens. */
int hf_slots_unlock(struct hf_store *store, struct iovec passphrase, struct hf_key **out,
	struct hf_error *err) HF_MUST_CHECK;

/* All slots that `key`'s owner signed. Free with hf_slots_free, also after failure. */
int hf_slots_load(struct hf_store *store, const struct hf_key *key, struct hf_slots *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_slots_free(struct hf_slots *slots);

#endif
