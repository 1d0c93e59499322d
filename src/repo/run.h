/*
 * Run objects: a writer's word, while it works, of which packs it wrote or relies on. They count as referenced while its newest
 * run object is younger than the grace. FORMAT.md, sections 10 and 13.
 */
#ifndef HF_REPO_RUN_H
#define HF_REPO_RUN_H

#include "repo/repository.h"

struct hf_run {
	struct hf_id run;
	bool cannot_list; /* this writer may not list, and so can't look at condemnations */
	const struct hf_ref *packs; /* all so far; borrowed */
	size_t pack_count;
};

/* PUTs one with the time of now. A writer does so every quarter of the grace (repo->config.grace_seconds). */
int hf_run_put(struct hf_repository *repo, const struct hf_run *run, struct hf_error *err) HF_MUST_CHECK;

/* One run object, as a pruner reads it. */
struct hf_run_object {
	struct hf_ref ref;
	int64_t time_ns; /* by the store's clock */
	struct hf_run run; /* its packs are valid during the call */
	const char *unreadable; /* it can't be read, and this is why; then `run` is empty */
};
typedef int hf_run_each_object(const struct hf_run_object *o, void *user, struct hf_error *err);

/* All of writers who have the right to back up. A non-zero return of `each` ends it. */
int hf_run_each(struct hf_repository *repo, hf_run_each_object *each, void *user, struct hf_error *err) HF_MUST_CHECK;

#endif
