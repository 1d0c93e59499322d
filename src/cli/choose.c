/* Choosing a snapshot; see choose.h. */
#include "cli/choose.h"

#include "ops/snapshots.h"
#include "policy/policy.h"

#include <string.h>

void hf_choose_by_policy(const struct hf_cli *cli, struct hf_select_options *select)
{
	if (!cli->policy || strcmp(select->selector, "latest") != 0)
		return;
	select->any_of = (const char *const *)cli->policy->source_names;
	if (!select->host)
		select->host = cli->policy->host;
}

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
