/* A store with one object changed: the rest is as in the original. For the tests of this room only. */
#ifndef HF_TEST_REPO_TAMPER_H
#define HF_TEST_REPO_TAMPER_H

#include "store/store.h"

#include <string.h>

typedef void tamper_change(struct hf_buf *bytes, void *user);

struct tamper {
	struct hf_store *from, *to;
	const char *prefix;    /* of the names of what is changed */
	tamper_change *change; /* NULL: what has the prefix is left out */
	void *user;
};

static inline int tamper_one(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct tamper *t = user;
	HF_BUF_AUTO bytes = HF_BUF(100 << 20);
	bool hit = strncmp(info->name, t->prefix, strlen(t->prefix)) == 0;
	if (hit && !t->change)
		return 0;
	int r = hf_store_get_all(t->from, info->name, &bytes, err);
	if (r < 0)
		return r;
	if (hit)
		t->change(&bytes, t->user);
	return hf_store_put(t->to, info->name, &(struct iovec){bytes.data, bytes.len}, 1, err);
}

/* A new store in memory, to be closed. */
static inline struct hf_store *tampered(
	struct hf_store *from, const char *prefix, tamper_change *change, void *user)
{
	struct tamper t = {.from = from, .prefix = prefix, .change = change, .user = user};
	assert_int_equal(hf_store_open_memory(&t.to, NULL), 0);
	assert_int_equal(hf_store_list(from, "", tamper_one, &t, NULL), 0);
	return t.to;
}

/* Changes: a bit (its number in *user), the length (likewise). */
static inline void tamper_flip(struct hf_buf *bytes, void *user)
{
	size_t bit = *(const size_t *)user;
	bytes->data[bit / 8 % bytes->len] ^= (uint8_t)(1 << bit % 8);
}
static inline void tamper_cut(struct hf_buf *bytes, void *user)
{
	bytes->len = *(const size_t *)user;
}

#endif
