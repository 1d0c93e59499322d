/*
 * The sink that a source captures into: cuts data into chunks, right in the batch that carries them to the workers.
 *
 * A batch holds finished chunks up to `chunk_start`, then the start of the next one. When a batch is full, or enough for a
 * unit of work, it is submitted and the unfinished rest moves to the next.
 */
#include "pipeline/ingest_internal.h"

#include "base/stop.h"

#include <stdlib.h>
#include <string.h>

enum { FILES_WAITING = 4096 }; /* files without data fill no batch: submit what there is after so many */

static struct hf_intake *intake_of(struct hf_sink *sink)
{
	return (struct hf_intake *)sink;
}

/* Keeps the first failure: the source may go on calling while it unwinds. */
static int keep(struct hf_intake *t, int r, struct hf_error *err)
{
	if (r < 0 && !t->failed) {
		t->failed = r;
		if (err)
			t->error = *err;
	}
	return r;
}

static int repeat_failure(const struct hf_intake *t, struct hf_error *err)
{
	if (err)
		*err = t->error;
	return t->failed;
}

/* --- batches ---------------------------------------------------------------------------------------------------------- */

static int drain_one(struct hf_intake *t, bool wait, struct hf_error *err)
{
	struct hf_batch *b = hf_batches_drain(t->in->batches, wait);
	if (!b)
		return 0;
	int r = b->result;
	if (r < 0 && err)
		*err = b->error;
	for (size_t i = 0; i < b->count && r == 0; i++)
		r = hf_intake_chunk(t, &b->chunks[i], err);
	hf_batches_release(t->in->batches, b);
	return r < 0 ? r : 1;
}

static int drain_ready(struct hf_intake *t, struct hf_error *err)
{
	int r;
	do
		r = drain_one(t, false, err);
	while (r > 0);
	return r < 0 ? r : hf_intake_advance(t, err);
}

int hf_intake_drain_all(struct hf_intake *t, struct hf_error *err)
{
	int r;
	do
		r = drain_one(t, true, err);
	while (r > 0);
	return r < 0 ? r : hf_intake_advance(t, err);
}

static int take_batch(struct hf_intake *t, struct hf_error *err)
{
	while (!(t->batch = hf_batches_fill(t->in->batches))) {
		int r = drain_one(t, true, err);
		if (r < 0)
			return r;
	}
	t->chunk_start = 0;
	return 0;
}

int hf_intake_submit(struct hf_intake *t, struct hf_error *err)
{
	if (t->batch && t->batch->count) {
		hf_batches_submit(t->in->batches, t->batch);
		t->batch = NULL;
	}
	return drain_ready(t, err);
}

/* Submits the batch and moves the unfinished chunk at its end to a new one. */
static int turn_over(struct hf_intake *t, struct hf_error *err)
{
	struct hf_batch *full = t->batch;
	size_t start = t->chunk_start, rest = full->len - start;
	if (!full->count)
		return 0;
	int r = take_batch(t, err);
	if (r < 0) {
		hf_batches_release(t->in->batches, full);
		return r;
	}
	memcpy(t->batch->data, full->data + start, rest);
	t->batch->len = rest;
	full->len = start;
	hf_batches_submit(t->in->batches, full);
	return drain_ready(t, err);
}

/* --- chunks ----------------------------------------------------------------------------------------------------------- */

/* The first `len` bytes of what is gathered become a chunk of the open file. */
static int end_chunk(struct hf_intake *t, size_t len, bool replaces_first, struct hf_error *err)
{
	struct hf_file *f = t->open;
	struct hf_batch_chunk c = {.offset = (uint32_t)t->chunk_start, .file = f, .replaces_first = replaces_first,
		.chunk = {.lane_class = f->unit ? HF_LANE_PAGES : HF_LANE_FILES, .len = (uint32_t)len}};
	if (t->recalls_pages) {
		uint64_t number = replaces_first ? 0 : t->unit_number;
		int r = hf_source_cache_page(t->cache, number, &c.chunk.id, &c.chunk.slot, err);
		if (r < 0)
			t->recalls_pages = false; /* a damaged cache: go on without */
		c.chunk.has_hint = r > 0;
	}
	int r = hf_batch_add(t->batch, &c, err);
	if (r < 0)
		return r;
	f->waiting++;
	t->unit_number++;
	t->chunk_start += len;
	return t->chunk_start >= HF_BATCH_SIZE ? turn_over(t, err) : 0;
}

/* Cuts as many chunks as can be told from what is gathered. */
static int cut(struct hf_intake *t, bool is_end, struct hf_error *err)
{
	for (;;) {
		size_t have = t->batch->len - t->chunk_start;
		size_t n;
		if (!have || (!is_end && have < t->chunker.max && !t->open->unit))
			return 0;
		if (t->open->unit)
			n = have >= t->open->unit ? t->open->unit : is_end ? have : 0;
		else
			n = hf_chunker_scan(&t->chunker, t->batch->data + t->chunk_start, have, is_end);
		if (!n)
			return 0;
		int r = end_chunk(t, n, false, err);
		if (r < 0)
			return r;
	}
}

/* Appends to the content of the open file; NULL: zeros. */
static int append(struct hf_intake *t, const uint8_t *data, uint64_t len, struct hf_error *err)
{
	while (len > 0) {
		int r = t->batch ? 0 : take_batch(t, err);
		if (r < 0)
			return r;
		size_t room = hf_batches_room(t->in->batches) - t->batch->len;
		if (!room) {
			r = turn_over(t, err);
			if (r < 0)
				return r;
			continue;
		}
		size_t n = room < len ? room : (size_t)len;
		if (data)
			memcpy(t->batch->data + t->batch->len, data, n);
		else
			memset(t->batch->data + t->batch->len, 0, n);
		t->batch->len += n;
		t->open->received += n;
		data = data ? data + n : NULL;
		len -= n;
		r = cut(t, false, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Page-cut files: the first unit is held aside, since SQLite's first page comes again at the end. */
static int page_data(struct hf_intake *t, uint64_t offset, const uint8_t *data, size_t len, struct hf_error *err)
{
	struct hf_file *f = t->open;
	uint32_t unit = f->unit;
	if (offset < f->received && (offset != 0 || len > t->first_len))
		return hf_fail(err, HF_E_USAGE, "data for byte %llu came after byte %llu", (unsigned long long)offset,
			(unsigned long long)f->received);
	if (offset < f->received) {
		memcpy(t->first_unit, data, len);
		return 0;
	}
	if (offset < unit) {
		size_t n = unit - offset < len ? unit - (size_t)offset : len;
		memset(t->first_unit + t->first_len, 0, (size_t)offset - t->first_len);
		memcpy(t->first_unit + offset, data, n);
		t->first_len = (size_t)offset + n;
		f->received = t->first_len;
		data += n;
		offset += n;
		len -= n;
	} else if (t->first_len < unit) {
		memset(t->first_unit + t->first_len, 0, unit - t->first_len);
		t->first_len = unit;
		f->received = unit;
	}
	if (!len)
		return 0;
	int r = append(t, NULL, offset - f->received, err);
	return r < 0 ? r : append(t, data, len, err);
}

/* --- the sink's functions --------------------------------------------------------------------------------------------- */

static int begin_pages(struct hf_intake *t, struct hf_file *f, struct hf_error *err)
{
	f->unit = f->entry.page_size < 4096 ? 4096 : f->entry.page_size;
	if (f->unit > 65536 || (f->unit & (f->unit - 1)))
		return hf_fail(err, HF_E_USAGE, "a page size of %u bytes", f->entry.page_size);
	t->unit_number = 1;
	t->first_len = 0;
	t->recalls_pages = t->cache && hf_source_cache_pages(t->cache, f->entry.path, f->entry.path_len, f->unit);
	return 0;
}

static int sink_begin(struct hf_sink *sink, const struct hf_entry *entry, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	if (t->failed)
		return repeat_failure(t, err);
	int r = hf_stop_check(err);
	if (r < 0)
		return r;
	if (t->open || !hf_path_is_sound(entry->path, entry->path_len))
		return hf_fail(err, HF_E_USAGE, "entry %.*s: a path that is not sound, or one file within another",
			(int)entry->path_len, entry->path);
	struct hf_file *f = hf_file_new(entry, err);
	if (!f)
		return HF_E_NOMEM;
	hf_intake_enqueue(t, f);
	t->open = f;
	t->recalls_pages = false;
	if (entry->type == HF_ENTRY_FILE && entry->cut == HF_CUT_PAGES)
		r = begin_pages(t, f, err);
	return keep(t, r, err);
}

static int sink_data(struct hf_sink *sink, uint64_t offset, const void *data, size_t len, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	if (t->failed)
		return repeat_failure(t, err);
	int r = hf_stop_check(err);
	if (r < 0 || len == 0)
		return r;
	struct hf_file *f = t->open;
	if (!f || f->entry.type != HF_ENTRY_FILE)
		return hf_fail(err, HF_E_USAGE, "data outside of a file");
	hf_progress_add(t->in->options.progress, len, 0);
	if (f->unit)
		return keep(t, page_data(t, offset, data, len, err), err);
	if (f->entry.is_sparse) {
		r = hf_file_data_at(f, offset, len, err);
		return keep(t, r < 0 ? r : append(t, data, len, err), err);
	}
	if (offset < f->received)
		return hf_fail(err, HF_E_USAGE, "data for byte %llu came after byte %llu", (unsigned long long)offset,
			(unsigned long long)f->received);
	r = append(t, NULL, offset - f->received, err);
	return keep(t, r < 0 ? r : append(t, data, len, err), err);
}

/* The last chunks of the open file; of a page-cut one also its first. */
static int end_content(struct hf_intake *t, struct hf_error *err)
{
	int r = t->batch ? cut(t, true, err) : 0;
	if (r < 0 || !t->open->unit || !t->first_len)
		return r;
	r = t->batch ? 0 : take_batch(t, err);
	if (r == 0 && hf_batches_room(t->in->batches) - t->batch->len < t->first_len)
		r = turn_over(t, err);
	if (r < 0)
		return r;
	memcpy(t->batch->data + t->batch->len, t->first_unit, t->first_len);
	t->batch->len += t->first_len;
	return end_chunk(t, t->first_len, true, err);
}

static int close_file(struct hf_intake *t, struct hf_error *err)
{
	t->open->has_ended = true;
	t->open = NULL;
	return t->file_count > FILES_WAITING ? hf_intake_submit(t, err) : 0;
}

static int sink_end(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	if (t->failed)
		return repeat_failure(t, err);
	struct hf_file *f = t->open;
	if (!f)
		return hf_fail(err, HF_E_USAGE, "the end of no file");
	int r = 0;
	if (f->entry.type == HF_ENTRY_FILE) {
		/* A tail that never came reads as zeros: only a sparse file's may be longer than its data. */
		if (!f->entry.is_sparse && !f->unit && done->size > f->received)
			r = append(t, NULL, done->size - f->received, err);
		if (r == 0)
			r = end_content(t, err);
		f->entry.size = f->entry.is_sparse ? done->size : f->received;
	}
	hf_progress_add(t->in->options.progress, 0, 1);
	f->changed = done->changed_while_read;
	f->entry.stamp = done->stamp;
	if (r == 0)
		r = close_file(t, err);
	return keep(t, r, err);
}

static int sink_abandon(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	if (t->failed)
		return repeat_failure(t, err);
	struct hf_file *f = t->open;
	if (!f)
		return hf_fail(err, HF_E_USAGE, "the end of no file");
	int r = end_content(t, err);
	f->partial = true;
	f->is_dropped = !done->keep_partial;
	f->entry.stamp = (struct hf_stamp){0};
	if (!f->entry.is_sparse)
		f->entry.size = f->received;
	if (r == 0)
		r = close_file(t, err);
	return keep(t, r, err);
}

static int sink_problem(struct hf_sink *sink, const char *path, size_t path_len, const char *message,
	struct hf_error *err)
{
	enum { PROBLEMS_KEPT = 1000 };
	struct hf_intake *t = intake_of(sink);
	if (t->problem_count++ >= PROBLEMS_KEPT)
		return 0;
	json_t *p = json_object();
	hf_json_put_path(p, "path", path, path_len);
	json_object_set_new(p, "error", hf_json_bytes(message, strlen(message)));
	return json_array_append_new(t->problems, p) < 0 ? hf_fail(err, HF_E_NOMEM, "no memory") : 0;
}

static int sink_known(struct hf_sink *sink, const char *path, size_t path_len, const struct hf_stamp *stamp,
	void **token, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	if (t->failed)
		return repeat_failure(t, err);
	if (!t->cache)
		return 0;
	const struct hf_path_stamp wanted = {path, path_len, stamp};
	struct hf_stat_record *rec = NULL;
	int r = hf_source_cache_stat(t->cache, &wanted, &rec, err);
	if (r < 0) { /* a damaged cache: go on without */
		hf_source_cache_close(t->cache);
		t->cache = NULL;
		return 0;
	}
	*token = rec;
	return r;
}

static int sink_reuse(struct hf_sink *sink, void *token, struct hf_error *err)
{
	struct hf_intake *t = intake_of(sink);
	struct hf_stat_record *rec = token;
	if (t->failed) {
		free(rec);
		return repeat_failure(t, err);
	}
	hf_progress_add(t->in->options.progress, rec->stamp.size, 1);
	if (!t->head && t->is_ordered) { /* nothing waits before it */
		const struct hf_manifest_encoded e = {.path = rec->path, .path_len = rec->path_len,
			.body = rec->body, .body_len = rec->body_len};
		int r = hf_manifest_builder_add_encoded(t->manifest, &e, err);
		if (r == 0 && t->memo)
			r = hf_source_memo_stat(t->memo, rec, err);
		free(rec);
		return keep(t, r, err);
	}
	struct hf_file *f = calloc(1, sizeof(*f));
	if (!f) {
		free(rec);
		return keep(t, hf_fail(err, HF_E_NOMEM, "no memory"), err);
	}
	f->reuse = rec;
	f->has_ended = true;
	hf_intake_enqueue(t, f);
	return t->file_count > FILES_WAITING ? keep(t, hf_intake_submit(t, err), err) : 0;
}

static void sink_forget(struct hf_sink *sink, void *token)
{
	(void)sink;
	free(token);
}

const struct hf_sink_ops hf_intake_sink_ops = {.begin = sink_begin, .data = sink_data, .end = sink_end,
	.abandon = sink_abandon, .problem = sink_problem, .known = sink_known, .reuse = sink_reuse,
	.forget = sink_forget};
