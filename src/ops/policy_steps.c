/* Steps and rights; see policy_steps.h. */
#include "ops/policy_steps.h"

/* What a step takes: rights (enum hf_right), the secret of the catalogue, that of the data, a domain to write in. */
static const struct {
	const char *name;
	unsigned rights;
	bool reads_catalogue, reads_data, has_domain;
} steps[HF_STEPS] = {
	[HF_STEP_BACKUP] = {"backup", HF_RIGHT_BACKUP, false, false, true},
	[HF_STEP_DRILL] = {"drill", HF_RIGHT_PROVE, true, true, false},
	[HF_STEP_COPY] = {"copy", 0, true, true, false},
	[HF_STEP_RETENTION] = {"retention", HF_RIGHT_MAINTAIN, true, false, false},
	[HF_STEP_PRUNE] = {"prune", HF_RIGHT_MAINTAIN, true, false, false},
	[HF_STEP_VERIFY] = {"verify", 0, true, true, false},
	[HF_STEP_STATUS] = {"status", 0, true, false, false},
};

const char *hf_step_name(enum hf_step step)
{
	return steps[step].name;
}

bool hf_step_is_wanted(enum hf_step step, const struct hf_policy *policy)
{
	switch (step) {
	case HF_STEP_COPY:
		return policy->copies.count > 0;
	case HF_STEP_RETENTION:
		return policy->has_retention;
	case HF_STEP_PRUNE:
		return policy->prune.is_wanted;
	case HF_STEP_VERIFY:
		return policy->verify.is_wanted;
	default:
		return step != HF_STEP_DRILL;
	}
}

/* Repacking reads data back, and stores it anew. */
const char *hf_policy_repack_lacks(const struct hf_policy *policy, const struct hf_key *key)
{
	const char *lacks = hf_step_lacks(HF_STEP_BACKUP, key);
	return policy->prune.max_unused > 0 ? lacks ? lacks : hf_step_lacks(HF_STEP_VERIFY, key) : NULL;
}

const char *hf_step_lacks(enum hf_step step, const struct hf_key *key)
{
	const struct hf_epoch *epoch = hf_key_newest_epoch(key);
	if (steps[step].rights & HF_RIGHT_BACKUP & ~key->rights)
		return "the right to back up";
	if (steps[step].rights & HF_RIGHT_MAINTAIN & ~key->rights)
		return "the right to maintain";
	if (steps[step].rights & HF_RIGHT_PROVE & ~key->rights)
		return "the right to prove";
	if (steps[step].has_domain && !key->has_domain)
		return "a domain to back up in";
	if (steps[step].reads_data && !epoch->has_data_secret)
		return "the secret that reads data back";
	if (steps[step].reads_catalogue && !epoch->has_catalogue_secret)
		return "the secret that reads the catalogue";
	return NULL;
}
