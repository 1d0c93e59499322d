/* Repositories for tests; see place.h. */
#include "place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "repo/config.h"
#include "repo/key_cert.h"
#include "repo/key_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static struct hf_key *furnish(struct hf_store *store)
{
	struct hf_config config = HF_CONFIG_DEFAULT;
	struct hf_key *owner;
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_cert_put(store, owner, owner, NULL), 0);
	assert_int_equal(hf_config_put(store, owner, &config, NULL), 0);
	return owner;
}

struct hf_repository *place_on(struct hf_store *store)
{
	const struct hf_repository_options options = {.url = "memory"};
	struct hf_repository *repo;
	struct hf_key *owner = furnish(store);
	assert_int_equal(hf_repository_adopt(&options, store, owner, &repo, NULL), 0);
	return repo;
}

struct hf_repository *place_in_memory(void)
{
	struct hf_store *store;
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	return place_on(store);
}

void place_make(struct place *p, const char *name)
{
	assert_int_equal(hf_scratch_make("/tmp", name, &p->dir, NULL), 0);
	snprintf(p->url, sizeof(p->url), "%s/repo", p->dir);
	struct hf_store *store = place_store(p);
	p->owner = furnish(store);
	hf_store_close(store);
}

void place_remove(struct place *p)
{
	hf_key_free(p->owner);
	assert_int_equal(hf_remove_tree(AT_FDCWD, p->dir, NULL), 0);
	free(p->dir);
}

struct hf_store *place_store(const struct place *p)
{
	const struct hf_store_open_options create = {.create = true};
	struct hf_store *store;
	assert_int_equal(hf_store_open(p->url, &create, &store, NULL), 0);
	return store;
}

struct hf_key *place_stranger(const struct place *p, enum hf_key_kind kind, const char *name)
{
	const struct hf_key_options options = {.kind = kind, .name = name};
	struct hf_key *key;
	assert_int_equal(hf_key_new(p->owner, &options, &key, NULL), 0);
	return key;
}

struct hf_key *place_key(const struct place *p, enum hf_key_kind kind, const char *name)
{
	struct hf_key *key = place_stranger(p, kind, name);
	struct hf_store *store = place_store(p);
	assert_int_equal(hf_cert_put(store, p->owner, key, NULL), 0);
	hf_store_close(store);
	return key;
}

struct hf_repository *place_open(const struct place *p, const struct hf_key *key, bool remembers)
{
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	struct hf_key *copy;
	struct hf_repository *repo;
	char cache[300], memory[300];
	snprintf(cache, sizeof(cache), "%s/cache-%s", p->dir, key->name);
	snprintf(memory, sizeof(memory), "%s/state-%s", p->dir, key->name);
	const struct hf_repository_options options = {.url = p->url, .cache_dir = remembers ? cache : NULL,
		.state_dir = remembers ? memory : NULL};
	assert_int_equal(hf_key_print(key, &text, NULL), 0);
	assert_int_equal(hf_key_parse(text.data, text.len, &copy, NULL), 0);
	assert_int_equal(hf_repository_adopt(&options, place_store(p), copy, &repo, NULL), 0);
	return repo;
}
