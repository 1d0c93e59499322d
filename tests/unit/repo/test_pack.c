/* pack.h: which domain a pack is of, and whose word on that counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "repo/pack.h"

#include <string.h>

static struct hf_key *owner, *keeper, *reader, *writer;
static struct hf_store *store;
static struct hf_certs certs;

static struct hf_key *make(enum hf_key_kind kind, const char *name, bool maintain)
{
	struct hf_key *key = NULL;
	const struct hf_key_options options = {.kind = kind, .name = name, .maintain = maintain};
	assert_int_equal(hf_key_new(owner, &options, &key, NULL), 0);
	assert_int_equal(hf_cert_put(store, owner, key, NULL), 0);
	return key;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	assert_int_equal(hf_cert_put(store, owner, owner, NULL), 0);
	keeper = make(HF_KEY_READ, "keeper", true);
	reader = make(HF_KEY_READ, "reader", false);
	writer = make(HF_KEY_WRITE, "writer", false);
	return hf_certs_load(store, NULL, owner, &certs, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	hf_certs_free(&certs);
	hf_store_close(store);
	hf_key_free(owner);
	hf_key_free(keeper);
	hf_key_free(reader);
	hf_key_free(writer);
	return 0;
}

/* Stores a pack with nothing in it. */
static struct hf_ref put_pack(const struct hf_key *by, uint32_t mark)
{
	const struct hf_run_key_options options = {.pack_class = HF_PACK_DATA, .run = hf_id_new(), .domain_mark = mark};
	struct hf_run_key key;
	struct hf_pack_builder *b;
	assert_int_equal(hf_run_key_new(by, &options, &key, NULL), 0);
	assert_int_equal(hf_pack_builder_new(by, &key, &b, NULL), 0);
	assert_int_equal(hf_pack_builder_put(b, store, NULL), 0);
	assert_int_equal(hf_pack_builder_table(b)->domain_mark, mark);
	struct hf_ref ref = hf_pack_builder_table(b)->pack;
	hf_pack_builder_free(b);
	hf_run_key_wipe(&key);
	return ref;
}

static int open_pack(const struct hf_ref *ref, struct hf_pack_table *t)
{
	struct hf_run_key key;
	int r = hf_pack_open(store, ref, owner, &certs, &key, t, NULL);
	hf_pack_table_free(t);
	hf_run_key_wipe(&key);
	return r;
}

static void unmarked_ones_are_their_writers(void **state)
{
	(void)state;
	const struct hf_key *all[] = {owner, keeper, reader, writer};
	for (size_t i = 0; i < 4; i++) {
		struct hf_ref ref = put_pack(all[i], 0);
		struct hf_pack_table t;
		uint32_t mark = 1;
		assert_int_equal(open_pack(&ref, &t), 0);
		assert_int_equal(hf_pack_mark(store, &ref, &certs, &mark, NULL), 0);
		assert_int_equal(mark, 0);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(hf_pack_is_in(&certs, &ref.writer, mark, &all[k]->domain.id), i == k);
	}
}

static void marks_are_believed_of_keepers_alone(void **state)
{
	(void)state;
	const struct hf_key *all[] = {owner, keeper, reader, writer};
	const uint32_t mark = hf_domain_mark(&writer->domain.id);
	for (size_t i = 0; i < 4; i++) {
		struct hf_ref ref = put_pack(all[i], mark);
		struct hf_pack_table t;
		uint32_t read = 0;
		bool is_keeper = i < 2;
		assert_int_equal(open_pack(&ref, &t), is_keeper ? 0 : HF_E_CORRUPT);
		assert_int_equal(hf_pack_mark(store, &ref, &certs, &read, NULL), is_keeper ? 0 : HF_E_CORRUPT);
		assert_int_equal(read, is_keeper ? mark : 0);
		for (size_t k = 0; k < 4; k++)
			assert_int_equal(hf_pack_is_in(&certs, &ref.writer, mark, &all[k]->domain.id), is_keeper && all[k] == writer);
	}
}

/* The mark is signed: who changes it in the store changes nothing else than that the pack is refused. */
static void a_changed_mark_is_damage(void **state)
{
	(void)state;
	struct hf_ref ref = put_pack(keeper, hf_domain_mark(&writer->domain.id)), other = {keeper->id, hf_id_new()};
	HF_BUF_AUTO bytes = HF_BUF(1 << 20);
	struct hf_pack_table t;
	struct hf_pack_claim claim;
	char name[HF_NAME_MAX];
	uint32_t mark;
	assert_int_equal(hf_store_get_all(store, hf_object_name(HF_KIND_PACK, &ref, name), &bytes, NULL), 0);
	const struct iovec all = {bytes.data, bytes.len};
	/* Under another name than its own. */
	assert_int_equal(hf_store_put(store, hf_object_name(HF_KIND_PACK, &other, name), &all, 1, NULL), 0);
	assert_int_equal(hf_pack_mark(store, &other, &certs, &mark, NULL), HF_E_CORRUPT);
	assert_int_equal(open_pack(&other, &t), HF_E_CORRUPT);
	/* As of the owner's domain. */
	other.id = hf_id_new();
	memcpy(bytes.data + 48, other.id.b, HF_ID_SIZE);
	memcpy(bytes.data + 84, owner->domain.id.b, 4);
	assert_int_equal(hf_store_put(store, hf_object_name(HF_KIND_PACK, &other, name), &all, 1, NULL), 0);
	assert_int_equal(hf_pack_peek(store, &other, &claim, NULL), 0);
	assert_int_equal(claim.domain_mark, hf_domain_mark(&owner->domain.id));
	assert_int_equal(hf_pack_mark(store, &other, &certs, &mark, NULL), HF_E_CORRUPT);
	assert_int_equal(mark, 0);
	assert_int_equal(open_pack(&other, &t), HF_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unmarked_ones_are_their_writers),
		cmocka_unit_test(marks_are_believed_of_keepers_alone),
		cmocka_unit_test(a_changed_mark_is_damage),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
