/*
 * Keeps the packs of a running backup from being pruned: PUTs a run object (repo/run.h) every quarter of the grace that the
 * repository's configuration sets, naming the packs that the run wrote or relies on so far. It spares work and no more: a run
 * whose packs are condemned all the same (its machine slept, a pruner was told a shorter grace) notices, and stores them anew.
 *
 *	start -> (a thread of its own) -> stop
 */
#ifndef HF_OPS_RUN_KEEPER_H
#define HF_OPS_RUN_KEEPER_H

#include "pipeline/ingest.h"

struct hf_run_keeper;

struct hf_run_keeper_options {
	struct hf_repository *repo;
	struct hf_ingest *ingest; /* must outlive the keeper */
	bool cannot_list; /* this writer can't look at condemnations: says so, at once, and it must be said before its first pack */
};

/* Fails only where there is no memory or thread, or where the word of a writer that can't list can't be stored. Later failures
 * are warnings. */
int hf_run_keeper_start(const struct hf_run_keeper_options *options, struct hf_run_keeper **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_run_keeper_stop(struct hf_run_keeper *k); /* NULL is fine */

#endif
