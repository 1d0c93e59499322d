/*
 * The guardian: a process beside a backup that runs the thaw hooks, so that they run whatever happens. What was frozen stands still until
 * it is thawed; a backup that is killed (SIGKILL, out of memory) can't do that any more.
 *
 *	backup:    hf_guardian_start -> freeze … capture -> hf_guardian_thaw
 *	guardian:  hf_guardian_guard
 *
 * It is the guardian that runs them, once: when it is told to, or else when the one that started it is gone. So there is no moment at
 * which the backup has thawed and the guardian doesn't know it yet. It holds nothing of the backup's but its directory,
 * its environment and its stderr: it is a program of its own, started anew. Signals that end a job (SIGTERM to a whole service)
 * don't end it.
 */
#ifndef HF_OPS_GUARDIAN_H
#define HF_OPS_GUARDIAN_H

#include "base/log.h"
#include "policy/policy.h"

struct hf_guardian;

struct hf_guardian_options {
	const char *const *program; /* what calls hf_guardian_guard: an argument vector */
	const struct hf_groups *hooks; /* of struct hf_policy_command */
	const char *const *variables;  /* as hooks have them (hook.h) */
};

/* Starts it, and returns when it stands guard. SIGPIPE must be ignored. What the options point to need not live on. */
int hf_guardian_start(const struct hf_guardian_options *options, struct hf_guardian **out, struct hf_error *err) HF_MUST_CHECK;

/* Has the hooks run, with what they print in the log, and releases the guardian. 0: they ran; 1: the guardian is gone and did not say
 * that they did, so that the caller should run them; HF_E_…: one of them failed, as hf_hooks_run tells. */
int hf_guardian_thaw(struct hf_guardian *g, struct hf_error *err) HF_MUST_CHECK;

/* The guardian itself: standard input and output are the other's. Log lines go to the other, and to `orphan` when that is gone. Returns
 * when all is done, 0 if nothing failed. For a program with one thread. */
int hf_guardian_guard(hf_log_handler *orphan, struct hf_error *err) HF_MUST_CHECK;

#endif
