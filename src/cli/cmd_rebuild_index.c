/* holdfast rebuild-index */
#include "base/log.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/rebuild_index.h"

static int print(const struct hf_cli *cli, const struct hf_rebuild_result *result, struct hf_error *err)
{
	if (!cli->json) {
		if (!cli->quiet)
			hf_print("Made the index anew: %llu packs, %llu chunks.\n", (unsigned long long)result->packs,
				(unsigned long long)result->chunks);
		return 0;
	}
	json_t *j = json_object(), *unreadable = json_array();
	json_object_set_new(j, "packs", json_integer((json_int_t)result->packs));
	json_object_set_new(j, "chunks", json_integer((json_int_t)result->chunks));
	json_object_set_new(j, "unreadable", unreadable);
	json_t *left = json_array();
	json_object_set_new(j, "left", left);
	for (size_t i = 0; i < result->left_count; i++)
		json_array_append_new(left, json_string(result->left[i]));
	for (size_t i = 0; i < result->unreadable_count; i++) {
		json_t *u = json_object();
		json_object_set_new(u, "object", json_string(result->unreadable[i].object));
		json_object_set_new(u, "error", hf_json_bytes(result->unreadable[i].error, strlen(result->unreadable[i].error)));
		json_array_append_new(unreadable, u);
	}
	return hf_print_json(j, err);
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_rebuild_result result = {0};
	const char *value;
	int r = hf_args_next(args, &value, err);
	if (r > 0)
		return hf_fail(err, HF_E_USAGE, "rebuild-index takes no \"%s\"", value);
	if (r == 0)
		r = hf_args_no_rest(args, err);
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_repository_require_reading(repo, true, "rebuild the index", err);
	if (r == 0)
		r = hf_repository_require(repo, HF_RIGHT_BACKUP, "write an index", err);
	if (r == 0)
		r = hf_rebuild_index(repo, &cli->progress, &result, err);
	for (size_t i = 0; r == 0 && i < result.unreadable_count; i++)
		hf_warn("%s is not in the index: %s", result.unreadable[i].object, result.unreadable[i].error);
	for (size_t i = 0; r == 0 && i < result.left_count; i++)
		hf_warn("the index of the domain \"%s\" is left as it is: that takes the owner's key, or a read key with the right to maintain",
			result.left[i]);
	if (r == 0)
		r = print(cli, &result, err);
	if (r == 0)
		r = result.unreadable_count || result.left_count ? HF_STATUS_INCOMPLETE : HF_STATUS_DONE;
	hf_rebuild_result_free(&result);
	return r;
}

const struct hf_command hf_cmd_rebuild_index = {
	.name = "rebuild-index",
	.arguments = "",
	.summary = "make the index anew from the packs alone",
	.notes = "The index only says where things are; all that it holds is in the packs. Packs that can't be read are\n"
		 "named, and the status is 3. So are domains other than the key's own, if it may not maintain.",
	.run = run,
};
