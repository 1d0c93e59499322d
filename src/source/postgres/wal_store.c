/* WAL segments into the snapshot; see wal_store.h. */
#include "source/postgres/wal_store.h"

#include "base/stop.h"
#include "source/postgres/lsn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 256 << 10 };

static int store_piece(struct hf_pg_intake *in, const struct hf_wal_run *run, uint64_t lsn, uint8_t *buffer,
	struct hf_error *err)
{
	uint64_t have = lsn < run->stop_lsn ? run->stop_lsn - lsn : 0;
	size_t n = have < PIECE ? (size_t)have : PIECE;
	int r = n > 0 ? hf_wal_spool_read(run->spool, lsn - run->start_lsn, buffer, n, err) : 0;
	if (r < 0)
		return r;
	memset(buffer + n, 0, PIECE - n);
	return hf_pg_intake_data(in, lsn % run->segment_size, buffer, PIECE, err);
}

static int store_segment(struct hf_pg_intake *in, const struct hf_wal_run *run, uint64_t first, uint8_t *buffer,
	struct hf_error *err)
{
	char name[HF_WAL_NAME], path[64];
	hf_wal_name(run->timeline, first, run->segment_size, name);
	snprintf(path, sizeof(path), "pg_wal/%s", name);
	int r = hf_pg_intake_begin(in, path, run->segment_size, err);
	for (uint64_t at = 0; r == 0 && at < run->segment_size; at += PIECE) {
		r = hf_stop_check(err);
		if (r == 0)
			r = store_piece(in, run, first + at, buffer, err);
	}
	if (r == 0)
		r = hf_pg_intake_end(in, run->segment_size, err);
	in->files++;
	if (r == 0 && first + run->segment_size <= run->stop_lsn) {
		snprintf(path, sizeof(path), "pg_wal/archive_status/%s.done", name);
		r = hf_pg_intake_file(in, path, NULL, 0, err);
	}
	return r;
}

int hf_wal_store(struct hf_pg_intake *in, const struct hf_wal_run *run, struct hf_error *err)
{
	uint8_t *buffer = malloc(PIECE);
	if (!buffer)
		return hf_fail(err, HF_E_NOMEM, "store WAL: no memory");
	int r = 0;
	for (uint64_t lsn = run->start_lsn; r == 0 && lsn < run->stop_lsn; lsn += run->segment_size)
		r = store_segment(in, run, lsn, buffer, err);
	free(buffer);
	return r;
}
