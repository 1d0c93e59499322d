/* How a plan of what to forget is shown: a line a snapshot, with the reasons. */
#ifndef HF_CLI_FORGET_PLAN_H
#define HF_CLI_FORGET_PLAN_H

#include "cli/cli.h"
#include "ops/forget.h"

/* As a table and a summary, or with cli->json as one object. */
int hf_forget_plan_print(const struct hf_cli *cli, const struct hf_forget_plan *p, struct hf_error *err) HF_MUST_CHECK;

#endif
