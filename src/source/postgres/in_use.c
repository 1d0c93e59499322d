/*
 * Is a server running from a data directory that a restored one would replace? As the server itself tells it: by the
 * process that postmaster.pid names, which a crash may have left behind.
 */
#include "source/postgres/internal.h"

#include "base/buf.h"
#include "base/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The process is there, and is a server's: after a reboot the number may be another program's. */
static bool is_server(long pid)
{
	char path[64];
	HF_BUF_AUTO name = HF_BUF(4096);
	snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
	return pid > 0 && hf_file_read(AT_FDCWD, path, &name, NULL) == 0 && name.len >= 5 &&
	       (memcmp(name.data, "postg", 5) == 0 || memcmp(name.data, "postm", 5) == 0);
}

int hf_pg_may_replace(int dirfd, struct hf_error *err)
{
	HF_BUF_AUTO file = HF_BUF(65536);
	if (hf_file_read(dirfd, "postmaster.pid", &file, NULL) < 0)
		return 0; /* there is none: no server, or no data directory at all */
	const char *text = hf_buf_cstr(&file);
	long pid = text ? strtol(text, NULL, 10) : 0;
	if (!is_server(pid))
		return 0;
	return hf_fail(err, HF_E_EXISTS, "a PostgreSQL server (process %ld) is running from it; stop it first", pid);
}
