/* Tags of verified signatures; see index_verified.h. Those of before are sorted; those of this time wait in an array of their own. */
#include "repo/index_verified.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/hex.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 65536, PARTS = 4, WORTH_WRITING = 4 };

struct hf_index_verified {
	struct hf_mac *mac;
	char *path;
	struct hf_buf before; /* of tags, as the next one */
	pthread_mutex_t lock; /* of what follows */
	struct hf_buf now;
	size_t fresh; /* of those in `now`, not in `before` */
};

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, HF_SHA256);
}

struct hf_index_verified *hf_index_verified_load(const char *dir, const struct hf_domain *domain)
{
	char id[HF_ID_TEXT];
	struct hf_index_verified *v = dir ? calloc(1, sizeof(*v)) : NULL;
	if (!v)
		return NULL;
	v->before = v->now = HF_BUF(MOST * HF_SHA256);
	if (asprintf(&v->path, "%s/segments-%s", dir, hf_hex(domain->id.b, HF_ID_SIZE, id)) < 0 ||
		hf_mac_new(domain->index_key, &v->mac, NULL) < 0) {
		free(v->path);
		free(v);
		return NULL;
	}
	pthread_mutex_init(&v->lock, NULL);
	if (hf_file_read(AT_FDCWD, v->path, &v->before, NULL) < 0)
		hf_buf_clear(&v->before);
	v->before.len -= v->before.len % HF_SHA256;
	if (v->before.len)
		qsort(v->before.data, v->before.len / HF_SHA256, HF_SHA256, by_bytes);
	return v;
}

static void make_tag(struct hf_index_verified *v, const struct hf_index_signed *what, uint8_t tag[HF_SHA256])
{
	static const char label[] = "holdfast verified segment v1";
	struct iovec parts[PARTS + 3] = {{(void *)(uintptr_t)label, sizeof(label)}, {(void *)(uintptr_t)what->by, 32},
		{(void *)(uintptr_t)what->signature, HF_SIGNATURE}};
	for (int i = 0; i < what->count; i++)
		parts[3 + i] = what->parts[i];
	hf_mac(v->mac, parts, 3 + what->count, tag);
}

static void take_down(struct hf_index_verified *v, const uint8_t tag[HF_SHA256], bool is_fresh)
{
	pthread_mutex_lock(&v->lock);
	hf_buf_add(&v->now, tag, HF_SHA256);
	v->fresh += is_fresh;
	pthread_mutex_unlock(&v->lock);
}

bool hf_index_verified_has(struct hf_index_verified *v, const struct hf_index_signed *what)
{
	uint8_t tag[HF_SHA256];
	if (!v || !v->before.len)
		return false;
	make_tag(v, what, tag);
	bool found = bsearch(tag, v->before.data, v->before.len / HF_SHA256, HF_SHA256, by_bytes) != NULL;
	if (found)
		take_down(v, tag, false);
	return found;
}

void hf_index_verified_add(struct hf_index_verified *v, const struct hf_index_signed *what)
{
	uint8_t tag[HF_SHA256];
	if (!v)
		return;
	make_tag(v, what, tag);
	take_down(v, tag, true);
}

void hf_index_verified_save(struct hf_index_verified *v)
{
	if (!v)
		return;
	struct iovec all = {v->now.data, v->now.len};
	if (v->fresh >= WORTH_WRITING && !v->now.failed)
		(void)!hf_file_write(AT_FDCWD, v->path, &all, 1, &(struct hf_file_options){.secret = true}, NULL);
	pthread_mutex_destroy(&v->lock);
	hf_mac_free(v->mac);
	hf_buf_free(&v->before);
	hf_buf_free(&v->now);
	free(v->path);
	free(v);
}
