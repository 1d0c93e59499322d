/* The decision; see gc_plan.h. */
#include "repo/gc_plan.h"

#include <stddef.h>

const char *hf_gc_verdict_name(enum hf_gc_verdict verdict)
{
	static const char *const names[] = {"keep", "condemn", "delete", "hold", "stopped", "gone"};
	return names[verdict];
}

static bool is_young(const struct hf_gc_pack *pack, const struct hf_gc_clock *clock)
{
	return clock->now - pack->time_ns <= clock->grace;
}

enum hf_gc_verdict hf_gc_judge(const struct hf_gc_pack *pack, const struct hf_gc_clock *clock)
{
	const bool used = pack->flags & (HF_GC_REFERENCED | HF_GC_RUNNING | HF_GC_UNSEEING);
	const bool condemned = pack->flags & HF_GC_CONDEMNED;
	if (!(pack->flags & HF_GC_EXISTS))
		return HF_GC_GONE;
	if (used)
		return condemned ? HF_GC_HOLD : HF_GC_KEEP;
	if (!condemned && is_young(pack, clock))
		return HF_GC_KEEP;
	if (pack->flags & HF_GC_BLOCKED)
		return HF_GC_STOPPED;
	return condemned ? HF_GC_DELETE : HF_GC_CONDEMN;
}
