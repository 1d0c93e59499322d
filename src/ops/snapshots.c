/* Listing restore points; see snapshots.h. */
#include "ops/snapshots.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>

bool hf_catalogue_warn(const struct hf_catalogue *c)
{
	bool loss = false;
	for (size_t i = 0; i < c->problem_count; i++) {
		const struct hf_catalogue_problem *p = &c->problems[i];
		loss = loss || p->is_loss;
		/* What is wrong with an object often names it already. */
		bool named = !*p->object || strstr(p->why, p->object);
		hf_warn("%s%s%s", named ? "" : p->object, named ? "" : ": ", p->why);
	}
	return loss;
}

static bool has_tag(const struct hf_snapshot *s, const char *tag)
{
	for (size_t i = 0; i < s->tag_count; i++)
		if (strcmp(s->tags[i], tag) == 0)
			return true;
	return false;
}

/* What can't be read is shown whatever was asked for: it may be what was meant. */
static bool is_asked_for(const struct hf_repository *repo, const struct hf_snapshots_options *o, const struct hf_point *p)
{
	const struct hf_cert *cert = hf_certs_find(&repo->certs, &p->ref.writer);
	const struct hf_snapshot *s = p->snapshot;
	if (!s)
		return true;
	if (o->host && strcmp(s->host, o->host) != 0 && !(cert && strcmp(cert->name, o->host) == 0))
		return false;
	return (!o->source || hf_snapshot_source(s, o->source)) && (!o->tag || has_tag(s, o->tag));
}

int hf_snapshots_list(struct hf_repository *repo, const struct hf_snapshots_options *options, struct hf_snapshots *out,
	struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	*out = (struct hf_snapshots){0};
	int r = hf_repository_require_reading(repo, false, "list snapshots", err);
	if (r == 0)
		r = hf_catalogue_load(repo, &all, &out->catalogue, err);
	if (r == 0 && options->expect_head)
		r = hf_catalogue_expect(&out->catalogue, options->expect_head, err);
	if (r < 0)
		return r;
	out->points = calloc(out->catalogue.point_count + 1, sizeof(struct hf_point *));
	if (!out->points)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < out->catalogue.point_count; i++)
		if (is_asked_for(repo, options, &out->catalogue.points[i]))
			out->points[out->count++] = &out->catalogue.points[i];
	out->is_whole = !hf_catalogue_warn(&out->catalogue);
	return 0;
}

void hf_snapshots_free(struct hf_snapshots *s)
{
	hf_catalogue_free(&s->catalogue);
	free(s->points);
	*s = (struct hf_snapshots){0};
}
