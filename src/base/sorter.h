/*
 * Sorting more records than fit in memory: runs sorted in memory, spilled to unlinked files, merged.
 *
 *	new -> add* -> finish -> next* -> free
 *
 * A record is bytes; the caller's `compare` orders them. The sort is stable: records that compare equal come out
 * in the order in which they were added. While all fits into `memory` bytes no file is made. Runs are merged as they
 * gather (16 at a time), so that descriptors stay few however much is sorted. Used by one thread at a time.
 */
#ifndef HF_BASE_SORTER_H
#define HF_BASE_SORTER_H

#include "base/error.h"

#include <stddef.h>

struct hf_sorter;

/* Less than, equal to or greater than 0, as memcmp. */
typedef int hf_sorter_compare(const void *a, size_t a_len, const void *b, size_t b_len);

/* At most about `memory` bytes are used (at least 64 KiB; and one record, if one is larger), spill files lie in `dir`,
 * which must outlive the sorter. */
int hf_sorter_new(size_t memory, const char *dir, hf_sorter_compare *compare, struct hf_sorter **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Copies the record; it may be empty. Not after finish. Longer than 1 GiB is HF_E_USAGE. */
int hf_sorter_add(struct hf_sorter *s, const void *rec, size_t len, struct hf_error *err) HF_MUST_CHECK;
int hf_sorter_finish(struct hf_sorter *s, struct hf_error *err) HF_MUST_CHECK;

/* The next record in order: 1 and the record, valid until the next call; 0 at the end. */
int hf_sorter_next(struct hf_sorter *s, const void **rec, size_t *len, struct hf_error *err) HF_MUST_CHECK;

void hf_sorter_free(struct hf_sorter *s); /* NULL is fine */

static inline void hf_sorter_release(struct hf_sorter **s)
{
	hf_sorter_free(*s);
	*s = NULL;
}
#define HF_SORTER_AUTO __attribute__((cleanup(hf_sorter_release))) struct hf_sorter

#endif
