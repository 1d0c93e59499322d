/* Hooks; see hook.h. */
#include "ops/hook.h"

#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_EVERY_MS = 100, LINE_MAX_LOGGED = 1000, GRACE_SECONDS = 5 };

struct running {
	const struct hf_hook_options *options;
	struct hf_proc proc;
	int output; /* of the hook; -1: it has closed it */
	char line[LINE_MAX_LOGGED];
	size_t len;
	int64_t deadline; /* monotonic */
};

/* --- the environment ------------------------------------------------------------------------------------------------- */

static size_t count(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	return n;
}

/* Ours, and what is told: an array to be freed, of texts that are not. */
static const char **make_environment(const struct hf_hook_options *o, const char *stage)
{
	const char *const *ours = (const char *const *)environ;
	size_t n = count(ours), more = count(o->variables);
	const char **all = calloc(n + more + 2, sizeof(*all));
	if (!all)
		return NULL;
	memcpy(all, ours, n * sizeof(*all));
	if (more)
		memcpy(all + n, o->variables, more * sizeof(*all));
	all[n + more] = stage;
	return all;
}

/* --- the output ------------------------------------------------------------------------------------------------------ */

static void log_line(struct running *h)
{
	if (h->len)
		hf_info("hook %s: %.*s", h->options->stage, (int)h->len, h->line);
	h->len = 0;
}

/* Lines are cut where they are longer than a log takes; control characters would steer a terminal. */
static void take_output(struct running *h, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\n' || h->len == sizeof(h->line))
			log_line(h);
		if (data[i] != '\n')
			h->line[h->len++] = (unsigned char)data[i] < 0x20 && data[i] != '\t' ? '?' : data[i];
	}
}

/* Waits for output a while at most, and takes what is there. */
static void listen_to(struct running *h)
{
	char data[4096];
	struct pollfd p = {.fd = h->output, .events = POLLIN};
	if (poll(&p, 1, ASK_EVERY_MS) <= 0)
		return;
	ssize_t n = read(h->output, data, sizeof(data));
	if (n > 0)
		take_output(h, data, (size_t)n);
	else if (n == 0 || (errno != EINTR && errno != EAGAIN))
		hf_fd_close(&h->output);
}

/* What is still in the pipe when the hook has ended; what a program that it left behind may write later is not waited for. */
static void take_rest(struct running *h)
{
	char data[4096];
	ssize_t n;
	while (h->output >= 0 && (n = read(h->output, data, sizeof(data))) > 0)
		take_output(h, data, (size_t)n);
	log_line(h);
}

/* --- running --------------------------------------------------------------------------------------------------------- */

static int start(struct running *h, const struct hf_policy_command *hook, struct hf_error *err)
{
	const char *room[4];
	char stage[64];
	int ends[2];
	snprintf(stage, sizeof(stage), "HOLDFAST_HOOK=%s", h->options->stage);
	const char **environment = make_environment(h->options, stage);
	if (!environment)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (pipe2(ends, O_CLOEXEC) < 0) {
		free(environment);
		return hf_fail_errno(err, errno, "make a pipe");
	}
	HF_FD_AUTO writer = ends[1];
	h->output = ends[0];
	fcntl(h->output, F_SETFL, O_NONBLOCK);
	const struct hf_proc_options o = {.argv = hf_policy_argv(hook, room), .env = environment,
		.directory = h->options->directory, .out = writer, .err = writer};
	int r = hf_proc_start(&o, &h->proc, err);
	free(environment);
	return r;
}

/* 1 while it runs, 0 with its status when it has ended. */
static int go_on(struct running *h, int *status, struct hf_error *err)
{
	int r = h->options->whatever_happened ? 0 : hf_stop_check(err);
	if (r < 0)
		return r;
	if (hf_time_monotonic() >= h->deadline)
		return hf_fail(err, HF_E_IO, "it took longer than its timeout, and was ended");
	if (h->output >= 0)
		listen_to(h);
	return hf_proc_wait(&h->proc, h->output >= 0 ? 1 : ASK_EVERY_MS * (HF_SECOND / 1000), status, err);
}

static const char *name_of(const struct hf_policy_command *hook)
{
	return hook->sh ? hook->sh : hook->run.written[0];
}

int hf_hook_run(const struct hf_policy_command *hook, const struct hf_hook_options *options, struct hf_error *err)
{
	struct running h = {.options = options, .output = -1,
		.deadline = hook->timeout > 0 ? hf_time_monotonic() + hook->timeout : INT64_MAX};
	int status = 0;
	int r = start(&h, hook, err);
	if (r == 0)
		do
			r = go_on(&h, &status, err);
		while (r == 1);
	take_rest(&h);
	hf_proc_end(&h.proc, GRACE_SECONDS * HF_SECOND);
	hf_fd_close(&h.output);
	if (r == 0 && status != 0)
		r = hf_fail(err, HF_E_IO, "it ended with status %d", status);
	return r < 0 ? hf_wrap(err, r, "hook %s, \"%s\"", options->stage, name_of(hook)) : 0;
}

int hf_hooks_run(const struct hf_groups *hooks, const struct hf_hook_options *options, struct hf_error *err)
{
	int first = 0;
	for (size_t i = 0; i < hooks->count; i++) {
		struct hf_error why = {0};
		int r = hf_hook_run((const struct hf_policy_command *)hooks->items + i, options, &why);
		if (r == 0)
			continue;
		if (!first && err)
			*err = why;
		first = first ? first : r;
		if (!options->whatever_happened)
			break;
		hf_warn("%s", why.msg);
	}
	return first;
}
