/*
 * Connections to a PostgreSQL server: where it is, how a refusal reads, and queries that can be told to stop.
 *
 * Everything waits in poll with hf_stopped in between, so that a signal ends any of it within a quarter of a second.
 * A password (in a URL, PGPASSWORD or ~/.pgpass) never gets into a message.
 */
#ifndef HF_SOURCE_POSTGRES_CONN_H
#define HF_SOURCE_POSTGRES_CONN_H

#include "base/buf.h"
#include "base/error.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

/* Where a server is: libpq's parameters. What is not set comes from libpq's environment variables and defaults;
 * what is set to the empty string does not. */
struct hf_pg_param {
	char *keyword, *value;
};
struct hf_pg_place {
	struct hf_pg_param *params;
	size_t count;
	bool is_administrator; /* connects to a socket as the system user postgres (see hf_pg_place_parse) */
};

/* `location` is a postgresql:// (or postgres://) URL, or the absolute path of a socket directory; anything else is
 * HF_E_USAGE. Release with hf_pg_place_free.
 *
 * Root, at a local socket and with no role named anywhere, is taken for who administers the server: the role is
 * "postgres", and the connection is made as the system user of that name, so that `peer` authentication, Debian's
 * default, lets it in, as `su postgres -c psql` would be. */
int hf_pg_place_parse(const char *location, struct hf_pg_place *out, struct hf_error *err) HF_MUST_CHECK;
void hf_pg_place_free(struct hf_pg_place *place);
int hf_pg_place_set(struct hf_pg_place *place, const char *keyword, const char *value,
	struct hf_error *err) HF_MUST_CHECK;
const char *hf_pg_place_get(const struct hf_pg_place *place, const char *keyword); /* NULL if not set */

/* Connects, within the place's connect_timeout or 30 s. With `replication` a physical walsender. A refusal is
 * HF_E_NETWORK (down, full), HF_E_DENIED (password, pg_hba.conf, rights) or HF_E_UNSUPPORTED (before PostgreSQL 10),
 * and says what to do. `sqlstate` (6 bytes) gets the server's code for it, or "". Close with PQfinish. */
struct hf_pg_connect_options {
	bool replication;
	const char *dbname; /* NULL: the place's */
	char *sqlstate;	    /* NULL: not wanted */
};
int hf_pg_connect(const struct hf_pg_place *place, const struct hf_pg_connect_options *options, PGconn **out,
	struct hf_error *err) HF_MUST_CHECK;

/* Pins host and port to those that `conn` reached: of a URL with several hosts, later connections must meet the same. */
int hf_pg_place_pin(struct hf_pg_place *place, PGconn *conn, struct hf_error *err) HF_MUST_CHECK;

/* One statement and its result, which is rows or nothing; other outcomes are errors with the server's words. Without
 * parameters the simple protocol is used, the only one that a walsender takes. Clear the result with PQclear. */
struct hf_pg_statement {
	const char *sql;
	const char *const *values; /* text parameters */
	int value_count;
	bool binary;	   /* results in binary form */
	bool extended;	   /* use the extended protocol in any case: refuses several statements in one string */
	char *sqlstate;	   /* 6 bytes for the code of a failure, or NULL */
};
int hf_pg_run(PGconn *conn, const struct hf_pg_statement *statement, PGresult **out,
	struct hf_error *err) HF_MUST_CHECK;
int hf_pg_query(PGconn *conn, const char *sql, PGresult **out, struct hf_error *err) HF_MUST_CHECK;
/* Runs and drops the result. */
int hf_pg_exec(PGconn *conn, const char *sql, struct hf_error *err) HF_MUST_CHECK;

/* The next result of what was sent (NULL: no more), without blocking stops. */
int hf_pg_next_result(PGconn *conn, PGresult **out, struct hf_error *err) HF_MUST_CHECK;
/* Waits until the socket can be read, then takes in what is there. */
int hf_pg_wait_input(PGconn *conn, struct hf_error *err) HF_MUST_CHECK;

/* `err` from a failed result (or NULL: from the connection): the server's words, with its detail and hint. */
int hf_pg_fail(struct hf_error *err, PGconn *conn, const PGresult *result, const char *what) HF_MUST_CHECK;

static inline void hf_pg_result_release(PGresult **r)
{
	PQclear(*r);
	*r = NULL;
}
#define HF_PG_RESULT_AUTO __attribute__((cleanup(hf_pg_result_release))) PGresult

#endif
