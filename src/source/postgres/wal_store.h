/* The WAL of a base backup, as files of pg_wal in the snapshot: so that the restored cluster starts by itself. */
#ifndef HF_SOURCE_POSTGRES_WAL_STORE_H
#define HF_SOURCE_POSTGRES_WAL_STORE_H

#include "source/postgres/intake.h"
#include "source/postgres/wal_spool.h"

struct hf_wal_run {
	struct hf_wal_spool *spool; /* offset 0 is start_lsn */
	uint64_t start_lsn, stop_lsn; /* start: of a segment's first byte; nothing from stop on is stored */
	uint32_t timeline, segment_size;
};

/* Segment files from the one of start_lsn to the one of stop_lsn, the last filled up with zeros; complete ones are
 * marked as archived (as pg_basebackup does), lest the restored server archives them a second time. */
int hf_wal_store(struct hf_pg_intake *in, const struct hf_wal_run *run, struct hf_error *err) HF_MUST_CHECK;

#endif
