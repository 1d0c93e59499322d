/* --policy and --env-file; see policy_args.h. */
#include "cli/policy_args.h"

#include "policy/env_file.h"
#include "policy/policy.h"

static int load_env_file(const char *path, struct hf_error *err)
{
	struct hf_env_file file;
	int r = hf_env_file_read(path, &file, err);
	if (r == 0)
		r = hf_env_file_export(&file, err);
	hf_env_file_free(&file);
	if (r < 0 && r != HF_E_NOMEM)
		err->code = r = HF_E_USAGE;
	return r;
}

int hf_policy_args_load(struct hf_cli *cli, struct hf_error *err)
{
	int r = cli->env_file ? load_env_file(cli->env_file, err) : 0;
	if (r < 0)
		return hf_wrap(err, r, "--env-file");
	return cli->policy_path ? hf_policy_load(cli->policy_path, &cli->policy, err) : 0;
}

void hf_policy_args_free(struct hf_cli *cli)
{
	hf_policy_free(cli->policy);
	cli->policy = NULL;
}

