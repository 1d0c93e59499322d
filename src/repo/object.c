/* The envelope; see object.h and FORMAT.md, section 3. */
#include "repo/object.h"

#include "base/cursor.h"
#include "base/hex.h"
#include "crypto/aead.h"
#include "crypto/box.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/sign.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	CLEAR_MAX = 16 << 20,
	BODY_MAX = 64 << 20,
	BOX_OVERHEAD = 32 + HF_AEAD_TAG,
	OBJECT_MAX = HF_ENVELOPE_SIZE + CLEAR_MAX + BODY_MAX + HF_SIGNATURE_SIZE,
};

static const char *const kind_names[] = {[HF_KIND_CONFIG] = "config", [HF_KIND_SLOT] = "slot",
	[HF_KIND_CERT] = "cert", [HF_KIND_PACK] = "pack", [HF_KIND_INDEX] = "index",
	[HF_KIND_SNAPSHOT] = "snapshot", [HF_KIND_ENTRY] = "entry", [HF_KIND_VOID] = "void",
	[HF_KIND_CONDEMNED] = "condemned", [HF_KIND_RUN] = "run", [HF_KIND_RESCUE] = "rescue"};
#define KIND_COUNT (int)(sizeof(kind_names) / sizeof(kind_names[0]))

struct hf_id hf_id_new(void)
{
	struct hf_id id;
	hf_random(id.b, sizeof(id.b));
	return id;
}

const char *hf_kind_name(enum hf_kind kind)
{
	return kind >= 1 && (int)kind < KIND_COUNT ? kind_names[kind] : "unknown";
}

const char *hf_object_name(enum hf_kind kind, const struct hf_ref *ref, char out[HF_NAME_MAX])
{
	char writer[HF_ID_TEXT], id[HF_ID_TEXT];
	snprintf(out, HF_NAME_MAX, "%s/%s/%s", hf_kind_name(kind), hf_hex(ref->writer.b, HF_ID_SIZE, writer),
		hf_hex(ref->id.b, HF_ID_SIZE, id));
	return out;
}

static bool parse_id(const char *text, struct hf_id *id)
{
	char digits[HF_ID_TEXT];
	memcpy(digits, text, HF_ID_TEXT - 1);
	digits[HF_ID_TEXT - 1] = 0;
	return hf_unhex(digits, id->b, HF_ID_SIZE);
}

bool hf_object_name_parse(const char *name, enum hf_kind *kind, struct hf_ref *ref)
{
	const char *slash = strchr(name, '/');
	if (!slash || strlen(slash) != 1 + 32 + 1 + 32 || slash[33] != '/')
		return false;
	*kind = 0;
	for (int k = 1; k < KIND_COUNT; k++)
		if (strlen(kind_names[k]) == (size_t)(slash - name) &&
			memcmp(kind_names[k], name, (size_t)(slash - name)) == 0)
			*kind = (enum hf_kind)k;
	return *kind && parse_id(slash + 1, &ref->writer) && parse_id(slash + 34, &ref->id);
}

/* --- making --------------------------------------------------------------------------------------------------- */

static struct iovec vec(const void *p, size_t len)
{
	return (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = len};
}

static size_t sealed_size(const struct hf_object_new *o)
{
	return o->form == HF_FORM_PLAIN ? o->body_len : o->body_len + BOX_OVERHEAD;
}

static int seal_slot(const struct hf_object_new *o, struct iovec head, uint8_t *out, struct hf_error *err)
{
	uint8_t key[32];
	struct hf_aead *aead = NULL;
	hf_random(out, 32);
	int r = hf_hkdf(vec(o->slot_secret, 32), vec(out, 32), "holdfast slot v1", key, sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, &aead, err);
	if (r == 0)
		r = hf_aead_seal(aead, 0, head, o->body, o->body_len, out + 32, err);
	hf_aead_free(aead);
	hf_wipe(key, sizeof(key));
	return r;
}

static int seal_body(const struct hf_object_new *o, struct iovec head, uint8_t *out, struct hf_error *err)
{
	const struct hf_epoch *epoch = hf_key_newest_epoch(o->key);
	switch (o->form) {
	case HF_FORM_PLAIN:
		if (o->body_len)
			memcpy(out, o->body, o->body_len);
		return 0;
	case HF_FORM_CATALOGUE:
		return hf_box_seal(epoch->catalogue_public, head, o->body, o->body_len, out, err);
	case HF_FORM_DATA:
		return hf_box_seal(epoch->data_public, head, o->body, o->body_len, out, err);
	case HF_FORM_SLOT:
		return seal_slot(o, head, out, err);
	default:
		return hf_fail(err, HF_E_USAGE, "no object has the form %d", (int)o->form);
	}
}

static void put_header(struct hf_buf *out, const struct hf_object_new *o, size_t clear_len)
{
	hf_buf_add(out, "HOLDFAST", 8);
	hf_buf_u8(out, 1);
	hf_buf_u8(out, (uint8_t)o->kind);
	hf_buf_u8(out, (uint8_t)o->form);
	hf_buf_u8(out, 0);
	hf_buf_u32(out, (uint32_t)clear_len);
	hf_buf_add(out, o->key->repository.b, HF_ID_SIZE);
	hf_buf_add(out, o->key->id.b, HF_ID_SIZE);
	hf_buf_add(out, o->id.b, HF_ID_SIZE);
	hf_buf_u64(out, sealed_size(o));
}

int hf_object_encode(const struct hf_object_new *o, struct hf_buf *out, struct hf_error *err)
{
	bool boxed = o->form == HF_FORM_CATALOGUE || o->form == HF_FORM_DATA;
	if (boxed && !hf_key_newest_epoch(o->key))
		return hf_fail(err, HF_E_KEY, "the key has no public key to seal to");
	if (boxed)
		json_object_set_new(o->clear, "epoch", json_integer(hf_key_newest_epoch(o->key)->number));
	char *clear = hf_json_text(o->clear);
	size_t clear_len = clear ? strlen(clear) : 0;
	if (!clear || clear_len > CLEAR_MAX || o->body_len > BODY_MAX - BOX_OVERHEAD) {
		free(clear);
		return hf_fail(err, HF_E_NOMEM, "%s object: too large, or no memory", hf_kind_name(o->kind));
	}
	hf_buf_clear(out);
	put_header(out, o, clear_len);
	hf_buf_add(out, clear, clear_len);
	free(clear);
	size_t head = out->len, body = sealed_size(o);
	hf_buf_space(out, body + HF_SIGNATURE_SIZE);
	int r = hf_buf_check(out, "object", err);
	if (r == 0)
		r = seal_body(o, vec(out->data, head), out->data + head, err);
	if (r < 0)
		return r;
	struct iovec all = vec(out->data, head + body);
	return hf_sign(o->key->sign_secret, &all, 1, out->data + head + body, err);
}

int hf_object_put(struct hf_store *store, const struct hf_object_new *o, uint8_t *hash, struct hf_error *err)
{
	HF_BUF_AUTO bytes = HF_BUF(OBJECT_MAX);
	struct hf_ref ref = {o->key->id, o->id};
	char name[HF_NAME_MAX];
	hf_object_name(o->kind, &ref, name);
	int r = hf_object_encode(o, &bytes, err);
	if (r < 0)
		return hf_wrap(err, r, "make %s", name);
	struct iovec all = vec(bytes.data, bytes.len);
	r = hf_store_put(store, name, &all, 1, err);
	if (r == 0 && hash)
		hf_sha256(&all, 1, hash);
	return r;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static int damaged(const char *name, const char *why, struct hf_error *err)
{
	return hf_fail(err, HF_E_CORRUPT, "object %s: %s", name, why);
}

/* Reads the header into `o` and leaves the cursor at the clear part. */
static int parse_header(struct hf_cursor *c, const char *name, struct hf_object *o, size_t *clear_len,
	struct hf_error *err)
{
	const uint8_t *magic = hf_cursor_bytes(c, 8);
	uint8_t version = hf_cursor_u8(c);
	if (!magic || memcmp(magic, "HOLDFAST", 8) != 0)
		return damaged(name, "it does not start as a Holdfast object does", err);
	if (version > 1)
		return hf_fail(err, HF_E_UNSUPPORTED,
			"object %s has format version %u; this program reads version 1: use a newer one", name, version);
	o->kind = (enum hf_kind)hf_cursor_u8(c);
	o->form = (enum hf_form)hf_cursor_u8(c);
	uint8_t zero = hf_cursor_u8(c);
	*clear_len = hf_cursor_u32(c);
	const uint8_t *ids = hf_cursor_bytes(c, 48);
	uint64_t body_len = hf_cursor_u64(c);
	if (c->failed || version == 0 || zero || *clear_len > CLEAR_MAX || body_len > BODY_MAX ||
		hf_cursor_left(c) != *clear_len + body_len + HF_SIGNATURE_SIZE)
		return damaged(name, "its lengths do not add up (cut short, or damaged)", err);
	memcpy(o->repository.b, ids, 16);
	memcpy(o->ref.writer.b, ids + 16, 16);
	memcpy(o->ref.id.b, ids + 32, 16);
	o->body_len = (size_t)body_len;
	return 0;
}

static int parse(const char *name, const struct hf_id *repository, struct hf_object *o, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(o->bytes.data, o->bytes.len);
	size_t clear_len = 0;
	int r = parse_header(&c, name, o, &clear_len, err);
	if (r < 0)
		return r;
	enum hf_kind kind;
	struct hf_ref ref;
	if (!hf_object_name_parse(name, &kind, &ref) || kind != o->kind || !hf_ref_equal(&ref, &o->ref))
		return damaged(name, "it was stored under another name than its own", err);
	if (repository && !hf_id_equal(repository, &o->repository))
		return damaged(name, "it belongs to another repository", err);
	const uint8_t *clear = hf_cursor_bytes(&c, clear_len);
	o->body = hf_cursor_bytes(&c, o->body_len);
	r = hf_json_parse(clear, clear_len, &o->clear, err);
	if (r < 0)
		return hf_wrap(err, r, "object %s", name);
	if (!json_is_object(o->clear))
		return damaged(name, "its clear part is not an object", err);
	return 0;
}

int hf_object_get(struct hf_store *store, const char *name, const struct hf_id *repository, struct hf_object *out,
	struct hf_error *err)
{
	*out = (struct hf_object){.bytes = HF_BUF(OBJECT_MAX)};
	int r = hf_store_get_all(store, name, &out->bytes, err);
	if (r < 0)
		return r;
	struct iovec all = vec(out->bytes.data, out->bytes.len);
	hf_sha256(&all, 1, out->hash);
	return parse(name, repository, out, err);
}

int hf_object_verify(const struct hf_object *o, const uint8_t public_key[32], struct hf_error *err)
{
	struct iovec all = vec(o->bytes.data, o->bytes.len - HF_SIGNATURE_SIZE);
	if (hf_verify(public_key, &all, 1, o->bytes.data + all.iov_len, NULL) == 0)
		return 0;
	char name[HF_NAME_MAX];
	return damaged(hf_object_name(o->kind, &o->ref, name), "its signature does not verify", err);
}

static int get_once(struct hf_store *store, const struct hf_object_wanted *w, struct hf_object *out, struct hf_error *err)
{
	int r = hf_object_get(store, w->name, w->repository, out, err);
	return r == 0 && w->public_key ? hf_object_verify(out, w->public_key, err) : r;
}

int hf_object_get_signed(struct hf_store *store, const struct hf_object_wanted *wanted, struct hf_object *out, struct hf_error *err)
{
	int r = get_once(store, wanted, out, err);
	if (!hf_store_doubt(store, wanted->name, r, err))
		return r;
	hf_object_free(out);
	return get_once(store, wanted, out, err);
}

static int open_box(const struct hf_object *o, const struct hf_key *key, struct hf_buf *plain,
	struct hf_error *err)
{
	int64_t number;
	int r = hf_json_int(o->clear, "epoch", &number, err);
	if (r < 0)
		return r;
	bool data = o->form == HF_FORM_DATA;
	const struct hf_epoch *e = hf_key_epoch(key, (uint32_t)number);
	if (!e || !(data ? e->has_data_secret : e->has_catalogue_secret))
		return hf_fail(err, HF_E_KEY, "this key (%s, kind %s) cannot read %s", key->name,
			hf_key_kind_name(key->kind), data ? "data" : "the catalogue");
	if (o->body_len < BOX_OVERHEAD)
		return hf_fail(err, HF_E_CORRUPT, "the sealed part is cut short");
	hf_buf_clear(plain);
	hf_buf_space(plain, o->body_len - BOX_OVERHEAD);
	hf_buf_u8(plain, 0); /* so that there is memory even for an empty body */
	r = hf_buf_check(plain, "sealed part", err);
	if (r < 0)
		return r;
	plain->len--;
	struct iovec head = vec(o->bytes.data, (size_t)(o->body - o->bytes.data));
	return hf_box_open(data ? e->data_secret : e->catalogue_secret, data ? e->data_public : e->catalogue_public,
		head, o->body, o->body_len, plain->data, err);
}

int hf_object_open(const struct hf_object *o, const struct hf_key *key, struct hf_buf *plain, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	int r = 0;
	if (o->form == HF_FORM_PLAIN) {
		hf_buf_clear(plain);
		hf_buf_add(plain, o->body, o->body_len);
		r = hf_buf_check(plain, "body", err);
	} else if (o->form == HF_FORM_CATALOGUE || o->form == HF_FORM_DATA) {
		r = open_box(o, key, plain, err);
	} else {
		r = hf_fail(err, HF_E_CORRUPT, "its form (%d) is none that it may have", (int)o->form);
	}
	return r < 0 ? hf_wrap(err, r, "object %s", hf_object_name(o->kind, &o->ref, name)) : 0;
}

int hf_object_open_slot(const struct hf_object *o, const uint8_t slot_secret[32], struct hf_buf *plain,
	struct hf_error *err)
{
	if (o->form != HF_FORM_SLOT || o->body_len < BOX_OVERHEAD)
		return hf_fail(err, HF_E_CORRUPT, "not a slot");
	uint8_t key[32];
	struct hf_aead *aead = NULL;
	struct iovec head = vec(o->bytes.data, (size_t)(o->body - o->bytes.data));
	hf_buf_clear(plain);
	hf_buf_space(plain, o->body_len - BOX_OVERHEAD);
	int r = hf_buf_check(plain, "slot", err);
	if (r == 0)
		r = hf_hkdf(vec(slot_secret, 32), vec(o->body, 32), "holdfast slot v1", key, sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, &aead, err);
	if (r == 0)
		r = hf_aead_open(aead, 0, head, o->body + 32, o->body_len - 32, plain->data, err);
	hf_aead_free(aead);
	hf_wipe(key, sizeof(key));
	return r;
}

void hf_object_free(struct hf_object *o)
{
	hf_buf_free(&o->bytes);
	json_decref(o->clear);
	*o = (struct hf_object){0};
}

struct listing {
	enum hf_kind kind;
	hf_object_each *each;
	void *user;
};

static int list_one(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct listing *l = user;
	enum hf_kind kind;
	struct hf_ref ref;
	if (!hf_object_name_parse(info->name, &kind, &ref) || kind != l->kind)
		return 0;
	return l->each(&ref, info, l->user, err);
}

int hf_object_list(struct hf_store *store, enum hf_kind kind, hf_object_each *each, void *user,
	struct hf_error *err)
{
	char prefix[HF_NAME_MAX];
	snprintf(prefix, sizeof(prefix), "%s/", hf_kind_name(kind));
	struct listing l = {kind, each, user};
	return hf_store_list(store, prefix, list_one, &l, err);
}
