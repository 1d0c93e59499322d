/*
 * Checking packs; see pack_check.h.
 *
 * From a store far away, as many frames as fit are fetched by one request; where that fails, those are fetched one by one, so that
 * each frame is judged by itself.
 */
#include "pipeline/pack_check.h"

#include "base/stop.h"
#include "pipeline/ranges.h"
#include "repo/chunking.h"
#include "repo/frame.h"

#include <stdlib.h>

struct hf_pack_checker {
	struct hf_store *store;
	struct hf_frame_opener *opener;
	struct hf_chunk_hasher *hasher;
	struct hf_buf stored, plain;
	size_t first, end; /* the frames that `stored` holds */
	size_t alone_until; /* the frames before this one are fetched one by one */
};

int hf_pack_checker_new(struct hf_store *store, const struct hf_domain *domain, struct hf_pack_checker **out,
	struct hf_error *err)
{
	struct hf_pack_checker *c = calloc(1, sizeof(*c));
	if (!c)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	*c = (struct hf_pack_checker){.store = store, .stored = HF_BUF(2 * HF_FRAME_MAX + 65536),
		.plain = HF_BUF(HF_FRAME_MAX)};
	int r = hf_frame_opener_new(&c->opener, err);
	if (r == 0)
		r = hf_chunk_hasher_new(domain, &c->hasher, err);
	if (r < 0) {
		hf_pack_checker_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void hf_pack_checker_free(struct hf_pack_checker *c)
{
	if (!c)
		return;
	hf_frame_opener_free(c->opener);
	hf_chunk_hasher_free(c->hasher);
	hf_buf_free(&c->stored);
	hf_buf_free(&c->plain);
	free(c);
}

/* Fetches the frames from `first` to before `end`, which lie one after another. */
static int fetch(struct hf_pack_checker *c, const struct hf_pack_table *t, size_t first, size_t end, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	const struct hf_pack_frame *f = &t->frames[first], *last = &t->frames[end - 1];
	size_t len = (size_t)last->offset + last->stored_len - f->offset;
	c->first = c->end = 0;
	hf_buf_clear(&c->stored);
	uint8_t *stored = hf_buf_space(&c->stored, len);
	if (!stored)
		return hf_fail(err, HF_E_CORRUPT, "frame %llu is larger than the format allows",
			(unsigned long long)f->number);
	int r = hf_store_get(c->store, hf_object_name(HF_KIND_PACK, &t->pack, name), f->offset, stored, len, err);
	if (r < 0)
		return r;
	c->first = first;
	c->end = end;
	return 0;
}

/* Where the range ends that begins with frame `first`. */
static size_t range_end(const struct hf_pack_table *t, size_t first)
{
	size_t end = first + 1;
	uint64_t len = t->frames[first].stored_len;
	while (end < t->frame_count && len + t->frames[end].stored_len <= HF_RANGE_MAX)
		len += t->frames[end++].stored_len;
	return end;
}

/* Sees that frame `i` is in `stored`. */
static int have_frame(struct hf_pack_checker *c, const struct hf_pack_table *t, size_t i, struct hf_error *err)
{
	struct hf_error why = {0};
	if (i >= c->first && i < c->end)
		return 0;
	if (c->store->is_far && i >= c->alone_until) {
		size_t end = range_end(t, i);
		if (end > i + 1 && fetch(c, t, i, end, &why) == 0)
			return 0;
		c->alone_until = end;
	}
	return fetch(c, t, i, i + 1, err);
}

static int open_once(struct hf_pack_checker *c, const struct hf_pack_check *what, size_t i, struct hf_error *err)
{
	const struct hf_pack_frame *f = &what->table->frames[i];
	hf_buf_clear(&c->plain);
	uint8_t *plain = hf_buf_space(&c->plain, f->plain_len);
	if (!plain)
		return hf_fail(err, HF_E_CORRUPT, "frame %llu is larger than the format allows",
			(unsigned long long)f->number);
	int r = have_frame(c, what->table, i, err);
	if (r < 0)
		return r;
	if (what->bytes)
		__atomic_fetch_add(what->bytes, f->stored_len, __ATOMIC_RELAXED);
	uint8_t *stored = c->stored.data + (f->offset - what->table->frames[c->first].offset);
	return hf_frame_open(c->opener, what->key, f->number, (struct iovec){stored, f->stored_len},
		(struct iovec){plain, f->plain_len}, err);
}

static int open_frame(struct hf_pack_checker *c, const struct hf_pack_check *what, size_t i, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	int r = open_once(c, what, i, err);
	if (!hf_store_doubt(c->store, hf_object_name(HF_KIND_PACK, &what->table->pack, name), r, err))
		return r;
	c->first = c->end = 0;
	return open_once(c, what, i, err);
}

static int check_ids(struct hf_pack_checker *c, const struct hf_pack_check *what, const struct hf_pack_frame *f,
	struct hf_error *err)
{
	size_t at = 0;
	for (uint32_t i = 0; i < f->chunk_count; i++) {
		const struct hf_chunk_ref *ref = &what->table->chunks[f->first_chunk + i];
		struct hf_chunk_id id =
			hf_chunk_hash(c->hasher, (enum hf_chunk_kind)f->chunk_kind, c->plain.data + at, ref->len);
		if (memcmp(id.b, ref->id.b, sizeof(id.b)) != 0)
			return hf_fail(err, HF_E_CORRUPT, "frame %llu holds a chunk whose bytes do not hash to its id",
				(unsigned long long)f->number);
		at += ref->len;
	}
	return 0;
}

static int report_frame(const struct hf_pack_check *what, const struct hf_pack_frame *f, const struct hf_error *why)
{
	if (!what->bad)
		return -1;
	for (uint32_t i = 0; i < f->chunk_count; i++)
		if (what->bad(what->user, &what->table->chunks[f->first_chunk + i].id, why) != 0)
			return -1;
	return 0;
}

int hf_pack_checker_run(struct hf_pack_checker *c, const struct hf_pack_check *what, struct hf_error *err)
{
	int first = 0;
	c->first = c->end = c->alone_until = 0;
	for (size_t i = 0; i < what->table->frame_count; i++) {
		const struct hf_pack_frame *f = &what->table->frames[i];
		struct hf_error why = {0};
		int r = hf_stop_check(err);
		if (r < 0)
			return r;
		r = open_frame(c, what, i, &why);
		if (r == 0)
			r = check_ids(c, what, f, &why);
		if (r == 0)
			continue;
		if (!first && err)
			*err = why;
		first = first ? first : r;
		if (report_frame(what, f, &why) < 0)
			break;
	}
	char name[HF_NAME_MAX];
	return first < 0 ? hf_wrap(err, first, "%s", hf_object_name(HF_KIND_PACK, &what->table->pack, name)) : 0;
}
