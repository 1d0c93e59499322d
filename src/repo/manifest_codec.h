/*
 * One entry of a manifest as bytes, and back. FORMAT.md, section 8.
 *
 * An encoded entry is its path (which a leaf shortens against the path before it) and its *body*: all the rest. The
 * body stands for itself, so that the stat cache can keep it and hand it to a later manifest as it is.
 *
 * Decoding trusts nothing: every path is checked by hf_path_is_sound, every number is bounded, nothing is allocated
 * on the word of a count that the bytes left can't hold. What it accepts encodes to the same bytes again.
 */
#ifndef HF_REPO_MANIFEST_CODEC_H
#define HF_REPO_MANIFEST_CODEC_H

#include "base/arena.h"
#include "base/cursor.h"
#include "entry/entry.h"
#include "repo/content.h"

enum {
	HF_MANIFEST_PATH_MAX = 1 << 20, /* bytes of a path */
	HF_MANIFEST_BODY_MAX = 2 << 20, /* bytes of an encoded body */
};

/* An entry with where its content is. To encode one, fill in the first four members. A decoded one owns its memory,
 * which the next decode into it uses again: start with {0}, end with hf_manifest_entry_free. */
struct hf_manifest_entry {
	struct hf_entry entry;	   /* decoded: `cut`, `page_size` and `stamp` stay 0; names are terminated */
	struct hf_content content; /* of a FILE */
	bool changed;		   /* while it was read */
	bool partial;		   /* only a part could be read: `content` may be shorter than the size or the extents */
	struct hf_arena memory; /* decoded: what its pointers point into */
};

void hf_manifest_entry_free(struct hf_manifest_entry *e);

/* Appends all but the path to `out`. HF_E_USAGE for an entry that a reader would refuse (content shorter than its
 * size, say); HF_E_NOMEM if it comes to more than HF_MANIFEST_BODY_MAX or than out->max. */
int hf_manifest_encode_body(const struct hf_manifest_entry *e, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

/* Reads one body from `c`. The path is the caller's: set e->entry.path and path_len before (a hard link is checked
 * against it); `memory` is reused, everything else is overwritten. HF_E_CORRUPT, HF_E_NOMEM. */
int hf_manifest_decode_body(struct hf_cursor *c, struct hf_manifest_entry *e, struct hf_error *err) HF_MUST_CHECK;

/* Type and size alone, without allocating: of a body that was encoded by hf_manifest_encode_body. HF_E_CORRUPT. */
int hf_manifest_peek_body(const void *body, size_t len, enum hf_entry_type *type, uint64_t *size,
	struct hf_error *err) HF_MUST_CHECK;

#define HF_MANIFEST_ENTRY_AUTO __attribute__((cleanup(hf_manifest_entry_free))) struct hf_manifest_entry

#endif
