/* holdfast policy */
#include "cli/args.h"
#include "cli/output.h"
#include "ops/policy_sources.h"
#include "ops/policy_steps.h"
#include "repo/key_file.h"
#include "report/table.h"
#include "store/store.h"

#include <string.h>

enum { KEY = HF_ARG_OWN };

static const struct hf_option_info options[] = {
	{KEY, "key", "FILE", "check: say which steps of the policy this key can do"},
	{0},
};

struct request {
	const char *verb, *file, *key;
};

static int take_operand(struct request *q, const char *value, struct hf_error *err)
{
	if (!q->verb)
		q->verb = value;
	else if (!q->file)
		q->file = value;
	else
		return hf_fail(err, HF_E_USAGE, "policy %s takes one file, and \"%s\" is one more", q->verb, value);
	return 0;
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0) {
		if (id < 0)
			return id;
		if (id == KEY)
			q->key = value;
		else
			r = take_operand(q, value, err);
	}
	if (r < 0)
		return r;
	if (!q->verb || (strcmp(q->verb, "check") != 0 && strcmp(q->verb, "show") != 0))
		return hf_fail(err, HF_E_USAGE, "policy%s%s: say policy check FILE or policy show FILE", q->verb ? " " : "",
			q->verb ? q->verb : "");
	if (q->key && strcmp(q->verb, "check") != 0)
		return hf_fail(err, HF_E_USAGE, "--key goes with policy check only");
	return hf_args_no_rest(args, err);
}

/* --- show ---------------------------------------------------------------------------------------------------------------- */

static int show(const struct hf_cli *cli, const struct hf_policy *policy, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(1 << 24);
	hf_policy_print(policy, &text);
	int r = hf_buf_check(&text, "policy", err);
	if (r < 0)
		return r;
	if (!cli->json)
		return hf_print_bytes(text.data, text.len, err);
	json_t *j = json_object();
	json_object_set_new(j, "policy", hf_json_bytes(policy->path, strlen(policy->path)));
	json_object_set_new(j, "yaml", hf_json_bytes(text.data, text.len));
	return hf_print_json(j, err);
}

/* --- check --------------------------------------------------------------------------------------------------------------- */

static json_t *steps_json(const struct hf_policy *policy, const struct hf_key *key)
{
	json_t *all = json_array();
	for (int i = 0; key && i < HF_STEPS; i++) {
		const char *lacks = hf_step_lacks((enum hf_step)i, key);
		json_array_append_new(all, json_pack("{s:s, s:b, s:b, s:s?}", "step", hf_step_name((enum hf_step)i), "wanted",
			hf_step_is_wanted((enum hf_step)i, policy), "can", !lacks, "lacks", lacks));
	}
	return all;
}

static int print_json(const struct hf_policy *policy, const struct hf_key *key, struct hf_error *err)
{
	json_t *j = json_object();
	json_object_set_new(j, "policy", hf_json_bytes(policy->path, strlen(policy->path)));
	json_object_set_new(j, "ok", json_true());
	json_object_set_new(j, "sources", json_integer((json_int_t)policy->sources.count));
	json_object_set_new(j, "key", key ? hf_json_bytes(key->name, strlen(key->name)) : json_null());
	json_object_set_new(j, "steps", steps_json(policy, key));
	return hf_print_json(j, err);
}

static int print_steps(const struct hf_policy *policy, const struct hf_key *key, struct hf_error *err)
{
	HF_TABLE_AUTO *t = hf_table_new();
	hf_table_column(t, "STEP", HF_LEFT);
	hf_table_column(t, "IN THE POLICY", HF_LEFT);
	hf_table_column(t, "THIS KEY", HF_LEFT);
	for (int i = 0; i < HF_STEPS; i++) {
		const char *lacks = hf_step_lacks((enum hf_step)i, key);
		hf_table_row(t);
		hf_table_cell(t, "%s", hf_step_name((enum hf_step)i));
		hf_table_cell(t, "%s", i == HF_STEP_DRILL ? "on demand" : hf_step_is_wanted((enum hf_step)i, policy) ? "yes" : "no");
		hf_table_cell(t, "%s%s", lacks ? "lacks " : "can", lacks ? lacks : "");
	}
	return hf_print_table(t, err);
}

static int check_place(const struct hf_policy *policy, const struct hf_policy_place *place, struct hf_error *err)
{
	int r = hf_store_check_url(place->repository, err);
	return r < 0 ? hf_wrap(err, r, "%s:%zu:%zu", policy->path, place->line, place->column) : 0;
}

static int check_places(const struct hf_policy *policy, struct hf_error *err)
{
	int r = check_place(policy, &policy->primary, err);
	for (size_t i = 0; r == 0 && i < policy->copies.count; i++)
		r = check_place(policy, (const struct hf_policy_place *)policy->copies.items + i, err);
	return r;
}

static int check(const struct hf_cli *cli, const struct request *q, const struct hf_policy *policy, struct hf_error *err)
{
	struct hf_key *key = NULL;
	int r = check_places(policy, err);
	if (r == 0)
		r = hf_policy_sources_check(policy, err);
	if (r == 0 && q->key)
		r = hf_key_file_read(q->key, &key, err);
	if (r == 0 && cli->json)
		r = print_json(policy, key, err);
	else if (r == 0 && key)
		r = print_steps(policy, key, err);
	else if (r == 0 && !cli->quiet)
		hf_print("%s: a sound policy of %zu source%s.\n", policy->path, policy->sources.count,
			policy->sources.count == 1 ? "" : "s");
	hf_key_free(key);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {0};
	int r = parse(args, &q, err);
	if (r == 0 && q.file && cli->policy)
		return hf_fail(err, HF_E_USAGE, "policy %s: give the file either as FILE or by --policy", q.verb);
	if (r == 0 && q.file)
		r = hf_policy_load(q.file, &cli->policy, err);
	if (r == 0 && !cli->policy)
		r = hf_fail(err, HF_E_USAGE, "policy %s: which policy? Give FILE", q.verb);
	if (r < 0)
		return r;
	return strcmp(q.verb, "show") == 0 ? show(cli, cli->policy, err) : check(cli, &q, cli->policy, err);
}

const struct hf_command hf_cmd_policy = {
	.name = "policy",
	.arguments = "check|show FILE [--key FILE] [--env-file FILE]",
	.summary = "check a policy, or show it with all its defaults",
	.notes = "check ends with status 2 and the file, line and column of what is wrong; with --key it says which steps of\n"
		 "the nightly job that key can do. show spells out every default, with secrets masked. Neither touches the\n"
		 "repository or a source. holdfast-policy(1) lists all that a policy may say.",
	.options = options,
	.run = run,
};
