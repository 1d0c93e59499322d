/*
 * condemned.h, run.h, void.h: what writers and pruners say to one another, and who is believed. The repository is a real one in
 * memory; the owner prunes, and a write key, which has no right to, tries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/condemned.h"
#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "repo/object.h"
#include "repo/ref_list.h"
#include "repo/run.h"
#include "repo/void.h"

#include <stdlib.h>

static struct hf_key *owner;
static struct hf_repository *repo;

static int set_up(void **state)
{
	struct hf_config config = HF_CONFIG_DEFAULT;
	const struct hf_repository_options options = {.url = "memory"};
	struct hf_store *store;
	struct hf_key *key;
	(void)state;
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_cert_put(store, owner, owner, NULL), 0);
	assert_int_equal(hf_config_put(store, owner, &config, NULL), 0);
	key = malloc(sizeof(*key));
	assert_non_null(key);
	*key = *owner;
	key->epochs = malloc(owner->epoch_count * sizeof(*key->epochs));
	assert_non_null(key->epochs);
	memcpy(key->epochs, owner->epochs, owner->epoch_count * sizeof(*key->epochs));
	key->rescue_json = NULL;
	assert_int_equal(hf_repository_adopt(&options, store, key, &repo, NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_repository_close(repo);
	hf_key_free(owner);
	return 0;
}

static struct hf_ref pack_of(uint8_t number)
{
	return (struct hf_ref){.writer = {{1}}, .id = {{number}}};
}

static void test_condemned(void **state)
{
	const struct hf_ref packs[] = {pack_of(3), pack_of(1), pack_of(3)};
	struct hf_ref name, other = pack_of(2);
	struct hf_condemned c;
	(void)state;
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.count, 0);
	hf_condemned_free(&c);
	assert_int_equal(hf_condemned_put(repo, packs, 3, &name, NULL), 0);
	assert_int_equal(hf_condemned_put(repo, NULL, 0, &name, NULL), 0);
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.count, 2);
	assert_true(hf_condemned_has(&c, &packs[0]) && hf_condemned_has(&c, &packs[1]));
	assert_false(hf_condemned_has(&c, &other));
	hf_condemned_free(&c);
}

static size_t follow(const struct hf_condemned *c, uint8_t first, struct hf_ref **packs)
{
	size_t count = 1;
	*packs = malloc(sizeof(**packs));
	assert_non_null(*packs);
	**packs = pack_of(first);
	assert_int_equal(hf_condemned_follow(c, packs, &count, NULL), 0);
	return count;
}

/* 1 -> 2 and 3, 3 -> 4, 4 -> 1: over any number of steps, and without end. */
static void test_moved(void **state)
{
	const struct hf_moved first[] = {{pack_of(1), pack_of(2)}, {pack_of(1), pack_of(3)}};
	const struct hf_moved second[] = {{pack_of(3), pack_of(4)}, {pack_of(4), pack_of(1)}};
	struct hf_condemned c;
	struct hf_ref *packs;
	(void)state;
	assert_int_equal(hf_condemned_put_moved(repo, second, 2, NULL), 0);
	assert_int_equal(hf_condemned_put_moved(repo, first, 2, NULL), 0);
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.moved_count, 4);
	for (uint8_t i = 1; i <= 4; i++) {
		const struct hf_ref pack = pack_of(i);
		assert_int_equal(hf_condemned_has(&c, &pack), i != 2);
		assert_int_equal(follow(&c, i, &packs), i == 2 ? 1 : 4);
		for (uint8_t k = 1; k <= 4; k++) {
			const struct hf_ref other = pack_of(k);
			assert_int_equal(hf_ref_find(packs, i == 2 ? 1 : 4, &other), i != 2 || k == 2);
		}
		free(packs);
	}
	hf_condemned_free(&c);
}

/* A condemnation by a key without the right is none. */
static void test_by_whom(void **state)
{
	const struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "writer"};
	const struct hf_ref pack = pack_of(7), snapshot = pack_of(8);
	struct hf_key *writer, *mine = repo->key;
	struct hf_condemned c;
	struct hf_ref name;
	(void)state;
	assert_int_equal(hf_key_new(owner, &options, &writer, NULL), 0);
	assert_int_equal(hf_cert_put(repo->store, owner, writer, NULL), 0);
	assert_int_equal(hf_repository_reload_certs(repo, NULL), 0);
	repo->key = writer;
	assert_int_equal(hf_condemned_put(repo, &pack, 1, &name, NULL), HF_E_KEY);
	assert_int_equal(hf_void_put(repo, &snapshot, NULL), HF_E_KEY);

	/* Nor is it believed if it is PUT all the same. */
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "packs", hf_ref_list_json(&pack, 1));
	json_object_set_new(clear, "snapshot", hf_ref_json(&snapshot));
	struct hf_object_new o = {.kind = HF_KIND_CONDEMNED, .key = writer, .id = hf_id_new(), .clear = clear};
	assert_int_equal(hf_object_put(repo->store, &o, NULL, NULL), 0);
	o.kind = HF_KIND_VOID;
	assert_int_equal(hf_object_put(repo->store, &o, NULL, NULL), 0);
	repo->key = mine;
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.count, 0);
	hf_condemned_free(&c);
	assert_int_equal(hf_void_exists(repo, &snapshot, NULL, NULL), 0);
	hf_key_free(writer);
}

/* One that is damaged is counted, and a void that is may name any snapshot. */
static void test_damaged(void **state)
{
	const struct hf_ref snapshot = pack_of(8), object = {owner->id, hf_id_new()};
	char damage[] = "damage";
	const struct iovec bytes = {damage, 6};
	char name[HF_NAME_MAX];
	struct hf_condemned c;
	(void)state;
	assert_int_equal(hf_store_put(repo->store, hf_object_name(HF_KIND_CONDEMNED, &object, name), &bytes, 1, NULL), 0);
	assert_int_equal(hf_store_put(repo->store, hf_object_name(HF_KIND_VOID, &object, name), &bytes, 1, NULL), 0);
	assert_int_equal(hf_condemned_list(repo, &c, NULL), 0);
	assert_int_equal(c.unreadable, 1);
	hf_condemned_free(&c);
	assert_int_equal(hf_void_exists(repo, &snapshot, NULL, NULL), 1);
	assert_int_equal(hf_void_is_certain(repo, &snapshot, NULL), 0);

	/* But none that was there before the snapshot was. */
	struct hf_void_unread unread = {0};
	const struct hf_ref later = pack_of(9);
	assert_int_equal(hf_void_exists(repo, &snapshot, &unread, NULL), 1);
	assert_int_equal(unread.count, 1);
	assert_int_equal(hf_void_exists(repo, &later, &unread, NULL), 0);
	const struct hf_ref another = {owner->id, hf_id_new()};
	assert_int_equal(hf_store_put(repo->store, hf_object_name(HF_KIND_VOID, &another, name), &bytes, 1, NULL), 0);
	assert_int_equal(hf_void_exists(repo, &later, &unread, NULL), 1);
	assert_int_equal(unread.count, 2);
	assert_int_equal(hf_void_exists(repo, &later, &unread, NULL), 0);
	assert_int_equal(hf_void_put(repo, &later, NULL), 0);
	assert_int_equal(hf_void_exists(repo, &later, &unread, NULL), 1);
	free(unread.refs);
}

static void test_void(void **state)
{
	const struct hf_ref snapshot = pack_of(8), other = pack_of(9);
	(void)state;
	assert_int_equal(hf_void_exists(repo, &snapshot, NULL, NULL), 0);
	assert_int_equal(hf_void_put(repo, &snapshot, NULL), 0);
	assert_int_equal(hf_void_exists(repo, &snapshot, NULL, NULL), 1);
	assert_int_equal(hf_void_is_certain(repo, &snapshot, NULL), 1);
	assert_int_equal(hf_void_exists(repo, &other, NULL, NULL), 0);
}

static int see_run(const struct hf_run_object *o, void *user, struct hf_error *err)
{
	int *seen = user;
	const struct hf_ref second = pack_of(2);
	(void)err;
	assert_null(o->unreadable);
	assert_true(o->run.cannot_list);
	assert_int_equal(o->run.pack_count, 2);
	assert_true(hf_ref_equal(&o->run.packs[1], &second));
	++*seen;
	return 0;
}

static void test_run(void **state)
{
	const struct hf_ref packs[] = {pack_of(1), pack_of(2)};
	const struct hf_run run = {.run = hf_id_new(), .cannot_list = true, .packs = packs, .pack_count = 2};
	int seen = 0;
	(void)state;
	assert_int_equal(hf_run_put(repo, &run, NULL), 0);
	assert_int_equal(hf_run_put(repo, &run, NULL), 0);
	assert_int_equal(hf_run_each(repo, see_run, &seen, NULL), 0);
	assert_int_equal(seen, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_condemned, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_moved, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_by_whom, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_void, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_run, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
