/*
 * Loading the catalogue; see catalogue.h. All entries are read, put in order, judged (rights, revocations), and those that are
 * believed kept; then points are made of them (catalogue_points.c).
 */
#include "base/hex.h"
#include "base/log.h"
#include "repo/catalogue_internal.h"
#include "repo/object_fetch.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RECORD_MAX = 64 << 20,
	LOADS = 3, /* what is gone by all of them is gone */
	LOADS_WHILE_VANISHING = 8, /* a prune may be deleting what a checkpoint replaced */
};

const char *hf_time_trust_name(enum hf_time_trust trust)
{
	static const char *const names[] = {"writer", "store", "future"};
	return names[trust];
}

void hf_catalogue_free(struct hf_catalogue *c)
{
	for (size_t i = 0; i < c->entry_count; i++)
		hf_catalogue_entry_free(&c->entries[i]);
	for (size_t i = 0; i < c->point_count; i++) {
		if (c->points[i].snapshot)
			hf_snapshot_free(c->points[i].snapshot);
		free(c->points[i].snapshot);
		free(c->points[i].why);
	}
	for (size_t i = 0; i < c->problem_count; i++)
		free(c->problems[i].why);
	free(c->entries);
	free(c->heads);
	free(c->points);
	free(c->forgotten);
	free(c->problems);
	free(c->missing);
	free(c->unread_voids.refs);
	*c = (struct hf_catalogue){0};
}

int hf_catalogue_blame(struct hf_catalogue *c, const char *object, bool is_loss, const char *why, struct hf_error *err)
{
	struct hf_catalogue_problem *more = reallocarray(c->problems, c->problem_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	c->problems = more;
	struct hf_catalogue_problem *p = &more[c->problem_count];
	*p = (struct hf_catalogue_problem){.is_loss = is_loss, .why = strdup(why)};
	if (!p->why)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	strncpy(p->object, object, sizeof(p->object) - 1);
	c->problem_count++;
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

struct loading {
	struct hf_catalogue *c; /* its entries: all that are signed, before they are judged */
	bool from_store;
	bool *apart; /* by entry: not to be believed */
};

static int append(struct hf_catalogue *c, const struct hf_catalogue_entry *e, struct hf_error *err)
{
	/* Grows by doubling: the capacity is the next power of two. */
	if ((c->entry_count & (c->entry_count - 1)) == 0) {
		size_t room = c->entry_count ? 2 * c->entry_count : 1;
		struct hf_catalogue_entry *more = reallocarray(c->entries, room, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		c->entries = more;
	}
	c->entries[c->entry_count++] = *e;
	return 0;
}

static int load_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct loading *l = user;
	struct hf_object o = {0};
	struct hf_catalogue_entry e = {0};
	struct hf_error why = {0};
	bool damaged = false;
	int r = hf_object_fetch(l->c->repo, HF_KIND_ENTRY, ref, l->from_store, &o, &why);
	if (r < 0)
		damaged = hf_object_is_lost(r);
	else
		r = hf_catalogue_entry_parse(&o, &e, &why);
	hf_object_free(&o);
	e.store_time = info->time_ns;
	if (r == 0) {
		r = append(l->c, &e, err);
		if (r == 0)
			return 0;
	} else if (hf_object_is_lost(r)) {
		l->c->damaged += damaged;
		l->c->vanished += r == HF_E_NOTFOUND;
		r = hf_catalogue_blame(l->c, info->name, damaged, why.msg, err);
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	hf_catalogue_entry_free(&e);
	return r;
}

/* --- judging ------------------------------------------------------------------------------------------------------- */

static int set_apart(struct loading *l, size_t i, const char *why, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	l->apart[i] = true;
	return hf_catalogue_blame(l->c, hf_object_name(HF_KIND_ENTRY, &l->c->entries[i].ref, name), false, why, err);
}

/* Rights. */
static int judge(struct loading *l, size_t i, struct hf_error *err)
{
	const struct hf_catalogue_entry *e = &l->c->entries[i];
	const struct hf_repository *repo = l->c->repo;
	char why[200];
	l->c->unknown += !e->kind;
	if (!e->kind)
		return set_apart(l, i, "it is of a type that this version does not know", err);
	unsigned right = hf_catalogue_entry_right(e->kind);
	bool may = e->kind == HF_CATALOGUE_REVOKE ? hf_id_equal(&e->ref.writer, &repo->key->owner_id)
						  : (hf_writer_rights(repo, &e->ref.writer) & right) == right;
	if (may)
		return 0;
	snprintf(why, sizeof(why), "its writer has not the right to make an entry of type %s",
		hf_catalogue_entry_name(e->kind));
	return set_apart(l, i, why, err);
}

static int set_apart_revoked(struct loading *l, size_t i, struct hf_error *err)
{
	int r = set_apart(l, i, "its writer's key was revoked before it", err);
	if (r == 0)
		l->c->problems[l->c->problem_count - 1].is_revoked = true;
	return r;
}

/* Sets apart what the revoked key wrote after the last entry of it that is still believed. */
static int revoke(struct loading *l, const struct hf_graph *g, const struct hf_catalogue_entry *by, struct hf_error *err)
{
	bool *believed = calloc(g->count, sizeof(*believed));
	if (!believed)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	ssize_t last = by->has_last ? hf_graph_find(g, &by->last) : -1;
	int r = last >= 0 ? hf_graph_mark(g, (size_t)last, believed, err) : 0;
	for (size_t i = 0; r == 0 && i < g->count; i++)
		if (hf_id_equal(&g->entries[i].ref.writer, &by->key) && !believed[i] && !l->apart[i])
			r = set_apart_revoked(l, i, err);
	free(believed);
	return r;
}

static int judge_all(struct loading *l, const struct hf_graph *g, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < g->count; i++)
		r = judge(l, i, err);
	for (size_t i = 0; r == 0 && i < g->count; i++)
		if (g->entries[i].kind == HF_CATALOGUE_REVOKE && !l->apart[i])
			r = revoke(l, g, &g->entries[i], err);
	return r;
}

/* --- heads, and what is not there ---------------------------------------------------------------------------------- */

static int append_hash(struct hf_hash **list, size_t *count, const struct hf_hash *hash, struct hf_error *err)
{
	struct hf_hash *more = reallocarray(*list, *count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	*list = more;
	more[(*count)++] = *hash;
	return 0;
}

/* Entries that no believed one names as a parent. */
static int find_heads(struct loading *l, const struct hf_graph *g, struct hf_error *err)
{
	bool *named = calloc(g->count + 1, sizeof(*named));
	int r = named ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < g->count; i++)
		for (size_t p = 0; !l->apart[i] && p < g->entries[i].parent_count; p++) {
			ssize_t parent = hf_graph_find(g, &g->entries[i].parents[p]);
			if (parent >= 0)
				named[parent] = true;
		}
	for (size_t i = 0; r == 0 && i < g->count; i++)
		if (!named[i] && !l->apart[i])
			r = append_hash(&l->c->heads, &l->c->head_count, &g->entries[i].hash, err);
	free(named);
	return r;
}

struct knowing {
	const struct loading *l;
	const struct hf_graph *g;
	struct hf_hash_set covered;
};

/* There, or replaced by a checkpoint. */
static bool is_known(const struct hf_hash *hash, void *user)
{
	const struct knowing *k = user;
	return hf_graph_find(k->g, hash) >= 0 || hf_hash_set_has(&k->covered, hash);
}

static bool is_listed(const struct hf_hash *list, size_t count, const struct hf_hash *hash)
{
	for (size_t i = 0; i < count; i++)
		if (hf_hash_equal(&list[i], hash))
			return true;
	return false;
}

static int find_missing(struct knowing *k, struct hf_error *err)
{
	struct hf_catalogue *c = k->l->c;
	int r = 0;
	for (size_t i = 0; r == 0 && i < k->g->count; i++)
		for (size_t p = 0; r == 0 && !k->l->apart[i] && p < k->g->entries[i].parent_count; p++) {
			const struct hf_hash *parent = &k->g->entries[i].parents[p];
			if (!is_known(parent, k) && !is_listed(c->missing, c->missing_count, parent))
				r = append_hash(&c->missing, &c->missing_count, parent, err);
		}
	if (r == 0 && c->missing_count > c->damaged) {
		char why[160];
		snprintf(why, sizeof(why), "%zu of the catalogue's entries, which others name, are gone",
			c->missing_count - c->damaged);
		r = hf_catalogue_blame(c, "", true, why, err);
	}
	return r;
}

static int find_rollback(struct knowing *k, struct hf_error *err)
{
	struct hf_catalogue *c = k->l->c;
	const struct hf_state *state = &c->repo->state;
	for (size_t i = 0; i < state->head_count; i++)
		c->rolled_back += !is_known(&state->heads[i], k);
	if (!c->rolled_back)
		return 0;
	char why[512];
	snprintf(why, sizeof(why),
		"the catalogue was rolled back: entries that this host saw before are gone, and perhaps restore points with "
		"them (remembered in %s; remove that file if the repository was put back on purpose)", state->path);
	return hf_catalogue_blame(c, "", true, why, err);
}

static void remember(struct knowing *k)
{
	const struct hf_catalogue *c = k->l->c;
	const struct hf_state_seen seen = {.config = c->repo->config.n,
		.heads = c->heads,
		.head_count = c->head_count,
		.is_known = is_known,
		.user = k};
	bool same = c->repo->state.head_count == c->head_count;
	for (size_t i = 0; same && i < c->head_count; i++)
		same = is_listed(c->repo->state.heads, c->repo->state.head_count, &c->heads[i]);
	if (!same || !c->repo->state.known)
		hf_state_remember(&c->repo->state, &seen);
}

/* --- all together -------------------------------------------------------------------------------------------------- */

/* Keeps the believed entries, in order. */
static int keep_believed(struct loading *l, const struct hf_graph *g, struct hf_error *err)
{
	size_t *order = calloc(g->count + 1, sizeof(*order)), kept = 0;
	struct hf_catalogue_entry *sorted = calloc(g->count + 1, sizeof(*sorted));
	int r = order && sorted ? hf_graph_order(g, order, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r < 0) {
		free(order);
		free(sorted);
		return r;
	}
	for (size_t i = 0; i < g->count; i++) {
		struct hf_catalogue_entry *e = &l->c->entries[order[i]];
		if (l->apart[order[i]])
			hf_catalogue_entry_free(e);
		else
			sorted[kept++] = *e;
	}
	free(order);
	free(l->c->entries);
	l->c->entries = sorted;
	l->c->entry_count = kept;
	return 0;
}

static int digest(struct loading *l, struct hf_error *err)
{
	struct hf_graph g;
	int r = hf_graph_init(&g, l->c->entries, l->c->entry_count, err);
	if (r < 0)
		return r;
	struct knowing k = {.l = l, .g = &g};
	l->apart = calloc(g.count + 1, sizeof(*l->apart));
	r = l->apart ? judge_all(l, &g, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_graph_covered(&g, l->apart, &k.covered, err);
	if (r == 0)
		r = find_heads(l, &g, err);
	if (r == 0)
		r = find_missing(&k, err);
	if (r == 0)
		r = find_rollback(&k, err);
	if (r == 0)
		remember(&k);
	if (r == 0)
		r = keep_believed(l, &g, err);
	free(l->apart);
	hf_hash_set_free(&k.covered);
	hf_graph_free(&g);
	return r;
}

static int load(struct hf_repository *repo, const struct hf_catalogue_options *options, struct hf_catalogue *out, struct hf_error *err)
{
	*out = (struct hf_catalogue){.repo = repo};
	struct loading l = {.c = out, .from_store = options->from_store};
	int r = hf_object_list(repo->store, HF_KIND_ENTRY, load_one, &l, err);
	if (r == 0)
		r = digest(&l, err);
	return r < 0 ? r : hf_catalogue_make_points(out, options, err);
}

/* Lists are not of one moment: one may have an entry that was added while it was made, and lack the one before, or an entry that a
 * prune deletes before it is read; and a snapshot of one list of entries may be forgotten and deleted before snapshots are listed. */
static bool may_be_torn(const struct hf_catalogue *c, int loads)
{
	if (c->vanished)
		return loads < LOADS_WHILE_VANISHING;
	if (loads >= LOADS)
		return false;
	for (size_t i = 0; i < c->point_count; i++)
		if (c->points[i].failure == HF_E_NOTFOUND)
			return true;
	return c->missing_count > c->damaged;
}

int hf_catalogue_load(struct hf_repository *repo, const struct hf_catalogue_options *options, struct hf_catalogue *out,
	struct hf_error *err)
{
	static const struct hf_catalogue_options none;
	options = options ? options : &none;
	int r = load(repo, options, out, err);
	for (int i = 1; r == 0 && may_be_torn(out, i); i++) {
		hf_catalogue_free(out);
		r = load(repo, options, out, err);
	}
	return r < 0 ? hf_wrap(err, r, "load the catalogue of %s", repo->url) : 0;
}

int hf_catalogue_begin_unlisted(struct hf_repository *repo, struct hf_catalogue *out, struct hf_error *err)
{
	int r = 0;
	*out = (struct hf_catalogue){.repo = repo};
	for (size_t i = 0; r == 0 && i < repo->state.head_count; i++)
		r = append_hash(&out->heads, &out->head_count, &repo->state.heads[i], err);
	return r;
}

int hf_catalogue_expect(const struct hf_catalogue *c, const char *head, struct hf_error *err)
{
	struct hf_hash hash;
	if (!hf_unhex(head, hash.b, sizeof(hash.b)))
		return hf_fail(err, HF_E_USAGE, "\"%s\" is no head of a catalogue: give the 64 digits that backup printed", head);
	for (size_t i = 0; i < c->entry_count; i++)
		if (hf_hash_equal(&c->entries[i].hash, &hash) ||
			is_listed(c->entries[i].covers, c->entries[i].cover_count, &hash))
			return 0;
	return hf_fail(err, HF_E_CHECK, "the catalogue of %s has no entry %s: the repository was rolled back, or is another",
		c->repo->url, head);
}

int hf_catalogue_record(const struct hf_catalogue *c, const struct hf_catalogue_entry *entry, json_t **out,
	struct hf_error *err)
{
	HF_BUF_AUTO plain = HF_BUF(RECORD_MAX);
	struct hf_object o;
	*out = NULL;
	int r = hf_object_fetch(c->repo, HF_KIND_ENTRY, &entry->ref, false, &o, err);
	if (r == 0)
		r = hf_object_open(&o, c->repo->key, &plain, err);
	hf_object_free(&o);
	return r < 0 ? r : hf_json_parse(plain.data, plain.len, out, err);
}
