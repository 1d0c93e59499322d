/* Getting a passphrase; see passphrase.h. */
#include "cli/passphrase.h"

#include "base/file.h"
#include "base/proc.h"
#include "base/stop.h"
#include "crypto/random.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

void hf_passphrase_free(struct hf_buf *b)
{
	hf_wipe(b->data, b->cap);
	hf_buf_free(b);
}

/* Takes what `source` gave; drops a newline at its end if `line`. */
static int take(
	const char *source, const void *data, size_t len, bool line, struct hf_buf *out, struct hf_error *err)
{
	const char *text = data;
	if (line && len > 0 && text[len - 1] == '\n') {
		len--;
		if (len > 0 && text[len - 1] == '\r')
			len--;
	}
	if (len == 0)
		return hf_fail(err, HF_E_KEY, "the passphrase from %s is empty", source);
	if (len > HF_PASSPHRASE_MAX)
		return hf_fail(err, HF_E_KEY, "the passphrase from %s is longer than %d bytes", source,
			HF_PASSPHRASE_MAX);
	hf_buf_add(out, text, len);
	return hf_buf_check(out, "passphrase", err);
}

static int from_file(const char *variable, const char *path, struct hf_buf *out, struct hf_error *err)
{
	HF_PASSPHRASE_AUTO text = HF_BUF(HF_PASSPHRASE_MAX + 2);
	int r = hf_file_read(AT_FDCWD, path, &text, err);
	if (r == 0)
		return take(variable, text.data, text.len, true, out, err);
	if (err)
		err->code = HF_E_KEY;
	return hf_wrap(err, HF_E_KEY, "read the passphrase from %s", variable);
}

static int from_command(const char *variable, const char *command, struct hf_buf *out, struct hf_error *err)
{
	HF_PASSPHRASE_AUTO text =
		HF_BUF(HF_PASSPHRASE_MAX + 3); /* one more than fits, so that more is noticed */
	HF_BUF_AUTO complaint = HF_BUF(512);
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	int status = 0;
	int r = hf_proc_run(&(struct hf_proc_options){.argv = argv}, &text, &complaint, &status, err);
	if (r < 0)
		return hf_wrap(err, r, "get the passphrase from %s", variable);
	if (status == 0)
		return take(variable, text.data, text.len, true, out, err);
	complaint.max++; /* for the terminator */
	const char *said = hf_buf_cstr(&complaint);
	return hf_fail(err, HF_E_KEY,
		"get the passphrase from %s: the command \"%s\" ended with status %d%s%s", variable, command,
		status, said && *said ? ": " : "", said ? said : "");
}

/* --- the terminal ------------------------------------------------------------------------------------------------- */

/* Reads a line, its newline included; more than fits is read and not kept. poll is never restarted after a
 * signal, so being told to stop is noticed at once. */
static int read_line(int tty, char *line, size_t max, size_t *len, struct hf_error *err)
{
	*len = 0;
	for (;;) {
		char c;
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		struct pollfd p = {.fd = tty, .events = POLLIN};
		if (poll(&p, 1, -1) < 0)
			continue;
		ssize_t n = read(tty, &c, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return hf_fail_errno(err, errno, "read the passphrase from the terminal");
		if (n == 0)
			return 0;
		if (*len < max)
			line[(*len)++] = c;
		if (c == '\n')
			return 0;
	}
}

/* Prompts, and reads a line with echo off; the terminal is as before afterwards, whatever happened. */
static int ask_once(int tty, const char *prompt, const char *again, struct hf_buf *out, struct hf_error *err)
{
	struct termios before, quiet;
	char text[512];
	int n = snprintf(text, sizeof(text), "%s%s: ", prompt, again);
	if (tcgetattr(tty, &before) < 0)
		return hf_fail_errno(err, errno, "set the terminal up for a passphrase");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	if (tcsetattr(tty, TCSAFLUSH, &quiet) < 0)
		return hf_fail_errno(err, errno, "turn the terminal's echo off");
	char line[HF_PASSPHRASE_MAX + 2];
	size_t len = 0;
	int r = hf_write_full(
		tty, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1, "the terminal", err);
	if (r == 0)
		r = read_line(tty, line, sizeof(line), &len, err);
	tcsetattr(tty, TCSAFLUSH, &before);
	if (r == 0)
		r = take("the terminal", line, len, true, out, err);
	hf_wipe(line, sizeof(line));
	return r;
}

static int from_terminal(const struct hf_passphrase_options *options, const char *name, struct hf_buf *out,
	struct hf_error *err)
{
	HF_FD_AUTO tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return hf_fail(err, HF_E_KEY,
			"a passphrase is needed, and there is no terminal to ask for it: set %s_FILE, "
			"%s_COMMAND or %s",
			name, name, name);
	int r = ask_once(tty, options->prompt, "", out, err);
	if (r < 0 || !options->twice)
		return r;
	HF_PASSPHRASE_AUTO second = HF_BUF(HF_PASSPHRASE_MAX);
	r = ask_once(tty, options->prompt, ", again", &second, err);
	if (r == 0 && (second.len != out->len || !hf_equal(second.data, out->data, out->len)))
		r = hf_fail(err, HF_E_KEY, "the two passphrases differ; nothing was changed");
	return r;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

int hf_passphrase_get(const struct hf_passphrase_options *options, struct hf_buf *out, struct hf_error *err)
{
	const char *name = options->name ? options->name : "HOLDFAST_PASSPHRASE", *value;
	char file[64], command[64];
	snprintf(file, sizeof(file), "%s_FILE", name);
	snprintf(command, sizeof(command), "%s_COMMAND", name);
	hf_buf_clear(out);
	int r;
	if ((value = getenv(name)))
		r = take(name, value, strlen(value), false, out, err);
	else if ((value = getenv(file)))
		r = from_file(file, value, out, err);
	else if ((value = getenv(command)))
		r = from_command(command, value, out, err);
	else
		r = from_terminal(options, name, out, err);
	return r;
}

bool hf_passphrase_is_given(const char *name)
{
	static const char *const ends[] = {"", "_FILE", "_COMMAND"};
	char variable[64];
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		snprintf(variable, sizeof(variable), "%s%s", name, ends[i]);
		if (getenv(variable))
			return true;
	}
	return false;
}

void hf_passphrase_scrub_environment(void)
{
	static const char *const names[] = {"HOLDFAST_PASSPHRASE", "HOLDFAST_NEW_PASSPHRASE", "HOLDFAST_TO_PASSPHRASE",
		"HOLDFAST_LIKE_PASSPHRASE"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *value = getenv(names[i]);
		if (value)
			hf_wipe(value, strlen(value)); /* /proc/PID/environ shows it otherwise */
		unsetenv(names[i]);
	}
}
