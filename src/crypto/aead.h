/*
 * Sealing and opening with AES-256-GCM: encryption that also shows whether a byte was changed.
 *
 * A struct hf_aead holds one key with its schedule, so that a message costs little beyond its bytes; it is
 * used by one thread at a time (give each worker its own). A nonce must never be used for two messages under
 * one key: the caller counts. The 12 bytes that GCM takes are four zero bytes, then the 64-bit number,
 * little-endian.
 *
 * A sealed message is the ciphertext, as long as the plaintext, then the 16-byte tag. `aad` is authenticated
 * with it and not stored ({0} for none).
 */
#ifndef HF_CRYPTO_AEAD_H
#define HF_CRYPTO_AEAD_H

#include "base/error.h"

#include <stdint.h>
#include <sys/uio.h>

enum { HF_AEAD_KEY = 32, HF_AEAD_TAG = 16 };
enum { HF_AEAD_MAX = 1 << 30 }; /* the longest plaintext, and the longest aad */

struct hf_aead;

/* A new context for `key`, which is copied; in `out`, to be freed. Fails only without memory or without
 * AES-GCM. */
int hf_aead_new(const uint8_t key[HF_AEAD_KEY], struct hf_aead **out, struct hf_error *err) HF_MUST_CHECK;
void hf_aead_free(struct hf_aead *a); /* wipes the key; NULL is fine */

/* Seals `len` bytes at `plain` to `out`, which takes len + HF_AEAD_TAG bytes and may be `plain` itself (no
 * other overlap). More than HF_AEAD_MAX is HF_E_USAGE. */
int hf_aead_seal(struct hf_aead *a, uint64_t nonce, struct iovec aad, const void *plain, size_t len,
	uint8_t *out, struct hf_error *err) HF_MUST_CHECK;

/* Opens `len` sealed bytes to `out`, which takes len - HF_AEAD_TAG bytes and may be `sealed` itself.
 * HF_E_CORRUPT if they don't authenticate (a changed byte, another key, nonce or aad; fewer than HF_AEAD_TAG
 * bytes, more than the maximum); then nothing of the plaintext is left in `out`. */
int hf_aead_open(struct hf_aead *a, uint64_t nonce, struct iovec aad, const void *sealed, size_t len,
	uint8_t *out, struct hf_error *err) HF_MUST_CHECK;

static inline void hf_aead_release(struct hf_aead **a)
{
	hf_aead_free(*a);
}
#define HF_AEAD_AUTO __attribute__((cleanup(hf_aead_release))) struct hf_aead

#endif
