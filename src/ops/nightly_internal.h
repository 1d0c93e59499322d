/* What nightly.c and nightly_upkeep.c share. */
#ifndef HF_OPS_NIGHTLY_INTERNAL_H
#define HF_OPS_NIGHTLY_INTERNAL_H

#include "ops/nightly.h"

struct hf_nightly {
	const struct hf_nightly_options *options;
	struct hf_nightly_result *result;
	struct hf_repository *repo;	     /* of the step: the first one, or a copy's */
	const struct hf_repository *dated;   /* of which the two times are known: by the store's clock, 0: never */
	int64_t pruned_at, verified_at;
	const char *what;		     /* of the step: a copy's URL, or NULL */
	const struct hf_policy_place *place; /* the copy */
	struct hf_repository **to;	     /* its repository, once it is open */
	bool locks_failed;		     /* of that copy's, some could not be renewed */
	struct hf_guardian *guardian;	     /* while something is frozen; NULL: there is none */
	char snapshot[64]; /* "HOLDFAST_SNAPSHOT=…", or empty: there is none yet */
};

/* A step's end: 0 is HF_OUTCOME_DONE. `said` is taken over (may be NULL). HF_E_STOPPED is handed on, everything else is written down. */
int hf_nightly_note(struct hf_nightly *n, const struct hf_nightly_step *step, struct hf_error *err) HF_MUST_CHECK;

/* One step: what it did goes to `said`. 1: it was not due, and `said` says so. */
int hf_nightly_copy(struct hf_nightly *n, char **said, struct hf_error *err) HF_MUST_CHECK; /* nightly_copy.c */

/* nightly_upkeep.c: copies, retention, prune, verify. Fails only when told to stop, or for want of memory. */
int hf_nightly_upkeep(struct hf_nightly *n, struct hf_error *err) HF_MUST_CHECK;

#endif
