/* key_file.h and key_new.h: each kind holds what it should and nothing else, and comes back from its text as
 * it was; whatever does not agree with itself is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "repo/key_file.h"
#include "repo/key_new.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct hf_key *owner;

static int set_up(void **state)
{
	(void)state;
	return hf_key_new_owner("owner", &owner, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	hf_key_free(owner);
	return 0;
}

static struct hf_key *make(enum hf_key_kind kind, const char *name, bool maintain)
{
	struct hf_key *key = NULL;
	struct hf_error err = {0};
	struct hf_key_options options = {.kind = kind, .name = name, .maintain = maintain};
	if (hf_key_new(owner, &options, &key, &err) < 0)
		fail_msg("%s", err.msg);
	return key;
}

static void assert_same(const struct hf_key *a, const struct hf_key *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->rights, b->rights);
	assert_string_equal(a->name, b->name);
	assert_memory_equal(&a->repository, &b->repository, sizeof(a->repository));
	assert_memory_equal(&a->id, &b->id, sizeof(a->id));
	assert_memory_equal(&a->owner_id, &b->owner_id, sizeof(a->owner_id));
	assert_memory_equal(a->owner_public, b->owner_public, 32);
	assert_memory_equal(a->sign_secret, b->sign_secret, 32);
	assert_memory_equal(a->sign_public, b->sign_public, 32);
	assert_int_equal(a->has_domain, b->has_domain);
	assert_memory_equal(&a->domain, &b->domain, sizeof(a->domain));
	assert_int_equal(a->epoch_count, b->epoch_count);
	assert_memory_equal(a->epochs, b->epochs, a->epoch_count * sizeof(*a->epochs));
}

/* Every line of REPOSITORY's table of keys: which secrets, which rights. */
static void kinds_hold_what_they_should(void **state)
{
	(void)state;
	static const struct {
		enum hf_key_kind kind;
		bool maintain, data, catalogue, domain;
		unsigned rights;
	} kinds[] = {
		{HF_KEY_WRITE, false, false, false, true, HF_RIGHT_BACKUP},
		{HF_KEY_STATUS, false, false, true, false, 0},
		{HF_KEY_MAINTAIN, false, false, true, false, HF_RIGHT_MAINTAIN},
		{HF_KEY_READ, false, true, true, true, HF_RIGHT_BACKUP | HF_RIGHT_PROVE},
		{HF_KEY_READ, true, true, true, true, HF_RIGHT_BACKUP | HF_RIGHT_PROVE | HF_RIGHT_MAINTAIN},
	};
	static const uint8_t none[32];
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct hf_key *key = make(kinds[i].kind, "some key", kinds[i].maintain);
		const struct hf_epoch *e = hf_key_newest_epoch(key);
		assert_int_equal(key->rights, kinds[i].rights);
		assert_int_equal(e->has_data_secret, kinds[i].data);
		assert_int_equal(e->has_catalogue_secret, kinds[i].catalogue);
		if (!kinds[i].data)
			assert_memory_equal(e->data_secret, none, 32);
		if (!kinds[i].catalogue)
			assert_memory_equal(e->catalogue_secret, none, 32);
		assert_int_equal(key->has_domain, kinds[i].domain);
		assert_memory_equal(e->data_public, owner->epochs[0].data_public, 32);
		assert_memory_equal(key->owner_public, owner->sign_public, 32);
		assert_memory_not_equal(key->sign_secret, owner->sign_secret, 32);
		hf_key_free(key);
	}
}

static void text_holds_only_the_secrets_of_its_kind(void **state)
{
	(void)state;
	struct hf_key *key = make(HF_KEY_WRITE, "host", false);
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	assert_int_equal(hf_key_print(key, &text, NULL), 0);
	assert_null(strstr(hf_buf_cstr(&text), "data_secret"));
	assert_null(strstr(hf_buf_cstr(&text), "catalogue_secret"));
	hf_key_free(key);
}

static void every_kind_comes_back(void **state)
{
	(void)state;
	static const enum hf_key_kind kinds[] = {HF_KEY_READ, HF_KEY_WRITE, HF_KEY_MAINTAIN, HF_KEY_STATUS};
	for (size_t i = 0; i <= sizeof(kinds) / sizeof(*kinds); i++) {
		struct hf_key *key = i ? make(kinds[i - 1], "Schlüssel \"eins\"", false) : owner,
			      *back = NULL;
		HF_BUF_AUTO text = HF_BUF(1 << 20);
		assert_int_equal(hf_key_print(key, &text, NULL), 0);
		assert_int_equal(hf_key_parse(text.data, text.len, &back, NULL), 0);
		assert_same(key, back);
		hf_key_free(back);
		if (i)
			hf_key_free(key);
	}
}

static void domains_are_own_unless_joined(void **state)
{
	(void)state;
	struct hf_key *a = make(HF_KEY_WRITE, "a", false), *b = make(HF_KEY_WRITE, "b", false), *c = NULL;
	assert_memory_not_equal(&a->domain.id, &b->domain.id, sizeof(a->domain.id));
	assert_memory_not_equal(a->domain.id_key, b->domain.id_key, 32);
	assert_memory_not_equal(a->domain.id_key, owner->domain.id_key, 32);
	assert_string_equal(a->domain.name, "a");
	assert_string_equal(owner->domain.name, "default");
	struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "c", .domain = &a->domain};
	assert_int_equal(hf_key_new(owner, &options, &c, NULL), 0);
	assert_memory_equal(&a->domain, &c->domain, sizeof(a->domain));
	hf_key_free(a);
	hf_key_free(b);
	hf_key_free(c);
}

static void only_the_owner_makes_keys(void **state)
{
	(void)state;
	struct hf_key *reader = make(HF_KEY_READ, "reader", true), *key = NULL;
	struct hf_error err = {0};
	struct hf_key_options options = {.kind = HF_KEY_WRITE, .name = "x"};
	assert_int_equal(hf_key_new(reader, &options, &key, &err), HF_E_KEY);
	options.kind = HF_KEY_OWNER;
	assert_int_equal(hf_key_new(owner, &options, &key, &err), HF_E_USAGE);
	options = (struct hf_key_options){.kind = HF_KEY_WRITE, .name = "x", .maintain = true};
	assert_int_equal(hf_key_new(owner, &options, &key, &err), HF_E_USAGE);
	static const char *const names[] = {"", "a\nb", "\x7f", "\xff",
		"0123456789012345678901234567890123456789012345678901234567890123"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		options = (struct hf_key_options){.kind = HF_KEY_WRITE, .name = names[i]};
		assert_int_equal(hf_key_new(owner, &options, &key, &err), HF_E_USAGE);
	}
	hf_key_free(reader);
}

/* Sets (or with NULL removes) the member at a path like "epochs.0.data_secret", and tries to read the key. */
static int parse_changed(const struct hf_key *key, const char *path, const char *value, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	HF_JSON_AUTO *j = NULL;
	char steps[128], *save = NULL;
	assert_int_equal(hf_key_print(key, &text, NULL), 0);
	assert_int_equal(hf_json_parse(text.data, text.len, &j, NULL), 0);
	json_t *at = j;
	snprintf(steps, sizeof(steps), "%s", path);
	char *step = strtok_r(steps, ".", &save), *next;
	while ((next = strtok_r(NULL, ".", &save))) {
		at = json_is_array(at) ? json_array_get(at, (size_t)atoi(step)) : json_object_get(at, step);
		step = next;
	}
	json_t *v = value ? json_loads(value, JSON_DECODE_ANY, NULL) : NULL;
	if (v)
		json_object_set_new(at, step, v);
	else
		json_object_del(at, step);
	char *changed = hf_json_text(j);
	struct hf_key *back = NULL;
	int r = hf_key_parse(changed, strlen(changed), &back, err);
	hf_key_free(back);
	free(changed);
	return r;
}

static void what_does_not_agree_is_refused(void **state)
{
	(void)state;
	static const char zeros[] = "\"0000000000000000000000000000000000000000000000000000000000000000\"";
	static const struct {
		const char *path, *value;
		int code;
	} changes[] = {
		{"holdfast_key", "2", HF_E_UNSUPPORTED},
		{"holdfast_key", NULL, HF_E_KEY},
		{"kind", "\"king\"", HF_E_KEY},
		{"kind", "\"write\"", HF_E_KEY}, /* it holds more than a write key */
		{"kind", "\"owner\"", HF_E_KEY},
		{"id", "\"12\"", HF_E_KEY},
		{"id", NULL, HF_E_KEY},
		{"name", "\"\"", HF_E_KEY},
		{"name", "\"a\\u0000b\"", HF_E_KEY},
		{"rights", "7", HF_E_KEY},
		{"owner_public", NULL, HF_E_KEY},
		{"sign_secret", zeros, HF_E_KEY},
		{"sign_public", zeros, HF_E_KEY},
		{"domain", "null", HF_E_KEY}, /* nowhere to write, and the right to */
		{"domain", "5", HF_E_KEY},
		{"domain.id_key", NULL, HF_E_KEY},
		{"domain.cut_key", "\"xy\"", HF_E_KEY},
		{"epochs", "[]", HF_E_KEY},
		{"epochs", NULL, HF_E_KEY},
		{"epochs", "[1]", HF_E_KEY},
		{"epochs.0.epoch", "-1", HF_E_KEY},
		{"epochs.0.epoch", "4294967296", HF_E_KEY},
		{"epochs.0.data_secret", NULL, HF_E_KEY},
		{"epochs.0.data_secret", zeros, HF_E_KEY},
		{"epochs.0.data_public", zeros, HF_E_KEY},
		{"epochs.0.catalogue_secret", zeros, HF_E_KEY},
	};
	struct hf_key *key = make(HF_KEY_READ, "reader", false);
	struct hf_error err = {0};
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		int r = parse_changed(key, changes[i].path, changes[i].value, &err);
		if (r != changes[i].code || err.code != r)
			fail_msg("%s = %s: %d", changes[i].path, changes[i].value, r);
	}
	assert_int_equal(parse_changed(key, "of_later", "[1,2]", &err), 0);
	hf_key_free(key);
}

/* A truncated file, at every length, and one bit wrong, at every place: never a crash. */
static void damaged_text_is_survived(void **state)
{
	(void)state;
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	assert_int_equal(hf_key_print(owner, &text, NULL), 0);
	for (size_t len = 0; len < text.len - 1; len++) {
		struct hf_key *back = NULL;
		assert_int_equal(hf_key_parse(text.data, len, &back, NULL), HF_E_KEY);
	}
	for (size_t i = 0; i < text.len; i++) {
		struct hf_key *back = NULL;
		text.data[i] ^= 1;
		if (hf_key_parse(text.data, text.len, &back, NULL) == 0)
			hf_key_free(back);
		text.data[i] ^= 1;
	}
}

static void files_are_private_and_never_replaced(void **state)
{
	(void)state;
	char *dir = NULL, path[300];
	struct stat st;
	struct hf_key *key = make(HF_KEY_READ, "reader", false), *back = NULL;
	struct hf_error err = {0};
	assert_int_equal(hf_scratch_make("/tmp", "test-key", &dir, NULL), 0);
	snprintf(path, sizeof(path), "%s/reader.key", dir);
	assert_int_equal(hf_key_file_read(path, &back, &err), HF_E_KEY);
	assert_int_equal(hf_key_file_write(path, key, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(hf_key_file_write(path, owner, &err), HF_E_EXISTS);
	assert_int_equal(hf_key_file_read(path, &back, &err), 0);
	assert_same(key, back);
	hf_key_free(back);
	assert_int_equal(hf_remove_tree(AT_FDCWD, dir, NULL), 0);
	free(dir);
	hf_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_hold_what_they_should),
		cmocka_unit_test(text_holds_only_the_secrets_of_its_kind),
		cmocka_unit_test(every_kind_comes_back),
		cmocka_unit_test(domains_are_own_unless_joined),
		cmocka_unit_test(only_the_owner_makes_keys),
		cmocka_unit_test(what_does_not_agree_is_refused),
		cmocka_unit_test(damaged_text_is_survived),
		cmocka_unit_test(files_are_private_and_never_replaced),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
