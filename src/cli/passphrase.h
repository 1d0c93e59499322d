/*
 * Where a passphrase comes from. The first of these that is set, NAME being "HOLDFAST_PASSPHRASE" or, for one
 * that is to be set anew, "HOLDFAST_NEW_PASSPHRASE":
 *
 *	NAME		the passphrase itself
 *	NAME_FILE	a file that holds it
 *	NAME_COMMAND	a command line for the shell that prints it
 *
 * and else the terminal (/dev/tty, so that standard input stays free), without echo. One trailing newline of
 * a file or a command's output is dropped. There is no option for it: command lines are read by everyone on
 * the machine.
 */
#ifndef HF_CLI_PASSPHRASE_H
#define HF_CLI_PASSPHRASE_H

#include "base/buf.h"

enum { HF_PASSPHRASE_MAX = 1024 }; /* bytes */

struct hf_passphrase_options {
	const char *name;   /* of the variables; NULL: "HOLDFAST_PASSPHRASE" */
	const char *prompt; /* "Passphrase of /srv/backup" */
	bool twice;         /* a new one: on a terminal it is asked for again, and both must be the same */
};

/* Gets it into `out` (cleared first; to be wiped by the caller: hf_passphrase_free). HF_E_KEY, naming the
 * variables, where there is none or it can't be had (a command that fails, a file that isn't there), is empty
 * or too long; HF_E_STOPPED if a signal ended the asking. */
int hf_passphrase_get(
	const struct hf_passphrase_options *options, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

/* Whether one of NAME's variables is set, so that no terminal is needed. */
bool hf_passphrase_is_given(const char *name);

void hf_passphrase_free(struct hf_buf *b); /* wipes, then frees */
#define HF_PASSPHRASE_AUTO __attribute__((cleanup(hf_passphrase_free))) struct hf_buf

/* Takes the variables that hold secrets out of the environment, so that what we start does not inherit them.
 * Call it once the passphrases are had, before threads start. */
void hf_passphrase_scrub_environment(void);

#endif
