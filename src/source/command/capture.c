/*
 * Capturing a command: its standard output goes straight into the sink, a block at a time, so that memory is bounded
 * and the command is slowed down to the speed of the store. Its standard error is read beside, and its end kept for
 * the message of a failure. The output is over when the pipe is, not when the child is: what a background process of
 * the command still writes belongs to it.
 */
#include "source/command/command_internal.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 << 10, TAIL_MAX = 1024, ASK_EVERY_MS = 100, GRACE_SECONDS = 5 };

struct run {
	const struct hf_command *command;
	struct hf_sink *sink;
	struct hf_proc proc;
	int out, err;	  /* reading ends; -1 at the end of file */
	uint64_t written; /* bytes of output so far */
	uint8_t *block;
	const char **env;
	char tail[TAIL_MAX]; /* the last of standard error */
	size_t tail_len;
};

static void run_free(struct run *run)
{
	hf_proc_end(&run->proc, GRACE_SECONDS * HF_SECOND);
	hf_fd_close(&run->out);
	hf_fd_close(&run->err);
	free(run->block);
	free(run->env);
}

/* Our environment, without what opens the repository: a dump has no business with it. */
static const char **scrubbed_environment(void)
{
	static const char secret[] = "HOLDFAST_PASSPHRASE"; /* and …_FILE, …_COMMAND */
	size_t n = 0;
	while (environ[n])
		n++;
	const char **env = calloc(n + 1, sizeof(env[0]));
	for (size_t i = 0, k = 0; env && i < n; i++)
		if (strncmp(environ[i], secret, sizeof(secret) - 1) != 0)
			env[k++] = environ[i];
	return env;
}

static int start(struct run *run, struct hf_error *err)
{
	int out[2] = {-1, -1};
	int errors[2] = {-1, -1};
	run->block = malloc(BLOCK);
	run->env = scrubbed_environment();
	if (!run->block || !run->env)
		return hf_fail(err, HF_E_NOMEM, "no memory for the output of a command");
	if (pipe2(out, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "make a pipe");
	run->out = out[0];
	int r = pipe2(errors, O_CLOEXEC) < 0 ? hf_fail_errno(err, errno, "make a pipe") : 0;
	run->err = errors[0];
	if (r == 0) {
		fcntl(run->err, F_SETFL, O_NONBLOCK);
		fcntl(run->out, F_SETPIPE_SZ, 1 << 20); /* fewer switches; a refusal costs nothing */
		struct hf_proc_options o = {.argv = (const char *const *)run->command->argv,
			.env = run->env, .out = out[1], .err = errors[1]};
		r = hf_proc_start(&o, &run->proc, err);
	}
	hf_fd_close(&out[1]);
	hf_fd_close(&errors[1]);
	return r;
}

static int take_output(struct run *run, struct hf_error *err)
{
	ssize_t n = read(run->out, run->block, BLOCK);
	if (n < 0 && errno == EINTR)
		return 0;
	if (n < 0)
		return hf_fail_errno(err, errno, "read the output of %s", run->command->argv[0]);
	if (n == 0) {
		hf_fd_close(&run->out);
		return 0;
	}
	int r = run->sink->ops->data(run->sink, run->written, run->block, (size_t)n, err);
	run->written += (uint64_t)n;
	return r;
}

/* Keeps the last TAIL_MAX bytes. False if there was nothing to read. */
static bool take_errors(struct run *run)
{
	char block[TAIL_MAX];
	ssize_t n = read(run->err, block, sizeof(block));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	if (n <= 0) {
		hf_fd_close(&run->err);
		return false;
	}
	size_t len = (size_t)n;
	size_t keep = run->tail_len + len > TAIL_MAX ? TAIL_MAX - len : run->tail_len;
	memmove(run->tail, run->tail + run->tail_len - keep, keep);
	memcpy(run->tail + keep, block, len);
	run->tail_len = keep + len;
	return true;
}

/* Until the output is over; then until the child is. */
static int pump(struct run *run, int *status, struct hf_error *err)
{
	for (;;) {
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		struct pollfd p[2] = {{.fd = run->out, .events = POLLIN}, {.fd = run->err, .events = POLLIN}};
		bool all_read = run->out < 0 && run->err < 0;
		int n = all_read ? 0 : poll(p, 2, ASK_EVERY_MS);
		if (n > 0 && p[1].revents)
			take_errors(run);
		if (n > 0 && p[0].revents)
			r = take_output(run, err);
		if (r < 0)
			return r;
		if (run->out >= 0)
			continue;
		r = hf_proc_wait(&run->proc, all_read ? ASK_EVERY_MS * INT64_C(1000000) : 1, status, err);
		if (r <= 0)
			return r;
	}
}

/* The tail as one line of printable text: whole lines only if there is one. */
static const char *tail_text(struct run *run, char text[TAIL_MAX + 1])
{
	while (run->err >= 0 && take_errors(run))
		;
	size_t from = 0;
	if (run->tail_len == TAIL_MAX) {
		const char *line = memchr(run->tail, '\n', run->tail_len - 1);
		from = line ? (size_t)(line - run->tail) + 1 : 0;
	}
	size_t len = run->tail_len - from;
	memcpy(text, run->tail + from, len);
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	text[len] = 0;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 127)
			text[i] = ' ';
	return text;
}

static int judge(struct run *run, int status, struct hf_error *err)
{
	if (status == 0)
		return 0;
	char text[TAIL_MAX + 1];
	const char *said = tail_text(run, text);
	const char *name = run->command->argv[0];
	const char *sep = said[0] ? ": " : ", saying nothing";
	if (status > 128 && status < 128 + NSIG)
		return hf_fail(err, HF_E_IO, "%s was ended by signal %d (%s)%s%s", name, status - 128,
			strsignal(status - 128), sep, said);
	return hf_fail(err, HF_E_IO, "%s exited with status %d%s%s", name, status, sep, said);
}

static int describe(const struct run *run, int64_t ns, struct hf_captured *out, struct hf_error *err)
{
	out->detail = json_object();
	int bad = json_object_set_new(out->detail, "argv0",
		hf_json_bytes(run->command->argv[0], strlen(run->command->argv[0])));
	bad |= json_object_set_new(out->detail, "exit", json_integer(0));
	bad |= json_object_set_new(out->detail, "seconds", json_real(hf_seconds(ns)));
	if (!bad)
		return 0;
	json_decref(out->detail);
	out->detail = NULL;
	return hf_fail(err, HF_E_NOMEM, "no memory");
}

static int run_into_sink(struct run *run, int64_t now, struct hf_error *err)
{
	const char *name = run->command->name;
	struct hf_entry entry = {
		.type = HF_ENTRY_FILE,
		.path = name,
		.path_len = strlen(name),
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = now,
		.cut = HF_CUT_CONTENT,
	};
	int status = -1;
	int r = start(run, err);
	if (r == 0)
		r = run->sink->ops->begin(run->sink, &entry, err);
	if (r == 0)
		r = pump(run, &status, err);
	if (r == 0)
		r = judge(run, status, err);
	struct hf_sink_end done = {.size = run->written};
	return r < 0 ? r : run->sink->ops->end(run->sink, &done, err);
}

int hf_command_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err)
{
	struct hf_command *command = (struct hf_command *)source;
	if (!command->argv)
		return hf_fail(err, HF_E_USAGE, "command %s: what shall be run is not given (-- ARGV…)", command->name);
	__attribute__((cleanup(run_free))) struct run run = {.command = command, .sink = sink, .out = -1, .err = -1};
	out->consistency_point = hf_time_now();
	int64_t began = hf_time_monotonic();
	int r = run_into_sink(&run, out->consistency_point, err);
	if (r < 0)
		return hf_wrap(err, r, "command %s", command->name);
	return describe(&run, hf_time_monotonic() - began, out, err);
}
