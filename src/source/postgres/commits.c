/* The newest commit; see commits.h. pg_waldump's lines are read as they come: there may be millions. */
#include "source/postgres/commits.h"

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

/* "… desc: COMMIT 2026-11-21 14:03:00.123456 UTC; …", "… desc: COMMIT_PREPARED 735: 2026-11-21 …" */
int64_t hf_pg_commit_time(const char *line)
{
	const char *p = strstr(line, "desc: COMMIT");
	char text[40];
	int64_t ns;
	while (p && (p = strchr(p, ' '))) {
		p++;
		const char *utc = strstr(p, " UTC");
		size_t n = utc ? (size_t)(utc - p) : 0;
		if (n < 19 || n > sizeof(text) - 2 || p[4] != '-')
			continue;
		snprintf(text, sizeof(text), "%.*sZ", (int)n, p);
		if (hf_time_parse(text, &ns, NULL) == 0)
			return ns;
	}
	return 0;
}

/* Takes the complete lines out of `text`, leaving the rest. */
static void take_lines(char *text, size_t *len, int64_t *newest)
{
	char *line = text;
	for (char *nl; (nl = memchr(line, '\n', *len - (size_t)(line - text))); line = nl + 1) {
		*nl = 0;
		int64_t ns = hf_pg_commit_time(line);
		if (ns > *newest)
			*newest = ns;
	}
	size_t rest = *len - (size_t)(line - text);
	memmove(text, line, rest);
	*len = rest;
}

static int read_lines(int fd, int64_t *newest, struct hf_error *err)
{
	char text[16384];
	size_t len = 0;
	for (;;) {
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 200) <= 0)
			continue;
		ssize_t n = read(fd, text + len, sizeof(text) - len);
		if (n < 0 && errno != EINTR)
			return hf_fail_errno(err, errno, "read pg_waldump's output");
		if (n == 0)
			return 0;
		len += n > 0 ? (size_t)n : 0;
		take_lines(text, &len, newest);
		if (len == sizeof(text))
			len = 0; /* no line of interest is that long (a commit that drops thousands of relations) */
	}
}

static int run(struct hf_pg_server *s, const char *const *argv, int64_t *newest, struct hf_error *err)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "make a pipe");
	HF_FD_AUTO reader = ends[0];
	HF_FD_AUTO writer = ends[1];
	struct hf_proc_options options;
	hf_pg_server_proc(s, argv, &options);
	options.out = writer;
	options.err = s->log_fd;
	struct hf_proc process;
	int r = hf_proc_start(&options, &process, err);
	if (r < 0)
		return r;
	hf_fd_close(&writer);
	r = read_lines(reader, newest, err);
	int status = 0;
	if (r == 0)
		r = hf_proc_wait(&process, 0, &status, err);
	hf_proc_end(&process, 0);
	if (r == 0 && status != 0)
		r = hf_fail(err, HF_E_CHECK, "pg_waldump can't read the WAL of the copy: status %d", status);
	return r;
}

int hf_pg_newest_commit(struct hf_pg_server *s, const json_t *detail, int64_t *ns, struct hf_error *err)
{
	const char *start, *stop;
	int64_t timeline;
	*ns = 0;
	if (hf_json_string(detail, "start_lsn", &start, err) < 0 || hf_json_string(detail, "stop_lsn", &stop, err) < 0 ||
		hf_json_int(detail, "timeline", &timeline, err) < 0)
		return HF_E_CORRUPT;
	char program[4096], path[4200], number[16];
	snprintf(program, sizeof(program), "%s/pg_waldump", s->programs);
	snprintf(path, sizeof(path), "%s/pg_wal", s->data);
	snprintf(number, sizeof(number), "%" PRId64, timeline);
	const char *const argv[] = {program, "-p", path, "-t", number, "-s", start, "-e", stop, "-r", "Transaction", NULL};
	return run(s, argv, ns, err);
}
