/*
 * Configuration that lives outside the data directory, as Debian has it in /etc/postgresql: a base backup does not
 * bring it, yet a cluster does not start without. It is read over SQL (a superuser's right, or pg_read_all_settings
 * and pg_read_server_files), include files too, and stored under HF_PG_CONF_PREFIX; where it can't be read, a minimal
 * one is generated from the settings that every role may see.
 */
#ifndef HF_SOURCE_POSTGRES_CONF_H
#define HF_SOURCE_POSTGRES_CONF_H

#include "base/json.h"
#include "source/postgres/intake.h"

#include <libpq-fe.h>

/* No file of a data directory has this name; restore puts what is under it beside the data directory, not in it. */
#define HF_PG_CONF_PREFIX ".holdfast-conf"

/* After the data directory was taken in. `sql` is an ordinary connection, or NULL; `walsender` one for replication.
 * Sets detail "configuration": {"kind": "inside" | "captured" | "generated", "files": [...], "reason"}. */
int hf_pg_conf_capture(PGconn *sql, PGconn *walsender, struct hf_pg_intake *in, json_t *detail,
	struct hf_error *err) HF_MUST_CHECK;

/* One include directive of a configuration file's line; false if the line is none. `path` gets its argument. */
enum hf_pg_include { HF_PG_INCLUDE, HF_PG_INCLUDE_IF_EXISTS, HF_PG_INCLUDE_DIR };
bool hf_pg_conf_include(const char *line, size_t len, enum hf_pg_include *kind, char *path, size_t path_size);

#endif
