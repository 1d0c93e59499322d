/*
 * From sorted sources to segments; see index_segment.h.
 *
 * A heap of the sources' next records. Frames and packs are numbered anew in each segment that is written: a frame is
 * looked up when the first record in it comes, and is the same as another if pack and offset are the same. So records that
 * say the same of an id are seen to be equal, and written once.
 */
#include "repo/index_segment.h"

#include "repo/index_map.h"

#include <stdlib.h>
#include <string.h>

enum { REPEATS = 8 }; /* places of one id that a new one is compared with */

struct head {
	struct hf_index_record record;
	size_t source;
};

struct merger {
	struct hf_index_merge *m;
	struct head *heap;
	size_t heap_count;
	struct hf_index_writer *writer; /* NULL: none begun */
	uint64_t left;			/* records that may still come */
	struct hf_index_map from;	/* source and frame there -> frame here */
	struct hf_index_map frames;	/* pack here and offset -> frame here */
	struct hf_index_map packs;	/* first bytes of its id -> pack here */
	struct hf_ref *refs;		/* of the packs here */
	size_t ref_count, ref_cap;
	struct hf_index_record recent[REPEATS]; /* of the id written last */
	size_t recent_count;
};

/* --- the heap ---------------------------------------------------------------------------------------------------- */

static bool is_before(const struct head *a, const struct head *b)
{
	int c = memcmp(a->record.id.b, b->record.id.b, HF_ID_SIZE);
	return c < 0 || (c == 0 && a->source < b->source);
}

static void sift_down(struct merger *g, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < g->heap_count; child++)
			if (is_before(&g->heap[child], &g->heap[least]))
				least = child;
		if (least == i)
			return;
		struct head h = g->heap[i];
		g->heap[i] = g->heap[least];
		g->heap[least] = h;
		i = least;
	}
}

static int fill_heap(struct merger *g, struct hf_error *err)
{
	for (size_t i = 0; i < g->m->count; i++) {
		struct head *h = &g->heap[g->heap_count];
		struct hf_index_source *source = &g->m->sources[i];
		int r = source->next(source->self, &h->record, err);
		if (r < 0)
			return r;
		h->source = i;
		g->heap_count += (size_t)r;
	}
	for (size_t i = g->heap_count; i-- > 0;)
		sift_down(g, i);
	return 0;
}

/* Replaces the least head by its source's next record. */
static int advance(struct merger *g, struct hf_error *err)
{
	struct hf_index_source *source = &g->m->sources[g->heap[0].source];
	int r = source->next(source->self, &g->heap[0].record, err);
	if (r < 0)
		return r;
	if (r == 0)
		g->heap[0] = g->heap[--g->heap_count];
	sift_down(g, 0);
	return 0;
}

/* --- frames and packs -------------------------------------------------------------------------------------------- */

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory to merge the index");
}

static int add_ref(struct merger *g, const struct hf_ref *ref, struct hf_error *err)
{
	if (g->ref_count == g->ref_cap) {
		size_t cap = g->ref_cap ? g->ref_cap * 2 : 64;
		struct hf_ref *p = realloc(g->refs, cap * sizeof(*p));
		if (!p)
			return no_memory(err);
		g->refs = p;
		g->ref_cap = cap;
	}
	g->refs[g->ref_count++] = *ref;
	return 0;
}

static int map_pack(struct merger *g, const struct hf_index_pack *pack, uint32_t *number, struct hf_error *err)
{
	uint64_t key;
	memcpy(&key, pack->ref.id.b, sizeof(key));
	bool known = hf_index_map_get(&g->packs, key, number);
	if (known && hf_ref_equal(&g->refs[*number], &pack->ref))
		return 0;
	int r = add_ref(g, &pack->ref, err);
	if (r == 0)
		r = hf_index_writer_pack(g->writer, pack, number, err);
	if (r == 0 && !known && !hf_index_map_add(&g->packs, key, *number))
		r = no_memory(err);
	return r;
}

static int map_frame(struct merger *g, size_t source, uint32_t frame, uint32_t *number, struct hf_error *err)
{
	uint64_t from = (uint64_t)source << 32 | frame;
	if (hf_index_map_get(&g->from, from, number))
		return 0;
	struct hf_index_frame f;
	struct hf_index_pack pack;
	struct hf_index_source *s = &g->m->sources[source];
	int r = s->frame(s->self, frame, &f, &pack, err);
	if (r == 0)
		r = map_pack(g, &pack, &f.pack, err);
	if (r < 0)
		return r;
	uint64_t place = (uint64_t)f.pack << 32 | f.offset;
	if (!hf_index_map_get(&g->frames, place, number)) {
		r = hf_index_writer_frame(g->writer, &f, number, err);
		if (r == 0 && !hf_index_map_add(&g->frames, place, *number))
			r = no_memory(err);
	}
	if (r == 0 && !hf_index_map_add(&g->from, from, *number))
		r = no_memory(err);
	return r;
}

/* --- segments ---------------------------------------------------------------------------------------------------- */

static int begin_segment(struct merger *g, struct hf_error *err)
{
	uint64_t most = g->left < HF_INDEX_SEGMENT_ENTRIES ? g->left : HF_INDEX_SEGMENT_ENTRIES;
	hf_index_map_clear(&g->from);
	hf_index_map_clear(&g->frames);
	hf_index_map_clear(&g->packs);
	g->ref_count = 0;
	g->recent_count = 0;
	return hf_index_writer_new(g->m->access, (size_t)most, &g->writer, err);
}

static int end_segment(struct merger *g, bool is_last, struct hf_error *err)
{
	struct hf_index_written written;
	struct hf_index_ending ending = {.tier = g->m->ending.tier};
	if (is_last)
		ending = g->m->ending;
	int r = hf_index_writer_finish(g->writer, &ending, &written.ref, &written.size, err);
	hf_index_writer_free(g->writer);
	g->writer = NULL;
	return r < 0 ? r : g->m->written(g->m->user, &written, err);
}

static bool is_repeated(const struct merger *g, const struct hf_index_record *r)
{
	for (size_t i = 0; i < g->recent_count; i++)
		if (memcmp(g->recent[i].id.b, r->id.b, HF_ID_SIZE) == 0 && g->recent[i].frame == r->frame &&
			g->recent[i].offset == r->offset && g->recent[i].len == r->len)
			return true;
	return false;
}

static void remember(struct merger *g, const struct hf_index_record *r)
{
	if (g->recent_count > 0 && memcmp(g->recent[0].id.b, r->id.b, HF_ID_SIZE) != 0)
		g->recent_count = 0;
	if (g->recent_count < REPEATS)
		g->recent[g->recent_count++] = *r;
}

static int put_record(struct merger *g, const struct head *head, struct hf_error *err)
{
	int r = 0;
	if (g->writer && hf_index_writer_entries(g->writer) == HF_INDEX_SEGMENT_ENTRIES)
		r = end_segment(g, false, err);
	if (r == 0 && !g->writer)
		r = begin_segment(g, err);
	struct hf_index_record record = head->record;
	if (r == 0)
		r = map_frame(g, head->source, head->record.frame, &record.frame, err);
	if (r < 0 || is_repeated(g, &record))
		return r;
	remember(g, &record);
	return hf_index_writer_add(g->writer, &record, err);
}

static int merge(struct merger *g, struct hf_error *err)
{
	int r = fill_heap(g, err);
	while (r == 0 && g->heap_count > 0) {
		r = put_record(g, &g->heap[0], err);
		g->left -= g->left > 0;
		if (r == 0)
			r = advance(g, err);
	}
	if (r == 0 && !g->writer && g->m->ending.replaces_count > 0)
		r = begin_segment(g, err);
	return r == 0 && g->writer ? end_segment(g, true, err) : r;
}

int hf_index_segments_write(struct hf_index_merge *m, struct hf_error *err)
{
	struct merger g = {.m = m, .left = m->most};
	g.heap = calloc(m->count + 1, sizeof(*g.heap));
	int r = g.heap ? merge(&g, err) : no_memory(err);
	free(g.heap);
	free(g.refs);
	hf_index_map_free(&g.from);
	hf_index_map_free(&g.frames);
	hf_index_map_free(&g.packs);
	hf_index_writer_free(g.writer);
	return r;
}
