/* config.h: the newest one that the owner signed counts, and nothing older stands in for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/config.h"
#include "repo/key_new.h"
#include "repo/object.h"
#include "tamper.h"

#include <string.h>

static struct hf_key *owner, *writer;

static int set_up(void **state)
{
	(void)state;
	struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "writer"};
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	return hf_key_new(owner, &options, &writer, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	hf_key_free(owner);
	hf_key_free(writer);
	return 0;
}

/* A store with configurations 1 to `count`; the grace of each is its number. */
static struct hf_store *store_of(unsigned count)
{
	struct hf_store *store;
	struct hf_config c = HF_CONFIG_DEFAULT;
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	for (unsigned n = 1; n <= count; n++) {
		memcpy(c.previous, c.hash, 32);
		c.n = c.grace_seconds = n;
		c.has_previous = n > 1;
		assert_int_equal(hf_config_put(store, owner, &c, NULL), 0);
	}
	return store;
}

static void comes_back_as_it_was(void **state)
{
	(void)state;
	struct hf_store *store;
	struct hf_config c = HF_CONFIG_DEFAULT, back;
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	assert_int_equal(hf_config_put(store, owner, &c, NULL), 0);
	assert_int_equal(hf_config_load(store, writer, 0, &back, NULL), 0);
	assert_int_equal(back.n, 1);
	assert_int_equal(back.chunk_min, 65536);
	assert_int_equal(back.chunk_average, 262144);
	assert_int_equal(back.chunk_max, 1048576);
	assert_int_equal(back.grace_seconds, 172800);
	assert_int_equal(back.created, c.created);
	assert_memory_equal(back.hash, c.hash, 32);
	assert_memory_equal(back.data_public, owner->epochs[0].data_public, 32);
	assert_memory_equal(back.catalogue_public, owner->epochs[0].catalogue_public, 32);
	assert_int_equal(hf_config_put(store, owner, &c, NULL), HF_E_EXISTS);
	hf_store_close(store);
}

/* 300 of them: names sort as numbers beyond a byte. */
static void the_newest_counts(void **state)
{
	(void)state;
	struct hf_store *store = store_of(300);
	struct hf_config c;
	assert_int_equal(hf_config_load(store, writer, 300, &c, NULL), 0);
	assert_int_equal(c.n, 300);
	assert_int_equal(c.grace_seconds, 300);
	assert_true(c.has_previous);
	hf_store_close(store);
}

static void going_back_is_noticed(void **state)
{
	(void)state;
	struct hf_store *store = store_of(2);
	struct hf_config c;
	struct hf_error err = {0};
	assert_int_equal(hf_config_load(store, writer, 3, &c, &err), HF_E_CORRUPT);
	assert_non_null(strstr(err.msg, "rolled back"));
	hf_store_close(store);
}

static void without_one_there_is_no_repository(void **state)
{
	(void)state;
	struct hf_store *store = store_of(0);
	struct hf_config c;
	assert_int_equal(hf_config_load(store, writer, 0, &c, NULL), HF_E_NOREPO);
	assert_int_equal(hf_config_probe(store, NULL, NULL), 0);
	hf_store_close(store);
	struct hf_id id;
	store = store_of(1);
	assert_int_equal(hf_config_probe(store, &id, NULL), 1);
	assert_memory_equal(&id, &owner->repository, sizeof(id));
	hf_store_close(store);
}

/* Damage to the newest is an error: an older one may lack what it said. */
static void damage_is_no_way_back(void **state)
{
	(void)state;
	struct hf_store *store = store_of(2);
	struct hf_ref ref = {.writer = owner->id};
	struct hf_object_info info;
	char name[HF_NAME_MAX];
	ref.id.b[15] = 2;
	hf_object_name(HF_KIND_CONFIG, &ref, name);
	assert_int_equal(hf_store_stat(store, name, &info, NULL), 0);
	for (size_t bit = 0; bit < 8 * info.size; bit += 3) {
		struct hf_store *copy = tampered(store, name, tamper_flip, &bit);
		struct hf_config c;
		struct hf_error err = {0};
		int r = hf_config_load(copy, writer, 0, &c, &err);
		assert_true(r == HF_E_CORRUPT || r == HF_E_UNSUPPORTED);
		assert_non_null(strstr(err.msg, name));
		hf_store_close(copy);
	}
	for (size_t len = 0; len < info.size; len++) {
		struct hf_store *copy = tampered(store, name, tamper_cut, &len);
		struct hf_config c;
		assert_int_equal(hf_config_load(copy, writer, 0, &c, NULL), HF_E_CORRUPT);
		hf_store_close(copy);
	}
	hf_store_close(store);
}

/* Neither someone else's configuration with a greater number, nor one in the owner's name, is looked at or
 * believed. */
static void only_the_owner_configures(void **state)
{
	(void)state;
	struct hf_store *store = store_of(1);
	struct hf_config c = HF_CONFIG_DEFAULT, back;
	c.n = 9;
	c.has_previous = true;
	assert_int_equal(hf_config_put(store, writer, &c, NULL), 0);
	assert_int_equal(hf_config_load(store, writer, 0, &back, NULL), 0);
	assert_int_equal(back.n, 1);
	struct hf_key forger = *writer;
	forger.id = owner->id;
	c.n = 2;
	assert_int_equal(hf_config_put(store, &forger, &c, NULL), 0);
	assert_int_equal(hf_config_load(store, writer, 0, &back, NULL), HF_E_CORRUPT);
	hf_store_close(store);
}

static void senseless_numbers_are_refused(void **state)
{
	(void)state;
	static const struct hf_config wrong[] = {
		{.n = 1, .chunk_min = 0, .chunk_average = 10, .chunk_max = 20},
		{.n = 1, .chunk_min = 65536, .chunk_average = 100, .chunk_max = 1048576},
		{.n = 1, .chunk_min = 65536, .chunk_average = 262144, .chunk_max = 1000},
		{.n = 1, .chunk_min = 65536, .chunk_average = 262144, .chunk_max = HF_CHUNK_MAX + 1},
		{.n = 1,
			.chunk_min = 65536,
			.chunk_average = 262144,
			.chunk_max = 1048576,
			.has_previous = true},
		{.n = 0, .chunk_min = 65536, .chunk_average = 262144, .chunk_max = 1048576},
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct hf_store *store = store_of(0);
		struct hf_config c = wrong[i];
		assert_int_equal(hf_config_put(store, owner, &c, NULL), 0);
		assert_int_equal(hf_config_load(store, owner, 0, &c, NULL), HF_E_CORRUPT);
		hf_store_close(store);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(the_newest_counts),
		cmocka_unit_test(going_back_is_noticed),
		cmocka_unit_test(without_one_there_is_no_repository),
		cmocka_unit_test(damage_is_no_way_back),
		cmocka_unit_test(only_the_owner_configures),
		cmocka_unit_test(senseless_numbers_are_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
