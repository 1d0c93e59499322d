/*
 * Which signatures of index segments were verified before: verifying one costs more than all else that opening a segment takes.
 *
 *	load -> ( has? -> verify it -> add )* -> save, which frees it
 *
 * A row of tags in the cache directory, one file a domain. A tag is a MAC under the domain's index key of all that was signed, the
 * signature and the key that it was verified with, so no one else's bytes, damage or another repository's cache can make
 * anything pass; losing the file costs time. `has` and `add` from any thread.
 */
#ifndef HF_REPO_INDEX_VERIFIED_H
#define HF_REPO_INDEX_VERIFIED_H

#include "repo/key.h"

#include <stdbool.h>
#include <sys/uio.h>

struct hf_index_verified;

struct hf_index_signed {
	const struct iovec *parts; /* what is signed, at most four */
	int count;
	const uint8_t *signature, *by; /* 64 bytes; the public key, 32 */
};

/* NULL (which all others take) without a directory or without memory. A file that can't be read is an empty one. */
struct hf_index_verified *hf_index_verified_load(const char *dir, const struct hf_domain *domain);
bool hf_index_verified_has(struct hf_index_verified *v, const struct hf_index_signed *what);
void hf_index_verified_add(struct hf_index_verified *v, const struct hf_index_signed *what);
/* Writes the tags that were asked for or added, if enough are new to be worth it. Whether it can be written doesn't matter. */
void hf_index_verified_save(struct hf_index_verified *v);

#endif
