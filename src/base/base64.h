/* Base64 (RFC 4648, section 4: with padding). */
#ifndef HF_BASE_BASE64_H
#define HF_BASE_BASE64_H

#include "base/buf.h"

/* Appends the text of the `len` bytes to `out` (whose `failed` tells whether it fitted). */
void hf_base64(const void *data, size_t len, struct hf_buf *out);

/* Reads text that ends with the terminator (white space at its end is fine) and appends the bytes to `out`. False where it is
 * not base64, or does not fit. */
bool hf_unbase64(const char *text, struct hf_buf *out);

#endif
