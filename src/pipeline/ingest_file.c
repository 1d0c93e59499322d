/*
 * Files in order: as their chunks come back from the workers, contents are built; as files complete, their entries go into
 * the manifest (sources in path order) or the sorter (others), and into the memo for the next run.
 */
#include "entry/entry_copy.h"
#include "pipeline/ingest_internal.h"

#include <stdlib.h>
#include <string.h>

/* --- one file --------------------------------------------------------------------------------------------------------- */

struct hf_file *hf_file_new(const struct hf_entry *e, struct hf_error *err)
{
	struct hf_entry plain = *e; /* the extents are taken from the data as it comes */
	plain.extents = NULL;
	plain.extent_count = 0;
	struct hf_file *f = calloc(1, sizeof(*f) + hf_entry_copy_size(&plain));
	if (!f) {
		hf_fail(err, HF_E_NOMEM, "no memory");
		return NULL;
	}
	hf_entry_copy_into(&plain, &f->entry, f + 1);
	return f;
}

void hf_file_free(struct hf_file *f)
{
	if (!f)
		return;
	free(f->extents);
	free(f->slots.slots);
	free(f->reuse);
	free(f);
}

/* Takes down that `len` bytes came at `offset` of a sparse file. */
int hf_file_data_at(struct hf_file *f, uint64_t offset, size_t len, struct hf_error *err)
{
	struct hf_extent *last = f->extent_count ? &f->extents[f->extent_count - 1] : NULL;
	if (last && last->offset + last->len == offset) {
		last->len += len;
		return 0;
	}
	if (f->extent_count == f->extent_cap) {
		size_t cap = f->extent_cap ? f->extent_cap * 2 : 16;
		void *grown = realloc(f->extents, cap * sizeof(*f->extents));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		f->extents = grown;
		f->extent_cap = cap;
	}
	f->extents[f->extent_count++] = (struct hf_extent){offset, len};
	return 0;
}

static int add_slot(struct hf_slot_list *l, hf_slot slot, struct hf_error *err)
{
	for (size_t i = l->count; i > 0 && l->count - i < 4; i--)
		if (l->slots[i - 1] == slot)
			return 0;
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		void *grown = realloc(l->slots, cap * sizeof(*l->slots));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		l->slots = grown;
		l->cap = cap;
	}
	l->slots[l->count++] = slot;
	return 0;
}

/* --- chunks come back ------------------------------------------------------------------------------------------------- */

int hf_ingest_store_chunk(void *user, enum hf_chunk_kind kind, const void *data, size_t len, struct hf_chunk_id *id,
	struct hf_error *err)
{
	struct hf_ingest *in = user;
	struct hf_lane_chunk c = {.data = data, .len = (uint32_t)len,
		.lane_class = kind == HF_CHUNK_MANIFEST ? HF_LANE_MANIFEST
			      : kind == HF_CHUNK_CONTENT ? HF_LANE_CONTENT
							 : HF_LANE_ABOUT};
	int r = hf_lane_chunk(in->meta, &c, err);
	*id = c.id;
	struct hf_file *f = in->intake ? in->intake->head : NULL;
	if (r == 0 && kind == HF_CHUNK_CONTENT && f)
		r = add_slot(&f->slots, c.slot, err);
	return r;
}

void hf_intake_enqueue(struct hf_intake *t, struct hf_file *f)
{
	*t->tail = f;
	t->tail = &f->next;
	t->file_count++;
}

/* A page-cut file's first unit comes last: until then a stand-in of its length holds its place. */
static int add_stand_in(struct hf_intake *t, struct hf_file *f, struct hf_error *err)
{
	const struct hf_chunk_ref nothing = {.len = f->unit};
	return hf_content_builder_add(t->content, &nothing, err);
}

static int add_chunk(struct hf_intake *t, struct hf_file *f, const struct hf_batch_chunk *c, struct hf_error *err)
{
	const struct hf_chunk_ref ref = {.id = c->chunk.id, .len = c->chunk.len};
	bool begins = !f->has_begun;
	int r = 0;
	if (begins) {
		hf_content_builder_begin(t->content, f->unit);
		f->has_begun = true;
		if (f->unit && !c->replaces_first)
			r = add_stand_in(t, f, err);
	}
	if (r < 0)
		return r;
	return c->replaces_first && !begins ? hf_content_builder_replace_first(t->content, &ref, err)
					    : hf_content_builder_add(t->content, &ref, err);
}

int hf_intake_chunk(struct hf_intake *t, const struct hf_batch_chunk *c, struct hf_error *err)
{
	int r = hf_intake_advance(t, err);
	if (r < 0)
		return r;
	struct hf_file *f = c->file;
	f->waiting--;
	if (f->is_dropped)
		return 0;
	r = add_chunk(t, f, c, err);
	if (r == 0 && f->unit && t->memo)
		return hf_source_memo_page(t->memo, &c->chunk.id, c->chunk.slot, err);
	return r < 0 || f->unit ? r : add_slot(&f->slots, c->chunk.slot, err);
}

/* --- files are complete ----------------------------------------------------------------------------------------------- */

/* Sorter records: u32 length of the path, path, body. */
static int compare_records(const void *a, size_t a_len, const void *b, size_t b_len)
{
	(void)a_len;
	(void)b_len;
	return hf_path_compare((const char *)a + 4, hf_get_u32(a), (const char *)b + 4, hf_get_u32(b));
}

static int put_entry(struct hf_intake *t, const struct hf_manifest_encoded *e, struct hf_error *err)
{
	if (t->is_ordered)
		return hf_manifest_builder_add_encoded(t->manifest, e, err);
	int r = t->sorter ? 0 : hf_sorter_new(16u << 20, t->in->options.scratch, compare_records, &t->sorter, err);
	if (r < 0)
		return r;
	hf_buf_clear(&t->record);
	hf_buf_u32(&t->record, (uint32_t)e->path_len);
	hf_buf_add(&t->record, e->path, e->path_len);
	hf_buf_add(&t->record, e->body, e->body_len);
	r = hf_buf_check(&t->record, "entry", err);
	return r < 0 ? r : hf_sorter_add(t->sorter, t->record.data, t->record.len, err);
}

static bool has_stamp(const struct hf_stamp *s)
{
	return s->inode != 0;
}

static int remember(struct hf_intake *t, const struct hf_stat_record *record, struct hf_error *err)
{
	if (!t->memo || !t->is_ordered)
		return 0;
	for (size_t i = 0; i < record->slot_count; i++)
		if (record->slots[i] == HF_SLOT_UNKNOWN)
			return 0; /* a copy of what another file of this run holds: read it again next time */
	return hf_source_memo_stat(t->memo, record, err);
}

static int finish_reused(struct hf_intake *t, struct hf_file *f, struct hf_error *err)
{
	const struct hf_stat_record *rec = f->reuse;
	const struct hf_manifest_encoded e = {.path = rec->path, .path_len = rec->path_len, .body = rec->body,
		.body_len = rec->body_len};
	int r = put_entry(t, &e, err);
	return r < 0 ? r : remember(t, rec, err);
}

static int encode(struct hf_intake *t, struct hf_file *f, struct hf_error *err)
{
	struct hf_manifest_entry e = {.entry = f->entry, .changed = f->changed, .partial = f->partial};
	if (f->has_begun) {
		int r = hf_content_builder_end(t->content, &e.content, err);
		if (r < 0)
			return r;
	}
	if (f->entry.is_sparse) {
		e.entry.extents = f->extents;
		e.entry.extent_count = f->extent_count;
	}
	hf_buf_clear(&t->body);
	return hf_manifest_encode_body(&e, &t->body, err);
}

static int finish_captured(struct hf_intake *t, struct hf_file *f, struct hf_error *err)
{
	int r = encode(t, f, err);
	if (r < 0)
		return hf_wrap(err, r, "entry %.*s", (int)f->entry.path_len, f->entry.path);
	const struct hf_manifest_encoded e = {.path = f->entry.path, .path_len = f->entry.path_len,
		.body = t->body.data, .body_len = t->body.len};
	r = put_entry(t, &e, err);
	if (r == 0 && f->unit && t->memo)
		r = hf_source_memo_pages_end(t->memo, e.path, e.path_len, f->unit, err);
	if (r < 0 || !has_stamp(&f->entry.stamp) || f->unit)
		return r;
	const struct hf_stat_record rec = {.path = e.path, .path_len = e.path_len, .stamp = f->entry.stamp,
		.body = e.body, .body_len = e.body_len, .slots = f->slots.slots, .slot_count = f->slots.count};
	return remember(t, &rec, err);
}

int hf_intake_advance(struct hf_intake *t, struct hf_error *err)
{
	while (t->head && t->head->has_ended && t->head->waiting == 0) {
		struct hf_file *f = t->head;
		int r = f->is_dropped ? 0 : f->reuse ? finish_reused(t, f, err) : finish_captured(t, f, err);
		if (r < 0)
			return r;
		t->head = f->next;
		if (!t->head)
			t->tail = &t->head;
		t->file_count--;
		hf_file_free(f);
	}
	return 0;
}

int hf_intake_finish_manifest(struct hf_intake *t, struct hf_manifest_root *root, struct hf_error *err)
{
	int r = t->sorter ? hf_sorter_finish(t->sorter, err) : 0;
	while (r == 0 && t->sorter) {
		const void *rec;
		size_t len;
		r = hf_sorter_next(t->sorter, &rec, &len, err);
		if (r <= 0)
			break;
		size_t path_len = hf_get_u32(rec);
		const struct hf_manifest_encoded e = {.path = (const char *)rec + 4, .path_len = path_len,
			.body = (const uint8_t *)rec + 4 + path_len, .body_len = len - 4 - path_len};
		r = hf_manifest_builder_add_encoded(t->manifest, &e, err);
	}
	return r < 0 ? r : hf_manifest_builder_end(t->manifest, root, err);
}
