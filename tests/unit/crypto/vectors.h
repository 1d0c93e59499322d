/* Known answers as hexadecimal text: the way in which RFCs print them. For the tests of this room only. */
#ifndef HF_TEST_CRYPTO_VECTORS_H
#define HF_TEST_CRYPTO_VECTORS_H

#include "base/hex.h"

#include <string.h>

/* Checks that the text is `len` bytes long in hexadecimal, and writes them to `out`. */
static inline void from_hex(const char *text, void *out, size_t len)
{
	assert_int_equal(strlen(text), 2 * len);
	assert_true(hf_unhex(text, out, len));
}

static inline void assert_hex(const void *data, size_t len, const char *expected)
{
	char text[512];
	assert_true(2 * len < sizeof(text));
	assert_string_equal(hf_hex(data, len, text), expected);
}

#endif
