/*
 * A local file of authenticated bytes: what the caches are kept in. A cache that was half-written, damaged, or belongs to
 * another domain is not believed: each block carries a keyed hash over its number and bytes, the end another one over the
 * length, and the file gets its name only when it is complete.
 *
 *	write:	create -> append* -> commit (or discard)
 *	read:	open -> read at any place (sequential reads are cheap: one block is kept)
 *
 * One thread at a time.
 */
#ifndef HF_PIPELINE_BLOCK_FILE_H
#define HF_PIPELINE_BLOCK_FILE_H

#include "repo/chunking.h"

#include <stddef.h>

struct hf_block_writer;
struct hf_block_reader;

/* The file gets the name `path` at commit. `domain` keys the hashes. */
int hf_block_writer_create(const char *path, const struct hf_domain *domain, struct hf_block_writer **out,
	struct hf_error *err) HF_MUST_CHECK;
int hf_block_writer_append(struct hf_block_writer *w, const void *data, size_t len, struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_block_writer_tell(const struct hf_block_writer *w);
/* Completes the file and puts it in place of the one before. Frees the writer, also on failure. */
int hf_block_writer_commit(struct hf_block_writer *w, struct hf_error *err) HF_MUST_CHECK;
void hf_block_writer_discard(struct hf_block_writer *w); /* NULL is fine */

/* HF_E_NOTFOUND: no such file. HF_E_CORRUPT: not one that was completed with this domain's key. */
int hf_block_reader_open(const char *path, const struct hf_domain *domain, struct hf_block_reader **out,
	struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_block_reader_size(const struct hf_block_reader *r);
/* Exactly `len` bytes from `offset`. HF_E_CORRUPT past the end, or where a block's hash is wrong. */
int hf_block_reader_read(struct hf_block_reader *r, uint64_t offset, void *out, size_t len,
	struct hf_error *err) HF_MUST_CHECK;
void hf_block_reader_close(struct hf_block_reader *r); /* NULL is fine */

#endif
