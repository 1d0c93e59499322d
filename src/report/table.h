/*
 * Tables for people: columns as wide as what is in them, text left, numbers right; and text made safe to show: bytes that are
 * not UTF-8 and control characters, which names from anywhere may hold, become \xNN, so that no name can steer a terminal.
 *
 *	hf_table_new -> hf_table_column* -> (hf_table_row, hf_table_cell*)* -> hf_table_render -> hf_table_free
 *
 * Failures (no memory) are kept and told by hf_table_render.
 */
#ifndef HF_REPORT_TABLE_H
#define HF_REPORT_TABLE_H

#include "base/buf.h"

struct hf_table;

enum hf_align { HF_LEFT, HF_RIGHT };

struct hf_table *hf_table_new(void); /* NULL without memory; then all of the others do nothing, and render fails */
void hf_table_free(struct hf_table *t);

void hf_table_column(struct hf_table *t, const char *title, enum hf_align align);
void hf_table_row(struct hf_table *t); /* begins one; cells that are not given stay empty */
void hf_table_cell(struct hf_table *t, const char *fmt, ...) HF_PRINTF(2, 3);

/* The titles (if there are rows at all), then the rows, a line each, two blanks between columns and none at the end. */
int hf_table_render(const struct hf_table *t, struct hf_buf *out, struct hf_error *err) HF_MUST_CHECK;

/* Appends `len` bytes of `text`, made safe. */
void hf_text_safe(struct hf_buf *out, const void *text, size_t len);
/* How many columns of a terminal the (safe) text takes: code points, double for wide ones, none for combining ones. */
size_t hf_text_width(const char *text);

static inline void hf_table_release(struct hf_table **t)
{
	hf_table_free(*t);
	*t = NULL;
}
#define HF_TABLE_AUTO __attribute__((cleanup(hf_table_release))) struct hf_table

#endif
