/*
 * Child processes. Started with an argument vector (never a shell), a scrubbed or given environment, descriptors
 * 0 to 2 as asked and no other; in a process group of their own, so that a whole tree can be ended; and, unless asked
 * otherwise, told to die with us (PR_SET_PDEATHSIG, SIGKILL: the kernel means the thread that started it, so start long-lived children from
 * a thread that lives as long). Signals are as at login for the child. Ending: SIGTERM, and SIGKILL after a while.
 */
#ifndef HF_BASE_PROC_H
#define HF_BASE_PROC_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct hf_proc_options {
	const char *const *argv; /* NULL-terminated; argv[0] is searched in PATH */
	const char *const *env;	 /* NULL-terminated "NAME=value"; NULL: ours */
	const char *directory;	 /* working directory; NULL: ours */
	uid_t uid;		 /* with `drop`: become this user and group, without supplementary groups */
	gid_t gid;
	bool drop;
	bool outlives_us;	 /* it lives on when we die */
	int in, out, err;	 /* descriptors for 0, 1, 2; 0 (zero) or less means /dev/null for in, ours for out and err */
	int (*prepare)(void *user); /* runs in the child just before exec (namespaces …), before `drop` takes rights
				     * away: async-signal-safe calls only; our other descriptors are still open.
				     * Returns 0 or an errno. If it forks (a PID namespace), the one that stays behind
				     * must close all descriptors from 3 on, and exit as the other one does. */
	void *user;
};

struct hf_proc {
	pid_t pid; /* 0: not running */
};

/* Returns when the program runs; what kept it from running (not found, no right, `prepare`) is the error. */
int hf_proc_start(const struct hf_proc_options *options, struct hf_proc *out, struct hf_error *err) HF_MUST_CHECK;
/* Waits for the end. `status`: the exit status, or 128 + the signal. With `timeout_ns` > 0, HF_E_STOPPED-free waiting
 * ends with 1 (still running) when it has passed. Returns 0 when it has ended. */
int hf_proc_wait(struct hf_proc *proc, int64_t timeout_ns, int *status, struct hf_error *err) HF_MUST_CHECK;
/* Ends the process group: SIGTERM, after `grace_ns` SIGKILL; reaps. Fine on one that has ended. */
void hf_proc_end(struct hf_proc *proc, int64_t grace_ns);
/* Runs to the end with the output of 1 and 2 collected (each up to its buffer's maximum; the rest is dropped; NULL:
 * dropped whole). Asks hf_stopped while it waits. */
int hf_proc_run(const struct hf_proc_options *options, struct hf_buf *out, struct hf_buf *errors, int *status,
	struct hf_error *err) HF_MUST_CHECK;

#endif
