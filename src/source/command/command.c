/* The command driver's table: everything but capturing, which is in capture.c; see command.h. */
#include "source/command/command.h"

#include "base/time.h"
#include "source/command/command_internal.h"
#include "source/one_file.h"

#include <stdlib.h>
#include <string.h>

static void command_close(struct hf_source *source)
{
	struct hf_command *c = (struct hf_command *)source;
	for (size_t i = 0; c->argv && c->argv[i]; i++)
		free(c->argv[i]);
	free(c->argv);
	free(c->name);
	free(c);
}

static char **copy_argv(const char *const *argv)
{
	size_t n = 0;
	while (argv[n])
		n++;
	char **copy = calloc(n + 1, sizeof(*copy));
	for (size_t i = 0; copy && i < n; i++) {
		copy[i] = strdup(argv[i]);
		if (copy[i])
			continue;
		while (i > 0)
			free(copy[--i]);
		free(copy);
		return NULL;
	}
	return copy;
}

static int command_open(const struct hf_source_spec *spec, struct hf_source **out, struct hf_error *err)
{
	static const char *const known[] = {NULL};
	int r = hf_options_check(spec->options, spec->option_count, known, "command", err);
	if (r < 0)
		return r;
	if (!hf_path_is_sound(spec->name, strlen(spec->name)) || !spec->name[0] || strchr(spec->name, '/'))
		return hf_fail(err, HF_E_USAGE, "\"%s\" can't be the name of a command: its output is a file of that name",
			spec->name);
	struct hf_command *c = calloc(1, sizeof(*c));
	if (!c)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	c->source.driver = &hf_source_command;
	c->name = strdup(spec->name);
	if (spec->argv)
		c->argv = copy_argv(spec->argv);
	if (!c->name || (spec->argv && !c->argv)) {
		command_close(&c->source);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	*out = &c->source;
	return 0;
}

static int command_restore(struct hf_source *source, struct hf_feed *feed, int dirfd,
	const struct hf_restore_options *options, struct hf_restored *out, struct hf_error *err)
{
	(void)source;
	return hf_one_file_restore(feed, dirfd, options, out, err);
}

/* There is no service to ask: it is whole if it is what was captured. */
static int command_check(struct hf_source *source, const struct hf_check_options *options,
	struct hf_check_report *report, struct hf_error *err)
{
	(void)source;
	char differs[256];
	int64_t began = hf_time_monotonic();
	if (!options->feed) {
		(void)!hf_check_add(report, "contents", false, true, "could not be checked: there is nothing to compare with");
		return 0;
	}
	int r = hf_one_file_compare(options->feed, options->dirfd, differs, err);
	if (r < 0)
		return r;
	report->prove_ns += hf_time_monotonic() - began;
	return hf_check_add(report, "contents", !differs[0], true, "%s", differs[0] ? differs : "as captured");
}

const struct hf_source_driver hf_source_command = {
	.kind = "command",
	.is_ordered = true,
	.open = command_open,
	.capture = hf_command_capture,
	.restore = command_restore,
	.check = command_check,
	.close = command_close,
};
