/*
 * What one captured thing is: a file, a directory, a link … with all its attributes, as it travels from a source
 * into the repository and back. Plain data; pointers belong to whoever made the entry and live as long as the call
 * that passes it, unless a function says otherwise.
 *
 * A path is relative to the root of its source, bytes (any but NUL), components parted by single '/', none of them
 * empty, "." or "..". The root itself is the empty path. hf_path_is_sound checks that for bytes from outside.
 *
 * Order. Entries of a volume are ordered as a depth-first walk with sorted directories meets them: by path bytes,
 * '/' below every other byte. hf_path_compare is that order. A directory so comes right before what is in it.
 */
#ifndef HF_ENTRY_ENTRY_H
#define HF_ENTRY_ENTRY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hf_entry_type {
	HF_ENTRY_FILE = 1,
	HF_ENTRY_DIRECTORY = 2,
	HF_ENTRY_SYMLINK = 3,
	HF_ENTRY_HARDLINK = 4, /* another name of a FILE (or other non-directory) captured earlier: `link` is its path */
	HF_ENTRY_FIFO = 5,
	HF_ENTRY_CHARACTER_DEVICE = 6,
	HF_ENTRY_BLOCK_DEVICE = 7,
	HF_ENTRY_SOCKET = 8,
};

/* How the data of a file is cut into chunks. */
enum hf_cut {
	HF_CUT_CONTENT = 0, /* content-defined (FastCDC): ordinary files */
	HF_CUT_PAGES = 1,   /* at multiples of `page_size`: database files */
};

struct hf_xattr {
	const char *name; /* full name, "user.comment", "system.posix_acl_access", "security.capability" */
	const void *value;
	size_t len;
};

/* A range of a sparse file that holds data; what lies outside of all extents is a hole. */
struct hf_extent {
	uint64_t offset, len;
};

/* What tells, without reading it, whether a file is the one that was read last time. */
struct hf_stamp {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
};

struct hf_entry {
	enum hf_entry_type type;
	const char *path; /* path_len bytes; not necessarily terminated */
	size_t path_len;

	uint32_t mode;	  /* permission bits, setuid, setgid and sticky: 07777 */
	uint32_t uid, gid;
	const char *user, *group; /* names, or NULL where there are none */
	int64_t mtime_ns;
	uint64_t size;		     /* of a FILE: its apparent size; 0 for all others */
	uint32_t device_major, device_minor; /* of devices */
	const char *link;	     /* SYMLINK: its target, any bytes; HARDLINK: the path of the first name */
	size_t link_len;
	uint32_t file_flags;	     /* FS_*_FL as `lsattr` shows them, those that can be set; 0 if unknown */
	const struct hf_xattr *xattrs; /* sorted by name; POSIX ACLs are among them */
	size_t xattr_count;

	const struct hf_extent *extents; /* FILE: ascending, not touching; only if `is_sparse` */
	size_t extent_count;
	bool is_sparse;

	enum hf_cut cut;
	uint32_t page_size; /* with HF_CUT_PAGES: 512 to 65536, a power of two */

	struct hf_stamp stamp; /* all zero: don't remember this file in the stat cache */
};

int hf_path_compare(const char *a, size_t a_len, const char *b, size_t b_len);
bool hf_path_is_sound(const char *path, size_t len);
const char *hf_entry_type_name(enum hf_entry_type type); /* "file", "directory", … as in `ls --json` */

#endif
