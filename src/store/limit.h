/*
 * A limit of bytes a second, shared by all that draw on it: whoever moves bytes takes them first, and sleeps until they are due.
 * Safe from any thread.
 */
#ifndef HF_STORE_LIMIT_H
#define HF_STORE_LIMIT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct hf_limit;

/* What a store is held to. NULL: no limit. */
struct hf_limits {
	struct hf_limit *upload, *download;
};

/* `rate`: bytes a second, more than 0. */
int hf_limit_new(uint64_t rate, struct hf_limit **out, struct hf_error *err) HF_MUST_CHECK;
void hf_limit_free(struct hf_limit *l); /* NULL is fine */

/* How many bytes whoever moves them should take at a time, so that nothing bursts: those of a tenth of a second, 512 to 65 536. As
 * many as there can be for NULL. */
size_t hf_limit_piece(const struct hf_limit *l);

/* Returns when `bytes` more may pass, or at once when told to stop (base/stop.h). NULL is no limit. */
void hf_limit_take(struct hf_limit *l, size_t bytes);

#endif
