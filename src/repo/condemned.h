/*
 * Condemnations: packs that a pruner is about to delete; final. FORMAT.md, sections 10 and 13. A writer looks before it starts
 * and again between its snapshot and its commit, and relies on none of them.
 */
#ifndef HF_REPO_CONDEMNED_H
#define HF_REPO_CONDEMNED_H

#include "repo/repository.h"

/* Condemnations live at least so long, and longer than every index segment that names their packs. A run that takes longer must
 * not commit. */
#define HF_CONDEMNED_HORIZON (INT64_C(90) * 24 * 3600 * 1000000000)

/* A pruner's word: whoever refers to `from`, which is condemned, refers to `to` as well, for some of its chunks lie there too. */
struct hf_moved {
	struct hf_ref from, to;
};

struct hf_condemned {
	struct hf_ref *packs; /* sorted, none twice */
	size_t count;
	struct hf_moved *moved; /* sorted */
	size_t moved_count;
	size_t unreadable; /* damaged objects: packs may be condemned that are not listed here. Each was named in a warning. */
};

/* Lists and reads them all, from the cache those that were seen before. Those not signed by a writer with the right are passed
 * over. Free with hf_condemned_free, also after failure. */
int hf_condemned_list(struct hf_repository *repo, struct hf_condemned *out, struct hf_error *err) HF_MUST_CHECK;
bool hf_condemned_has(const struct hf_condemned *c, const struct hf_ref *pack);
void hf_condemned_free(struct hf_condemned *c);

/* Adds to a list of packs (of a snapshot, say) all that they were moved to, over any number of steps; sorts it. */
int hf_condemned_follow(const struct hf_condemned *c, struct hf_ref **packs, size_t *count, struct hf_error *err) HF_MUST_CHECK;

/* --- for pruners ------------------------------------------------------------------------------------------------------ */

/* One condemnation. */
struct hf_condemnation {
	struct hf_ref ref;
	int64_t time_ns; /* by the store's clock */
	const struct hf_ref *packs; /* as they stand in it; valid during the call */
	size_t pack_count;
	const struct hf_moved *moved;
	size_t moved_count;
	const char *unreadable; /* it can't be read, and this is why; then it has no packs here */
};
typedef int hf_condemnation_each(const struct hf_condemnation *c, void *user, struct hf_error *err);

/* All that are signed by a writer with the right. A non-zero return of `each` ends it. */
int hf_condemned_each(struct hf_repository *repo, hf_condemnation_each *each, void *user, struct hf_error *err) HF_MUST_CHECK;

/* Adds one to a list that was {0} at first, as hf_condemned_list does, but for an unreadable one; then hf_condemned_sort. */
int hf_condemned_add(struct hf_condemned *list, const struct hf_condemnation *c, struct hf_error *err) HF_MUST_CHECK;
void hf_condemned_sort(struct hf_condemned *list);

/* PUTs one that says where chunks of condemned packs lie as well. `moved` is sorted. The caller then lists condemnations, and counts
 * on those places only if none of them is condemned. */
int hf_condemned_put_moved(struct hf_repository *repo, const struct hf_moved *moved, size_t count,
	struct hf_error *err) HF_MUST_CHECK;

/* PUTs one; `out` is its name. It may name no packs (a pruner learns the store's time from such a one). */
int hf_condemned_put(struct hf_repository *repo, const struct hf_ref *packs, size_t count, struct hf_ref *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
