/*
 * Child processes; see proc.h.
 *
 * Everything that needs memory (where argv[0] may lie, the descriptors) is made before fork; between fork and exec
 * the child makes async-signal-safe calls only, since another thread may have held a lock at that moment. It tells
 * of a failure through a close-on-exec pipe: end of file there means that exec worked.
 */
#include "base/proc.h"

#include "base/file.h"
#include "base/stop.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { CANDIDATE_MAX = 64, ASK_EVERY_MS = 100, POLL_MS = 10 };

static const char *const step_names[] = {
	"become a process group",
	"connect its descriptors",
	"change to its directory",
	"prepare it",
	"give up our rights",
	"run it",
};
enum step { STEP_GROUP, STEP_DESCRIPTORS, STEP_DIRECTORY, STEP_PREPARE, STEP_DROP, STEP_EXEC, STEP_COUNT };

struct failure {
	int step, errnum;
};

/* All that the child needs, made before fork. */
struct plan {
	const struct hf_proc_options *options;
	char *paths[CANDIDATE_MAX + 1]; /* where argv[0] may lie, in the order of PATH */
	int report;			/* the writing end of the pipe */
	pid_t parent;
};

static void plan_free(struct plan *plan)
{
	for (size_t i = 0; plan->paths[i]; i++)
		free(plan->paths[i]);
}

static int plan_paths(struct plan *plan, const char *name, struct hf_error *err)
{
	const char *dirs = strchr(name, '/') ? "" : getenv("PATH");
	if (!dirs)
		dirs = "/usr/local/bin:/usr/bin:/bin";
	for (size_t n = 0; n < CANDIDATE_MAX; n++) {
		size_t len = strcspn(dirs, ":");
		const char *slash = len ? "/" : "";
		if (asprintf(&plan->paths[n], "%.*s%s%s", (int)len, dirs, slash, name) < 0) {
			plan->paths[n] = NULL;
			return hf_fail(err, HF_E_NOMEM, "start %s: no memory", name);
		}
		if (!dirs[len])
			break;
		dirs += len + 1;
	}
	return 0;
}

/* From here to child_run: in the child, async-signal-safe calls only. */

_Noreturn static void child_fail(const struct plan *plan, enum step step, int errnum)
{
	const struct failure f = {step, errnum};
	ssize_t n = write(plan->report, &f, sizeof(f));
	_exit(n == sizeof(f) ? 127 : 126);
}

/* Handlers of ours must not run in the child, and what we ignore or block is none of its business. */
static void child_reset_signals(void)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &action, NULL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_die_with_parent(const struct plan *plan, pid_t parent)
{
	if (plan->options->outlives_us)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
}

/* Moves what shall be 0, 1 and 2 out of the way first, since they may be each other. */
static void child_descriptors(struct plan *plan)
{
	int want[3] = {plan->options->in, plan->options->out, plan->options->err};
	plan->report = fcntl(plan->report, F_DUPFD_CLOEXEC, 3);
	for (int i = 0; i < 3; i++) {
		if (want[i] > 0)
			want[i] = fcntl(want[i], F_DUPFD_CLOEXEC, 3);
		else if (i == 0)
			want[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		else
			continue;
		if (want[i] < 0)
			child_fail(plan, STEP_DESCRIPTORS, errno);
	}
	for (int i = 0; i < 3; i++) {
		if (want[i] == i)
			fcntl(i, F_SETFD, 0);
		else if (want[i] > 0 && dup2(want[i], i) < 0)
			child_fail(plan, STEP_DESCRIPTORS, errno);
	}
}

/* All others close at exec, not before: `prepare` may need one. */
static void child_close_others(void)
{
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	struct rlimit limit = {.rlim_cur = 65536};
	getrlimit(RLIMIT_NOFILE, &limit);
	int top = limit.rlim_cur > 1 << 20 ? 1 << 20 : (int)limit.rlim_cur;
	for (int fd = 3; fd < top; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* By raw system calls: glibc's own would signal threads that the child does not have. */
static void child_drop(const struct plan *plan)
{
	const struct hf_proc_options *o = plan->options;
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, o->gid, o->gid, o->gid) < 0 ||
		syscall(SYS_setresuid, o->uid, o->uid, o->uid) < 0)
		child_fail(plan, STEP_DROP, errno);
}

_Noreturn static void child_exec(const struct plan *plan)
{
	const struct hf_proc_options *o = plan->options;
	char *const *env = o->env ? (char *const *)o->env : environ;
	int worst = ENOENT;
	for (size_t i = 0; plan->paths[i]; i++) {
		execve(plan->paths[i], (char *const *)o->argv, env);
		if (errno == ENOENT || errno == ENOTDIR)
			continue;
		worst = errno;
		if (errno != EACCES)
			break;
	}
	child_fail(plan, STEP_EXEC, worst);
}

_Noreturn static void child_run(struct plan *plan)
{
	const struct hf_proc_options *o = plan->options;
	child_reset_signals();
	child_die_with_parent(plan, plan->parent);
	if (setpgid(0, 0) < 0)
		child_fail(plan, STEP_GROUP, errno);
	child_descriptors(plan);
	child_close_others();
	if (o->directory && chdir(o->directory) < 0)
		child_fail(plan, STEP_DIRECTORY, errno);
	int e = o->prepare ? o->prepare(o->user) : 0;
	if (e)
		child_fail(plan, STEP_PREPARE, e);
	if (o->drop) {
		pid_t parent = getppid(); /* `prepare` may have forked */
		child_drop(plan);
		child_die_with_parent(plan, parent); /* a change of user has cleared it */
	}
	child_exec(plan);
}

/* Waits for exec: nothing in the pipe means that it worked. */
static int read_report(int fd, const struct plan *plan, struct hf_proc *proc, struct hf_error *err)
{
	const char *name = plan->options->argv[0];
	struct failure f = {0};
	ssize_t n = hf_read_full(fd, &f, sizeof(f), name, err);
	if (n == 0)
		return 0;
	hf_proc_end(proc, 0);
	if (n < 0)
		return (int)n;
	if (n != sizeof(f) || f.step < 0 || f.step >= STEP_COUNT)
		return hf_fail(err, HF_E_IO, "start %s: the child died before it ran", name);
	if (f.step == STEP_EXEC && f.errnum == ENOENT && !strchr(name, '/'))
		return hf_fail(err, HF_E_NOTFOUND, "start %s: there is no such program in PATH", name);
	return hf_fail_errno(err, f.errnum, "start %s: %s", name, step_names[f.step]);
}

int hf_proc_start(const struct hf_proc_options *options, struct hf_proc *out, struct hf_error *err)
{
	__attribute__((cleanup(plan_free))) struct plan plan = {.options = options, .parent = getpid()};
	*out = (struct hf_proc){0};
	if (!options->argv || !options->argv[0] || !options->argv[0][0])
		return hf_fail(err, HF_E_USAGE, "no command was given");
	int r = plan_paths(&plan, options->argv[0], err);
	if (r < 0)
		return r;
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "start %s: make a pipe", options->argv[0]);
	HF_FD_AUTO reader = ends[0];
	HF_FD_AUTO writer = ends[1];
	plan.report = writer;
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		child_run(&plan);
	int e = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (pid < 0)
		return hf_fail_errno(err, e, "start %s: fork", options->argv[0]);
	setpgid(pid, pid); /* the child does so too: whoever comes first */
	out->pid = pid;
	hf_fd_close(&writer);
	return read_report(reader, &plan, out, err);
}

/* Waits, without reaping, until the child has ended (0) or the time (ns; 0 or less: for ever) has passed (1). */
static int await_end(pid_t pid, int64_t timeout_ns)
{
	HF_FD_AUTO fd = pidfd_open(pid, 0);
	int64_t deadline = timeout_ns > 0 ? hf_time_monotonic() + timeout_ns : INT64_MAX;
	for (;;) {
		siginfo_t info = {0};
		bool block = fd < 0 && timeout_ns <= 0;
		int r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | (block ? 0 : WNOHANG));
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (info.si_pid == pid)
			return 0;
		int64_t left = deadline == INT64_MAX ? INT64_MAX : deadline - hf_time_monotonic();
		if (left <= 0)
			return 1;
		int64_t ms = left / 1000000 + 1;
		int most = fd >= 0 ? 60000 : POLL_MS;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		poll(&p, 1, ms < most ? (int)ms : most);
	}
}

static int status_of(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status : 128 + info->si_status;
}

/* The end has come: reaps. */
static int reap(pid_t pid, int *status)
{
	siginfo_t info = {0};
	int r;
	do
		r = waitid(P_PID, (id_t)pid, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*status = status_of(&info);
	return 0;
}

int hf_proc_wait(struct hf_proc *proc, int64_t timeout_ns, int *status, struct hf_error *err)
{
	int r = await_end(proc->pid, timeout_ns);
	if (r == 1)
		return 1;
	if (r == 0)
		r = reap(proc->pid, status);
	pid_t pid = proc->pid;
	proc->pid = 0;
	return r < 0 ? hf_fail_errno(err, -r, "wait for process %d", (int)pid) : 0;
}

void hf_proc_end(struct hf_proc *proc, int64_t grace_ns)
{
	if (proc->pid <= 0)
		return;
	kill(-proc->pid, SIGTERM);
	if (grace_ns > 0)
		(void)!await_end(proc->pid, grace_ns);
	kill(-proc->pid, SIGKILL); /* what is left of the group: our own child is not reaped yet, so its id is ours */
	int status;
	(void)!reap(proc->pid, &status);
	proc->pid = 0;
}

/* One of the two outputs that hf_proc_run collects. */
struct collector {
	struct hf_buf *buf;
	int fd; /* -1: at its end */
};

/* Takes what is there: false at the end of file. */
static bool collect(struct collector *c)
{
	char block[16384];
	for (;;) {
		ssize_t n = read(c->fd, block, sizeof(block));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n <= 0)
			return false;
		size_t room = c->buf->max - c->buf->len;
		hf_buf_add(c->buf, block, (size_t)n < room ? (size_t)n : room);
	}
}

/* Until the child itself has ended: a grandchild that keeps the pipe open is not waited for. */
static int collect_until_end(struct hf_proc *proc, struct collector c[2], int *status, struct hf_error *err)
{
	for (;;) {
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		struct pollfd p[2] = {{.fd = c[0].fd, .events = POLLIN}, {.fd = c[1].fd, .events = POLLIN}};
		bool open = c[0].fd >= 0 || c[1].fd >= 0;
		int n = open ? poll(p, 2, ASK_EVERY_MS) : 0;
		for (int i = 0; i < 2 && n > 0; i++)
			if (p[i].revents && !collect(&c[i]))
				hf_fd_close(&c[i].fd);
		if (n > 0)
			continue;
		r = hf_proc_wait(proc, open ? 1 : ASK_EVERY_MS * INT64_C(1000000), status, err);
		if (r <= 0)
			return r;
	}
}

/* A pipe whose reading end does not block; or /dev/null where nothing is wanted. */
static int collector_open(struct collector *c, struct hf_buf *buf, int *writer, struct hf_error *err)
{
	*c = (struct collector){.buf = buf, .fd = -1};
	if (!buf) {
		*writer = open("/dev/null", O_WRONLY | O_CLOEXEC);
		return *writer < 0 ? hf_fail_errno(err, errno, "open /dev/null") : 0;
	}
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return hf_fail_errno(err, errno, "make a pipe");
	c->fd = ends[0];
	*writer = ends[1];
	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static int run_collected(const struct hf_proc_options *options, struct collector c[2], int writers[2], int *status,
	struct hf_error *err)
{
	struct hf_proc_options o = *options;
	o.out = writers[0];
	o.err = writers[1];
	struct hf_proc proc;
	int r = hf_proc_start(&o, &proc, err);
	hf_fd_close(&writers[0]);
	hf_fd_close(&writers[1]);
	if (r < 0)
		return r;
	r = collect_until_end(&proc, c, status, err);
	for (int i = 0; i < 2 && r == 0; i++)
		if (c[i].fd >= 0)
			collect(&c[i]);
	hf_proc_end(&proc, 5 * HF_SECOND);
	return r;
}

int hf_proc_run(const struct hf_proc_options *options, struct hf_buf *out, struct hf_buf *errors, int *status,
	struct hf_error *err)
{
	struct collector c[2] = {{.fd = -1}, {.fd = -1}};
	int writers[2] = {-1, -1};
	int r = collector_open(&c[0], out, &writers[0], err);
	if (r == 0)
		r = collector_open(&c[1], errors, &writers[1], err);
	if (r == 0)
		r = run_collected(options, c, writers, status, err);
	for (int i = 0; i < 2; i++) {
		hf_fd_close(&c[i].fd);
		hf_fd_close(&writers[i]);
	}
	return r;
}
