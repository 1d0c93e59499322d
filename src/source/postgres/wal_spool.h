/*
 * A run of WAL on its way: kept in memory up to a bound, then in an unlinked file. The receiver appends while the
 * base backup is still being stored; it is read back only after the receiver has ended. Not locked.
 */
#ifndef HF_SOURCE_POSTGRES_WAL_SPOOL_H
#define HF_SOURCE_POSTGRES_WAL_SPOOL_H

#include "base/buf.h"

#include <stdint.h>

#define HF_WAL_SPOOL_MEMORY (4u << 20)

struct hf_wal_spool {
	const char *directory; /* where the file goes, when there must be one */
	struct hf_buf memory;
	uint64_t len;	  /* bytes appended */
	int fd;		  /* -1 until it spills */
};

void hf_wal_spool_init(struct hf_wal_spool *spool, const char *directory);
int hf_wal_spool_append(struct hf_wal_spool *spool, const void *data, size_t len, struct hf_error *err) HF_MUST_CHECK;
/* All of `len` bytes from `offset`, which must have been appended. */
int hf_wal_spool_read(struct hf_wal_spool *spool, uint64_t offset, void *data, size_t len,
	struct hf_error *err) HF_MUST_CHECK;
void hf_wal_spool_free(struct hf_wal_spool *spool);

#endif
