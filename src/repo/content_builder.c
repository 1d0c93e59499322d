/*
 * Builds the content of a file; see content.h.
 *
 * The first 16 refs wait in an array, and stay there if the file is over then. With the 17th they move into the list: a
 * stack of levels, each with the node that is being filled. A full node is stored and becomes a child of the node above.
 *
 * With a unit, the first node of each level is held back until the end, since it depends on the first chunk, which may still
 * be replaced: its parent gets a child whose id is filled in by the end.
 */
#include "repo/content.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

enum { LEVELS = 8, LEAF_HEAD_PAGES = 6, HEAD = 2, NODE_MAX = 64 << 10 };

struct level {
	struct hf_buf node; /* being filled; empty: not begun */
	size_t count;	    /* children in it */
	uint64_t bytes;	    /* of content below it */
	uint64_t closed;    /* nodes finished before it */
	struct hf_buf held; /* the level's first node, of a list with a unit */
	struct hf_chunk_id first; /* the id of the level's first node */
};

struct hf_content_builder {
	struct hf_chunk_sink sink;
	uint32_t unit;
	uint64_t count, bytes;
	uint32_t first_len, last_len;
	struct hf_chunk_ref refs[HF_CONTENT_INLINE_MAX];
	struct level levels[LEVELS];
};

int hf_content_builder_new(const struct hf_chunk_sink *sink, struct hf_content_builder **out, struct hf_error *err)
{
	struct hf_content_builder *b = calloc(1, sizeof(*b));
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory for a content list");
	b->sink = *sink;
	for (int i = 0; i < LEVELS; i++)
		b->levels[i].node = b->levels[i].held = HF_BUF(NODE_MAX);
	*out = b;
	return 0;
}

void hf_content_builder_free(struct hf_content_builder *b)
{
	if (!b)
		return;
	for (int i = 0; i < LEVELS; i++) {
		hf_buf_free(&b->levels[i].node);
		hf_buf_free(&b->levels[i].held);
	}
	free(b);
}

void hf_content_builder_begin(struct hf_content_builder *b, uint32_t unit)
{
	assert(unit <= HF_CHUNK_MAX);
	b->unit = unit;
	b->count = b->bytes = 0;
	b->first_len = b->last_len = 0;
	for (int i = 0; i < LEVELS; i++) {
		struct level *l = &b->levels[i];
		hf_buf_clear(&l->node);
		hf_buf_clear(&l->held);
		l->count = 0;
		l->bytes = l->closed = 0;
	}
}

static int store(struct hf_content_builder *b, const struct hf_buf *node, struct hf_chunk_id *id, struct hf_error *err)
{
	return b->sink.store_chunk(b->sink.user, HF_CHUNK_CONTENT, node->data, node->len, id, err);
}

/* Where the id of a node's first child stands. */
static size_t first_id_at(const struct hf_content_builder *b, int n)
{
	return n == 0 && b->unit ? LEAF_HEAD_PAGES : HEAD;
}

static void begin_node(struct hf_content_builder *b, int n)
{
	struct hf_buf *node = &b->levels[n].node;
	hf_buf_u8(node, (uint8_t)n);
	hf_buf_u8(node, n == 0 && b->unit ? 1 : 0);
	if (n == 0 && b->unit)
		hf_buf_u32(node, b->unit);
}

/* Whether a node of `count` children ends behind the child `id`. */
static bool is_boundary(const struct hf_content_builder *b, int n, size_t count, const struct hf_chunk_id *id)
{
	if (b->unit)
		return count == (n == 0 ? 64 : 256);
	if (n == 0)
		return count == 1024 || (count >= 64 && id->b[0] == 0);
	return count == 256 || (count >= 16 && id->b[0] < 4);
}

static int append(struct hf_content_builder *b, int n, const struct hf_chunk_ref *ref, uint64_t bytes,
	struct hf_error *err);

/* Finishes the node of level n, which has children, and makes it a child of the level above. */
static int close_node(struct hf_content_builder *b, int n, struct hf_error *err)
{
	struct level *l = &b->levels[n];
	struct hf_chunk_ref child = {0};
	int r = hf_buf_check(&l->node, "content list", err);
	if (r < 0)
		return r;
	if (b->unit && l->closed == 0) {
		struct hf_buf empty = l->held;
		l->held = l->node;
		l->node = empty;
	} else {
		r = store(b, &l->node, &child.id, err);
		if (r < 0)
			return r;
		if (l->closed == 0)
			l->first = child.id;
	}
	uint64_t bytes = l->bytes;
	hf_buf_clear(&l->node);
	l->count = 0;
	l->bytes = 0;
	l->closed++;
	if (n + 1 == LEVELS)
		return hf_fail(err, HF_E_UNSUPPORTED, "a file of too many chunks for one content list");
	return append(b, n + 1, &child, bytes, err);
}

/* Adds a child to the node of level n: a chunk of the file (n = 0) or a node. The depth of the recursion is LEVELS. */
static int append(struct hf_content_builder *b, int n, const struct hf_chunk_ref *ref, uint64_t bytes,
	struct hf_error *err)
{
	struct level *l = &b->levels[n];
	if (l->count == 0)
		begin_node(b, n);
	hf_buf_add(&l->node, ref->id.b, HF_ID_SIZE);
	if (n > 0 || !b->unit)
		hf_buf_varint(&l->node, bytes);
	l->count++;
	l->bytes += bytes;
	return is_boundary(b, n, l->count, &ref->id) ? close_node(b, n, err) : 0;
}

static int check_ref(const struct hf_content_builder *b, const struct hf_chunk_ref *ref, struct hf_error *err)
{
	if (ref->len == 0 || ref->len > (b->unit ? b->unit : HF_CHUNK_MAX))
		return hf_fail(err, HF_E_USAGE, "a chunk of %u bytes has no place in a list of unit %u", ref->len, b->unit);
	if (b->unit && b->count > 0 && b->last_len < b->unit)
		return hf_fail(err, HF_E_USAGE, "only the last chunk of a list may be shorter than its unit of %u bytes", b->unit);
	if (b->bytes + ref->len > INT64_MAX)
		return hf_fail(err, HF_E_UNSUPPORTED, "a file of more than 2^63 bytes");
	return 0;
}

int hf_content_builder_add(struct hf_content_builder *b, const struct hf_chunk_ref *ref, struct hf_error *err)
{
	int r = check_ref(b, ref, err);
	if (r < 0)
		return r;
	if (b->count == HF_CONTENT_INLINE_MAX)
		for (size_t i = 0; i < HF_CONTENT_INLINE_MAX && r == 0; i++)
			r = append(b, 0, &b->refs[i], b->refs[i].len, err);
	if (r == 0 && b->count >= HF_CONTENT_INLINE_MAX)
		r = append(b, 0, ref, ref->len, err);
	if (r < 0)
		return r;
	if (b->count < HF_CONTENT_INLINE_MAX)
		b->refs[b->count] = *ref;
	if (b->count == 0)
		b->first_len = ref->len;
	b->last_len = ref->len;
	b->bytes += ref->len;
	b->count++;
	return 0;
}

/* Puts `id` in the place of the first child of the first node of level n. */
static void set_first_child(struct hf_content_builder *b, int n, const struct hf_chunk_id *id)
{
	struct level *l = &b->levels[n];
	struct hf_buf *node = l->closed ? &l->held : &l->node;
	assert(node->failed || node->len >= first_id_at(b, n) + HF_ID_SIZE);
	if (!node->failed)
		memcpy(node->data + first_id_at(b, n), id->b, HF_ID_SIZE);
}

int hf_content_builder_replace_first(struct hf_content_builder *b, const struct hf_chunk_ref *ref, struct hf_error *err)
{
	if (!b->unit || b->count == 0 || ref->len != b->first_len)
		return hf_fail(err, HF_E_USAGE, "replace the first chunk: unit %u, %llu chunks, %u bytes for %u", b->unit,
			(unsigned long long)b->count, ref->len, b->first_len);
	if (b->count <= HF_CONTENT_INLINE_MAX)
		b->refs[0] = *ref;
	else
		set_first_child(b, 0, &ref->id);
	return 0;
}

/* Closes level after level until one has a single node: the root. */
static int end_list(struct hf_content_builder *b, struct hf_chunk_id *root, struct hf_error *err)
{
	for (int n = 0; n < LEVELS; n++) {
		struct level *l = &b->levels[n];
		if (l->count > 0 && l->closed == 0) {
			int r = hf_buf_check(&l->node, "content list", err);
			return r < 0 ? r : store(b, &l->node, root, err);
		}
		int r = l->count > 0 ? close_node(b, n, err) : 0;
		if (r == 0 && l->held.len > 0)
			r = store(b, &l->held, &l->first, err);
		if (r < 0)
			return r;
		if (l->closed == 1) {
			*root = l->first;
			return 0;
		}
		if (b->unit)
			set_first_child(b, n + 1, &l->first);
	}
	return hf_fail(err, HF_E_UNSUPPORTED, "a file of too many chunks for one content list");
}

int hf_content_builder_end(struct hf_content_builder *b, struct hf_content *out, struct hf_error *err)
{
	*out = (struct hf_content){.bytes = b->bytes};
	if (b->count > HF_CONTENT_INLINE_MAX) {
		out->form = HF_CONTENT_LIST;
		return end_list(b, &out->root, err);
	}
	out->form = b->unit && b->count ? HF_CONTENT_INLINE_PAGES : HF_CONTENT_INLINE;
	out->unit = b->count ? b->unit : 0;
	out->refs = b->count ? b->refs : NULL;
	out->count = b->count;
	return 0;
}
