/*
 * A place apart, for a program that must not touch anything: what a drill runs a restored database in.
 *
 * The program gets network, mount, PID and IPC namespaces of its own. The network has nothing but a loopback that is
 * down. The root is a new one in memory: the system's programs and /etc read-only, an empty /tmp, /run and /dev/shm, a
 * few devices, a /proc of its own, and what `binds` names. So no file, socket or process of the host can be reached,
 * not even by a path (a UNIX socket under /run would cross a mere network namespace). no_new_privs is set.
 *
 *	hf_sandbox_new; hf_proc_start or hf_proc_run with .prepare = hf_sandbox_enter, .user = sandbox; hf_sandbox_free
 *
 * One sandbox may be entered by several programs, one after the other or at once: each gets namespaces of its own. The
 * process that hf_proc knows is one that stands in for the program, which is process 1 within: signals to the process
 * group reach it, its exit status is passed on (128 + signal), and its end, or ours, ends everything inside.
 *
 * As root no user namespace is made; the user to become comes from hf_proc_options. Others get a user namespace in
 * which they are themselves.
 */
#ifndef HF_BASE_SANDBOX_H
#define HF_BASE_SANDBOX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct hf_sandbox;

/* A directory (or file) of the host that is seen inside, at `to`. Both absolute; mounts below it are not seen. */
struct hf_sandbox_bind {
	const char *from, *to;
	bool writable;
};

struct hf_sandbox_options {
	const struct hf_sandbox_bind *binds;
	size_t bind_count;
	const char *root;   /* an empty directory of ours, on which the new root is mounted (seen by nobody outside) */
	bool share_network; /* leave the network as it is */
};

int hf_sandbox_new(const struct hf_sandbox_options *options, struct hf_sandbox **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_sandbox_free(struct hf_sandbox *sandbox); /* NULL is fine */

/* For hf_proc_options.prepare, with the sandbox as `user`. */
int hf_sandbox_enter(void *sandbox);

/* What hf_sandbox_enter failed at in the latest program that could not be started; NULL if it did not fail. */
const char *hf_sandbox_failure(const struct hf_sandbox *sandbox);

/* Tries it with a program that does nothing: 0, or HF_E_UNSUPPORTED saying what this machine refuses. */
int hf_sandbox_try(struct hf_sandbox *sandbox, struct hf_error *err) HF_MUST_CHECK;

#endif
