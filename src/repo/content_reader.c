/*
 * Reads the refs of a content; see content.h. A list is walked with a stack of at most eight frames, one a level, each
 * with its node. A seek only sets a target: children that lie before it are counted, not loaded.
 */
#include "repo/content.h"

#include "base/cursor.h"

#include <stdlib.h>

enum { LEVELS = 8 };

struct frame {
	struct hf_buf node;
	struct hf_cursor at; /* the next child */
	uint64_t end;	     /* of the content below the node */
	uint8_t level, form;
};

struct hf_content_reader {
	struct hf_chunk_feed feed;
	const struct hf_content *content;
	uint64_t at;	 /* place of the next chunk */
	uint64_t target; /* chunks that end before or here are passed over */
	size_t next;	 /* of inline refs */
	uint32_t unit;	 /* of the list's leaves; 0: form 0 */
	bool has_leaf;	 /* whether form and unit of the leaves are known yet */
	size_t depth;	 /* frames in use */
	struct frame frames[LEVELS];
};

static int check_inline(const struct hf_content *c, struct hf_error *err)
{
	bool pages = c->form == HF_CONTENT_INLINE_PAGES;
	uint64_t sum = 0;
	bool ok = !pages || (c->unit > 0 && c->unit <= HF_CHUNK_MAX);
	for (size_t i = 0; i < c->count && ok; i++) {
		uint32_t len = c->refs[i].len;
		ok = len > 0 && len <= HF_CHUNK_MAX && (!pages || len == c->unit || (len < c->unit && i + 1 == c->count));
		sum += len;
	}
	if (!ok || sum != c->bytes)
		return hf_fail(err, HF_E_CORRUPT, "content of %llu bytes: its chunks don't add up", (unsigned long long)c->bytes);
	return 0;
}

int hf_content_reader_open(const struct hf_chunk_feed *feed, const struct hf_content *content,
	struct hf_content_reader **out, struct hf_error *err)
{
	if (content->form > HF_CONTENT_LIST || (content->form == HF_CONTENT_LIST && content->bytes == 0))
		return hf_fail(err, HF_E_CORRUPT, "content of form %u with %llu bytes", content->form,
			(unsigned long long)content->bytes);
	int r = content->form == HF_CONTENT_LIST ? 0 : check_inline(content, err);
	if (r < 0)
		return r;
	struct hf_content_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return hf_fail(err, HF_E_NOMEM, "no memory for a content list");
	reader->feed = *feed;
	reader->content = content;
	for (int i = 0; i < LEVELS; i++)
		reader->frames[i].node = HF_BUF(HF_CHUNK_MAX);
	*out = reader;
	return 0;
}

void hf_content_reader_free(struct hf_content_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < LEVELS; i++)
		hf_buf_free(&r->frames[i].node);
	free(r);
}

int hf_content_reader_seek(struct hf_content_reader *r, uint64_t offset, struct hf_error *err)
{
	(void)err;
	if (offset < r->at) {
		r->at = 0;
		r->next = 0;
		r->depth = 0;
	}
	r->target = offset;
	return 0;
}

static int lie(struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_CORRUPT, "content list: %s", what);
}

/* The head of a leaf: all leaves of a list have one form and unit. */
static int begin_leaf(struct hf_content_reader *r, struct frame *f, struct hf_error *err)
{
	uint32_t unit = f->form == 1 ? hf_cursor_u32(&f->at) : 0;
	if (f->at.failed || f->form > 1 || (f->form == 1 && (unit == 0 || unit > HF_CHUNK_MAX)))
		return lie(err, "a leaf of an unknown form");
	if (r->has_leaf && unit != r->unit)
		return lie(err, "leaves of different units");
	r->unit = unit;
	r->has_leaf = true;
	return 0;
}

/* Loads the node `id`, which has `bytes` of content from here on, on top of the stack. */
static int push(struct hf_content_reader *r, const struct hf_chunk_id *id, uint64_t bytes, struct hf_error *err)
{
	struct frame *f = &r->frames[r->depth];
	int e = r->feed.load_chunk(r->feed.user, HF_CHUNK_CONTENT, id, 0, &f->node, err);
	if (e < 0)
		return e;
	f->at = hf_cursor(f->node.data, f->node.len);
	f->level = hf_cursor_u8(&f->at);
	f->form = hf_cursor_u8(&f->at);
	f->end = r->at + bytes;
	bool level_fits = r->depth == 0 ? f->level < LEVELS : f->level + 1 == f[-1].level;
	if (f->at.failed || !level_fits || (f->level > 0 && f->form != 0))
		return lie(err, "a node of a wrong level or form");
	r->depth++;
	return f->level == 0 ? begin_leaf(r, f, err) : 0;
}

/* The id and the bytes of the next child of `f`. */
static int read_child(struct hf_content_reader *r, struct frame *f, struct hf_chunk_id *id, uint64_t *bytes,
	struct hf_error *err)
{
	const uint8_t *p = hf_cursor_bytes(&f->at, HF_ID_SIZE);
	uint64_t left = f->end - r->at;
	if (f->level == 0 && f->form == 1)
		*bytes = r->content->bytes - r->at < r->unit ? r->content->bytes - r->at : r->unit;
	else
		*bytes = hf_cursor_varint(&f->at);
	if (!p || f->at.failed || *bytes == 0 || *bytes > left || (f->level == 0 && *bytes > HF_CHUNK_MAX))
		return lie(err, "children don't add up to what their parent says");
	memcpy(id->b, p, HF_ID_SIZE);
	return 0;
}

/* One step through the list: 1 and a ref; 0 nothing yet; `r->at` tells the end. */
static int step(struct hf_content_reader *r, struct hf_chunk_ref *ref, struct hf_error *err)
{
	if (r->depth == 0)
		return push(r, &r->content->root, r->content->bytes, err);
	struct frame *f = &r->frames[r->depth - 1];
	if (r->at == f->end) {
		if (hf_cursor_left(&f->at) > 0)
			return lie(err, "a node has more children than its parent says");
		r->depth--;
		return 0;
	}
	struct hf_chunk_id id;
	uint64_t bytes;
	int e = read_child(r, f, &id, &bytes, err);
	if (e < 0)
		return e;
	if (r->at + bytes <= r->target) {
		r->at += bytes;
		return 0;
	}
	if (f->level > 0)
		return push(r, &id, bytes, err);
	*ref = (struct hf_chunk_ref){.id = id, .len = (uint32_t)bytes};
	return 1;
}

static int next_inline(struct hf_content_reader *r, struct hf_chunk_ref *ref)
{
	const struct hf_content *c = r->content;
	while (r->next < c->count && r->at + c->refs[r->next].len <= r->target)
		r->at += c->refs[r->next++].len;
	if (r->next == c->count)
		return 0;
	*ref = c->refs[r->next++];
	return 1;
}

int hf_content_reader_next(struct hf_content_reader *r, struct hf_chunk_ref *ref, uint64_t *offset,
	struct hf_error *err)
{
	if (r->target >= r->content->bytes && r->target > 0)
		return 0;
	int e = 0;
	if (r->content->form != HF_CONTENT_LIST)
		e = next_inline(r, ref);
	else
		while (e == 0 && (r->at < r->content->bytes || r->depth > 0))
			e = step(r, ref, err);
	if (e == 1) {
		*offset = r->at;
		r->at += ref->len;
	}
	return e;
}
