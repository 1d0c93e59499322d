/* Writing what source_cache.c reads; the layout is said there. */
#include "pipeline/source_cache.h"

#include "pipeline/block_file.h"
#include "repo/manifest_codec.h"

#include <stdlib.h>

enum { RECORD_END = 0, RECORD_STAT = 1, RECORD_PAGES = 2 };
enum { PAGE_ENTRY = HF_ID_SIZE + 4, PAGES_A_RECORD = 256 };

struct hf_source_memo {
	struct hf_block_writer *file;
	struct hf_buf record, runs;
	uint64_t run_count;
	uint64_t page_count, run_start; /* of the current run */
	uint8_t pages[PAGES_A_RECORD * PAGE_ENTRY];
	size_t pages_len;
};

int hf_source_memo_new(const char *path, const struct hf_domain *domain, struct hf_source_memo **out,
	struct hf_error *err)
{
	struct hf_source_memo *m = calloc(1, sizeof(*m));
	if (!m)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	m->record = HF_BUF(HF_MANIFEST_PATH_MAX + HF_MANIFEST_BODY_MAX + (1 << 20));
	m->runs = HF_BUF(1u << 30);
	int r = hf_block_writer_create(path, domain, &m->file, err);
	if (r < 0) {
		free(m);
		return r;
	}
	*out = m;
	return 0;
}

static void release(struct hf_source_memo *m)
{
	hf_buf_free(&m->record);
	hf_buf_free(&m->runs);
	free(m);
}

void hf_source_memo_discard(struct hf_source_memo *m)
{
	if (!m)
		return;
	hf_block_writer_discard(m->file);
	release(m);
}

static int put_record(struct hf_source_memo *m, uint8_t type, const void *data, size_t len, struct hf_error *err)
{
	uint8_t head[5] = {type};
	hf_put_u32(head + 1, (uint32_t)len);
	int r = hf_block_writer_append(m->file, head, sizeof(head), err);
	return r < 0 ? r : hf_block_writer_append(m->file, data, len, err);
}

int hf_source_memo_stat(struct hf_source_memo *m, const struct hf_stat_record *record, struct hf_error *err)
{
	struct hf_buf *b = &m->record;
	hf_buf_clear(b);
	hf_buf_blob(b, record->path, record->path_len);
	hf_buf_u64(b, record->stamp.device);
	hf_buf_u64(b, record->stamp.inode);
	hf_buf_u64(b, record->stamp.size);
	hf_buf_u64(b, (uint64_t)record->stamp.mtime_ns);
	hf_buf_u64(b, (uint64_t)record->stamp.ctime_ns);
	hf_buf_blob(b, record->body, record->body_len);
	for (size_t i = 0; i < record->slot_count; i++)
		hf_buf_u32(b, record->slots[i]);
	if (b->failed)
		return 0; /* too much to remember: read it again next time */
	return put_record(m, RECORD_STAT, b->data, b->len, err);
}

static int put_pages(struct hf_source_memo *m, struct hf_error *err)
{
	int r = m->pages_len ? put_record(m, RECORD_PAGES, m->pages, m->pages_len, err) : 0;
	m->pages_len = 0;
	return r;
}

int hf_source_memo_page(struct hf_source_memo *m, const struct hf_chunk_id *id, hf_slot slot, struct hf_error *err)
{
	if (m->page_count++ == 0)
		m->run_start = hf_block_writer_tell(m->file);
	memcpy(m->pages + m->pages_len, id->b, HF_ID_SIZE);
	hf_put_u32(m->pages + m->pages_len + HF_ID_SIZE, slot);
	m->pages_len += PAGE_ENTRY;
	return m->pages_len == sizeof(m->pages) ? put_pages(m, err) : 0;
}

int hf_source_memo_pages_end(struct hf_source_memo *m, const char *path, size_t len, uint32_t unit,
	struct hf_error *err)
{
	int r = put_pages(m, err);
	if (r < 0 || m->page_count == 0)
		return r;
	hf_buf_u32(&m->runs, (uint32_t)len);
	hf_buf_u32(&m->runs, unit);
	hf_buf_u64(&m->runs, m->page_count);
	hf_buf_u64(&m->runs, m->run_start);
	hf_buf_add(&m->runs, path, len);
	m->run_count++;
	m->page_count = 0;
	return hf_buf_check(&m->runs, "page runs", err);
}

static int put_tables(struct hf_source_memo *m, struct hf_pack_set *packs, const struct hf_packer *packer,
	struct hf_error *err)
{
	uint64_t frames = packer ? hf_packer_frame_count(packer) : 0;
	HF_BUF_AUTO table = HF_BUF(1u << 30);
	for (uint64_t i = 0; i < frames; i++) {
		uint32_t pack;
		int r = hf_pack_set_resolve(packs, packer, (hf_slot)(HF_SLOT_FRAME | i), &pack, err);
		if (r < 0)
			return r;
		hf_buf_u32(&table, pack);
	}
	size_t count;
	const struct hf_ref *all = hf_pack_set_all(packs, &count);
	uint8_t end[40];
	hf_put_u64(end, hf_block_writer_tell(m->file));
	hf_put_u64(end + 8, count);
	hf_put_u64(end + 16, frames);
	hf_put_u64(end + 24, m->run_count);
	hf_put_u64(end + 32, HF_SOURCE_CACHE_VERSION);
	int r = hf_buf_check(&table, "table of frames", err);
	for (size_t i = 0; i < count && r == 0; i++) {
		const struct hf_packed packed = {all[i], *hf_pack_set_chunk(packs, i)};
		r = hf_block_writer_append(m->file, &packed, sizeof(packed), err);
	}
	if (r == 0)
		r = hf_block_writer_append(m->file, table.data, table.len, err);
	if (r == 0)
		r = hf_block_writer_append(m->file, m->runs.data, m->runs.len, err);
	return r < 0 ? r : hf_block_writer_append(m->file, end, sizeof(end), err);
}

int hf_source_memo_commit(struct hf_source_memo *m, struct hf_pack_set *packs, const struct hf_packer *packer,
	struct hf_error *err)
{
	int r = put_record(m, RECORD_END, "", 0, err);
	if (r == 0)
		r = put_tables(m, packs, packer, err);
	if (r < 0)
		hf_block_writer_discard(m->file);
	else
		r = hf_block_writer_commit(m->file, err);
	release(m);
	return r;
}
