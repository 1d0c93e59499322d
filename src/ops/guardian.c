/*
 * Starting a guardian and having it thaw; see guardian.h. The two talk over two pipes. To the guardian: `u32 length ‖ plan`, then one byte
 * for "thaw now"; the end of the pipe instead means that we are gone. From it, lines: "A" (it stands guard), "I text" and "W text" (for
 * the log), "E code text" (done).
 */
#include "ops/guardian.h"

#include "base/file.h"
#include "base/proc.h"
#include "ops/guardian_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hf_guardian {
	struct hf_proc proc;
	int orders;    /* the writing end: closed at exec of whatever else we start */
	int answers;   /* lines */
	char line[HF_ERROR_MAX + 64];
};

static void release(struct hf_guardian *g)
{
	int status;
	if (!g)
		return;
	hf_fd_close(&g->orders);
	hf_fd_close(&g->answers);
	if (g->proc.pid > 0)
		(void)!hf_proc_wait(&g->proc, 0, &status, NULL);
	free(g);
}

static void put_texts(struct hf_buf *out, const char *const *texts)
{
	size_t n = 0;
	while (texts && texts[n])
		n++;
	hf_buf_varint(out, n);
	for (size_t i = 0; i < n; i++)
		hf_buf_blob(out, texts[i], strlen(texts[i]));
}

static void put_plan(struct hf_buf *out, const struct hf_guardian_options *o)
{
	const struct hf_policy_command *hooks = o->hooks->items;
	hf_buf_varint(out, o->hooks->count);
	for (size_t i = 0; i < o->hooks->count; i++) {
		const struct hf_policy_command *h = &hooks[i];
		const char *room[4], *written[2] = {h->sh ? h->sh : h->run.written[0], NULL};
		hf_buf_u64(out, (uint64_t)h->timeout);
		hf_buf_u8(out, h->sh != NULL);
		put_texts(out, h->sh ? written : hf_policy_argv(h, room));
		put_texts(out, written);
	}
	put_texts(out, o->variables);
}

static int send_plan(struct hf_guardian *g, const struct hf_guardian_options *o, struct hf_error *err)
{
	HF_BUF_AUTO plan = HF_BUF(HF_GUARDIAN_PLAN_MAX), length = HF_BUF(4);
	put_plan(&plan, o);
	hf_buf_u32(&length, (uint32_t)plan.len);
	int r = hf_buf_check(&plan, "plan of the guardian", err);
	if (r == 0)
		r = hf_write_full(g->orders, length.data, length.len, "the guardian", err);
	return r < 0 ? r : hf_write_full(g->orders, plan.data, plan.len, "the guardian", err);
}

/* A line without its end, cut where it is too long; NULL: the guardian is gone. Signals that ask us to stop don't end it. */
static char *next_line(struct hf_guardian *g)
{
	size_t len = 0;
	char c;
	while (hf_read_full(g->answers, &c, 1, "the guardian", NULL) == 1) {
		if (c == '\n') {
			g->line[len] = 0;
			return g->line;
		}
		if (len + 1 < sizeof(g->line))
			g->line[len++] = c;
	}
	return NULL;
}

static int begin(struct hf_guardian *g, const struct hf_guardian_options *o, struct hf_error *err)
{
	int orders[2], answers[2];
	if (pipe2(orders, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "make a pipe");
	HF_FD_AUTO in = orders[0];
	g->orders = orders[1];
	if (pipe2(answers, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "make a pipe");
	HF_FD_AUTO out = answers[1];
	g->answers = answers[0];
	const struct hf_proc_options how = {.argv = o->program, .in = in, .out = out, .outlives_us = true};
	int r = hf_proc_start(&how, &g->proc, err);
	hf_fd_close(&in);
	hf_fd_close(&out);
	if (r == 0)
		r = send_plan(g, o, err);
	if (r < 0)
		return r;
	const char *line = next_line(g);
	return line && strcmp(line, "A") == 0 ? 0 : hf_fail(err, HF_E_IO, "it ended before it stood guard");
}

int hf_guardian_start(const struct hf_guardian_options *options, struct hf_guardian **out, struct hf_error *err)
{
	struct hf_guardian *g = calloc(1, sizeof(*g));
	*out = NULL;
	if (!g)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	g->orders = g->answers = -1;
	int r = begin(g, options, err);
	if (r < 0) {
		release(g); /* with the end of the pipe before its plan was whole it just ends */
		return hf_wrap(err, r, "start the guardian of the thaw hooks");
	}
	*out = g;
	return 0;
}

/* "E code text": its meaning. */
static int result_of(char *text, struct hf_error *err)
{
	char *end;
	long code = strtol(text, &end, 10);
	return code < 0 && code > INT32_MIN ? hf_fail(err, (int)code, "%s", *end ? end + 1 : "") : 0;
}

int hf_guardian_thaw(struct hf_guardian *g, struct hf_error *err)
{
	int r = hf_write_full(g->orders, "T", 1, "the guardian", NULL) < 0 ? 1 : 0;
	bool is_done = false;
	char *line;
	while (r == 0 && !is_done && (line = next_line(g))) {
		if (line[0] == 'E')
			r = result_of(line + 1, err);
		else if (line[0] && line[1])
			hf_log(line[0] == 'W' ? HF_LOG_WARN : HF_LOG_INFO, "%s", line + 2);
		is_done = line[0] == 'E';
	}
	release(g);
	return is_done ? r : 1;
}
