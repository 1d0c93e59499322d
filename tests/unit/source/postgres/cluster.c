/* A PostgreSQL cluster of a test's own; see cluster.h. */
#include "cluster.h"

#include "base/file.h"
#include "base/time.h"

#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define BINDIR_PATH "PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin"

char *text_of(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;
	va_start(ap, fmt);
	assert_true(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	return s;
}

static const char *const tool_env[] = {BINDIR_PATH, "LC_ALL=C", "TZ=UTC", NULL};

static struct hf_proc_options options_of(const struct cluster *c, const char *const *argv)
{
	return (struct hf_proc_options){.argv = argv, .env = tool_env, .directory = "/", .uid = c->uid, .gid = c->gid,
		.drop = c->drop};
}

/* argv[0] is searched in our PATH, not the child's. */
static void search_server_programs(void)
{
	const char *path = getenv("PATH");
	if (strncmp(path ? path : "", "/usr/lib/postgresql/15/bin:", 27) != 0)
		setenv("PATH", &BINDIR_PATH[5], 1);
}

int cluster_run(const struct cluster *c, const char *const *argv, char **out)
{
	search_server_programs();
	struct hf_proc_options o = options_of(c, argv);
	HF_BUF_AUTO output = HF_BUF(4 << 20);
	HF_BUF_AUTO errors = HF_BUF(1 << 20);
	struct hf_error err = {0};
	int status = -1;
	if (hf_proc_run(&o, &output, &errors, &status, &err) < 0)
		fail_msg("%s", err.msg);
	if (status != 0 && !out)
		print_message("%s: status %d: %s%s\n", argv[0], status, hf_buf_cstr(&output), hf_buf_cstr(&errors));
	if (out)
		*out = text_of("%s%s", hf_buf_cstr(&output), hf_buf_cstr(&errors));
	return status;
}

void cluster_spawn(const struct cluster *c, const char *const *argv, struct hf_proc *proc)
{
	search_server_programs();
	struct hf_proc_options o = options_of(c, argv);
	o.out = o.err = c->log;
	struct hf_error err = {0};
	if (hf_proc_start(&o, proc, &err) < 0)
		fail_msg("%s", err.msg);
}

static uid_t chown_uid;
static gid_t chown_gid;

static int chown_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return lchown(path, chown_uid, chown_gid);
}

void cluster_chown(const struct cluster *c, const char *path)
{
	chown_uid = c->uid;
	chown_gid = c->gid;
	if (c->drop)
		assert_int_equal(nftw(path, chown_one, 20, FTW_PHYS), 0);
}

static void write_conf(const struct cluster *c, const char *conf)
{
	char *path = text_of("%s/postgresql.conf", c->data);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fprintf(f, "listen_addresses = ''\nunix_socket_directories = '%s'\nfsync = off\n"
		   "shared_buffers = 32MB\nmax_connections = 30\nlog_min_messages = warning\n%s\n",
		c->sockets, conf ? conf : "");
	assert_int_equal(fclose(f), 0);
	free(path);
}

/* initdb takes seconds, so it runs once in a program, and clusters are copies of what it made. */
static char *template_root, *template_path;

static void drop_template(void)
{
	(void)!hf_remove_tree(AT_FDCWD, template_root, NULL);
	free(template_root);
	free(template_path);
}

char *fast_directory(const char *prefix)
{
	char *path = text_of("%s/%s-XXXXXX", access("/dev/shm", R_OK | W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp", prefix);
	assert_non_null(mkdtemp(path));
	return path;
}

static const char *template_data(const struct cluster *c)
{
	if (template_path)
		return template_path;
	template_root = fast_directory("hfpg-new");
	atexit(drop_template);
	cluster_chown(c, template_root);
	template_path = text_of("%s/data", template_root);
	const char *const argv[] = {"initdb", "-D", template_path, "-U", "postgres", "-A", "trust", "-k", "-N", "-E",
		"UTF8", "--locale=C", "--no-instructions", "--wal-segsize=1", NULL};
	char *out;
	if (cluster_run(c, argv, &out) != 0)
		fail_msg("initdb: %s", out);
	free(out);
	return template_path;
}

void cluster_new(struct cluster *c, const char *conf)
{
	*c = (struct cluster){.log = -1};
	const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
	c->drop = geteuid() == 0;
	assert_true(!c->drop || user);
	c->uid = user ? user->pw_uid : geteuid();
	c->gid = user ? user->pw_gid : getegid();
	c->root = fast_directory("hfpg");
	c->data = text_of("%s/data", c->root);
	c->sockets = text_of("%s/s", c->root);
	assert_int_equal(mkdir(c->sockets, 0700), 0);
	cluster_chown(c, c->root);
	char *log = text_of("%s/log", c->root);
	c->log = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0644);
	assert_true(c->log >= 0);
	free(log);
	const char *const copy[] = {"cp", "-a", template_data(c), c->data, NULL};
	assert_int_equal(cluster_run(c, copy, NULL), 0);
	write_conf(c, conf);
}

static void show_log(const struct cluster *c)
{
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	char *path = text_of("%s/log", c->root);
	if (hf_file_read(AT_FDCWD, path, &text, NULL) == 0)
		print_message("%s\n", hf_buf_cstr(&text));
	free(path);
}

void cluster_start(struct cluster *c)
{
	char *config = c->config ? text_of("config_file=%s", c->config) : NULL;
	const char *const argv[] = {"postgres", "-D", c->data, config ? "-c" : NULL, config, NULL};
	cluster_spawn(c, argv, &c->server);
	free(config);
	const char *const ready[] = {"pg_isready", "-q", "-h", c->sockets, NULL};
	for (int i = 0; i < 600; i++) {
		char *out;
		int status = cluster_run(c, ready, &out);
		free(out);
		if (status == 0)
			return;
		if (hf_proc_wait(&c->server, 100000000, &status, NULL) == 0)
			break;
	}
	show_log(c);
	fail_msg("the server did not start");
}

void cluster_stop(struct cluster *c)
{
	if (c->server.pid <= 0)
		return;
	kill(c->server.pid, SIGINT);
	int status;
	if (hf_proc_wait(&c->server, 60 * HF_SECOND, &status, NULL) != 0)
		hf_proc_end(&c->server, 0);
}

void cluster_free(struct cluster *c)
{
	cluster_stop(c);
	struct hf_error err = {0};
	if (c->root && hf_remove_tree(AT_FDCWD, c->root, &err) < 0)
		print_message("%s\n", err.msg);
	if (c->log >= 0)
		close(c->log);
	free(c->root);
	free(c->config);
	free(c->data);
	free(c->sockets);
	*c = (struct cluster){.log = -1};
}

void cluster_adopt(struct cluster *c, const char *data)
{
	cluster_stop(c);
	cluster_chown(c, data);
	assert_int_equal(chmod(data, 0700), 0);
	free(c->data);
	c->data = text_of("%s", data);
}

char *cluster_url(const struct cluster *c, const char *user, const char *database)
{
	return text_of("postgresql:///%s?host=%s&user=%s", database, c->sockets, user);
}

static void ignore_notice(void *user, const PGresult *result)
{
	(void)user, (void)result;
}

char *cluster_sql(const struct cluster *c, const char *database, const char *sql)
{
	char *url = cluster_url(c, "postgres", database);
	PGconn *conn = PQconnectdb(url);
	free(url);
	if (PQstatus(conn) != CONNECTION_OK)
		fail_msg("%s", PQerrorMessage(conn));
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	PGresult *r = PQexec(conn, sql);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
		fail_msg("%s: %s", sql, PQerrorMessage(conn));
	char *value = PQntuples(r) > 0 ? text_of("%s", PQgetvalue(r, 0, 0)) : NULL;
	PQclear(r);
	PQfinish(conn);
	return value;
}

void cluster_do(const struct cluster *c, const char *database, const char *sql)
{
	free(cluster_sql(c, database, sql));
}
