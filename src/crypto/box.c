/* X25519 through EVP, with HKDF and AES-256-GCM on top; box.h has the construction. */
#include "crypto/box.h"

#include "crypto/aead.h"
#include "crypto/crypto_internal.h"
#include "crypto/kdf.h"
#include "crypto/random.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

int hf_box_new_pair(uint8_t secret[HF_BOX_KEY], uint8_t public_key[HF_BOX_KEY], struct hf_error *err)
{
	hf_random(secret, HF_BOX_KEY);
	return hf_box_public(secret, public_key, err);
}

int hf_box_public(const uint8_t secret[HF_BOX_KEY], uint8_t public_key[HF_BOX_KEY], struct hf_error *err)
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, HF_BOX_KEY);
	size_t len = HF_BOX_KEY;
	int done = key ? EVP_PKEY_get_raw_public_key(key, public_key, &len) : 0;
	EVP_PKEY_free(key);
	return done == 1 ? 0 : hf_openssl_fail(err, "make an X25519 public key");
}

int hf_x25519(const uint8_t secret[HF_BOX_KEY], const uint8_t public_key[HF_BOX_KEY], uint8_t shared[32],
	struct hf_error *err)
{
	static const uint8_t zero[32];
	EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, HF_BOX_KEY);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, public_key, HF_BOX_KEY);
	EVP_PKEY_CTX *ctx = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
	bool ready =
		theirs && ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, theirs) == 1;
	size_t len = 32;
	/* A point of small order makes all zeros of any secret; OpenSSL refuses it too, and that is checked
	 * here. */
	bool good =
		ready && EVP_PKEY_derive(ctx, shared, &len) == 1 && len == 32 && !hf_equal(shared, zero, 32);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(mine);
	if (!ready)
		return hf_openssl_fail(err, "agree on a key with X25519");
	if (good)
		return 0;
	ERR_clear_error();
	return hf_fail(err, HF_E_CORRUPT, "agree on a key with X25519: the public key is of small order");
}

/* The key that a box is sealed under: `secret` and `peer` are one side's, `ephemeral` and `recipient` both
 * public keys. */
static int box_key(const uint8_t *secret, const uint8_t *peer, const uint8_t *ephemeral,
	const uint8_t *recipient, struct hf_aead **out, struct hf_error *err)
{
	uint8_t shared[32], key[HF_AEAD_KEY], salt[2 * HF_BOX_KEY];
	memcpy(salt, ephemeral, HF_BOX_KEY);
	memcpy(salt + HF_BOX_KEY, recipient, HF_BOX_KEY);
	int r = hf_x25519(secret, peer, shared, err);
	if (r == 0)
		r = hf_hkdf((struct iovec){shared, sizeof(shared)}, (struct iovec){salt, sizeof(salt)},
			"holdfast box v1", key, sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, out, err);
	hf_wipe(shared, sizeof(shared));
	hf_wipe(key, sizeof(key));
	return r;
}

int hf_box_seal(const uint8_t public_key[HF_BOX_KEY], struct iovec context, const void *plain, size_t len,
	uint8_t *out, struct hf_error *err)
{
	HF_AEAD_AUTO *a = NULL;
	uint8_t secret[HF_BOX_KEY];
	int r = hf_box_new_pair(secret, out, err);
	if (r == 0)
		r = box_key(secret, public_key, out, public_key, &a, err);
	hf_wipe(secret, sizeof(secret));
	if (r < 0)
		return hf_wrap(err, r, "seal to a public key");
	return hf_aead_seal(a, 0, context, plain, len, out + HF_BOX_KEY, err);
}

int hf_box_open(const uint8_t secret[HF_BOX_KEY], const uint8_t public_key[HF_BOX_KEY], struct iovec context,
	const void *sealed, size_t len, uint8_t *out, struct hf_error *err)
{
	if (len < HF_BOX_EXTRA)
		return hf_fail(err, HF_E_CORRUPT, "a box can't have %zu bytes", len);
	HF_AEAD_AUTO *a = NULL;
	const uint8_t *ephemeral = sealed;
	int r = box_key(secret, ephemeral, ephemeral, public_key, &a, err);
	if (r < 0)
		return hf_wrap(err, r, "open a box");
	return hf_aead_open(a, 0, context, ephemeral + HF_BOX_KEY, len - HF_BOX_KEY, out, err);
}
