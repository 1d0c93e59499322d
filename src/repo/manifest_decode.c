/*
 * Entries from bytes; see manifest_codec.h.
 *
 * What a decoded entry points to lies in its arena, which starts over with each decode. Every array is allocated only after
 * its count was held against the bytes that are left, so a lying count costs at most a small multiple of those.
 */
#include "repo/manifest_internal.h"

#include <string.h>

enum { SECOND = 1000000000 };

void hf_manifest_entry_free(struct hf_manifest_entry *e)
{
	hf_arena_free(&e->memory);
	*e = (struct hf_manifest_entry){0};
}

/* The decoder's state: where it reads, for whom, and whether memory ran out. */
struct decoder {
	struct hf_cursor *c;
	struct hf_manifest_entry *m;
	bool no_memory;
};

static void fail(struct decoder *d)
{
	d->c->failed = true;
}

static void *get_array(struct decoder *d, uint64_t count, size_t least, size_t size)
{
	if (d->c->failed || count > hf_cursor_left(d->c) / least) {
		fail(d);
		return NULL;
	}
	void *p = hf_arena_alloc(&d->m->memory, (size_t)count * size);
	if (!p) {
		d->no_memory = true;
		fail(d);
	}
	return p;
}

/* A blob of at most `max` bytes, copied and terminated. */
static char *get_blob(struct decoder *d, size_t max, size_t *len)
{
	const uint8_t *p = hf_cursor_blob(d->c, max, len);
	char *copy = d->c->failed ? NULL : hf_arena_copy(&d->m->memory, p, *len);
	if (!copy) {
		d->no_memory = d->no_memory || !d->c->failed;
		fail(d);
	}
	return copy;
}

/* The same without NULs in it. */
static const char *get_text(struct decoder *d)
{
	size_t len;
	char *s = get_blob(d, BLOB_MAX, &len);
	if (s && memchr(s, 0, len))
		fail(d);
	return s;
}

static uint32_t get_u32(struct decoder *d)
{
	uint64_t v = hf_cursor_varint(d->c);
	if (v > UINT32_MAX)
		fail(d);
	return (uint32_t)v;
}

static unsigned get_head(struct decoder *d)
{
	struct hf_entry *e = &d->m->entry;
	e->type = hf_cursor_u8(d->c);
	uint64_t flags = hf_cursor_varint(d->c);
	e->mode = get_u32(d);
	e->uid = get_u32(d);
	e->gid = get_u32(d);
	int64_t seconds = hf_cursor_zigzag(d->c);
	uint64_t ns = hf_cursor_varint(d->c);
	__int128 time = (__int128)seconds * SECOND + ns;
	if (flags > BITS_ALL || ns >= SECOND || time < INT64_MIN || time > INT64_MAX)
		fail(d);
	e->mtime_ns = (int64_t)time;
	return (unsigned)flags;
}

static void get_names(struct decoder *d)
{
	struct hf_entry *e = &d->m->entry;
	e->user = get_text(d);
	e->group = get_text(d);
	if (e->user && !*e->user)
		e->user = NULL;
	if (e->group && !*e->group)
		e->group = NULL;
	if (!e->user && !e->group)
		fail(d);
}

static void get_xattrs(struct decoder *d)
{
	uint64_t n = hf_cursor_varint(d->c);
	struct hf_xattr *x = get_array(d, n, 3, sizeof(*x));
	if (n == 0)
		fail(d);
	for (uint64_t i = 0; x && i < n && !d->c->failed; i++) {
		x[i].name = get_text(d);
		x[i].value = get_blob(d, BLOB_MAX, &x[i].len);
	}
	d->m->entry.xattrs = x;
	d->m->entry.xattr_count = d->c->failed ? 0 : (size_t)n;
}

static void get_extents(struct decoder *d)
{
	uint64_t n = hf_cursor_varint(d->c), end = 0;
	struct hf_extent *x = get_array(d, n, 2, sizeof(*x));
	for (uint64_t i = 0; x && i < n && !d->c->failed; i++) {
		uint64_t gap = hf_cursor_varint(d->c), len = hf_cursor_varint(d->c);
		if (gap > INT64_MAX - end || len > INT64_MAX - end - gap)
			fail(d);
		x[i] = (struct hf_extent){.offset = end + gap, .len = len};
		end += gap + len;
	}
	d->m->entry.is_sparse = true;
	d->m->entry.extents = x;
	d->m->entry.extent_count = d->c->failed ? 0 : (size_t)n;
}

static void get_options(struct decoder *d, unsigned flags)
{
	struct hf_entry *e = &d->m->entry;
	bool device = e->type == HF_ENTRY_CHARACTER_DEVICE || e->type == HF_ENTRY_BLOCK_DEVICE;
	bool link = e->type == HF_ENTRY_SYMLINK || e->type == HF_ENTRY_HARDLINK;
	if (!(flags & BIT_DEVICE) == device || !(flags & BIT_LINK) == link)
		fail(d);
	if (flags & BIT_NAMES)
		get_names(d);
	if (flags & BIT_LINK)
		e->link = get_blob(d, e->type == HF_ENTRY_HARDLINK ? HF_MANIFEST_PATH_MAX : BLOB_MAX, &e->link_len);
	if (flags & BIT_XATTRS)
		get_xattrs(d);
	if (flags & BIT_FILE_FLAGS) {
		e->file_flags = get_u32(d);
		if (e->file_flags == 0)
			fail(d);
	}
	if (flags & BIT_DEVICE) {
		e->device_major = get_u32(d);
		e->device_minor = get_u32(d);
	}
	if (flags & BIT_EXTENTS)
		get_extents(d);
	d->m->changed = flags & BIT_CHANGED;
	d->m->partial = flags & BIT_PARTIAL;
}

static void get_refs(struct decoder *d)
{
	struct hf_content *c = &d->m->content;
	bool pages = c->form == HF_CONTENT_INLINE_PAGES;
	c->unit = pages ? hf_cursor_u32(d->c) : 0;
	uint64_t left = pages ? hf_manifest_content_bytes(&d->m->entry) : 0;
	uint64_t n = hf_cursor_varint(d->c);
	c->refs = get_array(d, n, pages ? HF_ID_SIZE : HF_ID_SIZE + 1, sizeof(*c->refs));
	for (uint64_t i = 0; i < n && !d->c->failed; i++) {
		const uint8_t *id = hf_cursor_bytes(d->c, HF_ID_SIZE);
		uint32_t len = !pages ? get_u32(d) : left < c->unit ? (uint32_t)left : c->unit;
		if (!id)
			break;
		memcpy(c->refs[i].id.b, id, HF_ID_SIZE);
		c->refs[i].len = len;
		c->bytes += len;
		left -= pages ? len : 0;
	}
	c->count = d->c->failed ? 0 : (size_t)n;
	if (pages && d->m->partial)
		fail(d);
}

static void get_content(struct decoder *d)
{
	struct hf_content *c = &d->m->content;
	c->form = hf_cursor_u8(d->c);
	if (c->form > HF_CONTENT_LIST) {
		fail(d);
	} else if (c->form != HF_CONTENT_LIST) {
		get_refs(d);
	} else {
		c->bytes = hf_cursor_varint(d->c);
		const uint8_t *id = hf_cursor_bytes(d->c, HF_ID_SIZE);
		if (id)
			memcpy(c->root.b, id, HF_ID_SIZE);
	}
}

int hf_manifest_decode_body(struct hf_cursor *c, struct hf_manifest_entry *m, struct hf_error *err)
{
	struct hf_entry path = {.path = m->entry.path, .path_len = m->entry.path_len};
	struct decoder d = {.c = c, .m = m};
	hf_arena_reset(&m->memory);
	*m = (struct hf_manifest_entry){.entry = path, .memory = m->memory};
	unsigned flags = get_head(&d);
	get_options(&d, flags);
	if (m->entry.type == HF_ENTRY_FILE && !c->failed) {
		m->entry.size = hf_cursor_varint(c);
		get_content(&d);
	}
	if (d.no_memory)
		return hf_fail(err, HF_E_NOMEM, "no memory for a manifest entry");
	const char *fault = c->failed ? "it does not parse" : hf_manifest_fault(m);
	if (fault)
		return hf_fail(err, HF_E_CORRUPT, "manifest entry %.*s: %s", (int)path.path_len, path.path ? path.path : "", fault);
	return 0;
}

static void skip_blobs(struct hf_cursor *c, uint64_t count)
{
	for (uint64_t i = 0; i < count && !c->failed; i++) {
		size_t len;
		hf_cursor_blob(c, HF_MANIFEST_PATH_MAX, &len);
	}
}

static void skip_varints(struct hf_cursor *c, uint64_t count)
{
	for (uint64_t i = 0; i < count && !c->failed; i++)
		hf_cursor_varint(c);
}

/* A count of pairs; 0 for one that can't be. */
static uint64_t get_pairs(struct hf_cursor *c)
{
	uint64_t n = hf_cursor_varint(c);
	if (n > hf_cursor_left(c))
		c->failed = true;
	return c->failed ? 0 : 2 * n;
}

int hf_manifest_peek_body(const void *body, size_t len, enum hf_entry_type *type, uint64_t *size, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(body, len);
	*type = hf_cursor_u8(&c);
	uint64_t flags = hf_cursor_varint(&c);
	skip_varints(&c, 5);
	skip_blobs(&c, flags & BIT_NAMES ? 2 : 0);
	skip_blobs(&c, flags & BIT_LINK ? 1 : 0);
	skip_blobs(&c, flags & BIT_XATTRS ? get_pairs(&c) : 0);
	skip_varints(&c, flags & BIT_FILE_FLAGS ? 1 : 0);
	skip_varints(&c, flags & BIT_DEVICE ? 2 : 0);
	skip_varints(&c, flags & BIT_EXTENTS ? get_pairs(&c) : 0);
	*size = *type == HF_ENTRY_FILE ? hf_cursor_varint(&c) : 0;
	if (c.failed || *type < HF_ENTRY_FILE || *type > HF_ENTRY_SOCKET || flags > BITS_ALL)
		return hf_fail(err, HF_E_CORRUPT, "the attributes of a manifest entry don't parse");
	return 0;
}
