/* Nodes of a tree out of one input: ( u16 length, bytes )*. The id of a node is its number, in the first byte; the rest of the id is free. */
#ifndef HF_TESTS_FUZZ_NODES_H
#define HF_TESTS_FUZZ_NODES_H

#include "base/cursor.h"
#include "repo/content.h"

enum { NODES_MAX = 256 };

struct nodes {
	size_t count;
	struct {
		const uint8_t *data;
		size_t len;
	} node[NODES_MAX];
};

static inline void nodes_read(struct hf_cursor *c, struct nodes *out)
{
	for (out->count = 0; out->count < NODES_MAX && hf_cursor_left(c) >= 2; out->count++) {
		size_t len = hf_cursor_u16(c), left = hf_cursor_left(c);
		out->node[out->count].len = len < left ? len : left;
		out->node[out->count].data = hf_cursor_bytes(c, out->node[out->count].len);
	}
}

/* As the reader of chunks gives them: never of another length than was asked for. */
static inline int nodes_load(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len, struct hf_buf *out,
	struct hf_error *err)
{
	const struct nodes *n = user;
	(void)kind;
	if (id->b[0] >= n->count)
		return hf_fail(err, HF_E_NOTFOUND, "no such chunk");
	if (expected_len && expected_len != n->node[id->b[0]].len)
		return hf_fail(err, HF_E_CORRUPT, "a chunk of another length");
	hf_buf_clear(out);
	hf_buf_add(out, n->node[id->b[0]].data, n->node[id->b[0]].len);
	return hf_buf_check(out, "chunk", err);
}

static inline struct hf_chunk_feed nodes_feed(struct nodes *n)
{
	return (struct hf_chunk_feed){.load_chunk = nodes_load, .user = n};
}

#endif
