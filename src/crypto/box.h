/*
 * Sealing to a public key (X25519, RFC 7748): whoever holds the public key can seal, only the holder of the
 * secret opens, and not even the sealer can open it again. Safe from any thread. It says nothing about who
 * sealed.
 *
 * A box of `len` plain bytes, len + HF_BOX_EXTRA bytes:
 *
 *	0	32	the public key of a pair made for this box alone ("ephemeral")
 *	32	len	ciphertext
 *	32+len	16	tag
 *
 *	shared = X25519(ephemeral secret, recipient's public key); all zero is refused, on both sides
 *	key    = HKDF-SHA-256(secret = shared, salt = ephemeral public || recipient's public (64 bytes),
 *	                      info = "holdfast box v1", 32 bytes)
 *	ciphertext and tag: AES-256-GCM under key, nonce 12 zero bytes, AAD = context
 *
 * `context` says what the box is for, is not stored, and must be the same when it is opened.
 */
#ifndef HF_CRYPTO_BOX_H
#define HF_CRYPTO_BOX_H

#include "base/error.h"

#include <stdint.h>
#include <sys/uio.h>

enum { HF_BOX_KEY = 32, HF_BOX_EXTRA = 32 + 16 };

/* A new pair. The secret is 32 random bytes (X25519 clamps them itself); the caller wipes it. */
int hf_box_new_pair(
	uint8_t secret[HF_BOX_KEY], uint8_t public_key[HF_BOX_KEY], struct hf_error *err) HF_MUST_CHECK;
/* The public key that belongs to `secret`. */
int hf_box_public(
	const uint8_t secret[HF_BOX_KEY], uint8_t public_key[HF_BOX_KEY], struct hf_error *err) HF_MUST_CHECK;

/* Seals to `out`, len + HF_BOX_EXTRA bytes, which must not overlap `plain`. HF_E_CORRUPT for a public key
 * that is not fit for it. */
int hf_box_seal(const uint8_t public_key[HF_BOX_KEY], struct iovec context, const void *plain, size_t len,
	uint8_t *out, struct hf_error *err) HF_MUST_CHECK;

/* Opens `len` bytes of a box to `out`, len - HF_BOX_EXTRA bytes, which must not overlap `sealed`.
 * HF_E_CORRUPT if it does not open: changed bytes, another recipient, another context, too short.
 * `public_key` belongs to `secret`. */
int hf_box_open(const uint8_t secret[HF_BOX_KEY], const uint8_t public_key[HF_BOX_KEY], struct iovec context,
	const void *sealed, size_t len, uint8_t *out, struct hf_error *err) HF_MUST_CHECK;

/* The bare X25519 function, for known answers; all-zero results are HF_E_CORRUPT. */
int hf_x25519(const uint8_t secret[HF_BOX_KEY], const uint8_t public_key[HF_BOX_KEY], uint8_t shared[32],
	struct hf_error *err) HF_MUST_CHECK;

#endif
