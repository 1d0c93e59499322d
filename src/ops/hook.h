/*
 * Hooks: the programs of a policy, run around its nightly job. What they print goes to the log, line by line, as it comes; each is ended,
 * with all that it started, when its time is over or, except where it must run whatever happened, when we are told to stop.
 */
#ifndef HF_OPS_HOOK_H
#define HF_OPS_HOOK_H

#include "policy/policy.h"

struct hf_hook_options {
	const char *stage;	    /* "before", "freeze", … : HOLDFAST_HOOK, and for messages */
	const char *const *variables; /* more for the environment, "NAME=value", NULL-terminated; or NULL */
	const char *directory;	    /* to run in; NULL: ours */
	bool whatever_happened;	    /* runs although we were told to stop; all of a list, although one failed */
};

/* Runs one. HF_E_IO: it ended with another status than 0, or took too long; HF_E_STOPPED; what kept it from running else. */
int hf_hook_run(const struct hf_policy_command *hook, const struct hf_hook_options *options, struct hf_error *err) HF_MUST_CHECK;

/* Runs a list (struct hf_policy_command) in its order: up to the first that fails, or all of them; the first failure is
 * returned. */
int hf_hooks_run(const struct hf_groups *hooks, const struct hf_hook_options *options, struct hf_error *err) HF_MUST_CHECK;

#endif
