/* The guardian's own side; see guardian.h, and guardian.c for what the two say to each other. */
#include "ops/guardian.h"

#include "base/arena.h"
#include "base/cursor.h"
#include "base/file.h"
#include "ops/guardian_internal.h"
#include "ops/hook.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { IN = STDIN_FILENO, OUT = STDOUT_FILENO };

struct guard {
	hf_log_handler *orphan;
	bool is_orphan;
	pid_t parent;
	struct hf_arena arena;
	struct hf_groups hooks;
	const char **variables;
};

/* --- the plan ---------------------------------------------------------------------------------------------------------- */

/* NULL-terminated, or NULL: the plan is not whole, or no memory. */
static const char **take_texts(struct guard *g, struct hf_cursor *c, size_t *count)
{
	uint64_t n = hf_cursor_varint(c);
	const char **texts = c->failed || n > hf_cursor_left(c) ? NULL : hf_arena_alloc(&g->arena, (n + 1) * sizeof(*texts));
	for (uint64_t i = 0; texts && i < n; i++) {
		size_t len;
		const uint8_t *text = hf_cursor_blob(c, HF_GUARDIAN_PLAN_MAX, &len);
		texts[i] = text ? hf_arena_copy(&g->arena, text, len) : NULL;
		if (!texts[i])
			return NULL;
	}
	if (texts)
		texts[n] = NULL;
	*count = n;
	return texts;
}

static bool take_hook(struct guard *g, struct hf_cursor *c, struct hf_policy_command *hook)
{
	size_t ignored;
	*hook = (struct hf_policy_command){.timeout = (int64_t)hf_cursor_u64(c)};
	bool is_sh = hf_cursor_u8(c);
	hook->run.items = take_texts(g, c, &hook->run.count);
	hook->run.written = take_texts(g, c, &ignored);
	if (!hook->run.items || !hook->run.count || !hook->run.written)
		return false;
	if (is_sh)
		*hook = (struct hf_policy_command){.timeout = hook->timeout, .sh = hook->run.items[0]};
	return true;
}

static bool take_plan(struct guard *g, struct hf_cursor *c)
{
	size_t ignored;
	uint64_t n = hf_cursor_varint(c);
	if (c->failed || n > hf_cursor_left(c))
		return false;
	g->hooks.items = hf_arena_alloc(&g->arena, (n + 1) * sizeof(struct hf_policy_command));
	g->hooks.count = n;
	for (size_t i = 0; g->hooks.items && i < n; i++)
		if (!take_hook(g, c, (struct hf_policy_command *)g->hooks.items + i))
			return false;
	g->variables = take_texts(g, c, &ignored);
	return g->hooks.items && g->variables && hf_cursor_done(c);
}

static int read_plan(struct guard *g, struct hf_error *err)
{
	uint8_t head[4];
	HF_BUF_AUTO plan = HF_BUF(HF_GUARDIAN_PLAN_MAX);
	ssize_t n = hf_read_full(IN, head, sizeof(head), "the plan", err);
	if (n != sizeof(head))
		return n < 0 ? (int)n : hf_fail(err, HF_E_USAGE, "this is for holdfast itself: nobody says what is to be thawed");
	struct hf_cursor c = hf_cursor(head, sizeof(head));
	size_t len = hf_cursor_u32(&c);
	uint8_t *room = hf_buf_space(&plan, len);
	n = room ? hf_read_full(IN, room, len, "the plan", err) : -1;
	if (n < 0 || (size_t)n != len)
		return hf_fail(err, HF_E_IO, "the plan of what is to be thawed is not whole");
	c = hf_cursor(room, len);
	return take_plan(g, &c) ? 0 : hf_fail(err, HF_E_IO, "the plan of what is to be thawed makes no sense");
}

/* --- what is said ------------------------------------------------------------------------------------------------------- */

/* One line. False: nobody listens any more. */
static bool tell(const char *kind, const char *text)
{
	HF_BUF_AUTO line = HF_BUF(HF_ERROR_MAX + 64);
	hf_buf_str(&line, kind);
	hf_buf_str(&line, text);
	for (size_t i = 0; i < line.len; i++)
		line.data[i] = line.data[i] == '\n' ? ' ' : line.data[i];
	hf_buf_u8(&line, '\n');
	return hf_buf_check(&line, "line", NULL) == 0 && hf_write_full(OUT, line.data, line.len, "the backup", NULL) == 0;
}

static void log_line(enum hf_log_level level, const char *line, void *user)
{
	struct guard *g = user;
	if (!g->is_orphan && tell(level >= HF_LOG_WARN ? "W " : "I ", line))
		return;
	g->is_orphan = true;
	g->orphan(level, line, NULL);
}

/* --- guarding ------------------------------------------------------------------------------------------------------------ */

/* Until it is told to thaw, or the other is gone: the end of the pipe, or, should something else still hold it open, of the process. */
static bool is_told_to(struct guard *g)
{
	HF_FD_AUTO parent = pidfd_open(g->parent, 0);
	char order = 0;
	for (;;) {
		struct pollfd p[2] = {{.fd = IN, .events = POLLIN}, {.fd = parent, .events = POLLIN}};
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return read(IN, &order, 1) == 1;
		if (p[0].revents & POLLIN)
			return read(IN, &order, 1) == 1;
		if (p[0].revents || p[1].revents)
			return false;
	}
}

static int thaw(struct guard *g, struct hf_error *err)
{
	const struct hf_hook_options options = {.stage = "thaw", .variables = g->variables, .whatever_happened = true};
	char code[32];
	struct hf_error why = {0};
	if (g->is_orphan)
		hf_warn("the backup (process %d) was killed while its sources were frozen: they are thawed now", (int)g->parent);
	int r = hf_hooks_run(&g->hooks, &options, &why);
	snprintf(code, sizeof(code), "E%d ", r);
	if (!g->is_orphan && tell(code, why.msg))
		return 0;
	g->is_orphan = true;
	if (r < 0)
		return hf_fail(err, r, "not all could be thawed after the backup (process %d) was killed: %s", (int)g->parent, why.msg);
	hf_warn("thawed after the backup (process %d) was killed", (int)g->parent);
	return 0;
}

int hf_guardian_guard(hf_log_handler *orphan, struct hf_error *err)
{
	static const int ending[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGTTOU, SIGTTIN, SIGTSTP};
	struct guard g = {.orphan = orphan, .parent = getppid()};
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (size_t i = 0; i < sizeof(ending) / sizeof(*ending); i++)
		sigaction(ending[i], &ignore, NULL);
	hf_log_set(log_line, &g, HF_LOG_INFO);
	int r = read_plan(&g, err);
	if (r == 0) {
		g.is_orphan = !tell("A", "") || !is_told_to(&g);
		r = thaw(&g, err);
	}
	hf_log_set(NULL, NULL, HF_LOG_INFO);
	hf_arena_free(&g.arena);
	return r;
}
