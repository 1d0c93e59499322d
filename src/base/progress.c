/* Progress counters; see progress.h. */
#include "base/progress.h"

#include "base/time.h"

#include <stddef.h>

void hf_progress_phase(struct hf_progress *p, const char *phase, uint64_t total_bytes, uint64_t total_entries)
{
	if (!p)
		return;
	atomic_store(&p->done_bytes, 0);
	atomic_store(&p->done_entries, 0);
	hf_progress_total(p, total_bytes, total_entries);
	atomic_store(&p->started_ns, hf_time_monotonic());
	atomic_store(&p->phase, phase);
}

void hf_progress_total(struct hf_progress *p, uint64_t total_bytes, uint64_t total_entries)
{
	if (!p)
		return;
	atomic_store(&p->total_bytes, total_bytes);
	atomic_store(&p->total_entries, total_entries);
}

void hf_progress_add(struct hf_progress *p, uint64_t bytes, uint64_t entries)
{
	if (!p)
		return;
	atomic_fetch_add_explicit(&p->done_bytes, bytes, memory_order_relaxed);
	atomic_fetch_add_explicit(&p->done_entries, entries, memory_order_relaxed);
}

void hf_progress_read(struct hf_progress *p, struct hf_progress_view *out)
{
	*out = (struct hf_progress_view){0};
	if (!p)
		return;
	out->phase = atomic_load(&p->phase);
	out->total_bytes = atomic_load(&p->total_bytes);
	out->total_entries = atomic_load(&p->total_entries);
	out->done_bytes = atomic_load(&p->done_bytes);
	out->done_entries = atomic_load(&p->done_entries);
	if (out->phase)
		out->elapsed_ns = hf_time_monotonic() - atomic_load(&p->started_ns);
}
