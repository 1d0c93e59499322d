/* The sheet for paper; see key_sheet.h. */
#include "ops/key_sheet.h"

#include "base/hex.h"
#include "base/log.h"
#include "repo/object.h"

#include <stdlib.h>

/* Offsets as in FORMAT.md, section 3: the length of the clear part at 12, that of the body at 64, the parts from 72 on. */
const char hf_key_sheet_line[] =
	"for f in REPO/rescue/*/*; do tail -c +$((73 + $(od -An -tu4 -j12 -N4 \"$f\"))) \"$f\" | "
	"head -c $(($(od -An -tu8 -j64 -N8 \"$f\"))) >\"${f##*/}\" && sha256sum \"${f##*/}\"; done";

void hf_key_sheet_free(struct hf_key_sheet *sheet)
{
	for (size_t i = 0; i < sheet->count; i++)
		free(sheet->files[i].name);
	free(sheet->files);
	*sheet = (struct hf_key_sheet){0};
}

static int add_file(struct hf_key_sheet *sheet, const char *name, const json_t *sum, struct hf_error *err)
{
	struct hf_key_sheet_file *f = &sheet->files[sheet->count];
	uint8_t sha[32];
	const char *text = json_string_value(sum);
	if (!text || !hf_unhex(text, sha, sizeof(sha)))
		return hf_fail(err, HF_E_CORRUPT, "the key's note of the rescue file %s is no SHA-256", name);
	hf_hex(sha, sizeof(sha), f->sha256);
	f->name = strdup(name);
	if (!f->name)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	sheet->count++;
	return 0;
}

static int add_files(const struct hf_key *key, struct hf_key_sheet *out, struct hf_error *err)
{
	HF_JSON_AUTO *j = NULL;
	const char *name;
	json_t *sum;
	int r = key->rescue_json ? hf_json_parse(key->rescue_json, strlen(key->rescue_json), &j, err) : 0;
	if (r < 0)
		return r;
	if (json_object_size(j) == 0)
		return hf_fail(err, HF_E_NOTFOUND, "the key \"%s\" notes no rescue files", key->name);
	out->files = calloc(json_object_size(j), sizeof(*out->files));
	if (!out->files)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	json_object_foreach(j, name, sum) {
		if (r == 0)
			r = add_file(out, name, sum, err);
	}
	return r;
}

struct looking {
	struct hf_repository *repo;
	struct hf_key_sheet *sheet;
};

/* What is not the owner's is no rescue file; what is damaged will be missed below. */
static int look(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct looking *l = user;
	struct hf_error why = {0};
	struct hf_object o = {0};
	const char *name, *sum;
	(void)err;
	(void)ref;
	const struct hf_object_wanted wanted = {info->name, &l->repo->id, l->repo->key->owner_public};
	int r = hf_object_get_signed(l->repo->store, &wanted, &o, &why);
	if (r == 0)
		r = hf_json_string(o.clear, "name", &name, &why);
	if (r == 0)
		r = hf_json_string(o.clear, "sha256", &sum, &why);
	for (size_t i = 0; r == 0 && i < l->sheet->count; i++) {
		struct hf_key_sheet_file *f = &l->sheet->files[i];
		f->is_there = f->is_there || (strcmp(f->name, name) == 0 && strcmp(f->sha256, sum) == 0);
	}
	hf_object_free(&o);
	if (r < 0)
		hf_warn("a rescue file in the repository is not to be believed: %s", why.msg);
	return 0;
}

int hf_key_sheet(struct hf_repository *repo, struct hf_key_sheet *out, struct hf_error *err)
{
	*out = (struct hf_key_sheet){0};
	struct looking l = {repo, out};
	hf_hex(repo->key->owner_public, sizeof(repo->key->owner_public), out->owner);
	hf_hex(repo->id.b, HF_ID_SIZE, out->repository);
	int r = add_files(repo->key, out, err);
	if (r == 0)
		r = hf_object_list(repo->store, HF_KIND_RESCUE, look, &l, err);
	for (size_t i = 0; r == 0 && i < out->count; i++)
		if (!out->files[i].is_there)
			hf_warn("the repository does not hold the rescue file %s as the key knows it", out->files[i].name);
	return r;
}
