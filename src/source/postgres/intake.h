/*
 * The way of a base backup's tar members into the sink.
 *
 * Layout of a captured cluster: the data directory's own paths. A tablespace's files lie where its link would lead,
 * under pg_tblspc/OID/, which is a directory in the snapshot; its true place is in the snapshot's detail. Relation
 * files are cut at pages, all others by content. Signal files and what belongs to the running server are left out.
 * Configuration from outside the data directory goes under HF_PG_CONF_PREFIX (conf.h).
 */
#ifndef HF_SOURCE_POSTGRES_INTAKE_H
#define HF_SOURCE_POSTGRES_INTAKE_H

#include "entry/sink.h"
#include "source/archive_tar.h"

struct hf_pg_intake {
	struct hf_sink *sink;
	uint32_t block_size; /* of relation files */
	uint32_t root_mode;  /* 0700 or 0750 */

	uint32_t uid, gid; /* of the data directory's files: from the first member */
	bool has_root;
	bool has_conf; /* postgresql.conf came with the data directory */
	uint64_t files, bytes;
	char path[1200]; /* of the current member, for messages */
};

/* One archive, of the tablespace `oid` (0: the data directory). */
int hf_pg_intake_archive(struct hf_pg_intake *in, uint32_t oid, hf_tar_read *read, void *user,
	struct hf_error *err) HF_MUST_CHECK;

/* A file of the driver's own making: begin … end around `data` of one piece (`len` may be 0). */
int hf_pg_intake_file(struct hf_pg_intake *in, const char *path, const void *data, size_t len,
	struct hf_error *err) HF_MUST_CHECK;
int hf_pg_intake_begin(struct hf_pg_intake *in, const char *path, uint64_t size, struct hf_error *err) HF_MUST_CHECK;
int hf_pg_intake_data(struct hf_pg_intake *in, uint64_t offset, const void *data, size_t len,
	struct hf_error *err) HF_MUST_CHECK;
int hf_pg_intake_end(struct hf_pg_intake *in, uint64_t size, struct hf_error *err) HF_MUST_CHECK;
int hf_pg_intake_directory(struct hf_pg_intake *in, const char *path, struct hf_error *err) HF_MUST_CHECK;

/* Is this the path of a relation's data: digits, _fsm, _vm or _init, .N, under global/, base/N/ or a tablespace? */
bool hf_pg_is_relation(const char *path);

#endif
