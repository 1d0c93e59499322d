/* Copying snapshots; see copy.h. A copy is a backup (ops/backup.h) that is filled from another repository. */
#include "ops/copy.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "ops/access.h"
#include "ops/backup.h"
#include "pipeline/transfer.h"

#include <stdlib.h>

struct copying {
	const struct hf_copy_options *options;
	const struct hf_point *point;
	struct hf_access access; /* to the snapshot */
	struct hf_copied *out;
};

int hf_copy_require(const struct hf_copy_options *options, struct hf_error *err)
{
	if (hf_id_equal(&options->from->id, &options->to->id))
		return hf_fail(err, HF_E_USAGE, "both are the same repository: a copy in it would protect nothing");
	int r = hf_repository_require_reading(options->from, true, "copy snapshots", err);
	return r < 0 ? r : hf_repository_require(options->to, HF_RIGHT_BACKUP, "store copies", err);
}

/* --- what there is to say of a copy -------------------------------------------------------------------------------- */

static struct hf_snapshot_origin origin_of(const struct copying *c)
{
	const struct hf_point *p = c->point;
	if (p->snapshot->is_copy)
		return p->snapshot->origin;
	return (struct hf_snapshot_origin){.repository = c->options->from->id, .snapshot = p->ref, .seen = p->seen};
}

static bool is_copy_of(const struct hf_point *p, const struct hf_snapshot_origin *origin)
{
	return p->snapshot && p->snapshot->is_copy && hf_id_equal(&p->snapshot->origin.repository, &origin->repository) &&
	       hf_ref_equal(&p->snapshot->origin.snapshot, &origin->snapshot);
}

/* The copy that is there already, or none. A key that can't read the other catalogue can't tell. */
static int find_copy(const struct copying *c, struct hf_ref *out, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	const struct hf_snapshot_origin origin = origin_of(c);
	struct hf_catalogue catalogue;
	int found = 0;
	if (hf_repository_require_reading(c->options->to, false, "", NULL) < 0)
		return 0;
	int r = hf_catalogue_load(c->options->to, &all, &catalogue, err);
	for (size_t i = 0; r == 0 && i < catalogue.point_count && !found; i++) {
		found = is_copy_of(&catalogue.points[i], &origin);
		if (found)
			*out = catalogue.points[i].ref;
	}
	hf_catalogue_free(&catalogue);
	return r < 0 ? r : found;
}

/* --- one snapshot -------------------------------------------------------------------------------------------------- */

static int fill(void *user, size_t source, struct hf_ingest *ingest, struct hf_captured *captured, struct hf_ingested *out,
	struct hf_error *err)
{
	struct copying *c = user;
	const struct hf_snapshot_source *s = &c->point->snapshot->sources[source];
	const struct hf_transfer t = {
		.ingest = ingest, .from = c->access.reader, .source = s, .progress = c->options->progress};
	HF_JSON_AUTO *about = NULL;
	captured->consistency_point = s->consistency_point;
	captured->incomplete = !s->complete;
	if (c->out->as_is)
		return hf_transfer_as_is(&t, out, err);
	int r = hf_access_about(&c->access, s, &about, err);
	return r < 0 ? r : hf_transfer_anew(&t, about, out, err);
}

static int store(struct copying *c, struct hf_error *err)
{
	const struct hf_copy_options *o = c->options;
	const struct hf_snapshot *s = c->point->snapshot;
	const struct hf_backup_origin origin = {
		.fill = fill, .user = c, .time = c->point->time, .started = s->started, .of = origin_of(c)};
	struct hf_source_spec *specs = calloc(s->source_count + 1, sizeof(*specs));
	struct hf_backup_result result = {0};
	if (!specs)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < s->source_count; i++)
		specs[i] = (struct hf_source_spec){.kind = s->sources[i].kind, .name = s->sources[i].name};
	const struct hf_backup_options backup = {.repo = o->to, .sources = specs, .source_count = s->source_count,
		.tags = (const char *const *)s->tags, .tag_count = s->tag_count, .host = s->host, .scratch = o->scratch,
		.level = o->level, .threads = o->threads, .verify = o->verify, .progress = o->progress, .origin = &origin};
	int r = hf_backup(&backup, &result, err);
	for (size_t i = 0; r == 0 && i < result.source_count; i++) {
		c->out->bytes += result.sources[i].bytes;
		c->out->bytes_new += result.sources[i].bytes_new;
		c->out->bytes_stored += result.sources[i].bytes_stored;
	}
	c->out->to = result.snapshot;
	c->out->head = result.head;
	c->out->locks_failed = hf_locks_check(&result.locks, NULL) < 0;
	hf_backup_result_free(&result);
	free(specs);
	return r;
}

static int copy_one(struct copying *c, struct hf_error *err)
{
	const struct hf_point *p = c->point;
	if (!p->snapshot)
		return hf_fail(err, p->failure ? p->failure : HF_E_CORRUPT, "it can't be read: %s", p->why ? p->why : "");
	*c->out = (struct hf_copied){.from = p->ref, .time = p->time, .complete = p->snapshot->complete};
	int r = find_copy(c, &c->out->to, err);
	c->out->was_there = r > 0;
	if (r != 0)
		return r < 0 ? r : 0;
	r = hf_access_open_snapshot(c->options->from, &p->ref, &c->access, err);
	if (r == 0) {
		c->out->as_is = hf_transfer_is_alike(c->options->from, &c->access.domain, c->options->to);
		r = store(c, err);
	}
	hf_access_close(&c->access);
	return r;
}

/* --- all of them --------------------------------------------------------------------------------------------------- */

static int by_age(const void *a, const void *b)
{
	const struct hf_point *x = *(const struct hf_point *const *)a, *y = *(const struct hf_point *const *)b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

int hf_copy(const struct hf_copy_options *options, const struct hf_point *const *points, size_t count,
	struct hf_copies *out, struct hf_error *err)
{
	*out = (struct hf_copies){0};
	const struct hf_point **sorted = calloc(count + 1, sizeof(struct hf_point *));
	out->items = calloc(count + 1, sizeof(*out->items));
	int r = sorted && out->items ? hf_copy_require(options, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0 && count) {
		memcpy(sorted, points, count * sizeof(struct hf_point *));
		qsort(sorted, count, sizeof(struct hf_point *), by_age);
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct copying c = {.options = options, .point = sorted[i], .out = &out->items[out->count]};
		char id[HF_ID_TEXT];
		if (i && sorted[i] == sorted[i - 1])
			continue;
		r = copy_one(&c, err);
		if (r == 0)
			out->count++;
		else
			r = hf_wrap(err, r, "copy snapshot %s to %s", hf_hex(sorted[i]->ref.id.b, HF_ID_SIZE, id),
				options->to->url);
	}
	free(sorted);
	return r;
}

void hf_copies_free(struct hf_copies *copies)
{
	free(copies->items);
	*copies = (struct hf_copies){0};
}
