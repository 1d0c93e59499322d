/* The sources of a policy as what a backup takes (source/source.h). */
#ifndef HF_OPS_POLICY_SOURCES_H
#define HF_OPS_POLICY_SOURCES_H

#include "policy/policy.h"
#include "source/source.h"

struct hf_policy_sources {
	struct hf_arena arena;
	struct hf_source_spec *specs;
	size_t count;
};

/* Fetches URLs from files and commands. Applications' own forms are understood: "postgresql+psycopg2://", "sqlite+aiosqlite:///".
 * Points into the policy. Free with hf_policy_sources_free, also after failure. */
int hf_policy_sources_make(const struct hf_policy *policy, struct hf_policy_sources *out, struct hf_error *err) HF_MUST_CHECK;
/* Whether each would be taken: its place makes sense, and its options. Touches nothing, and fetches no URL. HF_E_USAGE, naming the
 * source and its place in the file. */
int hf_policy_sources_check(const struct hf_policy *policy, struct hf_error *err) HF_MUST_CHECK;
void hf_policy_sources_free(struct hf_policy_sources *s);

#endif
