/* What the files of prune share: prune.c (the order of things), prune_look.c (gathering), prune_tidy.c (small objects), and those below. */
#ifndef HF_OPS_PRUNE_INTERNAL_H
#define HF_OPS_PRUNE_INTERNAL_H

#include "base/sorter.h"
#include "ops/prune.h"
#include "repo/catalogue.h"
#include "repo/condemned.h"
#include "repo/gc_facts.h"

/* A snapshot object, as it was listed. */
struct hf_prune_snapshot {
	struct hf_ref ref;
	int64_t time_ns;
	bool is_committed, is_forgotten, is_void; /* void: it is no reference any more */
	struct hf_id run; /* of live ones */
	uint32_t domain;  /* of those that were read: a number in struct hf_prune, from 1 */
};

struct hf_prune_void {
	struct hf_ref snapshot, ref;
	int64_t time_ns;
};

/* A condemnation that says where a pack was moved to. */
struct hf_prune_word {
	struct hf_ref from, ref; /* the pack, and the condemnation */
	bool is_needed;		 /* a snapshot lists the pack */
};

/* The newest word of a run. */
struct hf_prune_run {
	struct hf_id writer, run;
	struct hf_ref ref;
	int64_t time_ns;
	bool cannot_list;
	bool is_committed;
};

/* What one look found. */
struct hf_prune_look {
	struct hf_gc_facts *facts;
	struct hf_condemned condemned;
	struct hf_catalogue catalogue;
	struct hf_ref *committed; /* sorted: snapshots that an entry names */
	size_t committed_count;
	struct hf_prune_void *voids;
	size_t void_count;
	struct hf_prune_run *runs;
	size_t run_count;
	struct hf_prune_snapshot *snapshots;
	size_t snapshot_count;
	struct hf_id *blocked; /* domains in which something can't be read */
	size_t blocked_count;
	bool all_blocked;
	struct hf_sorter *kept; /* packs whose locks are to be renewed, ascending; NULL where the store locks nothing */
	struct hf_prune_word *words;
	size_t word_count;
};

/* A pack and its domain, in struct hf_prune, from 1. */
struct hf_prune_pack {
	struct hf_ref ref;
	uint32_t domain;
};
struct hf_prune_packs {
	struct hf_prune_pack *packs;
	size_t count;
};

struct hf_prune_domain {
	struct hf_id id;
	bool is_done; /* while repacking: nothing is left to do in it */
};

struct hf_prune {
	const struct hf_prune_options *options;
	struct hf_prune_result *result;
	struct hf_repository *repo;
	struct hf_gc_clock clock;
	struct hf_prune_look look;
	unsigned vanished; /* looks that were given up since something vanished between its being listed and its being read */
	struct hf_prune_domain *domains; /* that were met; numbered for the whole prune */
	size_t domain_count;
	struct hf_prune_packs repackable; /* what a walk found that repacking could make go */
	struct hf_id *unindexed; /* domains with index segments that can't be read; for the whole prune */
	size_t unindexed_count;
	struct hf_ref *replaced; /* index segments that others replaced: sorted, for the whole prune */
	size_t replaced_count;
};

/* Gathers everything anew, in the order that is safe (see there). What can't be read blocks its domain, and is a problem. */
int hf_prune_look(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;
void hf_prune_look_free(struct hf_prune_look *look);
/* The next pack of the look, with all that is known of it: 1, or 0 at the end. */
int hf_prune_next(struct hf_prune *p, struct hf_gc_pack *out, struct hf_error *err) HF_MUST_CHECK;

/* Whether something can't be read in the domain of the writer's own, or in a domain. */
bool hf_prune_is_blocked(const struct hf_prune *p, const struct hf_id *writer);
bool hf_prune_is_domain_blocked(const struct hf_prune *p, const struct hf_id *domain);
bool hf_prune_is_old(const struct hf_prune *p, int64_t time_ns);
/* Whether the run's newest word is younger than the grace, or it can't look at condemnations and may still commit. */
bool hf_prune_is_running(const struct hf_prune *p, const struct hf_id *writer, const struct hf_id *run);
bool hf_prune_is_unseeing(const struct hf_prune *p, const struct hf_prune_run *run);

/* Adds to the problems; blocks the own domain of `writer` (NULL: all domains), or a domain. */
int hf_prune_problem(struct hf_prune *p, const char *object, const struct hf_id *writer, const char *why,
	struct hf_error *err) HF_MUST_CHECK;
int hf_prune_problem_in(struct hf_prune *p, const char *object, const struct hf_id *domain, const char *why,
	struct hf_error *err) HF_MUST_CHECK;

/* Tells of the object and deletes it; in a dry run only tells. */
int hf_prune_erase(struct hf_prune *p, enum hf_kind kind, const struct hf_ref *ref, uint64_t size, const char *why,
	struct hf_error *err) HF_MUST_CHECK;

/* prune_index.c: what takes a key that can read data; with another these do nothing. Before the first look: which domains have
 * index segments that can't be read. After the last: replaced segments, and condemnations that no one needs any more. */
int hf_prune_check_index(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;
int hf_prune_tidy_index(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;

/* prune_locks.c. While looking: a condemnation that was read; then, once all was, hf_prune_sort_words. Each pack as it is walked over. */
int hf_prune_note_word(struct hf_prune *p, const struct hf_condemnation *c, struct hf_error *err) HF_MUST_CHECK;
void hf_prune_sort_words(struct hf_prune *p);
int hf_prune_note_kept(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err) HF_MUST_CHECK;
/* After a whole walk over the last look: renews the locks of all that snapshots and the catalogue need. What could not be renewed
 * stands in the result. */
int hf_prune_renew(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;

/* prune_repack.c: what takes a keeper (hf_key_is_keeper). A walk notes packs that snapshots, and no live run, refer to. */
int hf_prune_note_repackable(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err) HF_MUST_CHECK;
/* Of those noted, not condemned: leaves those that are mostly unused, so many that no more than options->max_unused stays in each domain. */
int hf_prune_choose_unused(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;
/* Of those noted, condemned before the last look: stores what is used of them in other packs, says so, and deletes them. */
int hf_prune_repack(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;

/* prune_tidy.c: after a look. Snapshot objects go before any pack does. */
int hf_prune_snapshots(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;
int hf_prune_void(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK; /* voids what was left unconfirmed */
int hf_prune_tidy(struct hf_prune *p, struct hf_error *err) HF_MUST_CHECK;

#endif
