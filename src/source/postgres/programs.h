/* Where PostgreSQL's server programs of one major version are on this machine. */
#ifndef HF_SOURCE_POSTGRES_PROGRAMS_H
#define HF_SOURCE_POSTGRES_PROGRAMS_H

#include "base/error.h"

/* The major version of a data directory, from its PG_VERSION ("15"); "9.6" and older are HF_E_UNSUPPORTED. */
int hf_pg_data_version(int dirfd, int *major, struct hf_error *err) HF_MUST_CHECK;

/* The directory that holds a `postgres` of `major`: tried are the places of Debian and Red Hat, `pg_config --bindir`
 * and PATH. Its path in `out`, to be freed. HF_E_NOTFOUND names the package to install. */
int hf_pg_programs_find(int major, char **out, struct hf_error *err) HF_MUST_CHECK;

#endif
