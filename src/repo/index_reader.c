/*
 * Reads one index segment; see index_segment.h.
 *
 * Bytes come from the copy in the cache directory, where there is one, else from the store. A block is authenticated
 * whenever it is read; one that fails in the copy is read again from the store, and the copy is not used any more. An opened
 * block goes to the cache that all segments share. AES contexts are made as threads need them, and kept.
 */
#include "repo/index_segment.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "crypto/aead.h"
#include "crypto/sign.h"
#include "repo/object.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONTEXTS = 16, COPY_MAX = 64 << 20 };

struct hf_index_segment {
	const struct hf_index_access *access;
	struct hf_ref ref;
	uint64_t serial; /* names its blocks in the cache */
	_Atomic unsigned holds;
	char name[HF_NAME_MAX];
	uint8_t header[HF_INDEX_HEADER];
	_Atomic int copy; /* descriptor of the copy; -1: none */

	uint64_t size, entries, last, root_at;
	uint32_t frames, packs, lines, tier;
	uint32_t entry_blocks, frames_at, packs_at, filter_at, blocks; /* numbers of blocks */
	uint64_t *firsts;
	struct hf_ref *replaces;
	size_t replaces_count;

	pthread_mutex_t lock; /* of what follows, and of loading the filter */
	struct hf_aead *contexts[CONTEXTS];
	size_t context_count;
	_Atomic(uint8_t *) filter; /* NULL: not in memory */
};

bool hf_index_segment_copy_path(const struct hf_index_access *access, const struct hf_ref *ref, char *out, size_t size)
{
	char writer[HF_ID_TEXT], id[HF_ID_TEXT];
	int n = access->cache_dir ? snprintf(out, size, "%s/%s-%s.index", access->cache_dir,
					    hf_hex(ref->writer.b, HF_ID_SIZE, writer), hf_hex(ref->id.b, HF_ID_SIZE, id))
				  : -1;
	return n > 0 && (size_t)n < size;
}

static int lie(const struct hf_index_segment *s, struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_CORRUPT, "%s: %s", s->name, what);
}

static int read_store(struct hf_index_segment *s, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	return hf_store_get(s->access->store, s->name, offset, out, len, err);
}

/* From the copy, if there is one that is long enough; else from the store. */
static int read_bytes(struct hf_index_segment *s, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	int fd = atomic_load(&s->copy);
	if (fd >= 0 && hf_pread_full(fd, out, len, offset, s->name, NULL) == (ssize_t)len)
		return 0;
	return read_store(s, offset, out, len, err);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static int check_header(const struct hf_index_segment *s, struct hf_error *err)
{
	static const uint8_t fixed[16] = {'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T', 1, HF_KIND_INDEX, HF_FORM_BLOCKS};
	static const uint8_t no_body[8];
	const uint8_t *h = s->header;
	if (memcmp(h, fixed, 8) != 0 || h[9] != fixed[9])
		return lie(s, err, "this is no index segment");
	if (h[8] != fixed[8])
		return hf_fail(err, HF_E_UNSUPPORTED, "%s: format version %u is not known to this program", s->name, h[8]);
	if (memcmp(h, fixed, 16) != 0 || memcmp(h + 64, no_body, 8) != 0)
		return lie(s, err, "the header is damaged");
	if (memcmp(h + 16, s->access->key->repository.b, HF_ID_SIZE) != 0 ||
		memcmp(h + 32, s->ref.writer.b, HF_ID_SIZE) != 0 || memcmp(h + 48, s->ref.id.b, HF_ID_SIZE) != 0)
		return lie(s, err, "the header names another object");
	return 0;
}

/* Root and tail into `sealed`, verified by the writer's signature. */
static int read_end(struct hf_index_segment *s, struct hf_buf *sealed, struct hf_error *err)
{
	uint8_t end[HF_INDEX_TAIL + HF_SIGNATURE];
	if (s->size < HF_INDEX_HEADER + HF_AEAD_TAG + sizeof(end))
		return lie(s, err, "it is cut short");
	int r = read_bytes(s, s->size - sizeof(end), end, sizeof(end), err);
	if (r < 0)
		return r;
	uint32_t len = hf_get_u32(end + 8);
	s->root_at = hf_get_u64(end);
	if (len < HF_AEAD_TAG || len > HF_INDEX_ROOT_MAX || hf_get_u32(end + 12) != 0 || s->root_at < HF_INDEX_HEADER ||
		s->root_at > s->size || s->size - s->root_at != len + sizeof(end))
		return lie(s, err, "its end is damaged");
	uint8_t *p = hf_buf_space(sealed, len);
	r = p ? read_bytes(s, s->root_at, p, len, err) : hf_buf_check(sealed, "root of an index segment", err);
	if (r < 0)
		return r;
	const struct hf_cert *cert = hf_certs_find(s->access->certs, &s->ref.writer);
	if (!cert || !(cert->rights & HF_RIGHT_BACKUP))
		return lie(s, err, "no certificate lets its writer write it");
	const struct iovec what[] = {{s->header, sizeof(s->header)}, {p, len}, {end, HF_INDEX_TAIL}};
	r = hf_verify(cert->sign_public, what, 3, end + HF_INDEX_TAIL, err);
	return r < 0 ? hf_wrap(err, r, "%s", s->name) : 0;
}

static uint64_t blocks_for(uint64_t records, uint32_t in_block)
{
	return (records + in_block - 1) / in_block;
}

static int place_blocks(struct hf_index_segment *s, struct hf_error *err)
{
	uint64_t frames_at = s->entry_blocks, packs_at = frames_at + blocks_for(s->frames, HF_INDEX_FRAMES);
	uint64_t filter_at = packs_at + blocks_for(s->packs, HF_INDEX_PACKS);
	uint64_t blocks = filter_at + blocks_for(s->lines, HF_INDEX_LINES);
	if (s->entries > (uint64_t)s->entry_blocks * HF_INDEX_ENTRIES || s->entry_blocks != blocks_for(s->entries, HF_INDEX_ENTRIES) ||
		s->lines == 0 || blocks > UINT32_MAX || s->root_at - HF_INDEX_HEADER != blocks * HF_INDEX_SEALED)
		return lie(s, err, "its counts don't fit its length");
	s->frames_at = (uint32_t)frames_at;
	s->packs_at = (uint32_t)packs_at;
	s->filter_at = (uint32_t)filter_at;
	s->blocks = (uint32_t)blocks;
	return 0;
}

/* The table of first ids; ascending, none above the last. */
static int parse_firsts(struct hf_index_segment *s, struct hf_cursor *c, struct hf_error *err)
{
	if (s->entry_blocks > hf_cursor_left(c) / 8)
		return lie(s, err, "its root is damaged");
	s->firsts = calloc((size_t)s->entry_blocks + 1, sizeof(*s->firsts));
	if (!s->firsts)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	for (uint32_t i = 0; i < s->entry_blocks; i++) {
		s->firsts[i] = hf_cursor_u64(c);
		if (s->firsts[i] > s->last || (i > 0 && s->firsts[i] < s->firsts[i - 1]))
			return lie(s, err, "its root is out of order");
	}
	return 0;
}

static int parse_replaces(struct hf_index_segment *s, struct hf_cursor *c, struct hf_error *err)
{
	uint32_t n = hf_cursor_u32(c);
	if (c->failed || n != hf_cursor_left(c) / (2 * HF_ID_SIZE) || hf_cursor_left(c) % (2 * HF_ID_SIZE) != 0)
		return lie(s, err, "its root is damaged");
	s->replaces = calloc((size_t)n + 1, sizeof(*s->replaces));
	if (!s->replaces)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	for (; s->replaces_count < n; s->replaces_count++) {
		struct hf_ref *ref = &s->replaces[s->replaces_count];
		memcpy(ref->writer.b, hf_cursor_bytes(c, HF_ID_SIZE), HF_ID_SIZE);
		memcpy(ref->id.b, hf_cursor_bytes(c, HF_ID_SIZE), HF_ID_SIZE);
	}
	return 0;
}

static int parse_root(struct hf_index_segment *s, const struct hf_buf *root, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(root->data, root->len);
	s->entries = hf_cursor_u64(&c);
	s->frames = hf_cursor_u32(&c);
	s->packs = hf_cursor_u32(&c);
	s->lines = hf_cursor_u32(&c);
	s->tier = hf_cursor_u32(&c);
	s->last = hf_cursor_u64(&c);
	s->entry_blocks = hf_cursor_u32(&c);
	if (c.failed)
		return lie(s, err, "its root is damaged");
	int r = place_blocks(s, err);
	if (r == 0)
		r = parse_firsts(s, &c, err);
	return r < 0 ? r : parse_replaces(s, &c, err);
}

static struct hf_aead *take_context(struct hf_index_segment *s, struct hf_error *err)
{
	struct hf_aead *a = NULL;
	pthread_mutex_lock(&s->lock);
	if (s->context_count > 0)
		a = s->contexts[--s->context_count];
	pthread_mutex_unlock(&s->lock);
	if (!a && hf_index_segment_key(s->access->domain, s->header, &a, err) < 0)
		return NULL;
	return a;
}

static void give_context(struct hf_index_segment *s, struct hf_aead *a)
{
	pthread_mutex_lock(&s->lock);
	if (s->context_count < CONTEXTS) {
		s->contexts[s->context_count++] = a;
		a = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	hf_aead_free(a);
}

/* Opens `len` sealed bytes in place. */
static int open_sealed(struct hf_index_segment *s, uint64_t nonce, uint8_t *bytes, size_t len, struct hf_error *err)
{
	struct hf_aead *a = take_context(s, err);
	if (!a)
		return HF_E_NOMEM;
	int r = hf_aead_open(a, nonce, (struct iovec){s->header, sizeof(s->header)}, bytes, len, bytes, err);
	give_context(s, a);
	return r;
}

static int read_root(struct hf_index_segment *s, struct hf_error *err)
{
	HF_BUF_AUTO root = HF_BUF(HF_INDEX_ROOT_MAX);
	int r = read_bytes(s, 0, s->header, sizeof(s->header), err);
	if (r == 0)
		r = check_header(s, err);
	if (r == 0)
		r = read_end(s, &root, err);
	if (r < 0)
		return r;
	if (memcmp(s->header + 104, s->access->domain->id.b, HF_ID_SIZE) != 0)
		return HF_INDEX_OTHER_DOMAIN;
	r = open_sealed(s, HF_INDEX_ROOT_NONCE, root.data, root.len, err);
	if (r < 0)
		return hf_wrap(err, r, "%s: its root", s->name);
	root.len -= HF_AEAD_TAG;
	return parse_root(s, &root, err);
}

/* Opens the copy, making it first if the store is asked to be spared. Without one the store is read. */
static void open_copy(struct hf_index_segment *s)
{
	char path[PATH_MAX];
	if (!hf_index_segment_copy_path(s->access, &s->ref, path, sizeof(path)))
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && lseek(fd, 0, SEEK_END) != (off_t)s->size)
		hf_fd_close(&fd);
	if (fd < 0 && s->size <= COPY_MAX) {
		HF_BUF_AUTO whole = HF_BUF(COPY_MAX);
		const struct hf_file_options options = {.secret = true};
		if (hf_store_get_all(s->access->store, s->name, &whole, NULL) < 0)
			return;
		struct iovec part = {whole.data, whole.len};
		if (hf_file_write(AT_FDCWD, path, &part, 1, &options, NULL) == 0)
			fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	atomic_store(&s->copy, fd);
}

/* Only while the segment is being opened, when nobody else reads it. */
static void drop_copy(struct hf_index_segment *s)
{
	char path[PATH_MAX];
	int fd = atomic_exchange(&s->copy, -1);
	if (fd >= 0 && hf_index_segment_copy_path(s->access, &s->ref, path, sizeof(path)))
		unlink(path);
	if (fd >= 0)
		close(fd);
}

int hf_index_segment_open(const struct hf_index_access *access, const struct hf_ref *ref, uint64_t size,
	struct hf_index_segment **out, struct hf_error *err)
{
	struct hf_index_segment *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	s->access = access;
	s->ref = *ref;
	s->size = size;
	s->serial = atomic_fetch_add(access->serials, 1);
	atomic_init(&s->holds, 1);
	atomic_init(&s->copy, -1);
	pthread_mutex_init(&s->lock, NULL);
	hf_object_name(HF_KIND_INDEX, ref, s->name);
	open_copy(s);
	int r = read_root(s, err);
	if (r == HF_E_CORRUPT && atomic_load(&s->copy) >= 0) {
		drop_copy(s);
		free(s->firsts);
		free(s->replaces);
		s->firsts = NULL;
		s->replaces = NULL;
		s->replaces_count = 0;
		r = read_root(s, err);
	}
	if (r != 0)
		hf_index_segment_drop(s);
	else
		*out = s;
	return r;
}

struct hf_index_segment *hf_index_segment_hold(struct hf_index_segment *s)
{
	atomic_fetch_add(&s->holds, 1);
	return s;
}

void hf_index_segment_drop(struct hf_index_segment *s)
{
	if (!s || atomic_fetch_sub(&s->holds, 1) > 1)
		return;
	int fd = atomic_load(&s->copy);
	hf_fd_close(&fd);
	for (size_t i = 0; i < s->context_count; i++)
		hf_aead_free(s->contexts[i]);
	pthread_mutex_destroy(&s->lock);
	free(atomic_load(&s->filter));
	free(s->firsts);
	free(s->replaces);
	free(s);
}

/* --- what it says of itself -------------------------------------------------------------------------------------- */

const struct hf_ref *hf_index_segment_ref(const struct hf_index_segment *s)
{
	return &s->ref;
}

uint64_t hf_index_segment_entries(const struct hf_index_segment *s)
{
	return s->entries;
}

uint32_t hf_index_segment_tier(const struct hf_index_segment *s)
{
	return s->tier;
}

const struct hf_ref *hf_index_segment_replaces(const struct hf_index_segment *s, size_t *count)
{
	*count = s->replaces_count;
	return s->replaces;
}

void hf_index_segment_range(const struct hf_index_segment *s, uint64_t *first, uint64_t *last)
{
	*first = s->entry_blocks ? s->firsts[0] : UINT64_MAX;
	*last = s->entry_blocks ? s->last : 0;
}

size_t hf_index_segment_filter_bytes(const struct hf_index_segment *s)
{
	return (size_t)s->lines * HF_INDEX_LINE_SIZE;
}

/* --- blocks ------------------------------------------------------------------------------------------------------ */

/* Reads and opens block `number` into `b`. */
static int read_block(struct hf_index_segment *s, uint32_t number, struct hf_index_block *b, struct hf_error *err)
{
	uint64_t offset = HF_INDEX_HEADER + (uint64_t)number * HF_INDEX_SEALED;
	atomic_fetch_add_explicit(s->access->blocks_read, 1, memory_order_relaxed);
	int r = read_bytes(s, offset, b->bytes, HF_INDEX_SEALED, err);
	if (r == 0)
		r = open_sealed(s, number, b->bytes, HF_INDEX_SEALED, err);
	if (r == HF_E_CORRUPT && atomic_load(&s->copy) >= 0) {
		r = read_store(s, offset, b->bytes, HF_INDEX_SEALED, err);
		if (r == 0)
			r = open_sealed(s, number, b->bytes, HF_INDEX_SEALED, err);
	}
	return r < 0 ? hf_wrap(err, r, "%s: block %u", s->name, number) : 0;
}

/* Block `number`, pinned. */
static int get_block(struct hf_index_segment *s, uint32_t number, struct hf_index_block **out, struct hf_error *err)
{
	struct hf_index_block *b = hf_index_cache_find(s->access->cache, s->serial, number);
	if (b) {
		atomic_fetch_add_explicit(s->access->blocks_cached, 1, memory_order_relaxed);
		*out = b;
		return 0;
	}
	b = hf_index_block_new(s->serial, number);
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	int r = read_block(s, number, b, err);
	if (r < 0) {
		hf_index_cache_release(s->access->cache, b);
		return r;
	}
	hf_index_cache_add(s->access->cache, b);
	*out = b;
	return 0;
}

/* Reads all blocks of the filter at once, since a store far away is slow to answer. */
static int open_filter(struct hf_index_segment *s, uint8_t *sealed, uint8_t *filter, struct hf_error *err)
{
	uint32_t blocks = s->blocks - s->filter_at;
	uint64_t offset = HF_INDEX_HEADER + (uint64_t)s->filter_at * HF_INDEX_SEALED;
	atomic_fetch_add_explicit(s->access->blocks_read, blocks, memory_order_relaxed);
	int r = read_bytes(s, offset, sealed, (size_t)blocks * HF_INDEX_SEALED, err);
	for (uint32_t i = 0, left = s->lines; r == 0 && i < blocks; i++) {
		uint32_t n = left < HF_INDEX_LINES ? left : HF_INDEX_LINES;
		uint8_t *block = sealed + (size_t)i * HF_INDEX_SEALED;
		r = open_sealed(s, s->filter_at + i, block, HF_INDEX_SEALED, err);
		if (r == 0)
			memcpy(filter + (size_t)i * HF_INDEX_BLOCK, block, (size_t)n * HF_INDEX_LINE_SIZE);
		left -= n;
	}
	return r < 0 ? hf_wrap(err, r, "%s: the filter", s->name) : 0;
}

int hf_index_segment_load_filter(struct hf_index_segment *s, struct hf_error *err)
{
	uint8_t *filter = malloc((size_t)s->lines * HF_INDEX_LINE_SIZE);
	uint8_t *sealed = malloc((size_t)(s->blocks - s->filter_at) * HF_INDEX_SEALED);
	int r = filter && sealed ? open_filter(s, sealed, filter, err)
				 : hf_fail(err, HF_E_NOMEM, "no memory for the filter of an index segment");
	free(sealed);
	uint8_t *none = NULL;
	if (r < 0 || !atomic_compare_exchange_strong(&s->filter, &none, filter))
		free(filter);
	return r;
}

bool hf_index_segment_may_hold(const struct hf_index_segment *s, const struct hf_chunk_id *id)
{
	uint64_t key = hf_index_key8(id);
	if (s->entry_blocks == 0 || key < s->firsts[0] || key > s->last)
		return false;
	const uint8_t *filter = atomic_load_explicit(&s->filter, memory_order_acquire);
	return !filter || hf_index_filter_has(filter, s->lines, id);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static uint32_t get_u24(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static struct hf_index_record record_at(const struct hf_index_block *b, size_t i)
{
	const uint8_t *p = b->bytes + i * HF_INDEX_ENTRY_SIZE;
	struct hf_index_record r = {.frame = get_u24(p + 16), .offset = get_u24(p + 19), .len = get_u24(p + 22)};
	memcpy(r.id.b, p, HF_ID_SIZE);
	return r;
}

static size_t entries_in(const struct hf_index_segment *s, uint32_t block)
{
	uint64_t left = s->entries - (uint64_t)block * HF_INDEX_ENTRIES;
	return left < HF_INDEX_ENTRIES ? (size_t)left : HF_INDEX_ENTRIES;
}

int hf_index_segment_frame(struct hf_index_segment *s, uint32_t number, struct hf_index_frame *f,
	struct hf_index_pack *pack, struct hf_error *err)
{
	struct hf_index_block *b;
	if (number >= s->frames)
		return lie(s, err, "an entry in a frame that isn't there");
	int r = get_block(s, s->frames_at + number / HF_INDEX_FRAMES, &b, err);
	if (r < 0)
		return r;
	const uint8_t *p = b->bytes + (number % HF_INDEX_FRAMES) * HF_INDEX_FRAME_SIZE;
	*f = (struct hf_index_frame){.pack = hf_get_u32(p), .offset = hf_get_u32(p + 4), .stored_len = hf_get_u32(p + 8),
		.plain_len = hf_get_u32(p + 12), .number = hf_get_u64(p + 16), .key_number = hf_get_u32(p + 24)};
	hf_index_cache_release(s->access->cache, b);
	if (f->pack >= s->packs || f->plain_len > HF_FRAME_MAX || f->offset > HF_PACK_MAX || f->stored_len > HF_PACK_MAX)
		return lie(s, err, "a frame with impossible numbers");
	r = get_block(s, s->packs_at + f->pack / HF_INDEX_PACKS, &b, err);
	if (r < 0)
		return r;
	p = b->bytes + (f->pack % HF_INDEX_PACKS) * HF_INDEX_PACK_SIZE;
	memcpy(pack->ref.writer.b, p, HF_ID_SIZE);
	memcpy(pack->ref.id.b, p + HF_ID_SIZE, HF_ID_SIZE);
	memcpy(pack->run.b, p + 2 * HF_ID_SIZE, HF_ID_SIZE);
	hf_index_cache_release(s->access->cache, b);
	return 0;
}

static int place_of(struct hf_index_segment *s, const struct hf_index_record *record, struct hf_place *out,
	struct hf_error *err)
{
	struct hf_index_frame f;
	struct hf_index_pack pack;
	int r = hf_index_segment_frame(s, record->frame, &f, &pack, err);
	if (r < 0)
		return r;
	if (record->offset > f.plain_len || record->len > f.plain_len - record->offset)
		return lie(s, err, "an entry that reaches beyond its frame");
	*out = (struct hf_place){.pack = pack.ref, .run = pack.run, .key_number = f.key_number, .frame_number = f.number,
		.frame_offset = f.offset, .stored_len = f.stored_len, .plain_len = f.plain_len,
		.chunk_offset = record->offset, .chunk_len = record->len};
	return 1;
}

/* The first block that may hold an id that starts with `key`: the last one that starts below it. */
static uint32_t first_block_for(const struct hf_index_segment *s, uint64_t key)
{
	uint32_t low = 0, high = s->entry_blocks; /* blocks before low start below key; those from high on don't */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->firsts[middle] < key)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 ? low - 1 : 0;
}

/* The first entry of the block that is not below the id. */
static size_t first_entry_for(const struct hf_index_block *b, size_t count, const struct hf_chunk_id *id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(b->bytes + middle * HF_INDEX_ENTRY_SIZE, id->b, HF_ID_SIZE) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int hf_index_segment_find(struct hf_index_segment *s, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	unsigned *found, struct hf_error *err)
{
	uint64_t key = hf_index_key8(id);
	*found = 0;
	if (!hf_index_segment_may_hold(s, id))
		return 0;
	for (uint32_t n = first_block_for(s, key); n < s->entry_blocks && s->firsts[n] <= key; n++) {
		struct hf_index_block *b;
		int r = get_block(s, n, &b, err);
		if (r < 0)
			return r;
		size_t count = entries_in(s, n), i = first_entry_for(b, count, id);
		bool beyond = i < count;
		struct hf_index_record record;
		for (; i < count && r == 0; i++) {
			record = record_at(b, i);
			if (memcmp(record.id.b, id->b, HF_ID_SIZE) != 0)
				break;
			beyond = i + 1 < count;
			r = (*found)++ == nth;
		}
		hf_index_cache_release(s->access->cache, b);
		if (r == 1)
			return place_of(s, &record, out, err);
		if (beyond)
			break;
	}
	return 0;
}

int hf_index_scan_next(struct hf_index_scan *scan, struct hf_index_record *out, struct hf_error *err)
{
	struct hf_index_segment *s = scan->segment;
	if (scan->at == s->entries)
		return 0;
	uint32_t number = (uint32_t)(scan->at / HF_INDEX_ENTRIES);
	if (!scan->block || scan->block->number != number) {
		hf_index_scan_end(scan);
		struct hf_index_block *b = hf_index_block_new(s->serial, number);
		int r = b ? read_block(s, number, b, err) : hf_fail(err, HF_E_NOMEM, "no memory for the index");
		if (r < 0) {
			hf_index_cache_release(s->access->cache, b);
			return r;
		}
		scan->block = b;
	}
	*out = record_at(scan->block, (size_t)(scan->at % HF_INDEX_ENTRIES));
	if (scan->at > 0 && memcmp(scan->last.b, out->id.b, HF_ID_SIZE) > 0)
		return lie(s, err, "entries out of order");
	scan->last = out->id;
	scan->at++;
	return 1;
}

void hf_index_scan_end(struct hf_index_scan *scan)
{
	if (scan->block)
		hf_index_cache_release(scan->segment->access->cache, scan->block);
	scan->block = NULL;
}
