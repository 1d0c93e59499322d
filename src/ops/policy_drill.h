/* What a policy says of drills, as the options of one. */
#ifndef HF_OPS_POLICY_DRILL_H
#define HF_OPS_POLICY_DRILL_H

#include "ops/drill.h"

/* Objectives, scratch, checks and PostgreSQL's options into `out`; what it holds already of objectives and options stays and comes
 * first. The options array is in `arena`; the rest points into the policy. */
int hf_policy_drill_options(const struct hf_policy *policy, struct hf_arena *arena, struct hf_drill_options *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
