/*
 * Entries and data through the sink; see transfer.h. Read entry by entry rather than through egress, since what a feed gives to
 * those who restore lacks what the manifest alone knows: that a file changed while it was read, or that it is cut at pages.
 */
#include "pipeline/transfer.h"

#include "base/stop.h"
#include "repo/manifest_reader.h"

#include <string.h>

enum { PAGE_MIN = 4096, PAGE_MAX = 65536 };

struct pushing {
	const struct hf_transfer *t;
	struct hf_chunk_feed feed;
	struct hf_sink *sink;
};

/* The unit of a file that is cut at fixed places, or 0. A list doesn't say it: there the first two chunks do, as far as it is
 * of use to know (one that is taken for such a file by mistake is stored as well). */
static int find_unit(struct pushing *p, const struct hf_content *content, uint32_t *unit, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	struct hf_chunk_ref first = {0}, second = {0};
	uint64_t offset;
	*unit = content->unit;
	if (content->form != HF_CONTENT_LIST)
		return 0;
	int r = hf_content_reader_open(&p->feed, content, &reader, err);
	if (r == 0)
		r = hf_content_reader_next(reader, &first, &offset, err);
	if (r > 0)
		r = hf_content_reader_next(reader, &second, &offset, err);
	if (r > 0 && first.len == second.len)
		*unit = first.len;
	return r < 0 ? r : 0;
}

static bool is_page_size(uint32_t n)
{
	return n >= PAGE_MIN && n <= PAGE_MAX && (n & (n - 1)) == 0;
}

/* --- data ---------------------------------------------------------------------------------------------------------- */

/* Where the bytes of the content lie in the file: in one run, or in the extents of a sparse one. */
struct place {
	const struct hf_entry *entry;
	size_t extent;
	uint64_t used; /* of that extent, or of the file */
};

static int push_bytes(struct pushing *p, struct place *at, const uint8_t *data, size_t len, struct hf_error *err)
{
	const struct hf_entry *e = at->entry;
	int r = 0;
	while (r == 0 && len) {
		uint64_t offset = at->used;
		size_t n = len;
		if (e->is_sparse) {
			while (at->extent < e->extent_count && at->used == e->extents[at->extent].len) {
				at->extent++;
				at->used = 0;
			}
			if (at->extent == e->extent_count)
				return hf_fail(err, HF_E_CORRUPT, "the content is longer than what it lies in");
			const struct hf_extent *x = &e->extents[at->extent];
			offset = x->offset + at->used;
			n = x->len - at->used < n ? (size_t)(x->len - at->used) : n;
		}
		r = p->sink->ops->data(p->sink, offset, data, n, err);
		at->used += n;
		data += n;
		len -= n;
	}
	return r;
}

static int push_content(struct pushing *p, const struct hf_manifest_entry *e, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	struct place at = {.entry = &e->entry};
	struct hf_chunk_ref ref;
	uint64_t offset;
	int r = hf_content_reader_open(&p->feed, &e->content, &reader, err);
	if (r < 0)
		return r;
	while ((r = hf_content_reader_next(reader, &ref, &offset, err)) > 0) {
		struct hf_chunk_view view;
		r = hf_stop_check(err);
		if (r == 0)
			r = hf_reader_get(p->t->from, HF_CHUNK_DATA, &ref, &view, err);
		if (r < 0)
			return r;
		r = push_bytes(p, &at, view.data, view.len, err);
		hf_reader_unpin(p->t->from, view.frame);
		if (r < 0)
			return r;
		hf_progress_add(p->t->progress, ref.len, 0);
	}
	return r;
}

/* --- entries ------------------------------------------------------------------------------------------------------- */

static int push_entry(struct pushing *p, const struct hf_manifest_entry *e, struct hf_error *err)
{
	const struct hf_sink_end done = {.size = e->entry.size, .changed_while_read = e->changed, .keep_partial = e->partial};
	struct hf_entry entry = e->entry;
	bool is_file = entry.type == HF_ENTRY_FILE;
	uint32_t unit = 0;
	int r = is_file ? find_unit(p, &e->content, &unit, err) : 0;
	if (is_page_size(unit) && !entry.is_sparse) {
		entry.cut = HF_CUT_PAGES;
		entry.page_size = unit;
	}
	if (r == 0)
		r = p->sink->ops->begin(p->sink, &entry, err);
	if (r == 0 && is_file)
		r = push_content(p, e, err);
	if (r < 0)
		return r;
	return e->partial ? p->sink->ops->abandon(p->sink, &done, err) : p->sink->ops->end(p->sink, &done, err);
}

static int push_tree(struct pushing *p, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_manifest_entry *e;
	int r = hf_manifest_reader_open(&p->feed, &p->t->source->root, &reader, err);
	if (r < 0)
		return r;
	while ((r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		r = push_entry(p, e, err);
		hf_progress_add(p->t->progress, 0, 1);
		if (r < 0)
			return hf_wrap(err, r, "%.*s", (int)e->entry.path_len, e->entry.path);
	}
	return r;
}

static int push_problems(struct pushing *p, const json_t *problems, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < json_array_size(problems); i++) {
		const json_t *one = json_array_get(problems, i);
		const char *path = json_string_value(json_object_get(one, "path"));
		const char *why = json_string_value(json_object_get(one, "error"));
		path = path ? path : "";
		r = p->sink->ops->problem(p->sink, path, strlen(path), why ? why : "", err);
	}
	return r;
}

int hf_transfer_anew(const struct hf_transfer *t, const json_t *about, struct hf_ingested *out, struct hf_error *err)
{
	struct pushing p = {.t = t, .feed = hf_reader_feed(t->from)};
	const struct hf_ingest_source named = {.name = t->source->name, .is_ordered = true};
	int r = hf_ingest_begin(t->ingest, &named, &p.sink, err);
	if (r < 0)
		return r;
	r = push_tree(&p, err);
	if (r == 0)
		r = push_problems(&p, json_object_get(about, "problems"), err);
	if (r < 0) {
		hf_ingest_abandon(t->ingest);
		return r;
	}
	r = hf_ingest_end(t->ingest, json_object_get(about, "detail"), out, err);
	json_decref(out->problems);
	out->problems = NULL;
	out->problem_count = t->source->problems;
	return r;
}
