/*
 * SHA-256 and HMAC on OpenSSL's SHA256_CTX, MD5 by EVP; see hash.h.
 *
 * SHA256_CTX is deprecated in favour of EVP since 3.0, and used here on purpose: it is a plain struct, so
 * that keeping the state after the padded key is an assignment, with no allocation and nothing that can fail.
 * The same by EVP_MD_CTX_copy_ex costs two allocations and several calls a message, which is much for a chunk
 * of 4 KiB; both run the same assembly (SHA-NI, AVX2).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hash.h"

#include "crypto/crypto_internal.h"
#include "crypto/random.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct hf_mac {
	SHA256_CTX inner, outer; /* after the block of key ^ ipad, key ^ opad */
};

static void update(SHA256_CTX *c, const struct iovec *parts, int count)
{
	for (int i = 0; i < count; i++)
		SHA256_Update(c, parts[i].iov_base, parts[i].iov_len);
}

void hf_sha256(const struct iovec *parts, int count, uint8_t out[HF_SHA256])
{
	SHA256_CTX c;
	SHA256_Init(&c);
	update(&c, parts, count);
	SHA256_Final(out, &c); /* which cleanses `c` */
}

/* The state after one block of the key (at most a block long), padded with zeros, xor `pad`. */
static void absorb_key(SHA256_CTX *c, const uint8_t *key, size_t len, uint8_t pad)
{
	uint8_t block[SHA256_CBLOCK];
	memset(block, pad, sizeof(block));
	for (size_t i = 0; i < len; i++)
		block[i] ^= key[i];
	SHA256_Init(c);
	SHA256_Update(c, block, sizeof(block));
	hf_wipe(block, sizeof(block));
}

int hf_mac_new(const uint8_t key[32], struct hf_mac **out, struct hf_error *err)
{
	struct hf_mac *m = malloc(sizeof(*m));
	if (!m)
		return hf_fail(err, HF_E_NOMEM, "set up HMAC-SHA-256: out of memory");
	absorb_key(&m->inner, key, 32, 0x36);
	absorb_key(&m->outer, key, 32, 0x5c);
	*out = m;
	return 0;
}

void hf_mac_free(struct hf_mac *m)
{
	if (!m)
		return;
	hf_wipe(m, sizeof(*m));
	free(m);
}

void hf_mac(struct hf_mac *m, const struct iovec *parts, int count, uint8_t out[HF_SHA256])
{
	uint8_t inner[HF_SHA256];
	SHA256_CTX c = m->inner;
	update(&c, parts, count);
	SHA256_Final(inner, &c);
	c = m->outer;
	SHA256_Update(&c, inner, sizeof(inner));
	SHA256_Final(out, &c);
	hf_wipe(inner, sizeof(inner));
}

void hf_hmac_sha256(struct iovec key, const struct iovec *parts, int count, uint8_t out[HF_SHA256])
{
	uint8_t hashed[HF_SHA256];
	struct hf_mac m;
	if (key.iov_len > SHA256_CBLOCK) {
		hf_sha256(&key, 1, hashed);
		key = (struct iovec){hashed, sizeof(hashed)};
	}
	absorb_key(&m.inner, key.iov_base, key.iov_len, 0x36);
	absorb_key(&m.outer, key.iov_base, key.iov_len, 0x5c);
	hf_mac(&m, parts, count, out);
	hf_wipe(&m, sizeof(m));
	hf_wipe(hashed, sizeof(hashed));
}

int hf_md5(const struct iovec *parts, int count, uint8_t out[HF_MD5], struct hf_error *err)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool fine = c && EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1;
	for (int i = 0; fine && i < count; i++)
		fine = EVP_DigestUpdate(c, parts[i].iov_base, parts[i].iov_len) == 1;
	fine = fine && EVP_DigestFinal_ex(c, out, NULL) == 1;
	EVP_MD_CTX_free(c);
	return fine ? 0 : hf_openssl_fail(err, "compute an MD5 checksum");
}
