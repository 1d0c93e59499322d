/* Loaded keys and certificates; see key.h. */
#include "repo/key.h"

#include "base/buf.h"
#include "crypto/random.h"

#include <stdlib.h>

void hf_key_free(struct hf_key *key)
{
	if (!key)
		return;
	if (key->epochs)
		hf_wipe(key->epochs, key->epoch_count * sizeof(*key->epochs));
	free(key->epochs);
	free(key->rescue_json);
	hf_wipe(key, sizeof(*key));
	free(key);
}

const struct hf_cert *hf_certs_find(const struct hf_certs *certs, const struct hf_id *key)
{
	for (size_t i = 0; i < certs->count; i++)
		if (hf_id_equal(&certs->certs[i].key, key))
			return &certs->certs[i];
	return NULL;
}

void hf_certs_free(struct hf_certs *certs)
{
	free(certs->certs);
	*certs = (struct hf_certs){0};
}

bool hf_key_is_keeper(enum hf_key_kind kind, unsigned rights)
{
	const unsigned needed = HF_RIGHT_BACKUP | HF_RIGHT_MAINTAIN;
	return (kind == HF_KEY_OWNER || kind == HF_KEY_READ) && (rights & needed) == needed;
}

uint32_t hf_domain_mark(const struct hf_id *domain)
{
	return hf_get_u32(domain->b);
}

const struct hf_epoch *hf_key_epoch(const struct hf_key *key, uint32_t number)
{
	for (size_t i = 0; i < key->epoch_count; i++)
		if (key->epochs[i].number == number)
			return &key->epochs[i];
	return NULL;
}

const struct hf_epoch *hf_key_newest_epoch(const struct hf_key *key)
{
	return key->epoch_count ? &key->epochs[key->epoch_count - 1] : NULL;
}

static const char *const kind_names[] = {[HF_KEY_OWNER] = "owner", [HF_KEY_READ] = "read", [HF_KEY_WRITE] = "write",
	[HF_KEY_MAINTAIN] = "maintain", [HF_KEY_STATUS] = "status"};

const char *hf_key_kind_name(enum hf_key_kind kind)
{
	size_t i = (size_t)kind;
	return i && i < sizeof(kind_names) / sizeof(kind_names[0]) ? kind_names[i] : "unknown";
}

enum hf_key_kind hf_key_kind_of(const char *name)
{
	for (size_t i = 1; i < sizeof(kind_names) / sizeof(kind_names[0]); i++)
		if (strcmp(kind_names[i], name) == 0)
			return (enum hf_key_kind)i;
	return 0;
}
