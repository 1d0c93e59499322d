/*
 * Makes the manifest of a source: entries in order of their paths become leaves, leaves become a tree, all of them
 * chunks of kind HF_CHUNK_MANIFEST. FORMAT.md, section 8.
 *
 *	new -> (add | add_encoded)* -> end -> free
 *
 * Leaves end where a hash of the last path says so (about 32 KiB; 8 to 128), and upper nodes where a child's id does, so
 * that an entry that came, went or changed rewrites one node a level. An unchanged source yields the very same tree.
 * Memory is one node a level. Used by one thread at a time.
 */
#ifndef HF_REPO_MANIFEST_BUILDER_H
#define HF_REPO_MANIFEST_BUILDER_H

#include "repo/manifest_codec.h"

struct hf_manifest_builder;

struct hf_manifest_root {
	struct hf_chunk_id id;
	uint64_t entries; /* of every type */
	uint64_t files;	  /* of type FILE */
	uint64_t bytes;	  /* the sum of their sizes */
};

/* `sink` is copied. */
int hf_manifest_builder_new(const struct hf_chunk_sink *sink, struct hf_manifest_builder **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_manifest_builder_free(struct hf_manifest_builder *b); /* NULL is fine */

/* The next entry. HF_E_USAGE if its path does not come after the one before (hf_path_compare), or is not sound. */
int hf_manifest_builder_add(struct hf_manifest_builder *b, const struct hf_manifest_entry *e,
	struct hf_error *err) HF_MUST_CHECK;

/* The same for an entry whose body is encoded already. */
struct hf_manifest_encoded {
	const char *path;
	size_t path_len;
	const void *body; /* what hf_manifest_encode_body wrote */
	size_t body_len;
};
int hf_manifest_builder_add_encoded(struct hf_manifest_builder *b, const struct hf_manifest_encoded *e,
	struct hf_error *err) HF_MUST_CHECK;

/* Stores what is left and tells the root. A manifest without entries is one empty leaf. */
int hf_manifest_builder_end(struct hf_manifest_builder *b, struct hf_manifest_root *out,
	struct hf_error *err) HF_MUST_CHECK;

static inline void hf_manifest_builder_release(struct hf_manifest_builder **b)
{
	hf_manifest_builder_free(*b);
	*b = NULL;
}
#define HF_MANIFEST_BUILDER_AUTO __attribute__((cleanup(hf_manifest_builder_release))) struct hf_manifest_builder

#endif
