/*
 * Drill: restores every source of a snapshot into a scratch directory, starts what is to be started, checks it, times the
 * phases, takes everything down, and records the evidence in the repository.
 */
#ifndef HF_OPS_DRILL_H
#define HF_OPS_DRILL_H

#include "base/progress.h"
#include "policy/policy.h"
#include "repo/catalogue.h"
#include "source/source.h"

struct hf_drill_options {
	struct hf_repository *repo;
	struct hf_catalogue *catalogue; /* loaded with snapshots; gets the evidence */
	const struct hf_point *point;
	const char *source; /* only this one; NULL: all */
	const char *scratch;
	const struct hf_option *options; /* for the checks: "check-sql" (NAME:SQL or SQL), "allow-network" … */
	size_t option_count;
	const struct hf_named *files; /* by source, what must be there; or NULL */
	const struct hf_policy_command *command; /* what must end with status 0 once everything is back; or NULL */
	const char *policy_path; /* for its environment */
	int64_t rto_objective, rpo_objective; /* ns; 0: none */
	int64_t began; /* hf_time_monotonic() when the command began: opening the repository is part of the RTO; 0: as hf_drill is called */
	struct hf_progress *progress;
};

struct hf_drilled_source {
	char *name, *kind;
	uint64_t bytes;
	int64_t consistency_point, rpo_ns, rto_ns;
	int64_t locate_ns, fetch_ns, start_ns, recover_ns, check_ns, prove_ns;
	struct hf_check_report report;
	bool ok;
};

struct hf_drill_result {
	struct hf_id snapshot;
	int64_t incident_at;
	struct hf_drilled_source *sources;
	size_t source_count;
	struct hf_check_report report; /* checks of the whole */
	int64_t rto_ns, rpo_ns; /* the worst */
	bool has_objectives, met; /* met: never by a drill that was throttled or failed a check */
	bool is_throttled;  /* a limit held back what came from the repository: its times are not a restore's */
	bool is_unjudged;   /* it would have met the objectives, but for being throttled */
	int64_t rto_objective, rpo_objective;
	bool ok;	       /* every check of every source */
	bool evidence_stored;
	char *evidence_failure; /* why not */
};

/* 0: it ran to an answer: see `ok`, `met`, `evidence_stored`. */
int hf_drill(const struct hf_drill_options *options, struct hf_drill_result *out, struct hf_error *err) HF_MUST_CHECK;
/* The record, as --json prints it (holdfast-drill(1)). New reference. */
json_t *hf_drill_json(const struct hf_drill_result *result);
void hf_drill_result_free(struct hf_drill_result *result);

#endif
