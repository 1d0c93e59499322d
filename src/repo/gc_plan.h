/*
 * What a prune does with a pack: a pure function from what is known of it to a decision. FORMAT.md, section 13.
 *
 * Gathering what is known takes listing the store twice: once to pick what to condemn, and once, after the condemnations were
 * PUT, to see what may be deleted. Both times the same function decides; it is only what was gathered that differs.
 */
#ifndef HF_REPO_GC_PLAN_H
#define HF_REPO_GC_PLAN_H

#include "repo/id.h"

enum hf_gc_flag { /* bits: what is known of a pack */
	HF_GC_EXISTS = 1,      /* it was listed */
	HF_GC_REFERENCED = 2,  /* a live snapshot lists it, or a pack that was replaced by it */
	HF_GC_RUNNING = 4,     /* a live run wrote it or relies on it */
	HF_GC_CONDEMNED = 8,   /* a condemnation that was there before the snapshots were listed names it */
	HF_GC_INDEXED = 16,    /* an index segment names it */
	HF_GC_UNSEEING = 32,   /* of a run that can't look at condemnations, and that may still commit */
	HF_GC_BLOCKED = 64,    /* something of its domain can't be read */
};

#define HF_GC_MIXED UINT32_MAX

struct hf_gc_pack {
	struct hf_ref ref;
	unsigned flags;
	uint32_t domain; /* a number of that of the snapshots which refer to it; 0: not known; HF_GC_MIXED: of several */
	uint64_t size;
	int64_t time_ns; /* when it was stored, by the store's clock */
};

struct hf_gc_clock {
	int64_t now;   /* by the store's clock */
	int64_t grace; /* ns */
};

enum hf_gc_verdict {
	HF_GC_KEEP,    /* in use, or too young to tell */
	HF_GC_CONDEMN, /* nothing refers to it: say so, then look again */
	HF_GC_DELETE,  /* condemned, and nothing refers to it */
	HF_GC_HOLD,    /* condemned, and still referred to: no one will rely on it from now on, but it must stay */
	HF_GC_STOPPED, /* it would go, if all of its domain could be read */
	HF_GC_GONE,    /* it is not there */
};

enum hf_gc_verdict hf_gc_judge(const struct hf_gc_pack *pack, const struct hf_gc_clock *clock);

/* "keep", "condemn", … */
const char *hf_gc_verdict_name(enum hf_gc_verdict verdict);

#endif
