/*
 * The names in one directory, sorted by bytes: compact (the bytes, and four bytes a name), and recycled from one
 * directory to the next. "." and ".." are left out.
 */
#ifndef HF_SOURCE_TREE_NAMES_H
#define HF_SOURCE_TREE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_tree_names {
	char *bytes; /* names, each terminated */
	size_t len, cap;
	uint32_t *order; /* where each begins in `bytes`, sorted */
	size_t count, order_cap;
	size_t next; /* for whoever goes through them */
};

/* Reads all names of the open directory `fd` from its start. Returns 0 or an errno; what was read until then is there
 * and sorted. */
int hf_tree_names_read(struct hf_tree_names *names, int fd);

/* Is `name` among them? */
bool hf_tree_names_has(const struct hf_tree_names *names, const char *name);

/* Leaves only `name`, which must be among them. */
void hf_tree_names_keep_only(struct hf_tree_names *names, const char *name);

static inline const char *hf_tree_names_at(const struct hf_tree_names *names, size_t i)
{
	return names->bytes + names->order[i];
}

void hf_tree_names_clear(struct hf_tree_names *names); /* keeps the memory, unless it is large */
void hf_tree_names_free(struct hf_tree_names *names);

#endif
