/*
 * libarchive, at arm's length: the only room that includes it. It is given bytes and names, never a path to open.
 *
 * Here: exclusion patterns, matched by libarchive's archive_match. The rules are those of GNU tar's --exclude:
 *
 *	*.tmp		a name, or the end of a path; '*' and '?' match '/' too
 *	cache		a component anywhere in the tree, and so everything below it
 *	a/b		consecutive components anywhere
 *	/var/tmp	anchored at the source's root; where it begins with the source's own absolute path, that is
 *			taken off first, so both ways of saying it work
 *	cache/		the same as cache
 *	\!x  \#x	a leading '!' or '#' that is part of the name (negation is refused, '#' opens a comment in files)
 */
#ifndef HF_SOURCE_ARCHIVE_H
#define HF_SOURCE_ARCHIVE_H

#include "base/error.h"

#include <stdbool.h>

struct hf_archive_match;

/* An empty set: it matches nothing. `root` is the source's absolute path, or NULL; it is copied. */
int hf_archive_match_new(const char *root, struct hf_archive_match **out, struct hf_error *err) HF_MUST_CHECK;
void hf_archive_match_free(struct hf_archive_match *match); /* NULL is fine */

/* Adds one pattern. HF_E_USAGE where it is empty or a negation. */
int hf_archive_match_add(struct hf_archive_match *match, const char *pattern, struct hf_error *err) HF_MUST_CHECK;

/* Adds the patterns of a file, one a line. Empty lines and those that begin with '#' are skipped. */
int hf_archive_match_add_file(struct hf_archive_match *match, const char *file, struct hf_error *err) HF_MUST_CHECK;

/* Does a pattern match `path` (terminated, relative to the source's root)? Components above it were asked before: the
 * caller does not descend into what matched. Not for several threads at once. 1, 0, or a negative code. */
int hf_archive_match_path(struct hf_archive_match *match, const char *path, struct hf_error *err) HF_MUST_CHECK;

/* True if no pattern was added, so that asking can be spared. */
bool hf_archive_match_is_empty(const struct hf_archive_match *match);

#endif
