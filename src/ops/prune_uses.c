/*
 * Repacking, the first part: what is used of some packs of a domain.
 *
 * That is told by the manifests of all live snapshots of the domain. Ids of used chunks and of the chunks in the packs in
 * question are sorted together (on disk where it takes that): a chunk of a pack is used if both have its id. What snapshots share is
 * walked once: nodes that were met lately are remembered, in a table that forgets one when another needs its place.
 */
#include "ops/prune_repack_internal.h"

#include "base/log.h"
#include "base/sorter.h"
#include "base/stop.h"
#include "repo/key_cert.h"
#include "repo/manifest_reader.h"
#include "repo/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SORT_MEMORY = 16 << 20, NODES_REMEMBERED = 65536 };

/* Sorted by id; that a chunk is used comes before where it lies. */
struct id_record {
	struct hf_chunk_id id;
	uint8_t is_place, pad[3];
	uint32_t pack, chunk, len; /* of a place: numbers in the list of packs and in the pack's table */
};
static_assert(sizeof(struct id_record) == 32, "no padding that is not named: it is sorted as bytes");

static int by_id(const void *a, size_t a_len, const void *b, size_t b_len)
{
	(void)a_len;
	(void)b_len;
	return memcmp(a, b, HF_ID_SIZE + 1);
}

static int by_pack(const void *a, size_t a_len, const void *b, size_t b_len)
{
	struct hf_prune_use x, y;
	(void)a_len;
	(void)b_len;
	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	if (x.pack != y.pack)
		return x.pack < y.pack ? -1 : 1;
	return (x.chunk > y.chunk) - (x.chunk < y.chunk);
}

static int note_used(struct hf_prune_uses *u, const struct hf_chunk_id *id, struct hf_error *err)
{
	const struct id_record record = {.id = *id};
	return hf_sorter_add(u->ids, &record, sizeof(record), err);
}

/* Whether the node was met in this walk; if not, or if that is forgotten, it is from now on. A walk that fails is of no use as
 * a whole, so it doesn't matter that what is below it is still to come. */
static bool has_met(const struct hf_prune_uses *u, const struct hf_chunk_id *node)
{
	uint16_t place;
	memcpy(&place, node->b, sizeof(place));
	bool met = memcmp(&u->met[place], node, sizeof(*node)) == 0;
	u->met[place] = *node;
	return met;
}

/* Loads nodes of manifests and contents, and notes them. */
static int load_noting(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	struct hf_prune_uses *u = user;
	int r = note_used(u, id, err);
	return r < 0 ? r : hf_reader_load(u->access.reader, kind, id, expected_len, out, err);
}

static bool has_met_node(void *user, const struct hf_manifest_child *node, struct hf_buf *last)
{
	(void)last;
	return has_met(user, &node->id);
}

static int walk_content(struct hf_prune_uses *u, const struct hf_content *content, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_noting, u};
	struct hf_chunk_ref ref;
	uint64_t offset;
	if (content->form == HF_CONTENT_LIST && has_met(u, &content->root))
		return 0;
	int r = hf_content_reader_open(&feed, content, &reader, err);
	while (r == 0 && (r = hf_content_reader_next(reader, &ref, &offset, err)) > 0)
		r = note_used(u, &ref.id, err);
	return r;
}

static int walk_source(struct hf_prune_uses *u, const struct hf_snapshot_source *source, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_noting, u};
	const struct hf_manifest_entry *e;
	int r = note_used(u, &source->about, err);
	if (r < 0 || has_met(u, &source->root))
		return r;
	r = hf_manifest_reader_open(&feed, &source->root, &reader, err);
	if (r == 0)
		hf_manifest_reader_pass_over(reader, has_met_node, u);
	while (r == 0 && (r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		r = hf_stop_check(err);
		if (r == 0 && e->entry.type == HF_ENTRY_FILE && e->content.bytes)
			r = walk_content(u, &e->content, err);
	}
	return r < 0 ? hf_wrap(err, r, "source %s", source->name) : 0;
}

static int walk_snapshots(struct hf_prune_uses *u, struct hf_error *err)
{
	const struct hf_prune_look *look = &u->p->look;
	int r = 0;
	for (size_t i = 0; i < look->snapshot_count && r == 0; i++) {
		const struct hf_prune_snapshot *listed = &look->snapshots[i];
		struct hf_snapshot s = {0};
		if (listed->is_forgotten || listed->is_void || listed->domain != u->domain)
			continue;
		hf_object_name(HF_KIND_SNAPSHOT, &listed->ref, u->at);
		r = hf_snapshot_get(u->p->repo, &listed->ref, HF_SNAPSHOT_WITHOUT_PACKS, &s, err);
		for (size_t k = 0; r == 0 && k < s.source_count; k++)
			r = walk_source(u, &s.sources[k], err);
		hf_snapshot_free(&s);
	}
	return r < 0 ? hf_wrap(err, r, "find out what is used") : 0;
}

static int note_places(struct hf_prune_uses *u, uint32_t number, struct hf_error *err)
{
	struct hf_prune *p = u->p;
	struct hf_run_key key = {0};
	struct hf_pack_table t = {0};
	u->shares[number].pack = number;
	hf_object_name(HF_KIND_PACK, &u->packs[number], u->at);
	int r = hf_pack_open(p->repo->store, &u->packs[number], p->repo->key, &p->repo->certs, &key, &t, err);
	bool is_ours = r == 0 && hf_pack_is_in(&p->repo->certs, &t.pack.writer, t.domain_mark, &u->access.domain.id);
	if (r == 0 && !is_ours)
		hf_warn("%s is of another domain than the snapshots that refer to it: it is left alone", u->at);
	u->shares[number].is_foreign = !is_ours;
	for (uint32_t i = 0; i < t.chunk_count && is_ours && r == 0; i++) {
		const struct id_record place = {
			.id = t.chunks[i].id, .is_place = 1, .pack = number, .chunk = i, .len = t.chunks[i].len};
		u->shares[number].total += place.len;
		r = hf_sorter_add(u->ids, &place, sizeof(place), err);
	}
	hf_pack_table_free(&t);
	hf_run_key_wipe(&key);
	return r;
}

static int join(struct hf_prune_uses *u, struct hf_error *err)
{
	const void *bytes;
	size_t len;
	struct id_record now, used = {.is_place = 1};
	int r = hf_sorter_finish(u->ids, err);
	while (r == 0 && (r = hf_sorter_next(u->ids, &bytes, &len, err)) > 0) {
		memcpy(&now, bytes, sizeof(now));
		r = 0;
		if (!now.is_place) {
			used = now;
		} else if (!used.is_place && memcmp(&used.id, &now.id, sizeof(now.id)) == 0) {
			const struct hf_prune_use use = {now.pack, now.chunk};
			u->shares[now.pack].used += now.len;
			r = hf_sorter_add(u->used, &use, sizeof(use), err);
		}
	}
	return r < 0 ? r : hf_sorter_finish(u->used, err);
}

/* That the domain can't be opened, or not be written in, is the fault of its certificates. */
static int open_domain(struct hf_prune_uses *u, struct hf_error *err)
{
	const struct hf_repository *repo = u->p->repo;
	const struct hf_id *domain = &u->p->domains[u->domain - 1].id;
	uint32_t mark;
	for (size_t i = 0; i < repo->certs.count; i++)
		if (repo->certs.certs[i].has_domain && hf_id_equal(&repo->certs.certs[i].domain, domain))
			hf_object_name(HF_KIND_CERT, &(struct hf_ref){repo->key->owner_id, repo->certs.certs[i].key}, u->at);
	int r = hf_domain_mark_for(repo->key, &repo->certs, domain, &mark, err);
	return r < 0 ? r : hf_access_open(u->p->repo, domain, &u->access, err);
}

int hf_prune_find_uses(struct hf_prune_uses *u, struct hf_error *err)
{
	const char *scratch = u->p->options->scratch;
	u->shares = calloc(u->pack_count + 1, sizeof(*u->shares));
	u->met = calloc(NODES_REMEMBERED, sizeof(*u->met));
	int r = u->shares && u->met ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = open_domain(u, err);
	if (r == 0)
		r = hf_sorter_new(SORT_MEMORY, scratch, by_id, &u->ids, err);
	if (r == 0)
		r = hf_sorter_new(SORT_MEMORY, scratch, by_pack, &u->used, err);
	if (r == 0)
		r = walk_snapshots(u, err);
	for (uint32_t i = 0; i < u->pack_count && r == 0; i++)
		r = note_places(u, i, err);
	return r < 0 ? r : join(u, err);
}

void hf_prune_uses_free(struct hf_prune_uses *u)
{
	hf_sorter_free(u->ids);
	hf_sorter_free(u->used);
	hf_access_close(&u->access);
	free(u->shares);
	free(u->met);
}
