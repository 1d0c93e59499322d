/*
 * Connections to a PostgreSQL server; see conn.h.
 *
 * Connection strings are put together by ourselves, not handed to PQconnectdbParams: that one drops empty values, and
 * PGHOSTADDR could then lead a drill's connection away from its private socket.
 *
 * A server says why it refuses in its own language, so refusals are told apart by SQLSTATE, which libpq only gives in
 * the text of a verbose message while connecting.
 */
#include "source/postgres/conn.h"

#include "base/stop.h"
#include "base/time.h"
#include "source/postgres/url.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STEP_MS = 200, CONNECT_SECONDS = 30 };

void hf_pg_place_free(struct hf_pg_place *place)
{
	for (size_t i = 0; i < place->count; i++) {
		free(place->params[i].keyword);
		free(place->params[i].value);
	}
	free(place->params);
	*place = (struct hf_pg_place){0};
}

const char *hf_pg_place_get(const struct hf_pg_place *place, const char *keyword)
{
	for (size_t i = 0; i < place->count; i++)
		if (strcmp(place->params[i].keyword, keyword) == 0)
			return place->params[i].value;
	return NULL;
}

int hf_pg_place_set(struct hf_pg_place *place, const char *keyword, const char *value, struct hf_error *err)
{
	size_t at = 0;
	while (at < place->count && strcmp(place->params[at].keyword, keyword) != 0)
		at++;
	char *copy = strdup(value);
	if (!copy)
		return hf_fail(err, HF_E_NOMEM, "remember a connection parameter: no memory");
	if (at < place->count) {
		free(place->params[at].value);
		place->params[at].value = copy;
		return 0;
	}
	char *name = strdup(keyword);
	struct hf_pg_param *grown = realloc(place->params, (place->count + 1) * sizeof(*grown));
	if (grown)
		place->params = grown;
	if (!grown || !name) {
		free(name);
		free(copy);
		return hf_fail(err, HF_E_NOMEM, "remember a connection parameter: no memory");
	}
	place->params[place->count++] = (struct hf_pg_param){name, copy};
	return 0;
}

static int place_from_url(const char *url, struct hf_pg_place *out, struct hf_error *err)
{
	char *plain = hf_pg_url_plain(url);
	if (!plain)
		return hf_fail(err, HF_E_NOMEM, "read a URL: no memory");
	PQconninfoOption *options = PQconninfoParse(plain, NULL);
	free(plain);
	/* libpq's own message may quote the URL, password and all. */
	if (!options)
		return hf_fail(err, HF_E_USAGE,
			"this is no valid postgresql:// URL: it should read "
			"postgresql://user@host:port/database, with special characters as %%XX");
	int r = 0;
	for (PQconninfoOption *o = options; r == 0 && o->keyword; o++)
		if (o->val && strcmp(o->keyword, "replication") != 0)
			r = hf_pg_place_set(out, o->keyword, o->val, err);
	PQconninfoFree(options);
	return r;
}

static int choose_administrator(struct hf_pg_place *place, struct hf_error *err)
{
	const char *host = hf_pg_place_get(place, "host"), *hosts = getenv("PGHOST");
	bool is_local = host ? host[0] == '/' : !hosts || !*hosts || hosts[0] == '/';
	if (geteuid() != 0 || !is_local || hf_pg_place_get(place, "hostaddr") || getenv("PGHOSTADDR") ||
		hf_pg_place_get(place, "user") || getenv("PGUSER") || hf_pg_place_get(place, "service") ||
		getenv("PGSERVICE"))
		return 0;
	place->is_administrator = true;
	return hf_pg_place_set(place, "user", "postgres", err);
}

int hf_pg_place_parse(const char *location, struct hf_pg_place *out, struct hf_error *err)
{
	*out = (struct hf_pg_place){0};
	int r;
	if (strncmp(location, "postgresql://", 13) == 0 || strncmp(location, "postgres://", 11) == 0)
		r = place_from_url(location, out, err);
	else if (location[0] == '/')
		r = hf_pg_place_set(out, "host", location, err);
	else
		r = hf_fail(err, HF_E_USAGE,
			"a PostgreSQL source is a postgresql:// URL or the absolute path of a socket directory");
	if (r == 0)
		r = choose_administrator(out, err);
	if (r < 0)
		hf_pg_place_free(out);
	return r;
}

int hf_pg_place_pin(struct hf_pg_place *place, PGconn *conn, struct hf_error *err)
{
	const char *host = PQhost(conn), *addr = PQhostaddr(conn), *port = PQport(conn);
	int r = 0;
	if (host && *host)
		r = hf_pg_place_set(place, "host", host, err);
	if (r == 0 && host && *host != '/' && addr && *addr)
		r = hf_pg_place_set(place, "hostaddr", addr, err);
	if (r == 0 && port && *port)
		r = hf_pg_place_set(place, "port", port, err);
	return r;
}

static void add_param(struct hf_buf *b, const char *keyword, const char *value)
{
	hf_buf_printf(b, "%s='", keyword);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			hf_buf_u8(b, '\\');
		hf_buf_u8(b, (uint8_t)*value);
	}
	hf_buf_str(b, "' ");
}

static void conninfo(const struct hf_pg_place *place, const struct hf_pg_connect_options *options, struct hf_buf *b)
{
	for (size_t i = 0; i < place->count; i++) {
		const char *keyword = place->params[i].keyword;
		if (!(options->dbname && strcmp(keyword, "dbname") == 0))
			add_param(b, keyword, place->params[i].value);
	}
	if (options->dbname)
		add_param(b, "dbname", options->dbname);
	if (options->replication)
		add_param(b, "replication", "true");
	if (!hf_pg_place_get(place, "fallback_application_name"))
		add_param(b, "fallback_application_name", "holdfast");
}

/* Waits for `events` on the socket for one step at most; HF_E_STOPPED if told to. */
static int wait_socket(PGconn *conn, short events, struct hf_error *err)
{
	int r = hf_stop_check(err);
	if (r < 0)
		return r;
	struct pollfd p = {.fd = PQsocket(conn), .events = events};
	if (p.fd < 0)
		return hf_fail(err, HF_E_NETWORK, "the connection is closed");
	if (poll(&p, 1, STEP_MS) < 0 && errno != EINTR)
		return hf_fail_errno(err, errno, "wait for the server");
	return p.revents ? 1 : 0;
}

/* "... FATAL:  28000: text" -> 28000. */
static void find_sqlstate(const char *message, char out[6])
{
	out[0] = 0;
	for (const char *p = message; (p = strstr(p, ":  ")); p += 3) {
		size_t n = strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		if (n == 5 && p[8] == ':') {
			memcpy(out, p + 3, 5);
			out[5] = 0;
			return;
		}
	}
}

static const char *advice(PGconn *conn, const char *sqlstate, bool replication)
{
	if (strcmp(sqlstate, "28000") == 0 && replication)
		return "the role must exist, and pg_hba.conf must let it make replication connections "
		       "(a line with the database \"replication\")";
	if (strcmp(sqlstate, "28000") == 0)
		return "check the role's name and pg_hba.conf";
	if (strcmp(sqlstate, "42501") == 0 && replication)
		return "give the role the right to replicate: ALTER ROLE … REPLICATION";
	if (strcmp(sqlstate, "28P01") == 0 || PQconnectionNeedsPassword(conn))
		return "give the password in ~/.pgpass, PGPASSWORD or the URL";
	if (strcmp(sqlstate, "53300") == 0 && replication)
		return "a backup takes two connections of max_wal_senders: raise it (and have wal_level at "
		       "replica or higher), or wait until other backups and standbys leave room";
	if (strcmp(sqlstate, "53300") == 0)
		return "the server has no connection to spare";
	if (strcmp(sqlstate, "57P03") == 0)
		return "try again when the server accepts connections";
	if (strcmp(sqlstate, "3D000") == 0)
		return "name a database that exists";
	return sqlstate[0] ? NULL : "is the server running there, and does it accept connections?";
}

/* The message in one line, without the places in the server's source code that verbosity brings. */
static void flatten(const char *message, char *out, size_t len)
{
	size_t n = 0;
	for (const char *line = message; *line && n + 1 < len;) {
		size_t l = strcspn(line, "\n");
		/* libpq's own advice, an indented question, is ours in other words. */
		bool skip = strncmp(line, "LOCATION:", 9) == 0 || l == 0 || (line[0] == '\t' && line[l - 1] == '?');
		if (!skip && n > 0 && n + 3 < len) {
			memcpy(out + n, "; ", 2);
			n += 2;
		}
		while (l > 0 && (*line == ' ' || *line == '\t'))
			line++, l--;
		size_t take = skip ? 0 : l < len - 1 - n ? l : len - 1 - n;
		memcpy(out + n, line, take);
		n += take;
		line += l + (line[l] == '\n');
	}
	out[n] = 0;
}

static int refused(struct hf_error *err, PGconn *conn, const struct hf_pg_connect_options *options)
{
	char state[6], text[1024];
	find_sqlstate(PQerrorMessage(conn), state);
	flatten(PQerrorMessage(conn), text, sizeof(text));
	if (options->sqlstate)
		memcpy(options->sqlstate, state, sizeof(state));
	bool denied = strncmp(state, "28", 2) == 0 || strcmp(state, "42501") == 0 || PQconnectionNeedsPassword(conn);
	const char *todo = advice(conn, state, options->replication);
	const char *user = PQuser(conn);
	return hf_fail(err, denied ? HF_E_DENIED : HF_E_NETWORK, "connect to PostgreSQL as %s%s: %s%s%s",
		user ? user : "nobody", options->replication ? " for replication" : "", text, todo ? ": " : "",
		todo ? todo : "");
}

static int connect_poll(PGconn *conn, const struct hf_pg_connect_options *options, int seconds, struct hf_error *err)
{
	int64_t deadline = hf_time_monotonic() + seconds * HF_SECOND;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	while (state != PGRES_POLLING_OK) {
		if (state == PGRES_POLLING_FAILED)
			return refused(err, conn, options);
		int ready = wait_socket(conn, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, err);
		if (ready < 0)
			return ready;
		if (ready > 0)
			state = PQconnectPoll(conn);
		else if (hf_time_monotonic() > deadline)
			return hf_fail(err, HF_E_NETWORK, "connect to PostgreSQL at %s: no answer within %d s",
				PQhost(conn), seconds);
	}
	return 0;
}

static int check_version(PGconn *conn, struct hf_error *err)
{
	int version = PQserverVersion(conn);
	if (version >= 100000)
		return 0;
	return hf_fail(err, HF_E_UNSUPPORTED,
		"the server runs PostgreSQL %d.%d; a physical backup needs 10 or later (temporary replication slots)",
		version / 10000, version / 100 % 100);
}

static void ignore_notice(void *user, const PGresult *result)
{
	(void)user;
	(void)result;
}

/* The server is told who connects at connect(2), which libpq makes in here. This thread alone becomes that user, by raw
 * system calls (glibc's would change all threads), and root again. */
static PGconn *start_connection(const struct hf_pg_place *place, const char *text)
{
	struct passwd entry, *found = NULL;
	char names[4096];
	if (place->is_administrator)
		(void)!getpwnam_r("postgres", &entry, names, sizeof(names), &found);
	if (found && syscall(SYS_setresuid, -1, found->pw_uid, -1) < 0)
		found = NULL;
	PGconn *conn = PQconnectStart(text);
	long back = found ? syscall(SYS_setresuid, -1, 0, -1) : 0;
	assert(back == 0); /* our real user id is still root's */
	return conn;
}

int hf_pg_connect(const struct hf_pg_place *place, const struct hf_pg_connect_options *options, PGconn **out,
	struct hf_error *err)
{
	*out = NULL;
	if (options->sqlstate)
		options->sqlstate[0] = 0;
	HF_BUF_AUTO info = HF_BUF(1 << 20);
	conninfo(place, options, &info);
	const char *text = hf_buf_cstr(&info);
	PGconn *conn = text ? start_connection(place, text) : NULL;
	if (!conn)
		return hf_fail(err, HF_E_NOMEM, "connect to PostgreSQL: no memory");
	PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
	PQsetNoticeReceiver(conn, ignore_notice, NULL);
	const char *timeout = hf_pg_place_get(place, "connect_timeout");
	int seconds = timeout ? atoi(timeout) : 0;
	int r = PQstatus(conn) == CONNECTION_BAD ? refused(err, conn, options)
						 : connect_poll(conn, options, seconds > 0 ? seconds : CONNECT_SECONDS, err);
	if (r == 0)
		r = check_version(conn, err);
	if (r < 0) {
		PQfinish(conn);
		return r;
	}
	PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
	*out = conn;
	return 0;
}

int hf_pg_wait_input(PGconn *conn, struct hf_error *err)
{
	int ready;
	do {
		ready = wait_socket(conn, POLLIN, err);
	} while (ready == 0);
	if (ready < 0)
		return ready;
	if (!PQconsumeInput(conn))
		return hf_pg_fail(err, conn, NULL, "read from the server");
	return 0;
}

int hf_pg_next_result(PGconn *conn, PGresult **out, struct hf_error *err)
{
	*out = NULL;
	int r = 0;
	while (r == 0 && PQflush(conn) == 1) {
		r = wait_socket(conn, POLLIN | POLLOUT, err);
		if (r >= 0)
			r = PQconsumeInput(conn) ? 0 : hf_pg_fail(err, conn, NULL, "send to the server");
	}
	while (r == 0 && PQisBusy(conn))
		r = hf_pg_wait_input(conn, err);
	if (r < 0)
		return r;
	*out = PQgetResult(conn);
	return 0;
}

int hf_pg_fail(struct hf_error *err, PGconn *conn, const PGresult *result, const char *what)
{
	char text[1024];
	flatten(result ? PQresultErrorMessage(result) : PQerrorMessage(conn), text, sizeof(text));
	const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
	int code = HF_E_IO;
	if (!state || strncmp(state, "57P", 3) == 0 || strncmp(state, "08", 2) == 0)
		code = HF_E_NETWORK;
	else if (strcmp(state, "42501") == 0)
		code = HF_E_DENIED;
	return hf_fail(err, code, "%s: %s", what, text[0] ? text : "the server closed the connection");
}

static void cancel(PGconn *conn)
{
	char text[256];
	PGcancel *c = PQgetCancel(conn);
	if (c)
		PQcancel(c, text, sizeof(text));
	PQfreeCancel(c);
}

static int send_statement(PGconn *conn, const struct hf_pg_statement *s, struct hf_error *err)
{
	bool extended = s->extended || s->binary || s->value_count > 0;
	int sent = extended ? PQsendQueryParams(conn, s->sql, s->value_count, NULL, s->values, NULL, NULL, s->binary)
			    : PQsendQuery(conn, s->sql);
	return sent ? 0 : hf_pg_fail(err, conn, NULL, "send a query");
}

int hf_pg_run(PGconn *conn, const struct hf_pg_statement *s, PGresult **out, struct hf_error *err)
{
	*out = NULL;
	if (s->sqlstate)
		s->sqlstate[0] = 0;
	int r = send_statement(conn, s, err);
	HF_PG_RESULT_AUTO *kept = NULL;
	while (r == 0) {
		PGresult *result;
		r = hf_pg_next_result(conn, &result, err);
		if (r < 0 || !result)
			break;
		PQclear(kept);
		kept = result;
		/* A walsender's command that turned into a COPY would wait for us for ever. */
		if (PQresultStatus(result) == PGRES_COPY_OUT || PQresultStatus(result) == PGRES_COPY_BOTH)
			break;
	}
	if (r == HF_E_STOPPED)
		cancel(conn);
	if (r < 0)
		return r;
	ExecStatusType status = PQresultStatus(kept);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
		const char *state = kept ? PQresultErrorField(kept, PG_DIAG_SQLSTATE) : NULL;
		if (s->sqlstate && state)
			snprintf(s->sqlstate, 6, "%s", state);
		return hf_pg_fail(err, conn, kept, "query");
	}
	*out = kept;
	kept = NULL;
	return 0;
}

int hf_pg_query(PGconn *conn, const char *sql, PGresult **out, struct hf_error *err)
{
	return hf_pg_run(conn, &(struct hf_pg_statement){.sql = sql}, out, err);
}

int hf_pg_exec(PGconn *conn, const char *sql, struct hf_error *err)
{
	HF_PG_RESULT_AUTO *result = NULL;
	return hf_pg_query(conn, sql, &result, err);
}
