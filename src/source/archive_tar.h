/*
 * A tar archive that arrives as a stream, read by libarchive as it comes: no seeking, no copy of the data.
 *
 *	hf_tar_open; ( hf_tar_next ( hf_tar_data )* )*; hf_tar_close
 *
 * The stream may end with or without tar's two blocks of zeros (PostgreSQL up to 14 leaves them out). What follows
 * the archive's end is not read. One thread at a time.
 */
#ifndef HF_SOURCE_ARCHIVE_TAR_H
#define HF_SOURCE_ARCHIVE_TAR_H

#include "entry/entry.h"

struct hf_tar;

/* Gives the next bytes of the stream: 1 and a non-empty range that stays valid until the next call, 0 at its end, or
 * a negative code with `err` set, which hf_tar_next and hf_tar_data then return. */
typedef int hf_tar_read(void *user, const void **data, size_t *len, struct hf_error *err);

/* Reads the first block. HF_E_CORRUPT if this is no tar archive. */
int hf_tar_open(hf_tar_read *read, void *user, struct hf_tar **out, struct hf_error *err) HF_MUST_CHECK;

/* 1: `*entry` is the next member, valid until the next call; 0: that was the last one. Its path has no trailing '/'
 * and is sound, and its time fits in nanoseconds, or the result is HF_E_CORRUPT. Data that was not read is skipped. Names of owners are left out. */
int hf_tar_next(struct hf_tar *tar, const struct hf_entry **entry, struct hf_error *err) HF_MUST_CHECK;

/* 1: a range of the current member's data, at `offset`, valid until the next call; 0: that was all of it. Offsets
 * ascend; what they skip is a hole of a sparse member. */
int hf_tar_data(struct hf_tar *tar, const void **data, size_t *len, uint64_t *offset,
	struct hf_error *err) HF_MUST_CHECK;

void hf_tar_close(struct hf_tar *tar); /* NULL is fine */

#endif
