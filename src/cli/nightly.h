/* holdfast backup --policy: the nightly job, and what it says. */
#ifndef HF_CLI_NIGHTLY_H
#define HF_CLI_NIGHTLY_H

#include "cli/cli.h"
#include "cli/source_args.h"
#include "ops/backup.h"

/* HF_E_USAGE if the command line gives sources, or options or names of sources, beside the policy's. */
int hf_nightly_refuse_sources(const struct hf_source_args *a, char *const *rest, struct hf_error *err) HF_MUST_CHECK;

/* Runs the job of cli->policy; `backup` holds what the command line says. An exit status, or a negative code. */
int hf_nightly_command(struct hf_cli *cli, const struct hf_backup_options *backup, bool prove, struct hf_error *err) HF_MUST_CHECK;

#endif
