/* What a policy asks of a drill beside what the sources check themselves: files that must be there, and a command. */
#ifndef HF_OPS_DRILL_CHECKS_H
#define HF_OPS_DRILL_CHECKS_H

#include "ops/drill.h"

/* A check in the report for each file that is asked for of this source, whose tree is at `dirfd`; `files` may be NULL. Symlinks in
 * the way are followed within the tree. */
int hf_drill_check_files(const struct hf_named *files, const char *source, int dirfd, struct hf_check_report *report,
	struct hf_error *err) HF_MUST_CHECK;

/* A failed check in result->report for each source that files are asked for of, and that was not drilled. */
int hf_drill_miss_files(const struct hf_named *files, struct hf_drill_result *result, struct hf_error *err) HF_MUST_CHECK;

struct hf_drill_command {
	const struct hf_policy_command *command;
	const char *scratch, *prefix; /* a source's tree is at SCRATCH/PREFIX-and-name */
	const char *policy_path;      /* may be NULL */
};

/* Runs it in a directory that has the tree of each source under the source's name; a check in result->report. Negative only when told
 * to stop, or for want of memory. */
int hf_drill_run_command(const struct hf_drill_command *what, struct hf_drill_result *result, struct hf_error *err) HF_MUST_CHECK;

#endif
