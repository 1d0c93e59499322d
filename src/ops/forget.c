/* Forgetting restore points; see forget.h. */
#include "ops/forget.h"

#include "ops/snapshots.h"

#include <stdlib.h>

static bool is_listed(const struct hf_forgotten *f, const struct hf_ref *ref)
{
	for (size_t i = 0; i < f->count; i++)
		if (hf_ref_equal(&f->snapshots[i], ref))
			return true;
	return false;
}

static int find_all(const struct hf_catalogue *c, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err)
{
	out->snapshots = calloc(count + 1, sizeof(*out->snapshots));
	if (!out->snapshots)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct hf_point *p;
		int r = hf_catalogue_find(c, ids[i], &p, err);
		if (r < 0)
			return r;
		if (!is_listed(out, &p->ref))
			out->snapshots[out->count++] = p->ref;
	}
	return 0;
}

int hf_forget(struct hf_repository *repo, const char *const *ids, size_t count, struct hf_forgotten *out,
	struct hf_error *err)
{
	struct hf_catalogue c;
	*out = (struct hf_forgotten){0};
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "forget snapshots", err);
	if (r < 0)
		return r;
	r = hf_catalogue_load(repo, NULL, &c, err);
	if (r == 0) {
		hf_catalogue_warn(&c);
		r = find_all(&c, ids, count, out, err);
	}
	if (r == 0)
		r = hf_catalogue_forget(&c, out->snapshots, out->count, "asked for by id", err);
	hf_catalogue_free(&c);
	return r;
}

void hf_forgotten_free(struct hf_forgotten *f)
{
	free(f->snapshots);
	*f = (struct hf_forgotten){0};
}
