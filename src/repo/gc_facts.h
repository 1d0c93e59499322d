/*
 * What is known of each pack, gathered from many lists and sorted on disk where it does not fit in memory.
 *
 *	new -> add* (in any order, a pack as often as something is known of it) -> finish -> next* -> free
 *
 * One thread at a time.
 */
#ifndef HF_REPO_GC_FACTS_H
#define HF_REPO_GC_FACTS_H

#include "base/error.h"
#include "repo/gc_plan.h"

struct hf_gc_facts;

/* Spills into `scratch`, which must outlive it. */
int hf_gc_facts_new(const char *scratch, struct hf_gc_facts **out, struct hf_error *err) HF_MUST_CHECK;

/* One fact, or several at once: pack->flags. Size and time count with HF_GC_EXISTS. */
int hf_gc_facts_add(struct hf_gc_facts *f, const struct hf_gc_pack *pack, struct hf_error *err) HF_MUST_CHECK;
int hf_gc_facts_finish(struct hf_gc_facts *f, struct hf_error *err) HF_MUST_CHECK;

/* The next pack, ascending by reference, with all that is known of it: 1; 0 at the end. */
int hf_gc_facts_next(struct hf_gc_facts *f, struct hf_gc_pack *out, struct hf_error *err) HF_MUST_CHECK;
void hf_gc_facts_free(struct hf_gc_facts *f); /* NULL is fine */

#endif
