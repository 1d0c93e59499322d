/*
 * What a domain's keys make of chunks: their ids, and the gear table that cuts them. FORMAT.md, section 7.
 */
#ifndef HF_REPO_CHUNKING_H
#define HF_REPO_CHUNKING_H

#include "base/error.h"
#include "repo/id.h"
#include "repo/key.h"

/* Computes chunk ids; one thread at a time. */
struct hf_chunk_hasher;

int hf_chunk_hasher_new(const struct hf_domain *domain, struct hf_chunk_hasher **out, struct hf_error *err) HF_MUST_CHECK;
struct hf_chunk_id hf_chunk_hash(struct hf_chunk_hasher *h, enum hf_chunk_kind kind, const void *data, size_t len);
void hf_chunk_hasher_free(struct hf_chunk_hasher *h);

/* 256 numbers for the chunker, from the domain's cutting key. */
int hf_chunking_gear(const struct hf_domain *domain, uint64_t gear[256], struct hf_error *err) HF_MUST_CHECK;

#endif
