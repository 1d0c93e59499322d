/* Base64; see base64.h. */
#include "base/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hf_base64(const void *data, size_t len, struct hf_buf *out)
{
	const uint8_t *p = data;
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;
		if (i + 1 < len)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		hf_buf_u8(out, (uint8_t)digits[v >> 18]);
		hf_buf_u8(out, (uint8_t)digits[v >> 12 & 63]);
		hf_buf_u8(out, (uint8_t)(i + 1 < len ? digits[v >> 6 & 63] : '='));
		hf_buf_u8(out, (uint8_t)(i + 2 < len ? digits[v & 63] : '='));
	}
}

/* The bytes of four digits, of which the last `padding` are '='. */
static bool read_four(const char *four, size_t padding, struct hf_buf *out)
{
	uint32_t v = 0;
	for (size_t i = 0; i < 4; i++) {
		const char *at = i < 4 - padding ? strchr(digits, four[i]) : digits;
		if (!at)
			return false;
		v = v << 6 | (uint32_t)(at - digits);
	}
	for (size_t i = 0; i < 3 - padding; i++)
		hf_buf_u8(out, (uint8_t)(v >> (16 - 8 * i)));
	return (v & ((1U << (8 * padding)) - 1)) == 0;
}

bool hf_unbase64(const char *text, struct hf_buf *out)
{
	size_t len = strlen(text);
	while (len && strchr(" \t\r\n", text[len - 1]))
		len--;
	if (len % 4 != 0)
		return false;
	for (size_t i = 0; i < len; i += 4) {
		size_t padding = 0;
		if (i + 4 == len && text[i + 3] == '=')
			padding = text[i + 2] == '=' ? 2 : 1;
		if (!read_four(text + i, padding, out))
			return false;
	}
	return !out->failed;
}
