/*
 * Ed25519 signatures (RFC 8032). Safe from any thread.
 *
 * Ed25519 wants its message in one piece, and ours come in parts; so what is signed is always the 54 bytes
 *
 *	"holdfast signature v1" 00 || SHA-256(the parts, one after another)
 *
 * (22 bytes with the zero byte, then 32). Whoever signs puts what the bytes are for into the first part: a
 * signature tells nothing about that by itself.
 */
#ifndef HF_CRYPTO_SIGN_H
#define HF_CRYPTO_SIGN_H

#include "base/error.h"

#include <stdint.h>
#include <sys/uio.h>

enum { HF_SIGN_KEY = 32, HF_SIGNATURE = 64 };

/* A new pair: the secret is RFC 8032's 32-byte seed. The caller wipes it. */
int hf_sign_new_pair(
	uint8_t secret[HF_SIGN_KEY], uint8_t public_key[HF_SIGN_KEY], struct hf_error *err) HF_MUST_CHECK;
/* The public key that belongs to `secret`. */
int hf_sign_public(const uint8_t secret[HF_SIGN_KEY], uint8_t public_key[HF_SIGN_KEY],
	struct hf_error *err) HF_MUST_CHECK;

int hf_sign(const uint8_t secret[HF_SIGN_KEY], const struct iovec *parts, int count,
	uint8_t sig[HF_SIGNATURE], struct hf_error *err) HF_MUST_CHECK;
/* 0 if `sig` is the key's for these parts, HF_E_CORRUPT if it isn't. */
int hf_verify(const uint8_t public_key[HF_SIGN_KEY], const struct iovec *parts, int count,
	const uint8_t sig[HF_SIGNATURE], struct hf_error *err) HF_MUST_CHECK;

#endif
