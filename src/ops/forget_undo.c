/*
 * Taking back that snapshots were forgotten; see forget.h. A pruner may be at work: it deletes only packs that it condemned
 * before. So the order is that of a writer's commit: look at the condemnations, PUT the unforget entry, look again. If a pack
 * that a snapshot needs was condemned meanwhile, the pruner may not have seen the entry, and the snapshot is forgotten again; so it is
 * if the snapshot itself is gone by then, which goes before any pack does. (A pruner that looked before the entry and deletes the
 * snapshot only after this last look is not noticed here, but by all who read the catalogue from then on: they name the snapshot.)
 */
#include "base/hex.h"
#include "ops/forget.h"
#include "ops/snapshots.h"
#include "repo/condemned.h"

#include <stdlib.h>

/* --- which --------------------------------------------------------------------------------------------------------- */

static int find(const struct hf_catalogue *c, const char *prefix, struct hf_ref *out, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	size_t found = 0;
	if (!*prefix)
		return hf_fail(err, HF_E_USAGE, "an empty id names no snapshot");
	for (size_t i = 0; i < c->forgotten_count; i++) {
		hf_hex(c->forgotten[i].id.b, HF_ID_SIZE, id);
		if (strncmp(id, prefix, strlen(prefix)) != 0)
			continue;
		*out = c->forgotten[i];
		found++;
	}
	if (found > 1)
		return hf_fail(err, HF_E_USAGE, "\"%s\" fits %zu forgotten snapshots: give more of the id", prefix, found);
	return found ? 0 : hf_fail(err, HF_E_NOTFOUND, "no snapshot \"%s\" was forgotten", prefix);
}

static int find_all(const struct hf_catalogue *c, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err)
{
	out->snapshots = calloc(count + 1, sizeof(*out->snapshots));
	if (!out->snapshots)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		struct hf_ref ref;
		int r = find(c, ids[i], &ref, err);
		bool is_new = true;
		for (size_t n = 0; r == 0 && n < out->count; n++)
			is_new = is_new && !hf_ref_equal(&out->snapshots[n], &ref);
		if (r < 0)
			return r;
		if (is_new)
			out->snapshots[out->count++] = ref;
	}
	return 0;
}

/* --- whether it is all there --------------------------------------------------------------------------------------- */

struct needs {
	struct hf_ref *packs; /* of all the snapshots; sorted, none twice */
	size_t count;
	size_t there; /* of them, as the store lists them */
};

static int add_packs(struct hf_repository *repo, const struct hf_ref *snapshot, struct needs *n, struct hf_error *err)
{
	struct hf_snapshot s = {0};
	char id[HF_ID_TEXT];
	hf_hex(snapshot->id.b, HF_ID_SIZE, id);
	int r = hf_snapshot_get(repo, snapshot, HF_SNAPSHOT_WHOLE, &s, err);
	if (r == HF_E_NOTFOUND)
		r = hf_fail(err, r, "snapshot %s can't be had again: a prune deleted it", id);
	struct hf_ref *more = r == 0 ? reallocarray(n->packs, n->count + s.pack_count + 1, sizeof(*more)) : NULL;
	if (r == 0 && !more)
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0) {
		n->packs = more;
		if (s.pack_count)
			memcpy(more + n->count, s.packs, s.pack_count * sizeof(*more));
		n->count += s.pack_count;
	}
	hf_snapshot_free(&s);
	return r;
}

static int note_there(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)info;
	(void)err;
	struct needs *n = user;
	n->there += hf_ref_find(n->packs, n->count, ref);
	return 0;
}

static int check_condemned(struct hf_repository *repo, const struct needs *n, struct hf_error *err)
{
	struct hf_condemned condemned;
	size_t bad = 0;
	int r = hf_condemned_list(repo, &condemned, err);
	for (size_t i = 0; r == 0 && i < n->count; i++)
		bad += hf_condemned_has(&condemned, &n->packs[i]);
	if (r == 0 && bad)
		r = hf_fail(err, HF_E_NOTFOUND, "a prune condemned %zu of the %zu packs that this needs: it can't be had again", bad,
			n->count);
	else if (r == 0 && condemned.unreadable)
		r = hf_fail(err, HF_E_CORRUPT, "%zu condemnations can't be read: what is forgotten stays so", condemned.unreadable);
	hf_condemned_free(&condemned);
	return r;
}

static int check_snapshots(struct hf_repository *repo, const struct hf_forgotten *f, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->count; i++) {
		struct hf_object_info info;
		char name[HF_NAME_MAX];
		r = hf_store_stat(repo->store, hf_object_name(HF_KIND_SNAPSHOT, &f->snapshots[i], name), &info, err);
		if (r == HF_E_NOTFOUND)
			r = hf_fail(err, r, "a prune deleted %s meanwhile: it can't be had again", name);
	}
	return r;
}

static int check_there(struct hf_repository *repo, const struct hf_forgotten *f, struct needs *n, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < f->count; i++)
		r = add_packs(repo, &f->snapshots[i], n, err);
	n->count = hf_ref_sort(n->packs, n->count);
	if (r == 0)
		r = hf_object_list(repo->store, HF_KIND_PACK, note_there, n, err);
	if (r == 0 && n->there < n->count)
		r = hf_fail(err, HF_E_NOTFOUND, "%zu of the %zu packs that this needs are gone: it can't be had again",
			n->count - n->there, n->count);
	return r < 0 ? r : check_condemned(repo, n, err);
}

/* --- all together -------------------------------------------------------------------------------------------------- */

static int take_back(struct hf_catalogue *c, const struct hf_forgotten *f, const struct needs *n, struct hf_error *err)
{
	int r = hf_catalogue_unforget(c, f->snapshots, f->count, "asked for by id", err);
	if (r < 0)
		return r;
	r = check_condemned(c->repo, n, err);
	if (r == 0)
		r = check_snapshots(c->repo, f, err);
	if (r == 0)
		return 0;
	struct hf_error why = {0};
	if (hf_catalogue_forget(c, f->snapshots, f->count, "it went while it was taken back", &why) < 0)
		return hf_wrap(err, r, "forget it again (which failed: %s)", why.msg);
	return r;
}

int hf_forget_undo(struct hf_repository *repo, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err)
{
	struct hf_catalogue c = {0};
	struct needs needs = {0};
	*out = (struct hf_forgotten){0};
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "take back that snapshots were forgotten", err);
	if (r == 0)
		r = hf_catalogue_load(repo, NULL, &c, err);
	if (r == 0) {
		hf_catalogue_warn(&c);
		r = find_all(&c, ids, count, out, err);
	}
	if (r == 0)
		r = check_there(repo, out, &needs, err);
	if (r == 0)
		r = take_back(&c, out, &needs, err);
	free(needs.packs);
	hf_catalogue_free(&c);
	return r;
}
