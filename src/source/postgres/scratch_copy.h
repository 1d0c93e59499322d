/*
 * Making a restored data directory ready to be run apart: its owner, its captured configuration, its tablespaces. All
 * of it through directory descriptors, following no link but those of pg_tblspc, and those only to where they may lead.
 */
#ifndef HF_SOURCE_POSTGRES_SCRATCH_COPY_H
#define HF_SOURCE_POSTGRES_SCRATCH_COPY_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

struct hf_pg_links {
	char **targets; /* where the links of pg_tblspc lead, absolute */
	size_t count;
};

/* Reads the links. A target that does not lie under `allowed` (resolved) is HF_E_CHECK: what is not part of the
 * scratch copy must not be run, nor change its owner. Release with hf_pg_links_free, also after a failure. */
int hf_pg_links_read(int data, const char *allowed, struct hf_pg_links *out, struct hf_error *err) HF_MUST_CHECK;
void hf_pg_links_free(struct hf_pg_links *links);

/* The whole tree to uid and gid; on one file system, no links followed. */
int hf_pg_own(int data, uid_t uid, gid_t gid, struct hf_error *err) HF_MUST_CHECK;

/* Renames what the captured cluster was configured by (postgresql.conf, postgresql.auto.conf, pg_hba.conf,
 * pg_ident.conf, signal files) to NAME.set-aside. */
int hf_pg_set_aside(int data, struct hf_error *err) HF_MUST_CHECK;

#endif
