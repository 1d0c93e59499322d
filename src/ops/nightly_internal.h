/* What nightly.c and nightly_upkeep.c share. */
#ifndef HF_OPS_NIGHTLY_INTERNAL_H
#define HF_OPS_NIGHTLY_INTERNAL_H

#include "ops/nightly.h"

struct hf_nightly {
	const struct hf_nightly_options *options;
	struct hf_nightly_result *result;
	char snapshot[64]; /* "HOLDFAST_SNAPSHOT=…", or empty: there is none yet */
};

/* A step's end: 0 is HF_OUTCOME_DONE. `said` is taken over (may be NULL). HF_E_STOPPED is handed on, everything else is written down. */
int hf_nightly_note(struct hf_nightly *n, const struct hf_nightly_step *step, struct hf_error *err) HF_MUST_CHECK;

/* nightly_upkeep.c: copies, retention, prune, verify. Fails only when told to stop, or for want of memory. */
int hf_nightly_upkeep(struct hf_nightly *n, struct hf_error *err) HF_MUST_CHECK;

#endif
