/*
 * Renewing locks: in a store with object lock, what restore points need must stay locked for lock-days from now on. A backup renews
 * what its snapshot refers to and what every restore needs; a prune renews all.
 *
 * When each lock ends is remembered in the cache directory, sorted by name, and merged with the lists of what is needed: so memory is
 * bounded, and the store is asked only for what this host has not seen yet, or what has less than lock-days left. Those are asked for
 * in parallel.
 *
 * What was written by a host that set no lock, or a shorter one, is locked by this, too.
 */
#ifndef HF_OPS_RENEW_H
#define HF_OPS_RENEW_H

#include "base/json.h"
#include "repo/id.h"
#include "repo/repository.h"

struct hf_renew_options {
	struct hf_repository *repo;
	/* The packs that must stay, ascending (hf_ref_compare): 1 and the next, or 0 at the end. */
	int (*next_pack)(void *user, struct hf_ref *out, struct hf_error *err);
	/* Of the other kinds: must this one stay? With `ref` NULL: can any of that kind have to? It is not listed if not. */
	bool (*is_needed)(void *user, enum hf_kind kind, const struct hf_ref *ref);
	void *user;
};

/* What became of the locks. */
struct hf_locks {
	bool is_locking;     /* the store locks what it is given; if not, the rest says nothing */
	uint64_t kept;	     /* objects that are locked for lock-days or longer from now on */
	uint64_t failed;     /* objects of which that could not be seen to */
	bool gave_up;	     /* others were not tried */
	int64_t ends;	     /* when the first of the locks of those that failed ends, as far as that is known; 0: it is not */
	struct hf_error why; /* the first failure */
};

/* Objects that are gone meanwhile are passed over. Failures are told in `out`, after all others were tried (but for a store that refuses
 * them all, or can't be reached). Fails itself only when told to stop, or for want of memory. */
int hf_renew(const struct hf_renew_options *options, struct hf_locks *out, struct hf_error *err) HF_MUST_CHECK;

/* 0 if all that is needed is locked (or the store locks nothing); else a failure that says what is not, why, and what to do. */
int hf_locks_check(const struct hf_locks *locks, struct hf_error *err) HF_MUST_CHECK;

/* {"kept","failed","all_tried","ends","error"}; null where the store locks nothing. New reference. */
json_t *hf_locks_json(const struct hf_locks *locks);

#endif
