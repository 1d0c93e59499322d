/*
 * What is kept of each page, and the walk over the trees; see pages.h.
 *
 * One mapping holds, one after the other: a 16-bit code for each page (5 * cells + kind); a bit for each page, set
 * when a tree has claimed it; for each block of 256 pages where its part of the stream begins; and the stream, to
 * which each interior page appends its place in the block, the number of its children, and their numbers as
 * differences, all as varints. Page 1 may come last, so its children lie apart.
 */
#include "source/sqlite/pages.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	BLOCK_PAGES = 256,
	KINDS = 5,
	DEPTH_MAX = 20,	       /* SQLite's own limit */
	MEMORY_PAGES = 2 << 20, /* more than that: in a spill file */
	REASONS = 32,
	LOCK_BYTE = 0x40000000,
};

struct hf_pages {
	struct hf_page_layout layout;
	uint8_t *map;
	size_t map_len;
	uint16_t *codes;
	uint64_t *blocks; /* where the stream of each block begins, up to `blocks_begun` */
	uint8_t *claimed;
	uint8_t *stream;
	size_t stream_len, stream_max;
	uint32_t blocks_begun;
	bool overflown; /* the stream was too short: there is no telling */

	uint32_t *children; /* of the page that is being added */
	uint32_t *first;    /* of page 1 */
	struct {
		uint32_t page;
		const char *text;
	} reasons[REASONS];
	uint32_t reason_count;
};

static int map_memory(struct hf_pages *p, const char *scratch, struct hf_error *err)
{
	HF_FD_AUTO fd = -1;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	if (p->layout.page_count > MEMORY_PAGES) {
		fd = hf_spill_file(scratch, err);
		if (fd < 0)
			return fd;
		int e = posix_fallocate(fd, 0, (off_t)p->map_len);
		if (e)
			return hf_fail_errno(err, e, "reserve %zu bytes in %s", p->map_len, scratch);
		flags = MAP_SHARED;
	}
	void *map = mmap(NULL, p->map_len, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (map == MAP_FAILED)
		return hf_fail_errno(err, errno, "map %zu bytes", p->map_len);
	p->map = map;
	return 0;
}

int hf_pages_new(const struct hf_page_layout *layout, const char *scratch, struct hf_pages **out,
	struct hf_error *err)
{
	struct hf_pages *p = calloc(1, sizeof(*p));
	if (!p)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	p->layout = *layout;
	size_t n = layout->page_count;
	size_t blocks_len = 8 * (n / BLOCK_PAGES + 2);
	size_t codes_len = 2 * (n + 1) + 6; /* keeps what follows aligned enough for bytes */
	size_t claimed_len = n / 8 + 1;
	p->stream_max = 6 * n + 65536;
	p->map_len = blocks_len + codes_len + claimed_len + p->stream_max;
	p->children = malloc((layout->page_size / 6 + 1) * sizeof(uint32_t));
	p->first = malloc((layout->page_size / 6 + 1) * sizeof(uint32_t));
	int r = p->children && p->first ? map_memory(p, scratch, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r < 0) {
		hf_pages_free(p);
		return r;
	}
	p->blocks = (uint64_t *)(void *)p->map;
	p->codes = (uint16_t *)(void *)(p->map + blocks_len);
	p->claimed = p->map + blocks_len + codes_len;
	p->stream = p->claimed + claimed_len;
	*out = p;
	return 0;
}

void hf_pages_free(struct hf_pages *p)
{
	if (!p)
		return;
	if (p->map)
		munmap(p->map, p->map_len);
	free(p->children);
	free(p->first);
	free(p);
}

static bool is_interior(enum hf_page_kind kind)
{
	return kind == HF_PAGE_TABLE_INTERIOR || kind == HF_PAGE_INDEX_INTERIOR;
}

static void put_varint(struct hf_pages *p, uint64_t v)
{
	while (v >= 0x80) {
		p->stream[p->stream_len++] = (uint8_t)(v | 0x80);
		v >>= 7;
	}
	p->stream[p->stream_len++] = (uint8_t)v;
}

static uint64_t take_varint(const uint8_t **at)
{
	uint64_t v = 0;
	for (unsigned shift = 0;; shift += 7) {
		uint8_t b = *(*at)++;
		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
}

static uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static int64_t unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void keep_children(struct hf_pages *p, uint32_t number, uint32_t count)
{
	if (p->overflown || p->stream_max - p->stream_len < 16 + 6 * (size_t)count) {
		p->overflown = true;
		return;
	}
	put_varint(p, number % BLOCK_PAGES);
	put_varint(p, count);
	int64_t last = number;
	for (uint32_t i = 0; i < count; i++) {
		put_varint(p, zigzag((int64_t)p->children[i] - last));
		last = p->children[i];
	}
}

/* Page 1 may come last: the blocks begin without it. */
static void begin_blocks(struct hf_pages *p, uint32_t number)
{
	uint32_t block = number / BLOCK_PAGES;
	while (p->blocks_begun <= block)
		p->blocks[p->blocks_begun++] = p->stream_len;
}

void hf_pages_add(struct hf_pages *p, uint32_t number, const uint8_t *page)
{
	if (number < 1 || number > p->layout.page_count)
		return;
	struct hf_page_info info = hf_page_check(&p->layout, number, page, p->children);
	p->codes[number] = (uint16_t)(info.cells * KINDS + info.kind);
	if (info.problem && p->reason_count < REASONS) {
		p->reasons[p->reason_count].page = number;
		p->reasons[p->reason_count++].text = info.problem;
	}
	if (number == 1) {
		memcpy(p->first, p->children, (p->layout.page_size / 6 + 1) * sizeof(uint32_t));
		return;
	}
	begin_blocks(p, number);
	if (is_interior(info.kind))
		keep_children(p, number, info.cells + 1);
}

/* A place in the list of an interior page's children. */
struct level {
	uint32_t page;
	uint32_t left;		 /* children still to visit */
	const uint32_t *numbers; /* of page 1 */
	const uint8_t *at;	 /* of all others: in the stream */
	int64_t last;
};

struct walk {
	struct hf_pages *pages;
	struct hf_pages_tree *tree;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	unsigned leaf_depth; /* of the first leaf: all have the same; 0: none seen yet */
};

static void blame(struct walk *w, uint32_t page, const char *text)
{
	w->tree->damaged = true;
	if (w->depth == 0)
		snprintf(w->tree->problem, sizeof(w->tree->problem), "page %u: %s", page, text);
	else
		snprintf(w->tree->problem, sizeof(w->tree->problem), "page %u (below page %u): %s", page,
			w->levels[w->depth - 1].page, text);
}

/* Finds an interior page's children in the stream. */
static struct level level_of(const struct hf_pages *p, uint32_t number, uint32_t count)
{
	struct level level = {.page = number, .left = count, .last = number};
	if (number == 1) {
		level.numbers = p->first;
		return level;
	}
	level.at = p->stream + p->blocks[number / BLOCK_PAGES];
	for (;;) {
		uint64_t place = take_varint(&level.at);
		uint64_t n = take_varint(&level.at);
		if (place == number % BLOCK_PAGES)
			return level;
		for (; n > 0; n--)
			(void)take_varint(&level.at);
	}
}

static uint32_t level_next(struct level *level)
{
	level->left--;
	if (level->numbers)
		return *level->numbers++;
	level->last += unzigzag(take_varint(&level->at));
	return (uint32_t)level->last;
}

static const char *reason_of(const struct hf_pages *p, uint32_t page)
{
	for (uint32_t i = 0; i < p->reason_count; i++)
		if (p->reasons[i].page == page)
			return p->reasons[i].text;
	return p->reason_count == REASONS ? "is damaged" : "is not a B-tree page";
}

/* Claims a page for this tree: false if it is none that can be. */
static bool claim(struct walk *w, uint32_t page)
{
	struct hf_pages *p = w->pages;
	if (page < 1 || page > p->layout.page_count || page == LOCK_BYTE / p->layout.page_size + 1) {
		blame(w, page, "does not exist");
		return false;
	}
	if (p->claimed[page / 8] & 1u << page % 8) {
		blame(w, page, "is used twice");
		return false;
	}
	p->claimed[page / 8] |= (uint8_t)(1u << page % 8);
	if (p->codes[page] % KINDS == HF_PAGE_OTHER) {
		blame(w, page, reason_of(p, page));
		return false;
	}
	return true;
}

static void visit(struct walk *w, uint32_t page)
{
	if (!claim(w, page))
		return;
	enum hf_page_kind kind = w->pages->codes[page] % KINDS;
	uint32_t cells = w->pages->codes[page] / KINDS;
	bool index = kind == HF_PAGE_INDEX_LEAF || kind == HF_PAGE_INDEX_INTERIOR;
	if (w->depth == 0)
		w->tree->is_index = index;
	if (index != w->tree->is_index) {
		blame(w, page, "is of another kind of tree");
		return;
	}
	if (kind != HF_PAGE_TABLE_INTERIOR)
		w->tree->rows += cells;
	if (!is_interior(kind)) {
		if (w->leaf_depth && w->leaf_depth != w->depth + 1)
			blame(w, page, "is a leaf at another depth");
		w->leaf_depth = w->depth + 1;
		return;
	}
	if (w->depth == DEPTH_MAX) {
		blame(w, page, "is deeper than a tree can be");
		return;
	}
	w->levels[w->depth++] = level_of(w->pages, page, cells + 1);
}

int hf_pages_walk(struct hf_pages *pages, uint32_t root, struct hf_pages_tree *out, struct hf_error *err)
{
	*out = (struct hf_pages_tree){0};
	if (pages->overflown)
		return hf_fail(err, HF_E_NOMEM, "interior pages refer to more pages than there can be");
	struct walk w = {.pages = pages, .tree = out};
	visit(&w, root);
	while (w.depth > 0 && !out->damaged) {
		struct level *top = &w.levels[w.depth - 1];
		if (top->left == 0)
			w.depth--;
		else
			visit(&w, level_next(top));
	}
	return 0;
}
