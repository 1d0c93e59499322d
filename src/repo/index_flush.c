/*
 * The memtable into segments, and many segments into few; see index.h.
 *
 * A flush writes segments of tier 0. Segments of one tier may have overlapping ranges of ids; when more than DEPTH of this
 * writer's lie over one place, all of that tier are merged into the next, where they have ranges of their own. So a look-up
 * meets at most DEPTH segments a tier, and an entry is rewritten once a tier: the tiers grow with the logarithm of the number
 * of flushes. What a damaged segment holds is not merged.
 */
#include "repo/index_internal.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 8, TIERS = 32 };

/* Segments that were just written and are not in use yet. */
struct output {
	struct hf_index *index;
	struct hf_index_segment **segments;
	size_t count, cap;
};

static int take_written(void *user, const struct hf_index_written *written, struct hf_error *err)
{
	struct output *o = user;
	if (o->count == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 8;
		struct hf_index_segment **p = realloc(o->segments, cap * sizeof(struct hf_index_segment *));
		if (!p)
			return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
		o->segments = p;
		o->cap = cap;
	}
	struct hf_index *index = o->index;
	atomic_fetch_add(&index->bytes_written, written->size);
	int r = hf_index_segment_open(&index->access, &written->ref, written->size, &o->segments[o->count], err);
	if (r != 0)
		return r < 0 ? hf_wrap(err, r, "read back a new index segment") : HF_E_CORRUPT;
	o->count++;
	return 0;
}

static void drop_output(struct output *o)
{
	for (size_t i = 0; i < o->count; i++)
		hf_index_segment_drop(o->segments[i]);
	free(o->segments);
}

/* Puts what was written into use, in the place of `remove`. */
static int use_output(struct output *o, struct hf_index_segment **remove, size_t remove_count, struct hf_error *err)
{
	struct hf_index_change change = {
		.add = o->segments, .add_count = o->count, .remove = remove, .remove_count = remove_count};
	int r = hf_index_list_change(o->index, &change, err);
	o->count = 0;
	return r;
}

/* --- the memtable ------------------------------------------------------------------------------------------------ */

/* Under flush_lock. With `last` the new segment names what a fresh index replaces. */
static int flush(struct hf_index *index, bool last, struct hf_error *err)
{
	struct hf_index_source source = {0};
	struct output o = {.index = index};
	struct hf_index_merge m = {
		.access = &index->access, .sources = &source, .written = take_written, .user = &o};
	if (last) {
		m.ending.replaces = index->obsolete;
		m.ending.replaces_count = index->obsolete_count;
	}
	int r = hf_memtable_freeze(index->memtable, &source, &m.most, err);
	m.count = m.most > 0;
	if (r == 0 && (m.most > 0 || m.ending.replaces_count > 0))
		r = hf_index_segments_write(&m, err);
	atomic_fetch_add(&index->flushed, o.count);
	if (r == 0)
		r = use_output(&o, NULL, 0, err);
	drop_output(&o);
	if (r < 0)
		return hf_wrap(err, r, "write the index");
	hf_memtable_thaw(index->memtable);
	if (last)
		index->obsolete_count = 0;
	return 0;
}

/* --- merging ----------------------------------------------------------------------------------------------------- */

struct input {
	struct hf_index *index;
	struct hf_index_scan scan;
	bool damaged;
};

/* Remembers whose fault a failure is. */
static int judge(struct input *in, int r, const struct hf_error *err)
{
	if (r < 0)
		in->damaged = hf_index_is_damage(in->index, hf_index_segment_ref(in->scan.segment), r, err);
	return r;
}

static int next_record(void *self, struct hf_index_record *out, struct hf_error *err)
{
	struct input *in = self;
	struct hf_error here = {0};
	int r = judge(in, hf_index_scan_next(&in->scan, out, &here), &here);
	return r < 0 ? hf_fail(err, r, "%s", here.msg) : r;
}

static int frame_of(void *self, uint32_t number, struct hf_index_frame *frame, struct hf_index_pack *pack,
	struct hf_error *err)
{
	struct input *in = self;
	struct hf_error here = {0};
	int r = judge(in, hf_index_segment_frame(in->scan.segment, number, frame, pack, &here), &here);
	return r < 0 ? hf_fail(err, r, "%s", here.msg) : r;
}

static bool is_damaged(struct hf_index *index, const struct hf_ref *ref)
{
	bool found = false;
	pthread_mutex_lock(&index->lock);
	for (size_t i = 0; i < index->damage_count && !found; i++)
		found = hf_ref_equal(&index->damage[i].ref, ref);
	pthread_mutex_unlock(&index->lock);
	return found;
}

/* This writer's sound segments of a tier, from `list`, into `out`. */
static size_t pick_tier(struct hf_index *index, struct hf_index_list *list, uint32_t tier, struct hf_index_segment **out)
{
	size_t count = 0;
	for (size_t i = 0; i < list->count; i++) {
		const struct hf_ref *ref = hf_index_segment_ref(list->segments[i]);
		if (hf_index_segment_tier(list->segments[i]) == tier && hf_id_equal(&ref->writer, &index->options.key->id) &&
			!is_damaged(index, ref))
			out[count++] = list->segments[i];
	}
	return count;
}

/* How many of them lie over one place, at most: over the start of one of them. */
static size_t depth_of(struct hf_index_segment **segments, size_t count)
{
	size_t depth = 0;
	for (size_t i = 0; i < count; i++) {
		uint64_t at, first, last;
		size_t over = 0;
		hf_index_segment_range(segments[i], &at, &last);
		for (size_t k = 0; k < count; k++) {
			hf_index_segment_range(segments[k], &first, &last);
			over += first <= at && at <= last;
		}
		depth = over > depth ? over : depth;
	}
	return depth;
}

/* What a merge works on: one of each for every segment that goes into it. */
struct work {
	struct input *inputs;
	struct hf_index_source *sources;
	struct hf_ref *replaces;
};

static int merge_into(struct hf_index *index, struct hf_index_segment **segments, size_t count, struct work *w,
	struct hf_error *err)
{
	struct output o = {.index = index};
	struct hf_index_merge m = {.access = &index->access, .sources = w->sources, .count = count,
		.written = take_written, .user = &o};
	for (size_t i = 0; i < count; i++) {
		w->inputs[i] = (struct input){.index = index, .scan = {.segment = segments[i]}};
		w->sources[i] = (struct hf_index_source){.next = next_record, .frame = frame_of, .self = &w->inputs[i]};
		w->replaces[i] = *hf_index_segment_ref(segments[i]);
		m.most += hf_index_segment_entries(segments[i]);
	}
	m.ending = (struct hf_index_ending){
		.tier = hf_index_segment_tier(segments[0]) + 1, .replaces = w->replaces, .replaces_count = count};
	int r = hf_index_segments_write(&m, err);
	bool damaged = false;
	for (size_t i = 0; i < count; i++) {
		hf_index_scan_end(&w->inputs[i].scan);
		damaged = damaged || w->inputs[i].damaged;
	}
	atomic_fetch_add(&index->merged, o.count);
	if (r == 0)
		r = use_output(&o, segments, count, err);
	drop_output(&o);
	return damaged ? 0 : r;
}

static int merge_segments(struct hf_index *index, struct hf_index_segment **segments, size_t count, struct hf_error *err)
{
	struct work w = {.inputs = calloc(count, sizeof(*w.inputs)),
		.sources = calloc(count, sizeof(*w.sources)),
		.replaces = calloc(count, sizeof(*w.replaces))};
	int r = HF_E_NOMEM;
	if (w.inputs && w.sources && w.replaces)
		r = merge_into(index, segments, count, &w, err);
	else
		(void)!hf_fail(err, HF_E_NOMEM, "no memory");
	free(w.inputs);
	free(w.sources);
	free(w.replaces);
	return r < 0 ? hf_wrap(err, r, "merge the index") : 0;
}

static int merge_tier(struct hf_index *index, uint32_t tier, struct hf_error *err)
{
	struct hf_index_list *list = hf_index_list_take(index);
	struct hf_index_segment **segments = calloc(list->count + 1, sizeof(struct hf_index_segment *));
	int r = segments ? 0 : hf_fail(err, HF_E_NOMEM, "no memory to merge the index");
	size_t count = segments ? pick_tier(index, list, tier, segments) : 0;
	if (depth_of(segments, count) > DEPTH)
		r = merge_segments(index, segments, count, err);
	free(segments);
	hf_index_list_give(list);
	return r;
}

/* Under flush_lock. */
static int merge_tiers(struct hf_index *index, struct hf_error *err)
{
	int r = 0;
	for (uint32_t tier = 0; tier < TIERS && r == 0; tier++)
		r = merge_tier(index, tier, err);
	return r;
}

/* --- from outside ------------------------------------------------------------------------------------------------ */

int hf_index_note(struct hf_index *index, const struct hf_pack_table *pack, struct hf_error *err)
{
	int r = hf_memtable_note(index->memtable, pack, err);
	if (r < 0 || hf_memtable_noted(index->memtable) < index->options.memtable_entries)
		return r;
	pthread_mutex_lock(&index->flush_lock);
	if (hf_memtable_noted(index->memtable) >= index->options.memtable_entries) {
		r = flush(index, false, err);
		if (r == 0)
			r = merge_tiers(index, err);
	}
	pthread_mutex_unlock(&index->flush_lock);
	return r;
}

int hf_index_flush(struct hf_index *index, struct hf_error *err)
{
	pthread_mutex_lock(&index->flush_lock);
	int r = flush(index, true, err);
	if (r == 0)
		r = merge_tiers(index, err);
	pthread_mutex_unlock(&index->flush_lock);
	return r;
}
