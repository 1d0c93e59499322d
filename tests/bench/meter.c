/*
 * hf-meter RESULT COMMAND [ARG...]: runs a command and writes what it cost to the file RESULT, as one JSON
 * object.
 *
 * The cost is that of the whole process tree: the meter adopts orphans, and waits for them too. A process
 * inherits the peak memory of the one that starts it, so what starts the command has to be small: that is why
 * this isn't done in the interpreter that runs the benchmark.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int exit_status(int wait_status)
{
	return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* Waits for the command, then for whatever it left running; returns the command's exit status. */
static int wait_for_all(pid_t command, double *ended)
{
	int status, result = 1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR)
		if (pid == command) {
			*ended = now();
			result = exit_status(status);
		}
	return result;
}

static int report(const char *path, int status, double wall)
{
	struct rusage u;
	FILE *f = fopen(path, "w");

	if (!f) {
		fprintf(stderr, "hf-meter: %s: %s\n", path, strerror(errno));
		return 1;
	}
	getrusage(RUSAGE_CHILDREN, &u);
	fprintf(f,
		"{\"status\": %d, \"wall\": %.4f, \"user\": %.4f, \"system\": %.4f, \"rss_kib\": %ld, "
		"\"written\": %lld}\n",
		status, wall, seconds(u.ru_utime), seconds(u.ru_stime), u.ru_maxrss,
		(long long)u.ru_oublock * 512);
	return fclose(f) == 0 ? status : 1;
}

int main(int argc, char **argv)
{
	double started, ended;
	pid_t command;
	int status;

	if (argc < 3) {
		fputs("usage: hf-meter RESULT COMMAND [ARG...]\n", stderr);
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	started = ended = now();
	command = fork();
	if (command == 0) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "hf-meter: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	/* An interrupt is for the command; the meter stays to see it end. */
	signal(SIGINT, SIG_IGN);
	status = wait_for_all(command, &ended);
	return report(argv[1], status, ended - started);
}
