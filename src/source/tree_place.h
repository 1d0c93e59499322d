/*
 * The directories of a tree that is being restored: a stack of those on the way from the root to where the feed is
 * now, each made by us, private (0700) until it is complete.
 *
 * A directory gets its attributes once all that is below it is there: when the feed has left it and no job holds a
 * reference any more. Whoever drops the last one does it. Descriptors are bounded: shallow levels are closed, and found
 * again through ".." of the level below, if that is the inode that we made.
 */
#ifndef HF_SOURCE_TREE_PLACE_H
#define HF_SOURCE_TREE_PLACE_H

#include "source/tree_make.h"

struct hf_tree_places;

struct hf_tree_place; /* a directory */

/* `rootfd` stays the caller's. Makes the root private, and takes inherited ACLs off it. */
int hf_tree_places_new(struct hf_tree_maker *maker, int rootfd, struct hf_tree_places **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Makes the directory that `entry` describes (of the root only the attributes are noted), and any of its parents
 * that the feed did not give. On the thread that pulls. */
int hf_tree_places_enter(struct hf_tree_places *places, const struct hf_entry *entry, struct hf_error *err)
	HF_MUST_CHECK;

/* The directory in which `path` is to be made, referenced, and the path's last component in `name`: it is
 * terminated, and the places' until the next call. On the thread that pulls. */
int hf_tree_places_parent(struct hf_tree_places *places, const char *path, size_t path_len,
	struct hf_tree_place **out, const char **name, struct hf_error *err) HF_MUST_CHECK;

int hf_tree_place_fd(const struct hf_tree_place *place); /* while a reference is held */

/* Drops a reference; from any thread. May set the attributes of a directory that is complete by it. */
int hf_tree_place_unref(struct hf_tree_place *place, struct hf_error *err) HF_MUST_CHECK;

/* Leaves all directories. With `failed` attributes are not set: the tree is of no use. */
int hf_tree_places_free(struct hf_tree_places *places, bool is_failed, struct hf_error *err);

#endif
