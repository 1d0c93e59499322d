/* Hard links; see tree_links.h. A hash table with chains. */
#include "source/tree_links.h"

#include <stdlib.h>
#include <string.h>

static size_t bucket_of(uint64_t device, uint64_t inode, size_t cap)
{
	uint64_t h = (inode ^ device << 32) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> 20) & (cap - 1);
}

struct hf_tree_link *hf_tree_link_find(const struct hf_tree_links *links, uint64_t device, uint64_t inode)
{
	if (links->cap == 0)
		return NULL;
	struct hf_tree_link *link = links->buckets[bucket_of(device, inode, links->cap)];
	while (link && (link->inode != inode || link->device != device))
		link = link->next;
	return link;
}

static bool grow(struct hf_tree_links *links)
{
	if (links->count < links->cap)
		return true;
	size_t cap = links->cap ? links->cap * 2 : 256;
	struct hf_tree_link **buckets = calloc(cap, sizeof(struct hf_tree_link *));
	if (!buckets)
		return false;
	for (size_t i = 0; i < links->cap; i++) {
		for (struct hf_tree_link *link = links->buckets[i], *next; link; link = next) {
			size_t to = bucket_of(link->device, link->inode, cap);
			next = link->next;
			link->next = buckets[to];
			buckets[to] = link;
		}
	}
	free(links->buckets);
	links->buckets = buckets;
	links->cap = cap;
	return true;
}

static char *copy_path(const char *path, size_t len)
{
	char *copy = malloc(len + 1);
	if (!copy)
		return NULL;
	memcpy(copy, path, len);
	copy[len] = 0;
	return copy;
}

struct hf_tree_link *hf_tree_link_add(struct hf_tree_links *links, const struct hf_tree_link *link)
{
	struct hf_tree_link *added = grow(links) ? malloc(sizeof(*added)) : NULL;
	if (!added)
		return NULL;
	*added = *link;
	added->path = copy_path(link->path, link->path_len);
	if (!added->path) {
		free(added);
		return NULL;
	}
	struct hf_tree_link **bucket = &links->buckets[bucket_of(link->device, link->inode, links->cap)];
	added->next = *bucket;
	*bucket = added;
	links->count++;
	return added;
}

bool hf_tree_link_rename(struct hf_tree_link *link, const char *path, size_t len)
{
	char *copy = copy_path(path, len);
	if (!copy)
		return false;
	free(link->path);
	link->path = copy;
	link->path_len = len;
	return true;
}

void hf_tree_link_unref(struct hf_tree_links *links, struct hf_tree_link *link)
{
	if (--link->refs > 0 || link->left > 0)
		return;
	struct hf_tree_link **at = &links->buckets[bucket_of(link->device, link->inode, links->cap)];
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	links->count--;
	free(link->path);
	free(link);
}

void hf_tree_links_free(struct hf_tree_links *links)
{
	for (size_t i = 0; i < links->cap; i++) {
		for (struct hf_tree_link *link = links->buckets[i], *next; link; link = next) {
			next = link->next;
			free(link->path);
			free(link);
		}
	}
	free(links->buckets);
	*links = (struct hf_tree_links){0};
}
