/* Sizes and shares as people write them. */
#ifndef HF_BASE_SIZE_H
#define HF_BASE_SIZE_H

#include "base/error.h"

#include <stdint.h>

enum { HF_SIZE_TEXT = 24 };

/* "4096", "64K", "32M", "2G", "1T": powers of 1024, a following "B" or "iB" is fine. HF_E_USAGE. */
int hf_size_parse(const char *text, uint64_t *bytes, struct hf_error *err) HF_MUST_CHECK;

/* For people: "0 B", "512 B", "1.5 KiB", "348 MiB", "1.1 GiB". Returns `out`. */
const char *hf_size_format(uint64_t bytes, char out[HF_SIZE_TEXT]);

/* "5%", "0.5%", "100%": more than 0, at most 100; as a fraction of 1 in `share`. HF_E_USAGE. */
int hf_share_parse(const char *text, double *share, struct hf_error *err) HF_MUST_CHECK;

#endif
