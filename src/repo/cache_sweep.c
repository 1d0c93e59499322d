/*
 * A process that is killed leaves the file behind that it was writing. In a cache directory the next one that opens it tidies up: what
 * bears the id of a process that is gone, or of this one, which has just begun, and was last written an hour ago, so that neither
 * another container's processes nor a clock that is a little off matter. Too much removed costs time, nothing else.
 */
#include "repo/cache_sweep.h"

#include "base/log.h"
#include "base/time.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The id of the process that is writing a file of this name; 0: it is no such file. */
static pid_t written_by(const char *name)
{
	static const char *const marks[] = {".tmp-", ".lock-ends-"};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *at = strstr(name, marks[i]);
		long pid = at ? strtol(at + strlen(marks[i]), NULL, 10) : 0;
		if (pid > 0 && pid <= INT32_MAX)
			return (pid_t)pid;
	}
	return 0;
}

static bool is_gone(pid_t pid)
{
	return pid == getpid() || (kill(pid, 0) < 0 && errno == ESRCH);
}

static bool is_old(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       hf_time_now() / HF_SECOND - st.st_mtim.tv_sec > 3600;
}

void hf_cache_sweep(const char *path)
{
	DIR *dir = opendir(path);
	for (const struct dirent *e; dir && (e = readdir(dir));) {
		pid_t pid = written_by(e->d_name);
		if (pid && is_gone(pid) && is_old(dirfd(dir), e->d_name) && unlinkat(dirfd(dir), e->d_name, 0) == 0)
			hf_debug("%s, which a killed process left in the cache, is removed", e->d_name);
	}
	if (dir)
		closedir(dir);
}
