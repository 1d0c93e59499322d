/* key_cert.h: only what the owner signed is believed, and a domain opens for those who may read data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "repo/object.h"
#include "tamper.h"

#include <string.h>

static struct hf_key *owner, *writer, *reader, *watcher;
static struct hf_store *store;

static struct hf_key *make(enum hf_key_kind kind, const char *name)
{
	struct hf_key *key = NULL;
	struct hf_key_options options = {.kind = kind, .name = name};
	assert_int_equal(hf_key_new(owner, &options, &key, NULL), 0);
	return key;
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	writer = make(HF_KEY_WRITE, "shop");
	reader = make(HF_KEY_READ, "reader");
	watcher = make(HF_KEY_STATUS, "watcher");
	const struct hf_key *all[] = {owner, writer, reader, watcher};
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(hf_cert_put(store, owner, all[i], NULL), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_store_close(store);
	hf_key_free(owner);
	hf_key_free(writer);
	hf_key_free(reader);
	hf_key_free(watcher);
	return 0;
}

static void everyone_reads_who_is_who(void **state)
{
	(void)state;
	const struct hf_key *all[] = {owner, writer, reader, watcher};
	for (size_t as = 0; as < 4; as++) {
		struct hf_certs certs;
		assert_int_equal(hf_certs_load(store, NULL, all[as], &certs, NULL), 0);
		assert_int_equal(certs.count, 4);
		assert_int_equal(certs.set_aside, 0);
		for (size_t i = 0; i < 4; i++) {
			const struct hf_cert *c = hf_certs_find(&certs, &all[i]->id);
			assert_non_null(c);
			assert_int_equal(c->kind, all[i]->kind);
			assert_string_equal(c->name, all[i]->name);
			assert_int_equal(c->rights, all[i]->rights);
			assert_memory_equal(c->sign_public, all[i]->sign_public, 32);
			assert_int_equal(c->has_domain, all[i]->has_domain);
			if (c->has_domain)
				assert_memory_equal(&c->domain, &all[i]->domain.id, sizeof(c->domain));
			assert_true(c->created > 0);
		}
		hf_certs_free(&certs);
	}
}

/* An older read key opens a younger domain; a write key opens its own alone; who sees the catalogue only,
 * none. */
static void domains_open_for_those_who_read(void **state)
{
	(void)state;
	struct hf_certs certs;
	struct hf_domain d;
	struct hf_error err = {0};
	assert_int_equal(hf_certs_load(store, NULL, owner, &certs, NULL), 0);
	assert_int_equal(hf_domain_open(store, reader, &certs, &writer->domain.id, &d, NULL), 0);
	assert_memory_equal(&d, &writer->domain, sizeof(d));
	assert_int_equal(hf_domain_open(store, reader, &certs, &owner->domain.id, &d, NULL), 0);
	assert_memory_equal(&d, &owner->domain, sizeof(d));
	assert_int_equal(hf_domain_open(store, writer, &certs, &writer->domain.id, &d, NULL), 0);
	assert_memory_equal(&d, &writer->domain, sizeof(d));
	assert_int_equal(hf_domain_open(store, writer, &certs, &owner->domain.id, &d, &err), HF_E_KEY);
	assert_int_equal(hf_domain_open(store, watcher, &certs, &writer->domain.id, &d, &err), HF_E_KEY);
	struct hf_id other = hf_id_new();
	assert_int_equal(hf_domain_open(store, reader, &certs, &other, &d, &err), HF_E_CORRUPT);
	assert_ptr_equal(hf_certs_find_domain(&certs, "shop"), hf_certs_find(&certs, &writer->id));
	assert_null(hf_certs_find_domain(&certs, "nowhere"));
	assert_null(hf_certs_find_domain(&certs, ""));
	hf_certs_free(&certs);
}

/* In a domain that is not its own writes who reads data and maintains, and says so in its packs by the domain's mark. */
static void keepers_write_in_every_domain(void **state)
{
	(void)state;
	const struct hf_key_options options = {.kind = HF_KEY_READ, .name = "keeper", .maintain = true};
	struct hf_key *keeper = NULL, *pruner = make(HF_KEY_MAINTAIN, "pruner");
	struct hf_certs certs;
	uint32_t mark;
	assert_int_equal(hf_key_new(owner, &options, &keeper, NULL), 0);
	assert_int_equal(hf_certs_load(store, NULL, owner, &certs, NULL), 0);
	const struct hf_id *theirs = &writer->domain.id;
	struct hf_key *who[] = {owner, keeper, reader, pruner, watcher, writer};
	for (size_t i = 0; i < 6; i++) {
		bool is_keeper = i < 2, is_own = who[i] == writer;
		assert_int_equal(hf_key_is_keeper(who[i]->kind, who[i]->rights), is_keeper);
		assert_int_equal(hf_domain_mark_for(who[i], &certs, theirs, &mark, NULL), is_keeper || is_own ? 0 : HF_E_KEY);
		assert_true(!(is_keeper || is_own) || mark == (is_own ? 0 : hf_domain_mark(theirs)));
	}
	assert_false(hf_key_is_keeper(HF_KEY_WRITE, ~0u));

	/* A repository of before may have domains that their marks don't tell apart. */
	for (size_t i = 0; i < certs.count; i++)
		if (hf_id_equal(&certs.certs[i].key, &reader->id))
			memcpy(certs.certs[i].domain.b, theirs->b, 4);
	assert_int_equal(hf_domain_mark_for(owner, &certs, theirs, &mark, NULL), HF_E_UNSUPPORTED);
	const struct hf_id none = {.b[5] = 1};
	assert_int_equal(hf_domain_mark_for(owner, &certs, &none, &mark, NULL), HF_E_UNSUPPORTED);
	hf_certs_free(&certs);
	hf_key_free(keeper);
	hf_key_free(pruner);
}

/* A certificate made by anyone else, in the owner's name or in their own, gives nothing. */
static void only_the_owner_certifies(void **state)
{
	(void)state;
	struct hf_store *copy = tampered(store, "-", NULL, NULL);
	struct hf_key *stranger = make(HF_KEY_READ, "stranger"), forger = *writer;
	assert_int_equal(hf_cert_put(copy, writer, stranger, NULL), 0);
	forger.id = owner->id; /* the owner's id, the writer's signature */
	struct hf_key *second = make(HF_KEY_READ, "second");
	assert_int_equal(hf_cert_put(copy, &forger, second, NULL), 0);
	struct hf_certs certs;
	assert_int_equal(hf_certs_load(copy, NULL, reader, &certs, NULL), 0);
	assert_int_equal(certs.count, 4);
	assert_int_equal(certs.set_aside, 2);
	assert_null(hf_certs_find(&certs, &stranger->id));
	assert_null(hf_certs_find(&certs, &second->id));
	hf_certs_free(&certs);
	hf_key_free(stranger);
	hf_key_free(second);
	hf_store_close(copy);
}

static void certificates_of_other_repositories_are_not_ours(void **state)
{
	(void)state;
	struct hf_key *other = NULL;
	struct hf_certs certs;
	assert_int_equal(hf_key_new_owner("other", &other, NULL), 0);
	assert_int_equal(hf_certs_load(store, NULL, other, &certs, NULL), 0);
	assert_int_equal(certs.count, 0);
	assert_int_equal(certs.set_aside, 4);
	hf_certs_free(&certs);
	hf_key_free(other);
}

static void damage_sets_aside_and_spares_the_rest(void **state)
{
	(void)state;
	struct hf_ref ref = {owner->id, writer->id};
	char name[HF_NAME_MAX];
	hf_object_name(HF_KIND_CERT, &ref, name);
	struct hf_object_info info;
	assert_int_equal(hf_store_stat(store, name, &info, NULL), 0);
	for (size_t bit = 0; bit < 8 * info.size; bit += 5) {
		struct hf_store *copy = tampered(store, name, tamper_flip, &bit);
		struct hf_certs certs;
		assert_int_equal(hf_certs_load(copy, NULL, reader, &certs, NULL), 0);
		assert_int_equal(certs.count, 3);
		assert_int_equal(certs.set_aside, 1);
		hf_certs_free(&certs);
		hf_store_close(copy);
	}
	for (size_t len = 0; len < info.size; len += 7) {
		struct hf_store *copy = tampered(store, name, tamper_cut, &len);
		struct hf_certs certs;
		assert_int_equal(hf_certs_load(copy, NULL, reader, &certs, NULL), 0);
		assert_int_equal(certs.count, 3);
		hf_certs_free(&certs);
		hf_store_close(copy);
	}
}

/* Where two keys share a domain, one damaged certificate does not lock it. */
static void a_shared_domain_opens_by_any_certificate(void **state)
{
	(void)state;
	struct hf_key *second = NULL;
	struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "second", .domain = &writer->domain};
	assert_int_equal(hf_key_new(owner, &options, &second, NULL), 0);
	struct hf_store *both = tampered(store, "-", NULL, NULL);
	assert_int_equal(hf_cert_put(both, owner, second, NULL), 0);
	struct hf_certs certs;
	assert_int_equal(hf_certs_load(both, NULL, reader, &certs, NULL), 0);
	const struct hf_key *damaged[] = {writer, second};
	for (size_t i = 0; i < 2; i++) {
		struct hf_ref ref = {owner->id, damaged[i]->id};
		char name[HF_NAME_MAX];
		size_t len = 100;
		struct hf_store *copy =
			tampered(both, hf_object_name(HF_KIND_CERT, &ref, name), tamper_cut, &len);
		struct hf_domain d;
		assert_int_equal(hf_domain_open(copy, reader, &certs, &writer->domain.id, &d, NULL), 0);
		assert_memory_equal(d.id_key, writer->domain.id_key, 32);
		hf_store_close(copy);
	}
	hf_certs_free(&certs);
	hf_store_close(both);
	hf_key_free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone_reads_who_is_who),
		cmocka_unit_test(domains_open_for_those_who_read),
		cmocka_unit_test(keepers_write_in_every_domain),
		cmocka_unit_test(only_the_owner_certifies),
		cmocka_unit_test(certificates_of_other_repositories_are_not_ours),
		cmocka_unit_test(damage_sets_aside_and_spares_the_rest),
		cmocka_unit_test(a_shared_domain_opens_by_any_certificate),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
