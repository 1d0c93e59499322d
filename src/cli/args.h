/*
 * Parsing the command line by tables: the global options, which may stand before or after the command, and those of the command
 * itself. Over getopt_long: abbreviations of long options are fine, "--" ends options, options and operands mix. As there, an option that
 * takes a value takes the next word, whatever it is; only "--help" helps there, too ("--read=--help" is a file of that name).
 *
 *	main:     hf_args_begin -> hf_args_globals (sets struct hf_cli; finds the command) -> command->run
 *	command:  while ((r = hf_args_next(args, &value, err)) > 0) switch (r) { … }
 */
#ifndef HF_CLI_ARGS_H
#define HF_CLI_ARGS_H

#include "cli/cli.h"

enum {
	HF_ARG_OPERAND = 1, /* value: a word that is no option */
	/* The ids of the global options; those of commands are letters or from HF_ARG_OWN on. */
	HF_ARG_REPO = 'r',
	HF_ARG_QUIET = 'q',
	HF_ARG_JSON = 256,
	HF_ARG_POLICY,
	HF_ARG_ENV_FILE,
	HF_ARG_HELP,
	HF_ARG_VERSION,
	HF_ARG_CONNECTIONS,
	HF_ARG_LIMIT_UPLOAD,
	HF_ARG_LIMIT_DOWNLOAD,
	HF_ARG_OWN = 300,
};

extern const struct hf_option_info hf_global_options[];

struct hf_args {
	int argc;
	char **argv;
	const struct hf_command *command; /* NULL: none was named */
	bool help, version;
	void *parser; /* private */
};

/* Reads everything once: global options into `cli`, the command into args->command, help and version. Unknown options and
 * commands (those of hf_commands) are HF_E_USAGE here already. `argv` must live on. Free with hf_args_free, also after failure. */
int hf_args_begin(int argc, char **argv, struct hf_cli *cli, struct hf_args *args, struct hf_error *err) HF_MUST_CHECK;

/* The command's own options and operands, in the order in which they stand (globals are passed over): the id of an option or
 * HF_ARG_OPERAND, with its value in `value`; 0 at the end. What follows "--" is not among them: see hf_args_rest. */
int hf_args_next(struct hf_args *args, const char **value, struct hf_error *err) HF_MUST_CHECK;

/* What stands after "--": NULL-terminated, or NULL if there was none. Only after hf_args_next returned 0. */
char **hf_args_rest(const struct hf_args *args);

/* The words after "--" as operands where the command takes no such rest. HF_E_USAGE if there is one. */
int hf_args_no_rest(const struct hf_args *args, struct hf_error *err) HF_MUST_CHECK;

void hf_args_free(struct hf_args *args);

#endif
