/* What pg_controldata tells of a data directory: the settings that recovery demands, and what kind of cluster it is. */
#ifndef HF_SOURCE_POSTGRES_CONTROL_H
#define HF_SOURCE_POSTGRES_CONTROL_H

#include "base/error.h"

#include <stdbool.h>

struct hf_pg_control {
	int max_connections, max_worker_processes, max_wal_senders, max_prepared_xacts, max_locks_per_xact;
	char wal_level[16]; /* "minimal", "replica", "logical" */
	bool track_commit_timestamp;
	bool has_checksums;
	char system_identifier[32];
};

/* From the program's output (LC_ALL=C). HF_E_CORRUPT if a line is missing. */
int hf_pg_control_parse(const char *text, struct hf_pg_control *out, struct hf_error *err) HF_MUST_CHECK;

#endif
