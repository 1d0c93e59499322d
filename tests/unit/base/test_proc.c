/* proc.h: what a child gets, what is known of its end, and that nothing of it is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/proc.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Runs to the end; what it wrote is in `out`. */
static int run(const struct hf_proc_options *o, struct hf_buf *out, struct hf_buf *errors)
{
	struct hf_error err = {0};
	int status = -1;
	int r = hf_proc_run(o, out, errors, &status, &err);
	if (r < 0)
		fail_msg("%s", err.msg);
	return status;
}

static void output_and_status_come_back(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(1000);
	HF_BUF_AUTO errors = HF_BUF(1000);
	struct hf_proc_options o = {.argv = ARGV("sh", "-c", "echo one; echo two >&2; exit 7")};
	assert_int_equal(run(&o, &out, &errors), 7);
	assert_string_equal(hf_buf_cstr(&out), "one\n");
	assert_string_equal(hf_buf_cstr(&errors), "two\n");
	o.argv = ARGV("sh", "-c", "kill -KILL $$");
	assert_int_equal(run(&o, NULL, NULL), 128 + SIGKILL);
}

static void no_shell_reads_the_arguments(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(1000);
	struct hf_proc_options o = {.argv = ARGV("printf", "%s|", "$HOME", "a b", ";", "")};
	assert_int_equal(run(&o, &out, NULL), 0);
	assert_string_equal(hf_buf_cstr(&out), "$HOME|a b|;||");
}

static void a_maximum_bounds_the_output(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(100);
	struct hf_proc_options o = {.argv = ARGV("head", "-c", "1000000", "/dev/zero")};
	assert_int_equal(run(&o, &out, NULL), 0);
	assert_int_equal(out.len, 100);
	assert_false(out.failed);
}

static void failures_to_start_are_told(void **state)
{
	(void)state;
	struct hf_error err = {0};
	struct hf_proc p;
	struct hf_proc_options o = {.argv = ARGV("no-such-program-here")};
	assert_int_equal(hf_proc_start(&o, &p, &err), HF_E_NOTFOUND);
	assert_non_null(strstr(err.msg, "no-such-program-here: there is no such program in PATH"));
	assert_int_equal(p.pid, 0);
	o.argv = ARGV("/etc/passwd");
	assert_int_equal(hf_proc_start(&o, &p, &err), HF_E_DENIED);
	o.argv = ARGV("true");
	o.directory = "/no/such/directory";
	assert_int_equal(hf_proc_start(&o, &p, &err), HF_E_NOTFOUND);
	assert_non_null(strstr(err.msg, "directory"));
	o.argv = ARGV("");
	assert_int_equal(hf_proc_start(&o, &p, &err), HF_E_USAGE);
}

static int refuse(void *user)
{
	return *(int *)user;
}

static void prepare_can_refuse(void **state)
{
	(void)state;
	struct hf_error err = {0};
	struct hf_proc p;
	int errnum = EPERM;
	struct hf_proc_options o = {.argv = ARGV("true"), .prepare = refuse, .user = &errnum};
	assert_int_equal(hf_proc_start(&o, &p, &err), HF_E_DENIED);
	errnum = 0;
	assert_int_equal(run(&o, NULL, NULL), 0);
}

static void surroundings_are_as_asked(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(1000);
	struct hf_proc_options o = {
		.argv = ARGV("sh", "-c", "pwd; echo \"$A\"; echo \"$PPID\" >/dev/null; env | grep -c ^PATH; cat"),
		.env = ARGV("A=b c"),
		.directory = "/usr",
	};
	run(&o, &out, NULL);
	assert_string_equal(hf_buf_cstr(&out), "/usr\nb c\n0\n");
}

static void only_three_descriptors_are_inherited(void **state)
{
	(void)state;
	HF_FD_AUTO null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	HF_FD_AUTO ours = fcntl(null, F_DUPFD, 200); /* not close-on-exec on purpose */
	assert_int_equal(ours, 200);
	HF_BUF_AUTO out = HF_BUF(1000);
	struct hf_proc_options o = {
		.argv = ARGV("sh", "-c", "for f in 0 1 2 200; do [ -e /proc/$$/fd/$f ] && echo $f; done")};
	run(&o, &out, NULL);
	assert_string_equal(hf_buf_cstr(&out), "0\n1\n2\n");
}

static void descriptors_may_be_each_other(void **state)
{
	(void)state;
	HF_FD_AUTO in = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char path[] = "/tmp/hf-proc-XXXXXX";
	HF_FD_AUTO file = mkostemp(path, O_CLOEXEC);
	unlink(path);
	struct hf_proc_options o = {
		.argv = ARGV("sh", "-c", "head -c 3; echo x >&2"), .in = in, .out = file, .err = file};
	struct hf_proc p;
	struct hf_error err = {0};
	assert_int_equal(hf_proc_start(&o, &p, &err), 0);
	int status;
	assert_int_equal(hf_proc_wait(&p, 0, &status, &err), 0);
	assert_int_equal(status, 0);
	char got[8];
	assert_int_equal(hf_pread_full(file, got, sizeof(got), 0, path, &err), 5);
	assert_memory_equal(got, "\0\0\0x\n", 5);
}

static void signals_are_reset(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	HF_BUF_AUTO out = HF_BUF(4000);
	struct hf_proc_options o = {.argv = ARGV("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")};
	run(&o, &out, NULL);
	signal(SIGPIPE, SIG_DFL);
	assert_string_equal(hf_buf_cstr(&out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

/* Only root can become someone else; for others the refusal is what must be seen. */
static void rights_are_dropped(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(4000);
	struct hf_proc_options o = {
		.argv = ARGV("grep", "-E", "Uid|Gid|Groups", "/proc/self/status"), .drop = true, .uid = 12345, .gid = 23456};
	if (geteuid() != 0) {
		struct hf_proc p;
		assert_int_equal(hf_proc_start(&o, &p, NULL), HF_E_DENIED);
		return;
	}
	run(&o, &out, NULL);
	assert_non_null(strstr(hf_buf_cstr(&out), "Uid:\t12345\t12345\t12345\t12345\n"));
	assert_non_null(strstr(hf_buf_cstr(&out), "Gid:\t23456\t23456\t23456\t23456\n"));
	assert_non_null(strstr(hf_buf_cstr(&out), "Groups:\t \n"));
}

/* Gone, or a zombie that only its new parent can still reap. */
static bool is_gone(pid_t pid)
{
	char path[64], text[256] = {0};
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return true;
	size_t n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	const char *state = strrchr(text, ')');
	return n == 0 || (state && state[2] == 'Z');
}

/* Starts a shell that ignores SIGTERM and has a child; returns the child's pid when both are there. */
static pid_t start_stubborn(struct hf_proc *p)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	struct hf_proc_options o = {
		.argv = ARGV("sh", "-c", "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done"), .out = ends[1]};
	assert_int_equal(hf_proc_start(&o, p, NULL), 0);
	close(ends[1]);
	FILE *f = fdopen(ends[0], "r");
	int grandchild = 0;
	assert_int_equal(fscanf(f, "%d", &grandchild), 1);
	fclose(f);
	return grandchild;
}

static void the_whole_group_is_ended(void **state)
{
	(void)state;
	struct hf_proc p;
	pid_t grandchild = start_stubborn(&p);
	pid_t child = p.pid;
	int status;
	struct hf_error err = {0};
	assert_int_equal(hf_proc_wait(&p, 1000000, &status, &err), 1);
	assert_int_equal(p.pid, child);
	hf_proc_end(&p, 1000000);
	assert_int_equal(p.pid, 0);
	assert_int_equal(kill(child, 0), -1);
	while (!is_gone(grandchild))
		usleep(1000);
	hf_proc_end(&p, 0);
}

static void a_run_can_be_stopped(void **state)
{
	(void)state;
	struct hf_error err = {0};
	int status;
	struct hf_proc_options o = {.argv = ARGV("sleep", "1000")};
	hf_stop_request(SIGINT);
	assert_int_equal(hf_proc_run(&o, NULL, NULL, &status, &err), HF_E_STOPPED);
	hf_stop_reset();
}

static void a_grandchild_with_the_pipe_is_not_waited_for(void **state)
{
	(void)state;
	HF_BUF_AUTO out = HF_BUF(1000);
	struct hf_proc_options o = {.argv = ARGV("sh", "-c", "sleep 1000 & echo $!")};
	assert_int_equal(run(&o, &out, NULL), 0);
	pid_t left = atoi(hf_buf_cstr(&out));
	assert_true(left > 0);
	kill(left, SIGKILL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_and_status_come_back),
		cmocka_unit_test(no_shell_reads_the_arguments),
		cmocka_unit_test(a_maximum_bounds_the_output),
		cmocka_unit_test(failures_to_start_are_told),
		cmocka_unit_test(prepare_can_refuse),
		cmocka_unit_test(surroundings_are_as_asked),
		cmocka_unit_test(only_three_descriptors_are_inherited),
		cmocka_unit_test(descriptors_may_be_each_other),
		cmocka_unit_test(signals_are_reset),
		cmocka_unit_test(rights_are_dropped),
		cmocka_unit_test(the_whole_group_is_ended),
		cmocka_unit_test(a_run_can_be_stopped),
		cmocka_unit_test(a_grandchild_with_the_pipe_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
