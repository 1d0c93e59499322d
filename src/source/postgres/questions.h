/* What a restored, running cluster is asked, so that it counts as ready: does each database answer, do the policy's
 * statements hold. Results go into the report; a negative return means that the asking itself was ended. */
#ifndef HF_SOURCE_POSTGRES_QUESTIONS_H
#define HF_SOURCE_POSTGRES_QUESTIONS_H

#include "source/postgres/server.h"
#include "source/source.h"

struct hf_pg_databases {
	char **names; /* those that accept connections */
	size_t count;
};

/* Their names, as the superuser `user` sees them. Release with hf_pg_databases_free, also after a failure. */
int hf_pg_databases_read(struct hf_pg_server *server, const char *user, struct hf_pg_databases *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_pg_databases_free(struct hf_pg_databases *databases);

/* SELECT 1 in each: check "databases". */
int hf_pg_ask_databases(struct hf_pg_server *server, const char *user, const struct hf_pg_databases *databases,
	struct hf_check_report *report, struct hf_error *err) HF_MUST_CHECK;

/* Every option "check-sql", each a check of that name, run read-only as a role made for it, in `database` unless it
 * names another. */
struct hf_pg_sql_checks {
	const struct hf_option *options;
	size_t option_count;
	const char *user;     /* superuser, to make the role */
	const char *database; /* the default */
};
int hf_pg_ask_sql(struct hf_pg_server *server, const struct hf_pg_sql_checks *checks, struct hf_check_report *report,
	struct hf_error *err) HF_MUST_CHECK;

/* Parts "DATABASE:SQL": true and the name in `database` if there is one; `sql` points behind it. */
bool hf_pg_sql_database(const char *text, char *database, size_t len, const char **sql);

/* How a superuser's session is kept from running what was captured: no preloaded libraries, no ordinary triggers and
 * event triggers, no functions found by search path. For hf_pg_login.settings. */
#define HF_PG_QUIET                                                                                                    \
	"-c session_preload_libraries= -c local_preload_libraries= -c session_replication_role=replica "             \
	"-c search_path=pg_catalog -c statement_timeout=0 -c default_transaction_read_only=off -c lock_timeout=0"

#endif
