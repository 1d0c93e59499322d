/* A bounded run of WAL; see wal_spool.h. Once it spills, memory is only the buffer of what is not yet in the file. */
#include "source/postgres/wal_spool.h"

#include "base/file.h"

#include <string.h>

void hf_wal_spool_init(struct hf_wal_spool *spool, const char *directory)
{
	*spool = (struct hf_wal_spool){.directory = directory, .memory = HF_BUF(HF_WAL_SPOOL_MEMORY), .fd = -1};
}

void hf_wal_spool_free(struct hf_wal_spool *spool)
{
	hf_buf_free(&spool->memory);
	hf_fd_close(&spool->fd);
}

static int spill(struct hf_wal_spool *s, struct hf_error *err)
{
	if (s->fd < 0)
		s->fd = hf_spill_file(s->directory, err);
	if (s->fd < 0)
		return s->fd;
	int r = hf_write_full(s->fd, s->memory.data, s->memory.len, "the WAL spool", err);
	if (r < 0)
		return hf_wrap(err, r, "spool WAL in %s", s->directory);
	hf_buf_clear(&s->memory);
	return 0;
}

int hf_wal_spool_append(struct hf_wal_spool *s, const void *data, size_t len, struct hf_error *err)
{
	const char *p = data;
	while (len > 0) {
		size_t room = s->memory.max - s->memory.len;
		size_t n = len < room ? len : room;
		hf_buf_add(&s->memory, p, n);
		int r = hf_buf_check(&s->memory, "WAL", err);
		if (r < 0)
			return r;
		p += n;
		len -= n;
		s->len += n;
		if (s->memory.len == s->memory.max)
			r = spill(s, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int hf_wal_spool_read(struct hf_wal_spool *s, uint64_t offset, void *data, size_t len, struct hf_error *err)
{
	uint64_t in_file = s->len - s->memory.len;
	char *p = data;
	if (offset > s->len || len > s->len - offset)
		return hf_fail(err, HF_E_CORRUPT, "the WAL spool holds less than was asked for");
	if (offset < in_file) {
		size_t n = len < in_file - offset ? len : (size_t)(in_file - offset);
		ssize_t got = hf_pread_full(s->fd, p, n, offset, "the WAL spool", err);
		if (got < 0)
			return (int)got;
		if ((size_t)got < n)
			return hf_fail(err, HF_E_IO, "read the WAL spool: it is shorter than what was written");
		p += n;
		len -= n;
		offset += n;
	}
	if (len > 0)
		memcpy(p, s->memory.data + (offset - in_file), len);
	return 0;
}
