/* The command driver's table: everything but capturing, which is in capture.c; see command.h. */
#include "source/command/command.h"

#include "base/time.h"
#include "source/command/command_internal.h"
#include "source/tree_compare.h"
#include "source/tree_write.h"

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
	const struct hf_tree_write_options writing = {.own_as_is = options->own_as_is};
	return hf_tree_write(feed, dirfd, &writing, out, err);
}

/* There is no service to ask: it is whole if it is what was captured. */
static int command_check(struct hf_source *source, const struct hf_check_options *options,
	struct hf_check_report *report, struct hf_error *err)
{
	(void)source;
	int64_t began = hf_time_monotonic();
	int r = options->feed ? hf_tree_compare(options->feed, options->dirfd, report, err)
			      : hf_check_add(report, "content", false, true, "there is nothing to compare it with");
	report->prove_ns += hf_time_monotonic() - began;
	return r;
}

const struct hf_source_driver hf_source_command = {
	.kind = "command",
	.is_ordered = true,
	.reads_once = true,
	.open = command_open,
	.capture = hf_command_capture,
	.restore = command_restore,
	.check = command_check,
	.close = command_close,
};
