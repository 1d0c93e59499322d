/*
 * Names of users and groups by number, each looked up once. One thread. Names live as long as the cache.
 */
#ifndef HF_SOURCE_VOLUME_OWNER_H
#define HF_SOURCE_VOLUME_OWNER_H

#include <stddef.h>
#include <stdint.h>

struct hf_owner_names {
	struct hf_owner_name *slots; /* a hash table, open addressing */
	size_t count, cap;
};

/* NULL where the number has no name (or no memory was found for it). */
const char *hf_owner_user(struct hf_owner_names *names, uint32_t uid);
const char *hf_owner_group(struct hf_owner_names *names, uint32_t gid);
void hf_owner_free(struct hf_owner_names *names);

#endif
