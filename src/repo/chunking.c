/* Chunk ids and gear tables; see chunking.h. */
#include "repo/chunking.h"

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/kdf.h"

#include <stdlib.h>

struct hf_chunk_hasher {
	struct hf_mac *mac;
};

int hf_chunk_hasher_new(const struct hf_domain *domain, struct hf_chunk_hasher **out, struct hf_error *err)
{
	struct hf_chunk_hasher *h = calloc(1, sizeof(*h));
	if (!h)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = hf_mac_new(domain->id_key, &h->mac, err);
	if (r < 0) {
		free(h);
		return r;
	}
	*out = h;
	return 0;
}

void hf_chunk_hasher_free(struct hf_chunk_hasher *h)
{
	if (!h)
		return;
	hf_mac_free(h->mac);
	free(h);
}

struct hf_chunk_id hf_chunk_hash(struct hf_chunk_hasher *h, enum hf_chunk_kind kind, const void *data, size_t len)
{
	uint8_t head[9], full[32];
	struct hf_chunk_id id;
	head[0] = (uint8_t)kind;
	hf_put_u64(head + 1, len);
	const struct iovec parts[] = {{head, sizeof(head)}, {(void *)(uintptr_t)data, len}};
	hf_mac(h->mac, parts, 2, full);
	memcpy(id.b, full, sizeof(id.b));
	return id;
}

int hf_chunking_gear(const struct hf_domain *domain, uint64_t gear[256], struct hf_error *err)
{
	uint8_t bytes[256 * 8];
	int r = hf_hkdf((struct iovec){(void *)(uintptr_t)domain->cut_key, 32}, (struct iovec){NULL, 0},
		"holdfast gear v1", bytes, sizeof(bytes), err);
	for (int i = 0; i < 256 && r == 0; i++)
		gear[i] = hf_get_u64(bytes + 8 * i);
	return r;
}
