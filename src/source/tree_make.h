/*
 * Making one thing of a restored tree: a file, a link, a device, with its attributes. Always under a directory
 * descriptor, always under one name without a slash, never over something that is there, never through a symlink.
 *
 * Attributes are set in the order owner, mode, ACL and other xattrs (a change of owner or of contents would drop
 * capabilities), times, and file flags last (an immutable file takes no times any more).
 *
 * What the system refuses for want of rights, or does not know at all, is no failure: it is counted (losses) and
 * told at the end. All functions are safe from several threads.
 */
#ifndef HF_SOURCE_TREE_MAKE_H
#define HF_SOURCE_TREE_MAKE_H

#include "base/json.h"
#include "entry/entry.h"

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum hf_tree_loss {
	HF_TREE_LOST_OWNER,
	HF_TREE_LOST_SETUID,
	HF_TREE_LOST_DEVICE,
	HF_TREE_LOST_XATTR,
	HF_TREE_LOST_FLAGS,
	HF_TREE_LOSSES,
};

struct hf_tree_maker {
	bool sets_owner; /* else owners are left as they are */
	uid_t uid;	 /* what a new file gets by itself; ours is never -1 */
	gid_t gid;
	mode_t umask;
	pthread_mutex_t lock;
	struct {
		uint64_t count;
		char first[256]; /* path, for the message */
		char why[64];
	} losses[HF_TREE_LOSSES];
};

/* Looks at the process and at the directory `rootfd` that things will be made under. */
void hf_tree_maker_init(struct hf_tree_maker *maker, int rootfd, bool own_as_is);
/* Warns of each kind of loss once, and appends the same to `notes` (made if NULL and needed). Ends the maker. */
void hf_tree_maker_end(struct hf_tree_maker *maker, json_t **notes);

/* Creates the file `name` and returns its descriptor, for writing. */
int hf_tree_make_file(const struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err) HF_MUST_CHECK;

/* Writes spans at an offset of a file made so. A full disk is told with what is missing of this file. */
int hf_tree_make_data(int fd, const struct iovec *spans, size_t count, uint64_t offset, const struct hf_entry *entry,
	struct hf_error *err) HF_MUST_CHECK;

/* Sets the length, if data did not reach it (`reached`: the end of the last span), and all attributes. */
int hf_tree_make_finish(struct hf_tree_maker *maker, int fd, const struct hf_entry *entry, uint64_t reached,
	struct hf_error *err) HF_MUST_CHECK;

/* Attributes of an open file or directory whose mode is `mode` now. */
int hf_tree_make_attributes(struct hf_tree_maker *maker, int fd, const struct hf_entry *entry, mode_t mode,
	struct hf_error *err) HF_MUST_CHECK;

/* Symlinks, FIFOs, devices, sockets, whole with attributes. */
int hf_tree_make_special(struct hf_tree_maker *maker, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err) HF_MUST_CHECK;

/* A further name for a file that was made before as `from` in `from_dir`. */
int hf_tree_make_link(int from_dir, const char *from, int dirfd, const char *name, const struct hf_entry *entry,
	struct hf_error *err) HF_MUST_CHECK;

#endif
