/*
 * A new epoch of the sealing pairs; see key.h. All of it is one object, the next configuration: it names the new public keys, which
 * every key that opens the repository from then on seals to, and holds the grants. Nothing that is stored is touched.
 */
#include "ops/key.h"

#include "repo/catalogue.h"
#include "repo/key_grant.h"

#include <stdlib.h>
#include <string.h>

static int note(char (**names)[HF_KEY_NAME_MAX], size_t *count, const char *name, struct hf_error *err)
{
	char(*more)[HF_KEY_NAME_MAX] = reallocarray(*names, *count + 1, HF_KEY_NAME_MAX);
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	*names = more;
	memcpy(more[(*count)++], name, HF_KEY_NAME_MAX);
	return 0;
}

static bool needs_grant(const struct hf_cert *cert)
{
	return hf_key_preset(cert->kind)->catalogue_secret;
}

static int grant_one(const struct hf_repository *repo, const struct hf_cert *cert, json_t *grants, struct hf_key_rotated *out,
	struct hf_error *err)
{
	const struct hf_epoch *epoch = hf_key_newest_epoch(repo->key);
	if (cert->kind != HF_KEY_OWNER && !cert->has_box)
		return note(&out->left_out, &out->left_out_count, cert->name, err);
	int r = hf_grant_add(grants, repo->key, cert, epoch, err);
	return r < 0 ? r : note(&out->granted, &out->granted_count, cert->name, err);
}

static int grant_all(const struct hf_repository *repo, const struct hf_catalogue *c, json_t *grants,
	struct hf_key_rotated *out, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < repo->certs.count; i++) {
		const struct hf_cert *cert = &repo->certs.certs[i];
		if (needs_grant(cert) && !hf_catalogue_is_revoked(c, &cert->key))
			r = grant_one(repo, cert, grants, out, err);
	}
	return r;
}

static int put_next(struct hf_repository *repo, const json_t *grants, struct hf_error *err)
{
	struct hf_config next = repo->config;
	next.n = repo->config.n + 1;
	next.has_previous = true;
	memcpy(next.previous, repo->config.hash, sizeof(next.previous));
	next.grants = grants;
	int r = hf_config_put(repo->store, repo->key, &next, err);
	if (r == 0) {
		next.grants = NULL;
		repo->config = next;
	}
	return r;
}

int hf_key_rotate(struct hf_repository *repo, struct hf_key_rotated *out, struct hf_error *err)
{
	HF_JSON_AUTO *grants = NULL;
	struct hf_catalogue c = {0};
	*out = (struct hf_key_rotated){0};
	int r = hf_key_require_owner(repo, "start a new epoch", err);
	if (r == 0)
		r = hf_catalogue_load(repo, &(struct hf_catalogue_options){0}, &c, err);
	/* A revocation that can't be read must not become a grant. */
	if (r == 0 && (c.damaged || c.missing_count || c.rolled_back))
		r = hf_fail(err, HF_E_CORRUPT, "parts of the catalogue are damaged or gone: who was revoked can't be told");
	if (r == 0)
		r = hf_config_grants(repo->store, repo->key, repo->config.n, &grants, err);
	if (r == 0)
		r = hf_epoch_add(repo->key, err);
	if (r == 0)
		r = grant_all(repo, &c, grants, out, err);
	if (r == 0)
		r = put_next(repo, grants, err);
	if (r == 0)
		out->epoch = repo->config.epoch;
	hf_catalogue_free(&c);
	return r < 0 ? hf_wrap(err, r, "start a new epoch") : 0;
}

void hf_key_rotated_free(struct hf_key_rotated *rotated)
{
	free(rotated->granted);
	free(rotated->left_out);
	*rotated = (struct hf_key_rotated){0};
}
