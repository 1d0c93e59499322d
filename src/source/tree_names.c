/*
 * The names in one directory; see tree_names.h. Read by getdents64 itself: readdir would allocate a stream and a
 * buffer for each directory.
 */
#include "source/tree_names.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGE = 1 << 20 };

static int grow_bytes(struct hf_tree_names *n, size_t len)
{
	if (n->cap - n->len >= len)
		return 0;
	size_t cap = n->cap ? n->cap * 2 : 4096;
	while (cap - n->len < len)
		cap *= 2;
	if (cap > UINT32_MAX)
		return EOVERFLOW;
	char *grown = realloc(n->bytes, cap);
	if (!grown)
		return ENOMEM;
	n->bytes = grown;
	n->cap = cap;
	return 0;
}

static int grow_order(struct hf_tree_names *n)
{
	if (n->count < n->order_cap)
		return 0;
	size_t cap = n->order_cap ? n->order_cap * 2 : 128;
	uint32_t *grown = realloc(n->order, cap * sizeof(*grown));
	if (!grown)
		return ENOMEM;
	n->order = grown;
	n->order_cap = cap;
	return 0;
}

static int add(struct hf_tree_names *n, const char *name)
{
	if (name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0)))
		return 0;
	size_t len = strlen(name) + 1;
	int r = grow_bytes(n, len);
	if (r == 0)
		r = grow_order(n);
	if (r != 0)
		return r;
	n->order[n->count++] = (uint32_t)n->len;
	memcpy(n->bytes + n->len, name, len);
	n->len += len;
	return 0;
}

static int by_bytes(const void *a, const void *b, void *bytes)
{
	const char *base = bytes;
	return strcmp(base + *(const uint32_t *)a, base + *(const uint32_t *)b);
}

static int read_all(struct hf_tree_names *n, int fd)
{
	_Alignas(struct dirent64) char buf[32768];
	for (;;) {
		ssize_t got = getdents64(fd, buf, sizeof(buf));
		if (got <= 0)
			return got < 0 ? errno : 0;
		for (ssize_t at = 0; at < got;) {
			const struct dirent64 *d = (const void *)(buf + at);
			int r = add(n, d->d_name);
			if (r != 0)
				return r;
			at += d->d_reclen;
		}
	}
}

int hf_tree_names_read(struct hf_tree_names *names, int fd)
{
	hf_tree_names_clear(names);
	int r = read_all(names, fd);
	if (names->count > 1)
		qsort_r(names->order, names->count, sizeof(names->order[0]), by_bytes, names->bytes);
	return r;
}

static const uint32_t *find(const struct hf_tree_names *names, const char *name)
{
	size_t low = 0, high = names->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(hf_tree_names_at(names, mid), name);
		if (order == 0)
			return &names->order[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool hf_tree_names_has(const struct hf_tree_names *names, const char *name)
{
	return find(names, name) != NULL;
}

void hf_tree_names_keep_only(struct hf_tree_names *names, const char *name)
{
	const uint32_t *at = find(names, name);
	if (!at)
		return;
	names->order[0] = *at;
	names->count = 1;
}

void hf_tree_names_clear(struct hf_tree_names *names)
{
	if (names->cap > LARGE)
		hf_tree_names_free(names);
	names->len = names->count = names->next = 0;
}

void hf_tree_names_free(struct hf_tree_names *names)
{
	free(names->bytes);
	free(names->order);
	*names = (struct hf_tree_names){0};
}
