/* pg_controldata's output; see control.h. */
#include "source/postgres/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value of the line "NAME:   value". */
static bool find_value(const char *text, const char *name, char *out, size_t len)
{
	size_t n = strlen(name);
	for (const char *line = text; line && *line; line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
		if (strncmp(line, name, n) != 0 || line[n] != ':')
			continue;
		const char *value = line + n + 1 + strspn(line + n + 1, " ");
		snprintf(out, len, "%.*s", (int)strcspn(value, "\n"), value);
		return true;
	}
	return false;
}

static int find_number(const char *text, const char *name, int least, int *out, struct hf_error *err)
{
	char value[64];
	long n = find_value(text, name, value, sizeof(value)) ? strtol(value, NULL, 10) : -1;
	if (n < least || n > 1 << 24)
		return hf_fail(err, HF_E_CORRUPT, "pg_controldata does not give the %s", name);
	*out = (int)n;
	return 0;
}

int hf_pg_control_parse(const char *text, struct hf_pg_control *out, struct hf_error *err)
{
	*out = (struct hf_pg_control){0};
	char value[64];
	int r = find_number(text, "max_connections setting", 1, &out->max_connections, err);
	if (r == 0)
		r = find_number(text, "max_worker_processes setting", 0, &out->max_worker_processes, err);
	if (r == 0)
		r = find_number(text, "max_prepared_xacts setting", 0, &out->max_prepared_xacts, err);
	if (r == 0)
		r = find_number(text, "max_locks_per_xact setting", 1, &out->max_locks_per_xact, err);
	if (r < 0)
		return r;
	if (find_number(text, "max_wal_senders setting", 0, &out->max_wal_senders, NULL) < 0)
		out->max_wal_senders = 10; /* PostgreSQL 11 and before don't record it */
	if (!find_value(text, "wal_level setting", out->wal_level, sizeof(out->wal_level)) ||
		!find_value(text, "Database system identifier", out->system_identifier, sizeof(out->system_identifier)) ||
		!out->system_identifier[0])
		return hf_fail(err, HF_E_CORRUPT, "pg_controldata gives no wal_level or no system identifier");
	out->track_commit_timestamp = find_value(text, "track_commit_timestamp setting", value, sizeof(value)) &&
				      strcmp(value, "on") == 0;
	out->has_checksums = find_value(text, "Data page checksum version", value, sizeof(value)) && value[0] != '0';
	return 0;
}
