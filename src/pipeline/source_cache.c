/*
 * Recalling a source; see source_cache.h.
 *
 * The file is a row of records, then the tables:
 *	record	u8 type ‖ u32 length ‖ bytes		1: stat record, 2: up to 256 pages (id, slot), 0: end
 *	tables	packs (each with the id of a chunk in it, 48 bytes) ‖ for each frame of the run u32: number of its pack ‖ directory of page runs
 *	end	u64 where the tables start ‖ u64 packs ‖ u64 frames ‖ u64 page runs ‖ u64 version of this layout
 */
#include "pipeline/source_cache.h"

#include "base/cursor.h"
#include "pipeline/block_file.h"
#include "repo/manifest_codec.h"

#include <stdlib.h>

enum { RECORD_END = 0, RECORD_STAT = 1, RECORD_PAGES = 2 };
enum {
	RECORD_HEAD = 5,
	PAGE_ENTRY = HF_ID_SIZE + 4,
	PAGES_A_RECORD = 256,
	TABLES_END = 40,
	RECORD_MAX = HF_MANIFEST_PATH_MAX + HF_MANIFEST_BODY_MAX + (1 << 20),
};
#define UNFIT UINT32_MAX

struct page_run {
	char *path;
	size_t len;
	uint32_t unit;
	uint64_t count, offset;
};

/* A pack of the old run: its slot in the new pack set, given when it is first needed. */
struct old_pack {
	struct hf_packed packed;
	bool is_fit, has_slot;
	hf_slot slot;
};

struct hf_source_cache {
	struct hf_block_reader *file;
	struct hf_pack_set *set;
	struct old_pack *packs;
	size_t pack_count;
	uint32_t *pack_of_frame;
	size_t frame_count;
	struct page_run *runs; /* sorted by path */
	size_t run_count;

	uint64_t at; /* the next record that the merge looks at */
	bool at_end;
	struct hf_buf record; /* the one that it stands on */
	struct hf_stat_record *current;
	const struct page_run *run;
	uint64_t run_at; /* offset of the record that holds page `run_number` */
	uint64_t run_number;
	uint8_t pages[PAGES_A_RECORD * PAGE_ENTRY];
	uint32_t pages_len;
};

/* --- opening ---------------------------------------------------------------------------------------------------------- */

static int load_packs(struct hf_source_cache *c, const struct hf_source_cache_options *o, uint64_t *at,
	struct hf_error *err)
{
	c->packs = calloc(c->pack_count + 1, sizeof(*c->packs));
	if (!c->packs)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < c->pack_count; i++, *at += sizeof(struct hf_packed)) {
		int r = hf_block_reader_read(c->file, *at, &c->packs[i].packed, sizeof(struct hf_packed), err);
		if (r < 0)
			return r;
		c->packs[i].is_fit = !o->is_fit || o->is_fit(o->user, &c->packs[i].packed);
	}
	return 0;
}

static int load_frames(struct hf_source_cache *c, uint64_t *at, struct hf_error *err)
{
	c->pack_of_frame = calloc(c->frame_count + 1, 4);
	if (!c->pack_of_frame)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = hf_block_reader_read(c->file, *at, c->pack_of_frame, c->frame_count * 4, err);
	*at += c->frame_count * 4;
	for (size_t i = 0; i < c->frame_count; i++)
		c->pack_of_frame[i] = hf_get_u32((const uint8_t *)&c->pack_of_frame[i]);
	return r;
}

static int load_run(struct hf_source_cache *c, struct page_run *run, uint64_t *at, struct hf_error *err)
{
	uint8_t head[4 + 4 + 8 + 8] = {0};
	int r = hf_block_reader_read(c->file, *at, head, sizeof(head), err);
	if (r < 0)
		return r;
	run->len = hf_get_u32(head);
	run->unit = hf_get_u32(head + 4);
	run->count = hf_get_u64(head + 8);
	run->offset = hf_get_u64(head + 16);
	if (run->len > HF_MANIFEST_PATH_MAX)
		return hf_fail(err, HF_E_CORRUPT, "a path in the cache is too long");
	run->path = malloc(run->len + 1);
	if (!run->path)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	r = hf_block_reader_read(c->file, *at + sizeof(head), run->path, run->len, err);
	*at += sizeof(head) + run->len;
	return r;
}

static int by_path(const void *a, const void *b)
{
	const struct page_run *x = a, *y = b;
	return hf_path_compare(x->path, x->len, y->path, y->len);
}

static int load_tables(struct hf_source_cache *c, const struct hf_source_cache_options *o, struct hf_error *err)
{
	uint8_t end[TABLES_END] = {0};
	uint64_t size = hf_block_reader_size(c->file);
	int r = size < TABLES_END ? hf_fail(err, HF_E_CORRUPT, "%s is cut short", o->path)
				  : hf_block_reader_read(c->file, size - TABLES_END, end, sizeof(end), err);
	if (r < 0)
		return r;
	uint64_t at = hf_get_u64(end);
	c->pack_count = hf_get_u64(end + 8);
	c->frame_count = hf_get_u64(end + 16);
	size_t runs = hf_get_u64(end + 24);
	if (hf_get_u64(end + 32) != HF_SOURCE_CACHE_VERSION || c->pack_count > size / sizeof(struct hf_packed) || c->frame_count > size / 4 || runs > size / 24)
		return hf_fail(err, HF_E_CORRUPT, "%s does not parse", o->path);
	r = load_packs(c, o, &at, err);
	if (r == 0)
		r = load_frames(c, &at, err);
	c->runs = calloc(runs + 1, sizeof(*c->runs));
	if (r == 0 && !c->runs)
		r = hf_fail(err, HF_E_NOMEM, "no memory");
	for (; r == 0 && c->run_count < runs; c->run_count++)
		r = load_run(c, &c->runs[c->run_count], &at, err);
	if (r == 0)
		qsort(c->runs, c->run_count, sizeof(*c->runs), by_path);
	return r;
}

int hf_source_cache_open(const struct hf_source_cache_options *options, struct hf_source_cache **out,
	struct hf_error *err)
{
	struct hf_source_cache *c = calloc(1, sizeof(*c));
	if (!c)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	c->set = options->packs;
	c->record = HF_BUF(RECORD_MAX);
	int r = hf_block_reader_open(options->path, options->domain, &c->file, err);
	if (r == 0)
		r = load_tables(c, options, err);
	if (r < 0) {
		hf_source_cache_close(c);
		return r;
	}
	*out = c;
	return 0;
}

void hf_source_cache_close(struct hf_source_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->run_count; i++)
		free(c->runs[i].path);
	hf_block_reader_close(c->file);
	hf_buf_free(&c->record);
	free(c->current);
	free(c->packs);
	free(c->pack_of_frame);
	free(c->runs);
	free(c);
}

/* A slot of the old run as one of the new; 1, or 0 if its pack is not to be relied on. */
static int translate(struct hf_source_cache *c, hf_slot old, hf_slot *out, struct hf_error *err)
{
	uint32_t number = old;
	if (old & HF_SLOT_FRAME) {
		uint32_t frame = old & ~HF_SLOT_FRAME;
		number = frame < c->frame_count ? c->pack_of_frame[frame] : UNFIT;
	}
	if (number >= c->pack_count || !c->packs[number].is_fit)
		return 0;
	struct old_pack *p = &c->packs[number];
	if (!p->has_slot) {
		int r = hf_pack_set_add(c->set, &p->packed, &p->slot, err);
		if (r < 0)
			return r;
		p->has_slot = true;
	}
	*out = p->slot;
	return 1;
}

/* --- the stat cache: a merge of two sorted rows ------------------------------------------------------------------------ */

/* Reads the head of the record at `offset`. */
static int record_head(struct hf_source_cache *c, uint64_t offset, uint8_t *type, uint32_t *len, struct hf_error *err)
{
	uint8_t head[RECORD_HEAD] = {0};
	int r = hf_block_reader_read(c->file, offset, head, sizeof(head), err);
	*type = head[0];
	*len = hf_get_u32(head + 1);
	if (r == 0 && *len > RECORD_MAX)
		r = hf_fail(err, HF_E_CORRUPT, "a record in the cache is too long");
	return r;
}

static struct hf_stat_record *parse_record(const struct hf_buf *bytes)
{
	struct hf_cursor c = hf_cursor(bytes->data, bytes->len);
	size_t path_len, body_len;
	const uint8_t *path = hf_cursor_blob(&c, HF_MANIFEST_PATH_MAX, &path_len);
	struct hf_stamp stamp = {.device = hf_cursor_u64(&c), .inode = hf_cursor_u64(&c), .size = hf_cursor_u64(&c)};
	stamp.mtime_ns = (int64_t)hf_cursor_u64(&c);
	stamp.ctime_ns = (int64_t)hf_cursor_u64(&c);
	const uint8_t *body = hf_cursor_blob(&c, HF_MANIFEST_BODY_MAX, &body_len);
	size_t slots = hf_cursor_left(&c) / 4;
	if (c.failed)
		return NULL;
	struct hf_stat_record *rec = malloc(sizeof(*rec) + slots * sizeof(hf_slot) + path_len + body_len);
	if (!rec)
		return NULL;
	hf_slot *slot = (hf_slot *)(rec + 1);
	for (size_t i = 0; i < slots; i++)
		slot[i] = hf_cursor_u32(&c);
	uint8_t *bytes_at = (uint8_t *)(slot + slots);
	if (path_len)
		memcpy(bytes_at, path, path_len);
	memcpy(bytes_at + path_len, body, body_len);
	*rec = (struct hf_stat_record){.path = (char *)bytes_at, .path_len = path_len, .stamp = stamp,
		.body = bytes_at + path_len, .body_len = body_len, .slots = slot, .slot_count = slots};
	return rec;
}

/* Makes the next stat record the current one; none: at_end. */
static int advance(struct hf_source_cache *c, struct hf_error *err)
{
	uint8_t type;
	uint32_t len;
	free(c->current);
	c->current = NULL;
	for (;;) {
		int r = record_head(c, c->at, &type, &len, err);
		if (r < 0)
			return r;
		c->at_end = type == RECORD_END;
		if (type != RECORD_PAGES)
			break;
		c->at += RECORD_HEAD + len;
	}
	if (c->at_end)
		return 0;
	hf_buf_clear(&c->record);
	uint8_t *p = hf_buf_space(&c->record, len);
	int r = p ? hf_block_reader_read(c->file, c->at + RECORD_HEAD, p, len, err)
		  : hf_buf_check(&c->record, "record", err);
	c->at += RECORD_HEAD + len;
	if (r == 0 && !(c->current = parse_record(&c->record)))
		r = hf_fail(err, HF_E_CORRUPT, "a record in the cache does not parse");
	return r;
}

static bool same_stamp(const struct hf_stamp *a, const struct hf_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

static int take_current(struct hf_source_cache *c, struct hf_stat_record **out, struct hf_error *err)
{
	struct hf_stat_record *rec = c->current;
	hf_slot *slots = (hf_slot *)(rec + 1);
	for (size_t i = 0; i < rec->slot_count; i++) {
		int r = translate(c, slots[i], &slots[i], err);
		if (r <= 0)
			return r;
	}
	*out = rec;
	c->current = NULL;
	return 1;
}

int hf_source_cache_stat(struct hf_source_cache *c, const struct hf_path_stamp *wanted, struct hf_stat_record **out,
	struct hf_error *err)
{
	for (;;) {
		if (!c->current && !c->at_end) {
			int r = advance(c, err);
			if (r < 0)
				return r;
		}
		if (c->at_end)
			return 0;
		int order = hf_path_compare(c->current->path, c->current->path_len, wanted->path, wanted->len);
		if (order > 0)
			return 0;
		if (order == 0)
			return same_stamp(&c->current->stamp, wanted->stamp) ? take_current(c, out, err) : 0;
		free(c->current);
		c->current = NULL;
	}
}

/* --- the page cache --------------------------------------------------------------------------------------------------- */

bool hf_source_cache_pages(struct hf_source_cache *c, const char *path, size_t len, uint32_t unit)
{
	const struct page_run key = {.path = (char *)(uintptr_t)path, .len = len};
	const struct page_run *run = c->run_count ? bsearch(&key, c->runs, c->run_count, sizeof(key), by_path) : NULL;
	c->run = run && run->unit == unit ? run : NULL;
	c->pages_len = 0;
	c->run_number = 0;
	c->run_at = c->run ? run->offset : 0;
	return c->run;
}

/* Loads the record of pages that holds place `place`, going forward. */
static int load_pages(struct hf_source_cache *c, uint64_t place, struct hf_error *err)
{
	while (place >= c->run_number + c->pages_len / PAGE_ENTRY) {
		uint8_t type;
		uint32_t len;
		int r = record_head(c, c->run_at, &type, &len, err);
		if (r == 0 && (type != RECORD_PAGES || len > sizeof(c->pages) || len == 0))
			r = hf_fail(err, HF_E_CORRUPT, "pages in the cache do not parse");
		if (r < 0)
			return r;
		c->run_number += c->pages_len / PAGE_ENTRY;
		c->pages_len = len;
		r = hf_block_reader_read(c->file, c->run_at + RECORD_HEAD, c->pages, len, err);
		if (r < 0)
			return r;
		c->run_at += RECORD_HEAD + len;
	}
	return 0;
}

int hf_source_cache_page(struct hf_source_cache *c, uint64_t number, struct hf_chunk_id *id, hf_slot *slot,
	struct hf_error *err)
{
	if (!c->run || number >= c->run->count)
		return 0;
	uint64_t place = number == 0 ? c->run->count - 1 : number - 1;
	if (place < c->run_number)
		return 0;
	int r = load_pages(c, place, err);
	if (r < 0)
		return r;
	const uint8_t *p = c->pages + (place - c->run_number) * PAGE_ENTRY;
	memcpy(id->b, p, HF_ID_SIZE);
	return translate(c, hf_get_u32(p + HF_ID_SIZE), slot, err);
}
