/*
 * The content of a file as a list of chunks: inline while it is short, else a tree of nodes that are chunks
 * themselves. FORMAT.md, sections 8 ("content of a file") and 9.
 *
 *	build:  begin(unit) -> add* [-> replace_first] -> end -> struct hf_content, which an entry of the manifest holds
 *	read:   open(content) [-> seek] -> next*
 *
 * Variable lists are cut where a chunk's id says so, so that an insertion into a file rewrites few nodes. Page lists
 * are cut at fixed places (64 ids), so that a changed page rewrites one leaf and the nodes above it. Memory is a node
 * or two a level, whatever the size of the file.
 *
 * Where nodes go and come from is the caller's: two callbacks. A builder or reader is used by one thread at a time.
 */
#ifndef HF_REPO_CONTENT_H
#define HF_REPO_CONTENT_H

#include "base/buf.h"
#include "repo/id.h"

#include <stddef.h>

/* Where chunks of metadata (nodes) go. Stores `len` bytes at `data`, valid only during the call, as a chunk of
 * `kind`, and tells its id. */
struct hf_chunk_sink {
	int (*store_chunk)(void *user, enum hf_chunk_kind kind, const void *data, size_t len, struct hf_chunk_id *id,
		struct hf_error *err);
	void *user;
};

/* Where they come from. Puts the verified bytes (the id recomputed) of the chunk into `out`, cleared first, whose
 * maximum holds. `expected_len` is its length, or 0 if the caller doesn't know. HF_E_NOTFOUND, HF_E_CORRUPT, … */
struct hf_chunk_feed {
	int (*load_chunk)(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
		struct hf_buf *out, struct hf_error *err);
	void *user;
};

struct hf_chunk_ref {
	struct hf_chunk_id id;
	uint32_t len; /* of the chunk's bytes: 1 to HF_CHUNK_MAX */
};

enum hf_content_form { HF_CONTENT_INLINE = 0, HF_CONTENT_INLINE_PAGES = 1, HF_CONTENT_LIST = 2 };

enum { HF_CONTENT_INLINE_MAX = 16 }; /* refs that a builder leaves inline */

/* All zero: an empty file. */
struct hf_content {
	uint8_t form;		   /* enum hf_content_form */
	uint32_t unit;		   /* form 1: every chunk has so many bytes but the last; else 0 */
	uint64_t bytes;		   /* of all chunks */
	struct hf_chunk_ref *refs; /* forms 0 and 1, in order, `len` filled in; else NULL */
	size_t count;
	struct hf_chunk_id root; /* form 2 */
};

struct hf_content_builder;

/* A builder that may be used for one file after another. Nodes (kind HF_CHUNK_CONTENT) go to `sink`, copied. */
int hf_content_builder_new(const struct hf_chunk_sink *sink, struct hf_content_builder **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_content_builder_free(struct hf_content_builder *b); /* NULL is fine */

/* Starts a file (and forgets one that was not ended). `unit` 0: chunks of any length; else every chunk is `unit` bytes
 * long but the last, which may be shorter. */
void hf_content_builder_begin(struct hf_content_builder *b, uint32_t unit);

/* The next chunk in the order of the file. HF_E_USAGE for a length that the rule above forbids. */
int hf_content_builder_add(struct hf_content_builder *b, const struct hf_chunk_ref *ref,
	struct hf_error *err) HF_MUST_CHECK;

/* Replaces the file's first chunk, at any time before `end`, by one of the same length (SQLite's first page comes
 * again, last). Only with a unit. HF_E_USAGE if there is none yet or the length differs. */
int hf_content_builder_replace_first(struct hf_content_builder *b, const struct hf_chunk_ref *ref,
	struct hf_error *err) HF_MUST_CHECK;

/* Ends the file. out->refs belongs to the builder and is valid until the next `begin`. */
int hf_content_builder_end(struct hf_content_builder *b, struct hf_content *out, struct hf_error *err) HF_MUST_CHECK;

struct hf_content_reader;

/* Reads the refs of `content`, which must outlive the reader; `feed` is copied. A content that contradicts itself is
 * HF_E_CORRUPT, here or later. */
int hf_content_reader_open(const struct hf_chunk_feed *feed, const struct hf_content *content,
	struct hf_content_reader **out, struct hf_error *err) HF_MUST_CHECK;
void hf_content_reader_free(struct hf_content_reader *r); /* NULL is fine */

/* The next `next` gives the chunk that holds the byte at `offset`, or the end if there is none. Only the nodes on the
 * way there are loaded. Forwards and backwards. */
int hf_content_reader_seek(struct hf_content_reader *r, uint64_t offset, struct hf_error *err) HF_MUST_CHECK;

/* The next chunk and the place of its first byte in the content: 1; 0 at the end. After an error the reader is only
 * to be freed. */
int hf_content_reader_next(struct hf_content_reader *r, struct hf_chunk_ref *ref, uint64_t *offset,
	struct hf_error *err) HF_MUST_CHECK;

static inline void hf_content_builder_release(struct hf_content_builder **b)
{
	hf_content_builder_free(*b);
	*b = NULL;
}
#define HF_CONTENT_BUILDER_AUTO __attribute__((cleanup(hf_content_builder_release))) struct hf_content_builder

static inline void hf_content_reader_release(struct hf_content_reader **r)
{
	hf_content_reader_free(*r);
	*r = NULL;
}
#define HF_CONTENT_READER_AUTO __attribute__((cleanup(hf_content_reader_release))) struct hf_content_reader

#endif
