/*
 * Content-defined cutting: FastCDC (Xia et al., USENIX ATC 2016) with normalised chunk sizes: a gear hash rolls over the
 * data; up to the average size a cut needs more zero bits than past it, so that sizes gather around the average. The
 * gear table is derived from a key (repo/cutting.h), so that sizes tell a stranger nothing about known contents.
 *
 * A chunker is a plain struct and one scan function: no state between calls, no allocation. Threads may share it.
 */
#ifndef HF_CHUNKER_CHUNKER_H
#define HF_CHUNKER_CHUNKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_chunker {
	uint32_t min, average, max; /* bytes; average is a power of two, min < average < max */
	uint64_t gear[256];
};

/*
 * The length of the first chunk of `data`. `is_end`: nothing follows `len`. Returns 0 if that can't be told yet: then
 * call again with the same bytes and more behind them; with `max` bytes there is always an answer.
 */
size_t hf_chunker_scan(const struct hf_chunker *c, const uint8_t *data, size_t len, bool is_end);

#endif
