/*
 * AES-256-GCM through EVP; see aead.h. One EVP_CIPHER_CTX serves both directions: GCM runs the block cipher
 * forwards in both, so setting only the nonce keeps the key schedule and the GHASH table.
 */
#include "crypto/aead.h"

#include "base/buf.h"
#include "crypto/crypto_internal.h"
#include "crypto/random.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct hf_aead {
	EVP_CIPHER_CTX *ctx;
};

enum { NONCE_LEN = 12 };

int hf_aead_new(const uint8_t key[HF_AEAD_KEY], struct hf_aead **out, struct hf_error *err)
{
	struct hf_aead *a = calloc(1, sizeof(*a));
	if (!a)
		return hf_fail(err, HF_E_NOMEM, "set up AES-256-GCM: out of memory");
	a->ctx = EVP_CIPHER_CTX_new();
	if (!a->ctx || EVP_CipherInit_ex(a->ctx, EVP_aes_256_gcm(), NULL, key, NULL, 1) != 1) {
		hf_aead_free(a);
		return hf_openssl_fail(err, "set up AES-256-GCM");
	}
	*out = a;
	return 0;
}

void hf_aead_free(struct hf_aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->ctx); /* which cleanses the schedule */
	free(a);
}

/* Sets the direction and the nonce, and feeds the aad. */
static bool begin(struct hf_aead *a, int encrypt, uint64_t nonce, struct iovec aad)
{
	uint8_t iv[NONCE_LEN] = {0};
	hf_put_u64(iv + 4, nonce);
	int n;
	if (EVP_CipherInit_ex(a->ctx, NULL, NULL, NULL, iv, encrypt) != 1)
		return false;
	return aad.iov_len == 0 || EVP_CipherUpdate(a->ctx, NULL, &n, aad.iov_base, (int)aad.iov_len) == 1;
}

/* An empty update would be taken by OpenSSL for something else; there is nothing to do for it. */
static bool update(struct hf_aead *a, uint8_t *out, const void *in, size_t len)
{
	int n;
	return len == 0 || EVP_CipherUpdate(a->ctx, out, &n, in, (int)len) == 1;
}

int hf_aead_seal(struct hf_aead *a, uint64_t nonce, struct iovec aad, const void *plain, size_t len,
	uint8_t *out, struct hf_error *err)
{
	if (len > HF_AEAD_MAX || aad.iov_len > HF_AEAD_MAX)
		return hf_fail(
			err, HF_E_USAGE, "seal %zu bytes: more than the maximum of %d", len, HF_AEAD_MAX);
	int n;
	if (begin(a, 1, nonce, aad) && update(a, out, plain, len) &&
		EVP_CipherFinal_ex(a->ctx, out + len, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_GET_TAG, HF_AEAD_TAG, out + len) == 1)
		return 0;
	return hf_openssl_fail(err, "seal with AES-256-GCM");
}

int hf_aead_open(struct hf_aead *a, uint64_t nonce, struct iovec aad, const void *sealed, size_t len,
	uint8_t *out, struct hf_error *err)
{
	if (len < HF_AEAD_TAG || len - HF_AEAD_TAG > HF_AEAD_MAX || aad.iov_len > HF_AEAD_MAX)
		return hf_fail(err, HF_E_CORRUPT, "a sealed message can't have %zu bytes", len);
	len -= HF_AEAD_TAG;
	uint8_t tag[HF_AEAD_TAG]; /* OpenSSL takes it as not const */
	memcpy(tag, (const uint8_t *)sealed + len, HF_AEAD_TAG);
	if (!begin(a, 0, nonce, aad) || !update(a, out, sealed, len) ||
		EVP_CIPHER_CTX_ctrl(a->ctx, EVP_CTRL_AEAD_SET_TAG, HF_AEAD_TAG, tag) != 1) {
		hf_wipe(out, len);
		return hf_openssl_fail(err, "open with AES-256-GCM");
	}
	int n;
	if (EVP_CipherFinal_ex(a->ctx, tag, &n) == 1)
		return 0;
	hf_wipe(out, len);
	ERR_clear_error();
	return hf_fail(err, HF_E_CORRUPT,
		"the bytes do not authenticate: they were changed, or sealed under another key");
}
