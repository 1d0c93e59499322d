/* The newest commit in the WAL of a restored copy, as far as a restore point can tell it by itself. */
#ifndef HF_SOURCE_POSTGRES_COMMITS_H
#define HF_SOURCE_POSTGRES_COMMITS_H

#include "base/json.h"
#include "source/postgres/server.h"

/* Before the server is started: the time of the newest commit between the backup's start and stop LSN (from `detail`),
 * by pg_waldump; 0 if there is none. */
int hf_pg_newest_commit(struct hf_pg_server *server, const json_t *detail, int64_t *ns, struct hf_error *err) HF_MUST_CHECK;

/* The time in one line of pg_waldump's, 0 if it is no commit. */
int64_t hf_pg_commit_time(const char *line);

#endif
