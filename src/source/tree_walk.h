/*
 * The walker: meets everything below a directory in hf_path_compare order, each with its statx, without ever using a
 * full path. A directory comes before what is in it.
 *
 *	hf_tree_walk_new(rootfd, &options, &walk, err);
 *	while ((r = hf_tree_walk_next(walk, &item, err)) > 0)
 *		...
 *	hf_tree_walk_free(walk);
 *
 * Depth is not limited by PATH_MAX nor by descriptors: only the deepest levels are kept open; a parent that was closed
 * is found again through "..", and is taken only if it is the same inode. Memory holds the names of the directories
 * on the way from the root to here, no more.
 *
 * What can't be reached is no failure of the walk: it is an item with `error` set. One thread.
 */
#ifndef HF_SOURCE_TREE_WALK_H
#define HF_SOURCE_TREE_WALK_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct hf_tree_walk;

/* An open directory, shared by the walk and by whoever still wants to open names in it. Referenced and unreferenced
 * on the walk's thread only; the descriptor may be used by any thread that a reference is held for. */
struct hf_tree_dir {
	int fd;
	unsigned refs;
	size_t *open_count; /* the walk's count of open directories */
};

struct hf_tree_dir *hf_tree_dir_ref(struct hf_tree_dir *dir);
void hf_tree_dir_unref(struct hf_tree_dir *dir);

struct hf_tree_walk_options {
	bool one_file_system; /* meet mount points, but don't enter them */
	bool exclude_caches;  /* of a directory with a valid CACHEDIR.TAG meet only that */
	/* A directory that is met, and not entered: the repository that is written to. Inode 0: none. `met` (may be NULL) is set. */
	struct {
		dev_t device;
		uint64_t inode;
		bool *met;
	} leave_out;
	/* Asked before anything is touched: 1 leaves `path` (terminated) out, with all below it. May be NULL. */
	int (*excludes)(void *user, const char *path, struct hf_error *err);
	void *user;
};

struct hf_tree_item {
	const char *path; /* terminated; the walk's until the next call */
	size_t path_len;
	const char *name;	 /* its last component; of the root "." */
	struct hf_tree_dir *dir; /* where `name` is; reference it to keep it beyond the next call */
	struct statx st;	 /* of type 0 (stx_mode) if even that failed */
	int fd;			 /* a directory: open, the walk's until the next call; else -1 */
	int error;		 /* an errno, and what was attempted; 0: all is well */
	const char *attempt;
};

/* `rootfd` stays the caller's and must outlive the walk. */
int hf_tree_walk_new(int rootfd, const struct hf_tree_walk_options *options, struct hf_tree_walk **out,
	struct hf_error *err) HF_MUST_CHECK;

/* 1: an item; 0: that was all; negative: no memory, `excludes` failed, or told to stop. */
int hf_tree_walk_next(struct hf_tree_walk *walk, struct hf_tree_item *item, struct hf_error *err) HF_MUST_CHECK;

/* How many directories are open now, those held by references included. */
size_t hf_tree_walk_open_count(const struct hf_tree_walk *walk);

/* All references must have been given back. NULL is fine. */
void hf_tree_walk_free(struct hf_tree_walk *walk);

/* Opens the directory `path` (len bytes, sound, of any length; empty: the root) below `rootfd`, never through a
 * symlink nor out of the root. `flags`: O_PATH or O_RDONLY. Returns a descriptor, or -1 with errno. */
int hf_tree_open_beneath(int rootfd, const char *path, size_t len, int flags);

#endif
