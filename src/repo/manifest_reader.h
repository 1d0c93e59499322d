/*
 * Reads the manifest of a source in order: all of it, from a path on, or only what is selected. FORMAT.md, section 8.
 *
 *	open [-> select] -> next*          everything, or what is selected
 *	open -> seek -> next*              from a path on
 *	open -> find                       one entry
 *	open -> pass_over -> next*         what is not below nodes that are known already
 *
 * Only the nodes that are needed are loaded; one node a level is in memory. Order, duplicates, levels and counts are
 * checked as nodes are met; a tree that contradicts itself is HF_E_CORRUPT. Used by one thread at a time.
 */
#ifndef HF_REPO_MANIFEST_READER_H
#define HF_REPO_MANIFEST_READER_H

#include "repo/manifest_codec.h"

struct hf_manifest_reader;

struct hf_path {
	const char *path; /* `len` bytes */
	size_t len;
	bool alone; /* of a selection: this entry only, and not what is below it */
};

/* A node, as its parent describes it. */
struct hf_manifest_child {
	struct hf_chunk_id id;
	uint64_t len, entries; /* of the node; below it */
	const char *path;      /* of its first entry: `path_len` bytes, borrowed */
	size_t path_len;
};

/* Whether the child may be passed over. If it may, `last` may be given the path of the last entry below it (it comes empty): what
 * follows must come after that, or the manifest is damaged. */
typedef bool hf_manifest_is_known(void *user, const struct hf_manifest_child *child, struct hf_buf *last);

/* `feed` is copied. Loads the root. */
int hf_manifest_reader_open(const struct hf_chunk_feed *feed, const struct hf_chunk_id *root,
	struct hf_manifest_reader **out, struct hf_error *err) HF_MUST_CHECK;
void hf_manifest_reader_free(struct hf_manifest_reader *r); /* NULL is fine */

/* From here on `next` gives only the entries at these paths and everything below them, from the first on (the empty path
 * selects all; no paths at all: nothing). Copied; in any order, they may overlap. A path that isn't there selects nothing:
 * see hf_manifest_reader_find. */
int hf_manifest_reader_select(struct hf_manifest_reader *r, const struct hf_path *paths, size_t count,
	struct hf_error *err) HF_MUST_CHECK;

/* The next `next` gives the first entry whose path is not below `path` in order. Ends a selection. */
int hf_manifest_reader_seek(struct hf_manifest_reader *r, const char *path, size_t len,
	struct hf_error *err) HF_MUST_CHECK;

/* The next entry: 1, and `entry` points to it (the reader's; valid until the next call); 0 at the end. After an error
 * the reader is only to be freed. */
int hf_manifest_reader_next(struct hf_manifest_reader *r, const struct hf_manifest_entry **entry,
	struct hf_error *err) HF_MUST_CHECK;

/* From here on children of nodes for which `is_known` says yes are passed over by `next`, with all that is below them. The root is
 * not asked about. A child is asked about when its turn comes, once all before it was given out, and loaded at once if it is not known. */
void hf_manifest_reader_pass_over(struct hf_manifest_reader *r, hf_manifest_is_known *is_known, void *user);

/* The entry at `path`: 1 and `entry` as above, or 0 if there is none. Ends a selection; `next` goes on behind it. */
int hf_manifest_reader_find(struct hf_manifest_reader *r, const struct hf_path *path,
	const struct hf_manifest_entry **entry, struct hf_error *err) HF_MUST_CHECK;

static inline void hf_manifest_reader_release(struct hf_manifest_reader **r)
{
	hf_manifest_reader_free(*r);
	*r = NULL;
}
#define HF_MANIFEST_READER_AUTO __attribute__((cleanup(hf_manifest_reader_release))) struct hf_manifest_reader

#endif
