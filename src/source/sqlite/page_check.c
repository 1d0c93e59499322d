/*
 * One B-tree page by itself; see hf_page_check in pages.h. Nothing is read outside of the page, whatever is in it.
 *
 * The strongest test is the sum: header, cell pointers, the gap, cells, free blocks and fragments fill the page
 * exactly. A byte that changed in any of the lengths breaks it.
 */
#include "source/sqlite/pages.h"

enum { LEAF_HEADER = 8, INTERIOR_HEADER = 12, FIRST_PAGE_HEADER = 100, CELL_MIN = 4 };

struct view {
	const struct hf_page_layout *layout;
	const uint8_t *page;
	uint32_t usable;	      /* bytes of the page that are SQLite's */
	uint32_t max_local, min_local; /* how much of a payload stays in the page */
	int64_t last_rowid;
	bool has_rowid;
	const char *problem;
};

static uint32_t get2(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t get4(const uint8_t *p)
{
	return get2(p) << 16 | get2(p + 2);
}

static const uint8_t *get_long_varint(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++) {
		if (p >= end)
			return NULL;
		v = v << 7 | (*p & 0x7f);
		if (!(*p++ & 0x80)) {
			*value = v;
			return p;
		}
	}
	if (p >= end)
		return NULL;
	*value = v << 8 | *p;
	return p + 1;
}

/* SQLite's varint: big-endian, 7 bits a byte, all 8 of the ninth. Returns where it ends, or NULL past `end`. */
static inline const uint8_t *get_varint(const uint8_t *p, const uint8_t *end, uint64_t *value)
{
	if (p >= end || *p >= 0x80)
		return get_long_varint(p, end, value);
	*value = *p;
	return p + 1;
}

enum { NO_SIZE = 255 };

/* The bytes that a column takes whose serial type has one byte; types 10 and 11 are in no file. */
static const uint8_t column_sizes[128] = {
	0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 255, 255, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5,
	6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17,
	18, 18, 19, 19, 20, 20, 21, 21, 22, 22, 23, 23, 24, 24, 25, 25, 26, 26, 27, 27, 28, 28, 29, 29,
	30, 30, 31, 31, 32, 32, 33, 33, 34, 34, 35, 35, 36, 36, 37, 37, 38, 38, 39, 39, 40, 40, 41, 41,
	42, 42, 43, 43, 44, 44, 45, 45, 46, 46, 47, 47, 48, 48, 49, 49, 50, 50, 51, 51, 52, 52, 53, 53,
	54, 54, 55, 55, 56, 56, 57, 57,
};

/* A record: the columns' sizes in its header add up to its length, which SQLite itself demands when it reads one. A
 * header that goes on in an overflow page is not looked at. */
static inline bool record_is_sound(const uint8_t *record, uint32_t local, uint64_t len)
{
	if (len == 0)
		return true;
	uint64_t header = 0;
	const uint8_t *p = get_varint(record, record + local, &header);
	if (!p || header > len || header < (uint64_t)(p - record))
		return false;
	if (header > local)
		return true;
	const uint8_t *end = record + header;
	uint64_t body = 0;
	while (p < end) {
		uint64_t type = *p++;
		if (type >= 0x80) {
			p = get_long_varint(p - 1, end, &type);
			if (!p || type < 12)
				return false;
			body += (type - 12) / 2;
		} else if (column_sizes[type] == NO_SIZE) {
			return false;
		} else {
			body += column_sizes[type];
		}
		if (body > len)
			return false;
	}
	return header + body == len;
}

/* How many bytes of a payload lie in its cell; what is more goes to overflow pages. */
static inline uint32_t local_size(const struct view *v, uint64_t len)
{
	if (len <= v->max_local)
		return (uint32_t)len;
	uint64_t k = v->min_local + (len - v->min_local) % (v->usable - 4);
	return k <= v->max_local ? (uint32_t)k : v->min_local;
}

/* The end of a payload (and of its overflow page's number) that starts at `p`; NULL if it is not sound. */
static inline const uint8_t *payload_end(struct view *v, const uint8_t *p, uint64_t len)
{
	const uint8_t *end = v->page + v->usable;
	uint32_t local = local_size(v, len);
	if (local > (size_t)(end - p)) {
		v->problem = "a cell reaches beyond the page";
		return NULL;
	}
	if (!record_is_sound(p, local, len)) {
		v->problem = "a record does not parse";
		return NULL;
	}
	p += local;
	if (local == len)
		return p;
	if (end - p < 4 || get4(p) < 2 || get4(p) > v->layout->page_count) {
		v->problem = "a cell points to an overflow page that does not exist";
		return NULL;
	}
	return p + 4;
}

/* Checks the cell at `cell`; returns its length, or 0 with `problem` set. An interior one gives its child. Inlined
 * with a constant `kind`, and so made into four functions: this is where the time goes. */
static inline __attribute__((always_inline)) uint32_t cell_check(struct view *v, enum hf_page_kind kind,
	const uint8_t *cell, uint32_t *child)
{
	const uint8_t *end = v->page + v->usable;
	const uint8_t *p = cell;
	uint64_t len = 0;
	uint64_t rowid = 0;
	bool is_interior = kind == HF_PAGE_TABLE_INTERIOR || kind == HF_PAGE_INDEX_INTERIOR;
	bool is_table = kind == HF_PAGE_TABLE_LEAF || kind == HF_PAGE_TABLE_INTERIOR;
	bool has_payload = kind != HF_PAGE_TABLE_INTERIOR;
	if (is_interior) {
		*child = get4(p);
		p += 4;
	}
	if (has_payload)
		p = get_varint(p, end, &len);
	if (p && is_table)
		p = get_varint(p, end, &rowid);
	if (!p) {
		v->problem = "a cell reaches beyond the page";
		return 0;
	}
	if (is_table && v->has_rowid && (int64_t)rowid <= v->last_rowid) {
		v->problem = "rowids are out of order";
		return 0;
	}
	v->has_rowid = is_table;
	v->last_rowid = (int64_t)rowid;
	if (has_payload)
		p = payload_end(v, p, len);
	if (!p)
		return 0;
	uint32_t size = (uint32_t)(p - cell);
	return size < CELL_MIN ? CELL_MIN : size;
}

/* Where the cells of a page are. */
struct cells {
	const uint8_t *pointers;
	uint32_t count, start;
	uint32_t *children;
};

/* All cells; their lengths are added to `sum`. */
static inline __attribute__((always_inline)) bool cells_check(struct view *v, enum hf_page_kind kind,
	const struct cells *cells, uint32_t *sum)
{
	for (uint32_t i = 0; i < cells->count; i++) {
		uint32_t at = get2(cells->pointers + 2 * (size_t)i);
		if (at < cells->start || at > v->usable - CELL_MIN) {
			v->problem = "a cell lies outside of the page's contents";
			return false;
		}
		uint32_t size = cell_check(v, kind, v->page + at, &cells->children[i]);
		if (size == 0)
			return false;
		if (size > v->usable - at) {
			v->problem = "a cell reaches beyond the page";
			return false;
		}
		*sum += size;
	}
	return true;
}

static bool all_cells_check(struct view *v, enum hf_page_kind kind, const struct cells *cells, uint32_t *sum)
{
	switch (kind) {
	case HF_PAGE_TABLE_LEAF:
		return cells_check(v, HF_PAGE_TABLE_LEAF, cells, sum);
	case HF_PAGE_TABLE_INTERIOR:
		return cells_check(v, HF_PAGE_TABLE_INTERIOR, cells, sum);
	case HF_PAGE_INDEX_LEAF:
		return cells_check(v, HF_PAGE_INDEX_LEAF, cells, sum);
	default:
		return cells_check(v, HF_PAGE_INDEX_INTERIOR, cells, sum);
	}
}

/* The chain of free blocks, ascending; their lengths are added to `sum`. */
static bool free_blocks_check(struct view *v, uint32_t first, uint32_t start, uint32_t *sum)
{
	uint32_t least = start;
	for (uint32_t at = first; at != 0;) {
		if (at < least || at > v->usable - 4) {
			v->problem = "its free blocks are out of order";
			return false;
		}
		uint32_t size = get2(v->page + at + 2);
		if (size < 4 || size > v->usable - at) {
			v->problem = "a free block reaches beyond the page";
			return false;
		}
		*sum += size;
		least = at + size;
		at = get2(v->page + at);
	}
	return true;
}

static enum hf_page_kind kind_of(uint8_t flags)
{
	switch (flags) {
	case 2:
		return HF_PAGE_INDEX_INTERIOR;
	case 5:
		return HF_PAGE_TABLE_INTERIOR;
	case 10:
		return HF_PAGE_INDEX_LEAF;
	case 13:
		return HF_PAGE_TABLE_LEAF;
	default:
		return HF_PAGE_OTHER;
	}
}

static struct view view_of(const struct hf_page_layout *layout, const uint8_t *page, enum hf_page_kind kind)
{
	uint32_t usable = layout->page_size - layout->reserved;
	return (struct view){
		.layout = layout,
		.page = page,
		.usable = usable,
		.max_local = kind == HF_PAGE_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23,
		.min_local = (usable - 12) * 32 / 255 - 23,
	};
}

struct hf_page_info hf_page_check(const struct hf_page_layout *layout, uint32_t number, const uint8_t *page,
	uint32_t *children)
{
	const uint8_t *h = page + (number == 1 ? FIRST_PAGE_HEADER : 0);
	enum hf_page_kind kind = kind_of(h[0]);
	if (kind == HF_PAGE_OTHER)
		return (struct hf_page_info){0};
	struct view v = view_of(layout, page, kind);
	bool is_interior = kind == HF_PAGE_TABLE_INTERIOR || kind == HF_PAGE_INDEX_INTERIOR;
	uint32_t count = get2(h + 3);
	uint32_t start = get2(h + 5) ? get2(h + 5) : 65536;
	uint32_t pointers = (uint32_t)(h - page) + (is_interior ? INTERIOR_HEADER : LEAF_HEADER);
	if (count > layout->page_size / 6 || start > v.usable || pointers + 2 * count > start)
		return (struct hf_page_info){.problem = "its header does not fit its contents"};
	uint32_t sum = h[7]; /* fragments: fewer than 4 bytes each */
	const struct cells cells = {page + pointers, count, start, children};
	if (!all_cells_check(&v, kind, &cells, &sum) || !free_blocks_check(&v, get2(h + 1), start, &sum))
		return (struct hf_page_info){.problem = v.problem};
	if (sum != v.usable - start)
		return (struct hf_page_info){.problem = "its cells and free blocks do not fill it exactly"};
	if (is_interior)
		children[count] = get4(h + 8);
	return (struct hf_page_info){.kind = kind, .cells = count};
}
