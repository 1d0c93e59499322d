/*
 * The attributes of a file that stat does not give: extended attributes (POSIX ACLs and capabilities are among
 * them, raw), file flags, and which parts of a sparse file hold data. Read here for capture and for comparison.
 */
#ifndef HF_SOURCE_TREE_ATTR_H
#define HF_SOURCE_TREE_ATTR_H

#include "base/arena.h"
#include "entry/entry.h"

#include <sys/stat.h>

/* The file flags (FS_*_FL) that can be set and so are kept: not those that tell how a file system stores a file. */
extern const uint32_t HF_TREE_FLAGS;

/* Fills mode, owner, times, size, device numbers, type and stamp from `st`. A kind that has no name of ours keeps
 * type 0. Names of owners, link target and the attributes below are left alone. */
void hf_tree_entry_stat(struct hf_entry *entry, const struct statx *st);

/* Reads all extended attributes into entry->xattrs, sorted by name; memory from `arena`. Of the open file `fd`, or,
 * with `name` not NULL, of that name in the directory `fd`, without following or opening it (through /proc).
 * A file system without them has none. On failure those that could be read are there nevertheless. */
int hf_tree_xattrs(int fd, const char *name, struct hf_arena *arena, struct hf_entry *entry,
	struct hf_error *err) HF_MUST_CHECK;

/* The settable file flags of the open regular file or directory `fd`; 0 where the file system has none. */
uint32_t hf_tree_flags(int fd);

/* Sets is_sparse and the extents of the open file `fd` of entry->size bytes. Where the file system can't tell, or
 * no hole is found, the file is not sparse. Past HF_TREE_EXTENTS_MAX extents the rest counts as data. */
enum { HF_TREE_EXTENTS_MAX = 1 << 18 };
int hf_tree_extents(int fd, struct hf_arena *arena, struct hf_entry *entry, struct hf_error *err) HF_MUST_CHECK;

#endif
