/*
 * Namespaces; see sandbox.h.
 *
 * hf_sandbox_new makes a list of steps with all their strings, in order; hf_sandbox_enter, in a child of a process that
 * may have threads, only makes system calls with them. A step that fails leaves its number in memory shared with us.
 *
 * The new root grows on a tmpfs and is then pivoted to, with the old one unmounted: unlike after a chroot there is
 * nothing left to escape to.
 */
#include "base/sandbox.h"

#include "base/buf.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum op { OP_DIRECTORY, OP_FILE, OP_LINK, OP_TMPFS, OP_BIND, OP_BIND_ALL, OP_READ_ONLY, OP_PROC };

struct step {
	enum op op;
	char *from; /* OP_LINK: the target; OP_TMPFS: mount options */
	char *to;
};

/* Not steps of the list: numbers below zero. */
enum { AT_UNSHARE = -1, AT_MAP = -2, AT_FORK = -3, AT_ROOT = -4, AT_PIVOT = -5, AT_PRIVILEGES = -6 };

struct failure {
	bool failed;
	int step, errnum;
};

struct hf_sandbox {
	char *root;
	struct step *steps;
	size_t count;
	bool share_network, make_user;
	char uid_map[64], gid_map[64];
	struct failure *failure; /* shared with the children */
	char shown[512];
};

void hf_sandbox_free(struct hf_sandbox *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++) {
		free(s->steps[i].from);
		free(s->steps[i].to);
	}
	free(s->steps);
	free(s->root);
	if (s->failure)
		munmap(s->failure, sizeof(*s->failure));
	free(s);
}

/* `to` is a path inside. */
static int add(struct hf_sandbox *s, enum op op, const char *from, const char *to, struct hf_error *err)
{
	struct step *grown = realloc(s->steps, (s->count + 1) * sizeof(*grown));
	if (!grown)
		return hf_fail(err, HF_E_NOMEM, "plan a sandbox: no memory");
	s->steps = grown;
	struct step step = {.op = op, .from = from ? strdup(from) : NULL};
	if (asprintf(&step.to, "%s%s", s->root, to) < 0)
		step.to = NULL;
	s->steps[s->count++] = step;
	return step.to && (step.from || !from) ? 0 : hf_fail(err, HF_E_NOMEM, "plan a sandbox: no memory");
}

/* The directories on the way to `path`, and it itself if `whole`. */
static int add_parents(struct hf_sandbox *s, const char *path, bool whole, struct hf_error *err)
{
	int r = 0;
	for (const char *p = path; r == 0 && (p = strchr(p + 1, '/'));) {
		char *part = strndup(path, (size_t)(p - path));
		r = part ? add(s, OP_DIRECTORY, NULL, part, err) : hf_fail(err, HF_E_NOMEM, "plan a sandbox: no memory");
		free(part);
	}
	return r == 0 && whole ? add(s, OP_DIRECTORY, NULL, path, err) : r;
}

/* A part of the system, read-only: a directory, or where /usr is merged a link. */
static int add_system(struct hf_sandbox *s, const char *path, struct hf_error *err)
{
	struct stat st;
	char target[256];
	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = 0;
		return n > 0 ? add(s, OP_LINK, target, path, err) : 0;
	}
	int r = add(s, OP_DIRECTORY, NULL, path, err);
	if (r == 0)
		r = add(s, OP_BIND_ALL, path, path, err);
	return r < 0 ? r : add(s, OP_READ_ONLY, NULL, path, err);
}

static int add_bind(struct hf_sandbox *s, const struct hf_sandbox_bind *bind, struct hf_error *err)
{
	struct stat st;
	if (stat(bind->from, &st) < 0)
		return hf_fail_errno(err, errno, "plan a sandbox: %s", bind->from);
	bool directory = S_ISDIR(st.st_mode);
	int r = add_parents(s, bind->to, directory, err);
	if (r == 0 && !directory)
		r = add(s, OP_FILE, NULL, bind->to, err);
	if (r == 0)
		r = add(s, OP_BIND, bind->from, bind->to, err);
	if (r == 0 && !bind->writable)
		r = add(s, OP_READ_ONLY, NULL, bind->to, err);
	return r;
}

static int plan(struct hf_sandbox *s, const struct hf_sandbox_options *options, struct hf_error *err)
{
	static const char *const system[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"};
	static const char *const devices[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"};
	static const char *const fresh[][2] = {{"/tmp", "mode=1777"}, {"/run", "mode=755"}, {"/dev/shm", "mode=1777"}};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(system) / sizeof(system[0]); i++)
		r = add_system(s, system[i], err);
	for (size_t i = 0; r == 0 && i < sizeof(devices) / sizeof(devices[0]); i++)
		r = add_bind(s, &(struct hf_sandbox_bind){devices[i], devices[i], true}, err);
	for (size_t i = 0; r == 0 && i < sizeof(fresh) / sizeof(fresh[0]); i++) {
		r = add_parents(s, fresh[i][0], true, err);
		if (r == 0)
			r = add(s, OP_TMPFS, fresh[i][1], fresh[i][0], err);
	}
	if (r == 0)
		r = add(s, OP_DIRECTORY, NULL, "/proc", err);
	if (r == 0)
		r = add(s, OP_PROC, NULL, "/proc", err);
	for (size_t i = 0; r == 0 && i < options->bind_count; i++)
		r = add_bind(s, &options->binds[i], err);
	return r;
}

int hf_sandbox_new(const struct hf_sandbox_options *options, struct hf_sandbox **out, struct hf_error *err)
{
	*out = NULL;
	struct hf_sandbox *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "plan a sandbox: no memory");
	s->root = strdup(options->root);
	s->share_network = options->share_network;
	s->make_user = geteuid() != 0;
	snprintf(s->uid_map, sizeof(s->uid_map), "%u %u 1", geteuid(), geteuid());
	snprintf(s->gid_map, sizeof(s->gid_map), "%u %u 1", getegid(), getegid());
	void *shared = mmap(NULL, sizeof(*s->failure), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	s->failure = shared == MAP_FAILED ? NULL : shared;
	int r = s->root && s->failure ? plan(s, options, err) : hf_fail(err, HF_E_NOMEM, "plan a sandbox: no memory");
	if (r < 0) {
		hf_sandbox_free(s);
		return r;
	}
	*out = s;
	return 0;
}

/* From here to hf_sandbox_enter: in a child, system calls only. */

static int child_failed(struct hf_sandbox *s, int step)
{
	*s->failure = (struct failure){.failed = true, .step = step, .errnum = errno};
	return errno ? errno : EIO;
}

static bool child_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));
	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(text);
}

static bool child_map_user(const struct hf_sandbox *s)
{
	return child_write("/proc/self/setgroups", "deny") && child_write("/proc/self/uid_map", s->uid_map) &&
	       child_write("/proc/self/gid_map", s->gid_map);
}

static bool child_read_only(const char *path)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
	return syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)) == 0;
}

static bool child_bind(const struct step *step, bool whole)
{
	if (mount(step->from, step->to, NULL, MS_BIND | (whole ? MS_REC : 0), NULL) == 0)
		return true;
	/* In a user namespace what the host mounted below can't be left out. */
	return errno == EINVAL && !whole && mount(step->from, step->to, NULL, MS_BIND | MS_REC, NULL) == 0;
}

static bool child_file(const char *path)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool child_step(const struct step *step)
{
	switch (step->op) {
	case OP_DIRECTORY:
		return mkdir(step->to, 0755) == 0 || errno == EEXIST;
	case OP_FILE:
		return child_file(step->to);
	case OP_LINK:
		return symlink(step->from, step->to) == 0;
	case OP_TMPFS:
		return mount("tmpfs", step->to, "tmpfs", MS_NOSUID | MS_NODEV, step->from) == 0;
	case OP_BIND:
		return child_bind(step, false);
	case OP_BIND_ALL:
		return child_bind(step, true);
	case OP_READ_ONLY:
		return child_read_only(step->to);
	case OP_PROC:
		/* Refused in some containers; an empty /proc is no less apart. */
		(void)!mount("proc", step->to, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
		return true;
	}
	return false;
}

/* Keeps what is mounted from here on to ourselves. In a chroot "/" is no mount point, so that neither this nor
 * pivot_root can work: entering our own mount namespace (anew each time) leaves the chroot, and `back` returns to it.
 * `*ns` is -1 where there is no chroot. */
static bool child_make_private(int *ns)
{
	*ns = -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return true;
	if (errno != EINVAL)
		return false;
	int back = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	*ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return back >= 0 && *ns >= 0 && setns(*ns, CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && fchdir(back) == 0 && chroot(".") == 0 &&
	       close(back) == 0;
}

static bool child_pivot(const struct hf_sandbox *s, int ns)
{
	int here = open(s->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (here < 0 || (ns >= 0 && setns(ns, CLONE_NEWNS) < 0) || fchdir(here) < 0)
		return false;
	return syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
}

static int child_build(struct hf_sandbox *s)
{
	int ns;
	umask(022); /* whoever it gives its rights up for must get through what is made here */
	if (!child_make_private(&ns) || mount("tmpfs", s->root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") < 0)
		return child_failed(s, AT_ROOT);
	for (size_t i = 0; i < s->count; i++)
		if (!child_step(&s->steps[i]))
			return child_failed(s, (int)i);
	if (!child_pivot(s, ns))
		return child_failed(s, AT_PIVOT);
	const struct rlimit no_core = {0, 0};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
		return child_failed(s, AT_PRIVILEGES);
	return 0;
}

/* Process 1 of the new PID namespace is a child of this one, which stands in for it outside. It must outlive every
 * signal to the group, and hold no descriptor open (the pipe that tells of exec among them). */
_Noreturn static void child_stand_in(pid_t inner, const sigset_t *before)
{
	static const int passed[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaction(passed[i], &ignore, NULL);
	sigprocmask(SIG_SETMASK, before, NULL);
	syscall(SYS_close_range, 0U, ~0U, 0U);
	int status;
	while (waitpid(inner, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

int hf_sandbox_enter(void *user)
{
	struct hf_sandbox *s = user;
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
	flags |= s->share_network ? 0 : CLONE_NEWNET;
	flags |= s->make_user ? CLONE_NEWUSER : 0;
	s->failure->failed = false;
	if (unshare(flags) < 0)
		return child_failed(s, AT_UNSHARE);
	if (s->make_user && !child_map_user(s))
		return child_failed(s, AT_MAP);
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t inner = _Fork();
	if (inner < 0)
		return child_failed(s, AT_FORK);
	if (inner > 0)
		child_stand_in(inner, &before);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return child_build(s);
}

static const char *step_shown(const struct hf_sandbox *s, int at)
{
	static const char *const names[] = {"make namespaces", "map the user", "start a process in them",
		"make a new root", "change to the new root", "give up privileges"};
	static const char *const ops[] = {"make", "make", "link", "mount memory on", "show", "show", "protect", "mount"};
	return at < 0 ? names[-at - 1] : (size_t)at < s->count ? ops[s->steps[at].op] : "?";
}

const char *hf_sandbox_failure(const struct hf_sandbox *sandbox)
{
	struct hf_sandbox *s = (struct hf_sandbox *)sandbox;
	if (!s->failure->failed)
		return NULL;
	int at = s->failure->step;
	const char *what = at >= 0 && (size_t)at < s->count ? s->steps[at].to + strlen(s->root) : "";
	snprintf(s->shown, sizeof(s->shown), "%s%s%s: %s", step_shown(s, at), *what ? " " : "", what,
		strerror(s->failure->errnum));
	return s->shown;
}

int hf_sandbox_try(struct hf_sandbox *sandbox, struct hf_error *err)
{
	static const char *const argv[] = {"/bin/true", NULL};
	struct hf_proc_options options = {.argv = argv, .directory = "/", .prepare = hf_sandbox_enter, .user = sandbox};
	HF_BUF_AUTO output = HF_BUF(4096);
	struct hf_error why = {0};
	int status = 0;
	int r = hf_proc_run(&options, &output, &output, &status, &why);
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r == 0 && status == 0)
		return 0;
	const char *failed = hf_sandbox_failure(sandbox);
	return hf_fail(err, HF_E_UNSUPPORTED, "this machine gives us no namespaces: %s",
		failed ? failed : r < 0 ? why.msg : "a program in them fails");
}
