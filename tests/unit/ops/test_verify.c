/* verify.h, what only someone who can sign could bring about: a snapshot that does not list a pack that it needs, which a
 * prune would then take away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../repo/place.h"

#include "base/file.h"
#include "ops/backup.h"
#include "ops/verify_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 3000 }; /* so many that the manifest has several leaves */

static char *dir;
static struct hf_repository *repo;

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

/* Commits a copy of the snapshot that lists no packs. */
static void commit_without_packs(const struct hf_ref *ref)
{
	struct hf_snapshot s;
	struct hf_catalogue c;
	struct hf_error err = {0};
	assert_int_equal(hf_snapshot_get(repo, ref, HF_SNAPSHOT_WHOLE, &s, &err), 0);
	s.pack_count = 0;
	assert_int_equal(hf_snapshot_put(repo, &s, &err), 0);
	assert_int_equal(hf_catalogue_load(repo, &(struct hf_catalogue_options){0}, &c, &err), 0);
	const struct hf_new_commit commit = {.snapshot = s.ref, .run = s.run};
	assert_int_equal(hf_catalogue_commit(&c, &commit, NULL, &err), 0);
	hf_catalogue_free(&c);
	hf_snapshot_free(&s);
}

static struct hf_verify_result verify(void)
{
	const struct hf_verify_options options = {.repo = repo};
	struct hf_verify_result result;
	struct hf_error err = {0};
	if (hf_verify_repository(&options, &result, &err) < 0)
		fail_msg("%s", err.msg);
	return result;
}

static void test_snapshots_alike_are_whole(void **state)
{
	(void)state;
	back_up();
	back_up();
	struct hf_verify_result result = verify();
	assert_true(result.ok);
	hf_verify_result_free(&result);
}

static void test_a_pack_that_is_not_listed(void **state)
{
	(void)state;
	const struct hf_ref ref = back_up();
	commit_without_packs(&ref); /* of a manifest that the first one proved */
	struct hf_verify_result result = verify();
	assert_false(result.ok);
	assert_int_equal(result.damaged_count, 1);
	assert_non_null(strstr(result.damaged[0].object, "pack/"));
	assert_non_null(strstr(result.damaged[0].error, "does not list"));
	assert_int_equal(result.damaged[0].snapshot_count, 1);
	assert_memory_not_equal(&result.damaged[0].snapshots[0], &ref.id, sizeof(ref.id));
	hf_verify_result_free(&result);
}

static int write_file(int dir_fd, const char *name, const char *content)
{
	const struct iovec text = {(void *)(uintptr_t)content, strlen(content)};
	const struct hf_file_options fresh = {.fresh = true};
	return hf_file_write(dir_fd, name, &text, 1, &fresh, NULL);
}

/* Leaves that both have are looked into for the first; that the second one does not list their packs is seen all the same. */
static void test_what_snapshots_share(void **state)
{
	(void)state;
	HF_FD_AUTO fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[64];
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "tree/%d", i);
		assert_int_equal(write_file(fd, name, name), 0);
	}
	back_up();
	assert_int_equal(write_file(fd, "tree/zzz", "one more"), 0);
	const struct hf_ref ref = back_up();
	struct hf_verify_result result = verify();
	assert_true(result.ok);
	hf_verify_result_free(&result);
	commit_without_packs(&ref);
	result = verify();
	assert_false(result.ok);
	assert_int_equal(result.damaged_count, 2); /* the packs of both backups */
	for (size_t i = 0; i < result.damaged_count; i++) {
		assert_int_equal(result.damaged[i].snapshot_count, 1);
		assert_memory_not_equal(&result.damaged[i].snapshots[0], &ref.id, sizeof(ref.id));
	}
	hf_verify_result_free(&result);
}

static void test_what_is_known(void **state)
{
	(void)state;
	static const struct hf_access here, elsewhere;
	struct hf_verify_known *known = hf_verify_known_new();
	struct hf_verify_packs used, listed, more;
	HF_BUF_AUTO last = HF_BUF(16), found = HF_BUF(16);
	const struct hf_manifest_child node = {.id.b = {1, 2, 3}, .len = 10, .entries = 3, .path = "a", .path_len = 1};
	struct hf_manifest_child other = node;
	assert_non_null(known);
	assert_int_equal(hf_verify_packs_new(&used, 20, NULL), 0);
	assert_int_equal(hf_verify_packs_new(&listed, 20, NULL), 0);
	assert_int_equal(hf_verify_packs_new(&more, 20, NULL), 0);
	hf_verify_packs_add(&used, 3);
	hf_verify_packs_add(&used, 19);
	hf_verify_packs_add(&used, 3);
	assert_int_equal(used.count, 2);
	hf_buf_str(&last, "k");
	hf_verify_packs_add(&listed, 3);
	assert_false(hf_verify_known_find(known, &here, &node, &listed, NULL, NULL));
	hf_verify_known_note(known, &here, &node, &used, &last);
	assert_false(hf_verify_known_find(known, &here, &node, &listed, &more, &found)); /* a pack is not listed */
	assert_true(more.count == 0 && found.len == 0);
	hf_verify_packs_add(&listed, 19);
	assert_true(hf_verify_known_find(known, &here, &node, &listed, &more, &found));
	assert_true(hf_verify_packs_has(&more, 3) && hf_verify_packs_has(&more, 19) && more.count == 2);
	assert_true(found.len == 1 && found.data[0] == 'k');
	assert_false(hf_verify_known_find(known, &elsewhere, &node, &listed, NULL, NULL));
	other.entries = 4; /* its parent says something else of it */
	assert_false(hf_verify_known_find(known, &here, &other, &listed, NULL, NULL));
	other.entries = 3;
	other.path = "b";
	assert_false(hf_verify_known_find(known, &here, &other, &listed, NULL, NULL));
	other = node;
	other.id.b[15] = 1; /* which takes its place */
	hf_verify_known_note(known, &here, &other, &used, &last);
	assert_true(hf_verify_known_find(known, &here, &other, &listed, NULL, NULL));
	assert_false(hf_verify_known_find(known, &here, &node, &listed, NULL, NULL));
	hf_verify_packs_clear(&used);
	assert_true(used.count == 0 && !hf_verify_packs_has(&used, 3) && !hf_verify_packs_has(&used, 19));
	hf_verify_packs_free(&used);
	hf_verify_packs_free(&listed);
	hf_verify_packs_free(&more);
	hf_verify_known_free(known);
}

static int set_up(void **state)
{
	(void)state;
	if (hf_scratch_make("/tmp", "hf-verify", &dir, NULL) < 0)
		return -1;
	HF_FD_AUTO fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hf_mkdirs(fd, "tree", 0700, NULL) < 0 || write_file(fd, "tree/file", "some text") < 0)
		return -1;
	repo = place_in_memory();
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
		cmocka_unit_test_setup_teardown(test_snapshots_alike_are_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_pack_that_is_not_listed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_snapshots_share, set_up, tear_down),
		cmocka_unit_test(test_what_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
