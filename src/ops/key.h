/*
 * Who may do what with a repository: adding, listing and removing keys and passphrases. REPOSITORY's rules
 * are in src/repo/FORMAT.md, section 4; the kinds of keys in repo/key_new.h. All of it but listing takes the
 * owner's key.
 */
#ifndef HF_OPS_KEY_H
#define HF_OPS_KEY_H

#include "repo/key_new.h"
#include "repo/repository.h"

/* HF_E_KEY, saying that it takes the owner's key to `what`, if another opened the repository. All functions
 * here that need it ask themselves; this is for who wants to know before asking a user for more. */
int hf_key_require_owner(
	const struct hf_repository *repo, const char *what, struct hf_error *err) HF_MUST_CHECK;

struct hf_key_add_options {
	enum hf_key_kind kind; /* not HF_KEY_OWNER */
	const char *file;      /* where the key file goes; must not exist */
	const char *name;      /* NULL: the file's name without ".key" */
	const char *domain; /* the domain to join, or to found if there is none of this name; NULL: one of its
			       own */
	bool maintain;      /* a read key that may also forget and prune */
};

struct hf_key_added {
	struct hf_id id;
	char name[HF_KEY_NAME_MAX], domain[HF_KEY_NAME_MAX]; /* domain: empty if the kind has none */
	bool joined; /* the domain was there before: its hosts trust each other from now on */
};

/* Makes a key, writes its file (0600) and certifies it. HF_E_EXISTS: the file, or a key or domain of that
 * name, is there. If it can't be certified the file is removed again. */
int hf_key_add(struct hf_repository *repo, const struct hf_key_add_options *options, struct hf_key_added *out,
	struct hf_error *err) HF_MUST_CHECK;

/* One more passphrase for the owner's key. HF_E_EXISTS: there is a slot of that name. Its id in `id` unless
 * NULL. */
int hf_key_add_passphrase(struct hf_repository *repo, const char *name, struct iovec passphrase,
	struct hf_id *id, struct hf_error *err) HF_MUST_CHECK;

struct hf_key_item {
	bool is_slot; /* a passphrase; else a certified key */
	struct hf_id id;
	char name[HF_KEY_NAME_MAX], domain[HF_KEY_NAME_MAX]; /* domain: empty if it has none */
	enum hf_key_kind kind; /* of a slot: HF_KEY_OWNER, which is what it opens */
	unsigned rights;
	int64_t created; /* ns */
	bool revoked;
};

struct hf_key_list {
	struct hf_key_item *items; /* keys, then slots; each as they were made */
	size_t count;
	size_t set_aside; /* certificates and slots that are damaged, or not the owner's */
};

/* Any key may look. Free with hf_key_list_free, also after failure. */
int hf_key_list(struct hf_repository *repo, struct hf_key_list *out, struct hf_error *err) HF_MUST_CHECK;
void hf_key_list_free(struct hf_key_list *list);

/* Removes the one item that `which` names: a name, or else an id or at least four digits of its start. A slot
 * is deleted; a key is revoked: what it wrote until now still counts, and nothing that it writes from now on.
 * Neither takes back what was copied: who knows the passphrase and has the old slot, or holds a read key,
 * reads on. HF_E_NOTFOUND; HF_E_USAGE if several fit, or it is the owner's key or the last slot; HF_E_EXISTS
 * if it was revoked before. */
int hf_key_remove(struct hf_repository *repo, const char *which, struct hf_key_item *removed,
	struct hf_error *err) HF_MUST_CHECK;
/* The same, of a key only: a passphrase is HF_E_USAGE. */
int hf_key_revoke(struct hf_repository *repo, const char *which, struct hf_key_item *revoked,
	struct hf_error *err) HF_MUST_CHECK;

struct hf_key_rotated {
	uint32_t epoch; /* the new one */
	char (*granted)[HF_KEY_NAME_MAX];  /* keys that open it */
	char (*left_out)[HF_KEY_NAME_MAX]; /* keys that should and can't: certified by an old version, to be made anew */
	size_t granted_count, left_out_count;
};

/* Starts a new epoch of the sealing pairs. What is stored from now on by whoever opens the repository is sealed to the new pairs; every
 * key but those that are revoked is granted the secrets that its kind holds, and finds them when it opens the repository: no key
 * file needs to be made anew, and passphrases stay. What was stored before stays as it is, and readable by the old secrets.
 * HF_E_CORRUPT where the catalogue can't tell who was revoked. Free with hf_key_rotated_free, also after failure. */
int hf_key_rotate(struct hf_repository *repo, struct hf_key_rotated *out, struct hf_error *err) HF_MUST_CHECK;
void hf_key_rotated_free(struct hf_key_rotated *rotated);

#endif
