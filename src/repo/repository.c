/*
 * Opening a repository; see repository.h. The order matters for what a user is told: no repository comes before a missing
 * passphrase, a newer version before a wrong one.
 */
#include "repo/repository.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/random.h"
#include "repo/cache_sweep.h"
#include "repo/key_cert.h"
#include "repo/key_file.h"
#include "repo/key_slot.h"
#include "repo/object_fetch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PASSPHRASE_MAX = 1 << 16 };

static int recode(int r, int from, int to, struct hf_error *err)
{
	if (r != from)
		return r;
	if (err)
		err->code = to;
	return to;
}

void hf_repository_close(struct hf_repository *repo)
{
	if (!repo)
		return;
	hf_store_close(repo->cache);
	hf_store_close(repo->store);
	hf_key_free(repo->key);
	hf_certs_free(&repo->certs);
	hf_state_free(&repo->state);
	free(repo->cache_dir);
	free(repo->url);
	free(repo);
}

/* --- the key ------------------------------------------------------------------------------------------------------- */

static int key_from_file(const char *path, struct hf_key **out, struct hf_error *err)
{
	int r = hf_key_file_read(path, out, err);
	if (r == HF_E_NOMEM || r == 0)
		return r;
	/* Whatever keeps the key from being read, there is no key: one status for all. */
	return recode(r, r, HF_E_KEY, err);
}

static void wipe(struct hf_buf *b)
{
	if (b->data)
		hf_wipe(b->data, b->cap);
	hf_buf_free(b);
}

static int key_from_passphrase(const struct hf_credentials *c, struct hf_store *store, struct hf_key **out,
	struct hf_error *err)
{
	if (!c->passphrase)
		return hf_fail(err, HF_E_KEY, "neither a key file nor a passphrase is given");
	struct hf_buf text = HF_BUF(PASSPHRASE_MAX);
	int r = c->passphrase(c->user, &text, err);
	if (r == 0) {
		struct iovec passphrase = {text.data, text.len};
		r = text.len ? hf_slots_unlock(store, passphrase, out, err)
			     : hf_fail(err, HF_E_KEY, "the passphrase is empty");
	}
	wipe(&text);
	return r;
}

static int load_key(const struct hf_credentials *c, struct hf_store *store, struct hf_key **out, struct hf_error *err)
{
	return c->key_file ? key_from_file(c->key_file, out, err) : key_from_passphrase(c, store, out, err);
}

/* --- the local places ---------------------------------------------------------------------------------------------- */

static int make_cache(struct hf_repository *repo, const char *dir, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	struct hf_error why = {0};
	if (!dir)
		return 0;
	if (asprintf(&repo->cache_dir, "%s/%s", dir, hf_hex(repo->id.b, HF_ID_SIZE, id)) < 0) {
		repo->cache_dir = NULL;
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	int r = hf_mkdirs(AT_FDCWD, repo->cache_dir, 0700, &why);
	if (r == 0)
		r = hf_store_open(repo->cache_dir, NULL, &repo->cache, &why);
	if (r < 0) {
		hf_warn("working without a cache: %s", why.msg);
		free(repo->cache_dir);
		repo->cache_dir = NULL;
	} else {
		hf_cache_sweep(repo->cache_dir);
	}
	return r == HF_E_NOMEM ? hf_fail(err, r, "%s", why.msg) : 0;
}

/* --- opening ------------------------------------------------------------------------------------------------------- */

static int load_config(struct hf_repository *repo, struct hf_error *err)
{
	int r = hf_config_load(repo->store, repo->key, repo->state.config, &repo->config, err);
	if (r == HF_E_NOREPO)
		return hf_wrap(err, recode(r, HF_E_NOREPO, HF_E_KEY, err), "the key \"%s\" is of another repository",
			repo->key->name);
	if (r == 0 && repo->config.has_others)
		hf_warn("another repository than this key's lies at %s too: neither harms the other, and each takes what is the other's for damaged "
			"objects; copy one to a place of its own", repo->url);
	return recode(r, HF_E_UNSUPPORTED, HF_E_NOREPO, err);
}

/* The owner is pinned in each key: its own certificate tells nothing that is needed, and its loss nothing of what it wrote. */
static int stand_in_for_owner(struct hf_repository *repo, struct hf_error *err)
{
	const struct hf_key *key = repo->key;
	if (hf_certs_find(&repo->certs, &key->owner_id))
		return 0;
	struct hf_cert *more = reallocarray(repo->certs.certs, repo->certs.count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	repo->certs.certs = more;
	struct hf_cert *owner = &more[repo->certs.count++];
	*owner = (struct hf_cert){.key = key->owner_id,
		.kind = HF_KEY_OWNER,
		.name = "owner",
		.rights = HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN | HF_RIGHT_PROVE};
	memcpy(owner->sign_public, key->owner_public, sizeof(owner->sign_public));
	if (hf_id_equal(&key->id, &key->owner_id) && key->has_domain) {
		owner->has_domain = true;
		owner->domain = key->domain.id;
		memcpy(owner->domain_name, key->domain.name, sizeof(owner->domain_name));
	}
	return 0;
}

static int load_certs(struct hf_repository *repo, struct hf_error *err)
{
	struct hf_store *copies = repo->store->is_far ? repo->cache : NULL;
	int r = hf_certs_load(repo->store, copies, repo->key, &repo->certs, err);
	return r < 0 ? r : stand_in_for_owner(repo, err);
}

int hf_repository_reload_certs(struct hf_repository *repo, struct hf_error *err)
{
	struct hf_certs before = repo->certs;
	repo->certs = (struct hf_certs){0};
	int r = load_certs(repo, err);
	if (r == 0) {
		hf_certs_free(&before);
		return 0;
	}
	hf_certs_free(&repo->certs);
	repo->certs = before;
	return r;
}

static int fill(struct hf_repository *repo, const struct hf_repository_options *options, struct hf_error *err)
{
	repo->id = repo->key->repository;
	repo->url = strdup(options->url);
	int r = repo->url ? hf_state_load(options->state_dir, &repo->id, &repo->state, err)
			  : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = load_config(repo, err);
	if (r == 0)
		r = make_cache(repo, options->cache_dir, err);
	if (r == 0)
		r = load_certs(repo, err);
	if (r < 0)
		return r;
	if (repo->config.n > repo->state.config) {
		const struct hf_state_seen seen = {.config = repo->config.n};
		hf_state_remember(&repo->state, &seen);
	}
	return 0;
}

int hf_repository_adopt(const struct hf_repository_options *options, struct hf_store *store, struct hf_key *key,
	struct hf_repository **out, struct hf_error *err)
{
	struct hf_repository *repo = calloc(1, sizeof(*repo));
	if (!repo) {
		hf_store_close(store);
		hf_key_free(key);
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	repo->key = key;
	repo->is_throttled = options->store.limit_download > 0;
	int r = hf_store_open_counted(store, &repo->counts, &repo->store, err);
	if (r < 0)
		hf_store_close(store);
	else
		r = fill(repo, options, err);
	if (r < 0) {
		hf_repository_close(repo);
		return hf_wrap(err, r, "open repository %s", options->url);
	}
	*out = repo;
	return 0;
}

/* Is there a repository at all, and one that this program can read? Nothing is believed yet. */
static int probe(struct hf_store *store, const char *url, struct hf_error *err)
{
	struct hf_id claimed;
	int r = hf_config_probe(store, &claimed, err);
	if (r == 0)
		return hf_fail(err, HF_E_NOREPO,
			"%s is not a repository: it holds no configuration; make one with holdfast init", url);
	if (r == HF_E_UNSUPPORTED)
		r = HF_E_NOREPO;
	else if (hf_object_is_lost(r))
		r = 0; /* there is one; what is wrong with it is said when it is verified */
	return r < 0 ? hf_wrap(err, recode(r, r, r, err), "open repository %s", url) : 0;
}

int hf_repository_open(const struct hf_repository_options *options, struct hf_repository **out, struct hf_error *err)
{
	struct hf_store *store = NULL;
	struct hf_key *key = NULL;
	*out = NULL;
	int r = hf_store_open(options->url, &options->store, &store, err);
	if (r < 0)
		return r;
	r = probe(store, options->url, err);
	if (r == HF_E_DENIED && options->credentials.key_file)
		r = 0; /* it may not list: the key tells what to ask for */
	if (r == 0) {
		r = load_key(&options->credentials, store, &key, err);
		if (r < 0)
			r = hf_wrap(err, r, "open repository %s", options->url);
	}
	if (r < 0) {
		hf_store_close(store);
		return r;
	}
	return hf_repository_adopt(options, store, key, out, err);
}

const char *hf_repository_copies(const struct hf_repository *repo)
{
	return repo->store->is_far ? repo->cache_dir : NULL;
}

/* --- what a key may do --------------------------------------------------------------------------------------------- */

static bool is_owner(const struct hf_repository *repo)
{
	return hf_id_equal(&repo->key->id, &repo->key->owner_id);
}

int hf_repository_require(const struct hf_repository *repo, unsigned rights, const char *what, struct hf_error *err)
{
	const struct hf_key *key = repo->key;
	const struct hf_cert *cert = hf_certs_find(&repo->certs, &key->id);
	if (is_owner(repo))
		return 0;
	if (!cert || memcmp(cert->sign_public, key->sign_public, sizeof(key->sign_public)) != 0)
		return hf_fail(err, HF_E_KEY,
			"the key \"%s\" may not %s: repository %s holds no certificate of it (it was removed, or is damaged)",
			key->name, what, repo->url);
	if ((cert->rights & key->rights & rights) != rights)
		return hf_fail(err, HF_E_KEY, "the key \"%s\" (kind %s) has not the right to %s", key->name,
			hf_key_kind_name(key->kind), what);
	return 0;
}

int hf_repository_require_reading(const struct hf_repository *repo, bool data, const char *what, struct hf_error *err)
{
	const struct hf_key *key = repo->key;
	/* Of a later epoch it may lack the secrets: what was sealed before can be read. */
	for (size_t i = 0; i < key->epoch_count; i++)
		if (data ? key->epochs[i].has_data_secret : key->epochs[i].has_catalogue_secret)
			return 0;
	return hf_fail(err, HF_E_KEY, "the key \"%s\" (kind %s) cannot %s: it does not open %s", key->name,
		hf_key_kind_name(key->kind), what, data ? "data" : "the catalogue");
}
