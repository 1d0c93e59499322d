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
	*c = (struct hf_condemned){0};
}

bool hf_condemned_has(const struct hf_condemned *c, const struct hf_ref *pack)
{
	return hf_ref_find(c->packs, c->count, pack);
}

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
	struct hf_error why = {0};
	struct hf_condemnation c = {.ref = *ref, .time_ns = info->time_ns};
	if (!(hf_writer_rights(l->repo, &ref->writer) & HF_RIGHT_MAINTAIN)) {
		hf_warn("%s is set aside: its writer has not the right to condemn packs", info->name);
		return 0;
	}
	int r = hf_object_fetch(l->repo, HF_KIND_CONDEMNED, ref, false, &o, &why);
	if (r == 0)
		r = hf_ref_list_parse(o.clear, "packs", &packs, &c.pack_count, &why);
	if (r == HF_E_NOTFOUND) {
		r = 0; /* collected since it was listed: then it is of no use any more */
	} else if (r == 0 || hf_object_is_lost(r)) {
		c.packs = packs;
		c.unreadable = r < 0 ? why.msg : NULL;
		r = l->each(&c, l->user, err);
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	free(packs);
	hf_object_free(&o);
	return r;
}

int hf_condemned_each(struct hf_repository *repo, hf_condemnation_each *each, void *user, struct hf_error *err)
{
	struct loading l = {repo, each, user};
	int r = hf_object_list(repo->store, HF_KIND_CONDEMNED, load_one, &l, err);
	return r < 0 ? hf_wrap(err, r, "list condemned packs") : r;
}

static int append(const struct hf_condemnation *one, void *user, struct hf_error *err)
{
	struct hf_condemned *c = user;
	if (one->unreadable) {
		hf_warn("a condemnation can't be read: %s", one->unreadable);
		c->unreadable++;
		return 0;
	}
	struct hf_ref *more = reallocarray(c->packs, c->count + one->pack_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (one->pack_count)
		memcpy(more + c->count, one->packs, one->pack_count * sizeof(*more));
	c->packs = more;
	c->count += one->pack_count;
	return 0;
}

int hf_condemned_list(struct hf_repository *repo, struct hf_condemned *out, struct hf_error *err)
{
	*out = (struct hf_condemned){0};
	int r = hf_condemned_each(repo, append, out, err);
	out->count = hf_ref_sort(out->packs, out->count);
	return r;
}

int hf_condemned_put(struct hf_repository *repo, const struct hf_ref *packs, size_t count, struct hf_ref *out,
	struct hf_error *err)
{
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "condemn packs", err);
	if (r < 0)
		return r;
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "packs", hf_ref_list_json(packs, count));
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	struct hf_object_new o = {
		.kind = HF_KIND_CONDEMNED, .form = HF_FORM_PLAIN, .key = repo->key, .id = hf_id_new(), .clear = clear};
	*out = (struct hf_ref){repo->key->id, o.id};
	r = hf_object_put(repo->store, &o, NULL, err);
	return r < 0 ? hf_wrap(err, r, "condemn packs") : 0;
}
