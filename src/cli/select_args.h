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

/* 1 if `id` is one of them, and is taken into `s`; 0 if not; HF_E_USAGE for a bad value. */
int hf_select_arg(struct hf_select_options *s, int id, const char *value, struct hf_error *err) HF_MUST_CHECK;

#endif
