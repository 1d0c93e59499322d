/*
 * Sources that are one file each (a database, a command's output): writing it back, and comparing it with a feed.
 */
#ifndef HF_SOURCE_ONE_FILE_H
#define HF_SOURCE_ONE_FILE_H

#include "source/source.h"

/* Writes the files that `feed` gives right under `dirfd`, which must not hold them yet, with mode, owner (unless
 * `own_as_is`) and time. Holes stay holes. Nothing is synced. HF_E_CORRUPT: the feed gives what is no plain file. */
int hf_one_file_restore(struct hf_feed *feed, int dirfd, const struct hf_restore_options *options,
	struct hf_restored *out, struct hf_error *err) HF_MUST_CHECK;

/* Compares size and contents with the file of the same name under `dirfd`. Returns 0 and in `differs` either an
 * empty string or what is different; negative if the feed failed. */
int hf_one_file_compare(struct hf_feed *feed, int dirfd, char differs[256], struct hf_error *err) HF_MUST_CHECK;

#endif
