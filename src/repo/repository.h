/*
 * An open repository: its store, the key that opened it, its configuration and certificates, all verified; and the two
 * local places that go with it, the cache (losing it costs time) and the memory of what was seen (state.h; losing it
 * costs the power to notice a rollback).
 *
 *	hf_repository_open -> hf_catalogue_load (catalogue.h), hf_index_open (index.h), … -> hf_repository_close
 *
 * Read-only once open (but for hf_repository_reload_certs), so that any thread may use it; `counts` is updated atomically by the store.
 */
#ifndef HF_REPO_REPOSITORY_H
#define HF_REPO_REPOSITORY_H

#include "repo/config.h"
#include "repo/key.h"
#include "repo/state.h"
#include "store/store.h"

/* What opens a repository: a key file, or else a passphrase, which is asked for only when it is needed. */
struct hf_credentials {
	const char *key_file; /* a path, or NULL */
	/* Puts the passphrase into `out` (which the repository wipes). HF_E_KEY if there is none to be had. May be NULL. */
	int (*passphrase)(void *user, struct hf_buf *out, struct hf_error *err);
	void *user;
};

struct hf_repository_options {
	const char *url; /* as hf_store_open takes it */
	struct hf_credentials credentials;
	const char *cache_dir; /* of all repositories; NULL: no cache */
	const char *state_dir; /* likewise; NULL: nothing is remembered */
	struct hf_store_open_options store; /* connections, limits */
};

struct hf_repository {
	struct hf_store *store; /* counts into `counts` */
	bool is_throttled;	/* no more than so many bytes a second come out of it (options->store.limit_download) */
	struct hf_store_counts counts;
	char *url;
	struct hf_id id;
	struct hf_key *key;
	struct hf_certs certs;
	struct hf_config config;
	char *cache_dir; /* of this repository, mode 0700, exists; NULL: there is none, or it can't be made (then warned) */
	struct hf_store *cache; /* the same as a store of copies, for object_fetch.h; NULL */
	struct hf_state state;
};

/* Opens and verifies. HF_E_NOREPO: there is no repository. HF_E_UNSUPPORTED: one of a newer format version. HF_E_KEY: the
 * passphrase or key is wrong, missing, or of another repository. HF_E_CORRUPT: the configuration is damaged, or older than
 * one that was seen before; the object is named. Damaged certificates and slots are passed over with a warning. */
int hf_repository_open(const struct hf_repository_options *options, struct hf_repository **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_repository_close(struct hf_repository *repo); /* NULL is fine */

/* A repository in hand of `store` (which it takes over, whatever the result) and `key` (likewise): as open does, but for
 * the URL and the credentials. For init and for tests. `options->url` is only a name. */
int hf_repository_adopt(const struct hf_repository_options *options, struct hf_store *store, struct hf_key *key,
	struct hf_repository **out, struct hf_error *err) HF_MUST_CHECK;

/* Reads the certificates anew: keys may have been added since the repository was opened. Not while other threads use it. */
int hf_repository_reload_certs(struct hf_repository *repo, struct hf_error *err) HF_MUST_CHECK;

/* HF_E_KEY unless this key is certified with all `rights` (enum hf_right), saying that it takes them to `what` ("back up",
 * "forget snapshots"). With no rights: only that it is certified. */
int hf_repository_require(const struct hf_repository *repo, unsigned rights, const char *what,
	struct hf_error *err) HF_MUST_CHECK;

/* HF_E_KEY unless this key can open the catalogue (names, times, sizes), or with `data` what was backed up too. */
int hf_repository_require_reading(const struct hf_repository *repo, bool data, const char *what,
	struct hf_error *err) HF_MUST_CHECK;

/* Where copies of what the store holds are worth keeping: the cache, if there is one, of a store that is far; else NULL. */
const char *hf_repository_copies(const struct hf_repository *repo);

static inline void hf_repository_release(struct hf_repository **repo)
{
	hf_repository_close(*repo);
	*repo = NULL;
}
#define HF_REPOSITORY_AUTO __attribute__((cleanup(hf_repository_release))) struct hf_repository

#endif
