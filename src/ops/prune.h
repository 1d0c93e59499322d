/*
 * Prune: gives back the space of what no restore point and no running backup refers to, beside any number of writers and other
 * pruners, without locks. FORMAT.md, section 13.
 *
 *	look		lists everything, and picks what nothing refers to and is older than the grace
 *	condemn		PUTs a signed condemnation of it, which is final; voids snapshots that were left unconfirmed
 *	look again	lists snapshots, runs and condemnations anew
 *	delete		what is condemned and still unreferred to; what is referred to meanwhile stays, and is held back
 *	tidy		what is of no use any more: forgotten snapshots, old words of runs, replaced index segments, …
 *	renew		the locks of all that stays, in a store that locks objects
 *
 * It may be killed at any moment: what was condemned is deleted by the next. What it can't read stops it in that domain and is
 * named, for something in it might refer to what would be deleted.
 *
 * With max_unused it also repacks, in every domain: that takes a keeper (hf_key_is_keeper), who may write in all of them.
 */
#ifndef HF_OPS_PRUNE_H
#define HF_OPS_PRUNE_H

#include "base/json.h"
#include "base/progress.h"
#include "ops/renew.h"
#include "repo/gc_plan.h"
#include "repo/repository.h"

struct hf_prune_options {
	struct hf_repository *repo;
	int64_t grace;	     /* ns; 0: the repository's own. A shorter one makes running backups repeat work, and loses nothing */
	bool has_grace;	     /* `grace` is meant, even if it is 0 */
	double max_unused;   /* with has_max_unused: repack until at most this share of the packs' bytes is of no use in any domain, 0 to 1 */
	bool has_max_unused;
	bool dry_run;	     /* decides and changes nothing */
	bool always_record;  /* put evidence of it even if there was nothing to do: a schedule goes by when the last one was */
	const char *scratch; /* for sorting on disk */
	struct hf_progress *progress; /* may be NULL */
	/* Called for each thing that goes (or, in a dry run, would): what is done, the object's name, its size (0: not known), why.
	 * May be NULL. */
	int (*tell)(void *user, const char *verb, const char *object, uint64_t size, const char *why, struct hf_error *err);
	void *user;
};

/* In a dry run: what would be. */
struct hf_prune_result {
	uint64_t packs, bytes;		 /* that were there */
	uint64_t condemned, condemned_bytes; /* by this prune */
	uint64_t deleted, deleted_bytes;
	uint64_t repacked, repacked_bytes; /* of those deleted: whose use was stored in other packs first; bytes so stored */
	uint64_t held, held_bytes;	 /* condemned, and referred to by a snapshot or a run that was faster */
	uint64_t stopped, stopped_bytes; /* would go, if all of their domain could be read */
	uint64_t strangers;		 /* packs of writers whom the owner has not certified: left alone */
	uint64_t voided;		 /* snapshots left unconfirmed */
	uint64_t snapshots;		 /* objects of forgotten and voided ones that were deleted */
	uint64_t segments;		 /* replaced index segments that were deleted */
	uint64_t locked;		 /* objects that the store keeps under a lock: they go when it has ended */
	uint64_t others;		 /* old runs, condemnations and voids that were deleted */
	struct hf_locks locks;		 /* of all that restore points need: see hf_locks_check. In a dry run {0} */
	json_t *problems;		 /* array of {"object","error"}: what could not be read */
	struct hf_store_counts requests; /* of the repository so far */
	int64_t elapsed_ns;
};

/* HF_E_KEY without the right to maintain or to read the catalogue. What could not be read is no failure, but a problem in the
 * result. Free with hf_prune_result_free, also after failure. */
int hf_prune(const struct hf_prune_options *options, struct hf_prune_result *out, struct hf_error *err) HF_MUST_CHECK;
void hf_prune_result_free(struct hf_prune_result *result);

#endif
