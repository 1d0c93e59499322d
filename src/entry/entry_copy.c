/* Copying entries; see entry_copy.h. Arrays first, for their alignment, then bytes. */
#include "entry/entry_copy.h"

#include <string.h>

size_t hf_entry_copy_size(const struct hf_entry *e)
{
	size_t n = e->xattr_count * sizeof(struct hf_xattr) + e->extent_count * sizeof(struct hf_extent);
	n += e->path_len + 1 + e->link_len + 1;
	n += (e->user ? strlen(e->user) + 1 : 0) + (e->group ? strlen(e->group) + 1 : 0);
	for (size_t i = 0; i < e->xattr_count; i++)
		n += strlen(e->xattrs[i].name) + 1 + e->xattrs[i].len + 1;
	return n;
}

static const void *put(uint8_t **at, const void *data, size_t len)
{
	uint8_t *to = *at;
	if (len)
		memcpy(to, data, len);
	to[len] = 0;
	*at += len + 1;
	return to;
}

static const char *put_string(uint8_t **at, const char *s)
{
	return s ? put(at, s, strlen(s)) : NULL;
}

void hf_entry_copy_into(const struct hf_entry *e, struct hf_entry *out, void *memory)
{
	struct hf_xattr *xattrs = memory;
	struct hf_extent *extents = (struct hf_extent *)(xattrs + e->xattr_count);
	uint8_t *at = (uint8_t *)(extents + e->extent_count);
	*out = *e;
	out->path = put(&at, e->path, e->path_len);
	out->link = e->link ? put(&at, e->link, e->link_len) : NULL;
	out->user = put_string(&at, e->user);
	out->group = put_string(&at, e->group);
	out->xattrs = e->xattr_count ? xattrs : NULL;
	for (size_t i = 0; i < e->xattr_count; i++) {
		xattrs[i].name = put_string(&at, e->xattrs[i].name);
		xattrs[i].value = put(&at, e->xattrs[i].value, e->xattrs[i].len);
		xattrs[i].len = e->xattrs[i].len;
	}
	out->extents = e->extent_count ? extents : NULL;
	if (e->extent_count)
		memcpy(extents, e->extents, e->extent_count * sizeof(*extents));
}
