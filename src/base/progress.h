/*
 * Progress: counters that the work updates and whoever shows them reads. Any thread, at any time, without locks; all of
 * it may be NULL, and then nothing happens.
 *
 *	the program: struct hf_progress p; a thread of its own draws hf_progress_read's result now and then
 *	the work:    hf_progress_phase(p, "back up", total bytes or 0) -> hf_progress_add(p, bytes, entries)*
 */
#ifndef HF_BASE_PROGRESS_H
#define HF_BASE_PROGRESS_H

#include <stdatomic.h>
#include <stdint.h>

struct hf_progress { /* all zero to start with */
	_Atomic(const char *) phase;
	_Atomic uint64_t total_bytes, done_bytes, total_entries, done_entries;
	_Atomic int64_t started_ns; /* of the phase; monotonic */
};

struct hf_progress_view {
	const char *phase; /* NULL: nothing has begun */
	uint64_t total_bytes, done_bytes, total_entries, done_entries; /* totals: 0 if not known */
	int64_t elapsed_ns; /* of the phase */
};

/* Begins a phase, from nothing done. `phase` is a literal, in the words of the user ("backing up", "restoring"). Totals are 0
 * where they are not known (yet: see hf_progress_total). */
void hf_progress_phase(struct hf_progress *p, const char *phase, uint64_t total_bytes, uint64_t total_entries);
void hf_progress_total(struct hf_progress *p, uint64_t total_bytes, uint64_t total_entries);
void hf_progress_add(struct hf_progress *p, uint64_t bytes, uint64_t entries);
void hf_progress_read(struct hf_progress *p, struct hf_progress_view *out);

#endif
