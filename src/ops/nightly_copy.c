/*
 * The nightly job's copies: what was just taken, and before it what earlier nights took and could not copy, as long as it is still a
 * restore point. What is older than the newest copy is not looked at again: it may have been forgotten there.
 */
#include "base/size.h"
#include "ops/copy.h"
#include "ops/nightly_internal.h"

#include <stdio.h>
#include <stdlib.h>

/* The time of the newest copy of what that writer made; INT64_MAX: there is none, or this key can't tell. */
static int newest_copy(struct hf_nightly *n, int64_t *out, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	const struct hf_id *writer = &n->result->backup.snapshot.writer;
	struct hf_catalogue c = {0};
	bool found = false;
	*out = INT64_MAX;
	if (hf_repository_require_reading(*n->to, false, "", NULL) < 0)
		return 0;
	int r = hf_catalogue_load(*n->to, &all, &c, err);
	for (size_t i = 0; r == 0 && i < c.point_count; i++) {
		const struct hf_snapshot *s = c.points[i].snapshot;
		if (!s || !s->is_copy || !hf_id_equal(&s->origin.repository, &n->options->repo->id) ||
			!hf_id_equal(&s->origin.snapshot.writer, writer))
			continue;
		*out = found && *out > c.points[i].time ? *out : c.points[i].time;
		found = true;
	}
	hf_catalogue_free(&c);
	return r;
}

static size_t choose(const struct hf_nightly *n, const struct hf_catalogue *c, int64_t after, const struct hf_point **out)
{
	const struct hf_ref *taken = &n->result->backup.snapshot;
	size_t count = 0;
	for (size_t i = 0; i < c->point_count; i++) {
		const struct hf_point *p = &c->points[i];
		bool is_late = p->snapshot && p->time_trust != HF_TIME_FUTURE && p->time > after &&
			       hf_id_equal(&p->ref.writer, &taken->writer);
		if (is_late || hf_ref_equal(&p->ref, taken))
			out[count++] = p;
	}
	return count;
}

static int copy_points(struct hf_nightly *n, const struct hf_catalogue *c, int64_t after, struct hf_copies *copies,
	struct hf_error *err)
{
	const struct hf_policy *p = n->options->policy;
	const struct hf_copy_options o = {.from = n->options->repo, .to = *n->to, .scratch = p->scratch,
		.level = (int)p->compression, .verify = p->verify.written, .progress = n->options->progress};
	const struct hf_point **points = calloc(c->point_count + 1, sizeof(struct hf_point *));
	if (!points)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_copy(&o, points, choose(n, c, after, points), copies, err);
	free(points);
	return r;
}

static char *tell(const struct hf_copies *copies)
{
	uint64_t stored = 0;
	size_t made = 0;
	char size[HF_SIZE_TEXT], *said = NULL;
	for (size_t i = 0; i < copies->count; i++) {
		stored += copies->items[i].bytes_stored;
		made += !copies->items[i].was_there;
	}
	return asprintf(&said, "%zu snapshot%s copied, %s stored", made, made == 1 ? "" : "s", hf_size_format(stored, size)) < 0
		       ? NULL
		       : said;
}

int hf_nightly_copy(struct hf_nightly *n, char **said, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	struct hf_catalogue c = {0};
	struct hf_copies copies = {0};
	int64_t after;
	int r = n->options->open_copy(n->options->user, n->place, n->to, err);
	if (r == 0)
		r = newest_copy(n, &after, err);
	if (r == 0)
		r = hf_catalogue_load(n->options->repo, &all, &c, err);
	if (r == 0)
		r = copy_points(n, &c, after, &copies, err);
	if (r == 0)
		*said = tell(&copies);
	n->locks_failed = false;
	for (size_t i = 0; i < copies.count; i++)
		n->locks_failed = n->locks_failed || copies.items[i].locks_failed;
	hf_copies_free(&copies);
	hf_catalogue_free(&c);
	return r;
}
