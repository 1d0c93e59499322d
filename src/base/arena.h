/*
 * An arena: many small allocations that are released together. Addresses stay as they are until the reset, so that
 * structs may point at one another. Nothing in it is freed alone.
 *
 *	struct hf_arena a = {0};
 *	char *copy = hf_arena_copy(&a, path, len);
 *	...
 *	hf_arena_reset(&a);   // empties it and keeps its first block for the next round
 *	hf_arena_free(&a);
 *
 * One thread at a time. Whoever fills one decides how much goes in; `used` tells how many bytes were handed out.
 */
#ifndef HF_BASE_ARENA_H
#define HF_BASE_ARENA_H

#include <stddef.h>

struct hf_arena_block;

struct hf_arena {
	struct hf_arena_block *first, *at;
	size_t used;
};

void *hf_arena_alloc(struct hf_arena *a, size_t len);		     /* aligned for any type; NULL without memory */
char *hf_arena_copy(struct hf_arena *a, const void *data, size_t len); /* with a terminator after it */
void hf_arena_reset(struct hf_arena *a);
void hf_arena_free(struct hf_arena *a); /* usable again afterwards */

#endif
