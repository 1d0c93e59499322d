/* Certificates; see key_cert.h and FORMAT.md, section 4. */
#include "repo/key_cert.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/random.h"
#include "repo/key_file.h"
#include "repo/key_grant.h"
#include "repo/key_internal.h"
#include "repo/object.h"

#include <stdlib.h>
#include <string.h>

enum { SECRETS_MAX = 64 << 10 };

/* --- making ------------------------------------------------------------------------------------------------------- */

static json_t *cert_json(const struct hf_key *key, const uint8_t box_public[32])
{
	json_t *j = json_object();
	json_object_set_new(j, "key", hf_json_hex_string(key->id.b, HF_ID_SIZE));
	json_object_set_new(j, "kind", json_string(hf_key_kind_name(key->kind)));
	json_object_set_new(j, "name", json_string(key->name));
	json_object_set_new(j, "rights", hf_key_rights_json(key->rights));
	json_object_set_new(j, "sign_public", hf_json_hex_string(key->sign_public, 32));
	json_object_set_new(j, "box_public", hf_json_hex_string(box_public, 32));
	json_object_set_new(j, "domain",
		key->has_domain ? hf_json_hex_string(key->domain.id.b, HF_ID_SIZE) : json_null());
	json_object_set_new(j, "domain_name", json_string(key->has_domain ? key->domain.name : ""));
	json_object_set_new(j, "created", hf_json_time(hf_time_now()));
	return j;
}

int hf_cert_put(
	struct hf_store *store, const struct hf_key *owner, const struct hf_key *key, struct hf_error *err)
{
	uint8_t box_public[32];
	int made = hf_grant_public(key->sign_secret, box_public, err);
	if (made < 0)
		return hf_wrap(err, made, "certify the key %s", key->name);
	HF_JSON_AUTO *clear = cert_json(key, box_public), *secrets = json_object();
	if (key->has_domain)
		hf_key_domain_put(secrets, &key->domain);
	char *text = hf_json_text(secrets);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "certify the key %s: out of memory", key->name);
	struct hf_object_new o = {.kind = HF_KIND_CERT,
		.form = HF_FORM_DATA,
		.key = owner,
		.id = key->id,
		.clear = clear,
		.body = text,
		.body_len = strlen(text)};
	int r = hf_object_put(store, &o, NULL, err);
	hf_wipe(text, strlen(text));
	free(text);
	return r < 0 ? hf_wrap(err, r, "certify the key %s", key->name) : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int parse_domain(const json_t *j, struct hf_cert *out, struct hf_error *err)
{
	out->has_domain = !json_is_null(json_object_get(j, "domain"));
	if (!out->has_domain)
		return 0;
	int r = hf_json_hex(j, "domain", out->domain.b, HF_ID_SIZE, err);
	return r < 0 ? r : hf_key_name_parse(j, "domain_name", out->domain_name, err);
}

static int parse_cert(const struct hf_object *o, struct hf_cert *out, struct hf_error *err)
{
	*out = (struct hf_cert){0};
	int r = hf_json_hex(o->clear, "key", out->key.b, HF_ID_SIZE, err);
	if (r == 0 && !hf_id_equal(&out->key, &o->ref.id))
		r = hf_fail(err, HF_E_CORRUPT, "it is of another key than its name says");
	if (r == 0)
		r = hf_key_kind_parse(o->clear, &out->kind, err);
	if (r == 0)
		r = hf_key_name_parse(o->clear, "name", out->name, err);
	if (r == 0)
		r = hf_key_rights_parse(o->clear, "rights", &out->rights, err);
	if (r == 0)
		r = hf_json_hex(o->clear, "sign_public", out->sign_public, 32, err);
	if (r == 0)
		r = parse_domain(o->clear, out, err);
	out->has_box = json_object_get(o->clear, "box_public") != NULL;
	if (r == 0 && out->has_box)
		r = hf_json_hex(o->clear, "box_public", out->box_public, 32, err);
	return r < 0 ? r : hf_key_time_parse(o->clear, "created", &out->created, err);
}

/* Reads and verifies the certificate `ref`; `o` is to be freed by the caller in any case. */
static int get_cert(struct hf_store *store, const struct hf_key *key, const struct hf_ref *ref,
	struct hf_object *o, struct hf_cert *out, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	const struct hf_object_wanted wanted = {hf_object_name(HF_KIND_CERT, ref, name), &key->repository, key->owner_public};
	if (!hf_id_equal(&ref->writer, &key->owner_id))
		return hf_fail(err, HF_E_CORRUPT,
			"%s: only the owner certifies keys, and this writer is not the owner", name);
	int r = hf_object_get_signed(store, &wanted, o, err);
	if (r == 0) {
		r = parse_cert(o, out, err);
		if (r < 0)
			r = hf_wrap(err, r, "certificate %s", name);
	}
	return r;
}

struct loading {
	struct hf_store *store, *copies;
	const struct hf_key *key;
	struct hf_certs *out;
};

static int append(struct hf_certs *certs, const struct hf_cert *cert, struct hf_error *err)
{
	struct hf_cert *more = reallocarray(certs->certs, certs->count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "load certificates: out of memory");
	more[certs->count++] = *cert;
	certs->certs = more;
	return 0;
}

static void keep_copy(struct hf_store *copies, const char *name, const struct hf_object *o)
{
	const struct iovec whole = {o->bytes.data, o->bytes.len};
	if (hf_store_put(copies, name, &whole, 1, NULL) < 0)
		hf_debug("%s can't be copied into the cache", name);
}

static void drop_copy(struct hf_store *copies, const char *name)
{
	struct hf_eraser eraser = {copies};
	if (hf_eraser_erase(&eraser, name, NULL) == 0)
		hf_debug("the copy of %s in the cache was not usable and is dropped", name);
}

/* From the copy, which is verified as the object itself would be; else from the store. */
static int get_through_copies(const struct loading *l, const char *name, const struct hf_ref *ref, struct hf_cert *cert,
	struct hf_error *err)
{
	struct hf_object o = {0};
	int r = l->copies ? get_cert(l->copies, l->key, ref, &o, cert, NULL) : HF_E_NOTFOUND;
	if (r < 0) {
		hf_object_free(&o);
		if (r != HF_E_NOTFOUND)
			drop_copy(l->copies, name);
		r = get_cert(l->store, l->key, ref, &o, cert, err);
		if (r == 0 && l->copies)
			keep_copy(l->copies, name, &o);
	}
	hf_object_free(&o);
	return r;
}

static int load_one(
	const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct loading *l = user;
	struct hf_error why = {0};
	struct hf_cert cert;
	int r = get_through_copies(l, info->name, ref, &cert, &why);
	if (r == 0)
		return append(l->out, &cert, err);
	if (r == HF_E_CORRUPT || r == HF_E_UNSUPPORTED || r == HF_E_NOTFOUND) {
		l->out->set_aside++;
		hf_warn("a certificate is set aside: %s", why.msg);
		return 0;
	}
	return hf_fail(err, r, "%s", why.msg);
}

/* Who may not list knows the name of its own certificate. */
static int load_own(struct loading *l, struct hf_error *err)
{
	const struct hf_ref ref = {l->key->owner_id, l->key->id};
	struct hf_object_info info = {0};
	hf_object_name(HF_KIND_CERT, &ref, info.name);
	return load_one(&ref, &info, l, err);
}

int hf_certs_load(struct hf_store *store, struct hf_store *copies, const struct hf_key *key, struct hf_certs *out,
	struct hf_error *err)
{
	*out = (struct hf_certs){0};
	struct loading l = {store, copies, key, out};
	int r = hf_object_list(store, HF_KIND_CERT, load_one, &l, err);
	if (r == HF_E_DENIED)
		r = load_own(&l, err);
	return r < 0 ? hf_wrap(err, r, "load the certificates of the repository") : 0;
}

const struct hf_cert *hf_certs_find_domain(const struct hf_certs *certs, const char *name)
{
	for (size_t i = 0; i < certs->count; i++)
		if (certs->certs[i].has_domain && strcmp(certs->certs[i].domain_name, name) == 0)
			return &certs->certs[i];
	return NULL;
}

/* The domain's secrets out of one key's certificate. */
static int open_domain(struct hf_store *store, const struct hf_key *key, const struct hf_cert *cert,
	struct hf_domain *out, struct hf_error *err)
{
	__attribute__((cleanup(hf_key_text_free))) struct hf_buf plain = HF_BUF(SECRETS_MAX);
	HF_JSON_AUTO *secrets = NULL;
	struct hf_object o = {0};
	struct hf_cert again;
	struct hf_ref ref = {key->owner_id, cert->key};
	int r = get_cert(store, key, &ref, &o, &again, err);
	if (r == 0)
		r = hf_object_open(&o, key, &plain, err);
	if (r == 0)
		r = hf_json_parse(plain.data, plain.len, &secrets, err);
	if (r == 0)
		r = hf_key_domain_parse(secrets, out, err);
	hf_object_free(&o);
	out->id = cert->domain;
	memcpy(out->name, cert->domain_name, sizeof(out->name));
	return r < 0 ? hf_wrap(err, r, "open the domain \"%s\"", cert->domain_name) : 0;
}

int hf_domain_open(struct hf_store *store, const struct hf_key *key, const struct hf_certs *certs,
	const struct hf_id *id, struct hf_domain *out, struct hf_error *err)
{
	if (key->has_domain && hf_id_equal(&key->domain.id, id)) {
		*out = key->domain;
		return 0;
	}
	int r = HF_E_NOTFOUND;
	for (size_t i = 0; i < certs->count; i++) {
		const struct hf_cert *cert = &certs->certs[i];
		if (!cert->has_domain || !hf_id_equal(&cert->domain, id))
			continue;
		struct hf_error why = {0};
		r = open_domain(store, key, cert, out, &why);
		if (r < 0 && err)
			*err = why;
		if (r != HF_E_CORRUPT && r != HF_E_NOTFOUND)
			return r;
	}
	char text[HF_ID_TEXT];
	if (r == HF_E_NOTFOUND) /* each domain has had one since before anything was stored in it */
		r = hf_fail(err, HF_E_CORRUPT, "no certificate names the domain %s: it is gone or damaged",
			hf_hex(id->b, HF_ID_SIZE, text));
	return r;
}

int hf_domain_mark_for(const struct hf_key *key, const struct hf_certs *certs, const struct hf_id *id, uint32_t *out,
	struct hf_error *err)
{
	*out = 0;
	if (key->has_domain && hf_id_equal(&key->domain.id, id))
		return 0;
	if (!hf_key_is_keeper(key->kind, key->rights))
		return hf_fail(err, HF_E_KEY, "key %s (kind %s) writes in no domain but its own", key->name,
			hf_key_kind_name(key->kind));
	*out = hf_domain_mark(id);
	bool is_clear = *out != 0;
	for (size_t i = 0; i < certs->count && is_clear; i++)
		is_clear = !certs->certs[i].has_domain || hf_id_equal(&certs->certs[i].domain, id) ||
			   hf_domain_mark(&certs->certs[i].domain) != *out;
	return is_clear ? 0
			: hf_fail(err, HF_E_UNSUPPORTED,
				  "the domain's id begins as that of another does: no other key than its own writes in it");
}
