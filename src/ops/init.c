/* Making a repository; see init.h. */
#include "ops/init.h"

#include "base/log.h"
#include "crypto/random.h"
#include "ops/probe.h"
#include "ops/rescue.h"
#include "pipeline/transfer.h"
#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "repo/key_slot.h"
#include "repo/object.h"

#include <stdlib.h>

/* --- the place ----------------------------------------------------------------------------------------------------- */

/* What lies there already. A repository without a configuration and without anything that was backed up is what is left of an
 * attempt that failed or was killed. */
struct survey {
	const char *url;
	char (*leftovers)[HF_NAME_MAX];
	size_t count;
};

static int note_leftover(struct survey *s, const char *name, struct hf_error *err)
{
	char(*more)[HF_NAME_MAX] = reallocarray(s->leftovers, s->count + 1, HF_NAME_MAX);
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	s->leftovers = more;
	memcpy(more[s->count++], name, HF_NAME_MAX);
	return 0;
}

static int look(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct survey *s = user;
	enum hf_kind kind;
	struct hf_ref ref;
	if (hf_probe_is_own(info->name))
		return note_leftover(s, info->name, err);
	if (!hf_object_name_parse(info->name, &kind, &ref))
		return hf_fail(err, HF_E_EXISTS,
			"make a repository at %s: there is something else (%s); give an empty directory", s->url, info->name);
	if (kind == HF_KIND_CONFIG)
		return hf_fail(err, HF_E_EXISTS, "make a repository at %s: there is one already", s->url);
	if (kind != HF_KIND_SLOT && kind != HF_KIND_CERT && kind != HF_KIND_RESCUE)
		return hf_fail(err, HF_E_EXISTS,
			"make a repository at %s: there is one already, which lost its configuration (it holds %s)", s->url,
			info->name);
	return note_leftover(s, info->name, err);
}

/* An old slot must go: the same passphrase may open it, to a key of no repository. */
static int clear_place(struct hf_store *store, const char *url, struct hf_error *err)
{
	struct survey s = {.url = url};
	struct hf_eraser eraser = {store};
	int r = hf_store_list(store, "", look, &s, err);
	if (r == 0 && s.count)
		hf_info("removing what an earlier attempt to make a repository left at %s", url);
	for (size_t i = 0; r == 0 && i < s.count; i++)
		r = hf_eraser_erase(&eraser, s.leftovers[i], err);
	free(s.leftovers);
	return r;
}

static int see_config(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	enum hf_kind kind;
	struct hf_ref ref;
	(void)err;
	if (hf_object_name_parse(info->name, &kind, &ref) && kind == HF_KIND_CONFIG)
		*(bool *)user = true;
	return 0;
}

int hf_init_is_made(const char *url, struct hf_error *err)
{
	const struct hf_store_open_options as_it_is = {0};
	struct hf_store *store = NULL;
	bool is_made = false;
	int r = hf_store_open(url, &as_it_is, &store, err);
	if (r == 0)
		r = hf_store_list(store, "config/", see_config, &is_made, err);
	hf_store_close(store);
	if (r == HF_E_NOREPO)
		return 0;
	return r < 0 ? hf_wrap(err, r, "see whether a repository is at %s", url) : is_made;
}

/* --- likeness ------------------------------------------------------------------------------------------------------ */

static int find_domain(const struct hf_repository *like, const char *name, struct hf_domain *out, struct hf_error *err)
{
	if (!name) {
		if (!like->key->has_domain)
			return hf_fail(err, HF_E_KEY, "the key \"%s\" belongs to no domain: use another, or name one by --domain",
				like->key->name);
		*out = like->key->domain;
		return 0;
	}
	const struct hf_cert *cert = hf_certs_find_domain(&like->certs, name);
	if (!cert)
		return hf_fail(err, HF_E_NOTFOUND, "there is no domain \"%s\"", name);
	return hf_domain_open(like->store, like->key, &like->certs, &cert->domain, out, err);
}

/* What names and cuts chunks; not what the index is sealed with, which has no need to be shared. */
static int make_alike(const struct hf_init_options *o, struct hf_key *owner, struct hf_config *config, struct hf_error *err)
{
	struct hf_domain domain = {0};
	if (!o->like)
		return 0;
	int r = find_domain(o->like, o->like_domain, &domain, err);
	if (r == 0) {
		memcpy(owner->domain.id_key, domain.id_key, sizeof(domain.id_key));
		memcpy(owner->domain.cut_key, domain.cut_key, sizeof(domain.cut_key));
		config->chunk_min = o->like->config.chunk_min;
		config->chunk_average = o->like->config.chunk_average;
		config->chunk_max = o->like->config.chunk_max;
	}
	hf_wipe(&domain, sizeof(domain));
	return r < 0 ? hf_wrap(err, r, "be like %s", o->like->url) : 0;
}

int hf_init_is_alike(const struct hf_repository *repo, const struct hf_repository *like, const char *domain,
	struct hf_error *err)
{
	struct hf_domain own = {0};
	int r = find_domain(like, domain, &own, err);
	if (r == 0)
		r = hf_transfer_is_alike(like, &own, repo);
	hf_wipe(&own, sizeof(own));
	return r < 0 ? hf_wrap(err, r, "compare with %s", like->url) : r;
}

/* The protocol without locks rests on these. */
static int probe_place(struct hf_store *store, const char *url, struct hf_error *err)
{
	const struct hf_probe_options options = {.url = url};
	struct hf_probe_result found;
	int r = hf_probe(store, &options, &found, err);
	if (r == 0 && !found.ok)
		r = hf_fail(err, HF_E_UNSUPPORTED, "this store can't hold a repository: %s", found.why);
	hf_probe_result_free(&found);
	return r < 0 ? hf_wrap(err, r, "make a repository at %s", url) : 0;
}

/* --- the objects --------------------------------------------------------------------------------------------------- */

static int put_all(struct hf_store *store, const struct hf_init_options *o, struct hf_key *owner,
	struct hf_init_result *out, struct hf_error *err)
{
	const struct hf_slot_options slot = {.name = "passphrase", .passphrase = o->passphrase};
	struct hf_config config = HF_CONFIG_DEFAULT;
	if (o->grace_seconds)
		config.grace_seconds = o->grace_seconds;
	int r = make_alike(o, owner, &config, err);
	if (r == 0)
		r = hf_rescue_note(owner, err);
	if (r == 0)
		r = hf_rescue_put(store, owner, &out->rescue_files, err);
	if (r == 0)
		r = hf_cert_put(store, owner, owner, err);
	if (r == 0)
		r = hf_slot_put(store, owner, &slot, NULL, err);
	return r < 0 ? r : hf_config_put(store, owner, &config, err);
}

/* --- two at once --------------------------------------------------------------------------------------------------- */

/* What lies there once all is made: by this owner, and of another one. */
struct aftermath {
	const struct hf_key *owner;
	struct survey own;
	bool has_other, has_slot, has_cert;
};

static int look_again(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct aftermath *a = user;
	enum hf_kind kind;
	struct hf_ref ref;
	if (!hf_object_name_parse(info->name, &kind, &ref))
		return 0;
	if (!hf_id_equal(&ref.writer, &a->owner->id)) {
		a->has_other = a->has_other || kind == HF_KIND_CONFIG;
		return 0;
	}
	a->has_slot = a->has_slot || kind == HF_KIND_SLOT;
	a->has_cert = a->has_cert || kind == HF_KIND_CERT;
	return note_leftover(&a->own, info->name, err);
}

/* Of two that make a repository at one place at once, whoever looks last sees the other's configuration, and takes its own away again:
 * perhaps both do. The other may also have taken what it found here for the leavings of an attempt that failed. */
static int see_that_it_is_alone(struct hf_store *store, const char *url, const struct hf_key *owner, struct hf_error *err)
{
	struct aftermath a = {.owner = owner};
	struct hf_eraser eraser = {store};
	int r = hf_store_list(store, "", look_again, &a, err);
	bool is_alone = !a.has_other && a.has_slot && a.has_cert;
	for (size_t i = 0; r == 0 && !is_alone && i < a.own.count; i++)
		r = hf_eraser_erase(&eraser, a.own.leftovers[i], err);
	free(a.own.leftovers);
	if (r == 0 && !is_alone)
		r = hf_fail(err, HF_E_EXISTS, "make a repository at %s: another one was made there at the same moment, and this one is taken away "
			"again: see whether that is there, or try again", url);
	return r;
}

int hf_init(const struct hf_init_options *options, struct hf_init_result *out, struct hf_error *err)
{
	struct hf_store_open_options create = options->store;
	struct hf_store *store = NULL;
	struct hf_key *owner = NULL;
	*out = (struct hf_init_result){0};
	create.create = true;
	if (options->passphrase.iov_len == 0)
		return hf_fail(err, HF_E_KEY, "make a repository at %s: the passphrase is empty", options->url);
	int r = hf_store_open(options->url, &create, &store, err);
	if (r == HF_E_NOREPO)
		return hf_fail(err, HF_E_EXISTS, "make a repository at %s: it is not a directory", options->url);
	if (r < 0)
		return hf_wrap(err, r, "make a repository");
	r = clear_place(store, options->url, err);
	if (r == 0)
		r = probe_place(store, options->url, err);
	if (r == 0)
		r = hf_key_new_owner(options->name ? options->name : "owner", &owner, err);
	if (r == 0) {
		r = put_all(store, options, owner, out, err);
		if (r < 0)
			r = hf_wrap(err, r, "make a repository at %s", options->url);
	}
	if (r == 0)
		r = see_that_it_is_alone(store, options->url, owner, err);
	if (r == 0) {
		out->repository = owner->repository;
		memcpy(out->owner_public, owner->owner_public, sizeof(out->owner_public));
	}
	hf_key_free(owner);
	hf_store_close(store);
	return r;
}
