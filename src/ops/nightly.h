/*
 * The nightly job of a policy: hooks, the capture of all sources into one snapshot, on demand the proof that it comes back, copies,
 * retention, prune and verify when they are due.
 *
 *	before, freeze, capture, thaw, commit, [drill], copies, retention, prune, verify, after | on_failure
 *
 * A failed `before` or `freeze` keeps the snapshot from being taken; `thaw` runs whatever happened, by a
 * guardian (guardian.h) even if this process is killed; `after` only if all went well, an
 * incomplete snapshot or a missed objective being none. Without a snapshot, or when the drill
 * failed, nothing that follows is done, so that nothing old goes where nothing new has come. Of the steps after that each is tried,
 * although another failed. A step that this key lacks the right for is skipped, and named.
 */
#ifndef HF_OPS_NIGHTLY_H
#define HF_OPS_NIGHTLY_H

#include "ops/backup.h"
#include "ops/drill.h"
#include "ops/policy_steps.h"

enum hf_outcome { HF_OUTCOME_DONE, HF_OUTCOME_SKIPPED, HF_OUTCOME_FAILED };
const char *hf_outcome_name(enum hf_outcome outcome); /* "done", "skipped", "failed" */

struct hf_nightly_step {
	const char *name; /* of a step (hf_step_name) or of a hook ("thaw", "after") */
	char *what;	  /* a copy's repository; or NULL */
	enum hf_outcome outcome;
	int code;	  /* HF_OUTCOME_FAILED: enum hf_code */
	char *said;	  /* what it did, why it was skipped or failed */
	int64_t elapsed_ns;
};

struct hf_nightly_options {
	struct hf_repository *repo;
	const struct hf_policy *policy;
	struct hf_backup_options backup; /* what beats the policy: tags, host, level, verify, scratch; zero: the policy's */
	bool prove;			 /* drill what was taken */
	/* Opens the repository of a copy. */
	int (*open_copy)(void *user, const struct hf_policy_place *place, struct hf_repository **out, struct hf_error *err);
	void *user;
	/* The program that calls hf_guardian_guard (guardian.h), so that what is frozen is thawed even if this process is killed; NULL: then
	 * it is not. */
	const char *const *guardian;
	struct hf_progress *progress;
};

struct hf_nightly_result {
	bool has_snapshot;
	struct hf_backup_result backup;
	bool has_drill;
	struct hf_drill_result drill;
	struct hf_nightly_step *steps; /* in their order */
	size_t step_count;
	int failed; /* code of the first step that failed; 0: none did */
};

/* 0: there is a snapshot, and every step was tried: see `failed`, backup.complete, drill. HF_E_KEY: this key can't back up, or with
 * `prove` can't drill: then nothing was done. Free with hf_nightly_result_free, also after failure. */
int hf_nightly(const struct hf_nightly_options *options, struct hf_nightly_result *out, struct hf_error *err) HF_MUST_CHECK;
void hf_nightly_result_free(struct hf_nightly_result *result);

#endif
