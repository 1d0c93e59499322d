/*
 * A checked reading cursor: the only way in which bytes from outside are parsed.
 *
 * Each read checks the bounds. The first that fails sets `failed`; it and all later ones return 0 (or NULL), so a
 * parser may read a whole record and check once, provided that no loop or allocation depends on a value before
 * that check. Slices point into the caller's bytes and live as long as they do.
 */
#ifndef HF_BASE_CURSOR_H
#define HF_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_cursor {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct hf_cursor hf_cursor(const void *data, size_t len)
{
	return (struct hf_cursor){.at = data, .end = data ? (const uint8_t *)data + len : NULL};
}
static inline size_t hf_cursor_left(const struct hf_cursor *c)
{
	return c->failed ? 0 : (size_t)(c->end - c->at);
}
/* True when everything was read, and nothing failed. */
static inline bool hf_cursor_done(const struct hf_cursor *c)
{
	return !c->failed && c->at == c->end;
}

const uint8_t *hf_cursor_bytes(struct hf_cursor *c, size_t len); /* `len` bytes, or NULL */
uint8_t hf_cursor_u8(struct hf_cursor *c);
uint16_t hf_cursor_u16(struct hf_cursor *c);
uint32_t hf_cursor_u32(struct hf_cursor *c);
uint64_t hf_cursor_u64(struct hf_cursor *c);
uint64_t hf_cursor_varint(struct hf_cursor *c); /* refuses over-long forms, so every value has one encoding */
int64_t hf_cursor_zigzag(struct hf_cursor *c);
const uint8_t *hf_cursor_blob(struct hf_cursor *c, size_t max, size_t *len); /* what hf_buf_blob wrote */

#endif
