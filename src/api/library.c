/* Versions, errors, the log, cancellation and progress of the public interface; and what its other files share. */
#include "api/api_internal.h"
#include "base/log.h"
#include "base/stop.h"
#include "ops/snapshots.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#ifndef HF_VERSION /* the build says it */
#define HF_VERSION "of no release"
#endif

static_assert((int)HOLDFAST_E_IO == HF_E_IO && (int)HOLDFAST_E_NO_MEMORY == HF_E_NOMEM && (int)HOLDFAST_E_NOT_FOUND == HF_E_NOTFOUND &&
		      (int)HOLDFAST_E_EXISTS == HF_E_EXISTS && (int)HOLDFAST_E_USAGE == HF_E_USAGE && (int)HOLDFAST_E_CORRUPT == HF_E_CORRUPT &&
		      (int)HOLDFAST_E_NO_REPOSITORY == HF_E_NOREPO && (int)HOLDFAST_E_KEY == HF_E_KEY &&
		      (int)HOLDFAST_E_NO_SPACE == HF_E_NOSPACE && (int)HOLDFAST_E_CANCELLED == HF_E_STOPPED &&
		      (int)HOLDFAST_E_UNSUPPORTED == HF_E_UNSUPPORTED && (int)HOLDFAST_E_DENIED == HF_E_DENIED &&
		      (int)HOLDFAST_E_NETWORK == HF_E_NETWORK && (int)HOLDFAST_E_CHECK == HF_E_CHECK && (int)HOLDFAST_E_CHANGED == HF_E_CHANGED,
	"the public codes are the library's own");
static_assert((int)HOLDFAST_DEBUG == HF_LOG_DEBUG && (int)HOLDFAST_INFO == HF_LOG_INFO && (int)HOLDFAST_WARN == HF_LOG_WARN,
	"and so are the levels of the log");

const char *holdfast_version(void)
{
	return HF_VERSION;
}

int holdfast_api(void)
{
	return HOLDFAST_API;
}

/* --- the log ------------------------------------------------------------------------------------------------------------------- */

static struct {
	holdfast_log_handler *handler;
	void *user;
} listener;

static void pass_on(enum hf_log_level level, const char *line, void *user)
{
	(void)user;
	listener.handler((enum holdfast_level)level, line, listener.user);
}

void holdfast_set_log(holdfast_log_handler *handler, void *user, enum holdfast_level least)
{
	listener.handler = handler;
	listener.user = user;
	hf_log_set(handler ? pass_on : NULL, NULL, (enum hf_log_level)least);
}

/* --- cancellation, progress ---------------------------------------------------------------------------------------------------- */

void holdfast_cancel(void)
{
	hf_stop_request(SIGTERM);
}

void holdfast_resume(void)
{
	hf_stop_reset();
}

struct holdfast_progress *holdfast_progress_new(void)
{
	return calloc(1, sizeof(struct holdfast_progress));
}

void holdfast_progress_free(struct holdfast_progress *progress)
{
	free(progress);
}

void holdfast_progress_read(struct holdfast_progress *progress, struct holdfast_progress_view *out)
{
	struct hf_progress_view v;
	hf_progress_read(&progress->progress, &v);
	*out = (struct holdfast_progress_view){.phase = v.phase,
		.done_bytes = v.done_bytes,
		.total_bytes = v.total_bytes,
		.done_entries = v.done_entries,
		.total_entries = v.total_entries,
		.elapsed = v.phase ? v.elapsed_ns : 0};
}

/* --- for the other files --------------------------------------------------------------------------------------------------------- */

int hf_api_options(const void *options, void *out, size_t size, struct hf_error *err)
{
	memset(out, 0, size);
	if (!options)
		return 0;
	size_t given;
	memcpy(&given, options, sizeof(given));
	if (given < sizeof(given))
		return hf_fail(err, HF_E_USAGE, "the options don't say their size");
	for (size_t i = size; i < given; i++)
		if (((const char *)options)[i])
			return hf_fail(err, HF_E_UNSUPPORTED, "an option is set that this version of the library (%s) does not know", HF_VERSION);
	memcpy(out, options, given < size ? given : size);
	return 0;
}

int hf_api_end(int r, const struct hf_error *failure, struct holdfast_error *err)
{
	if (r >= 0 || !err)
		return r < 0 ? r : 0;
	static_assert(sizeof(err->message) == sizeof(failure->msg), "a message fits");
	err->code = r;
	memcpy(err->message, failure->msg, sizeof(err->message));
	return r;
}

int hf_api_room(struct hf_arena *arena, size_t count, size_t size, void *out, struct hf_error *err)
{
	void *room = hf_arena_alloc(arena, count * size + 1);
	if (!room)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	memset(room, 0, count * size + 1);
	memcpy(out, &room, sizeof(room));
	return 0;
}

int hf_api_text(struct hf_arena *arena, const char *text, const char **out, struct hf_error *err)
{
	*out = text ? hf_arena_copy(arena, text, strlen(text)) : NULL;
	return text && !*out ? hf_fail(err, HF_E_NOMEM, "out of memory") : 0;
}

int hf_api_driver_options(struct hf_arena *arena, const struct holdfast_option *options, size_t count, const struct hf_option **out,
	struct hf_error *err)
{
	struct hf_option *copy;
	int r = hf_api_room(arena, count, sizeof(*copy), &copy, err);
	for (size_t i = 0; r == 0 && i < count; i++)
		copy[i] = (struct hf_option){options[i].name, options[i].value};
	*out = r == 0 ? copy : NULL;
	return r;
}

int hf_api_choose(struct hf_repository *repo, const char *snapshot, const char *source, struct hf_api_choice *out, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	const struct hf_select_options select = {.selector = snapshot ? snapshot : "latest", .source = source};
	*out = (struct hf_api_choice){0};
	int r = hf_repository_require_reading(repo, true, "restore", err);
	if (r == 0)
		r = hf_catalogue_load(repo, &all, &out->catalogue, err);
	if (r < 0)
		return r;
	hf_catalogue_warn(&out->catalogue);
	return hf_catalogue_select(&out->catalogue, &select, &out->point, &out->source, err);
}
