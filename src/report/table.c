/* Tables; see table.h. */
#include "report/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 32, GAP = 2 };

struct hf_table {
	struct {
		char *title;
		enum hf_align align;
		size_t width;
	} columns[COLUMNS_MAX];
	size_t column_count;
	char **cells; /* rows of column_count each */
	size_t row_count, room, filled; /* filled: cells of the last row */
	bool failed;
};

struct hf_table *hf_table_new(void)
{
	return calloc(1, sizeof(struct hf_table));
}

void hf_table_free(struct hf_table *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->column_count; i++)
		free(t->columns[i].title);
	for (size_t i = 0; i < t->row_count * t->column_count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

/* --- text ---------------------------------------------------------------------------------------------------------- */

/* The code point at `p` and its length; 0 if there is none. */
static size_t decode(const uint8_t *p, size_t left, uint32_t *code)
{
	static const struct {
		uint8_t mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t n = 0; n < 4; n++) {
		if ((p[0] & forms[n].mask) != forms[n].lead || n >= left)
			continue;
		*code = p[0] & (uint8_t)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if ((p[i] & 0xc0) != 0x80)
				return 0;
			*code = *code << 6 | (p[i] & 0x3f);
		}
		bool is_surrogate = *code >= 0xd800 && *code < 0xe000;
		return *code >= forms[n].least && *code <= 0x10ffff && !is_surrogate ? n + 1 : 0;
	}
	return 0;
}

/* C0, DEL, C1, and what turns the direction of writing. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
	       c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029;
}

void hf_text_safe(struct hf_buf *out, const void *text, size_t len)
{
	const uint8_t *p = text;
	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t n = decode(p + i, len - i, &code);
		if (n && !is_control(code)) {
			hf_buf_add(out, p + i, n);
			i += n;
			continue;
		}
		for (size_t end = i + (n ? n : 1); i < end; i++)
			hf_buf_printf(out, "\\x%02x", p[i]);
	}
}

static size_t code_width(uint32_t c)
{
	if ((c >= 0x300 && c < 0x370) || (c >= 0x200b && c <= 0x200d) || (c >= 0xfe00 && c <= 0xfe0f) || c == 0xfeff)
		return 0;
	bool wide = (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
		    (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) ||
		    (c >= 0xffe0 && c < 0xffe7) || (c >= 0x1f300 && c < 0x1f650) || (c >= 0x1f900 && c < 0x1fa00) ||
		    (c >= 0x20000 && c < 0x40000);
	return wide ? 2 : 1;
}

size_t hf_text_width(const char *text)
{
	size_t width = 0, len = strlen(text);
	for (size_t i = 0; i < len;) {
		uint32_t code = 0;
		size_t n = decode((const uint8_t *)text + i, len - i, &code);
		width += n ? code_width(code) : 1;
		i += n ? n : 1;
	}
	return width;
}

/* --- filling ------------------------------------------------------------------------------------------------------- */

void hf_table_column(struct hf_table *t, const char *title, enum hf_align align)
{
	if (!t || t->row_count || t->column_count == COLUMNS_MAX)
		return;
	t->columns[t->column_count].title = strdup(title);
	t->columns[t->column_count].align = align;
	t->columns[t->column_count].width = hf_text_width(title);
	t->failed = t->failed || !t->columns[t->column_count].title;
	t->column_count++;
}

void hf_table_row(struct hf_table *t)
{
	if (!t || t->failed)
		return;
	if (t->row_count == t->room) {
		size_t room = t->room ? 2 * t->room : 16;
		char **more = reallocarray(t->cells, room * t->column_count + 1, sizeof(*more));
		t->failed = !more;
		if (!more)
			return;
		t->cells = more;
		t->room = room;
	}
	memset(t->cells + t->row_count * t->column_count, 0, t->column_count * sizeof(*t->cells));
	t->row_count++;
	t->filled = 0;
}

void hf_table_cell(struct hf_table *t, const char *fmt, ...)
{
	char *text = NULL;
	if (!t || t->failed || !t->row_count || t->filled == t->column_count)
		return;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	HF_BUF_AUTO safe = HF_BUF(SIZE_MAX / 2);
	if (n > 0)
		hf_text_safe(&safe, text, (size_t)n);
	if (n >= 0)
		free(text);
	const char *shown = n >= 0 ? hf_buf_cstr(&safe) : NULL;
	char *cell = shown ? strdup(shown) : NULL;
	t->failed = !cell;
	if (!cell)
		return;
	size_t width = hf_text_width(cell), column = t->filled++;
	if (width > t->columns[column].width)
		t->columns[column].width = width;
	t->cells[(t->row_count - 1) * t->column_count + column] = cell;
}

/* --- rendering ----------------------------------------------------------------------------------------------------- */

static void pad(struct hf_buf *out, size_t n)
{
	while (n--)
		hf_buf_u8(out, ' ');
}

/* One line; blanks that nothing follows are left out. */
static void render_line(const struct hf_table *t, char *const *cells, struct hf_buf *out)
{
	size_t owed = 0;
	for (size_t i = 0; i < t->column_count; i++) {
		const char *text = cells ? cells[i] : t->columns[i].title;
		size_t width = text ? hf_text_width(text) : 0, blank = t->columns[i].width - width;
		if (width == 0) {
			owed += blank + GAP;
			continue;
		}
		pad(out, owed + (t->columns[i].align == HF_RIGHT ? blank : 0));
		hf_buf_str(out, text);
		owed = GAP + (t->columns[i].align == HF_RIGHT ? 0 : blank);
	}
	hf_buf_u8(out, '\n');
}

int hf_table_render(const struct hf_table *t, struct hf_buf *out, struct hf_error *err)
{
	if (!t || t->failed)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (t->row_count)
		render_line(t, NULL, out);
	for (size_t i = 0; i < t->row_count; i++)
		render_line(t, t->cells + i * t->column_count, out);
	return hf_buf_check(out, "table", err);
}
