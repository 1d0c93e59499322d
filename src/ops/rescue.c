/* The rescue files; see rescue.h. */
#include "ops/rescue.h"

#include "crypto/hash.h"
#include "repo/object.h"

#include <stdlib.h>

static void digest(const struct hf_rescue_file *f, uint8_t out[32])
{
	struct iovec all = {(void *)(uintptr_t)f->data, f->len};
	hf_sha256(&all, 1, out);
}

int hf_rescue_note(struct hf_key *owner, struct hf_error *err)
{
	HF_JSON_AUTO *j = json_object();
	for (const struct hf_rescue_file *f = hf_rescue_files; f->name; f++) {
		uint8_t sha[32];
		digest(f, sha);
		json_object_set_new(j, f->name, hf_json_hex_string(sha, sizeof(sha)));
	}
	free(owner->rescue_json);
	owner->rescue_json = hf_json_text(j);
	return owner->rescue_json ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int put_one(struct hf_store *store, const struct hf_key *owner, const struct hf_rescue_file *f,
	struct hf_error *err)
{
	uint8_t sha[32];
	HF_JSON_AUTO *clear = json_object();
	digest(f, sha);
	json_object_set_new(clear, "name", json_string(f->name));
	json_object_set_new(clear, "sha256", hf_json_hex_string(sha, sizeof(sha)));
	struct hf_object_new o = {.kind = HF_KIND_RESCUE,
		.form = HF_FORM_PLAIN,
		.key = owner,
		.id = hf_id_new(),
		.clear = clear,
		.body = f->data,
		.body_len = f->len};
	int r = hf_object_put(store, &o, NULL, err);
	return r < 0 ? hf_wrap(err, r, "store the rescue file %s", f->name) : 0;
}

int hf_rescue_put(struct hf_store *store, const struct hf_key *owner, size_t *count, struct hf_error *err)
{
	int r = 0;
	*count = 0;
	for (const struct hf_rescue_file *f = hf_rescue_files; r == 0 && f->name; f++, ++*count)
		r = put_one(store, owner, f, err);
	return r;
}
