/*
 * Errors: how a failure travels up.
 *
 * Every function that can fail returns int: 0 (or a documented non-negative value), or one of the negative
 * codes below, and takes a `struct hf_error *err` as its last parameter. An error is made and returned in one
 * statement, and gains context on its way up:
 *
 *	return hf_fail(err, HF_E_IO, "write %s: %s", path, strerror(errno));
 *	...
 *	if (r < 0)
 *		return hf_wrap(err, r, "back up source %s", name);
 *
 * which reads as "back up source shop: write /x: No space left on device". `err` may be NULL where only the code
 * matters. A struct hf_error is plain memory of the caller's; it needs no release. Initialise it with {0}.
 *
 * A bug is an assert; a bad input or environment is a returned error; what can be lived with is a warning (log.h).
 */
#ifndef HF_BASE_ERROR_H
#define HF_BASE_ERROR_H

#include <stddef.h>

enum hf_code {
	HF_OK = 0,
	HF_E_IO = -1,		/* the operating system refused; the message holds strerror */
	HF_E_NOMEM = -2,	/* no memory, or a buffer reached its maximum */
	HF_E_NOTFOUND = -3,	/* path, object, snapshot: it is not there */
	HF_E_EXISTS = -4,	/* it is there already, and must not be */
	HF_E_USAGE = -5,	/* the caller asked for something that makes no sense (exit 2) */
	HF_E_CORRUPT = -6,	/* bytes that don't parse, don't authenticate, or don't hash to their id (exit 20) */
	HF_E_NOREPO = -7,	/* no repository there, or none that we can read (exit 10) */
	HF_E_KEY = -8,		/* wrong key or passphrase, or a key without the right (exit 12) */
	HF_E_NOSPACE = -9,	/* disk full, quota */
	HF_E_STOPPED = -10,	/* told to stop (a signal) */
	HF_E_UNSUPPORTED = -11, /* a version or feature that this build or that server lacks */
	HF_E_DENIED = -12,	/* permission refused by the system or the store */
	HF_E_NETWORK = -13,	/* a server could not be reached or hung up */
	HF_E_CHECK = -14,	/* a verification or check failed, or could not run (exit 20) */
	HF_E_CHANGED = -15,	/* what was being read changed or vanished under us */
	HF_E_LOCKED = -16,	/* the store keeps it from being deleted until its lock ends */
};

#define HF_ERROR_MAX 2048

struct hf_error {
	int code;		  /* the enum hf_code of the first failure */
	char msg[HF_ERROR_MAX];	  /* UTF-8 or bytes of paths; always terminated; outermost context first */
};

#define HF_MUST_CHECK __attribute__((warn_unused_result))
#define HF_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Sets `err` (if not NULL) to `code` and the message; returns `code`. */
int hf_fail(struct hf_error *err, int code, const char *fmt, ...) HF_PRINTF(3, 4);

/* Like hf_fail for a failed system call: appends ": " and the text of `errnum`, and picks the code from it
 * (ENOSPC, EDQUOT: NOSPACE; ENOENT: NOTFOUND; EACCES, EPERM: DENIED; EEXIST: EXISTS; ENOMEM: NOMEM; else IO). */
int hf_fail_errno(struct hf_error *err, int errnum, const char *fmt, ...) HF_PRINTF(3, 4);

/* Puts "context: " in front of the message that `err` holds; returns `code` unchanged. */
int hf_wrap(struct hf_error *err, int code, const char *fmt, ...) HF_PRINTF(3, 4);

#endif
