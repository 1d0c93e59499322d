/*
 * A byte buffer that grows, and has a maximum from birth; and the writers of fixed-width little-endian integers
 * and varints that every on-disk structure is made with. Its reading counterpart is cursor.h.
 *
 *	struct hf_buf b = HF_BUF(1 << 20);        // at most 1 MiB; nothing is allocated yet
 *	hf_buf_u32(&b, 7);
 *	hf_buf_add(&b, data, len);
 *	if (b.failed) ...                         // one check after many writes
 *	hf_buf_free(&b);
 *
 * A write that would pass the maximum, or finds no memory, sets `failed` and changes nothing; so do all later
 * writes. Not safe for use by several threads at once.
 */
#ifndef HF_BASE_BUF_H
#define HF_BASE_BUF_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_buf {
	uint8_t *data;
	size_t len, cap, max;
	bool failed;
};

#define HF_BUF(maximum) ((struct hf_buf){.max = (maximum)})
#define HF_BUF_AUTO __attribute__((cleanup(hf_buf_free))) struct hf_buf

void hf_buf_free(struct hf_buf *b);  /* releases, keeps the maximum: usable again */
void hf_buf_clear(struct hf_buf *b); /* length 0, keeps the memory, forgets `failed` */
/* Takes memory for `cap` bytes in all (at most the maximum) at once: what a buffer leaves behind each time it grows is not
 * always used again. Without memory nothing happens. */
void hf_buf_reserve(struct hf_buf *b, size_t cap);

/* Makes room for `len` more bytes and returns where they start, or NULL (then `failed` is set). The length grows
 * by `len`; the bytes are not initialised. */
uint8_t *hf_buf_space(struct hf_buf *b, size_t len);

void hf_buf_add(struct hf_buf *b, const void *data, size_t len);
void hf_buf_str(struct hf_buf *b, const char *s); /* without its terminator */
void hf_buf_printf(struct hf_buf *b, const char *fmt, ...) HF_PRINTF(2, 3);
void hf_buf_u8(struct hf_buf *b, uint8_t v);
void hf_buf_u16(struct hf_buf *b, uint16_t v);
void hf_buf_u32(struct hf_buf *b, uint32_t v);
void hf_buf_u64(struct hf_buf *b, uint64_t v);
void hf_buf_varint(struct hf_buf *b, uint64_t v); /* LEB128, 1 to 10 bytes */
void hf_buf_zigzag(struct hf_buf *b, int64_t v);  /* signed: (v << 1) ^ (v >> 63), then LEB128 */
void hf_buf_blob(struct hf_buf *b, const void *data, size_t len); /* varint length, then the bytes */

/* A terminated string of the contents, owned by the buffer, valid until its next change; NULL if failed. */
const char *hf_buf_cstr(struct hf_buf *b);

/* HF_E_NOMEM with a message naming `what` if a write failed, else 0. */
int hf_buf_check(const struct hf_buf *b, const char *what, struct hf_error *err) HF_MUST_CHECK;

static inline void hf_put_u32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}
static inline void hf_put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}
static inline uint32_t hf_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t hf_get_u64(const uint8_t *p)
{
	return (uint64_t)hf_get_u32(p) | (uint64_t)hf_get_u32(p + 4) << 32;
}

#endif
