/* What the encoder and the decoder of an entry share: the bits of its flags, and the rules that both hold it to. */
#ifndef HF_REPO_MANIFEST_INTERNAL_H
#define HF_REPO_MANIFEST_INTERNAL_H

#include "repo/manifest_codec.h"

enum { /* FORMAT.md, section 8 */
	BIT_NAMES = 1 << 0,
	BIT_LINK = 1 << 1,
	BIT_XATTRS = 1 << 2,
	BIT_FILE_FLAGS = 1 << 3,
	BIT_DEVICE = 1 << 4,
	BIT_EXTENTS = 1 << 5,
	BIT_CHANGED = 1 << 6,
	BIT_PARTIAL = 1 << 7,
	BITS_ALL = (1 << 8) - 1,
};

enum { BLOB_MAX = 65536 }; /* of a target, a name, a value */

/* What of the format's rules the entry breaks, in words; NULL if none. */
const char *hf_manifest_fault(const struct hf_manifest_entry *e);

/* The bytes that a whole content has: of the extents of a sparse file, else the size. */
uint64_t hf_manifest_content_bytes(const struct hf_entry *e);

#endif
