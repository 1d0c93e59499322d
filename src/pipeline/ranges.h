/*
 * Frames as they are stored, fetched with their neighbours: from a store where each request takes a while, those frames of a pack
 * that are wanted and lie next to each other come as one range. Nothing here is opened or believed: whoever takes a frame's bytes
 * authenticates them, each frame by itself.
 *
 *	hf_ranges_new -> ( hf_ranges_fetch (what is wanted soon) | hf_ranges_get (one frame) )* -> hf_ranges_free
 *
 * All that is kept lies within a bound. A range that can't be had is forgotten, and its frames are fetched one by one. Safe from
 * any thread.
 */
#ifndef HF_PIPELINE_RANGES_H
#define HF_PIPELINE_RANGES_H

#include "repo/id.h"
#include "store/store.h"

#include <stddef.h>

enum {
	HF_RANGE_MAX = 4 << 20,	 /* bytes of a request for several frames */
	HF_RANGE_GAP = 64 << 10, /* so many unwanted bytes between two frames are read and thrown away */
};

struct hf_ranges;

/* Where a frame lies. */
struct hf_stored {
	struct hf_ref pack;
	uint32_t offset, len;
};

/* Keeps at most `max_bytes`. The store is borrowed. */
int hf_ranges_new(struct hf_store *store, size_t max_bytes, struct hf_ranges **out, struct hf_error *err) HF_MUST_CHECK;
void hf_ranges_free(struct hf_ranges *r); /* no one may be using it; NULL is fine */

/* Tells which frames will be taken soon, in this order (any may come more than once): the first `own` by the caller, now, the
 * rest by others after it. Fetches what the caller needs together with its wanted neighbours; and if that is on its way already,
 * the next large range, so that several are. Fails never: what it could not have, hf_ranges_get fetches. */
void hf_ranges_fetch(struct hf_ranges *r, const struct hf_stored *wanted, size_t own, size_t count);

/* Copies a frame's bytes into `out`: out of a range, waiting for one that is on its way, or by a request of its own. */
int hf_ranges_get(struct hf_ranges *r, const struct hf_stored *frame, void *out, struct hf_error *err) HF_MUST_CHECK;

#endif
