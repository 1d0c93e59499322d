/* Changes to bytes, the same in each run: what replay.c makes of the seeds. */
#ifndef HF_TESTS_FUZZ_MUTATE_H
#define HF_TESTS_FUZZ_MUTATE_H

#include <stddef.h>
#include <stdint.h>

enum { MUTANT_MAX = 1 << 20 };

struct seed {
	uint8_t *data;
	size_t len;
};

/* Mutant number `n` of the seeds into `out`, which has room for MUTANT_MAX; its length. It is one of the seeds with one to eight changes:
 * bits, bytes, numbers from the edges of their ranges, pieces cut out, doubled, moved, or taken from another seed, an early end. */
size_t mutate(const struct seed *seeds, size_t count, uint64_t n, uint8_t *out);

#endif
