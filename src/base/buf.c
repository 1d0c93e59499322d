/* Growing byte buffer; see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_buf_free(struct hf_buf *b)
{
	free(b->data);
	*b = (struct hf_buf){.max = b->max};
}

void hf_buf_clear(struct hf_buf *b)
{
	b->len = 0;
	b->failed = false;
}

static bool grow(struct hf_buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 256;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	uint8_t *p = realloc(b->data, cap);
	if (!p)
		return false;
	b->data = p;
	b->cap = cap;
	return true;
}

void hf_buf_reserve(struct hf_buf *b, size_t cap)
{
	size_t want = cap < b->max ? cap : b->max;
	uint8_t *p = want > b->cap ? realloc(b->data, want) : NULL;
	if (!p)
		return;
	b->data = p;
	b->cap = want;
}

uint8_t *hf_buf_space(struct hf_buf *b, size_t len)
{
	if (b->failed || len > b->max - b->len || (b->len + len > b->cap && !grow(b, b->len + len))) {
		b->failed = true;
		return NULL;
	}
	uint8_t *p = b->data ? b->data + b->len : NULL;
	b->len += len;
	return p;
}

void hf_buf_add(struct hf_buf *b, const void *data, size_t len)
{
	if (len == 0)
		return;
	uint8_t *p = hf_buf_space(b, len);
	if (p)
		memcpy(p, data, len);
}

void hf_buf_str(struct hf_buf *b, const char *s)
{
	hf_buf_add(b, s, strlen(s));
}

void hf_buf_printf(struct hf_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	uint8_t *p = n < 0 ? NULL : hf_buf_space(b, (size_t)n + 1);
	if (p) {
		vsnprintf((char *)p, (size_t)n + 1, fmt, again);
		b->len--;
	} else {
		b->failed = true;
	}
	va_end(again);
}

void hf_buf_u8(struct hf_buf *b, uint8_t v)
{
	hf_buf_add(b, &v, 1);
}

void hf_buf_u16(struct hf_buf *b, uint16_t v)
{
	uint8_t le[2] = {(uint8_t)v, (uint8_t)(v >> 8)};
	hf_buf_add(b, le, sizeof(le));
}

void hf_buf_u32(struct hf_buf *b, uint32_t v)
{
	uint8_t le[4];
	hf_put_u32(le, v);
	hf_buf_add(b, le, sizeof(le));
}

void hf_buf_u64(struct hf_buf *b, uint64_t v)
{
	uint8_t le[8];
	hf_put_u64(le, v);
	hf_buf_add(b, le, sizeof(le));
}

void hf_buf_varint(struct hf_buf *b, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;
	while (v >= 0x80) {
		out[n++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	out[n++] = (uint8_t)v;
	hf_buf_add(b, out, n);
}

void hf_buf_zigzag(struct hf_buf *b, int64_t v)
{
	hf_buf_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void hf_buf_blob(struct hf_buf *b, const void *data, size_t len)
{
	hf_buf_varint(b, len);
	hf_buf_add(b, data, len);
}

const char *hf_buf_cstr(struct hf_buf *b)
{
	if (!hf_buf_space(b, 1))
		return NULL;
	b->len--;
	b->data[b->len] = 0;
	return (const char *)b->data;
}

int hf_buf_check(const struct hf_buf *b, const char *what, struct hf_error *err)
{
	if (!b->failed)
		return 0;
	return hf_fail(err, HF_E_NOMEM, "%s: more than %zu bytes, or no memory", what, b->max);
}
