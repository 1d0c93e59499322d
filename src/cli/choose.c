/* Choosing a snapshot; see choose.h. */
#include "cli/choose.h"

#include "ops/snapshots.h"

int hf_choose(struct hf_repository *repo, const struct hf_select_options *select, const char *what,
	struct hf_choice *out, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	*out = (struct hf_choice){0};
	int r = hf_repository_require_reading(repo, true, what, err);
	if (r == 0)
		r = hf_catalogue_load(repo, &all, &out->catalogue, err);
	if (r < 0)
		return r;
	hf_catalogue_warn(&out->catalogue);
	return hf_catalogue_select(&out->catalogue, select, &out->point, &out->source, err);
}

void hf_choice_free(struct hf_choice *c)
{
	hf_catalogue_free(&c->catalogue);
	*c = (struct hf_choice){0};
}
