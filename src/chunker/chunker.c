/* FastCDC; see chunker.h. */
#include "chunker/chunker.h"

/* How many bits more (less) than log2(average) a cut needs before (after) the average: normalisation level 2. */
enum { NORMALISATION = 2 };

/* The upper `bits` bits: in a gear hash they depend on the most bytes. */
static uint64_t mask_of(int bits)
{
	return ~UINT64_C(0) << (64 - bits);
}

size_t hf_chunker_scan(const struct hf_chunker *c, const uint8_t *data, size_t len, bool is_end)
{
	size_t end = len < c->max ? len : c->max;
	size_t middle = end < c->average ? end : c->average;
	if (end <= c->min)
		return is_end ? end : 0;
	int bits = 31 - __builtin_clz(c->average);
	uint64_t strict = mask_of(bits + NORMALISATION), loose = mask_of(bits - NORMALISATION);
	uint64_t hash = 0;
	size_t i = c->min;
	for (; i < middle; i++) {
		hash = (hash << 1) + c->gear[data[i]];
		if (!(hash & strict))
			return i + 1;
	}
	for (; i < end; i++) {
		hash = (hash << 1) + c->gear[data[i]];
		if (!(hash & loose))
			return i + 1;
	}
	return is_end || end == c->max ? end : 0;
}
