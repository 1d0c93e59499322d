/* Restore: the public interface over ops/restore.h. */
#include "api/api_internal.h"
#include "base/hex.h"
#include "ops/restore.h"

#include <stdlib.h>

struct restored {
	struct holdfast_restore_result shown; /* first: what the caller holds */
	struct hf_arena arena;
};

static int show_source(struct hf_arena *arena, const struct hf_restored_source *s, struct holdfast_restored_source *out,
	struct hf_error *err)
{
	size_t n = json_array_size(s->notes);
	const char **notes;
	*out = (struct holdfast_restored_source){.files = s->files, .bytes = s->bytes, .consistency_point = s->consistency_point};
	int r = hf_api_text(arena, s->name, &out->name, err);
	if (r == 0)
		r = hf_api_text(arena, s->kind, &out->kind, err);
	if (r == 0)
		r = hf_api_room(arena, n, sizeof(*notes), &notes, err);
	if (r < 0)
		return r;
	out->notes = notes;
	for (; r == 0 && out->note_count < n; out->note_count++)
		r = hf_api_text(arena, json_string_value(json_array_get(s->notes, out->note_count)), &notes[out->note_count], err);
	return r;
}

static int show(struct restored *b, const struct hf_point *point, const struct hf_restore_result *result, struct hf_error *err)
{
	struct holdfast_restored_source *sources = NULL;
	b->shown = (struct holdfast_restore_result){.time = point->time, .elapsed = result->elapsed_ns};
	hf_hex(point->ref.id.b, HF_ID_SIZE, b->shown.snapshot);
	int r = hf_api_text(&b->arena, result->kept_old, &b->shown.kept_old, err);
	if (r == 0)
		r = hf_api_room(&b->arena, result->source_count, sizeof(*sources), &sources, err);
	for (size_t i = 0; r == 0 && i < result->source_count; i++)
		r = show_source(&b->arena, &result->sources[i], &sources[i], err);
	b->shown.sources = sources;
	b->shown.source_count = r == 0 ? result->source_count : 0;
	return r;
}

static int restore(struct hf_repository *repo, const struct holdfast_restore_options *o, struct restored *b, struct hf_error *err)
{
	struct hf_api_choice choice = {0};
	struct hf_restore_result result = {0};
	struct hf_restore_request request = {.repo = repo, .target = o->target, .include = o->include, .include_count = o->include_count,
		.overwrite = o->overwrite, .discard_old = o->discard_old, .option_count = o->option_count,
		.scratch = o->scratch ? o->scratch : "/var/tmp", .progress = hf_api_progress(o->progress)};
	if (!o->target || !*o->target)
		return hf_fail(err, HF_E_USAGE, "restore: where to? There is no target");
	if (o->discard_old && !o->overwrite)
		return hf_fail(err, HF_E_USAGE, "restore: discard_old goes with overwrite only");
	int r = hf_api_driver_options(&b->arena, o->options, o->option_count, &request.options, err);
	if (r == 0)
		r = hf_api_choose(repo, o->snapshot, o->source, &choice, err);
	request.point = choice.point;
	request.source = choice.source;
	if (r == 0)
		r = hf_restore(&request, &result, err);
	if (r == 0)
		r = show(b, choice.point, &result, err);
	hf_restore_result_free(&result);
	hf_catalogue_free(&choice.catalogue);
	return r;
}

int holdfast_restore(struct holdfast_repository *repo, const struct holdfast_restore_options *options,
	struct holdfast_restore_result **out, struct holdfast_error *err)
{
	struct holdfast_restore_options o;
	struct hf_error e = {0};
	struct restored *b = calloc(1, sizeof(*b));
	*out = NULL;
	int r = b ? hf_api_options(options, &o, sizeof(o), &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = restore(repo->repo, &o, b, &e);
	if (r == 0)
		*out = &b->shown;
	else
		holdfast_restore_result_free(b ? &b->shown : NULL);
	return hf_api_end(r, &e, err);
}

void holdfast_restore_result_free(struct holdfast_restore_result *result)
{
	struct restored *b = (struct restored *)result;
	if (!b)
		return;
	hf_arena_free(&b->arena);
	free(b);
}
