/* Condemnations; see condemned.h. */
#include "repo/condemned.h"

#include "base/log.h"
#include "base/time.h"
#include "repo/object_fetch.h"
#include "repo/ref_list.h"

#include <stdlib.h>

void hf_condemned_free(struct hf_condemned *c)
{
	free(c->packs);
	free(c->moved);
	*c = (struct hf_condemned){0};
}

bool hf_condemned_has(const struct hf_condemned *c, const struct hf_ref *pack)
{
	return hf_ref_find(c->packs, c->count, pack);
}

/* --- where packs were moved to ---------------------------------------------------------------------------------------- */

static int by_moved(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_moved));
}

/* The first with this `from`, or where it would be. */
static size_t first_moved(const struct hf_condemned *c, const struct hf_ref *from)
{
	size_t low = 0, high = c->moved_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (hf_ref_compare(&c->moved[middle].from, from) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_among(const struct hf_ref *refs, size_t sorted, size_t count, const struct hf_ref *ref)
{
	bool found = hf_ref_find(refs, sorted, ref);
	for (size_t i = sorted; i < count && !found; i++)
		found = hf_ref_equal(&refs[i], ref);
	return found;
}

int hf_condemned_follow(const struct hf_condemned *c, struct hf_ref **packs, size_t *count, struct hf_error *err)
{
	size_t sorted = *count = hf_ref_sort(*packs, *count);
	for (size_t i = 0; i < *count && c->moved_count; i++) { /* what is added is looked at in its turn */
		const struct hf_ref from = (*packs)[i];
		for (size_t m = first_moved(c, &from); m < c->moved_count && hf_ref_equal(&c->moved[m].from, &from); m++) {
			if (is_among(*packs, sorted, *count, &c->moved[m].to))
				continue;
			struct hf_ref *more = reallocarray(*packs, *count + 1, sizeof(*more));
			if (!more)
				return hf_fail(err, HF_E_NOMEM, "out of memory");
			*packs = more;
			more[(*count)++] = c->moved[m].to;
		}
	}
	*count = hf_ref_sort(*packs, *count);
	return 0;
}

/* "moved":[{"from":pack,"to":[pack,…]},…], which may be missing. */
static int parse_moved_one(const json_t *j, struct hf_moved **out, size_t *count, struct hf_error *err)
{
	struct hf_ref from, *to = NULL;
	size_t n = 0;
	json_t *f;
	int r = hf_json_object(j, "from", &f, err);
	if (r == 0)
		r = hf_ref_parse(f, &from, err);
	if (r == 0)
		r = hf_ref_list_parse(j, "to", &to, &n, err);
	struct hf_moved *more = r == 0 ? reallocarray(*out, *count + n + 1, sizeof(*more)) : NULL;
	if (r == 0 && !more)
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < n; i++)
		more[(*count)++] = (struct hf_moved){from, to[i]};
	if (more)
		*out = more;
	free(to);
	return r;
}

static int parse_moved(const json_t *clear, struct hf_moved **out, size_t *count, struct hf_error *err)
{
	json_t *all;
	if (!json_object_get(clear, "moved"))
		return 0;
	int r = hf_json_array(clear, "moved", &all, err);
	for (size_t i = 0; r == 0 && i < json_array_size(all); i++)
		r = parse_moved_one(json_array_get(all, i), out, count, err);
	return r;
}

static json_t *moved_json(const struct hf_moved *moved, size_t count)
{
	json_t *all = json_array();
	for (size_t i = 0; i < count;) {
		json_t *one = json_object(), *to = json_array();
		const struct hf_ref *from = &moved[i].from;
		json_object_set_new(one, "from", hf_ref_json(from));
		for (; i < count && hf_ref_equal(&moved[i].from, from); i++)
			json_array_append_new(to, hf_ref_json(&moved[i].to));
		json_object_set_new(one, "to", to);
		json_array_append_new(all, one);
	}
	return all;
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

struct loading {
	struct hf_repository *repo;
	hf_condemnation_each *each;
	void *user;
};

static int load_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	const struct loading *l = user;
	struct hf_object o = {0};
	struct hf_ref *packs = NULL;
	struct hf_moved *moved = NULL;
	struct hf_error why = {0};
	struct hf_condemnation c = {.ref = *ref, .time_ns = info->time_ns};
	if (!(hf_writer_rights(l->repo, &ref->writer) & HF_RIGHT_MAINTAIN)) {
		hf_warn("%s is set aside: its writer has not the right to condemn packs", info->name);
		return 0;
	}
	int r = hf_object_fetch(l->repo, HF_KIND_CONDEMNED, ref, false, &o, &why);
	if (r == 0)
		r = hf_ref_list_parse(o.clear, "packs", &packs, &c.pack_count, &why);
	if (r == 0)
		r = parse_moved(o.clear, &moved, &c.moved_count, &why);
	if (r == HF_E_NOTFOUND) {
		r = 0; /* collected since it was listed: then it is of no use any more */
	} else if (r == 0 || hf_object_is_lost(r)) {
		c.packs = packs;
		c.moved = moved;
		c.unreadable = r < 0 ? why.msg : NULL;
		r = l->each(&c, l->user, err);
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	free(packs);
	free(moved);
	hf_object_free(&o);
	return r;
}

int hf_condemned_each(struct hf_repository *repo, hf_condemnation_each *each, void *user, struct hf_error *err)
{
	struct loading l = {repo, each, user};
	int r = hf_object_list(repo->store, HF_KIND_CONDEMNED, load_one, &l, err);
	return r < 0 ? hf_wrap(err, r, "list condemned packs") : r;
}

int hf_condemned_add(struct hf_condemned *c, const struct hf_condemnation *one, struct hf_error *err)
{
	struct hf_ref *packs = reallocarray(c->packs, c->count + one->pack_count + 1, sizeof(*packs));
	if (packs)
		c->packs = packs;
	struct hf_moved *moved = reallocarray(c->moved, c->moved_count + one->moved_count + 1, sizeof(*moved));
	if (moved)
		c->moved = moved;
	if (!packs || !moved)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (one->pack_count)
		memcpy(packs + c->count, one->packs, one->pack_count * sizeof(*packs));
	if (one->moved_count)
		memcpy(moved + c->moved_count, one->moved, one->moved_count * sizeof(*moved));
	c->count += one->pack_count;
	c->moved_count += one->moved_count;
	return 0;
}

void hf_condemned_sort(struct hf_condemned *c)
{
	c->count = hf_ref_sort(c->packs, c->count);
	if (c->moved_count)
		qsort(c->moved, c->moved_count, sizeof(*c->moved), by_moved);
}

static int append(const struct hf_condemnation *one, void *user, struct hf_error *err)
{
	struct hf_condemned *c = user;
	if (!one->unreadable)
		return hf_condemned_add(c, one, err);
	hf_warn("a condemnation can't be read: %s", one->unreadable);
	c->unreadable++;
	return 0;
}

int hf_condemned_list(struct hf_repository *repo, struct hf_condemned *out, struct hf_error *err)
{
	*out = (struct hf_condemned){0};
	int r = hf_condemned_each(repo, append, out, err);
	hf_condemned_sort(out);
	return r;
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

/* `clear` is consumed. */
static int put(struct hf_repository *repo, json_t *clear, struct hf_ref *out, struct hf_error *err)
{
	HF_JSON_AUTO *mine = clear;
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "condemn packs", err);
	if (r < 0)
		return r;
	json_object_set_new(mine, "time", hf_json_time(hf_time_now()));
	struct hf_object_new o = {
		.kind = HF_KIND_CONDEMNED, .form = HF_FORM_PLAIN, .key = repo->key, .id = hf_id_new(), .clear = mine};
	*out = (struct hf_ref){repo->key->id, o.id};
	r = hf_object_put(repo->store, &o, NULL, err);
	return r < 0 ? hf_wrap(err, r, "condemn packs") : 0;
}

int hf_condemned_put(struct hf_repository *repo, const struct hf_ref *packs, size_t count, struct hf_ref *out,
	struct hf_error *err)
{
	json_t *clear = json_object();
	json_object_set_new(clear, "packs", hf_ref_list_json(packs, count));
	return put(repo, clear, out, err);
}

/* It names the packs once more: so it is kept as long as their condemnation must be. */
int hf_condemned_put_moved(struct hf_repository *repo, const struct hf_moved *moved, size_t count, struct hf_error *err)
{
	json_t *clear = json_object(), *packs = json_array();
	struct hf_ref ref;
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !hf_ref_equal(&moved[i].from, &moved[i - 1].from))
			json_array_append_new(packs, hf_ref_json(&moved[i].from));
	json_object_set_new(clear, "packs", packs);
	json_object_set_new(clear, "moved", moved_json(moved, count));
	return put(repo, clear, &ref, err);
}
