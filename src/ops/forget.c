/* Forgetting restore points; see forget.h. */
#include "ops/forget.h"

#include "base/hex.h"
#include "ops/snapshots.h"

#include <stdlib.h>
#include <string.h>

static bool is_listed(const struct hf_forgotten *f, const struct hf_ref *ref)
{
	for (size_t i = 0; i < f->count; i++)
		if (hf_ref_equal(&f->snapshots[i], ref))
			return true;
	return false;
}

static bool is_latest(const char *which)
{
	return strncmp(which, "latest", 6) == 0;
}

static int find_latest(const struct hf_catalogue *c, const struct hf_select_options *options, const struct hf_point **out,
	struct hf_error *err)
{
	const char *source;
	char id[HF_ID_TEXT];
	int r = hf_catalogue_select(c, options, out, &source, err);
	if (r == 0 && source && (*out)->snapshot->source_count > 1)
		r = hf_fail(err, HF_E_USAGE, "snapshot %s holds other sources beside %s, and can only be forgotten whole: if it is to be, "
			"give its id", hf_hex((*out)->ref.id.b, HF_ID_SIZE, id), source);
	return r;
}

static int find_all(const struct hf_catalogue *c, const struct hf_forget_names *names, struct hf_forgotten *out, struct hf_error *err)
{
	out->snapshots = calloc(names->count + 1, sizeof(*out->snapshots));
	if (!out->snapshots)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < names->count; i++) {
		const struct hf_point *p;
		const struct hf_select_options options = {.selector = names->which[i], .any_of = names->any_of};
		int r = is_latest(options.selector) ? find_latest(c, &options, &p, err) : hf_catalogue_find(c, options.selector, &p, err);
		if (r < 0)
			return r;
		if (!is_listed(out, &p->ref))
			out->snapshots[out->count++] = p->ref;
	}
	return 0;
}

int hf_forget(struct hf_repository *repo, const struct hf_forget_names *names, struct hf_forgotten *out, struct hf_error *err)
{
	struct hf_catalogue c;
	struct hf_catalogue_options options = {0};
	*out = (struct hf_forgotten){0};
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "forget snapshots", err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < names->count; i++)
		options.snapshots = options.snapshots || is_latest(names->which[i]);
	r = hf_catalogue_load(repo, &options, &c, err);
	if (r == 0) {
		hf_catalogue_warn(&c);
		r = find_all(&c, names, out, err);
	}
	if (r == 0)
		r = hf_catalogue_forget(&c, out->snapshots, out->count, "asked for by name", err);
	hf_catalogue_free(&c);
	return r;
}

void hf_forgotten_free(struct hf_forgotten *f)
{
	free(f->snapshots);
	*f = (struct hf_forgotten){0};
}
