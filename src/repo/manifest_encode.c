/* Entries as bytes; see manifest_codec.h. */
#include "repo/manifest_internal.h"

#include <string.h>

enum { SECOND = 1000000000 };

static bool is_device(const struct hf_entry *e)
{
	return e->type == HF_ENTRY_CHARACTER_DEVICE || e->type == HF_ENTRY_BLOCK_DEVICE;
}

static bool has_link(const struct hf_entry *e)
{
	return e->type == HF_ENTRY_SYMLINK || e->type == HF_ENTRY_HARDLINK;
}

static unsigned flags_of(const struct hf_manifest_entry *m)
{
	const struct hf_entry *e = &m->entry;
	unsigned flags = 0;
	if ((e->user && e->user[0]) || (e->group && e->group[0]))
		flags |= BIT_NAMES;
	if (has_link(e))
		flags |= BIT_LINK;
	if (e->xattr_count)
		flags |= BIT_XATTRS;
	if (e->file_flags)
		flags |= BIT_FILE_FLAGS;
	if (is_device(e))
		flags |= BIT_DEVICE;
	if (e->is_sparse)
		flags |= BIT_EXTENTS;
	return flags | (m->changed ? BIT_CHANGED : 0) | (m->partial ? BIT_PARTIAL : 0);
}

static void put_text(struct hf_buf *out, const char *s)
{
	hf_buf_blob(out, s, s ? strlen(s) : 0);
}

static void put_head(struct hf_buf *out, const struct hf_entry *e, unsigned flags)
{
	int64_t seconds = e->mtime_ns / SECOND, ns = e->mtime_ns % SECOND;
	if (ns < 0) {
		seconds--;
		ns += SECOND;
	}
	hf_buf_u8(out, (uint8_t)e->type);
	hf_buf_varint(out, flags);
	hf_buf_varint(out, e->mode);
	hf_buf_varint(out, e->uid);
	hf_buf_varint(out, e->gid);
	hf_buf_zigzag(out, seconds);
	hf_buf_varint(out, (uint64_t)ns);
}

static void put_extents(struct hf_buf *out, const struct hf_entry *e)
{
	uint64_t end = 0;
	hf_buf_varint(out, e->extent_count);
	for (size_t i = 0; i < e->extent_count; i++) {
		hf_buf_varint(out, e->extents[i].offset - end);
		hf_buf_varint(out, e->extents[i].len);
		end = e->extents[i].offset + e->extents[i].len;
	}
}

static void put_options(struct hf_buf *out, const struct hf_entry *e, unsigned flags)
{
	if (flags & BIT_NAMES) {
		put_text(out, e->user);
		put_text(out, e->group);
	}
	if (flags & BIT_LINK)
		hf_buf_blob(out, e->link, e->link_len);
	if (flags & BIT_XATTRS)
		hf_buf_varint(out, e->xattr_count);
	for (size_t i = 0; i < e->xattr_count; i++) {
		put_text(out, e->xattrs[i].name);
		hf_buf_blob(out, e->xattrs[i].value, e->xattrs[i].len);
	}
	if (flags & BIT_FILE_FLAGS)
		hf_buf_varint(out, e->file_flags);
	if (flags & BIT_DEVICE) {
		hf_buf_varint(out, e->device_major);
		hf_buf_varint(out, e->device_minor);
	}
	if (flags & BIT_EXTENTS)
		put_extents(out, e);
}

/* Pages of a part of a file are written with their lengths: the last one's could not be told from the size. */
static void put_content(struct hf_buf *out, const struct hf_manifest_entry *m)
{
	const struct hf_content *c = &m->content;
	bool pages = c->form == HF_CONTENT_INLINE_PAGES && !m->partial;
	if (c->form == HF_CONTENT_LIST) {
		hf_buf_u8(out, HF_CONTENT_LIST);
		hf_buf_varint(out, c->bytes);
		hf_buf_add(out, c->root.b, HF_ID_SIZE);
		return;
	}
	hf_buf_u8(out, pages ? HF_CONTENT_INLINE_PAGES : HF_CONTENT_INLINE);
	if (pages)
		hf_buf_u32(out, c->unit);
	hf_buf_varint(out, c->count);
	for (size_t i = 0; i < c->count; i++) {
		hf_buf_add(out, c->refs[i].id.b, HF_ID_SIZE);
		if (!pages)
			hf_buf_varint(out, c->refs[i].len);
	}
}

int hf_manifest_encode_body(const struct hf_manifest_entry *m, struct hf_buf *out, struct hf_error *err)
{
	const struct hf_entry *e = &m->entry;
	const char *fault = hf_manifest_fault(m);
	if (fault)
		return hf_fail(err, HF_E_USAGE, "manifest entry %.*s: %s", (int)e->path_len, e->path ? e->path : "", fault);
	unsigned flags = flags_of(m);
	size_t start = out->len;
	put_head(out, e, flags);
	put_options(out, e, flags);
	if (e->type == HF_ENTRY_FILE) {
		hf_buf_varint(out, e->size);
		put_content(out, m);
	}
	if (!out->failed && out->len - start <= HF_MANIFEST_BODY_MAX)
		return 0;
	out->len = start;
	return hf_fail(err, HF_E_NOMEM, "manifest entry %.*s: its attributes take more than %u bytes", (int)e->path_len,
		e->path ? e->path : "", HF_MANIFEST_BODY_MAX);
}
