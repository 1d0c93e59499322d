/* A policy's checks of what came back; see drill_checks.h. */
#include "ops/drill_checks.h"

#include "base/file.h"
#include "ops/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int open_within(int dirfd, const char *path)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	return (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
}

int hf_drill_check_files(const struct hf_named *files, const char *source, int dirfd, struct hf_check_report *report,
	struct hf_error *err)
{
	for (size_t i = 0; files && i < files->count; i++) {
		const struct hf_texts *paths = &files->items[i].texts;
		if (strcmp(files->items[i].name, source) != 0)
			continue;
		for (size_t k = 0; k < paths->count; k++) {
			HF_FD_AUTO fd = open_within(dirfd, paths->items[k]);
			const char *why = fd < 0 ? strerror(errno) : "is there";
			if (hf_check_add(report, "file", fd >= 0, false, "%s: %s", paths->items[k], why) < 0)
				return no_memory(err);
		}
	}
	return 0;
}

static bool was_drilled(const struct hf_drill_result *result, const char *name)
{
	for (size_t i = 0; i < result->source_count; i++)
		if (strcmp(result->sources[i].name, name) == 0)
			return true;
	return false;
}

int hf_drill_miss_files(const struct hf_named *files, struct hf_drill_result *result, struct hf_error *err)
{
	for (size_t i = 0; files && i < files->count; i++)
		if (!was_drilled(result, files->items[i].name) &&
			hf_check_add(&result->report, "file", false, false, "the snapshot has no source %s",
				files->items[i].name) < 0)
			return no_memory(err);
	return 0;
}

/* --- the command ----------------------------------------------------------------------------------------------------- */

/* A directory with a symlink to each source's tree under the source's name. */
static int make_view(const struct hf_drill_command *what, const struct hf_drill_result *result, char **out,
	struct hf_error *err)
{
	*out = NULL;
	if (asprintf(out, "%s/restored", what->scratch) < 0) {
		*out = NULL;
		return no_memory(err);
	}
	if (mkdir(*out, 0755) < 0)
		return hf_fail_errno(err, errno, "make %s", *out);
	HF_FD_AUTO dir = open(*out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < result->source_count; i++) {
		char *target = NULL;
		if (asprintf(&target, "../%s%s", what->prefix, result->sources[i].name) < 0)
			return no_memory(err);
		int failed = symlinkat(target, dir, result->sources[i].name);
		free(target);
		if (failed)
			return hf_fail_errno(err, errno, "link to %s", result->sources[i].name);
	}
	return 0;
}

static int run(const struct hf_drill_command *what, const char *view, struct hf_error *err)
{
	HF_BUF_AUTO dir = HF_BUF(8192), policy = HF_BUF(8192);
	hf_buf_printf(&dir, "HOLDFAST_DRILL_DIR=%s", view);
	hf_buf_printf(&policy, "HOLDFAST_POLICY=%s", what->policy_path ? what->policy_path : "");
	const char *variables[] = {hf_buf_cstr(&dir), hf_buf_cstr(&policy), NULL};
	const struct hf_hook_options options = {.stage = "drill", .variables = variables, .directory = view};
	if (!variables[0] || !variables[1])
		return no_memory(err);
	return hf_hook_run(what->command, &options, err);
}

int hf_drill_run_command(const struct hf_drill_command *what, struct hf_drill_result *result, struct hf_error *err)
{
	char *view;
	struct hf_error why = {0};
	int r = make_view(what, result, &view, &why);
	if (r == 0)
		r = run(what, view, &why);
	free(view);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (hf_check_add(&result->report, "command", r == 0, true, "%s", r == 0 ? "ended with status 0" : why.msg) < 0)
		return no_memory(err);
	return 0;
}
