/*
 * A restored cluster, run apart so that it can be asked questions.
 *
 *	hf_pg_server_prepare	finds the programs, the user to be, the way to be apart; takes ownership of the copy
 *	hf_pg_server_tool	runs PostgreSQL's own tools on it (pg_verifybackup …) while it is not started
 *	hf_pg_server_start	with configuration of ours alone; returns when the process answers on its socket
 *	hf_pg_server_ready	until recovery has ended
 *	hf_pg_server_connect
 *	hf_pg_server_stop	cleanly; false if it had to be killed
 *	hf_pg_server_free	ends it at once if it still runs
 *
 * The server and the tools run in a sandbox (base/sandbox.h) as an unprivileged user, with an environment of four
 * variables. Within, the data directory is /holdfast/data. The socket is reached from outside through a descriptor of
 * its directory, so no scratch path is too long for it.
 */
#ifndef HF_SOURCE_POSTGRES_SERVER_H
#define HF_SOURCE_POSTGRES_SERVER_H

#include "base/proc.h"
#include "base/sandbox.h"
#include "source/postgres/conn.h"
#include "source/postgres/control.h"
#include "source/postgres/scratch_copy.h"

#include <sys/types.h>

struct hf_pg_server_options {
	const char *path; /* the data directory, and opened */
	int dirfd;
	const char *scratch;	     /* private; gets "s", "conf", "root" and "server.log" */
	const char *tablespace_root; /* where links of pg_tblspc may lead; NULL: beside `path` */
	const char *preload;	     /* shared_preload_libraries, or NULL */
	bool allow_network;
};

struct hf_pg_server {
	struct hf_pg_server_options options;
	int major;
	char *programs; /* their directory */
	uid_t uid;
	gid_t gid;
	bool drop;
	struct hf_sandbox *sandbox; /* NULL: none, as was allowed */
	struct hf_pg_links links;
	char *data, *sockets, *conf; /* as the server sees them */
	struct hf_pg_control control;
	struct hf_proc process;
	int socket_fd, log_fd;
};

/* HF_E_CHECK where it can't be run apart, or can't be run: the message says why. */
int hf_pg_server_prepare(struct hf_pg_server *server, const struct hf_pg_server_options *options,
	struct hf_error *err) HF_MUST_CHECK;
/* `argv[0]` is the bare name of a program. As hf_proc_run; both outputs go into `out`. */
int hf_pg_server_tool(struct hf_pg_server *server, const char *const *argv, struct hf_buf *out, int *status,
	struct hf_error *err) HF_MUST_CHECK;
/* Its options for hf_proc_start; `argv` (room for `size` pointers) and `program` are filled in and must live on. */
void hf_pg_server_proc(struct hf_pg_server *server, const char *const *argv, struct hf_proc_options *out);

int hf_pg_server_start(struct hf_pg_server *server, struct hf_error *err) HF_MUST_CHECK;
int hf_pg_server_ready(struct hf_pg_server *server, const char *user, struct hf_error *err) HF_MUST_CHECK;
/* `settings` are "-c name=value …" or NULL; `sqlstate` as in conn.h. */
struct hf_pg_login {
	const char *user, *database, *settings;
	char *sqlstate;
};
int hf_pg_server_connect(struct hf_pg_server *server, const struct hf_pg_login *login, PGconn **out,
	struct hf_error *err) HF_MUST_CHECK;
bool hf_pg_server_stop(struct hf_pg_server *server);
void hf_pg_server_free(struct hf_pg_server *server);

#endif
