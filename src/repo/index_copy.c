/* Copies of index segments in the cache directory; see index_copy.h. */
#include "repo/index_copy.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/hex.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Blocks that are fetched for one; bytes of a request where all of a segment is; what is fetched in parts
 * before that happens. */
enum { TOGETHER = 4, PIECE = 4 << 20, SHARE = 8, MARK = 16 };

bool hf_index_segment_copy_path(
	const struct hf_index_access *access, const struct hf_ref *ref, char *out, size_t size)
{
	char writer[HF_ID_TEXT], id[HF_ID_TEXT];
	int n = access->cache_dir ? snprintf(out, size, "%s/%s-%s.index", access->cache_dir,
					    hf_hex(ref->writer.b, HF_ID_SIZE, writer),
					    hf_hex(ref->id.b, HF_ID_SIZE, id))
				  : -1;
	return n > 0 && (size_t)n < size;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */

/* Makes the copy of a small segment. */
static void fetch_small(const struct hf_index_copy *c, const char *path)
{
	HF_BUF_AUTO whole = HF_BUF(HF_INDEX_SMALL);
	if (hf_store_get_all(c->access->store, c->name, &whole, NULL) < 0)
		return;
	struct iovec part = {whole.data, whole.len};
	(void)!hf_file_write(AT_FDCWD, path, &part, 1, &(struct hf_file_options){.secret = true}, NULL);
}

/* A file of the segment's length, with holes where nothing was copied yet; -1: none can be had. */
static int open_large(const struct hf_index_copy *c, const char *path, bool *is_writable)
{
	HF_FD_AUTO fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	*is_writable = fd >= 0;
	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if ((uint64_t)st.st_size != c->size && (!*is_writable || ftruncate(fd, (off_t)c->size) < 0))
		return -1;
	int result = fd;
	fd = -1;
	return result;
}

static int open_small(const struct hf_index_copy *c, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && lseek(fd, 0, SEEK_END) != (off_t)c->size)
		hf_fd_close(&fd);
	if (fd >= 0)
		return fd;
	fetch_small(c, path);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* A file without holes holds all there is; one of which this isn't true is found out, block by block. */
static bool has_no_holes(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size;
}

static void open_copy(struct hf_index_copy *c)
{
	char path[PATH_MAX];
	bool is_writable = false;
	if (!hf_index_segment_copy_path(c->access, &c->ref, path, sizeof(path)))
		return;
	c->fd = c->size > HF_INDEX_SMALL ? open_large(c, path, &is_writable) : open_small(c, path);
	atomic_store(&c->is_writable, is_writable);
	atomic_store(&c->is_whole, c->fd >= 0 && has_no_holes(c->fd));
}

void hf_index_copy_open(struct hf_index_copy *c, const struct hf_index_access *access,
	const struct hf_ref *ref, uint64_t size, const char *name)
{
	*c = (struct hf_index_copy){.access = access, .ref = *ref, .size = size, .name = name, .fd = -1};
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->fetched, NULL);
	open_copy(c);
}

void hf_index_copy_close(struct hf_index_copy *c)
{
	hf_fd_close(&c->fd);
	pthread_cond_destroy(&c->fetched);
	pthread_mutex_destroy(&c->lock);
}

void hf_index_copy_renew(struct hf_index_copy *c, uint64_t size)
{
	char path[PATH_MAX];
	hf_fd_close(&c->fd);
	c->size = size;
	atomic_store(&c->is_writable, false);
	atomic_store(&c->is_whole, false);
	if (!hf_index_segment_copy_path(c->access, &c->ref, path, sizeof(path)))
		return;
	if (unlink(path) == 0)
		open_copy(c);
}

bool hf_index_copy_is_there(const struct hf_index_copy *c)
{
	return c->fd >= 0;
}

bool hf_index_copy_is_near(const struct hf_index_copy *c)
{
	return atomic_load(&c->is_whole) || !c->access->store->is_far;
}

/* --- bytes -------------------------------------------------------------------------------------------------------- */

static bool is_hole(const uint8_t *part, size_t len)
{
	static const uint8_t nothing[MARK];
	return memcmp(part + len - MARK, nothing, MARK) == 0;
}

/* Out of the copy, if each part of `part_len` bytes is there. */
static bool get_copied(
	const struct hf_index_copy *c, uint64_t offset, uint8_t *out, size_t len, size_t part_len)
{
	if (c->fd < 0 || hf_pread_full(c->fd, out, len, offset, c->name, NULL) != (ssize_t)len)
		return false;
	for (size_t at = 0; at < len; at += part_len)
		if (is_hole(out + at, part_len))
			return false;
	return true;
}

/* Once there is no more room, no more is copied. */
static void keep(struct hf_index_copy *c, uint64_t offset, const void *bytes, size_t len)
{
	if (atomic_load(&c->is_writable) && hf_pwrite_full(c->fd, bytes, len, offset, c->name, NULL) < 0)
		atomic_store(&c->is_writable, false);
}

static int get_stored(struct hf_index_copy *c, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	int r = hf_store_get(c->access->store, c->name, offset, out, len, err);
	if (r == 0)
		keep(c, offset, out, len);
	return r;
}

int hf_index_copy_read(struct hf_index_copy *c, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	if (len >= MARK && get_copied(c, offset, out, len, len))
		return 0;
	return get_stored(c, offset, out, len, err);
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static uint64_t offset_of(uint32_t block)
{
	return HF_INDEX_HEADER + (uint64_t)block * HF_INDEX_SEALED;
}

/* Copies all of the segment. */
static int fetch_all(struct hf_index_copy *c, struct hf_error *err)
{
	HF_BUF_AUTO piece = HF_BUF(PIECE);
	int r = 0;
	for (uint64_t at = 0; at < c->size && r == 0 && atomic_load(&c->is_writable); at += PIECE) {
		hf_buf_clear(&piece);
		size_t len = c->size - at < PIECE ? (size_t)(c->size - at) : PIECE;
		uint8_t *bytes = hf_buf_space(&piece, len);
		r = bytes ? get_stored(c, at, bytes, len, err)
			  : hf_buf_check(&piece, "piece of an index segment", err);
	}
	if (r == 0 && atomic_load(&c->is_writable))
		atomic_store(&c->is_whole, true);
	return r;
}

/* The run with its neighbours: so many blocks that lie together, beginning at a multiple of that. */
static struct hf_index_run with_neighbours(const struct hf_index_run *run)
{
	struct hf_index_run w = *run;
	uint32_t end = run->first + run->count, rest = (end - run->region) % TOGETHER;
	w.first -= (run->first - run->region) % TOGETHER;
	end += rest ? TOGETHER - rest : 0;
	w.count = (end < run->region_end ? end : run->region_end) - w.first;
	return w;
}

static int fetch_together(
	struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	struct hf_index_run w = with_neighbours(run);
	size_t len = (size_t)w.count * HF_INDEX_SEALED;
	uint8_t *bytes = malloc(len);
	if (!bytes)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	int r = get_stored(c, offset_of(w.first), bytes, len, err);
	if (r == 0)
		memcpy(out, bytes + (size_t)(run->first - w.first) * HF_INDEX_SEALED,
			(size_t)run->count * HF_INDEX_SEALED);
	free(bytes);
	pthread_mutex_lock(&c->lock);
	c->bytes += len;
	pthread_mutex_unlock(&c->lock);
	return r;
}

static void begin_fetch(struct hf_index_copy *c, bool *waited, bool *all)
{
	pthread_mutex_lock(&c->lock);
	*waited = c->is_fetching;
	while (c->is_fetching)
		pthread_cond_wait(&c->fetched, &c->lock);
	c->is_fetching = true;
	*all = c->bytes >= c->size / SHARE && !c->tried_all;
	c->tried_all = c->tried_all || *all;
	pthread_mutex_unlock(&c->lock);
}

static void end_fetch(struct hf_index_copy *c)
{
	pthread_mutex_lock(&c->lock);
	c->is_fetching = false;
	pthread_cond_broadcast(&c->fetched);
	pthread_mutex_unlock(&c->lock);
}

/* Fetches what a copy lacks, with its neighbours or with all the rest. */
static int fetch_lacking(
	struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	size_t len = (size_t)run->count * HF_INDEX_SEALED;
	bool waited, all;
	int r = 0;
	begin_fetch(c, &waited, &all);
	if (all)
		r = fetch_all(c, err);
	if (r == HF_E_CORRUPT || r == HF_E_NOTFOUND) /* of something else in it, perhaps */
		r = 0;
	if (r == 0 && !((waited || all) && get_copied(c, offset_of(run->first), out, len, HF_INDEX_SEALED)))
		r = fetch_together(c, run, out, err);
	end_fetch(c);
	return r;
}

int hf_index_copy_blocks(
	struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	size_t len = (size_t)run->count * HF_INDEX_SEALED;
	if (get_copied(c, offset_of(run->first), out, len, HF_INDEX_SEALED))
		return 0;
	if (atomic_load(&c->is_writable))
		return fetch_lacking(c, run, out, err);
	return hf_store_get(c->access->store, c->name, offset_of(run->first), out, len, err);
}

int hf_index_copy_blocks_anew(
	struct hf_index_copy *c, const struct hf_index_run *run, uint8_t *out, struct hf_error *err)
{
	return get_stored(c, offset_of(run->first), out, (size_t)run->count * HF_INDEX_SEALED, err);
}
