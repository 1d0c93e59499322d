/* The command table, in the order in which --help lists it. */
#include "cli/cli.h"

const struct hf_command *const hf_commands[] = {
	&hf_cmd_init,
	&hf_cmd_backup,
	&hf_cmd_snapshots,
	&hf_cmd_ls,
	&hf_cmd_dump,
	&hf_cmd_restore,
	&hf_cmd_verify,
	&hf_cmd_drill,
	&hf_cmd_forget,
	&hf_cmd_prune,
	&hf_cmd_copy,
	&hf_cmd_rebuild_index,
	&hf_cmd_key,
	&hf_cmd_store,
	&hf_cmd_policy,
	&hf_cmd_status,
	NULL,
};
