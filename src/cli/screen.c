/* Standard error; see screen.h. */
#include "cli/screen.h"

#include "base/log.h"
#include "base/size.h"
#include "base/time.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_AFTER HF_SECOND
#define DRAW_EVERY (HF_SECOND / 5)
#define LINE_EVERY (30 * HF_SECOND)

static struct {
	struct hf_progress *progress;
	bool quiet, terminal, running, drawn;
	int64_t begun, last; /* when; monotonic */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t ended;
} screen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- what the line says -------------------------------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void add(char *out, size_t size, const char *fmt, ...)
{
	size_t n = strlen(out);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(out + n, size - n, fmt, ap);
	va_end(ap);
}

/* What is left of the time, in ns; -1 if there is no telling. */
static int64_t time_left(const struct hf_progress_view *v)
{
	uint64_t total = v->total_bytes, done = v->done_bytes;
	if (!total) {
		total = v->total_entries;
		done = v->done_entries;
	}
	if (!total || !done || done > total)
		return -1;
	return (int64_t)((double)v->elapsed_ns * (double)(total - done) / (double)done);
}

/* The line for one state of things, without a newline. */
static const char *line_of(const struct hf_progress_view *v, char *out, size_t size)
{
	char a[HF_SIZE_TEXT], b[HF_SIZE_TEXT], left[HF_TIME_TEXT];
	double seconds = hf_seconds(v->elapsed_ns > 0 ? v->elapsed_ns : 1);
	snprintf(out, size, "%s", v->phase ? v->phase : "working");
	if (v->total_bytes)
		add(out, size, "  %3.0f%%", 100 * (double)v->done_bytes / (double)v->total_bytes);
	if (v->done_bytes || v->total_bytes)
		add(out, size, "  %s", hf_size_format(v->done_bytes, a));
	if (v->total_bytes)
		add(out, size, " of %s", hf_size_format(v->total_bytes, b));
	if (v->done_entries && v->total_entries)
		add(out, size, "  %llu of %llu entries", (unsigned long long)v->done_entries,
			(unsigned long long)v->total_entries);
	else if (v->done_entries)
		add(out, size, "  %llu entries", (unsigned long long)v->done_entries);
	if (v->done_bytes)
		add(out, size, "  %s/s", hf_size_format((uint64_t)((double)v->done_bytes / seconds), a));
	if (time_left(v) >= 0)
		add(out, size, "  %s left", hf_duration_format(time_left(v), left));
	return out;
}

/* --- drawing, with the lock held ----------------------------------------------------------------------------------- */

static void wipe_line(void)
{
	if (screen.drawn)
		fputs("\r\033[K", stderr);
	screen.drawn = false;
}

static void draw(void)
{
	struct hf_progress_view v;
	struct winsize ws;
	char text[256];
	int64_t now = hf_time_monotonic();
	hf_progress_read(screen.progress, &v);
	if (!v.phase || now - screen.begun < FIRST_AFTER)
		return;
	line_of(&v, text, sizeof(text));
	if (screen.terminal) {
		size_t width = ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 1 ? ws.ws_col - 1u : 79;
		fprintf(stderr, "\r%.*s\033[K", (int)width, text);
		fflush(stderr);
		screen.drawn = true;
	} else if (now - screen.last >= LINE_EVERY) {
		fprintf(stderr, "%s\n", text);
		screen.last = now;
	}
}

static void *watch(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&screen.lock);
	while (screen.running) {
		int64_t until = hf_time_monotonic() + DRAW_EVERY;
		struct timespec ts = {until / HF_SECOND, until % HF_SECOND};
		draw();
		pthread_cond_timedwait(&screen.ended, &screen.lock, &ts);
	}
	wipe_line();
	pthread_mutex_unlock(&screen.lock);
	return NULL;
}

static void write_line(const char *prefix, const char *line)
{
	pthread_mutex_lock(&screen.lock);
	wipe_line();
	fprintf(stderr, "%s%s\n", prefix, line);
	fflush(stderr);
	pthread_mutex_unlock(&screen.lock);
}

static void log_line(enum hf_log_level level, const char *line, void *unused)
{
	(void)unused;
	if (level == HF_LOG_WARN)
		write_line("warning: ", line);
	else if (!screen.quiet)
		write_line("", line);
}

void hf_screen_error(const char *message)
{
	write_line("holdfast: ", message);
}

/* Signals are the main thread's. */
static bool start_thread(void)
{
	sigset_t all, old;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&screen.ended, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	bool started = pthread_create(&screen.thread, NULL, watch, NULL) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return started;
}

void hf_screen_begin(struct hf_cli *cli)
{
	screen.progress = &cli->progress;
	screen.quiet = cli->quiet;
	screen.terminal = isatty(STDERR_FILENO) == 1;
	screen.begun = screen.last = hf_time_monotonic();
	hf_log_set(log_line, NULL, HF_LOG_INFO);
	if (cli->quiet)
		return;
	screen.running = true; /* before there is a thread to see it */
	if (!start_thread())
		screen.running = false;
}

void hf_screen_end(void)
{
	pthread_mutex_lock(&screen.lock);
	bool running = screen.running;
	screen.running = false;
	if (running)
		pthread_cond_signal(&screen.ended);
	pthread_mutex_unlock(&screen.lock);
	if (running)
		pthread_join(screen.thread, NULL);
}
