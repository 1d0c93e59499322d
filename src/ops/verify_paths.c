/*
 * The manifests of a verification: every node is read, every chunk that an entry names must be found in the index in a pack
 * that is sound and that the snapshot lists. What is not names the paths that it touches. What snapshots share is looked into once.
 */
#include "ops/verify_internal.h"

#include "base/hex.h"
#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct look {
	struct hf_verify *v;
	struct hf_access *access;
	const struct hf_snapshot *snapshot;
	const struct hf_snapshot_source *source;
	struct hf_verify_packs listed; /* by the snapshot */
	/* The node that is being read: a leaf once it gave an entry. */
	struct hf_manifest_child node;
	struct hf_buf first, last;  /* node.path; the path of the entry before */
	bool has_node, is_leaf, is_unsound;
	struct hf_verify_packs used, used_by_list; /* by the node; by the content list of this entry */
	bool in_list;
};

static void use(struct look *l, const struct hf_verify_pack *pack)
{
	hf_verify_packs_add(l->in_list ? &l->used_by_list : &l->used, (uint32_t)(pack - l->v->packs));
}

static bool is_listed(const struct look *l, const struct hf_verify_pack *pack)
{
	return pack && hf_verify_packs_has(&l->listed, (uint32_t)(pack - l->v->packs));
}

/* --- nodes that are known --------------------------------------------------------------------------------------------- */

/* The node that was read is at its end: a leaf, in which nothing is amiss, is known from now on. */
static void end_node(struct look *l)
{
	if (l->has_node && l->is_leaf && !l->is_unsound && !l->last.failed)
		hf_verify_known_note(l->v->known, l->access, &l->node, &l->used, &l->last);
	l->has_node = false;
}

static void begin_node(struct look *l, const struct hf_manifest_child *child)
{
	hf_verify_packs_clear(&l->used);
	hf_buf_clear(&l->first);
	hf_buf_add(&l->first, child->path, child->path_len);
	l->node = *child;
	l->node.path = (const char *)l->first.data;
	l->has_node = !l->first.failed;
	l->is_leaf = l->is_unsound = false;
}

/* Asked for each node but the root, before it is read. */
static bool is_known(void *user, const struct hf_manifest_child *child, struct hf_buf *last)
{
	struct look *l = user;
	end_node(l);
	if (hf_verify_known_find(l->v->known, l->access, child, &l->listed, NULL, last))
		return true;
	begin_node(l, child);
	return false;
}

static void see_entry(struct look *l, const struct hf_entry *e)
{
	l->is_leaf = true;
	hf_buf_clear(&l->last);
	hf_buf_add(&l->last, e->path, e->path_len);
}

/* --- chunks ----------------------------------------------------------------------------------------------------------- */

static size_t bad_chunk(struct hf_verify *v, const struct hf_chunk_id *id, const struct hf_ref *pack)
{
	size_t low = 0, high = v->chunk_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(&v->chunks[middle].id, id, sizeof(*id)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < v->chunk_count && memcmp(&v->chunks[low].id, id, sizeof(*id)) == 0; low++)
		if (hf_ref_equal(&v->chunks[low].pack, pack))
			return v->chunks[low].damage;
	return 0;
}

/* A pack that the index names and the snapshot's list does not: prune would not know that it is needed. */
static size_t unlisted(struct hf_verify *v, const struct hf_ref *pack)
{
	char name[HF_NAME_MAX];
	hf_object_name(HF_KIND_PACK, pack, name);
	for (size_t i = 0; i < v->result->damaged_count; i++)
		if (strcmp(v->result->damaged[i].object, name) == 0)
			return i + 1;
	return hf_verify_damage(v, name, "a snapshot relies on this pack and does not list it");
}

/* 0: the chunk can be had; else the finding that it can't. */
static size_t find_chunk(struct look *l, const struct hf_chunk_ref *ref, struct hf_error *err, int *failure)
{
	size_t damage = 0;
	bool only_unlisted = false;
	struct hf_ref unlisted_pack;
	for (unsigned n = 0;; n++) {
		struct hf_place p;
		int r = hf_index_find(l->access->index, &ref->id, n, &p, err);
		if (r < 0 && r != HF_E_NOTFOUND)
			*failure = r;
		if (r < 0)
			break;
		struct hf_verify_pack *pack = hf_verify_find_pack(l->v, &p.pack);
		if (!is_listed(l, pack)) {
			only_unlisted = true;
			unlisted_pack = p.pack;
			continue;
		}
		if (pack->is_gone)
			continue;
		size_t here = pack->damage ? pack->damage : bad_chunk(l->v, &ref->id, &p.pack);
		if (!here) {
			use(l, pack);
			return 0;
		}
		damage = here;
	}
	if (!damage && only_unlisted)
		return unlisted(l->v, &unlisted_pack);
	return damage ? damage : SIZE_MAX;
}

static size_t lost_chunk(struct look *l)
{
	struct hf_verify_result *out = l->v->result;
	for (size_t i = 0; i < out->damaged_count; i++)
		if (strcmp(out->damaged[i].object, "index") == 0)
			return i + 1;
	return hf_verify_damage(l->v, "index", "chunks that are needed are in no sound pack that the index knows");
}

/* Nodes are read, which proves them; but prune goes by the list, so that they must be in a pack on it, too. */
static void require_listed(struct look *l, const struct hf_chunk_id *id)
{
	struct hf_place p;
	struct hf_ref elsewhere;
	bool is_elsewhere = false, is_here = false;
	for (unsigned n = 0; !is_here && hf_index_find(l->access->index, id, n, &p, NULL) == 0; n++) {
		struct hf_verify_pack *pack = hf_verify_find_pack(l->v, &p.pack);
		is_here = is_listed(l, pack);
		if (is_here)
			use(l, pack);
		elsewhere = p.pack;
		is_elsewhere = true;
	}
	if (is_elsewhere && !is_here) {
		l->is_unsound = true;
		hf_verify_touch(l->v, unlisted(l->v, &elsewhere), &l->snapshot->ref.id, NULL, NULL);
	}
}

static int load_node(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	struct look *l = user;
	require_listed(l, id);
	return hf_reader_load(l->access->reader, kind, id, expected_len, out, err);
}

/* Each chunk of the content. A finding ends it. */
static int walk_content(struct look *l, const struct hf_manifest_entry *e, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_node, l};
	struct hf_chunk_ref ref;
	uint64_t offset;
	int r = hf_content_reader_open(&feed, &e->content, &reader, err);
	if (r < 0)
		return r;
	while ((r = hf_content_reader_next(reader, &ref, &offset, err)) > 0) {
		int failure = 0;
		size_t damage = find_chunk(l, &ref, err, &failure);
		if (failure < 0)
			return failure;
		if (damage == SIZE_MAX)
			damage = lost_chunk(l);
		if (damage) {
			l->is_unsound = true;
			hf_verify_touch(l->v, damage, &l->snapshot->ref.id, l->source->name, &e->entry);
			return 0;
		}
	}
	return r;
}

/* A content list is walked once. */
static int check_content(struct look *l, const struct hf_manifest_entry *e, struct hf_error *err)
{
	if (e->content.form != HF_CONTENT_LIST)
		return walk_content(l, e, err);
	const struct hf_manifest_child list = {.id = e->content.root, .len = e->content.bytes};
	const struct hf_buf no_path = {0};
	if (hf_verify_known_find(l->v->known, l->access, &list, &l->listed, &l->used, NULL))
		return 0;
	bool was_unsound = l->is_unsound;
	l->is_unsound = false;
	hf_verify_packs_clear(&l->used_by_list);
	l->in_list = true;
	int r = walk_content(l, e, err);
	l->in_list = false;
	if (r == 0 && !l->is_unsound)
		hf_verify_known_note(l->v->known, l->access, &list, &l->used_by_list, &no_path);
	for (size_t i = 0; i < l->used_by_list.count; i++)
		hf_verify_packs_add(&l->used, l->used_by_list.list[i]);
	l->is_unsound = l->is_unsound || was_unsound;
	return r;
}

static bool is_damage(int code)
{
	return code == HF_E_CORRUPT || code == HF_E_NOTFOUND || code == HF_E_IO;
}

/* A node that can't be read: whatever is below it is lost. */
static void lost_node(struct look *l, const struct hf_entry *entry, const struct hf_error *why)
{
	char object[HF_NAME_MAX + 32];
	char id[HF_ID_TEXT];
	l->is_unsound = true;
	snprintf(object, sizeof(object), "snapshot %s", hf_hex(l->snapshot->ref.id.b, HF_ID_SIZE, id));
	size_t d = hf_verify_damage(l->v, object, why->msg);
	hf_verify_touch(l->v, d, &l->snapshot->ref.id, l->source->name, entry);
}

static int check_manifest(struct look *l, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_chunk_feed feed = {load_node, l};
	const struct hf_manifest_entry *e;
	int r = hf_manifest_reader_open(&feed, &l->source->root, &reader, err);
	if (r == 0)
		hf_manifest_reader_pass_over(reader, is_known, l);
	while (r == 0 && (r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		r = hf_stop_check(err);
		see_entry(l, &e->entry);
		if (r < 0 || e->entry.type != HF_ENTRY_FILE || !e->content.bytes)
			continue;
		struct hf_error why = {0};
		r = check_content(l, e, &why);
		if (r < 0 && is_damage(r)) {
			lost_node(l, &e->entry, &why);
			r = 0;
		} else if (r < 0) {
			*err = why;
		}
	}
	if (r == 0)
		end_node(l);
	return r;
}

static int check_about(struct look *l, struct hf_error *err)
{
	json_t *about = NULL;
	int r = hf_access_about(l->access, l->source, &about, err);
	json_decref(about);
	return r;
}

static int check_source(struct look *l, struct hf_error *err)
{
	struct hf_error why = {0};
	l->has_node = false;
	int r = check_manifest(l, &why);
	require_listed(l, &l->source->about);
	if (r == 0)
		r = check_about(l, &why);
	if (r == 0)
		return 0;
	if (!is_damage(r)) {
		*err = why;
		return r;
	}
	lost_node(l, NULL, &why);
	return 0;
}

static int check_sources(struct look *l, struct hf_error *err)
{
	const struct hf_snapshot *s = l->snapshot;
	int r = hf_verify_packs_new(&l->listed, l->v->pack_count, err);
	if (r == 0)
		r = hf_verify_packs_new(&l->used, l->v->pack_count, err);
	if (r == 0)
		r = hf_verify_packs_new(&l->used_by_list, l->v->pack_count, err);
	for (size_t i = 0; i < s->pack_count && r == 0; i++) {
		struct hf_verify_pack *p = hf_verify_find_pack(l->v, &s->packs[i]);
		if (p)
			hf_verify_packs_add(&l->listed, (uint32_t)(p - l->v->packs));
	}
	for (size_t i = 0; i < s->source_count && r == 0; i++) {
		l->source = &s->sources[i];
		r = check_source(l, err);
	}
	return r;
}

int hf_verify_snapshot(struct hf_verify *v, const struct hf_snapshot *s, struct hf_access *access, struct hf_error *err)
{
	for (size_t i = 0; i < s->pack_count; i++) {
		struct hf_verify_pack *p = hf_verify_find_pack(v, &s->packs[i]);
		if (p && p->damage)
			hf_verify_touch(v, p->damage, &s->ref.id, NULL, NULL);
	}
	struct look l = {.v = v, .access = access, .snapshot = s, .first = HF_BUF(HF_MANIFEST_PATH_MAX + 1),
		.last = HF_BUF(HF_MANIFEST_PATH_MAX + 1)};
	int r = check_sources(&l, err);
	hf_verify_packs_free(&l.listed);
	hf_verify_packs_free(&l.used);
	hf_verify_packs_free(&l.used_by_list);
	hf_buf_free(&l.first);
	hf_buf_free(&l.last);
	return r;
}
