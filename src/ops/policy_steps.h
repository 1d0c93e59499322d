/* The steps of a policy's nightly job, and which of them a key can do. */
#ifndef HF_OPS_POLICY_STEPS_H
#define HF_OPS_POLICY_STEPS_H

#include "policy/policy.h"
#include "repo/key.h"

enum hf_step { HF_STEP_BACKUP, HF_STEP_DRILL, HF_STEP_COPY, HF_STEP_RETENTION, HF_STEP_PRUNE, HF_STEP_VERIFY, HF_STEP_STATUS, HF_STEPS };

const char *hf_step_name(enum hf_step step); /* "backup", "drill", "copy", "retention", "prune", "verify", "status" */

/* Does the policy ask for it? Backup and status always; a drill never by itself. */
bool hf_step_is_wanted(enum hf_step step, const struct hf_policy *policy);

/* What this key lacks for the step ("the right to maintain"), or NULL: it can do it. */
const char *hf_step_lacks(enum hf_step step, const struct hf_key *key);

/* What keeps this key from the repacking that the policy asks for with prune.max_unused, as above: its prunes then delete whole packs
 * only. NULL: nothing does, or the policy asks for none. */
const char *hf_policy_repack_lacks(const struct hf_policy *policy, const struct hf_key *key);

#endif
