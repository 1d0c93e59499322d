/*
 * Writing a feed into a directory: what every restore of files comes down to.
 *
 * Everything is made below the one descriptor, one component at a time, exclusively and without following links: what
 * is planted in the target is met with HF_E_EXISTS, never followed or overwritten. No full path is used, so any depth
 * works. The target is made private (0700) first, and gets its own attributes last.
 *
 * The calling thread pulls the feed and makes directories; small files are copied out of their pieces and written by a
 * few threads in batches; pieces of large ones are written by the same threads as they are. A hard link waits until all
 * files before it are there.
 */
#ifndef HF_SOURCE_TREE_WRITE_H
#define HF_SOURCE_TREE_WRITE_H

#include "source/source.h"

struct hf_tree_write_options {
	bool own_as_is; /* leave owners as they are (not root), which is said once */
	int threads;	/* that write; 0: as many as are worth it here */
};

/* Restores all of `feed` into the empty directory `dirfd`. Nothing is synced. Directories that the feed leaves out
 * are made where they are needed. Fills `out`: files, their bytes, and notes on what could not be set. HF_E_NOSPACE
 * names the file and what is missing of it; HF_E_CORRUPT a path or a piece that makes no sense; after a failure
 * what was written is of no use. */
int hf_tree_write(struct hf_feed *feed, int dirfd, const struct hf_tree_write_options *options,
	struct hf_restored *out, struct hf_error *err) HF_MUST_CHECK;

#endif
