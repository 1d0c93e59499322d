/*
 * rebuild-index; see rebuild_index.h. A pack belongs to the domain that its writer is certified for, unless a keeper wrote it in another
 * and marked it so. Marks are looked at beforehand, so that each table is read once; what they say is proved then.
 */
#include "ops/rebuild_index.h"

#include "base/stop.h"
#include "crypto/random.h"
#include "repo/index.h"
#include "repo/key_cert.h"
#include "repo/object_fetch.h"
#include "repo/pack.h"

#include <stdlib.h>
#include <string.h>

struct rebuild {
	struct hf_repository *repo;
	struct hf_progress *progress;
	struct hf_rebuild_result *result;
	struct pack {
		struct hf_ref ref;
		uint32_t mark;
		bool is_lost; /* and was named */
	} *packs;
	size_t pack_count, pack_cap;
};

static int add_pack(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct rebuild *rb = user;
	(void)info;
	if (rb->pack_count == rb->pack_cap) {
		size_t cap = rb->pack_cap ? rb->pack_cap * 2 : 256;
		void *grown = realloc(rb->packs, cap * sizeof(*rb->packs));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		rb->packs = grown;
		rb->pack_cap = cap;
	}
	rb->packs[rb->pack_count++] = (struct pack){.ref = *ref};
	return 0;
}

static int unreadable(struct rebuild *rb, const struct hf_ref *pack, const struct hf_error *why, struct hf_error *err)
{
	struct hf_rebuild_result *out = rb->result;
	void *grown = realloc(out->unreadable, (out->unreadable_count + 1) * sizeof(*out->unreadable));
	if (!grown)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	char name[HF_NAME_MAX];
	out->unreadable = grown;
	out->unreadable[out->unreadable_count].object = strdup(hf_object_name(HF_KIND_PACK, pack, name));
	out->unreadable[out->unreadable_count++].error = strdup(why->msg);
	return 0;
}

static bool is_in(const struct rebuild *rb, const struct pack *pack, const struct hf_id *domain)
{
	return !pack->is_lost && hf_pack_is_in(&rb->repo->certs, &pack->ref.writer, pack->mark, domain);
}

/* Reads the marks of the packs that may have one. */
static int read_marks(struct rebuild *rb, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < rb->pack_count && r == 0; i++) {
		struct pack *pack = &rb->packs[i];
		const struct hf_cert *cert = hf_certs_find(&rb->repo->certs, &pack->ref.writer);
		struct hf_pack_claim claim = {0};
		struct hf_error why = {0};
		r = hf_stop_check(err);
		if (r < 0 || !cert || !hf_key_is_keeper(cert->kind, cert->rights))
			continue;
		int peeked = hf_pack_peek(rb->repo->store, &pack->ref, &claim, &why);
		pack->mark = claim.domain_mark;
		pack->is_lost = hf_object_is_lost(peeked);
		if (pack->is_lost)
			r = unreadable(rb, &pack->ref, &why, err);
		else if (peeked < 0)
			r = hf_fail(err, peeked, "%s", why.msg);
	}
	return r;
}

static int note_pack(struct rebuild *rb, struct hf_index *index, const struct pack *known, struct hf_error *err)
{
	struct hf_run_key key;
	struct hf_pack_table table = {0};
	struct hf_error why = {0};
	const struct hf_ref *pack = &known->ref;
	int r = hf_pack_open(rb->repo->store, pack, rb->repo->key, &rb->repo->certs, &key, &table, &why);
	if (r == 0 && table.domain_mark != known->mark)
		r = hf_fail(&why, HF_E_CORRUPT, "it said that it is of another domain when it was read before");
	if (r == 0) {
		r = hf_index_note(index, &table, err);
		rb->result->packs++;
		rb->result->chunks += table.chunk_count;
		hf_progress_add(rb->progress, 0, 1);
	} else if (r == HF_E_CORRUPT || r == HF_E_NOTFOUND || r == HF_E_UNSUPPORTED) {
		r = unreadable(rb, pack, &why, err);
	} else {
		*err = why;
	}
	hf_pack_table_free(&table);
	hf_run_key_wipe(&key);
	return r;
}

static int rebuild_domain(struct rebuild *rb, const struct hf_id *id, struct hf_error *err)
{
	struct hf_repository *repo = rb->repo;
	struct hf_domain domain;
	struct hf_index *index = NULL;
	int r = hf_domain_open(repo->store, repo->key, &repo->certs, id, &domain, err);
	const struct hf_index_options options = {.store = repo->store, .key = repo->key, .domain = &domain,
		.certs = &repo->certs, .fresh = true};
	if (r == 0)
		r = hf_index_open(&options, &index, err);
	for (size_t i = 0; i < rb->pack_count && r == 0; i++) {
		r = hf_stop_check(err);
		if (r == 0 && is_in(rb, &rb->packs[i], id))
			r = note_pack(rb, index, &rb->packs[i], err);
	}
	if (r == 0)
		r = hf_index_flush(index, err);
	hf_index_close(index);
	hf_wipe(&domain, sizeof(domain));
	return r;
}

/* Says that the index of the domain is left as it is, if it has packs. */
static int leave(struct rebuild *rb, const struct hf_cert *first, struct hf_error *err)
{
	struct hf_rebuild_result *out = rb->result;
	size_t i = 0;
	while (i < rb->pack_count && !is_in(rb, &rb->packs[i], &first->domain))
		i++;
	if (i == rb->pack_count)
		return 0;
	void *grown = reallocarray(out->left, out->left_count + 1, sizeof(*out->left));
	if (!grown)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	out->left = grown;
	memcpy(out->left[out->left_count++], first->domain_name, sizeof(*out->left));
	return 0;
}

static bool may_rebuild(const struct hf_key *key, const struct hf_id *domain)
{
	return hf_key_is_keeper(key->kind, key->rights) || (key->has_domain && hf_id_equal(&key->domain.id, domain));
}

/* Each domain once: where its first certificate stands. */
static bool is_first(const struct hf_certs *certs, size_t i)
{
	if (!certs->certs[i].has_domain)
		return false;
	for (size_t k = 0; k < i; k++)
		if (certs->certs[k].has_domain && hf_id_equal(&certs->certs[k].domain, &certs->certs[i].domain))
			return false;
	return true;
}

/* Whether some domain has the pack. */
static bool has_home(const struct rebuild *rb, const struct pack *pack)
{
	const struct hf_certs *certs = &rb->repo->certs;
	for (size_t i = 0; i < certs->count; i++)
		if (certs->certs[i].has_domain && is_in(rb, pack, &certs->certs[i].domain))
			return true;
	return false;
}

static int blame_strangers(struct rebuild *rb, struct hf_error *err)
{
	const struct hf_error stranger = {.code = HF_E_CORRUPT, .msg = "the owner has certified no such writer"};
	const struct hf_error homeless = {.code = HF_E_CORRUPT, .msg = "no certificate names the domain that it is of"};
	int r = 0;
	for (size_t i = 0; i < rb->pack_count && r == 0; i++) {
		const struct pack *pack = &rb->packs[i];
		if (!hf_certs_find(&rb->repo->certs, &pack->ref.writer))
			r = unreadable(rb, &pack->ref, &stranger, err);
		else if (!pack->is_lost && !has_home(rb, pack))
			r = unreadable(rb, &pack->ref, &homeless, err);
	}
	return r;
}

static int rebuild_all(struct rebuild *rb, struct hf_error *err)
{
	const struct hf_certs *certs = &rb->repo->certs;
	int r = 0;
	for (size_t i = 0; i < certs->count && r == 0; i++) {
		if (!is_first(certs, i))
			continue;
		r = may_rebuild(rb->repo->key, &certs->certs[i].domain) ? rebuild_domain(rb, &certs->certs[i].domain, err)
									: leave(rb, &certs->certs[i], err);
	}
	return r;
}

int hf_rebuild_index(struct hf_repository *repo, struct hf_progress *progress, struct hf_rebuild_result *out,
	struct hf_error *err)
{
	struct rebuild rb = {.repo = repo, .progress = progress, .result = out};
	*out = (struct hf_rebuild_result){0};
	int r = hf_repository_require(repo, HF_RIGHT_BACKUP, "rebuild the index", err);
	if (r == 0)
		r = hf_repository_require_reading(repo, true, "rebuild the index", err);
	if (r == 0)
		r = hf_object_list(repo->store, HF_KIND_PACK, add_pack, &rb, err);
	hf_progress_phase(progress, "reading pack tables", 0, rb.pack_count);
	if (r == 0)
		r = read_marks(&rb, err);
	if (r == 0)
		r = rebuild_all(&rb, err);
	if (r == 0)
		r = blame_strangers(&rb, err);
	free(rb.packs);
	return r;
}

void hf_rebuild_result_free(struct hf_rebuild_result *result)
{
	for (size_t i = 0; i < result->unreadable_count; i++) {
		free(result->unreadable[i].object);
		free(result->unreadable[i].error);
	}
	free(result->unreadable);
	free(result->left);
	*result = (struct hf_rebuild_result){0};
}
