/* --policy and --env-file: what they name, loaded before a command runs. */
#ifndef HF_CLI_POLICY_ARGS_H
#define HF_CLI_POLICY_ARGS_H

#include "cli/cli.h"

/* The env file's variables into the environment (what is set there already stays), then the policy into cli->policy. Before threads
 * start. HF_E_USAGE: a file that can't be read or makes no sense. */
int hf_policy_args_load(struct hf_cli *cli, struct hf_error *err) HF_MUST_CHECK;
void hf_policy_args_free(struct hf_cli *cli);

#endif
