/* The options that choose a snapshot, shared by all commands that take one: --source, --host, --at. */
#ifndef HF_CLI_SELECT_ARGS_H
#define HF_CLI_SELECT_ARGS_H

#include "cli/args.h"
#include "repo/catalogue.h"

enum { HF_ARG_SOURCE = 290, HF_ARG_HOST, HF_ARG_AT };

/* Their lines in a command's table of options. */
#define HF_SELECT_OPTIONS                                                                                              \
	{HF_ARG_SOURCE, "source", "NAME", "this one of the snapshot's sources"},                                       \
		{HF_ARG_HOST, "host", "NAME", "of \"latest\": by this key or host"},                                   \
		{HF_ARG_AT, "at", "TIME", "of \"latest\": the newest that is not after TIME"}

/* Takes an option of the command's own, or (HF_ARG_OPERAND) a word after the snapshot. */
typedef int hf_select_take(void *user, int id, const char *value, struct hf_error *err);

/* The command line of a command that works on one snapshot: the options above and the first operand into `s`, all else to `take`, in the
 * order in which it stands. What follows "--" is left (hf_args_rest); that there is no snapshot is no error yet. */
int hf_select_parse(struct hf_args *args, struct hf_select_options *s, hf_select_take *take, void *user, struct hf_error *err) HF_MUST_CHECK;
/* HF_E_USAGE if none was given. */
int hf_select_require(const struct hf_select_options *s, struct hf_error *err) HF_MUST_CHECK;

#endif
