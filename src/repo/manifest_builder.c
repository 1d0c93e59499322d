/*
 * Builds the tree of a manifest; see manifest_builder.h.
 *
 * Each level has the node that is being filled. A full one is stored and becomes a child (id, length, entries below, first
 * path) of the node above. At the end the nodes are closed from below until a level has had one node only: the root.
 *
 * A leaf ends behind an entry whose path hashes below a bound that grows with the entry's size, so that leaves have about
 * LEAF_TARGET bytes whatever the entries look like, and whether one ends depends on that entry alone.
 */
#include "repo/manifest_builder.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEVELS = 16,
	LEAF_MIN = 8 << 10,
	LEAF_MAX = 128 << 10,
	LEAF_TARGET = 32 << 10,
	UPPER_MIN = 16, /* children */
	UPPER_MAX = 512,
	UPPER_BYTES = 128 << 10,
};

struct level {
	struct hf_buf node;  /* being filled; empty: not begun */
	struct hf_buf first; /* the path of its first entry */
	size_t count;	     /* children in it */
	uint64_t entries;    /* below it */
	uint64_t closed;     /* nodes stored before it */
	struct hf_chunk_id last; /* the one stored last */
};

struct hf_manifest_builder {
	struct hf_chunk_sink sink;
	struct hf_manifest_root root;
	struct hf_buf path; /* of the last entry */
	struct hf_buf body; /* of the entry being encoded */
	struct level levels[LEVELS];
};

int hf_manifest_builder_new(const struct hf_chunk_sink *sink, struct hf_manifest_builder **out, struct hf_error *err)
{
	struct hf_manifest_builder *b = calloc(1, sizeof(*b));
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory for a manifest");
	b->sink = *sink;
	b->path = HF_BUF(HF_MANIFEST_PATH_MAX);
	b->body = HF_BUF(HF_MANIFEST_BODY_MAX);
	for (int i = 0; i < LEVELS; i++) {
		b->levels[i].node = HF_BUF(HF_CHUNK_MAX);
		b->levels[i].first = HF_BUF(HF_MANIFEST_PATH_MAX);
	}
	*out = b;
	return 0;
}

void hf_manifest_builder_free(struct hf_manifest_builder *b)
{
	if (!b)
		return;
	hf_buf_free(&b->path);
	hf_buf_free(&b->body);
	for (int i = 0; i < LEVELS; i++) {
		hf_buf_free(&b->levels[i].node);
		hf_buf_free(&b->levels[i].first);
	}
	free(b);
}

static int close_node(struct hf_manifest_builder *b, int n, struct hf_error *err);

/* FNV-1a with a last stir, since the bound looks at the high bits. */
static uint32_t hash_path(const char *path, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)path[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	return (uint32_t)(h >> 32);
}

static bool ends_leaf(const struct level *l, const struct hf_manifest_encoded *e)
{
	if (l->node.len >= LEAF_MAX)
		return true;
	uint64_t bound = (e->body_len + 16) * (UINT64_C(1) << 32) / (LEAF_TARGET - LEAF_MIN);
	return l->node.len >= LEAF_MIN && hash_path(e->path, e->path_len) < bound;
}

/* One more child of the node of level n, which has just been stored. The depth of the recursion is LEVELS. */
static int add_child(struct hf_manifest_builder *b, int n, const struct level *below, uint64_t len, struct hf_error *err)
{
	struct level *l = &b->levels[n];
	if (l->count == 0) {
		hf_buf_u8(&l->node, (uint8_t)n);
		hf_buf_add(&l->first, below->first.data, below->first.len);
	}
	hf_buf_add(&l->node, below->last.b, HF_ID_SIZE);
	hf_buf_varint(&l->node, len);
	hf_buf_varint(&l->node, below->entries);
	hf_buf_blob(&l->node, below->first.data, below->first.len);
	l->count++;
	l->entries += below->entries;
	bool full = l->count >= UPPER_MAX || (l->count >= 2 && l->node.len >= UPPER_BYTES);
	return full || (l->count >= UPPER_MIN && below->last.b[0] < 4) ? close_node(b, n, err) : 0;
}

static int store_node(struct hf_manifest_builder *b, int n, struct hf_error *err)
{
	struct level *l = &b->levels[n];
	int r = hf_buf_check(&l->node, "manifest node", err);
	if (r == 0)
		r = b->sink.store_chunk(b->sink.user, HF_CHUNK_MANIFEST, l->node.data, l->node.len, &l->last, err);
	l->closed += r == 0;
	return r;
}

static int close_node(struct hf_manifest_builder *b, int n, struct hf_error *err)
{
	struct level *l = &b->levels[n];
	if (n + 1 == LEVELS)
		return hf_fail(err, HF_E_UNSUPPORTED, "a manifest of more than %d levels", LEVELS);
	int r = store_node(b, n, err);
	if (r == 0)
		r = add_child(b, n + 1, l, l->node.len, err);
	hf_buf_clear(&l->node);
	hf_buf_clear(&l->first);
	l->count = 0;
	l->entries = 0;
	return r;
}

static size_t common_prefix(const struct hf_buf *last, const char *path, size_t len)
{
	size_t n = 0;
	while (n < last->len && n < len && last->data[n] == (uint8_t)path[n])
		n++;
	return n;
}

static int check_order(const struct hf_manifest_builder *b, const struct hf_manifest_encoded *e, struct hf_error *err)
{
	if (e->path_len > HF_MANIFEST_PATH_MAX || !hf_path_is_sound(e->path, e->path_len))
		return hf_fail(err, HF_E_USAGE, "manifest: %.200s is no path that it can hold", e->path_len ? e->path : "");
	const char *last = b->path.data ? (const char *)b->path.data : "";
	if (b->root.entries > 0 && hf_path_compare(last, b->path.len, e->path, e->path_len) >= 0)
		return hf_fail(err, HF_E_USAGE, "manifest: %.*s comes after %.*s, which is out of order", (int)e->path_len, e->path,
			(int)b->path.len, last);
	return 0;
}

/* Puts the entry into the leaf. */
static void put_entry(struct hf_manifest_builder *b, const struct hf_manifest_encoded *e)
{
	struct level *l = &b->levels[0];
	size_t p = l->count ? common_prefix(&b->path, e->path, e->path_len) : 0;
	if (l->count == 0) {
		hf_buf_u8(&l->node, 0);
		hf_buf_add(&l->first, e->path, e->path_len);
	}
	hf_buf_varint(&l->node, p);
	hf_buf_blob(&l->node, e->path_len ? e->path + p : NULL, e->path_len - p);
	hf_buf_add(&l->node, e->body, e->body_len);
	l->count++;
	l->entries++;
}

int hf_manifest_builder_add_encoded(struct hf_manifest_builder *b, const struct hf_manifest_encoded *e,
	struct hf_error *err)
{
	enum hf_entry_type type;
	uint64_t size;
	int r = check_order(b, e, err);
	if (r == 0)
		r = hf_manifest_peek_body(e->body, e->body_len, &type, &size, err);
	if (r < 0)
		return r;
	if (e->body_len > HF_MANIFEST_BODY_MAX)
		return hf_fail(err, HF_E_USAGE, "manifest: the attributes of %.*s are too long", (int)e->path_len, e->path);
	put_entry(b, e);
	hf_buf_clear(&b->path);
	hf_buf_add(&b->path, e->path, e->path_len);
	r = hf_buf_check(&b->path, "manifest path", err);
	if (r < 0)
		return r;
	b->root.entries++;
	b->root.files += type == HF_ENTRY_FILE;
	b->root.bytes += size;
	return ends_leaf(&b->levels[0], e) ? close_node(b, 0, err) : 0;
}

int hf_manifest_builder_add(struct hf_manifest_builder *b, const struct hf_manifest_entry *e, struct hf_error *err)
{
	hf_buf_clear(&b->body);
	int r = hf_manifest_encode_body(e, &b->body, err);
	if (r < 0)
		return r;
	const struct hf_manifest_encoded encoded = {.path = e->entry.path,
		.path_len = e->entry.path_len,
		.body = b->body.data,
		.body_len = b->body.len};
	return hf_manifest_builder_add_encoded(b, &encoded, err);
}

int hf_manifest_builder_end(struct hf_manifest_builder *b, struct hf_manifest_root *out, struct hf_error *err)
{
	if (b->root.entries == 0)
		hf_buf_u8(&b->levels[0].node, 0);
	for (int n = 0; n < LEVELS; n++) {
		struct level *l = &b->levels[n];
		bool is_root = l->closed + (l->node.len > 0) == 1;
		int r = l->node.len == 0 ? 0 : is_root ? store_node(b, n, err) : close_node(b, n, err);
		if (r < 0)
			return r;
		if (is_root) {
			b->root.id = l->last;
			*out = b->root;
			return 0;
		}
	}
	return hf_fail(err, HF_E_UNSUPPORTED, "a manifest of more than %d levels", LEVELS);
}
