/* holdfast.h: what the example does not show: refusals, lists, progress, cancellation, callers of another version. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <holdfast/holdfast.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], repo_path[128], data_path[128];
static struct holdfast_repository *repo;

static int give(void *user, char *out, size_t room)
{
	size_t n = strlen(user);
	assert_true(n <= room);
	memcpy(out, user, n);
	return (int)n;
}

static int open_with(const char *url, const char *passphrase, struct holdfast_repository **out, struct holdfast_error *err)
{
	struct holdfast_open_options o = {.size = sizeof(o), .passphrase = give, .user = (void *)(uintptr_t)passphrase};
	return holdfast_open(url, &o, out, err);
}

static void write_file(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/%s", data_path, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
	struct holdfast_error err = {0};
	(void)state;
	strcpy(dir, "/tmp/holdfast-api-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(repo_path, sizeof(repo_path), "%s/repo", dir);
	snprintf(data_path, sizeof(data_path), "%s/data", dir);
	if (mkdir(data_path, 0700) < 0)
		return -1;
	write_file("a", "hello");
	if (holdfast_init(repo_path, "secret", 6, &err) < 0 || open_with(repo_path, "secret", &repo, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return -1;
	}
	return 0;
}

static int tear_down(void **state)
{
	char command[128];
	(void)state;
	holdfast_close(repo);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static int back_up(struct holdfast_backup_options o, struct holdfast_backup_result **out, struct holdfast_error *err)
{
	static const struct holdfast_source data = {.name = "data", .kind = "volume", .location = data_path};
	o.size = sizeof(o);
	if (!o.sources) {
		o.sources = &data;
		o.source_count = 1;
	}
	o.scratch = dir;
	return holdfast_backup(repo, &o, out, err);
}

static size_t snapshot_count(void)
{
	struct holdfast_snapshots *list;
	assert_int_equal(holdfast_snapshots_list(repo, &list, NULL), 0);
	size_t n = list->count;
	holdfast_snapshots_free(list);
	return n;
}

static void opening_is_refused(void **state)
{
	struct holdfast_repository *other = repo;
	struct holdfast_error err = {0};
	char nowhere[160];
	(void)state;
	snprintf(nowhere, sizeof(nowhere), "%s/nowhere", dir);
	assert_int_equal(open_with(nowhere, "secret", &other, &err), HOLDFAST_E_NO_REPOSITORY);
	assert_null(other);
	assert_int_equal(err.code, HOLDFAST_E_NO_REPOSITORY);
	assert_non_null(strstr(err.message, nowhere));
	assert_int_equal(open_with(repo_path, "wrong", &other, &err), HOLDFAST_E_KEY);
	assert_int_equal(open_with(repo_path, "", &other, &err), HOLDFAST_E_KEY);
	assert_int_equal(holdfast_open(repo_path, NULL, &other, &err), HOLDFAST_E_KEY);
	assert_int_equal(holdfast_open(NULL, NULL, &other, NULL), HOLDFAST_E_USAGE);
	assert_int_equal(holdfast_init(repo_path, "other", 5, &err), HOLDFAST_E_EXISTS);
	assert_int_equal(holdfast_init(nowhere, "", 0, &err), HOLDFAST_E_USAGE);
}

static void options_of_other_versions(void **state)
{
	struct {
		struct holdfast_verify_options known;
		int more;
	} o = {.known = {.size = sizeof(o)}, .more = 0};
	struct holdfast_verify_result *result;
	struct holdfast_error err = {0};
	(void)state;
	assert_int_equal(holdfast_verify(repo, &o.known, &result, &err), 0);
	assert_true(result->ok);
	holdfast_verify_result_free(result);
	o.more = 1;
	assert_int_equal(holdfast_verify(repo, &o.known, &result, &err), HOLDFAST_E_UNSUPPORTED);
	assert_null(result);
	o.known.size = 0;
	assert_int_equal(holdfast_verify(repo, &o.known, &result, &err), HOLDFAST_E_USAGE);
	o.known.size = sizeof(size_t); /* of a caller who knew no options yet */
	assert_int_equal(holdfast_verify(repo, &o.known, &result, &err), 0);
	holdfast_verify_result_free(result);
	assert_int_equal(holdfast_api(), HOLDFAST_API);
}

static void senseless_requests(void **state)
{
	struct holdfast_backup_result *result;
	struct holdfast_restore_result *restored;
	struct holdfast_error err = {0};
	const struct holdfast_source bad[] = {{.name = "..", .kind = "volume", .location = data_path},
		{.name = "a", .kind = "floppy", .location = data_path}, {.name = "a", .kind = "volume"}, {.kind = "volume", .location = "/"}};
	const struct holdfast_source twice[] = {{.name = "a", .kind = "volume", .location = data_path},
		{.name = "a", .kind = "volume", .location = data_path}};
	size_t before = snapshot_count();
	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(back_up((struct holdfast_backup_options){.sources = &bad[i], .source_count = 1}, &result, &err), HOLDFAST_E_USAGE);
	assert_int_equal(back_up((struct holdfast_backup_options){.sources = twice, .source_count = 2}, &result, &err), HOLDFAST_E_USAGE);
	assert_int_equal(back_up((struct holdfast_backup_options){.compression = 40}, &result, &err), HOLDFAST_E_USAGE);
	assert_null(result);
	struct holdfast_restore_options o = {.size = sizeof(o)};
	assert_int_equal(holdfast_restore(repo, &o, &restored, &err), HOLDFAST_E_USAGE);
	o.target = data_path;
	o.snapshot = "ffffffff";
	assert_int_equal(holdfast_restore(repo, &o, &restored, &err), HOLDFAST_E_NOT_FOUND);
	assert_null(restored);
	assert_int_equal(snapshot_count(), before);
}

/* Lists say what backups said; what was restored is what was there; what could not be is named. */
static void there_and_back(void **state)
{
	struct holdfast_backup_result *result;
	struct holdfast_restore_result *restored;
	struct holdfast_snapshots *list;
	struct holdfast_error err = {0};
	char target[160], file[200], text[16] = "";
	const char *include[] = {"data/b"};
	(void)state;
	write_file("b", "world");
	assert_int_equal(back_up((struct holdfast_backup_options){.host = "h"}, &result, &err), 0);
	assert_true(result->complete && result->source_count == 1 && result->sources[0].problem_count == 0);
	assert_int_equal(holdfast_snapshots_list(repo, &list, &err), 0);
	assert_true(list->is_whole && list->count > 0);
	const struct holdfast_snapshot *s = &list->snapshots[list->count - 1];
	assert_string_equal(s->id, result->snapshot);
	assert_string_equal(s->host, "h");
	assert_string_equal(s->sources[0].name, "data");
	assert_true(s->complete && !s->failure && s->time == result->time && s->sources[0].bytes == result->sources[0].bytes);
	snprintf(target, sizeof(target), "%s/back", dir);
	struct holdfast_restore_options o = {.size = sizeof(o), .snapshot = s->id, .target = target, .include = include, .include_count = 1};
	assert_int_equal(holdfast_restore(repo, &o, &restored, &err), 0);
	assert_string_equal(restored->snapshot, result->snapshot);
	holdfast_restore_result_free(restored);
	snprintf(file, sizeof(file), "%s/a", target);
	assert_int_equal(access(file, F_OK), -1);
	file[strlen(file) - 1] = 'b';
	FILE *f = fopen(file, "r");
	assert_true(f && fgets(text, sizeof(text), f) && fclose(f) == 0);
	assert_string_equal(text, "world");
	assert_int_equal(holdfast_restore(repo, &o, &restored, &err), HOLDFAST_E_EXISTS);
	o.overwrite = true;
	assert_int_equal(holdfast_restore(repo, &o, &restored, &err), 0);
	assert_non_null(restored->kept_old);
	holdfast_restore_result_free(restored);
	holdfast_snapshots_free(list);
	holdfast_backup_result_free(result);
}

static void one_source_of_two_fails(void **state)
{
	struct holdfast_backup_result *result;
	struct holdfast_error err = {0};
	const struct holdfast_source two[] = {{.name = "data", .kind = "volume", .location = data_path},
		{.name = "gone", .kind = "volume", .location = "/no/such/place"}};
	(void)state;
	assert_int_equal(back_up((struct holdfast_backup_options){.sources = two, .source_count = 2}, &result, &err), 0);
	assert_false(result->complete);
	assert_int_equal(result->source_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(result->sources[i].failure != NULL, strcmp(result->sources[i].name, "gone") == 0);
	holdfast_backup_result_free(result);
}

static void cancelled(void **state)
{
	struct holdfast_backup_result *result;
	struct holdfast_error err = {0};
	size_t before = snapshot_count();
	(void)state;
	holdfast_cancel();
	assert_int_equal(back_up((struct holdfast_backup_options){0}, &result, &err), HOLDFAST_E_CANCELLED);
	assert_null(result);
	holdfast_resume();
	assert_int_equal(snapshot_count(), before);
	assert_int_equal(back_up((struct holdfast_backup_options){0}, &result, &err), 0);
	holdfast_backup_result_free(result);
	assert_int_equal(snapshot_count(), before + 1);
}

static void progress(void **state)
{
	struct holdfast_backup_result *result;
	struct holdfast_progress *p = holdfast_progress_new();
	struct holdfast_progress_view v;
	(void)state;
	assert_non_null(p);
	holdfast_progress_read(p, &v);
	assert_null(v.phase);
	assert_int_equal(back_up((struct holdfast_backup_options){.progress = p}, &result, NULL), 0);
	holdfast_progress_read(p, &v);
	assert_non_null(v.phase);
	assert_true(v.elapsed >= 0);
	holdfast_backup_result_free(result);
	holdfast_progress_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(opening_is_refused), cmocka_unit_test(options_of_other_versions),
		cmocka_unit_test(senseless_requests), cmocka_unit_test(there_and_back), cmocka_unit_test(one_source_of_two_fails),
		cmocka_unit_test(cancelled), cmocka_unit_test(progress)};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
