/* The ids of the repository: 16 bytes each; see FORMAT.md, sections 1 and 7. */
#ifndef HF_REPO_ID_H
#define HF_REPO_ID_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HF_ID_SIZE = 16, HF_ID_TEXT = 33 };

/* Of a repository, a key (writer), a domain, a run, an object. Random. */
struct hf_id {
	uint8_t b[HF_ID_SIZE];
};

/* Of a chunk: the start of a keyed hash. A type of its own, so that the two never mix. */
struct hf_chunk_id {
	uint8_t b[HF_ID_SIZE];
};

/* Names a pack, a snapshot, any object: who wrote it, and which. */
struct hf_ref {
	struct hf_id writer, id;
};

enum hf_kind { /* of an object; the numbers are the format's */
	HF_KIND_CONFIG = 1,
	HF_KIND_SLOT,
	HF_KIND_CERT,
	HF_KIND_PACK,
	HF_KIND_INDEX,
	HF_KIND_SNAPSHOT,
	HF_KIND_ENTRY,
	HF_KIND_VOID,
	HF_KIND_CONDEMNED,
	HF_KIND_RUN,
	HF_KIND_RESCUE,
};

enum hf_chunk_kind {
	HF_CHUNK_DATA = 1,
	HF_CHUNK_MANIFEST = 2,
	HF_CHUNK_CONTENT = 3,
	HF_CHUNK_ABOUT = 4,
	HF_CHUNK_PACKS = 5,
};

/* The maxima of the format, checked before anything is allocated. */
#define HF_CHUNK_MAX (4u << 20)
#define HF_FRAME_MAX (4u << 20)
#define HF_PACK_MAX (256u << 20)
#define HF_TABLE_MAX (32u << 20)

static inline bool hf_id_equal(const struct hf_id *a, const struct hf_id *b)
{
	return memcmp(a->b, b->b, HF_ID_SIZE) == 0;
}
static inline bool hf_ref_equal(const struct hf_ref *a, const struct hf_ref *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

#endif
