/* Commands as sources: what they write is stored, how they end decides, and what comes back is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../postgres/recorder.h"
#include "base/file.h"
#include "base/stop.h"
#include "source/source.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

struct bench {
	struct recorder recorder;
	struct hf_captured captured;
	struct hf_error err;
};

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	recorder_new(&b->recorder);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;
	json_decref(b->captured.detail);
	recorder_free(&b->recorder);
	free(b);
	return 0;
}

static struct hf_source *open_source(const char *const *argv, struct hf_error *err)
{
	const struct hf_source_spec spec = {
		.kind = "command", .name = "dump", .location = "dump", .argv = argv, .scratch = "/tmp"};
	struct hf_source *source = NULL;
	if (hf_source_open(&spec, &source, err) < 0)
		fail_msg("%s", err->msg);
	return source;
}

static int capture(struct bench *b, const char *const *argv)
{
	struct hf_source *source = open_source(argv, &b->err);
	int r = source->driver->capture(source, &b->recorder.sink, &b->captured, &b->err);
	hf_source_close(source);
	return r;
}

static void output_becomes_a_file(void **state)
{
	struct bench *b = *state;
	assert_int_equal(capture(b, ARGV("sh", "-c", "printf one; echo noise >&2; sleep 0.01; printf two")), 0);
	assert_int_equal(b->recorder.count, 1);
	const struct recorded *file = recorder_find(&b->recorder, "dump");
	assert_non_null(file);
	assert_int_equal(file->entry.type, HF_ENTRY_FILE);
	assert_int_equal(file->entry.mode, 0600);
	assert_int_equal(file->entry.size, 6);
	assert_int_equal(file->entry.cut, HF_CUT_CONTENT);
	HF_BUF_AUTO got = HF_BUF(100);
	assert_int_equal(hf_file_read(AT_FDCWD, file->data, &got, NULL), 0);
	assert_string_equal(hf_buf_cstr(&got), "onetwo");
	assert_int_equal(file->entry.mtime_ns, b->captured.consistency_point);
	assert_string_equal(json_string_value(json_object_get(b->captured.detail, "argv0")), "sh");
	char *text = hf_json_text(b->captured.detail);
	assert_null(strstr(text, "printf")); /* arguments may hold secrets */
	free(text);
}

static void the_passphrase_stays_with_us(void **state)
{
	struct bench *b = *state;
	setenv("HOLDFAST_PASSPHRASE", "correct horse", 1);
	setenv("HOLDFAST_TEST", "this one goes", 1);
	assert_int_equal(capture(b, ARGV("env")), 0);
	HF_BUF_AUTO got = HF_BUF(1 << 20);
	assert_int_equal(hf_file_read(AT_FDCWD, b->recorder.items[0].data, &got, NULL), 0);
	assert_null(strstr(hf_buf_cstr(&got), "horse"));
	assert_non_null(strstr(hf_buf_cstr(&got), "HOLDFAST_TEST=this one goes\n"));
	unsetenv("HOLDFAST_PASSPHRASE");
	unsetenv("HOLDFAST_TEST");
}

static void much_output_and_much_noise(void **state)
{
	struct bench *b = *state;
	assert_int_equal(capture(b, ARGV("sh", "-c", "head -c 3000000 /dev/zero >&2 & head -c 9000001 /dev/zero; wait")), 0);
	assert_int_equal(recorder_find(&b->recorder, "dump")->entry.size, 9000001);
}

static void no_output_is_an_empty_file(void **state)
{
	struct bench *b = *state;
	assert_int_equal(capture(b, ARGV("true")), 0);
	assert_int_equal(recorder_find(&b->recorder, "dump")->entry.size, 0);
}

static void failure_is_told_in_its_own_words(void **state)
{
	struct bench *b = *state;
	assert_int_equal(capture(b, ARGV("sh", "-c", "echo data; echo first >&2; echo 'no such database' >&2; exit 3")),
		HF_E_IO);
	assert_non_null(strstr(b->err.msg, "command dump: sh exited with status 3: first no such database"));
	assert_null(b->captured.detail);
	b->recorder.is_open = false;
	hf_fd_close(&b->recorder.fd);
	assert_int_equal(capture(b, ARGV("sh", "-c", "kill -SEGV $$")), HF_E_IO);
	assert_non_null(strstr(b->err.msg, "signal 11"));
	assert_int_equal(capture(b, ARGV("no-such-program-here", "secret")), HF_E_NOTFOUND);
	assert_non_null(strstr(b->err.msg, "no-such-program-here"));
	assert_null(strstr(b->err.msg, "secret"));
}

static void long_complaints_are_cut_at_their_beginning(void **state)
{
	struct bench *b = *state;
	assert_int_equal(capture(b, ARGV("sh", "-c", "seq 1 100000 >&2; echo last words >&2; exit 1")), HF_E_IO);
	assert_non_null(strstr(b->err.msg, "100000 last words"));
	assert_true(strlen(b->err.msg) < 1300);
}

static int stop_now(void *user, struct hf_error *err)
{
	(void)user, (void)err;
	hf_stop_request(SIGINT);
	return 0;
}

static void a_stop_ends_the_command(void **state)
{
	struct bench *b = *state;
	b->recorder.hook = stop_now;
	assert_int_equal(capture(b, ARGV("sh", "-c", "echo $$; exec sleep 1000")), HF_E_STOPPED);
	hf_stop_reset();
	HF_BUF_AUTO got = HF_BUF(100);
	assert_int_equal(hf_file_read(AT_FDCWD, b->recorder.items[0].data, &got, NULL), 0);
	assert_int_equal(kill(atoi(hf_buf_cstr(&got)), 0), -1);
}

static void options_and_names_are_checked(void **state)
{
	(void)state;
	const struct hf_option option = {"direct", "true"};
	struct hf_source_spec spec = {.kind = "command", .name = "dump", .options = &option, .option_count = 1,
		.scratch = "/tmp"};
	struct hf_source *source = NULL;
	assert_int_equal(hf_source_open(&spec, &source, NULL), HF_E_USAGE);
	spec.option_count = 0;
	spec.name = "a/b";
	assert_int_equal(hf_source_open(&spec, &source, NULL), HF_E_USAGE);
	struct bench *b = *state;
	assert_int_equal(capture(b, NULL), HF_E_USAGE);
}

/* True if all checks are content. */
static bool check_restored(struct bench *b, int dirfd)
{
	struct hf_error err = {0};
	struct hf_check_report report = {0};
	struct hf_source *source = open_source(NULL, &err);
	struct hf_feed *feed = recorder_feed(&b->recorder);
	const struct hf_check_options options = {.dirfd = dirfd, .feed = feed, .detail = b->captured.detail};
	assert_int_equal(source->driver->check(source, &options, &report, &err), 0);
	recorder_feed_free(feed);
	hf_source_close(source);
	assert_true(report.count > 0 && report.prove_ns > 0);
	bool ok = true;
	for (size_t i = 0; i < report.count; i++)
		ok = ok && report.checks[i].ok;
	hf_check_report_free(&report);
	return ok;
}

static void what_comes_back_is_checked(void **state)
{
	struct bench *b = *state;
	struct hf_error err = {0};
	char directory[] = "/tmp/hf-command-XXXXXX";
	assert_non_null(mkdtemp(directory));
	HF_FD_AUTO dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(capture(b, ARGV("seq", "1", "200000")), 0);
	struct hf_source *source = open_source(NULL, &err);
	struct hf_feed *feed = recorder_feed(&b->recorder);
	struct hf_restored restored = {0};
	const struct hf_restore_options options = {.own_as_is = geteuid() != 0, .detail = b->captured.detail};
	assert_int_equal(source->driver->restore(source, feed, dirfd, &options, &restored, &err), 0);
	recorder_feed_free(feed);
	hf_source_close(source);
	json_decref(restored.notes);
	assert_int_equal(restored.files, 1);
	struct stat st;
	assert_int_equal(fstatat(dirfd, "dump", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_true(restored.bytes == (uint64_t)st.st_size);

	assert_true(check_restored(b, dirfd));
	HF_FD_AUTO fd = openat(dirfd, "dump", O_WRONLY | O_CLOEXEC);
	assert_int_equal(hf_pwrite_full(fd, "x", 1, 777777, "dump", NULL), 0);
	assert_false(check_restored(b, dirfd));
	assert_int_equal(unlinkat(dirfd, "dump", 0), 0);
	assert_false(check_restored(b, dirfd));
	assert_int_equal(hf_remove_tree(AT_FDCWD, directory, NULL), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(output_becomes_a_file),
		CASE(the_passphrase_stays_with_us),
		CASE(much_output_and_much_noise),
		CASE(no_output_is_an_empty_file),
		CASE(failure_is_told_in_its_own_words),
		CASE(long_complaints_are_cut_at_their_beginning),
		CASE(a_stop_ends_the_command),
		CASE(options_and_names_are_checked),
		CASE(what_comes_back_is_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
