/* The configuration; see config.h and FORMAT.md, section 5. */
#include "repo/config.h"

#include "base/time.h"
#include "repo/key_grant.h"
#include "repo/key_internal.h"
#include "repo/object.h"

#include <stdlib.h>

/* --- making ------------------------------------------------------------------------------------------------------- */

/* The one kind whose object ids are not random: n, big-endian, so that names sort as numbers. */
static struct hf_id config_id(uint64_t n)
{
	struct hf_id id = {0};
	for (int i = 0; i < 8; i++)
		id.b[8 + i] = (uint8_t)(n >> (56 - 8 * i));
	return id;
}

static json_t *epochs_json(const struct hf_key *owner)
{
	json_t *a = json_array();
	for (size_t i = 0; i < owner->epoch_count; i++) {
		const struct hf_epoch *e = &owner->epochs[i];
		json_t *j = json_object();
		json_object_set_new(j, "epoch", json_integer(e->number));
		json_object_set_new(j, "data_public", hf_json_hex_string(e->data_public, 32));
		json_object_set_new(j, "catalogue_public", hf_json_hex_string(e->catalogue_public, 32));
		json_array_append_new(a, j);
	}
	return a;
}

static json_t *chunks_json(const struct hf_config *c)
{
	json_t *j = json_object();
	json_object_set_new(j, "min", json_integer(c->chunk_min));
	json_object_set_new(j, "average", json_integer(c->chunk_average));
	json_object_set_new(j, "max", json_integer(c->chunk_max));
	return j;
}

static json_t *config_json(const struct hf_config *c, const struct hf_key *owner)
{
	json_t *j = json_object();
	json_object_set_new(j, "version", json_integer(1));
	json_object_set_new(j, "n", json_integer((json_int_t)c->n));
	json_object_set_new(
		j, "previous", c->has_previous ? hf_json_hex_string(c->previous, 32) : json_null());
	json_object_set_new(j, "created", hf_json_time(c->created));
	json_object_set_new(j, "owner_id", hf_json_hex_string(owner->id.b, HF_ID_SIZE));
	json_object_set_new(j, "owner_public", hf_json_hex_string(owner->owner_public, 32));
	json_object_set_new(j, "epochs", epochs_json(owner));
	if (c->grants)
		json_object_set(j, "grants", (json_t *)(uintptr_t)c->grants);
	json_object_set_new(j, "chunks", chunks_json(c));
	json_object_set_new(j, "grace_seconds", json_integer((json_int_t)c->grace_seconds));
	return j;
}

int hf_config_put(
	struct hf_store *store, const struct hf_key *owner, struct hf_config *config, struct hf_error *err)
{
	const struct hf_epoch *newest = hf_key_newest_epoch(owner);
	config->created = hf_time_now();
	config->epoch = newest->number;
	memcpy(config->data_public, newest->data_public, 32);
	memcpy(config->catalogue_public, newest->catalogue_public, 32);
	HF_JSON_AUTO *clear = config_json(config, owner);
	struct hf_object_new o = {.kind = HF_KIND_CONFIG,
		.form = HF_FORM_PLAIN,
		.key = owner,
		.id = config_id(config->n),
		.clear = clear};
	int r = hf_object_put(store, &o, config->hash, err);
	return r < 0 ? hf_wrap(err, r, "write the repository's configuration") : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int parse_size(
	const json_t *j, const char *key, uint64_t least, uint64_t most, uint64_t *out, struct hf_error *err)
{
	int64_t v;
	int r = hf_json_int(j, key, &v, err);
	if (r == 0 && (v < 0 || (uint64_t)v < least || (uint64_t)v > most))
		r = hf_fail(err, HF_E_CORRUPT, "\"%s\" is out of bounds", key);
	*out = r == 0 ? (uint64_t)v : 0;
	return r;
}

static int parse_chunks(const json_t *j, struct hf_config *out, struct hf_error *err)
{
	json_t *c;
	uint64_t min = 0, average = 0, max = 0;
	int r = hf_json_object(j, "chunks", &c, err);
	if (r == 0)
		r = parse_size(c, "min", 64, HF_CHUNK_MAX, &min, err);
	if (r == 0)
		r = parse_size(c, "average", min, HF_CHUNK_MAX, &average, err);
	if (r == 0)
		r = parse_size(c, "max", average, HF_CHUNK_MAX, &max, err);
	out->chunk_min = (uint32_t)min;
	out->chunk_average = (uint32_t)average;
	out->chunk_max = (uint32_t)max;
	return r;
}

/* The last epoch is the one for new data. */
static int parse_epochs(const json_t *j, struct hf_config *out, struct hf_error *err)
{
	json_t *a;
	uint64_t number = 0;
	int r = hf_json_array(j, "epochs", &a, err);
	if (r == 0 && json_array_size(a) == 0)
		r = hf_fail(err, HF_E_CORRUPT, "\"epochs\" is empty");
	if (r < 0)
		return r;
	const json_t *last = json_array_get(a, json_array_size(a) - 1);
	r = parse_size(last, "epoch", 0, UINT32_MAX, &number, err);
	if (r == 0)
		r = hf_json_hex(last, "data_public", out->data_public, 32, err);
	if (r == 0)
		r = hf_json_hex(last, "catalogue_public", out->catalogue_public, 32, err);
	out->epoch = (uint32_t)number;
	return r;
}

static int parse_previous(const json_t *j, struct hf_config *out, struct hf_error *err)
{
	out->has_previous = !json_is_null(json_object_get(j, "previous"));
	if (out->has_previous != (out->n > 1))
		return hf_fail(err, HF_E_CORRUPT, "\"previous\" does not go with \"n\"");
	return out->has_previous ? hf_json_hex(j, "previous", out->previous, 32, err) : 0;
}

static int parse_config(const struct hf_object *o, struct hf_config *out, struct hf_error *err)
{
	const json_t *j = o->clear;
	uint64_t version;
	int r = parse_size(j, "version", 1, UINT32_MAX, &version, err);
	if (r == 0 && version != 1)
		r = hf_fail(err, HF_E_UNSUPPORTED,
			"the repository has format version %llu, and this program reads version 1: use a "
			"newer one",
			(unsigned long long)version);
	if (r == 0)
		r = parse_size(j, "n", 1, INT64_MAX, &out->n, err);
	if (r == 0)
		r = parse_previous(j, out, err);
	if (r == 0)
		r = hf_key_time_parse(j, "created", &out->created, err);
	if (r == 0)
		r = parse_epochs(j, out, err);
	if (r == 0)
		r = parse_chunks(j, out, err);
	if (r == 0)
		r = parse_size(j, "grace_seconds", 0, INT64_MAX / 1000000000, &out->grace_seconds, err);
	if (r == 0 && memcmp(config_id(out->n).b, o->ref.id.b, HF_ID_SIZE) != 0)
		r = hf_fail(err, HF_E_CORRUPT, "it has another number than its name says");
	memcpy(out->hash, o->hash, sizeof(out->hash));
	return r;
}

struct newest {
	const struct hf_id *writer; /* only this one's; NULL: anyone's */
	struct hf_ref ref;
	bool found, has_others;
};

/* Names come in ascending order, and so do their numbers: the last one is the newest. */
static int keep_last(
	const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)info;
	(void)err;
	struct newest *n = user;
	if (n->writer && !hf_id_equal(n->writer, &ref->writer)) {
		n->has_others = true;
		return 0;
	}
	n->ref = *ref;
	n->found = true;
	return 0;
}

/* Who may not list asks for one number after the other. A refusal ends it as an absence does: where listing is denied, a store may
 * refuse to say of a name that it is not there. */
static int find_without_list(struct hf_store *store, const struct hf_key *key, uint64_t least, struct newest *n,
	struct hf_error *err)
{
	for (uint64_t number = least ? least : 1;; number++) {
		const struct hf_ref ref = {key->owner_id, config_id(number)};
		struct hf_object_info info;
		char name[HF_NAME_MAX];
		int r = hf_store_stat(store, hf_object_name(HF_KIND_CONFIG, &ref, name), &info, err);
		if (r < 0 && n->found && (r == HF_E_NOTFOUND || r == HF_E_DENIED))
			return 0;
		if (r < 0)
			return r;
		n->ref = ref;
		n->found = true;
	}
}

static int get_config(struct hf_store *store, const struct hf_key *key, const struct hf_ref *ref, struct hf_object *o,
	struct hf_error *err)
{
	char name[HF_NAME_MAX];
	const struct hf_object_wanted wanted = {hf_object_name(HF_KIND_CONFIG, ref, name), &key->repository, key->owner_public};
	return hf_object_get_signed(store, &wanted, o, err);
}

int hf_config_load(struct hf_store *store, struct hf_key *key, uint64_t least, struct hf_config *out,
	struct hf_error *err)
{
	*out = (struct hf_config){0};
	struct newest n = {.writer = &key->owner_id};
	int r = hf_object_list(store, HF_KIND_CONFIG, keep_last, &n, err);
	bool is_unlisted = r == HF_E_DENIED;
	if (is_unlisted)
		r = find_without_list(store, key, least, &n, err);
	if (r < 0)
		return hf_wrap(err, r, "look for the repository's configuration");
	if (!n.found)
		return hf_fail(err, HF_E_NOREPO, "there is no configuration of this key's repository here");
	struct hf_object o = {0};
	r = get_config(store, key, &n.ref, &o, err);
	if (r == 0)
		r = parse_config(&o, out, err);
	if (r == 0)
		r = hf_grant_learn(key, o.clear, err);
	hf_object_free(&o);
	out->is_unlisted = is_unlisted;
	out->has_others = n.has_others;
	if (r == 0 && out->n < least)
		r = hf_fail(err, HF_E_CORRUPT,
			"the newest configuration has number %llu, but %llu was seen before: the store was "
			"rolled back",
			(unsigned long long)out->n, (unsigned long long)least);
	return r < 0 ? hf_wrap(err, r, "load the repository's configuration") : 0;
}

int hf_config_grants(struct hf_store *store, const struct hf_key *key, uint64_t n, json_t **out, struct hf_error *err)
{
	struct hf_object o = {0};
	const struct hf_ref ref = {key->owner_id, config_id(n)};
	int r = get_config(store, key, &ref, &o, err);
	const json_t *there = r == 0 ? json_object_get(o.clear, "grants") : NULL;
	*out = r == 0 ? (there ? json_deep_copy(there) : json_array()) : NULL;
	hf_object_free(&o);
	if (r == 0 && !*out)
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	return r;
}

int hf_config_probe(struct hf_store *store, struct hf_id *repository, struct hf_error *err)
{
	struct newest n = {0};
	int r = hf_object_list(store, HF_KIND_CONFIG, keep_last, &n, err);
	if (r < 0 || !n.found || !repository)
		return r < 0 ? r : n.found;
	char name[HF_NAME_MAX];
	struct hf_object o = {0};
	const struct hf_object_wanted wanted = {.name = hf_object_name(HF_KIND_CONFIG, &n.ref, name)};
	r = hf_object_get_signed(store, &wanted, &o, err);
	*repository = o.repository;
	hf_object_free(&o);
	return r < 0 ? r : 1;
}
