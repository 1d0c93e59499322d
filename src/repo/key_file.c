/* Key files; see key_file.h and FORMAT.md, section 4. */
#include "repo/key_file.h"

#include "base/file.h"
#include "base/log.h"
#include "crypto/box.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "repo/key_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TEXT_MAX = 1 << 20, EPOCHS_MAX = 1024 };

/* --- writing ------------------------------------------------------------------------------------------------------ */

static json_t *domain_json(const struct hf_key *key)
{
	if (!key->has_domain)
		return json_null();
	json_t *j = json_object();
	json_object_set_new(j, "id", hf_json_hex_string(key->domain.id.b, HF_ID_SIZE));
	json_object_set_new(j, "name", json_string(key->domain.name));
	hf_key_domain_put(j, &key->domain);
	return j;
}

static json_t *epoch_json(const struct hf_epoch *e)
{
	json_t *j = json_object();
	json_object_set_new(j, "epoch", json_integer(e->number));
	json_object_set_new(j, "data_public", hf_json_hex_string(e->data_public, 32));
	json_object_set_new(j, "catalogue_public", hf_json_hex_string(e->catalogue_public, 32));
	if (e->has_data_secret)
		json_object_set_new(j, "data_secret", hf_json_hex_string(e->data_secret, 32));
	if (e->has_catalogue_secret)
		json_object_set_new(j, "catalogue_secret", hf_json_hex_string(e->catalogue_secret, 32));
	return j;
}

static json_t *epochs_json(const struct hf_key *key)
{
	json_t *a = json_array();
	for (size_t i = 0; i < key->epoch_count; i++)
		json_array_append_new(a, epoch_json(&key->epochs[i]));
	return a;
}

static json_t *rescue_json(const struct hf_key *key)
{
	json_t *j = NULL;
	if (key->rescue_json && hf_json_parse(key->rescue_json, strlen(key->rescue_json), &j, NULL) < 0)
		j = NULL;
	return j ? j : json_object();
}

static json_t *key_json(const struct hf_key *key)
{
	json_t *j = json_object();
	json_object_set_new(j, "holdfast_key", json_integer(1));
	json_object_set_new(j, "kind", json_string(hf_key_kind_name(key->kind)));
	json_object_set_new(j, "repository", hf_json_hex_string(key->repository.b, HF_ID_SIZE));
	json_object_set_new(j, "id", hf_json_hex_string(key->id.b, HF_ID_SIZE));
	json_object_set_new(j, "name", json_string(key->name));
	json_object_set_new(j, "owner_id", hf_json_hex_string(key->owner_id.b, HF_ID_SIZE));
	json_object_set_new(j, "owner_public", hf_json_hex_string(key->owner_public, 32));
	json_object_set_new(j, "rights", hf_key_rights_json(key->rights));
	json_object_set_new(j, "sign_secret", hf_json_hex_string(key->sign_secret, 32));
	json_object_set_new(j, "sign_public", hf_json_hex_string(key->sign_public, 32));
	json_object_set_new(j, "domain", domain_json(key));
	json_object_set_new(j, "epochs", epochs_json(key));
	json_object_set_new(j, "rescue", rescue_json(key));
	return j;
}

int hf_key_print(const struct hf_key *key, struct hf_buf *out, struct hf_error *err)
{
	HF_JSON_AUTO *j = key_json(key);
	char *text = hf_json_text(j);
	hf_buf_clear(out);
	if (text) {
		hf_buf_str(out, text);
		hf_buf_str(out, "\n");
		hf_wipe(text, strlen(text));
	}
	free(text);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "write a key as text: out of memory");
	return hf_buf_check(out, "a key as text", err);
}

void hf_key_text_free(struct hf_buf *text)
{
	hf_wipe(text->data, text->cap);
	hf_buf_free(text);
}

int hf_key_file_write(const char *path, const struct hf_key *key, struct hf_error *err)
{
	__attribute__((cleanup(hf_key_text_free))) struct hf_buf text = HF_BUF(TEXT_MAX);
	const struct hf_file_options options = {.fresh = true, .secret = true};
	int r = hf_key_print(key, &text, err);
	if (r == 0)
		r = hf_file_write(AT_FDCWD, path, &(struct iovec){text.data, text.len}, 1, &options, err);
	if (r == HF_E_EXISTS)
		return hf_fail(
			err, r, "the key file %s exists, and is never replaced: choose another name", path);
	return r < 0 ? hf_wrap(err, r, "write the key file %s", path) : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A secret that may be there (`has`), and whose public key must then be `public_key`. */
static int parse_secret(const json_t *j, const char *name, uint8_t secret[32], bool *has,
	const uint8_t public_key[32], struct hf_error *err)
{
	uint8_t own[32];
	*has = json_object_get(j, name) != NULL;
	if (!*has)
		return 0;
	int r = hf_json_hex(j, name, secret, 32, err);
	if (r == 0)
		r = hf_box_public(secret, own, err);
	if (r == 0 && !hf_equal(own, public_key, 32))
		r = hf_fail(err, HF_E_CORRUPT, "\"%s\" does not belong to its public key", name);
	return r;
}

static int parse_epoch(const json_t *j, struct hf_epoch *out, struct hf_error *err)
{
	int64_t number;
	int r = hf_json_int(j, "epoch", &number, err);
	if (r == 0 && (number < 0 || number > UINT32_MAX))
		r = hf_fail(err, HF_E_CORRUPT, "\"epoch\" is out of range");
	if (r == 0)
		r = hf_json_hex(j, "data_public", out->data_public, 32, err);
	if (r == 0)
		r = hf_json_hex(j, "catalogue_public", out->catalogue_public, 32, err);
	if (r == 0)
		r = parse_secret(
			j, "data_secret", out->data_secret, &out->has_data_secret, out->data_public, err);
	if (r == 0)
		r = parse_secret(j, "catalogue_secret", out->catalogue_secret, &out->has_catalogue_secret,
			out->catalogue_public, err);
	out->number = (uint32_t)number;
	return r;
}

static int parse_epochs(const json_t *j, struct hf_key *key, struct hf_error *err)
{
	json_t *a;
	int r = hf_json_array(j, "epochs", &a, err);
	if (r < 0)
		return r;
	size_t count = json_array_size(a);
	if (count == 0 || count > EPOCHS_MAX)
		return hf_fail(err, HF_E_CORRUPT, "\"epochs\" has %zu members", count);
	key->epochs = calloc(count, sizeof(*key->epochs));
	if (!key->epochs)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	key->epoch_count = count;
	for (size_t i = 0; i < count && r == 0; i++) {
		r = parse_epoch(json_array_get(a, i), &key->epochs[i], err);
		if (r == 0 && i > 0 && key->epochs[i].number <= key->epochs[i - 1].number)
			r = hf_fail(err, HF_E_CORRUPT, "\"epochs\" do not ascend");
	}
	return r;
}

static int parse_domain(const json_t *j, struct hf_key *key, struct hf_error *err)
{
	const json_t *d = json_object_get(j, "domain");
	key->has_domain = d && !json_is_null(d);
	if (!key->has_domain)
		return 0;
	int r = hf_json_hex(d, "id", key->domain.id.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_key_name_parse(d, "name", key->domain.name, err);
	if (r == 0)
		r = hf_key_domain_parse(d, &key->domain, err);
	return r < 0 ? hf_wrap(err, r, "\"domain\"") : 0;
}

static int parse_identity(const json_t *j, struct hf_key *key, struct hf_error *err)
{
	int r = hf_key_kind_parse(j, &key->kind, err);
	if (r == 0)
		r = hf_json_hex(j, "repository", key->repository.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(j, "id", key->id.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_key_name_parse(j, "name", key->name, err);
	if (r == 0)
		r = hf_json_hex(j, "owner_id", key->owner_id.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(j, "owner_public", key->owner_public, 32, err);
	return r == 0 ? hf_key_rights_parse(j, "rights", &key->rights, err) : r;
}

static int parse_signing(const json_t *j, struct hf_key *key, struct hf_error *err)
{
	uint8_t own[32];
	int r = hf_json_hex(j, "sign_secret", key->sign_secret, 32, err);
	if (r == 0)
		r = hf_json_hex(j, "sign_public", key->sign_public, 32, err);
	if (r == 0)
		r = hf_sign_public(key->sign_secret, own, err);
	if (r == 0 && !hf_equal(own, key->sign_public, 32))
		r = hf_fail(err, HF_E_CORRUPT, "\"sign_secret\" does not belong to \"sign_public\"");
	return r;
}

/* Whether it is what its kind says: a key that can do less would fail late, one that can do more is no such
 * key. */
static int check_kind(const struct hf_key *key, struct hf_error *err)
{
	bool owner = key->kind == HF_KEY_OWNER;
	bool is_owner =
		hf_id_equal(&key->id, &key->owner_id) && hf_equal(key->sign_public, key->owner_public, 32);
	bool data = owner || key->kind == HF_KEY_READ, catalogue = key->kind != HF_KEY_WRITE;
	bool fits = owner == is_owner;
	for (size_t i = 0; i < key->epoch_count; i++)
		fits = fits && key->epochs[i].has_data_secret == data &&
		       key->epochs[i].has_catalogue_secret == catalogue;
	if ((key->rights & HF_RIGHT_BACKUP) && !key->has_domain)
		fits = false;
	return fits ? 0
		    : hf_fail(err, HF_E_CORRUPT, "what it holds is not what a key of kind \"%s\" holds",
			      hf_key_kind_name(key->kind));
}

static int keep_rescue(const json_t *j, struct hf_key *key, struct hf_error *err)
{
	const json_t *rescue = json_object_get(j, "rescue");
	if (!rescue)
		return 0;
	key->rescue_json = hf_json_text(rescue);
	return key->rescue_json ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int parse_version(const json_t *j, struct hf_error *err)
{
	int64_t version;
	int r = hf_json_int(j, "holdfast_key", &version, err);
	if (r == 0 && version != 1)
		r = hf_fail(err, HF_E_UNSUPPORTED,
			"it has version %lld and this program reads version 1: use a newer one",
			(long long)version);
	return r;
}

int hf_key_parse(const void *text, size_t len, struct hf_key **out, struct hf_error *err)
{
	HF_JSON_AUTO *j = NULL;
	struct hf_key *key = calloc(1, sizeof(*key));
	int r = key ? hf_json_parse(text, len, &j, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = parse_version(j, err);
	if (r == 0)
		r = parse_identity(j, key, err);
	if (r == 0)
		r = parse_signing(j, key, err);
	if (r == 0)
		r = parse_domain(j, key, err);
	if (r == 0)
		r = parse_epochs(j, key, err);
	if (r == 0)
		r = keep_rescue(j, key, err);
	if (r == 0)
		r = check_kind(key, err);
	if (r == 0) {
		*out = key;
		return 0;
	}
	hf_key_free(key);
	return hf_wrap(err, hf_key_recode(r, HF_E_CORRUPT, HF_E_KEY, err), "not a usable key");
}

/* A key that everyone may read protects nothing; yet refusing it could keep someone from restoring. */
static void warn_if_open(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077))
		hf_warn("the key file %s may be read by others (mode %04o): chmod 600 it", path,
			(unsigned)(st.st_mode & 07777));
}

int hf_key_file_read(const char *path, struct hf_key **out, struct hf_error *err)
{
	__attribute__((cleanup(hf_key_text_free))) struct hf_buf text = HF_BUF(TEXT_MAX);
	int r = hf_file_read(AT_FDCWD, path, &text, err);
	if (r < 0)
		return hf_wrap(err, hf_key_recode(r, HF_E_NOTFOUND, HF_E_KEY, err), "read the key file %s", path);
	warn_if_open(path);
	r = hf_key_parse(text.data, text.len, out, err);
	return r < 0 ? hf_wrap(err, r, "read the key file %s", path) : 0;
}
