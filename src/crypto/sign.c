/* Ed25519 through EVP; see sign.h. */
#include "crypto/sign.h"

#include "crypto/crypto_internal.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <string.h>

static const char domain[] = "holdfast signature v1"; /* with its terminator */

enum { MESSAGE = sizeof(domain) + HF_SHA256 };

static void make_message(const struct iovec *parts, int count, uint8_t out[MESSAGE])
{
	memcpy(out, domain, sizeof(domain));
	hf_sha256(parts, count, out + sizeof(domain));
}

int hf_sign_new_pair(uint8_t secret[HF_SIGN_KEY], uint8_t public_key[HF_SIGN_KEY], struct hf_error *err)
{
	hf_random(secret, HF_SIGN_KEY);
	return hf_sign_public(secret, public_key, err);
}

int hf_sign_public(const uint8_t secret[HF_SIGN_KEY], uint8_t public_key[HF_SIGN_KEY], struct hf_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, HF_SIGN_KEY);
	size_t len = HF_SIGN_KEY;
	int done = key ? EVP_PKEY_get_raw_public_key(key, public_key, &len) : 0;
	EVP_PKEY_free(key);
	return done == 1 ? 0 : hf_openssl_fail(err, "make an Ed25519 public key");
}

int hf_sign(const uint8_t secret[HF_SIGN_KEY], const struct iovec *parts, int count,
	uint8_t sig[HF_SIGNATURE], struct hf_error *err)
{
	uint8_t message[MESSAGE];
	make_message(parts, count, message);
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, HF_SIGN_KEY);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t len = HF_SIGNATURE;
	int done = key && ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
		   EVP_DigestSign(ctx, sig, &len, message, sizeof(message)) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return done ? 0 : hf_openssl_fail(err, "sign with Ed25519");
}

int hf_verify(const uint8_t public_key[HF_SIGN_KEY], const struct iovec *parts, int count,
	const uint8_t sig[HF_SIGNATURE], struct hf_error *err)
{
	uint8_t message[MESSAGE];
	make_message(parts, count, message);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, HF_SIGN_KEY);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ready = key && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1;
	int good = ready ? EVP_DigestVerify(ctx, sig, HF_SIGNATURE, message, sizeof(message)) : 0;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!ready)
		return hf_openssl_fail(err, "verify an Ed25519 signature");
	if (good == 1)
		return 0;
	ERR_clear_error();
	return hf_fail(err, HF_E_CORRUPT, "the signature does not verify");
}
