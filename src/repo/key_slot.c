/*
 * Passphrase slots; see key_slot.h and FORMAT.md, section 4.
 *
 * A slot has to be opened before the owner is known, so everything in it is a stranger's until then: the cost
 * is bounded before any work, and the signature is checked afterwards, with the key found inside. Whoever can
 * write to the store can thus waste our time, and no more.
 */
#include "repo/key_slot.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/random.h"
#include "repo/key_file.h"
#include "repo/key_internal.h"
#include "repo/object.h"

#include <stdlib.h>
#include <string.h>

enum { PLAIN_MAX = 1 << 20 };

/* --- making ------------------------------------------------------------------------------------------------------- */

static json_t *slot_json(const struct hf_slot *slot)
{
	json_t *j = json_object();
	json_object_set_new(j, "type", json_string("passphrase"));
	json_object_set_new(j, "name", json_string(slot->name));
	json_object_set_new(j, "kdf", json_string("scrypt"));
	json_object_set_new(j, "log2n", json_integer(slot->cost.log2_n));
	json_object_set_new(j, "r", json_integer(slot->cost.r));
	json_object_set_new(j, "p", json_integer(slot->cost.p));
	json_object_set_new(j, "salt", hf_json_hex_string(slot->salt, sizeof(slot->salt)));
	json_object_set_new(j, "created", hf_json_time(slot->created));
	return j;
}

static int put(struct hf_store *store, const struct hf_key *owner, const struct hf_slot *slot,
	struct iovec passphrase, struct hf_error *err)
{
	__attribute__((cleanup(hf_key_text_free))) struct hf_buf plain = HF_BUF(PLAIN_MAX);
	HF_JSON_AUTO *clear = slot_json(slot);
	uint8_t secret[32];
	struct iovec salt = {(void *)(uintptr_t)slot->salt, sizeof(slot->salt)};
	int r = hf_key_print(owner, &plain, err);
	if (r == 0)
		r = hf_scrypt(passphrase, salt, &slot->cost, secret, err);
	struct hf_object_new o = {.kind = HF_KIND_SLOT,
		.form = HF_FORM_SLOT,
		.key = owner,
		.id = slot->ref.id,
		.clear = clear,
		.body = plain.data,
		.body_len = plain.len,
		.slot_secret = secret};
	if (r == 0)
		r = hf_object_put(store, &o, NULL, err);
	hf_wipe(secret, sizeof(secret));
	return r;
}

int hf_slot_put(struct hf_store *store, const struct hf_key *owner, const struct hf_slot_options *options,
	struct hf_id *id, struct hf_error *err)
{
	struct hf_slot slot = {
		.ref = {owner->id, hf_id_new()}, .cost = options->cost, .created = hf_time_now()};
	if (slot.cost.log2_n == 0 && slot.cost.r == 0 && slot.cost.p == 0)
		slot.cost = HF_SCRYPT_DEFAULT;
	hf_random(slot.salt, sizeof(slot.salt));
	int r = hf_key_name_check(options->name, err);
	if (r == 0 && owner->kind != HF_KEY_OWNER)
		r = hf_fail(err, HF_E_KEY,
			"only the owner's key can be put in a slot, and \"%s\" is of kind \"%s\"",
			owner->name, hf_key_kind_name(owner->kind));
	if (r == 0 && options->passphrase.iov_len == 0)
		r = hf_fail(err, HF_E_USAGE, "the passphrase is empty");
	if (r == 0) {
		memcpy(slot.name, options->name, strlen(options->name) + 1);
		r = put(store, owner, &slot, options->passphrase, err);
	}
	if (r == 0 && id)
		*id = slot.ref.id;
	return r < 0 ? hf_wrap(err, r, "add a passphrase slot") : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int parse_number(const json_t *j, const char *key, unsigned *out, struct hf_error *err)
{
	int64_t v;
	int r = hf_json_int(j, key, &v, err);
	if (r == 0 && (v < 0 || v > 1 << 20))
		r = hf_fail(err, HF_E_CORRUPT, "\"%s\" is out of bounds", key);
	*out = r == 0 ? (unsigned)v : 0;
	return r;
}

static int parse_text(const json_t *j, const char *key, const char *expected, struct hf_error *err)
{
	const char *text;
	int r = hf_json_string(j, key, &text, err);
	if (r == 0 && strcmp(text, expected) != 0)
		r = hf_fail(err, HF_E_UNSUPPORTED, "\"%s\" is not \"%s\" but \"%s\"", key, expected, text);
	return r;
}

static int parse_slot(const struct hf_object *o, struct hf_slot *out, struct hf_error *err)
{
	*out = (struct hf_slot){.ref = o->ref};
	int r = parse_text(o->clear, "type", "passphrase", err);
	if (r == 0)
		r = parse_text(o->clear, "kdf", "scrypt", err);
	if (r == 0)
		r = hf_key_name_parse(o->clear, "name", out->name, err);
	if (r == 0)
		r = parse_number(o->clear, "log2n", &out->cost.log2_n, err);
	if (r == 0)
		r = parse_number(o->clear, "r", &out->cost.r, err);
	if (r == 0)
		r = parse_number(o->clear, "p", &out->cost.p, err);
	if (r == 0)
		r = hf_json_hex(o->clear, "salt", out->salt, sizeof(out->salt), err);
	if (r == 0)
		r = hf_key_time_parse(o->clear, "created", &out->created, err);
	return r < 0 ? r : hf_scrypt_check(&out->cost, err);
}

/* Reads the slot `ref`; `o` is to be freed by the caller in any case. Nothing of it is believed yet. */
static int get_slot(struct hf_store *store, const struct hf_ref *ref, const struct hf_id *repository,
	struct hf_object *o, struct hf_slot *out, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	const struct hf_object_wanted wanted = {.name = hf_object_name(HF_KIND_SLOT, ref, name), .repository = repository};
	int r = hf_object_get_signed(store, &wanted, o, err);
	if (r < 0)
		return r;
	r = parse_slot(o, out, err);
	return r < 0 ? hf_wrap(err, r, "slot %s", name) : 0;
}

static bool is_damage(int r)
{
	return r == HF_E_CORRUPT || r == HF_E_UNSUPPORTED || r == HF_E_NOTFOUND;
}

/* --- unlocking ---------------------------------------------------------------------------------------------------- */

struct unlocking {
	struct hf_store *store;
	struct iovec passphrase;
	struct hf_key *key;
	size_t tried, damaged;
	struct hf_error first; /* what was wrong with the first damaged one */
};

/* What was inside must be the key of the repository and the owner that the slot's own head names. */
static int check_inside(const struct hf_object *o, const struct hf_key *key, struct hf_error *err)
{
	if (key->kind != HF_KEY_OWNER || !hf_id_equal(&key->id, &o->ref.writer) ||
		!hf_id_equal(&key->repository, &o->repository))
		return hf_fail(
			err, HF_E_CORRUPT, "the key inside is not that of the owner who made the slot");
	return hf_object_verify(o, key->owner_public, err);
}

/* 0 and a key; HF_E_KEY if the passphrase is not this slot's (or its sealed part is damaged: no one can
 * tell). */
static int open_slot(const struct unlocking *u, const struct hf_object *o, const struct hf_slot *slot,
	struct hf_key **out, struct hf_error *err)
{
	__attribute__((cleanup(hf_key_text_free))) struct hf_buf plain = HF_BUF(PLAIN_MAX);
	uint8_t secret[32];
	struct iovec salt = {(void *)(uintptr_t)slot->salt, sizeof(slot->salt)};
	struct hf_key *key = NULL;
	int r = hf_scrypt(u->passphrase, salt, &slot->cost, secret, err);
	if (r == 0)
		r = hf_key_recode(hf_object_open_slot(o, secret, &plain, err), HF_E_CORRUPT, HF_E_KEY, err);
	hf_wipe(secret, sizeof(secret));
	if (r < 0)
		return r;
	r = hf_key_recode(hf_key_parse(plain.data, plain.len, &key, err), HF_E_KEY, HF_E_CORRUPT, err);
	if (r == 0)
		r = check_inside(o, key, err);
	if (r == 0)
		*out = key;
	else
		hf_key_free(key);
	return r;
}

static int try_one(
	const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)info;
	struct unlocking *u = user;
	struct hf_object o = {0};
	struct hf_slot slot;
	struct hf_error why = {0};
	if (u->tried + u->damaged == HF_SLOTS_MAX)
		return hf_fail(err, HF_E_CORRUPT, "the store holds more than %d slots: not all were tried",
			HF_SLOTS_MAX);
	int r = get_slot(u->store, ref, NULL, &o, &slot, &why);
	if (r == 0)
		r = open_slot(u, &o, &slot, &u->key, &why);
	hf_object_free(&o);
	if (r == 0)
		return 1;
	if (r == HF_E_KEY) {
		u->tried++;
		return 0;
	}
	if (!is_damage(r))
		return hf_fail(err, r, "%s", why.msg);
	hf_warn("a passphrase slot is passed over: %s", why.msg);
	if (u->damaged++ == 0)
		u->first = why;
	return 0;
}

int hf_slots_unlock(
	struct hf_store *store, struct iovec passphrase, struct hf_key **out, struct hf_error *err)
{
	struct unlocking u = {.store = store, .passphrase = passphrase};
	int r = hf_object_list(store, HF_KIND_SLOT, try_one, &u, err);
	if (r < 0)
		return hf_wrap(err, r, "unlock the repository");
	if (r == 1) {
		*out = u.key;
		return 0;
	}
	if (u.tried == 0 && u.damaged == 0)
		return hf_fail(err, HF_E_NOREPO,
			"there is no passphrase slot: this is no repository, or one that only a "
			"key file opens (HOLDFAST_KEY_FILE)");
	if (u.tried == 0)
		return hf_fail(err, u.first.code,
			"unlock the repository: every passphrase slot is damaged (%s); use a "
			"key file (HOLDFAST_KEY_FILE)",
			u.first.msg);
	if (u.damaged)
		return hf_fail(err, HF_E_KEY,
			"wrong passphrase: it opens none of %zu slots, and %zu more are damaged (%s)",
			u.tried, u.damaged, u.first.msg);
	return hf_fail(err, HF_E_KEY, "wrong passphrase: it opens none of the repository's slots (%zu tried)",
		u.tried);
}

/* --- listing ------------------------------------------------------------------------------------------------------ */

struct loading {
	struct hf_store *store;
	const struct hf_key *key;
	struct hf_slots *out;
};

static int append(struct hf_slots *slots, const struct hf_slot *slot, struct hf_error *err)
{
	struct hf_slot *more = reallocarray(slots->slots, slots->count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "load passphrase slots: out of memory");
	more[slots->count++] = *slot;
	slots->slots = more;
	return 0;
}

static int load_one(
	const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)info;
	struct loading *l = user;
	struct hf_object o = {0};
	struct hf_slot slot;
	struct hf_error why = {0};
	int r = get_slot(l->store, ref, &l->key->repository, &o, &slot, &why);
	if (r == 0 && !hf_id_equal(&ref->writer, &l->key->owner_id))
		r = hf_fail(&why, HF_E_CORRUPT, "a slot was made by another than the owner");
	if (r == 0)
		r = hf_object_verify(&o, l->key->owner_public, &why);
	hf_object_free(&o);
	if (r == 0)
		return append(l->out, &slot, err);
	if (!is_damage(r))
		return hf_fail(err, r, "%s", why.msg);
	l->out->set_aside++;
	hf_warn("a passphrase slot is set aside: %s", why.msg);
	return 0;
}

int hf_slots_load(
	struct hf_store *store, const struct hf_key *key, struct hf_slots *out, struct hf_error *err)
{
	*out = (struct hf_slots){0};
	struct loading l = {store, key, out};
	int r = hf_object_list(store, HF_KIND_SLOT, load_one, &l, err);
	return r < 0 ? hf_wrap(err, r, "load the passphrase slots of the repository") : 0;
}

void hf_slots_free(struct hf_slots *slots)
{
	free(slots->slots);
	*slots = (struct hf_slots){0};
}
