/* What the files of hash.h share: the states of SHA-256 that a key leads to, and the compression of two messages at once. */
#ifndef HF_CRYPTO_HASH_INTERNAL_H
#define HF_CRYPTO_HASH_INTERNAL_H

#define OPENSSL_SUPPRESS_DEPRECATED /* why SHA256_CTX: see hash.c */
#include <openssl/sha.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hf_mac {
	SHA256_CTX inner, outer; /* after the block of key ^ ipad, key ^ opad */
	bool has_pair;		 /* this processor takes two messages at once */
};

/* The eight words of one message's state (FIPS 180-4, 6.2.2), and whole blocks of it. */
struct hf_sha256_run {
	uint32_t h[8];
	const uint8_t *blocks;
};

/* Whether hf_sha256_pair may be called on this processor. */
bool hf_sha256_has_pair(void);

/* Takes `count` blocks of 64 bytes into the state of each of the two; `blocks` moves on. */
void hf_sha256_pair(struct hf_sha256_run *a, struct hf_sha256_run *b, size_t count);

#endif
