/* Making keys; see key_new.h. */
#include "repo/key_new.h"

#include "crypto/box.h"
#include "crypto/random.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>

static const struct hf_key_preset presets[] = {
	[HF_KEY_OWNER] = {HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN | HF_RIGHT_PROVE, true, true, true,
		"everything: back up, restore, forget, prune, certify and revoke keys"},
	[HF_KEY_READ] = {HF_RIGHT_BACKUP | HF_RIGHT_PROVE, true, true, true, "back up, restore, drill"},
	[HF_KEY_WRITE] = {HF_RIGHT_BACKUP, false, false, true, "back up; read nothing back"},
	[HF_KEY_MAINTAIN] = {HF_RIGHT_MAINTAIN, false, true, false,
		"see the catalogue, forget, prune; read no data"},
	[HF_KEY_STATUS] = {0, false, true, false, "see the catalogue; read no data"},
};

const struct hf_key_preset *hf_key_preset(enum hf_key_kind kind)
{
	return &presets[kind];
}

static struct hf_id new_id(void)
{
	struct hf_id id;
	hf_random(id.b, sizeof(id.b));
	return id;
}

/* Packs tell domains apart by their marks. */
static bool is_mark_free(const struct hf_certs *others, uint32_t mark)
{
	for (size_t i = 0; others && i < others->count; i++)
		if (others->certs[i].has_domain && hf_domain_mark(&others->certs[i].domain) == mark)
			return false;
	return mark != 0;
}

void hf_domain_new(const char *name, const struct hf_certs *others, struct hf_domain *out)
{
	do
		out->id = new_id();
	while (!is_mark_free(others, hf_domain_mark(&out->id)));
	snprintf(out->name, sizeof(out->name), "%s", name);
	hf_random(out->id_key, sizeof(out->id_key));
	hf_random(out->cut_key, sizeof(out->cut_key));
	hf_random(out->index_key, sizeof(out->index_key));
}

/* A key with an identity and a signing pair, and room for `epochs`. */
static int new_key(
	enum hf_key_kind kind, const char *name, size_t epochs, struct hf_key **out, struct hf_error *err)
{
	int r = hf_key_name_check(name, err);
	if (r < 0)
		return hf_wrap(err, r, "name a key");
	struct hf_key *key = calloc(1, sizeof(*key));
	if (key)
		key->epochs = calloc(epochs, sizeof(*key->epochs));
	if (!key || !key->epochs) {
		hf_key_free(key);
		return hf_fail(err, HF_E_NOMEM, "make a key: out of memory");
	}
	key->kind = kind;
	key->id = new_id();
	key->rights = presets[kind].rights;
	key->epoch_count = epochs;
	snprintf(key->name, sizeof(key->name), "%s", name);
	r = hf_sign_new_pair(key->sign_secret, key->sign_public, err);
	if (r == 0)
		*out = key;
	else
		hf_key_free(key);
	return r;
}

static int new_epoch(struct hf_epoch *e, struct hf_error *err)
{
	e->has_data_secret = e->has_catalogue_secret = true;
	int r = hf_box_new_pair(e->data_secret, e->data_public, err);
	return r < 0 ? r : hf_box_new_pair(e->catalogue_secret, e->catalogue_public, err);
}

int hf_key_new_owner(const char *name, struct hf_key **out, struct hf_error *err)
{
	struct hf_key *key;
	int r = new_key(HF_KEY_OWNER, name, 1, &key, err);
	if (r < 0)
		return r;
	r = new_epoch(&key->epochs[0], err);
	if (r < 0) {
		hf_key_free(key);
		return r;
	}
	key->repository = new_id();
	key->owner_id = key->id;
	memcpy(key->owner_public, key->sign_public, sizeof(key->owner_public));
	key->has_domain = true;
	hf_domain_new("default", NULL, &key->domain);
	*out = key;
	return 0;
}

/* Gives `key` the owner's epochs, with no more secrets than its kind has. */
static void give_epochs(const struct hf_key *owner, struct hf_key *key)
{
	const struct hf_key_preset *preset = &presets[key->kind];
	for (size_t i = 0; i < owner->epoch_count; i++) {
		struct hf_epoch *e = &key->epochs[i];
		*e = owner->epochs[i];
		e->has_data_secret = e->has_data_secret && preset->data_secret;
		e->has_catalogue_secret = e->has_catalogue_secret && preset->catalogue_secret;
		if (!e->has_data_secret)
			hf_wipe(e->data_secret, sizeof(e->data_secret));
		if (!e->has_catalogue_secret)
			hf_wipe(e->catalogue_secret, sizeof(e->catalogue_secret));
	}
}

static int give_rescue(const struct hf_key *owner, struct hf_key *key, struct hf_error *err)
{
	if (!owner->rescue_json)
		return 0;
	key->rescue_json = strdup(owner->rescue_json);
	return key->rescue_json ? 0 : hf_fail(err, HF_E_NOMEM, "make a key: out of memory");
}

int hf_key_new(const struct hf_key *owner, const struct hf_key_options *options, struct hf_key **out,
	struct hf_error *err)
{
	if (owner->kind != HF_KEY_OWNER)
		return hf_fail(err, HF_E_KEY,
			"only the owner's key makes keys, and this is \"%s\", of kind \"%s\"", owner->name,
			hf_key_kind_name(owner->kind));
	if (options->kind == HF_KEY_OWNER || (options->maintain && options->kind != HF_KEY_READ))
		return hf_fail(err, HF_E_USAGE, "a key of kind \"%s\" can't be made so",
			hf_key_kind_name(options->kind));
	struct hf_key *key;
	int r = new_key(options->kind, options->name, owner->epoch_count, &key, err);
	if (r < 0)
		return r;
	key->repository = owner->repository;
	key->owner_id = owner->owner_id;
	memcpy(key->owner_public, owner->owner_public, sizeof(key->owner_public));
	if (options->maintain)
		key->rights |= HF_RIGHT_MAINTAIN;
	key->has_domain = presets[options->kind].domain;
	if (key->has_domain && options->domain)
		key->domain = *options->domain;
	else if (key->has_domain)
		hf_domain_new(options->name, NULL, &key->domain);
	give_epochs(owner, key);
	r = give_rescue(owner, key, err);
	if (r == 0)
		*out = key;
	else
		hf_key_free(key);
	return r;
}
