/* holdfast forget */
#include "base/hex.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "ops/forget.h"

#include <stdlib.h>

static int print(const struct hf_cli *cli, const struct hf_forgotten *f, struct hf_error *err)
{
	json_t *ids = cli->json ? json_array() : NULL;
	for (size_t i = 0; i < f->count; i++) {
		char id[HF_ID_TEXT];
		hf_hex(f->snapshots[i].id.b, HF_ID_SIZE, id);
		if (cli->json)
			json_array_append_new(ids, json_string(id));
		else if (!cli->quiet)
			hf_print("forgotten: %s\n", id);
	}
	if (!cli->json)
		return 0;
	json_t *j = json_object();
	json_object_set_new(j, "forgotten", ids);
	return hf_print_json(j, err);
}

/* The operands into `ids`, which has room for all words. */
static int parse(struct hf_args *args, const char **ids, size_t *count, struct hf_error *err)
{
	const char *value;
	int id;
	while ((id = hf_args_next(args, &value, err)) > 0)
		ids[(*count)++] = value;
	for (char **rest = hf_args_rest(args); id == 0 && rest && *rest; rest++)
		ids[(*count)++] = *rest;
	if (id == 0 && !*count)
		return hf_fail(err, HF_E_USAGE, "which snapshots? Name them by their ids; see holdfast snapshots");
	return id;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_forgotten forgotten = {0};
	size_t count = 0;
	const char **ids = calloc((size_t)args->argc + 1, sizeof(*ids));
	int r = ids ? parse(args, ids, &count, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_forget(repo, ids, count, &forgotten, err);
	if (r == 0)
		r = print(cli, &forgotten, err);
	hf_forgotten_free(&forgotten);
	free(ids);
	return r;
}

const struct hf_command hf_cmd_forget = {
	.name = "forget",
	.arguments = "ID…",
	.summary = "take snapshots out of the list of restore points",
	.notes = "An ID may be shortened as long as it is unique. All are forgotten, or none if one is not to\n"
		 "be found. Nothing is deleted by this.",
	.run = run,
};
