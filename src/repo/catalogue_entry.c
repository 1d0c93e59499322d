/* One entry of the catalogue as plain data; see catalogue.h and FORMAT.md, section 10. */
#include "base/hex.h"
#include "base/time.h"
#include "repo/catalogue_internal.h"

#include <stdlib.h>

static const struct {
	const char *name;
	unsigned right;
} kinds[] = {[HF_CATALOGUE_COMMIT] = {"commit", HF_RIGHT_BACKUP},
	[HF_CATALOGUE_FORGET] = {"forget", HF_RIGHT_MAINTAIN},
	[HF_CATALOGUE_UNFORGET] = {"unforget", HF_RIGHT_MAINTAIN},
	[HF_CATALOGUE_EVIDENCE] = {"evidence", 0},
	[HF_CATALOGUE_CHECKPOINT] = {"checkpoint", HF_RIGHT_MAINTAIN},
	[HF_CATALOGUE_REVOKE] = {"revoke", 0}}; /* the owner's alone: see believe() in catalogue.c */
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

unsigned hf_catalogue_entry_right(enum hf_entry_kind kind)
{
	return kinds[kind].right;
}

const char *hf_catalogue_entry_name(enum hf_entry_kind kind)
{
	return kinds[kind].name ? kinds[kind].name : "unknown";
}

void hf_catalogue_entry_free(struct hf_catalogue_entry *e)
{
	free(e->parents);
	free(e->snapshots);
	free(e->covers);
	*e = (struct hf_catalogue_entry){0};
}

static int parse_hash(const json_t *j, struct hf_hash *out, struct hf_error *err)
{
	const char *text = json_string_value(j);
	if (!text || !hf_unhex(text, out->b, sizeof(out->b)))
		return hf_fail(err, HF_E_CORRUPT, "something that should be a hash is none");
	return 0;
}

static int parse_hashes(const json_t *j, const char *key, struct hf_hash **out, size_t *count, struct hf_error *err)
{
	json_t *a;
	int r = hf_json_array(j, key, &a, err);
	size_t n = r == 0 ? json_array_size(a) : 0;
	if (n == 0)
		return r;
	*out = calloc(n, sizeof(**out));
	if (!*out)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < n; i++)
		r = parse_hash(json_array_get(a, i), &(*out)[i], err);
	*count = r == 0 ? n : 0;
	return r < 0 ? hf_wrap(err, r, "\"%s\"", key) : 0;
}

static int parse_commit(const struct hf_object *o, struct hf_catalogue_entry *e, struct hf_error *err)
{
	e->snapshots = calloc(1, sizeof(*e->snapshots));
	if (!e->snapshots)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	e->snapshot_count = 1;
	e->snapshots[0].writer = o->ref.writer;
	int r = hf_json_hex(o->clear, "snapshot", e->snapshots[0].id.b, HF_ID_SIZE, err);
	return r < 0 ? r : hf_json_hex(o->clear, "run", e->run.b, HF_ID_SIZE, err);
}

static int parse_evidence(const json_t *j, struct hf_catalogue_entry *e, struct hf_error *err)
{
	const char *what;
	int r = hf_json_string(j, "what", &what, err);
	if (r < 0)
		return r;
	strncpy(e->what, what, sizeof(e->what) - 1);
	const json_t *ok = json_object_get(j, "ok");
	if (!json_is_boolean(ok))
		return hf_fail(err, HF_E_CORRUPT, "\"ok\" is missing or not true or false");
	e->ok = json_is_true(ok);
	return hf_ref_list_parse(j, "snapshots", &e->snapshots, &e->snapshot_count, err);
}

static int parse_revoke(const json_t *j, struct hf_catalogue_entry *e, struct hf_error *err)
{
	e->has_last = !json_is_null(json_object_get(j, "last"));
	int r = hf_json_hex(j, "key", e->key.b, HF_ID_SIZE, err);
	return r < 0 || !e->has_last ? r : hf_json_hex(j, "last", e->last.b, sizeof(e->last.b), err);
}

static int parse_by_kind(const struct hf_object *o, struct hf_catalogue_entry *e, struct hf_error *err)
{
	int r;
	switch (e->kind) {
	case HF_CATALOGUE_COMMIT:
		return parse_commit(o, e, err);
	case HF_CATALOGUE_FORGET:
	case HF_CATALOGUE_UNFORGET:
		return hf_ref_list_parse(o->clear, "snapshots", &e->snapshots, &e->snapshot_count, err);
	case HF_CATALOGUE_EVIDENCE:
		return parse_evidence(o->clear, e, err);
	case HF_CATALOGUE_CHECKPOINT:
		r = parse_hashes(o->clear, "covers", &e->covers, &e->cover_count, err);
		return r < 0 ? r : hf_ref_list_parse(o->clear, "live", &e->snapshots, &e->snapshot_count, err);
	case HF_CATALOGUE_REVOKE:
		return parse_revoke(o->clear, e, err);
	}
	return 0;
}

int hf_catalogue_entry_parse(const struct hf_object *o, struct hf_catalogue_entry *out, struct hf_error *err)
{
	const char *type, *time;
	*out = (struct hf_catalogue_entry){.ref = o->ref};
	memcpy(out->hash.b, o->hash, sizeof(out->hash.b));
	int r = hf_json_string(o->clear, "type", &type, err);
	if (r == 0)
		r = hf_json_string(o->clear, "time", &time, err);
	if (r == 0 && hf_time_parse(time, &out->time, NULL) < 0)
		r = hf_fail(err, HF_E_CORRUPT, "\"time\" is not a time");
	if (r == 0)
		r = parse_hashes(o->clear, "parents", &out->parents, &out->parent_count, err);
	for (size_t k = 1; r == 0 && k < KIND_COUNT; k++)
		if (strcmp(kinds[k].name, type) == 0)
			out->kind = (enum hf_entry_kind)k;
	if (r == 0)
		r = parse_by_kind(o, out, err);
	return r;
}
