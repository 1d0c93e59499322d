/* The exit statuses of the program, as its man page lists them. */
#ifndef HF_CLI_STATUS_H
#define HF_CLI_STATUS_H

enum {
	HF_STATUS_DONE = 0,
	HF_STATUS_FAILED = 1,
	HF_STATUS_USAGE = 2,
	HF_STATUS_INCOMPLETE = 3,
	HF_STATUS_NO_REPOSITORY = 10,
	HF_STATUS_KEY = 12,
	HF_STATUS_CHECK = 20,
	HF_STATUS_MISSED = 21,
};

/* The status for a failure with that code (enum hf_code). */
int hf_status_of(int code);

#endif
