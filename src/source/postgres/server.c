/*
 * A restored cluster, run apart; see server.h. None of what was captured configures it: the server reads files of ours
 * (config_file, hba_file, ident_file), and postgresql.auto.conf, which it would read whatever we say, is set aside.
 */
#include "source/postgres/server.h"

#include "base/file.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "source/postgres/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INSIDE "/holdfast"
enum { STOP_SECONDS = 120, QUIT_SECONDS = 20, TOOL_ARGS_MAX = 32, SOCKET_DIR_MAX = 90 };

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "run PostgreSQL: no memory");
}

static int choose_user(struct hf_pg_server *s, struct hf_error *err)
{
	s->uid = geteuid();
	s->gid = getegid();
	s->drop = s->uid == 0;
	if (!s->drop)
		return 0;
	static const char *const names[] = {"postgres", "nobody"};
	for (size_t i = 0; i < 2; i++) {
		struct passwd entry, *found = NULL;
		char text[4096];
		if (getpwnam_r(names[i], &entry, text, sizeof(text), &found) == 0 && found && found->pw_uid != 0) {
			s->uid = found->pw_uid;
			s->gid = found->pw_gid;
			return 0;
		}
	}
	return hf_fail(err, HF_E_CHECK, "there is no user \"postgres\" or \"nobody\" to run the server as");
}

static int make_directory(struct hf_pg_server *s, const char *name, bool theirs, struct hf_error *err)
{
	char path[4096];
	if ((size_t)snprintf(path, sizeof(path), "%s/%s", s->options.scratch, name) >= sizeof(path))
		return hf_fail(err, HF_E_USAGE, "the scratch directory's path is too long");
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return hf_fail_errno(err, errno, "make %s", path);
	if (theirs && s->drop && chown(path, s->uid, s->gid) < 0)
		return hf_fail_errno(err, errno, "change the owner of %s", path);
	return 0;
}

static int make_scratch(struct hf_pg_server *s, struct hf_error *err)
{
	int r = make_directory(s, "s", true, err);
	if (r == 0)
		r = make_directory(s, "conf", true, err);
	if (r == 0)
		r = make_directory(s, "root", false, err);
	if (r < 0)
		return r;
	char path[4096];
	snprintf(path, sizeof(path), "%s/s", s->options.scratch);
	s->socket_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->socket_fd < 0)
		return hf_fail_errno(err, errno, "open %s", path);
	snprintf(path, sizeof(path), "%s/server.log", s->options.scratch);
	s->log_fd = open(path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
	return s->log_fd < 0 ? hf_fail_errno(err, errno, "open %s", path) : 0;
}

static int take_ownership(struct hf_pg_server *s, struct hf_error *err)
{
	char parent[4096];
	snprintf(parent, sizeof(parent), "%s", s->options.path);
	const char *allowed = s->options.tablespace_root ? s->options.tablespace_root : dirname(parent);
	int r = hf_pg_links_read(s->options.dirfd, allowed, &s->links, err);
	if (r == 0 && s->drop)
		r = hf_pg_own(s->options.dirfd, s->uid, s->gid, err);
	for (size_t i = 0; r == 0 && s->drop && i < s->links.count; i++) {
		HF_FD_AUTO fd = open(s->links.targets[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? hf_fail_errno(err, errno, "open the tablespace %s", s->links.targets[i])
			   : hf_pg_own(fd, s->uid, s->gid, err);
	}
	if (r == 0 && fchmod(s->options.dirfd, 0700) < 0)
		r = hf_fail_errno(err, errno, "make the data directory private");
	return r;
}

/* What is seen inside: the copy, its tablespaces where their links lead, sockets, configuration; programs that do not
 * lie under /usr. */
static int make_sandbox(struct hf_pg_server *s, struct hf_error *err)
{
	char sockets[4096], conf[4096], root[4096], prefix[4096];
	snprintf(sockets, sizeof(sockets), "%s/s", s->options.scratch);
	snprintf(conf, sizeof(conf), "%s/conf", s->options.scratch);
	snprintf(root, sizeof(root), "%s/root", s->options.scratch);
	snprintf(prefix, sizeof(prefix), "%s", s->programs);
	const char *above = dirname(prefix);
	struct hf_sandbox_bind *binds = calloc(s->links.count + 4, sizeof(*binds));
	if (!binds)
		return no_memory(err);
	size_t n = 0;
	binds[n++] = (struct hf_sandbox_bind){s->options.path, INSIDE "/data", true};
	binds[n++] = (struct hf_sandbox_bind){sockets, INSIDE "/s", true};
	binds[n++] = (struct hf_sandbox_bind){conf, INSIDE "/conf", false};
	if (strncmp(s->programs, "/usr/", 5) != 0)
		binds[n++] = (struct hf_sandbox_bind){above, above, false};
	for (size_t i = 0; i < s->links.count; i++)
		binds[n++] = (struct hf_sandbox_bind){s->links.targets[i], s->links.targets[i], true};
	struct hf_sandbox_options options = {
		.binds = binds, .bind_count = n, .root = root, .share_network = s->options.allow_network};
	int r = hf_sandbox_new(&options, &s->sandbox, err);
	free(binds);
	return r < 0 ? r : hf_sandbox_try(s->sandbox, err);
}

static int see_from(struct hf_pg_server *s, const char *data, const char *base, struct hf_error *err)
{
	s->data = strdup(data);
	if (asprintf(&s->sockets, "%s/s", base) < 0)
		s->sockets = NULL;
	if (asprintf(&s->conf, "%s/conf", base) < 0)
		s->conf = NULL;
	return s->data && s->sockets && s->conf ? 0 : no_memory(err);
}

static int be_apart(struct hf_pg_server *s, struct hf_error *err)
{
	struct hf_error why = {0};
	int r = make_sandbox(s, &why);
	if (r == 0)
		return see_from(s, INSIDE "/data", INSIDE, err);
	hf_sandbox_free(s->sandbox);
	s->sandbox = NULL;
	if (r != HF_E_UNSUPPORTED)
		return hf_fail(err, r, "%s", why.msg);
	if (!s->options.allow_network)
		return hf_fail(err, HF_E_CHECK,
			"the restored server can't be cut off from the network and this machine (%s): not started. "
			"Run it as root, or say --allow-network if nothing in it can reach what it must not",
			why.msg);
	hf_warn("%s: the restored server runs without isolation, as was allowed", why.msg);
	return see_from(s, s->options.path, s->options.scratch, err);
}

void hf_pg_server_proc(struct hf_pg_server *s, const char *const *argv, struct hf_proc_options *out)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/", NULL};
	*out = (struct hf_proc_options){.argv = argv, .env = env, .directory = "/", .uid = s->uid, .gid = s->gid,
		.drop = s->drop};
	if (s->sandbox) {
		out->prepare = hf_sandbox_enter;
		out->user = s->sandbox;
	}
}

int hf_pg_server_tool(struct hf_pg_server *s, const char *const *argv, struct hf_buf *out, int *status,
	struct hf_error *err)
{
	const char *full[TOOL_ARGS_MAX] = {0};
	char program[4096];
	snprintf(program, sizeof(program), "%s/%s", s->programs, argv[0]);
	full[0] = program;
	for (size_t i = 1; argv[i] && i < TOOL_ARGS_MAX - 1; i++)
		full[i] = argv[i];
	struct hf_proc_options options;
	hf_pg_server_proc(s, full, &options);
	return hf_proc_run(&options, out, out, status, err);
}

static int read_control(struct hf_pg_server *s, struct hf_error *err)
{
	const char *const argv[] = {"pg_controldata", "-D", s->data, NULL};
	HF_BUF_AUTO out = HF_BUF(65536);
	int status;
	int r = hf_pg_server_tool(s, argv, &out, &status, err);
	if (r == 0 && status != 0)
		r = hf_fail(err, HF_E_CHECK, "pg_controldata: %s", hf_buf_cstr(&out));
	return r < 0 ? r : hf_pg_control_parse(hf_buf_cstr(&out), &s->control, err);
}

int hf_pg_server_prepare(struct hf_pg_server *s, const struct hf_pg_server_options *options, struct hf_error *err)
{
	*s = (struct hf_pg_server){.options = *options, .socket_fd = -1, .log_fd = -1};
	int r = hf_pg_data_version(options->dirfd, &s->major, err);
	if (r == 0)
		r = hf_pg_programs_find(s->major, &s->programs, err);
	if (r == 0)
		r = choose_user(s, err);
	if (r == 0)
		r = make_scratch(s, err);
	if (r == 0)
		r = take_ownership(s, err);
	if (r == 0)
		r = be_apart(s, err);
	if (r == 0)
		r = read_control(s, err);
	return r;
}

static void write_settings(struct hf_pg_server *s, struct hf_buf *b)
{
	const struct hf_pg_control *c = &s->control;
	hf_buf_str(b, "# Made by holdfast to check a restored copy: nothing here comes from the captured configuration\n"
		      "# but what recovery demands, from pg_control.\n");
	hf_buf_printf(b, "max_connections = %d\nmax_worker_processes = %d\nmax_wal_senders = %d\n"
			 "max_prepared_transactions = %d\nmax_locks_per_transaction = %d\nwal_level = %s\n"
			 "track_commit_timestamp = %s\n",
		c->max_connections, c->max_worker_processes, strcmp(c->wal_level, "minimal") == 0 ? 0 : c->max_wal_senders,
		c->max_prepared_xacts, c->max_locks_per_xact, c->wal_level, c->track_commit_timestamp ? "on" : "off");
	hf_buf_printf(b, "listen_addresses = ''\nport = 5432\nunix_socket_directories = '%s'\n"
			 "unix_socket_permissions = 0700\nssl = off\n",
		s->sockets);
	hf_buf_str(b, "archive_mode = off\nmax_logical_replication_workers = 0\nautovacuum = off\njit = off\n"
		      "fsync = off\nfull_page_writes = off\nlogging_collector = off\nlog_destination = 'stderr'\n"
		      "log_timezone = 'UTC'\nlc_messages = 'C'\nhuge_pages = off\n");
	if (s->major >= 17)
		hf_buf_str(b, "event_triggers = off\n");
	hf_buf_str(b, "shared_preload_libraries = '");
	for (const char *p = s->options.preload; p && *p; p++) {
		if (*p == '\'' || *p == '\\')
			hf_buf_u8(b, (uint8_t)*p);
		if (*p != '\n')
			hf_buf_u8(b, (uint8_t)*p);
	}
	hf_buf_str(b, "'\n");
}

static int write_file(struct hf_pg_server *s, int dirfd, const char *name, const struct hf_buf *text,
	struct hf_error *err)
{
	const struct iovec part = {text->data, text->len};
	int r = hf_buf_check(text, "configuration", err);
	if (r == 0)
		r = hf_file_write(dirfd, name, &part, 1, &(struct hf_file_options){.secret = true}, err);
	if (r == 0 && s->drop && fchownat(dirfd, name, s->uid, s->gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = hf_fail_errno(err, errno, "change the owner of %s", name);
	return r;
}

static int write_conf(struct hf_pg_server *s, struct hf_error *err)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/conf", s->options.scratch);
	HF_FD_AUTO fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return hf_fail_errno(err, errno, "open %s", path);
	HF_BUF_AUTO settings = HF_BUF(65536);
	HF_BUF_AUTO hba = HF_BUF(1024);
	HF_BUF_AUTO ident = HF_BUF(1024);
	write_settings(s, &settings);
	hf_buf_str(&hba, "local all all trust\n"); /* only we get into the socket's directory */
	hf_buf_str(&ident, "# none\n");
	int r = write_file(s, fd, "postgresql.conf", &settings, err);
	if (r == 0)
		r = write_file(s, fd, "pg_hba.conf", &hba, err);
	if (r == 0)
		r = write_file(s, fd, "pg_ident.conf", &ident, err);
	return r;
}

/* The end of the log, in one line. */
static void log_tail(struct hf_pg_server *s, char *out, size_t len)
{
	struct stat st;
	off_t size = fstat(s->log_fd, &st) == 0 ? st.st_size : 0;
	off_t from = size > (off_t)len - 1 ? size - (off_t)len + 1 : 0;
	ssize_t n = hf_pread_full(s->log_fd, out, len - 1, (uint64_t)from, "the log", NULL);
	out[n > 0 ? n : 0] = 0;
	for (char *p = out; *p; p++)
		*p = *p == '\n' ? ' ' : *p;
}

/* 0 while it runs. */
static int still_runs(struct hf_pg_server *s, int64_t wait_ns, struct hf_error *err)
{
	int status;
	int r = hf_proc_wait(&s->process, wait_ns, &status, err);
	if (r != 0)
		return r < 0 ? r : 0;
	char tail[1000];
	log_tail(s, tail, sizeof(tail));
	return hf_fail(err, HF_E_CHECK, "the restored server ended by itself with status %d; its log ends: %s", status,
		tail);
}

int hf_pg_server_connect(struct hf_pg_server *s, const struct hf_pg_login *login, PGconn **out, struct hf_error *err)
{
	char host[SOCKET_DIR_MAX];
	*out = NULL;
	/* A socket's path has little room; by its descriptor a directory is always short. */
	if ((size_t)snprintf(host, sizeof(host), "%s/s", s->options.scratch) >= sizeof(host))
		snprintf(host, sizeof(host), "/proc/self/fd/%d", s->socket_fd);
	/* Each parameter that an environment variable could set otherwise; above all PGHOSTADDR. */
	const char *const params[][2] = {{"host", host}, {"hostaddr", ""}, {"port", "5432"}, {"user", login->user},
		{"password", "unused"}, {"sslmode", "disable"}, {"gssencmode", "disable"},
		{"channel_binding", "disable"}, {"requirepeer", ""}, {"target_session_attrs", "any"},
		{"options", login->settings ? login->settings : ""}, {"connect_timeout", "60"}};
	struct hf_pg_place place = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof(params) / sizeof(params[0]); i++)
		r = hf_pg_place_set(&place, params[i][0], params[i][1], err);
	struct hf_pg_connect_options options = {.dbname = login->database, .sqlstate = login->sqlstate};
	if (r == 0)
		r = hf_pg_connect(&place, &options, out, err);
	hf_pg_place_free(&place);
	return r;
}

/* One knock at the door: 1 answered and let in, 0 answered but still recovering, HF_E_NETWORK not there yet. */
static int knock(struct hf_pg_server *s, const char *user, struct hf_error *err)
{
	char state[6];
	PGconn *conn = NULL;
	int r = hf_pg_server_connect(s, &(struct hf_pg_login){user, "template1", NULL, state}, &conn, err);
	PQfinish(conn);
	if (r == 0 || r == HF_E_STOPPED)
		return r == 0 ? 1 : r;
	if (strcmp(state, "57P03") == 0)
		return 0;
	return state[0] ? HF_E_DENIED : HF_E_NETWORK;
}

int hf_pg_server_start(struct hf_pg_server *s, struct hf_error *err)
{
	int r = hf_pg_set_aside(s->options.dirfd, err);
	if (r == 0)
		r = write_conf(s, err);
	if (r < 0)
		return r;
	char program[4096], config[4200], hba[4200], ident[4200];
	snprintf(program, sizeof(program), "%s/postgres", s->programs);
	snprintf(config, sizeof(config), "config_file=%s/postgresql.conf", s->conf);
	snprintf(hba, sizeof(hba), "hba_file=%s/pg_hba.conf", s->conf);
	snprintf(ident, sizeof(ident), "ident_file=%s/pg_ident.conf", s->conf);
	const char *const argv[] = {program, "-D", s->data, "-c", config, "-c", hba, "-c", ident, NULL};
	struct hf_proc_options options;
	hf_pg_server_proc(s, argv, &options);
	options.out = options.err = s->log_fd;
	r = hf_proc_start(&options, &s->process, err);
	while (r == 0) {
		struct hf_error why = {0};
		r = knock(s, "postgres", &why);
		if (r != HF_E_NETWORK) /* any answer will do */
			return r == HF_E_STOPPED ? hf_fail(err, r, "%s", why.msg) : 0;
		r = still_runs(s, 10 * 1000 * 1000, err);
	}
	return r;
}

int hf_pg_server_ready(struct hf_pg_server *s, const char *user, struct hf_error *err)
{
	int64_t pause = 10 * 1000 * 1000;
	for (;;) {
		struct hf_error why = {0};
		int r = knock(s, user, &why);
		if (r == 1)
			return 0;
		if (r == HF_E_STOPPED || r == HF_E_DENIED)
			return hf_fail(err, r == HF_E_DENIED ? HF_E_CHECK : r, "%s", why.msg);
		r = still_runs(s, pause, err);
		if (r < 0)
			return r;
		pause = pause < 200 * 1000 * 1000 ? pause * 2 : pause;
	}
}

bool hf_pg_server_stop(struct hf_pg_server *s)
{
	if (s->process.pid <= 0)
		return false;
	int status = -1;
	kill(-s->process.pid, SIGINT); /* fast shutdown */
	int r = 1;
	for (int i = 0; r == 1 && i < STOP_SECONDS * 10 && !hf_stopped(); i++)
		r = hf_proc_wait(&s->process, HF_SECOND / 10, &status, NULL);
	if (r == 1) {
		kill(-s->process.pid, SIGQUIT); /* immediate */
		(void)!hf_proc_wait(&s->process, QUIT_SECONDS * HF_SECOND, &status, NULL);
		status = -1;
	}
	hf_proc_end(&s->process, 0);
	return status == 0;
}

void hf_pg_server_free(struct hf_pg_server *s)
{
	if (s->process.pid > 0) {
		kill(-s->process.pid, SIGQUIT);
		int status;
		(void)!hf_proc_wait(&s->process, QUIT_SECONDS * HF_SECOND, &status, NULL);
	}
	hf_proc_end(&s->process, 0);
	hf_sandbox_free(s->sandbox);
	hf_pg_links_free(&s->links);
	hf_fd_close(&s->socket_fd);
	hf_fd_close(&s->log_fd);
	free(s->programs);
	free(s->data);
	free(s->sockets);
	free(s->conf);
	*s = (struct hf_pg_server){.socket_fd = -1, .log_fd = -1};
}
