/*
 * External merge sort; see sorter.h.
 *
 * Records gather in one block of memory, as `u32 length, bytes`, with a table of where they start. A full block is sorted and
 * written as a run to a file of its own. Runs have ranks: a fresh one has rank 0; as soon as FAN_IN runs have the same rank they
 * are merged into one of the next. Older runs always come first, and a tie goes to the older run, so the sort is stable. At the
 * end what is left is merged as it is read. Half of the memory is for the block, a quarter for reading runs, an eighth for
 * writing one.
 */
#include "base/sorter.h"

#include "base/buf.h"
#include "base/file.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FAN_IN = 16, RUNS = 8 * FAN_IN, MEMORY_LEAST = 64 << 10, READ_LEAST = 4 << 10, RECORD_MAX = 1 << 30, HEAD = 4 };

/* A sorted file, and the place in it while it is merged. */
struct run {
	int fd, rank;
	uint64_t size, at;   /* of the file: its length; what was read of it */
	struct hf_buf ahead; /* bytes read */
	size_t used;	     /* of those: given out already */
	const uint8_t *record;
	size_t len;
};

struct hf_sorter {
	size_t memory;
	const char *dir;
	hf_sorter_compare *compare;
	struct hf_buf block;	    /* records that are not in a run */
	size_t *starts;		    /* of them, in `block`; sorted by finish */
	size_t count, starts_cap;
	size_t next;
	struct run runs[RUNS]; /* oldest first, so ranks fall */
	size_t run_count;
	struct run *heap[RUNS]; /* of runs being merged */
	size_t heap_count;
	size_t step; /* what is read of one at once */
	bool finished, started;
};

int hf_sorter_new(size_t memory, const char *dir, hf_sorter_compare *compare, struct hf_sorter **out,
	struct hf_error *err)
{
	struct hf_sorter *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "no memory for sorting");
	s->memory = memory < MEMORY_LEAST ? MEMORY_LEAST : memory;
	s->dir = dir;
	s->compare = compare;
	s->block = HF_BUF(SIZE_MAX / 2);
	*out = s;
	return 0;
}

static void free_run(struct run *run)
{
	hf_fd_close(&run->fd);
	hf_buf_free(&run->ahead);
}

void hf_sorter_free(struct hf_sorter *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->run_count; i++)
		free_run(&s->runs[i]);
	hf_buf_free(&s->block);
	free(s->starts);
	free(s);
}

/* --- the block in memory ----------------------------------------------------------------------------------------- */

static const uint8_t *record_at(const struct hf_sorter *s, size_t start, size_t *len)
{
	*len = hf_get_u32(s->block.data + start);
	return s->block.data + start + HEAD;
}

static int compare_starts(const void *a, const void *b, void *sorter)
{
	const struct hf_sorter *s = sorter;
	size_t x = *(const size_t *)a, y = *(const size_t *)b, x_len, y_len;
	const uint8_t *p = record_at(s, x, &x_len), *q = record_at(s, y, &y_len);
	int c = s->compare(p, x_len, q, y_len);
	return c ? c : x < y ? -1 : x > y;
}

static void sort_block(struct hf_sorter *s)
{
	if (s->count > 1)
		qsort_r(s->starts, s->count, sizeof(*s->starts), compare_starts, s);
}

/* --- writing runs ------------------------------------------------------------------------------------------------ */

/* A file that is written front to back. */
struct writer {
	struct run *run;
	struct hf_buf out;
	size_t most;
};

static int begin_run(struct hf_sorter *s, struct writer *w, int rank, struct hf_error *err)
{
	assert(s->run_count < RUNS);
	int fd = hf_spill_file(s->dir, err);
	if (fd < 0)
		return fd;
	w->run = &s->runs[s->run_count++];
	*w->run = (struct run){.fd = fd, .rank = rank, .ahead = HF_BUF(RECORD_MAX + HEAD + (1u << 20))};
	w->out = HF_BUF(RECORD_MAX + HEAD + (1u << 20));
	w->most = s->memory / 8;
	return 0;
}

static int write_out(struct writer *w, struct hf_error *err)
{
	int r = hf_buf_check(&w->out, "sort", err);
	if (r == 0)
		r = hf_write_full(w->run->fd, w->out.data, w->out.len, "a file for sorting", err);
	w->run->size += w->out.len;
	hf_buf_clear(&w->out);
	return r;
}

static int write_record(struct writer *w, const void *rec, size_t len, struct hf_error *err)
{
	hf_buf_u32(&w->out, (uint32_t)len);
	hf_buf_add(&w->out, rec, len);
	return w->out.len >= w->most || w->out.failed ? write_out(w, err) : 0;
}

static int end_run(struct writer *w, int r, struct hf_error *err)
{
	if (r == 0)
		r = write_out(w, err);
	hf_buf_free(&w->out);
	return r;
}

/* --- merging ----------------------------------------------------------------------------------------------------- */

/* Makes `need` bytes of the run available behind what was used, reading `step` or more at once. */
static int read_ahead(struct run *run, size_t need, size_t step, struct hf_error *err)
{
	size_t have = run->ahead.len - run->used;
	if (have >= need)
		return 0;
	if (have > 0)
		memmove(run->ahead.data, run->ahead.data + run->used, have);
	run->ahead.len = have;
	run->used = 0;
	size_t more = need - have > step ? need - have : step;
	if (more > run->size - run->at)
		more = (size_t)(run->size - run->at);
	uint8_t *p = hf_buf_space(&run->ahead, more);
	if (!p || have + more < need)
		return hf_fail(err, p ? HF_E_IO : HF_E_NOMEM, "read back a file for sorting: %s", p ? "it became shorter" : "no memory");
	ssize_t n = hf_pread_full(run->fd, p, more, run->at, "a file for sorting", err);
	if (n < 0)
		return (int)n;
	if ((size_t)n != more)
		return hf_fail(err, HF_E_IO, "read back a file for sorting: it became shorter");
	run->at += more;
	return 0;
}

/* The run's next record: 1, or 0 at its end. */
static int next_of_run(struct hf_sorter *s, struct run *run, struct hf_error *err)
{
	if (run->used == run->ahead.len && run->at == run->size)
		return 0;
	int r = read_ahead(run, HEAD, s->step, err);
	if (r < 0)
		return r;
	run->len = hf_get_u32(run->ahead.data + run->used);
	r = read_ahead(run, HEAD + run->len, s->step, err);
	if (r < 0)
		return r;
	run->record = run->ahead.data + run->used + HEAD;
	run->used += HEAD + run->len;
	return 1;
}

static bool is_before(const struct hf_sorter *s, const struct run *a, const struct run *b)
{
	int c = s->compare(a->record, a->len, b->record, b->len);
	return c < 0 || (c == 0 && a < b);
}

static void sift_down(struct hf_sorter *s, size_t i)
{
	for (;;) {
		size_t least = i;
		for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < s->heap_count; child++)
			if (is_before(s, s->heap[child], s->heap[least]))
				least = child;
		if (least == i)
			return;
		struct run *run = s->heap[i];
		s->heap[i] = s->heap[least];
		s->heap[least] = run;
		i = least;
	}
}

/* Starts a merge of the runs from number `first` on. */
static int begin_merge(struct hf_sorter *s, size_t first, size_t end, struct hf_error *err)
{
	s->heap_count = 0;
	s->step = s->memory / 4 / (end - first);
	if (s->step < READ_LEAST)
		s->step = READ_LEAST;
	for (size_t i = first; i < end; i++) {
		int r = next_of_run(s, &s->runs[i], err);
		if (r < 0)
			return r;
		s->heap[s->heap_count] = &s->runs[i];
		s->heap_count += (size_t)r;
	}
	for (size_t i = s->heap_count; i-- > 0;)
		sift_down(s, i);
	return 0;
}

/* Moves on to the next record of the run on top, which was given out. */
static int advance(struct hf_sorter *s, struct hf_error *err)
{
	int r = next_of_run(s, s->heap[0], err);
	if (r < 0)
		return r;
	if (r == 0)
		s->heap[0] = s->heap[--s->heap_count];
	sift_down(s, 0);
	return 0;
}

/* Merges the youngest runs, which have the same rank, into one of the next rank in their place. */
static int merge_youngest(struct hf_sorter *s, size_t first, struct hf_error *err)
{
	size_t end = s->run_count;
	struct writer w = {0};
	int r = begin_run(s, &w, s->runs[first].rank + 1, err);
	if (r < 0)
		return r;
	r = begin_merge(s, first, end, err);
	while (r == 0 && s->heap_count > 0) {
		r = write_record(&w, s->heap[0]->record, s->heap[0]->len, err);
		if (r == 0)
			r = advance(s, err);
	}
	r = end_run(&w, r, err);
	for (size_t i = first; i < end; i++)
		free_run(&s->runs[i]);
	s->runs[first] = s->runs[end];
	s->run_count = first + 1;
	return r;
}

/* Merges as long as FAN_IN runs at the young end have one rank. */
static int merge_ranks(struct hf_sorter *s, struct hf_error *err)
{
	int r = 0;
	while (r == 0 && s->run_count >= FAN_IN && s->runs[s->run_count - FAN_IN].rank == s->runs[s->run_count - 1].rank)
		r = merge_youngest(s, s->run_count - FAN_IN, err);
	return r;
}

/* Writes the block as a run, and empties it. */
static int spill(struct hf_sorter *s, struct hf_error *err)
{
	struct writer w = {0};
	sort_block(s);
	int r = begin_run(s, &w, 0, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < s->count && r == 0; i++) {
		size_t len;
		const uint8_t *rec = record_at(s, s->starts[i], &len);
		r = write_record(&w, rec, len, err);
	}
	r = end_run(&w, r, err);
	hf_buf_clear(&s->block);
	s->count = 0;
	return r < 0 ? r : merge_ranks(s, err);
}

/* --- from outside ------------------------------------------------------------------------------------------------ */

static int add_start(struct hf_sorter *s, struct hf_error *err)
{
	if (s->count == s->starts_cap) {
		size_t cap = s->starts_cap ? s->starts_cap * 2 : 1024;
		size_t *p = realloc(s->starts, cap * sizeof(*p));
		if (!p)
			return hf_fail(err, HF_E_NOMEM, "no memory for sorting");
		s->starts = p;
		s->starts_cap = cap;
	}
	s->starts[s->count++] = s->block.len;
	return 0;
}

int hf_sorter_add(struct hf_sorter *s, const void *rec, size_t len, struct hf_error *err)
{
	assert(!s->finished);
	if (len > RECORD_MAX)
		return hf_fail(err, HF_E_USAGE, "sort a record of %zu bytes", len);
	size_t wanted = s->block.len + (s->count + 1) * sizeof(*s->starts) + HEAD + len;
	int r = s->count > 0 && wanted > s->memory / 2 ? spill(s, err) : 0;
	if (r == 0)
		r = add_start(s, err);
	if (r < 0)
		return r;
	hf_buf_u32(&s->block, (uint32_t)len);
	hf_buf_add(&s->block, rec, len);
	return hf_buf_check(&s->block, "sort", err);
}

int hf_sorter_finish(struct hf_sorter *s, struct hf_error *err)
{
	assert(!s->finished);
	s->finished = true;
	if (s->run_count == 0) {
		sort_block(s);
		return 0;
	}
	int r = s->count > 0 ? spill(s, err) : 0;
	hf_buf_free(&s->block);
	free(s->starts);
	s->starts = NULL;
	return r < 0 ? r : begin_merge(s, 0, s->run_count, err);
}

int hf_sorter_next(struct hf_sorter *s, const void **rec, size_t *len, struct hf_error *err)
{
	assert(s->finished);
	if (s->run_count == 0) {
		if (s->next == s->count)
			return 0;
		*rec = record_at(s, s->starts[s->next++], len);
		return 1;
	}
	int r = s->started && s->heap_count > 0 ? advance(s, err) : 0;
	s->started = true;
	if (r < 0 || s->heap_count == 0)
		return r;
	*rec = s->heap[0]->record;
	*len = s->heap[0]->len;
	return 1;
}
