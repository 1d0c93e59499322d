/* HKDF and scrypt through EVP_KDF; see kdf.h. */
#include "crypto/kdf.h"

#include "crypto/crypto_internal.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

/* Runs the key derivation `name`; `what` is for the message. */
static int derive(const char *name, const OSSL_PARAM *params, uint8_t *out, size_t len, const char *what,
	struct hf_error *err)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int done = ctx ? EVP_KDF_derive(ctx, out, len, params) : 0;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return done == 1 ? 0 : hf_openssl_fail(err, what);
}

/* OSSL_PARAM takes no const and no NULL, though it writes to neither. */
static OSSL_PARAM octets(const char *key, struct iovec v)
{
	static char nothing;
	return OSSL_PARAM_construct_octet_string(key, v.iov_len ? v.iov_base : &nothing, v.iov_len);
}

int hf_hkdf(struct iovec secret, struct iovec salt, const char *info, uint8_t *out, size_t len,
	struct hf_error *err)
{
	char digest[] = "SHA256";
	struct iovec text = {(void *)(uintptr_t)info, strlen(info)};
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		octets(OSSL_KDF_PARAM_KEY, secret),
		octets(OSSL_KDF_PARAM_SALT, salt),
		octets(OSSL_KDF_PARAM_INFO, text),
		OSSL_PARAM_construct_end(),
	};
	return derive("HKDF", params, out, len, "derive a key with HKDF-SHA-256", err);
}

int hf_scrypt_check(const struct hf_scrypt_cost *cost, struct hf_error *err)
{
	bool sane = cost->log2_n >= 1 && cost->log2_n <= HF_SCRYPT_LOG2_N_MAX && cost->r >= 1 &&
		    cost->r <= HF_SCRYPT_R_MAX && cost->p >= 1 && cost->p <= HF_SCRYPT_P_MAX;
	if (sane && (UINT64_C(128) * cost->r) << cost->log2_n <= HF_SCRYPT_MEMORY_MAX)
		return 0;
	return hf_fail(err, HF_E_CORRUPT,
		"scrypt with N = 2^%u, r = %u, p = %u would cost more than is allowed, or nothing",
		cost->log2_n, cost->r, cost->p);
}

int hf_scrypt(struct iovec passphrase, struct iovec salt, const struct hf_scrypt_cost *cost, uint8_t out[32],
	struct hf_error *err)
{
	int r = hf_scrypt_check(cost, err);
	if (r < 0)
		return r;
	uint64_t n = UINT64_C(1) << cost->log2_n, memory = HF_SCRYPT_MEMORY_MAX + (1 << 20);
	uint32_t block = cost->r, parallel = cost->p;
	/* OpenSSL counts 128 * r * (p + 2) bytes more than the bound, hence the room on top. */
	const OSSL_PARAM params[] = {
		octets(OSSL_KDF_PARAM_PASSWORD, passphrase),
		octets(OSSL_KDF_PARAM_SALT, salt),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &block),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &parallel),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	return derive("SCRYPT", params, out, 32, "derive a key with scrypt", err);
}
