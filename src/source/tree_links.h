/*
 * Which inode was met under which name first: hard links. Only inodes with more than one name get in, and one leaves
 * when all its names were met and nothing in flight refers to it. One thread.
 */
#ifndef HF_SOURCE_TREE_LINKS_H
#define HF_SOURCE_TREE_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_tree_link {
	struct hf_tree_link *next; /* in its bucket */
	uint64_t device, inode;
	char *path; /* the name that stands for the file */
	size_t path_len;
	uint32_t left; /* names not met yet */
	uint32_t refs; /* items in flight */
	bool captured; /* the file behind `path` was captured: others may refer to it */
};

struct hf_tree_links {
	struct hf_tree_link **buckets;
	size_t count, cap;
};

/* The link of an inode that was met before, or NULL. */
struct hf_tree_link *hf_tree_link_find(const struct hf_tree_links *links, uint64_t device, uint64_t inode);
/* Notes the first name of an inode with `names` names. NULL without memory. */
struct hf_tree_link *hf_tree_link_add(struct hf_tree_links *links, const struct hf_tree_link *link);
/* Makes another name stand for the file. False without memory. */
bool hf_tree_link_rename(struct hf_tree_link *link, const char *path, size_t len);
/* Ends one reference (refs), and drops the link if it is of no more use. */
void hf_tree_link_unref(struct hf_tree_links *links, struct hf_tree_link *link);
void hf_tree_links_free(struct hf_tree_links *links);

#endif
