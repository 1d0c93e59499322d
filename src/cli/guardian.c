/*
 * The guardian as a program; see guardian.h. What it has to say once the backup is dead goes to stderr, which was the backup's, and to the
 * system's log: an operator looks at either.
 */
#include "cli/guardian.h"

#include "cli/status.h"
#include "ops/guardian.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <syslog.h>

#define WORD "--guard-thaw"

const char *const hf_guardian_program[] = {"/proc/self/exe", WORD, NULL};

bool hf_guardian_is_asked(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], WORD) == 0;
}

static void tell_operator(enum hf_log_level level, const char *line, void *user)
{
	(void)user;
	fprintf(stderr, "holdfast: %s\n", line);
	syslog(level >= HF_LOG_WARN ? LOG_WARNING : LOG_INFO, "%s", line);
}

int hf_guardian_main(void)
{
	struct hf_error err = {0};
	prctl(PR_SET_NAME, "holdfast-thaw");
	openlog("holdfast", LOG_PID, LOG_DAEMON);
	int r = hf_guardian_guard(tell_operator, &err);
	if (r < 0)
		tell_operator(HF_LOG_WARN, err.msg, NULL);
	closelog();
	return r < 0 ? hf_status_of(r) : HF_STATUS_DONE;
}
