/* Backup: the public interface over ops/backup.h. */
#include "api/api_internal.h"
#include "base/hex.h"
#include "ops/backup.h"

#include <stdlib.h>
#include <string.h>

struct backed_up {
	struct holdfast_backup_result shown; /* first: what the caller holds */
	struct hf_arena arena;
};

static const char *scratch_or_default(const char *scratch)
{
	return scratch ? scratch : "/var/tmp";
}

/* --- what is asked for ----------------------------------------------------------------------------------------------------------- */

static int check_names(const struct holdfast_source *s, size_t count, struct hf_error *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = s[i].name;
		if (!name || !*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return hf_fail(err, HF_E_USAGE, "a source's name is not empty, has no / and is not . or ..");
		for (size_t k = 0; k < i; k++)
			if (strcmp(s[k].name, name) == 0)
				return hf_fail(err, HF_E_USAGE, "two sources are named \"%s\"", name);
		if (!s[i].kind || !hf_source_driver(s[i].kind) || !s[i].location)
			return hf_fail(err, HF_E_USAGE, "source %s: it takes a kind (volume, sqlite, postgresql, command) and a location", name);
	}
	return count ? 0 : hf_fail(err, HF_E_USAGE, "what is to be backed up? There is no source");
}

static int take_sources(struct hf_arena *arena, const struct holdfast_backup_options *o, const struct hf_source_spec **out,
	struct hf_error *err)
{
	struct hf_source_spec *specs = NULL;
	int r = check_names(o->sources, o->source_count, err);
	if (r == 0)
		r = hf_api_room(arena, o->source_count, sizeof(*specs), &specs, err);
	for (size_t i = 0; r == 0 && i < o->source_count; i++) {
		const struct holdfast_source *s = &o->sources[i];
		specs[i] = (struct hf_source_spec){.kind = s->kind, .name = s->name, .location = s->location, .argv = s->argv,
			.option_count = s->option_count, .scratch = scratch_or_default(o->scratch)};
		r = hf_api_driver_options(arena, s->options, s->option_count, &specs[i].options, err);
	}
	*out = specs;
	return r;
}

/* --- what came of it ------------------------------------------------------------------------------------------------------------- */

static int show_problems(struct hf_arena *arena, const json_t *list, struct holdfast_backup_source *out, struct hf_error *err)
{
	struct holdfast_problem *problems;
	size_t n = json_array_size(list);
	int r = hf_api_room(arena, n, sizeof(*problems), &problems, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		const json_t *p = json_array_get(list, i);
		r = hf_api_text(arena, json_string_value(json_object_get(p, "path")), &problems[i].path, err);
		if (r == 0)
			r = hf_api_text(arena, json_string_value(json_object_get(p, "error")), &problems[i].error, err);
	}
	out->problems = r == 0 ? problems : NULL;
	out->problem_count = r == 0 ? n : 0;
	return r;
}

static int show_source(struct hf_arena *arena, const struct hf_backup_source *s, struct holdfast_backup_source *out, struct hf_error *err)
{
	*out = (struct holdfast_backup_source){.files = s->files, .bytes = s->bytes, .bytes_new = s->bytes_new,
		.bytes_stored = s->bytes_stored, .consistency_point = s->consistency_point, .complete = s->complete};
	int r = hf_api_text(arena, s->name, &out->name, err);
	if (r == 0)
		r = hf_api_text(arena, s->kind, &out->kind, err);
	if (r == 0 && s->failed)
		r = hf_api_text(arena, s->failure ? s->failure : "it failed", &out->failure, err);
	return r < 0 ? r : show_problems(arena, s->problems, out, err);
}

static int show(struct backed_up *b, const struct hf_backup_result *result, struct hf_error *err)
{
	struct holdfast_backup_source *sources = NULL;
	b->shown = (struct holdfast_backup_result){.time = result->time, .complete = result->complete, .skew = result->skew_ns,
		.elapsed = result->elapsed_ns};
	hf_hex(result->snapshot.id.b, HF_ID_SIZE, b->shown.snapshot);
	hf_hex(result->head.b, sizeof(result->head.b), b->shown.head);
	int r = hf_api_room(&b->arena, result->source_count, sizeof(*sources), &sources, err);
	for (size_t i = 0; r == 0 && i < result->source_count; i++)
		r = show_source(&b->arena, &result->sources[i], &sources[i], err);
	b->shown.sources = sources;
	b->shown.source_count = r == 0 ? result->source_count : 0;
	return r;
}

static int back_up(struct hf_repository *repo, const struct holdfast_backup_options *o, struct backed_up *b, struct hf_error *err)
{
	struct hf_backup_options options = {.repo = repo, .source_count = o->source_count, .tags = o->tags, .tag_count = o->tag_count,
		.host = o->host, .scratch = scratch_or_default(o->scratch), .level = o->compression, .verify = o->verify,
		.progress = hf_api_progress(o->progress)};
	struct hf_backup_result result = {0};
	int r = hf_repository_require(repo, HF_RIGHT_BACKUP, "back up", err);
	if (r == 0 && (o->compression < 0 || o->compression > 19))
		r = hf_fail(err, HF_E_USAGE, "compression %d is not a level from 1 to 19", o->compression);
	if (r == 0)
		r = take_sources(&b->arena, o, &options.sources, err);
	if (r < 0)
		return r;
	r = hf_backup(&options, &result, err);
	if (r == 0)
		r = show(b, &result, err);
	hf_backup_result_free(&result);
	return r;
}

int holdfast_backup(struct holdfast_repository *repo, const struct holdfast_backup_options *options,
	struct holdfast_backup_result **out, struct holdfast_error *err)
{
	struct holdfast_backup_options o;
	struct hf_error e = {0};
	struct backed_up *b = calloc(1, sizeof(*b));
	*out = NULL;
	int r = b ? hf_api_options(options, &o, sizeof(o), &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = back_up(repo->repo, &o, b, &e);
	if (r == 0)
		*out = &b->shown;
	else
		holdfast_backup_result_free(b ? &b->shown : NULL);
	return hf_api_end(r, &e, err);
}

void holdfast_backup_result_free(struct holdfast_backup_result *result)
{
	struct backed_up *b = (struct backed_up *)result;
	if (!b)
		return;
	hf_arena_free(&b->arena);
	free(b);
}
