/*
 * prune.h beside another prune: what that one deletes between its being listed here and its being read is no damage, and a list that
 * is not of one moment no loss. A store that calls a hook before it answers stands for the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../repo/place.h"

#include "base/file.h"
#include "ops/backup.h"
#include "ops/prune.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *dir;
static struct hf_repository *repo;

/* --- the store ------------------------------------------------------------------------------------------------------ */

struct hooked {
	struct hf_store base;
	struct hf_store *inner;
	const char *prefix; /* of names that are asked for: before one is answered, once, */
	void (*hook)(const char *name);
	unsigned hidden; /* so many times the first of a list of entries is left out */
};
static struct hooked store;

static void call_hook(const char *name)
{
	if (!store.prefix || strncmp(name, store.prefix, strlen(store.prefix)) != 0)
		return;
	store.prefix = NULL;
	store.hook(name);
}

static int put(struct hf_store *s, const char *name, const struct iovec *parts, int count, struct hf_error *err)
{
	(void)s;
	return hf_store_put(store.inner, name, parts, count, err);
}

static int get(struct hf_store *s, const char *name, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	(void)s;
	call_hook(name);
	return hf_store_get(store.inner, name, offset, out, len, err);
}

static int get_all(struct hf_store *s, const char *name, struct hf_buf *out, struct hf_error *err)
{
	(void)s;
	call_hook(name);
	return hf_store_get_all(store.inner, name, out, err);
}

static int look_at(struct hf_store *s, const char *name, struct hf_object_info *info, struct hf_error *err)
{
	(void)s;
	call_hook(name);
	return hf_store_stat(store.inner, name, info, err);
}

struct hiding {
	hf_store_each *each;
	void *user;
	bool hides;
};

static int give(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hiding *h = user;
	bool hidden = h->hides;
	h->hides = false;
	return hidden ? 0 : h->each(info, h->user, err);
}

static int list(struct hf_store *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct hiding h = {each, user, store.hidden && strcmp(prefix, "entry/") == 0};
	(void)s;
	store.hidden -= h.hides;
	return hf_store_list(store.inner, prefix, give, &h, err);
}

static int erase(struct hf_store *s, const char *name, struct hf_error *err)
{
	struct hf_eraser eraser = {store.inner};
	(void)s;
	return hf_eraser_erase(&eraser, name, err);
}

static void close_store(struct hf_store *s)
{
	(void)s;
	hf_store_close(store.inner);
}

static const struct hf_store_ops ops = {
	.put = put, .get = get, .get_all = get_all, .stat = look_at, .list = list, .erase = erase, .close = close_store};

static void erase_it(const char *name)
{
	struct hf_eraser eraser = {store.inner};
	assert_int_equal(hf_eraser_erase(&eraser, name, NULL), 0);
}

/* --- what both do --------------------------------------------------------------------------------------------------- */

static struct hf_ref back_up(void)
{
	char tree[256];
	snprintf(tree, sizeof(tree), "%s/tree", dir);
	const struct hf_source_spec source = {.kind = "volume", .name = "tree", .location = tree, .scratch = "/tmp"};
	const struct hf_backup_options options = {.repo = repo, .sources = &source, .source_count = 1, .scratch = "/tmp"};
	struct hf_backup_result result;
	struct hf_error err = {0};
	if (hf_backup(&options, &result, &err) < 0)
		fail_msg("%s", err.msg);
	const struct hf_ref ref = result.snapshot;
	hf_backup_result_free(&result);
	return ref;
}

/* Prunes, and returns the number of problems. */
static size_t prune(void)
{
	const struct hf_prune_options options = {.repo = repo, .scratch = "/tmp", .has_grace = true};
	struct hf_prune_result result;
	struct hf_error err = {0};
	if (hf_prune(&options, &result, &err) < 0)
		fail_msg("%s", err.msg);
	size_t problems = json_array_size(result.problems);
	hf_prune_result_free(&result);
	return problems;
}

static struct hf_ref parse(const char *name)
{
	enum hf_kind kind;
	struct hf_ref ref;
	assert_true(hf_object_name_parse(name, &kind, &ref));
	return ref;
}

static void forget_and_erase(const char *name)
{
	const struct hf_ref ref = parse(name);
	struct hf_catalogue c;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	assert_int_equal(hf_catalogue_forget(&c, &ref, 1, "test", NULL), 0);
	hf_catalogue_free(&c);
	erase_it(name);
}

/* --- the tests ------------------------------------------------------------------------------------------------------ */

static void test_a_snapshot_that_is_deleted_meanwhile(void **state)
{
	(void)state;
	back_up();
	back_up();
	store.prefix = "snapshot/";
	store.hook = forget_and_erase;
	assert_int_equal(prune(), 0);
	assert_null(store.prefix); /* it was called */
	assert_int_equal(prune(), 0);
}

static void test_a_snapshot_that_is_gone_for_no_reason(void **state)
{
	(void)state;
	back_up();
	store.prefix = "snapshot/";
	store.hook = erase_it;
	assert_int_equal(prune(), 1); /* no one said that it is to be forgotten */
	assert_null(store.prefix);
}

static void test_an_index_segment_that_is_deleted_meanwhile(void **state)
{
	(void)state;
	back_up();
	store.prefix = "index/";
	store.hook = erase_it;
	assert_int_equal(prune(), 0);
	assert_null(store.prefix);
}

/* Between the list of entries and that of snapshots. */
static void forget_first(const char *name)
{
	struct hf_catalogue c;
	(void)name;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	const struct hf_ref ref = c.points[0].ref;
	char object[HF_NAME_MAX];
	assert_int_equal(hf_catalogue_forget(&c, &ref, 1, "test", NULL), 0);
	hf_catalogue_free(&c);
	erase_it(hf_object_name(HF_KIND_SNAPSHOT, &ref, object));
}

static void test_a_snapshot_that_is_not_listed_any_more(void **state)
{
	(void)state;
	back_up();
	back_up();
	store.prefix = "entry/"; /* one is read once all were listed */
	store.hook = forget_first;
	struct hf_catalogue c;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	assert_null(store.prefix);
	assert_int_equal(c.problem_count, 0);
	assert_int_equal(c.point_count, 1);
	hf_catalogue_free(&c);
}

static void erase_head(const char *name)
{
	struct hf_catalogue c;
	(void)name;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	char object[HF_NAME_MAX];
	erase_it(hf_object_name(HF_KIND_ENTRY, &c.entries[c.entry_count - 1].ref, object));
	hf_catalogue_free(&c);
}

/* As when a prune deletes what a checkpoint replaced. */
static void test_an_entry_that_is_deleted_meanwhile(void **state)
{
	(void)state;
	const struct hf_new_evidence last = {.what = "verify", .ok = true};
	struct hf_catalogue c;
	back_up();
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	assert_int_equal(hf_catalogue_evidence(&c, &last, NULL, NULL), 0);
	hf_catalogue_free(&c);
	store.prefix = "entry/";
	store.hook = erase_head;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	assert_null(store.prefix);
	assert_int_equal(c.entry_count, 1);
	assert_int_equal(c.problem_count + c.damaged + c.vanished, 0);
	hf_catalogue_free(&c);
}

static void test_a_clock_that_is_tidied_away(void **state)
{
	(void)state;
	back_up();
	store.prefix = "condemned/";
	store.hook = erase_it;
	assert_int_equal(prune(), 0);
	assert_null(store.prefix);
}

static void test_a_list_of_entries_that_lacks_one(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		back_up();
	store.hidden = 1;
	assert_int_equal(prune(), 0);
	assert_int_equal(store.hidden, 0);
	/* Four have one head: it may be that one which is left out, and then nothing lacks. */
	struct hf_catalogue c;
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	struct hf_ref first = c.entries[0].ref;
	hf_catalogue_free(&c);
	char name[HF_NAME_MAX];
	erase_it(hf_object_name(HF_KIND_ENTRY, &first, name));
	assert_int_equal(prune(), 1);
}

/* --- set up --------------------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	const struct iovec text = {(void *)(uintptr_t) "some text", 9};
	const struct hf_file_options fresh = {.fresh = true};
	store = (struct hooked){.base = {.ops = &ops}};
	if (hf_scratch_make("/tmp", "hf-prune", &dir, NULL) < 0)
		return -1;
	HF_FD_AUTO fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hf_mkdirs(fd, "tree", 0700, NULL) < 0 || hf_file_write(fd, "tree/file", &text, 1, &fresh, NULL) < 0 ||
		hf_store_open_memory(&store.inner, NULL) < 0)
		return -1;
	repo = place_on(&store.base);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_repository_close(repo);
	int r = hf_remove_tree(AT_FDCWD, dir, NULL);
	free(dir);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_snapshot_that_is_deleted_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_snapshot_that_is_gone_for_no_reason, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_snapshot_that_is_not_listed_any_more, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_index_segment_that_is_deleted_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_entry_that_is_deleted_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_clock_that_is_tidied_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_list_of_entries_that_lacks_one, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
