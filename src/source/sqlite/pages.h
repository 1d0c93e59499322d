/*
 * A structure check over the pages of a SQLite database while they pass by, in whatever order: what `PRAGMA
 * quick_check` would find in B-tree pages, and the number of rows of every table, at the cost of a look at each
 * page that is in the processor's cache anyway (measured: a fifth of a CPU second per GiB of small rows), and without
 * reading anything a second time.
 *
 *	hf_pages_new -> hf_pages_add for every page -> hf_pages_walk for each root -> hf_pages_free
 *
 * Added, a page that looks like one of a B-tree is checked by itself: header, cells, free blocks, that all of them
 * together fill the page exactly, the order of rowids, and each record's header against its length. What is kept is
 * two bytes a page (kind and number of cells) and the child numbers of interior pages, some four bytes a page in
 * all; above a few million pages that lies in a spill file. Whether a page belongs to a tree at all is known only in
 * the end, when the trees are walked from their roots: pages on the freelist may hold anything, and are never asked.
 *
 * Not seen here: broken overflow chains and freelists, order across pages, and contents that parse; those are for
 * `PRAGMA integrity_check`, which a drill and the option check=full run. File format: sqlite.org/fileformat2.html.
 */
#ifndef HF_SOURCE_SQLITE_PAGES_H
#define HF_SOURCE_SQLITE_PAGES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The kind of a B-tree page. */
enum hf_page_kind {
	HF_PAGE_OTHER = 0, /* not a B-tree page, or a damaged one */
	HF_PAGE_TABLE_LEAF = 1,
	HF_PAGE_TABLE_INTERIOR = 2,
	HF_PAGE_INDEX_LEAF = 3,
	HF_PAGE_INDEX_INTERIOR = 4,
};

/* How a database's pages are laid out. */
struct hf_page_layout {
	uint32_t page_size;
	uint32_t reserved; /* bytes at the end of each page that SQLite leaves alone */
	uint32_t page_count;
};

/* What is known of one page. `children` are those of an interior page, `cells` + 1 of them. */
struct hf_page_info {
	enum hf_page_kind kind;
	uint32_t cells;
	const char *problem; /* why it is no sound B-tree page although it looks like one; or NULL */
};

/* Checks one page by itself. `children` has room for page_size / 6 + 1 numbers. A pure function. */
struct hf_page_info hf_page_check(const struct hf_page_layout *layout, uint32_t number, const uint8_t *page,
	uint32_t *children);

struct hf_pages;

/* `scratch` is where a spill file goes if the database is large. HF_E_NOSPACE and others: it can't be checked. */
int hf_pages_new(const struct hf_page_layout *layout, const char *scratch, struct hf_pages **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_pages_free(struct hf_pages *pages); /* NULL is fine */

/* Looks at page `number`, from 1 on. Pages ascend, except that page 1 may come at any time. */
void hf_pages_add(struct hf_pages *pages, uint32_t number, const uint8_t *page);

struct hf_pages_tree {
	uint64_t rows;	  /* entries in the tree, as count(*) would say */
	bool is_index;	  /* an index, or a table WITHOUT ROWID */
	bool damaged;
	char problem[160]; /* if damaged: the first reason */
};

/* Walks the tree of `root` after all pages were added. HF_E_NOMEM: there were more references than fit, and nothing
 * can be said. */
int hf_pages_walk(struct hf_pages *pages, uint32_t root, struct hf_pages_tree *out, struct hf_error *err) HF_MUST_CHECK;

#endif
