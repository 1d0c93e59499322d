/*
 * Voids: a maintainer's signed word that an unconfirmed snapshot (one without a commit entry) is no reference any more. Counts
 * for nothing once the commit is there; a writer looks after its commit, and acknowledges it only if there is none.
 * FORMAT.md, sections 10 and 13.
 */
#ifndef HF_REPO_VOID_H
#define HF_REPO_VOID_H

#include "repo/repository.h"

/* Voids that could not be read, sorted; {0} at first, to be released with free(refs). */
struct hf_void_unread {
	struct hf_ref *refs;
	size_t count;
};

/* 1 if a valid void names the snapshot, else 0. A void that can't be read counts as one that does, and is noted in `unread`; but one that
 * was noted there before counts for nothing, for the caller PUT the snapshot since then: nobody knew its name when that void was made.
 * `unread` may be NULL. */
int hf_void_exists(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_void_unread *unread,
	struct hf_error *err) HF_MUST_CHECK;
/* The same, but one that can't be read counts for nothing. */
int hf_void_is_certain(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err) HF_MUST_CHECK;

/* One void, as a pruner reads it. */
struct hf_void {
	struct hf_ref ref;
	int64_t time_ns; /* by the store's clock */
	struct hf_ref snapshot;
	const char *unreadable; /* it can't be read, and this is why; then it names no snapshot */
};
typedef int hf_void_each_object(const struct hf_void *v, void *user, struct hf_error *err);

/* All of writers who have the right to void. A non-zero return of `each` ends it. */
int hf_void_each(struct hf_repository *repo, hf_void_each_object *each, void *user, struct hf_error *err) HF_MUST_CHECK;

/* PUTs a void. The caller then lists entries: only if the snapshot has no commit does it count. */
int hf_void_put(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err) HF_MUST_CHECK;

#endif
