/* key_grant.h: new epochs reach the keys that they are granted to, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/key_grant.h"
#include "repo/key_new.h"

#include <stdlib.h>
#include <string.h>

static struct hf_key *owner, *reader, *other, *status, *writer;

static struct hf_key *make(enum hf_key_kind kind, const char *name)
{
	struct hf_key *key = NULL;
	struct hf_domain domain;
	hf_domain_new(name, NULL, &domain);
	struct hf_key_options options = {.kind = kind, .name = name, .domain = &domain};
	assert_int_equal(hf_key_new(owner, &options, &key, NULL), 0);
	return key;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	reader = make(HF_KEY_READ, "reader");
	other = make(HF_KEY_READ, "other");
	status = make(HF_KEY_STATUS, "status");
	writer = make(HF_KEY_WRITE, "writer");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	struct hf_key *const all[] = {owner, reader, other, status, writer};
	for (size_t i = 0; i < 5; i++)
		hf_key_free(all[i]);
	return 0;
}

static struct hf_cert cert_of(const struct hf_key *key)
{
	struct hf_cert c = {.key = key->id, .kind = key->kind, .has_box = true};
	assert_int_equal(hf_grant_public(key->sign_secret, c.box_public, NULL), 0);
	return c;
}

/* A configuration's clear part with the owner's epochs and grants of the newest for these keys. */
static json_t *config(const struct hf_key *const *keys, size_t count)
{
	json_t *j = json_object(), *epochs = json_array(), *grants = json_array();
	for (size_t i = 0; i < owner->epoch_count; i++)
		json_array_append_new(epochs,
			json_pack("{s:i, s:o, s:o}", "epoch", (int)owner->epochs[i].number, "data_public",
				hf_json_hex_string(owner->epochs[i].data_public, 32), "catalogue_public",
				hf_json_hex_string(owner->epochs[i].catalogue_public, 32)));
	for (size_t i = 0; i < count; i++) {
		struct hf_cert c = cert_of(keys[i]);
		assert_int_equal(hf_grant_add(grants, owner, &c, hf_key_newest_epoch(owner), NULL), 0);
	}
	json_object_set_new(j, "epochs", epochs);
	json_object_set_new(j, "grants", grants);
	return j;
}

static void each_kind_learns_what_it_holds(void **state)
{
	(void)state;
	assert_int_equal(hf_epoch_add(owner, NULL), 0);
	const struct hf_key *const all[] = {owner, reader, status};
	HF_JSON_AUTO *j = config(all, 3);
	struct hf_key *const keys[] = {reader, status, writer, other};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(hf_grant_learn(keys[i], j, NULL), 0);
		assert_int_equal(keys[i]->epoch_count, 2);
		const struct hf_epoch *e = hf_key_newest_epoch(keys[i]);
		assert_int_equal(e->number, 1);
		assert_memory_equal(e->data_public, owner->epochs[1].data_public, 32);
		assert_int_equal(e->has_catalogue_secret, i < 2);
		assert_int_equal(e->has_data_secret, i < 1);
	}
	assert_memory_equal(reader->epochs[1].data_secret, owner->epochs[1].data_secret, 32);
	assert_memory_equal(status->epochs[1].catalogue_secret, owner->epochs[1].catalogue_secret, 32);
	/* Once is enough. */
	assert_int_equal(hf_grant_learn(reader, j, NULL), 0);
	assert_int_equal(reader->epoch_count, 2);
}

static void the_owner_of_before_opens_the_owners_grant(void **state)
{
	(void)state;
	struct hf_epoch first = owner->epochs[0], second;
	assert_int_equal(hf_epoch_add(owner, NULL), 0);
	second = owner->epochs[1];
	const struct hf_key *const all[] = {owner};
	HF_JSON_AUTO *j = config(all, 1);
	owner->epoch_count = 1;
	assert_memory_equal(&owner->epochs[0], &first, sizeof(first));
	assert_int_equal(hf_grant_learn(owner, j, NULL), 0);
	assert_int_equal(owner->epoch_count, 2);
	assert_memory_equal(owner->epochs[1].data_secret, second.data_secret, 32);
	assert_true(owner->epochs[1].has_catalogue_secret);
}

/* The grant of one key under another's name, of another epoch, or with a byte changed: none of it opens. */
static void a_grant_is_bound_to_its_key_and_epoch(void **state)
{
	(void)state;
	assert_int_equal(hf_epoch_add(owner, NULL), 0);
	const struct hf_key *const all[] = {reader};
	HF_JSON_AUTO *j = config(all, 1);
	json_t *grant = json_array_get(json_object_get(j, "grants"), 0);
	HF_JSON_AUTO *kept = json_deep_copy(grant);
	json_object_set_new(grant, "key", hf_json_hex_string(other->id.b, HF_ID_SIZE));
	assert_int_equal(hf_grant_learn(other, j, NULL), 0);
	assert_false(hf_key_newest_epoch(other)->has_data_secret);
	assert_false(hf_key_newest_epoch(other)->has_catalogue_secret);
	json_object_update(grant, kept);
	char *box = strdup(json_string_value(json_object_get(kept, "box")));
	box[100] = box[100] == '0' ? '1' : '0';
	json_object_set_new(grant, "box", json_string(box));
	free(box);
	assert_int_equal(hf_grant_learn(reader, j, NULL), 0);
	assert_false(hf_key_newest_epoch(reader)->has_data_secret);
}

static void a_certificate_of_old_is_granted_nothing(void **state)
{
	(void)state;
	HF_JSON_AUTO *grants = json_array();
	struct hf_cert c = cert_of(reader);
	c.has_box = false;
	assert_int_equal(hf_grant_add(grants, owner, &c, hf_key_newest_epoch(owner), NULL), HF_E_KEY);
	assert_int_equal(json_array_size(grants), 0);
}

static void configurations_that_make_no_sense(void **state)
{
	(void)state;
	static const char *const texts[] = {"{}", "{\"epochs\":1}", "{\"epochs\":[{}]}", "{\"epochs\":[{\"epoch\":-1}]}",
		"{\"epochs\":[{\"epoch\":5000000000}]}", "{\"epochs\":[{\"epoch\":1,\"data_public\":\"00\"}]}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		HF_JSON_AUTO *j = NULL;
		assert_int_equal(hf_json_parse(texts[i], strlen(texts[i]), &j, NULL), 0);
		assert_int_equal(hf_grant_learn(reader, j, NULL), HF_E_CORRUPT);
		assert_int_equal(reader->epoch_count, 1);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_learns_what_it_holds),
		TEST(the_owner_of_before_opens_the_owners_grant),
		TEST(a_grant_is_bound_to_its_key_and_epoch),
		TEST(a_certificate_of_old_is_granted_nothing),
		TEST(configurations_that_make_no_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
