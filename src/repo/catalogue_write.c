/* One more entry; see catalogue.h and FORMAT.md, sections 10 and 13. */
#include "base/time.h"
#include "repo/catalogue_internal.h"
#include "repo/object_fetch.h"
#include "repo/void.h"

#include <stdlib.h>

static json_t *new_clear(const struct hf_catalogue *c, enum hf_entry_kind kind)
{
	json_t *j = json_object(), *parents = json_array();
	json_object_set_new(j, "type", json_string(hf_catalogue_entry_name(kind)));
	json_object_set_new(j, "parents", parents);
	for (size_t i = 0; i < c->head_count; i++)
		json_array_append_new(parents, hf_json_hex_string(c->heads[i].b, sizeof(c->heads[i].b)));
	json_object_set_new(j, "time", hf_json_time(hf_time_now()));
	return j;
}

static bool is_own(const struct hf_hash *hash, void *user)
{
	const struct hf_catalogue *c = user;
	for (size_t i = 0; i < c->entry_count; i++) {
		const struct hf_catalogue_entry *e = &c->entries[i];
		if (hf_hash_equal(&e->hash, hash))
			return true;
		for (size_t k = 0; k < e->parent_count; k++) /* of one that may not list, all that there is */
			if (hf_hash_equal(&e->parents[k], hash))
				return true;
	}
	return false;
}

/* Makes `hash` the one head, here and in what the host remembers. */
static int advance(struct hf_catalogue *c, const struct hf_catalogue_entry *e, struct hf_error *err)
{
	struct hf_catalogue_entry *more = reallocarray(c->entries, c->entry_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	c->entries = more;
	struct hf_hash *heads = c->heads ? c->heads : calloc(1, sizeof(*heads));
	if (!heads)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	c->heads = heads;
	c->heads[0] = e->hash;
	c->head_count = 1;
	more[c->entry_count++] = *e;
	const struct hf_state_seen seen = {
		.config = c->repo->config.n, .heads = c->heads, .head_count = 1, .is_known = is_own, .user = c};
	hf_state_remember(&c->repo->state, &seen);
	return 0;
}

/* PUTs the entry with the clear part (borrowed) and the body, which is empty or sealed, and goes on from it. */
static int put_body(struct hf_catalogue *c, json_t *clear, const char *body, struct hf_hash *head, struct hf_error *err)
{
	struct hf_object_new n = {.kind = HF_KIND_ENTRY,
		.form = body ? HF_FORM_CATALOGUE : HF_FORM_PLAIN,
		.key = c->repo->key,
		.id = hf_id_new(),
		.clear = clear,
		.body = body,
		.body_len = body ? strlen(body) : 0};
	struct hf_object o = {.kind = HF_KIND_ENTRY, .ref = {c->repo->key->id, n.id}, .clear = clear};
	struct hf_catalogue_entry e = {0};
	int r = hf_object_put(c->repo->store, &n, o.hash, err);
	if (r < 0)
		return hf_wrap(err, r, "add to the catalogue");
	if (head)
		memcpy(head->b, o.hash, sizeof(head->b));
	r = hf_catalogue_entry_parse(&o, &e, err);
	e.store_time = e.time;
	if (r == 0)
		r = advance(c, &e, err);
	if (r < 0)
		hf_catalogue_entry_free(&e);
	return r;
}

/* The same with `record`, sealed; NULL is {}. No one would believe an entry by a revoked key: better to say so now. */
static int put_entry(struct hf_catalogue *c, json_t *clear, json_t *record, struct hf_hash *head, struct hf_error *err)
{
	int r = hf_catalogue_require_believed(c, err);
	if (r < 0)
		return r;
	HF_JSON_AUTO *empty = json_object();
	char *body = clear ? hf_json_text(record ? record : empty) : NULL;
	if (!body)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	r = put_body(c, clear, body, head, err);
	free(body);
	return r;
}

int hf_catalogue_commit(struct hf_catalogue *c, const struct hf_new_commit *commit, struct hf_hash *head,
	struct hf_error *err)
{
	HF_JSON_AUTO *clear = new_clear(c, HF_CATALOGUE_COMMIT);
	json_object_set_new(clear, "snapshot", hf_json_hex_string(commit->snapshot.id.b, HF_ID_SIZE));
	json_object_set_new(clear, "run", hf_json_hex_string(commit->run.b, HF_ID_SIZE));
	if (!hf_id_equal(&commit->snapshot.writer, &c->repo->key->id))
		return hf_fail(err, HF_E_USAGE, "only its writer commits a snapshot");
	int r = put_entry(c, clear, commit->evidence, head, err);
	if (r < 0 || c->repo->config.is_unlisted)
		return r;
	return hf_void_exists(c->repo, &commit->snapshot, &c->unread_voids, err);
}

static int put_forget(struct hf_catalogue *c, json_t *clear, const char *reason, struct hf_error *err)
{
	HF_JSON_AUTO *record = json_object();
	json_object_set_new(record, "reason", hf_json_bytes(reason ? reason : "", reason ? strlen(reason) : 0));
	return put_entry(c, clear, record, NULL, err);
}

int hf_catalogue_forget(struct hf_catalogue *c, const struct hf_ref *snapshots, size_t count, const char *reason,
	struct hf_error *err)
{
	HF_JSON_AUTO *clear = new_clear(c, HF_CATALOGUE_FORGET);
	json_object_set_new(clear, "snapshots", hf_ref_list_json(snapshots, count));
	int r = hf_repository_require(c->repo, HF_RIGHT_MAINTAIN, "forget snapshots", err);
	return r < 0 ? r : put_forget(c, clear, reason, err);
}

int hf_catalogue_unforget(struct hf_catalogue *c, const struct hf_ref *snapshots, size_t count, const char *reason,
	struct hf_error *err)
{
	HF_JSON_AUTO *clear = new_clear(c, HF_CATALOGUE_UNFORGET);
	json_object_set_new(clear, "snapshots", hf_ref_list_json(snapshots, count));
	int r = hf_repository_require(c->repo, HF_RIGHT_MAINTAIN, "take back that snapshots were forgotten", err);
	return r < 0 ? r : put_forget(c, clear, reason, err);
}

int hf_catalogue_evidence(struct hf_catalogue *c, const struct hf_new_evidence *evidence, struct hf_hash *head,
	struct hf_error *err)
{
	HF_JSON_AUTO *clear = new_clear(c, HF_CATALOGUE_EVIDENCE);
	json_object_set_new(clear, "what", json_string(evidence->what));
	json_object_set_new(clear, "snapshots", hf_ref_list_json(evidence->snapshots, evidence->snapshot_count));
	json_object_set_new(clear, "ok", json_boolean(evidence->ok));
	return put_entry(c, clear, evidence->record, head, err);
}

/* --- revoking ------------------------------------------------------------------------------------------------------ */

bool hf_catalogue_is_revoked(const struct hf_catalogue *c, const struct hf_id *key)
{
	for (size_t i = 0; i < c->entry_count; i++)
		if (c->entries[i].kind == HF_CATALOGUE_REVOKE && hf_id_equal(&c->entries[i].key, key))
			return true;
	return false;
}

int hf_catalogue_writers(const struct hf_catalogue *c, struct hf_certs *out, struct hf_error *err)
{
	const struct hf_certs *all = &c->repo->certs;
	*out = (struct hf_certs){.certs = calloc(all->count + 1, sizeof(*out->certs)), .set_aside = all->set_aside};
	if (!out->certs)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (; out->count < all->count; out->count++) {
		out->certs[out->count] = all->certs[out->count];
		out->certs[out->count].revoked = hf_catalogue_is_revoked(c, &all->certs[out->count].key);
	}
	return 0;
}

int hf_catalogue_require_believed(const struct hf_catalogue *c, struct hf_error *err)
{
	if (!hf_catalogue_is_revoked(c, &c->repo->key->id))
		return 0;
	return hf_fail(err, HF_E_KEY, "the key \"%s\" was revoked by the owner: nothing that it writes counts",
		c->repo->key->name);
}

/* Where the graph has several heads, one more entry that has them all as parents, and says nothing itself. */
static int join_heads(struct hf_catalogue *c, struct hf_error *err)
{
	return c->head_count > 1 ? hf_catalogue_unforget(c, NULL, 0, "joins the heads", err) : 0;
}

int hf_catalogue_revoke(struct hf_catalogue *c, const struct hf_id *key, struct hf_error *err)
{
	if (c->repo->key->kind != HF_KEY_OWNER)
		return hf_fail(err, HF_E_KEY, "only the owner's key revokes keys");
	if (hf_id_equal(key, &c->repo->key->id))
		return hf_fail(err, HF_E_USAGE, "the owner's key can't be revoked");
	int r = join_heads(c, err);
	if (r < 0)
		return r;
	HF_JSON_AUTO *clear = new_clear(c, HF_CATALOGUE_REVOKE);
	json_object_set_new(clear, "key", hf_json_hex_string(key->b, HF_ID_SIZE));
	json_object_set_new(clear, "last",
		c->head_count ? hf_json_hex_string(c->heads[0].b, sizeof(c->heads[0].b)) : json_null());
	return put_body(c, clear, NULL, NULL, err);
}
