/*
 * The command line: what main.c gives to every command, and what a command is.
 *
 * A command is one file, cmd_NAME.c, and one line of the table in commands.c. It has a table of its options, from which
 * parsing (args.h) and --help are made, and a function that runs it:
 *
 *	static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
 *	{
 *		parse: hf_args_next until 0
 *		open the repository: hf_cli_open (open.h)
 *		call the operation (ops/), print its result (output.h)
 *	}
 *
 * It returns an exit status (0, 3, 20, 21), or a negative enum hf_code with `err` set, which main.c turns into a message
 * and a status (status.h).
 */
#ifndef HF_CLI_CLI_H
#define HF_CLI_CLI_H

#include "base/error.h"
#include "base/progress.h"

#include <stdbool.h>
#include <stddef.h>

struct hf_args;
struct hf_policy;

/* What global options and the environment say. */
struct hf_cli {
	const char *repo; /* -r; NULL: not given */
	const char *policy_path, *env_file; /* --policy, --env-file; NULL: not given */
	struct hf_policy *policy; /* the policy, loaded before the command runs; NULL: none was given */
	bool json, quiet;
	const char *connections, *limit_upload, *limit_download; /* as they were given; NULL: not (hf_cli_store_options) */
	bool no_cache; /* a command wants none (drill) */
	struct hf_progress progress; /* shown by main.c's progress line; commands hand it to operations */
};

/* An option of a command, and its line in --help. */
struct hf_option_info {
	int id;		  /* what hf_args_next returns: positive, unique in the command; a letter is its short form */
	const char *name; /* the long form, without "--" */
	const char *value; /* the name of its value in the help, or NULL if it has none */
	const char *help; /* what it does; lines parted by '\n' */
};

struct hf_command {
	const char *name;
	const char *arguments; /* "[OPTION…] SOURCE…" */
	const char *summary;   /* one line */
	const char *notes;     /* more for --help, lines of text; or NULL */
	const struct hf_option_info *options; /* ends with .id = 0; or NULL */
	int (*run)(struct hf_cli *cli, struct hf_args *args, struct hf_error *err);
	bool only_shows; /* all it does is print: when nobody reads that any more, it dies by SIGPIPE without a word, as other tools do */
};

/* commands.c: ends with NULL. */
extern const struct hf_command *const hf_commands[];

extern const struct hf_command hf_cmd_init, hf_cmd_backup, hf_cmd_snapshots, hf_cmd_ls, hf_cmd_dump, hf_cmd_restore,
	hf_cmd_verify, hf_cmd_drill, hf_cmd_copy, hf_cmd_forget, hf_cmd_rebuild_index, hf_cmd_store, hf_cmd_key, hf_cmd_policy, hf_cmd_prune,
	hf_cmd_status;

#endif
