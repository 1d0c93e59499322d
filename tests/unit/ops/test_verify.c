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
#include "ops/verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int set_up(void **state)
{
	(void)state;
	const struct iovec text = {(void *)(uintptr_t) "some text", 9};
	const struct hf_file_options fresh = {.fresh = true};
	if (hf_scratch_make("/tmp", "hf-verify", &dir, NULL) < 0)
		return -1;
	HF_FD_AUTO fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hf_mkdirs(fd, "tree", 0700, NULL) < 0 || hf_file_write(fd, "tree/file", &text, 1, &fresh, NULL) < 0)
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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
