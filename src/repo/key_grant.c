/* Grants of new epochs; see key_grant.h. */
#include "repo/key_grant.h"

#include "base/buf.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "repo/key_internal.h"
#include "repo/key_new.h"

#include <stdlib.h>

enum { SECRETS = 64, CONTEXT = 2 * HF_ID_SIZE + 4, EPOCHS_MAX = 1024 };

static int grant_secret(const uint8_t sign_secret[32], uint8_t out[32], struct hf_error *err)
{
	return hf_hkdf((struct iovec){(void *)(uintptr_t)sign_secret, 32}, (struct iovec){0}, "holdfast grant v1", out, 32, err);
}

int hf_grant_public(const uint8_t sign_secret[32], uint8_t out[32], struct hf_error *err)
{
	uint8_t secret[32];
	int r = grant_secret(sign_secret, secret, err);
	if (r == 0)
		r = hf_box_public(secret, out, err);
	hf_wipe(secret, sizeof(secret));
	return r;
}

/* repository ‖ key ‖ epoch */
static struct iovec context(const struct hf_id *repository, const struct hf_id *key, uint32_t epoch, uint8_t out[CONTEXT])
{
	memcpy(out, repository->b, HF_ID_SIZE);
	memcpy(out + HF_ID_SIZE, key->b, HF_ID_SIZE);
	hf_put_u32(out + 2 * HF_ID_SIZE, epoch);
	return (struct iovec){out, CONTEXT};
}

/* The catalogue's secret, then the data's; a kind that reads no data has the first alone. */
static size_t secrets_of_kind(enum hf_key_kind kind)
{
	const struct hf_key_preset *preset = hf_key_preset(kind);
	return preset->data_secret ? SECRETS : preset->catalogue_secret ? SECRETS / 2 : 0;
}

/* --- making -------------------------------------------------------------------------------------------------------- */

int hf_grant_add(json_t *grants, const struct hf_key *owner, const struct hf_cert *to, const struct hf_epoch *epoch,
	struct hf_error *err)
{
	uint8_t about[CONTEXT], plain[SECRETS], box[SECRETS + HF_BOX_EXTRA], target[32];
	char text[2 * sizeof(box) + 1];
	size_t len = secrets_of_kind(to->kind);
	int r = 0;
	if (to->kind == HF_KEY_OWNER)
		r = hf_grant_public(owner->sign_secret, target, err);
	else if (to->has_box)
		memcpy(target, to->box_public, sizeof(target));
	else
		return hf_fail(err, HF_E_KEY, "the certificate of \"%s\" names no key to seal to", to->name);
	memcpy(plain, epoch->catalogue_secret, 32);
	memcpy(plain + 32, epoch->data_secret, 32);
	struct iovec bound = context(&owner->repository, &to->key, epoch->number, about);
	if (r == 0)
		r = hf_box_seal(target, bound, plain, len, box, err);
	hf_wipe(plain, sizeof(plain));
	if (r < 0)
		return hf_wrap(err, r, "grant the key \"%s\" a new epoch", to->name);
	json_t *j = json_object();
	json_object_set_new(j, "key", hf_json_hex_string(to->key.b, HF_ID_SIZE));
	json_object_set_new(j, "epoch", json_integer(epoch->number));
	json_object_set_new(j, "box", json_string(hf_hex(box, len + HF_BOX_EXTRA, text)));
	return json_array_append_new(grants, j) < 0 ? hf_fail(err, HF_E_NOMEM, "out of memory") : 0;
}

static int add_epoch(struct hf_key *key, const struct hf_epoch *epoch, struct hf_error *err)
{
	/* Not realloc: what it leaves behind would not be wiped. */
	struct hf_epoch *more = calloc(key->epoch_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (key->epoch_count)
		memcpy(more, key->epochs, key->epoch_count * sizeof(*more));
	more[key->epoch_count] = *epoch;
	if (key->epochs)
		hf_wipe(key->epochs, key->epoch_count * sizeof(*key->epochs));
	free(key->epochs);
	key->epochs = more;
	key->epoch_count++;
	return 0;
}

int hf_epoch_add(struct hf_key *owner, struct hf_error *err)
{
	struct hf_epoch e = {.has_data_secret = true, .has_catalogue_secret = true};
	if (owner->epoch_count >= EPOCHS_MAX)
		return hf_fail(err, HF_E_UNSUPPORTED, "there were %zu epochs, and there can be no more", owner->epoch_count);
	e.number = hf_key_newest_epoch(owner)->number + 1;
	int r = hf_box_new_pair(e.data_secret, e.data_public, err);
	if (r == 0)
		r = hf_box_new_pair(e.catalogue_secret, e.catalogue_public, err);
	if (r == 0)
		r = add_epoch(owner, &e, err);
	hf_wipe(&e, sizeof(e));
	return r;
}

/* --- learning ------------------------------------------------------------------------------------------------------ */

static int check_secret(const uint8_t secret[32], const uint8_t public_key[32], struct hf_error *err)
{
	uint8_t own[32];
	int r = hf_box_public(secret, own, err);
	if (r == 0 && !hf_equal(own, public_key, 32))
		r = hf_fail(err, HF_E_CORRUPT, "a secret does not belong to its public key");
	return r;
}

static int open_box(const struct hf_key *key, struct hf_epoch *e, const uint8_t *box, size_t len, struct hf_error *err)
{
	uint8_t secret[32], target[32], about[CONTEXT], plain[SECRETS] = {0};
	int r = grant_secret(key->sign_secret, secret, err);
	if (r == 0)
		r = hf_box_public(secret, target, err);
	struct iovec bound = context(&key->repository, &key->id, e->number, about);
	if (r == 0)
		r = hf_box_open(secret, target, bound, box, len, plain, err);
	e->has_catalogue_secret = true;
	e->has_data_secret = len == SECRETS + HF_BOX_EXTRA;
	memcpy(e->catalogue_secret, plain, 32);
	memcpy(e->data_secret, plain + 32, 32);
	if (r == 0)
		r = check_secret(e->catalogue_secret, e->catalogue_public, err);
	if (r == 0 && e->has_data_secret)
		r = check_secret(e->data_secret, e->data_public, err);
	if (r < 0)
		e->has_catalogue_secret = e->has_data_secret = false;
	hf_wipe(secret, sizeof(secret));
	hf_wipe(plain, sizeof(plain));
	return r;
}

static void open_grant(const struct hf_key *key, struct hf_epoch *e, const json_t *grant)
{
	uint8_t box[SECRETS + HF_BOX_EXTRA];
	struct hf_error why = {0};
	size_t len = secrets_of_kind(key->kind) + HF_BOX_EXTRA;
	int r = hf_json_hex(grant, "box", box, len, &why);
	if (r == 0)
		r = open_box(key, e, box, len, &why);
	if (r < 0)
		hf_warn("what the owner granted this key of epoch %u can't be opened: %s", (unsigned)e->number, why.msg);
}

/* The secrets of `e`, if `grants` has them for this key. */
static void look_for_grant(const struct hf_key *key, struct hf_epoch *e, const json_t *grants)
{
	for (size_t i = 0; secrets_of_kind(key->kind) && i < json_array_size(grants); i++) {
		const json_t *g = json_array_get(grants, i);
		struct hf_id id;
		int64_t number;
		if (hf_json_hex(g, "key", id.b, HF_ID_SIZE, NULL) == 0 && hf_id_equal(&id, &key->id) &&
			hf_json_int(g, "epoch", &number, NULL) == 0 && number == (int64_t)e->number)
			open_grant(key, e, g);
	}
}

static int learn_one(struct hf_key *key, const json_t *j, const json_t *grants, struct hf_error *err)
{
	struct hf_epoch e = {0};
	int64_t number;
	int r = hf_json_int(j, "epoch", &number, err);
	if (r == 0 && (number < 0 || number > UINT32_MAX))
		r = hf_fail(err, HF_E_CORRUPT, "\"epoch\" is out of range");
	if (r == 0)
		r = hf_json_hex(j, "data_public", e.data_public, 32, err);
	if (r == 0)
		r = hf_json_hex(j, "catalogue_public", e.catalogue_public, 32, err);
	if (r < 0 || hf_key_epoch(key, (uint32_t)number))
		return r;
	e.number = (uint32_t)number;
	const struct hf_epoch *newest = hf_key_newest_epoch(key);
	if (newest && e.number < newest->number)
		return 0; /* from before this key was made */
	look_for_grant(key, &e, grants);
	r = add_epoch(key, &e, err);
	hf_wipe(&e, sizeof(e));
	return r;
}

int hf_grant_learn(struct hf_key *key, const json_t *config, struct hf_error *err)
{
	json_t *epochs;
	int r = hf_json_array(config, "epochs", &epochs, err);
	if (r == 0 && json_array_size(epochs) > EPOCHS_MAX)
		r = hf_fail(err, HF_E_CORRUPT, "\"epochs\" has %zu members", json_array_size(epochs));
	for (size_t i = 0; r == 0 && i < json_array_size(epochs); i++)
		r = learn_one(key, json_array_get(epochs, i), json_object_get(config, "grants"), err);
	return r;
}
