/*
 * The small objects that no snapshot names: configurations, slots, certificates, rescue files, and what writers and pruners say
 * of packs. Each is read, and its signature checked by who must have made it; entries are the catalogue's (verify.c). And what was
 * read of any kind in its oldest version, since something was written over it.
 */
#include "crypto/hash.h"
#include "ops/verify_internal.h"
#include "repo/object_fetch.h"

#include <string.h>

static bool is_owners(enum hf_kind kind)
{
	return kind == HF_KIND_CONFIG || kind == HF_KIND_SLOT || kind == HF_KIND_CERT || kind == HF_KIND_RESCUE;
}

/* A rescue file's hash is in its clear part. */
static int check_rescue(const struct hf_object *o, struct hf_error *err)
{
	uint8_t said[32], is[32];
	struct iovec body = {(void *)(uintptr_t)o->body, o->body_len};
	int r = hf_json_hex(o->clear, "sha256", said, sizeof(said), err);
	hf_sha256(&body, 1, is);
	if (r == 0 && memcmp(said, is, sizeof(is)) != 0)
		r = hf_fail(err, HF_E_CORRUPT, "the file is not the one that its hash is of");
	return r;
}

static int check_owners(struct hf_repository *repo, const char *name, const struct hf_ref *ref, struct hf_error *err)
{
	const struct hf_object_wanted wanted = {name, &repo->id, repo->key->owner_public};
	struct hf_object o = {0};
	if (!hf_id_equal(&ref->writer, &repo->key->owner_id))
		return hf_fail(err, HF_E_CORRUPT, "object %s: only the owner makes such objects", name);
	int r = hf_object_get_signed(repo->store, &wanted, &o, err);
	if (r == 0 && o.kind == HF_KIND_RESCUE)
		r = check_rescue(&o, err);
	hf_object_free(&o);
	return r;
}

static int check_writers(struct hf_repository *repo, enum hf_kind kind, const struct hf_ref *ref, struct hf_error *err)
{
	struct hf_object o = {0};
	int r = hf_object_fetch(repo, kind, ref, true, &o, err);
	hf_object_free(&o);
	return r;
}

static int check_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_verify *v = user;
	struct hf_repository *repo = v->options->repo;
	struct hf_error why = {0};
	enum hf_kind kind;
	struct hf_ref same;
	int r = hf_object_name_parse(info->name, &kind, &same) ? 0 : HF_E_CORRUPT;
	if (r == 0)
		r = is_owners(kind) ? check_owners(repo, info->name, ref, &why) : check_writers(repo, kind, ref, &why);
	v->result->objects++;
	if (r == 0)
		return 0;
	if (!hf_object_is_lost(r))
		return hf_fail(err, r, "%s", why.msg);
	hf_verify_damage(v, info->name, why.msg);
	return 0;
}

static int report_doubted(const char *name, void *user, struct hf_error *err)
{
	struct hf_verify *v = user;
	(void)err;
	for (size_t i = 0; i < v->result->damaged_count; i++)
		if (v->result->damaged[i].object && strcmp(v->result->damaged[i].object, name) == 0)
			return 0; /* its oldest version is damaged too */
	hf_verify_damage(v, name, "something was written over it; its oldest version is whole and was read instead: nothing is lost yet. To "
		"repair it, delete the versions that lie over that one, and see who may write there");
	return 0;
}

int hf_verify_doubted(struct hf_verify *v, struct hf_error *err)
{
	return hf_store_each_doubted(v->options->repo->store, report_doubted, v, err);
}

int hf_verify_objects(struct hf_verify *v, struct hf_error *err)
{
	static const enum hf_kind kinds[] = {HF_KIND_CONFIG, HF_KIND_SLOT, HF_KIND_CERT, HF_KIND_RESCUE, HF_KIND_VOID,
		HF_KIND_CONDEMNED, HF_KIND_RUN};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		r = hf_object_list(v->options->repo->store, kinds[i], check_one, v, err);
	return r;
}
