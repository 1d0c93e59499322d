/* key_slot.h: the passphrase opens the owner's key, another one doesn't, and damage or malice in the store is
 * survived. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/key_file.h"
#include "repo/key_new.h"
#include "repo/key_slot.h"
#include "repo/object.h"
#include "tamper.h"

#include <stdio.h>
#include <string.h>

static const struct hf_scrypt_cost cheap = {4, 1, 1}; /* what it costs is tested with the KDF */
static struct hf_key *owner;
static struct hf_store *store;
static struct hf_ref first, second;

static struct iovec text(const char *s)
{
	return (struct iovec){(void *)(uintptr_t)s, strlen(s)};
}

static void add(struct hf_store *to, const char *name, const char *passphrase, struct hf_ref *ref)
{
	struct hf_slot_options options = {.name = name, .passphrase = text(passphrase), .cost = cheap};
	struct hf_error err = {0};
	ref->writer = owner->id;
	if (hf_slot_put(to, owner, &options, &ref->id, &err) < 0)
		fail_msg("%s", err.msg);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hf_key_new_owner("owner", &owner, NULL), 0);
	assert_int_equal(hf_store_open_memory(&store, NULL), 0);
	add(store, "first", "correct horse", &first);
	add(store, "second", "battery staple", &second);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_store_close(store);
	hf_key_free(owner);
	return 0;
}

static int unlock(struct hf_store *s, const char *passphrase, struct hf_error *err)
{
	struct hf_key *key = NULL;
	int r = hf_slots_unlock(s, text(passphrase), &key, err);
	if (r == 0) {
		assert_memory_equal(&key->id, &owner->id, sizeof(key->id));
		assert_memory_equal(key->sign_secret, owner->sign_secret, 32);
		assert_memory_equal(key->epochs, owner->epochs, sizeof(*key->epochs));
	}
	hf_key_free(key);
	return r;
}

static void each_passphrase_opens(void **state)
{
	(void)state;
	assert_int_equal(unlock(store, "correct horse", NULL), 0);
	assert_int_equal(unlock(store, "battery staple", NULL), 0);
}

static void no_other_does(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"", "correct hors", "correct horse ", "Correct horse", "battery staples"};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct hf_error err = {0};
		assert_int_equal(unlock(store, wrong[i], &err), HF_E_KEY);
		assert_int_equal(err.code, HF_E_KEY);
		assert_non_null(strstr(err.msg, "wrong passphrase"));
	}
}

static void without_slots_there_is_no_repository(void **state)
{
	(void)state;
	struct hf_store *none = tampered(store, "slot/", NULL, NULL);
	struct hf_error err = {0};
	assert_int_equal(unlock(none, "correct horse", &err), HF_E_NOREPO);
	hf_store_close(none);
}

static void slots_are_listed(void **state)
{
	(void)state;
	struct hf_slots slots;
	assert_int_equal(hf_slots_load(store, owner, &slots, NULL), 0);
	assert_int_equal(slots.count, 2);
	assert_int_equal(slots.set_aside, 0);
	for (size_t i = 0; i < 2; i++) {
		bool is_first = hf_ref_equal(&slots.slots[i].ref, &first);
		assert_string_equal(slots.slots[i].name, is_first ? "first" : "second");
		assert_int_equal(slots.slots[i].cost.log2_n, cheap.log2_n);
		assert_true(slots.slots[i].created > 0);
	}
	assert_memory_not_equal(slots.slots[0].salt, slots.slots[1].salt, 32);
	hf_slots_free(&slots);
}

static void only_the_owner_is_put_in_slots(void **state)
{
	(void)state;
	struct hf_key *reader = NULL;
	struct hf_key_options options = {.kind = HF_KEY_READ, .name = "reader"};
	assert_int_equal(hf_key_new(owner, &options, &reader, NULL), 0);
	struct hf_slot_options slot = {.name = "x", .passphrase = text("y"), .cost = cheap};
	assert_int_equal(hf_slot_put(store, reader, &slot, NULL, NULL), HF_E_KEY);
	slot.passphrase.iov_len = 0;
	assert_int_equal(hf_slot_put(store, owner, &slot, NULL, NULL), HF_E_USAGE);
	slot = (struct hf_slot_options){.name = "", .passphrase = text("y"), .cost = cheap};
	assert_int_equal(hf_slot_put(store, owner, &slot, NULL, NULL), HF_E_USAGE);
	slot = (struct hf_slot_options){.name = "x", .passphrase = text("y"), .cost = {20, 8, 1}};
	assert_int_equal(hf_slot_put(store, owner, &slot, NULL, NULL), HF_E_CORRUPT);
	hf_key_free(reader);
}

/* Whatever happens to one slot, the other opens; and alone, no change of it opens anything. */
static void damage_is_survived(void **state)
{
	(void)state;
	char one[HF_NAME_MAX], other[HF_NAME_MAX];
	hf_object_name(HF_KIND_SLOT, &first, one);
	hf_object_name(HF_KIND_SLOT, &second, other);
	struct hf_store *alone = tampered(store, other, NULL, NULL);
	struct hf_object_info info;
	assert_int_equal(hf_store_stat(store, one, &info, NULL), 0);
	for (size_t bit = 0; bit < 8 * info.size; bit += 13) {
		struct hf_store *copy = tampered(store, one, tamper_flip, &bit);
		assert_int_equal(unlock(copy, "battery staple", NULL), 0);
		hf_store_close(copy);
		copy = tampered(alone, one, tamper_flip, &bit);
		assert_true(unlock(copy, "correct horse", NULL) < 0);
		struct hf_slots slots;
		assert_int_equal(hf_slots_load(copy, owner, &slots, NULL), 0);
		assert_int_equal(slots.count, 0);
		assert_int_equal(slots.set_aside, 1);
		hf_slots_free(&slots);
		hf_store_close(copy);
	}
	for (size_t len = 0; len < info.size; len += 97) {
		struct hf_store *copy = tampered(alone, one, tamper_cut, &len);
		struct hf_error err = {0};
		assert_true(unlock(copy, "correct horse", &err) < 0);
		hf_store_close(copy);
	}
	hf_store_close(alone);
}

/* The clear part of a slot with a salt of zeros. */
static json_t *clear_of(const char *cost)
{
	char clear[400];
	snprintf(clear, sizeof(clear),
		"{\"type\":\"passphrase\",\"name\":\"x\",\"kdf\":\"scrypt\",%s,\"salt\":\"%064d\","
		"\"created\":\"2026-01-01T00:00:00Z\"}",
		cost, 0);
	json_t *j = json_loads(clear, 0, NULL);
	assert_non_null(j);
	return j;
}

/* Puts a slot with that key inside, which `passphrase` opens at the cost `cheap`, signed by whoever wants. */
static void put_raw(
	struct hf_store *to, const struct hf_key *signer, const struct hf_key *inside, const char *cost)
{
	HF_JSON_AUTO *clear = clear_of(cost);
	HF_BUF_AUTO plain = HF_BUF(1 << 20);
	uint8_t secret[32], salt[32] = {0};
	assert_int_equal(hf_key_print(inside, &plain, NULL), 0);
	assert_int_equal(
		hf_scrypt(text("correct horse"), (struct iovec){salt, sizeof(salt)}, &cheap, secret, NULL),
		0);
	struct hf_object_new o = {.kind = HF_KIND_SLOT,
		.form = HF_FORM_SLOT,
		.key = signer,
		.id = hf_id_new(),
		.clear = clear,
		.body = plain.data,
		.body_len = plain.len,
		.slot_secret = secret};
	assert_int_equal(hf_object_put(to, &o, NULL, NULL), 0);
}

/* A slot that asks for a terabyte or an hour is passed over before any work, and the others still open. */
static void absurd_costs_are_passed_over(void **state)
{
	(void)state;
	static const char *const costs[] = {"\"log2n\":40,\"r\":8,\"p\":1", "\"log2n\":20,\"r\":16,\"p\":16",
		"\"log2n\":16,\"r\":8,\"p\":1000000", "\"log2n\":-1,\"r\":8,\"p\":1",
		"\"log2n\":16,\"r\":9223372036854775807,\"p\":1", "\"log2n\":\"16\",\"r\":8,\"p\":1"};
	struct hf_store *copy = tampered(store, "-", NULL, NULL);
	for (size_t i = 0; i < sizeof(costs) / sizeof(*costs); i++)
		put_raw(copy, owner, owner, costs[i]);
	assert_int_equal(unlock(copy, "correct horse", NULL), 0);
	struct hf_slots slots;
	assert_int_equal(hf_slots_load(copy, owner, &slots, NULL), 0);
	assert_int_equal(slots.count, 2);
	assert_int_equal(slots.set_aside, sizeof(costs) / sizeof(*costs));
	hf_slots_free(&slots);
	struct hf_error err = {0};
	assert_int_equal(unlock(copy, "wrong", &err), HF_E_KEY);
	assert_non_null(strstr(err.msg, "damaged"));
	hf_store_close(copy);
}

/* What is found inside must be the owner that the slot names, and have signed it. */
static void the_key_inside_must_have_signed(void **state)
{
	(void)state;
	static const char cost[] = "\"log2n\":4,\"r\":1,\"p\":1";
	struct hf_key *other = NULL, liar, *reader = NULL;
	struct hf_key_options options = {.kind = HF_KEY_READ, .name = "reader"};
	assert_int_equal(hf_key_new_owner("other", &other, NULL), 0);
	assert_int_equal(hf_key_new(owner, &options, &reader, NULL), 0);
	liar = *owner; /* names our repository and owner, and signs with another's secret */
	memcpy(liar.sign_secret, other->sign_secret, 32);
	const struct {
		const struct hf_key *signer, *inside;
		int code;
	} cases[] = {{owner, owner, 0}, {&liar, owner, HF_E_CORRUPT}, {owner, other, HF_E_CORRUPT},
		{other, owner, HF_E_CORRUPT}, {owner, reader, HF_E_CORRUPT}, {owner, &liar, HF_E_CORRUPT}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct hf_store *copy;
		struct hf_error err = {0};
		assert_int_equal(hf_store_open_memory(&copy, NULL), 0);
		put_raw(copy, cases[i].signer, cases[i].inside, cost);
		assert_int_equal(unlock(copy, "correct horse", &err), cases[i].code);
		hf_store_close(copy);
	}
	hf_key_free(other);
	hf_key_free(reader);
}

static void a_flood_of_slots_is_refused(void **state)
{
	(void)state;
	struct hf_store *copy;
	assert_int_equal(hf_store_open_memory(&copy, NULL), 0);
	for (int i = 0; i <= HF_SLOTS_MAX; i++) {
		struct hf_ref ref;
		add(copy, "flood", "something", &ref);
	}
	struct hf_error err = {0};
	assert_int_equal(unlock(copy, "else", &err), HF_E_CORRUPT);
	assert_non_null(strstr(err.msg, "more than 64 slots"));
	hf_store_close(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_passphrase_opens),
		cmocka_unit_test(no_other_does),
		cmocka_unit_test(without_slots_there_is_no_repository),
		cmocka_unit_test(slots_are_listed),
		cmocka_unit_test(only_the_owner_is_put_in_slots),
		cmocka_unit_test(damage_is_survived),
		cmocka_unit_test(absurd_costs_are_passed_over),
		cmocka_unit_test(the_key_inside_must_have_signed),
		cmocka_unit_test(a_flood_of_slots_is_refused),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
