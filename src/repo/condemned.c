/* Condemnations; see condemned.h. */
#include "repo/condemned.h"

#include "base/log.h"
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
	struct hf_condemned *out;
};

static int append(struct hf_condemned *c, const struct hf_ref *packs, size_t count, struct hf_error *err)
{
	struct hf_ref *more = reallocarray(c->packs, c->count + count, sizeof(*more));
	if (!more && c->count + count)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (count)
		memcpy(more + c->count, packs, count * sizeof(*packs));
	c->packs = more;
	c->count += count;
	return 0;
}

static int load_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct loading *l = user;
	struct hf_object o = {0};
	struct hf_ref *packs = NULL;
	struct hf_error why = {0};
	size_t count;
	if (!(hf_writer_rights(l->repo, &ref->writer) & HF_RIGHT_MAINTAIN)) {
		hf_warn("%s is set aside: its writer has not the right to condemn packs", info->name);
		return 0;
	}
	int r = hf_object_fetch(l->repo, HF_KIND_CONDEMNED, ref, false, &o, &why);
	if (r == 0)
		r = hf_ref_list_parse(o.clear, "packs", &packs, &count, &why);
	if (r == 0) {
		r = append(l->out, packs, count, err);
	} else if (hf_object_is_lost(r)) {
		hf_warn("a condemnation can't be read: %s", why.msg);
		l->out->unreadable++;
		r = 0;
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	free(packs);
	hf_object_free(&o);
	return r;
}

int hf_condemned_list(struct hf_repository *repo, struct hf_condemned *out, struct hf_error *err)
{
	*out = (struct hf_condemned){0};
	struct loading l = {repo, out};
	int r = hf_object_list(repo->store, HF_KIND_CONDEMNED, load_one, &l, err);
	out->count = hf_ref_sort(out->packs, out->count);
	return r < 0 ? hf_wrap(err, r, "list condemned packs") : 0;
}
