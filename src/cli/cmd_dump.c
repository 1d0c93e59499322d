/* holdfast dump */
#include "cli/open.h"
#include "cli/output.h"
#include "cli/select_args.h"
#include "ops/dump.h"

static const struct hf_option_info options[] = {HF_SELECT_OPTIONS, {0}};

static int write_out(void *user, const void *data, size_t len, struct hf_error *err)
{
	(void)user;
	return hf_print_bytes(data, len, err);
}

/* All options choose the snapshot. */
static int take_path(void *user, int id, const char *value, struct hf_error *err)
{
	struct hf_dump_options *o = user;
	(void)id;
	if (o->path)
		return hf_fail(err, HF_E_USAGE, "dump takes one path, and \"%s\" is one more", value);
	o->path = value;
	return 0;
}

static int parse(struct hf_args *args, struct hf_select_options *select, struct hf_dump_options *o, struct hf_error *err)
{
	int r = hf_select_parse(args, select, take_path, o, err);
	if (r == 0 && !o->path)
		return hf_fail(err, HF_E_USAGE, "which file of which snapshot? Give SNAPSHOT and PATH");
	return r < 0 ? r : hf_args_no_rest(args, err);
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_select_options select = {0};
	struct hf_dump_options o = {.write = write_out};
	struct hf_view view = {0};
	int r = parse(args, &select, &o, err);
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_view_choose(repo, &select, &view, err);
	if (r == 0)
		r = hf_dump(&view, &o, err);
	hf_view_close(&view);
	return r;
}

const struct hf_command hf_cmd_dump = {
	.name = "dump",
	.arguments = "[OPTION…] SNAPSHOT PATH",
	.summary = "write one file of a snapshot to standard output",
	.notes = "SNAPSHOT is an id or its start, \"latest\", or \"latest:NAME\". PATH is NAME/path, as holdfast ls\n"
		 "shows it; NAME/ may be left out if there is one source.",
	.options = options,
	.run = run,
};
