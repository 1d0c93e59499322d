/* Lowercase hexadecimal, for ids in names, JSON and messages. */
#ifndef HF_BASE_HEX_H
#define HF_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Writes 2 * len digits and a terminator to `out`; returns `out`. */
const char *hf_hex(const void *data, size_t len, char *out);
/* Reads exactly 2 * len lowercase digits followed by the terminator. */
bool hf_unhex(const char *text, void *data, size_t len);

#endif
