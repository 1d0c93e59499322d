/*
 * SHA-256, and HMAC-SHA-256 (RFC 2104) under a key that is set up once: what ids, commitments and signatures
 * hash. Nothing here allocates per message or can fail after the set-up.
 */
#ifndef HF_CRYPTO_HASH_H
#define HF_CRYPTO_HASH_H

#include "base/error.h"

#include <stdint.h>
#include <sys/uio.h>

enum { HF_SHA256 = 32 };

/* The hash of the `count` parts, one after another, as if they were one. Safe from any thread. */
void hf_sha256(const struct iovec *parts, int count, uint8_t out[HF_SHA256]);

/* One key, with the states that both its padded forms lead to: a message costs one block more than plain
 * SHA-256. Used by one thread at a time. The key has 32 bytes. */
struct hf_mac;
int hf_mac_new(const uint8_t key[32], struct hf_mac **out, struct hf_error *err) HF_MUST_CHECK;
void hf_mac_free(struct hf_mac *m); /* wipes it; NULL is fine */

/* The MAC of the `count` parts, one after another, as if they were one. */
void hf_mac(struct hf_mac *m, const struct iovec *parts, int count, uint8_t out[HF_SHA256]);

/* HMAC-SHA-256 under a key of any length, for protocols of others (AWS's signatures). Safe from any thread. */
void hf_hmac_sha256(struct iovec key, const struct iovec *parts, int count, uint8_t out[HF_SHA256]);

/* MD5 of the parts, for protocols of others that guard against accidents with it (Content-MD5); proves nothing. HF_E_UNSUPPORTED
 * where the system's OpenSSL does without it (FIPS). */
enum { HF_MD5 = 16 };
int hf_md5(const struct iovec *parts, int count, uint8_t out[HF_MD5], struct hf_error *err) HF_MUST_CHECK;

static inline void hf_mac_release(struct hf_mac **m)
{
	hf_mac_free(*m);
}
#define HF_MAC_AUTO __attribute__((cleanup(hf_mac_release))) struct hf_mac

#endif
