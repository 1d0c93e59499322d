/*
 * Files of authenticated blocks; see block_file.h. Layout: blocks of 64 KiB (the last one shorter), each followed by its
 * 16-byte hash; then the length of all data (8 bytes) and the hash of that.
 */
#include "pipeline/block_file.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BLOCK = 65536, HASH = HF_ID_SIZE, END = 8 + HASH };

/* Kinds of keyed hashes that no chunk has. */
#define HASH_OF_BLOCK ((enum hf_chunk_kind)0x81)
#define HASH_OF_END ((enum hf_chunk_kind)0x82)

struct hf_block_writer {
	struct hf_chunk_hasher *hasher;
	char *path, *temporary;
	int fd;
	uint64_t blocks;
	size_t used;
	uint8_t data[8 + BLOCK + HASH]; /* number, bytes, hash */
};

struct hf_block_reader {
	struct hf_chunk_hasher *hasher;
	char *path;
	int fd;
	uint64_t size, block; /* which one is in `data`; UINT64_MAX: none */
	uint8_t data[8 + BLOCK + HASH];
};

static struct hf_chunk_id block_hash(struct hf_chunk_hasher *h, uint8_t *data, uint64_t number, size_t len)
{
	hf_put_u64(data, number);
	return hf_chunk_hash(h, HASH_OF_BLOCK, data, 8 + len);
}

int hf_block_writer_create(const char *path, const struct hf_domain *domain, struct hf_block_writer **out,
	struct hf_error *err)
{
	struct hf_block_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	w->fd = -1;
	w->path = strdup(path);
	int r = hf_chunk_hasher_new(domain, &w->hasher, err);
	if (r == 0 && (!w->path || asprintf(&w->temporary, "%s.tmp-%d", path, (int)getpid()) < 0))
		r = hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0) {
		w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (w->fd < 0)
			r = hf_fail_errno(err, errno, "create %s", w->temporary);
	}
	if (r < 0) {
		hf_block_writer_discard(w);
		return r;
	}
	*out = w;
	return 0;
}

static int write_block(struct hf_block_writer *w, struct hf_error *err)
{
	if (!w->used)
		return 0;
	struct hf_chunk_id hash = block_hash(w->hasher, w->data, w->blocks, w->used);
	memcpy(w->data + 8 + w->used, hash.b, HASH);
	int r = hf_write_full(w->fd, w->data + 8, w->used + HASH, w->temporary, err);
	if (r < 0)
		return r;
	w->blocks++;
	w->used = 0;
	return 0;
}

int hf_block_writer_append(struct hf_block_writer *w, const void *data, size_t len, struct hf_error *err)
{
	const uint8_t *p = data;
	while (len > 0) {
		size_t n = BLOCK - w->used < len ? BLOCK - w->used : len;
		memcpy(w->data + 8 + w->used, p, n);
		w->used += n;
		p += n;
		len -= n;
		int r = w->used == BLOCK ? write_block(w, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

uint64_t hf_block_writer_tell(const struct hf_block_writer *w)
{
	return w->blocks * BLOCK + w->used;
}

int hf_block_writer_commit(struct hf_block_writer *w, struct hf_error *err)
{
	uint8_t end[END];
	hf_put_u64(end, hf_block_writer_tell(w));
	struct hf_chunk_id hash = hf_chunk_hash(w->hasher, HASH_OF_END, end, 8);
	memcpy(end + 8, hash.b, HASH);
	int r = write_block(w, err);
	if (r == 0)
		r = hf_write_full(w->fd, end, sizeof(end), w->temporary, err);
	if (r == 0)
		r = hf_file_rename(AT_FDCWD, w->temporary, AT_FDCWD, w->path, false, err);
	hf_block_writer_discard(w);
	return r;
}

void hf_block_writer_discard(struct hf_block_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->temporary); /* after a commit it is gone already */
	}
	hf_chunk_hasher_free(w->hasher);
	free(w->path);
	free(w->temporary);
	free(w);
}

static int read_end(struct hf_block_reader *r, struct hf_error *err)
{
	struct stat st;
	uint8_t end[END];
	if (fstat(r->fd, &st) < 0)
		return hf_fail_errno(err, errno, "stat %s", r->path);
	if (st.st_size < END)
		return hf_fail(err, HF_E_CORRUPT, "%s is cut short", r->path);
	ssize_t n = hf_pread_full(r->fd, end, END, (uint64_t)st.st_size - END, r->path, err);
	if (n < 0)
		return (int)n;
	struct hf_chunk_id hash = hf_chunk_hash(r->hasher, HASH_OF_END, end, 8);
	r->size = hf_get_u64(end);
	uint64_t blocks = r->size / BLOCK + (r->size % BLOCK != 0);
	if (n != END || memcmp(end + 8, hash.b, HASH) != 0 || r->size + blocks * HASH + END != (uint64_t)st.st_size)
		return hf_fail(err, HF_E_CORRUPT, "%s is damaged, or not of this repository", r->path);
	return 0;
}

int hf_block_reader_open(const char *path, const struct hf_domain *domain, struct hf_block_reader **out,
	struct hf_error *err)
{
	struct hf_block_reader *b = calloc(1, sizeof(*b));
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	b->block = UINT64_MAX;
	b->path = strdup(path);
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	int r = b->fd < 0 ? hf_fail_errno(err, errno, "open %s", path) : hf_chunk_hasher_new(domain, &b->hasher, err);
	if (r == 0)
		r = b->path ? read_end(b, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r < 0) {
		hf_block_reader_close(b);
		return r;
	}
	*out = b;
	return 0;
}

uint64_t hf_block_reader_size(const struct hf_block_reader *r)
{
	return r->size;
}

static int load_block(struct hf_block_reader *b, uint64_t number, struct hf_error *err)
{
	if (b->block == number)
		return 0;
	uint64_t left = b->size - number * BLOCK;
	size_t len = left < BLOCK ? (size_t)left : BLOCK;
	b->block = UINT64_MAX;
	ssize_t n = hf_pread_full(b->fd, b->data + 8, len + HASH, number * (BLOCK + HASH), b->path, err);
	if (n < 0)
		return (int)n;
	struct hf_chunk_id hash = block_hash(b->hasher, b->data, number, len);
	if ((size_t)n != len + HASH || memcmp(b->data + 8 + len, hash.b, HASH) != 0)
		return hf_fail(err, HF_E_CORRUPT, "%s is damaged", b->path);
	b->block = number;
	return 0;
}

int hf_block_reader_read(struct hf_block_reader *b, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	uint8_t *p = out;
	if (offset > b->size || len > b->size - offset)
		return hf_fail(err, HF_E_CORRUPT, "%s ends too early", b->path);
	while (len > 0) {
		int r = load_block(b, offset / BLOCK, err);
		if (r < 0)
			return r;
		size_t at = offset % BLOCK;
		size_t n = BLOCK - at < len ? BLOCK - at : len;
		memcpy(p, b->data + 8 + at, n);
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

void hf_block_reader_close(struct hf_block_reader *b)
{
	if (!b)
		return;
	hf_fd_close(&b->fd);
	hf_chunk_hasher_free(b->hasher);
	free(b->path);
	free(b);
}
