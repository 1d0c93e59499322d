/*
 * Taking turns: threads that share a store run one at a time, and someone else says whose turn it is at each of their calls. So
 * every interleaving of store calls can be had, and had again.
 *
 * An *actor* is one user of the store, with a wrapper of its own around the shared one (turns_store). Each PUT, LIST and
 * deletion of an actor waits for its turn. GETs don't: an object never changes, so a GET commutes with everything but the
 * deletion of that same object, and no actor of these tests reads what another deletes.
 *
 * Nor do the LISTs with which a catalogue is loaded, where nothing hangs on them: a writer takes from it only which heads its
 * entry names; a pruner that repacks nothing from the index only what is damaged or replaced; and the snapshots that are listed right after the entries only tell whether a committed one is gone.
 *
 * The explorer goes through all orders of calls depth-first, by running everything anew for each (replay). Orders that differ
 * only in the order of calls that don't depend on one another are one: source sets and sleep sets, as in P. Abdulla, S. Aronis,
 * B. Jonsson, K. Sagonas, "Optimal Dynamic Partial Order Reduction", 2014. A PUT and a deletion depend on a LIST of the same
 * kind of objects; all other pairs of calls commute, since names are never used again and the wrapper gives all objects the
 * same time.
 */
#ifndef HF_TESTS_MODEL_TURNS_H
#define HF_TESTS_MODEL_TURNS_H

#include "repo/object.h"
#include "store/store.h"

enum { ACTORS_MAX = 4, DEPTH_MAX = 512, KINDS = 12 };

enum call_type { CALL_PUT, CALL_LIST, CALL_ERASE };

struct call {
	enum call_type type;
	enum hf_kind kind;
};

/* What an actor does wrong, by what its store does to it. All zero: nothing. */
struct mutation {
	bool looks_before_condemning; /* after its condemnation, it is shown what it saw before */
	bool looks_once;	      /* a writer's second look at the condemnations shows what the first did */
	bool sees_no_voids;
	bool takes_back;	      /* a pruner deletes its condemnations again, if packs are still referred to */
	bool drops_tombstones;	      /* a pruner deletes the condemnations with the packs */
	bool judges_duplicates_first; /* after its condemnation, it is shown the condemnations of others that it saw before */
};

struct turns;

struct turns_options {
	bool writes; /* this actor is a writer */
	bool only_prunes; /* or a pruner that repacks nothing */
	struct mutation mutation;
};

/* The wrapper of actor `number` around `shared`, which it borrows. Closing it leaves that open. Until turns_go it waits for no
 * turns. */
struct hf_store *turns_store(struct turns *t, int number, struct hf_store *shared, const struct turns_options *options);
void turns_go(struct turns *t, int number);

/* One run: the actors' threads call turns_end when they are done. */
void turns_end(struct turns *t, int number);
bool turns_are_given_up(const struct turns *t); /* this order is of no use: calls fail, and what comes of it does not count */

struct exploration {
	int actors;
	int twins; /* the first so many actors do the same */
	/* Starts the actors' threads over the turns, all with a fresh copy of the store. */
	void (*start)(struct turns *t, void *user);
	/* Joins them. True if all that must hold held; not asked of runs that were given up. */
	bool (*finish)(struct turns *t, bool given_up, void *user);
	void *user;
	uint64_t seed;	 /* not 0: random orders instead of all, until one fails or `most` runs */
	uint64_t most;	 /* runs; 0: no bound */
	uint64_t runs, orders; /* out: runs; those that went to the end */
	char trace[8192]; /* out: the order that failed */
};

/* True if all orders held. */
bool explore(struct exploration *e);

#endif
