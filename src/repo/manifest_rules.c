/* What must be true of an entry, whether we write it or read it; see manifest_internal.h. */
#include "repo/manifest_internal.h"

#include <string.h>

uint64_t hf_manifest_content_bytes(const struct hf_entry *e)
{
	if (!e->is_sparse)
		return e->size;
	uint64_t sum = 0;
	for (size_t i = 0; i < e->extent_count; i++)
		sum += e->extents[i].len;
	return sum;
}

static bool are_extents_sound(const struct hf_entry *e)
{
	uint64_t end = 0;
	for (size_t i = 0; i < e->extent_count; i++) {
		const struct hf_extent *x = &e->extents[i];
		if (x->len == 0 || x->offset < end || (i > 0 && x->offset == end))
			return false;
		if (x->offset > e->size || x->len > e->size - x->offset)
			return false;
		end = x->offset + x->len;
	}
	return true;
}

static bool are_refs_sound(const struct hf_content *c)
{
	uint64_t sum = 0;
	bool pages = c->form == HF_CONTENT_INLINE_PAGES;
	if (pages && (c->unit == 0 || c->unit > HF_CHUNK_MAX || c->count == 0))
		return false;
	for (size_t i = 0; i < c->count; i++) {
		uint32_t len = c->refs[i].len;
		if (len == 0 || len > HF_CHUNK_MAX)
			return false;
		if (pages && len != c->unit && (len > c->unit || i + 1 < c->count))
			return false;
		sum += len;
	}
	return sum == c->bytes;
}

static const char *content_fault(const struct hf_manifest_entry *e)
{
	uint64_t whole = hf_manifest_content_bytes(&e->entry);
	const struct hf_content *c = &e->content;
	if (c->form > HF_CONTENT_LIST)
		return "an unknown form of content";
	if (c->bytes > whole || (c->bytes < whole && !e->partial))
		return "the content is not as long as the size or the ranges of data";
	if (c->form == HF_CONTENT_LIST ? c->bytes == 0 : !are_refs_sound(c))
		return "the chunks don't add up to the content";
	return NULL;
}

static const char *link_fault(const struct hf_entry *e)
{
	if (e->type == HF_ENTRY_SYMLINK && (e->link_len == 0 || e->link_len > BLOB_MAX || memchr(e->link, 0, e->link_len)))
		return "an impossible target";
	if (e->type != HF_ENTRY_HARDLINK)
		return NULL;
	if (e->link_len == 0 || e->link_len > HF_MANIFEST_PATH_MAX || !hf_path_is_sound(e->link, e->link_len))
		return "a hard link to an impossible path";
	if (hf_path_compare(e->link, e->link_len, e->path, e->path_len) >= 0)
		return "a hard link to a path that does not come before it";
	return NULL;
}

static bool are_xattrs_sound(const struct hf_entry *e)
{
	for (size_t i = 0; i < e->xattr_count; i++) {
		const struct hf_xattr *x = &e->xattrs[i];
		if (x->name[0] == 0 || strlen(x->name) > BLOB_MAX || x->len > BLOB_MAX)
			return false;
		if (i > 0 && strcmp(x[-1].name, x->name) >= 0)
			return false;
	}
	return true;
}

const char *hf_manifest_fault(const struct hf_manifest_entry *m)
{
	const struct hf_entry *e = &m->entry;
	bool is_file = e->type == HF_ENTRY_FILE;
	if (e->type < HF_ENTRY_FILE || e->type > HF_ENTRY_SOCKET)
		return "an unknown type";
	if (e->mode > 07777)
		return "an impossible mode";
	if (!is_file && (e->size || e->is_sparse || m->changed || m->partial || m->content.bytes || m->content.count))
		return "content, where only a file has some";
	if (e->size > INT64_MAX || (e->is_sparse && !are_extents_sound(e)))
		return "impossible ranges of data";
	if (!are_xattrs_sound(e))
		return "extended attributes that are not sorted, or too long";
	const char *fault = link_fault(e);
	return fault || !is_file ? fault : content_fault(m);
}
