/* Checked reading cursor; see cursor.h. */
#include "base/cursor.h"

#include "base/buf.h"

const uint8_t *hf_cursor_bytes(struct hf_cursor *c, size_t len)
{
	if (c->failed || len > (size_t)(c->end - c->at)) {
		c->failed = true;
		return NULL;
	}
	const uint8_t *p = c->at;
	c->at += len;
	return p;
}

uint8_t hf_cursor_u8(struct hf_cursor *c)
{
	const uint8_t *p = hf_cursor_bytes(c, 1);
	return p ? p[0] : 0;
}

uint16_t hf_cursor_u16(struct hf_cursor *c)
{
	const uint8_t *p = hf_cursor_bytes(c, 2);
	return (uint16_t)(p ? p[0] | p[1] << 8 : 0);
}

uint32_t hf_cursor_u32(struct hf_cursor *c)
{
	const uint8_t *p = hf_cursor_bytes(c, 4);
	return p ? hf_get_u32(p) : 0;
}

uint64_t hf_cursor_u64(struct hf_cursor *c)
{
	const uint8_t *p = hf_cursor_bytes(c, 8);
	return p ? hf_get_u64(p) : 0;
}

uint64_t hf_cursor_varint(struct hf_cursor *c)
{
	uint64_t v = 0;
	for (int shift = 0; shift < 64; shift += 7) {
		const uint8_t *p = hf_cursor_bytes(c, 1);
		if (!p)
			return 0;
		v |= (uint64_t)(*p & 0x7f) << shift;
		if (*p & 0x80)
			continue;
		bool overlong = shift > 0 && *p == 0;
		bool overflow = shift == 63 && *p > 1;
		if (overlong || overflow)
			break;
		return v;
	}
	c->failed = true;
	return 0;
}

int64_t hf_cursor_zigzag(struct hf_cursor *c)
{
	uint64_t v = hf_cursor_varint(c);
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

const uint8_t *hf_cursor_blob(struct hf_cursor *c, size_t max, size_t *len)
{
	uint64_t n = hf_cursor_varint(c);
	if (n > max)
		c->failed = true;
	*len = c->failed ? 0 : (size_t)n;
	const uint8_t *p = hf_cursor_bytes(c, *len);
	if (!p)
		*len = 0;
	return p;
}
