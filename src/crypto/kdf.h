/* Keys from secrets: HKDF from strong ones, scrypt from passphrases. Safe from any thread. */
#ifndef HF_CRYPTO_KDF_H
#define HF_CRYPTO_KDF_H

#include "base/error.h"

#include <stdint.h>
#include <sys/uio.h>

/* HKDF-SHA-256 (RFC 5869): extract from `secret` with `salt` (may be empty), expand with the text `info`
 * (without its terminator; at most 1024 bytes) to `len` bytes (at most 255 * 32) in `out`. */
int hf_hkdf(struct iovec secret, struct iovec salt, const char *info, uint8_t *out, size_t len,
	struct hf_error *err) HF_MUST_CHECK;

/* What scrypt (RFC 7914) is made to cost: 128 * r * N bytes of memory, p times over. */
struct hf_scrypt_cost {
	unsigned log2_n, r, p; /* N = 2^log2_n */
};

/* What new slots use: 64 MiB, a fraction of a second. */
#define HF_SCRYPT_DEFAULT ((struct hf_scrypt_cost){.log2_n = 16, .r = 8, .p = 2})

enum {
	HF_SCRYPT_MEMORY_MAX = 256 << 20, /* bytes: 128 * r * N */
	HF_SCRYPT_LOG2_N_MAX = 20,
	HF_SCRYPT_R_MAX = 16,
	HF_SCRYPT_P_MAX = 16,
};

/* Whether `cost` is within the bounds above, and none of its numbers 0. HF_E_CORRUPT, with the reason, if it
 * isn't: costs come from objects, and an attacker's must neither exhaust the memory nor take for ever. */
int hf_scrypt_check(const struct hf_scrypt_cost *cost, struct hf_error *err) HF_MUST_CHECK;

/* 32 bytes from a passphrase. Checks `cost` before any work. */
int hf_scrypt(struct iovec passphrase, struct iovec salt, const struct hf_scrypt_cost *cost, uint8_t out[32],
	struct hf_error *err) HF_MUST_CHECK;

#endif
