/* A struct as YAML by its table; see hf_schema_print in schema.h. What it prints can be read again, except for what is masked. */
#include "base/time.h"
#include "policy/schema.h"

#include <string.h>

static const char mask[] = "********";

static void indent(struct hf_buf *out, size_t depth)
{
	for (size_t i = 0; i < depth; i++)
		hf_buf_str(out, "  ");
}

/* Characters beyond ASCII that YAML does not take as they are, or takes for the end of a line: C1 controls, U+2028 and U+2029, U+FEFF,
 * U+FFFE and U+FFFF. Writes such a one escaped and returns how many bytes it has; 0: it is none. */
static size_t put_odd_character(struct hf_buf *out, const unsigned char *p, size_t left)
{
	if (left >= 2 && p[0] == 0xc2 && p[1] < 0xa0) {
		hf_buf_printf(out, "\\x%02x", p[1]);
		return 2;
	}
	unsigned c = left < 3 ? 0 : (unsigned)(p[0] & 0x0f) << 12 | (unsigned)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
	if (left < 3 || p[0] >> 4 != 0xe || (c != 0x2028 && c != 0x2029 && c != 0xfeff && c < 0xfffe))
		return 0;
	hf_buf_printf(out, "\\u%04x", c);
	return 3;
}

/* Always in double quotes: then nothing in it can mean anything else. "$" is doubled where it would be expanded again. */
static void put_text(struct hf_buf *out, const char *text, size_t len, bool raw)
{
	hf_buf_u8(out, '"');
	for (size_t i = 0, odd; i < len; i += odd ? odd : 1) {
		unsigned char c = (unsigned char)text[i];
		odd = put_odd_character(out, (const unsigned char *)text + i, len - i);
		if (odd)
			continue;
		if (c == '"' || c == '\\')
			hf_buf_printf(out, "\\%c", c);
		else if (c == '\n')
			hf_buf_str(out, "\\n");
		else if (c < 0x20 || c == 0x7f)
			hf_buf_printf(out, "\\x%02x", c);
		else if (c == '$' && !raw)
			hf_buf_str(out, "$$");
		else
			hf_buf_u8(out, c);
	}
	hf_buf_u8(out, '"');
}

static void put_string(struct hf_buf *out, const char *text, bool raw)
{
	if (text)
		put_text(out, text, strlen(text), raw);
	else
		hf_buf_str(out, "null");
}

/* Replaces what stands between a name's ":" and "@" in the authority, and "password=" values. */
static void put_url(struct hf_buf *out, const char *url)
{
	HF_BUF_AUTO shown = HF_BUF(1 << 20);
	const char *scheme = url ? strstr(url, "://") : NULL, *rest = url;
	if (!scheme) {
		put_string(out, url, false);
		return;
	}
	size_t authority = strcspn(scheme + 3, "/?#");
	const char *at = memrchr(scheme + 3, '@', authority), *colon = memchr(scheme + 3, ':', authority);
	if (at && colon && colon < at) {
		hf_buf_add(&shown, url, (size_t)(colon + 1 - url));
		hf_buf_str(&shown, mask);
		rest = at;
	}
	for (const char *p; (p = strstr(rest, "password=")) != NULL; rest = p + strcspn(p, "&#")) {
		p += strlen("password=");
		hf_buf_add(&shown, rest, (size_t)(p - rest));
		hf_buf_str(&shown, mask);
	}
	hf_buf_str(&shown, rest);
	put_text(out, (const char *)shown.data, shown.len, false);
}

static void put_duration(struct hf_buf *out, int64_t ns)
{
	static const struct {
		int64_t ns;
		const char *unit;
	} units[] = {{7 * 24 * 3600 * HF_SECOND, "w"}, {24 * 3600 * HF_SECOND, "d"}, {3600 * HF_SECOND, "h"},
		{60 * HF_SECOND, "m"}, {HF_SECOND, "s"}, {HF_SECOND / 1000, "ms"}};
	if (ns <= 0) {
		hf_buf_str(out, "null");
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (ns >= units[i].ns)
			hf_buf_printf(out, "%lld%s", (long long)(ns / units[i].ns), units[i].unit);
		ns %= units[i].ns;
	}
}

static void put_size(struct hf_buf *out, uint64_t bytes)
{
	static const char units[] = "KMGT";
	int unit = -1;
	if (!bytes) {
		hf_buf_str(out, "null");
		return;
	}
	for (; bytes % 1024 == 0 && unit < 3; unit++)
		bytes /= 1024;
	hf_buf_printf(out, "%llu", (unsigned long long)bytes);
	if (unit >= 0)
		hf_buf_u8(out, (uint8_t)units[unit]);
}

static void put_texts(struct hf_buf *out, const struct hf_texts *t, bool raw, bool as_written)
{
	hf_buf_u8(out, '[');
	for (size_t i = 0; i < t->count; i++) {
		if (i)
			hf_buf_str(out, ", ");
		put_string(out, as_written ? t->written[i] : t->items[i], raw || as_written);
	}
	hf_buf_u8(out, ']');
}

static void put_named(struct hf_buf *out, const struct hf_named *n, const struct hf_field *f, size_t depth)
{
	if (!n->count)
		hf_buf_str(out, "{}");
	for (size_t i = 0; i < n->count; i++) {
		hf_buf_u8(out, '\n');
		indent(out, depth + 1);
		put_string(out, n->items[i].name, true);
		hf_buf_str(out, ": ");
		put_texts(out, &n->items[i].texts, f->raw, false);
	}
}

static void put_value(struct hf_buf *out, const struct hf_field *f, const void *at)
{
	switch (f->type) {
	case HF_FIELD_FLAG:
		hf_buf_str(out, *(const bool *)at ? "true" : "false");
		return;
	case HF_FIELD_COUNT:
		hf_buf_printf(out, "%u", *(const unsigned *)at);
		return;
	case HF_FIELD_DURATION:
		put_duration(out, *(const int64_t *)at);
		return;
	case HF_FIELD_SIZE:
		put_size(out, *(const uint64_t *)at);
		return;
	case HF_FIELD_SHARE:
		if (*(const double *)at > 0)
			hf_buf_printf(out, "%g%%", *(const double *)at * 100);
		else
			hf_buf_str(out, "null");
		return;
	case HF_FIELD_SECRET:
		hf_buf_str(out, *(const char *const *)at ? "\"********\"" : "null");
		return;
	case HF_FIELD_URL:
		put_url(out, *(const char *const *)at);
		return;
	default:
		put_string(out, *(const char *const *)at, f->raw);
	}
}

static size_t value_size(const struct hf_field *f)
{
	switch (f->type) {
	case HF_FIELD_FLAG:
		return sizeof(bool);
	case HF_FIELD_COUNT:
		return sizeof(unsigned);
	case HF_FIELD_DURATION:
	case HF_FIELD_SIZE:
		return sizeof(int64_t);
	case HF_FIELD_SHARE:
		return sizeof(double);
	case HF_FIELD_TEXTS:
	case HF_FIELD_ARGV:
		return sizeof(struct hf_texts);
	case HF_FIELD_NAMED:
		return sizeof(struct hf_named);
	case HF_FIELD_GROUP:
		return f->schema->size;
	case HF_FIELD_GROUPS:
		return sizeof(struct hf_groups);
	default:
		return sizeof(const char *);
	}
}

static bool is_nothing(const struct hf_field *f, const void *object)
{
	const unsigned char *bytes = (const unsigned char *)object + f->offset;
	for (size_t i = 0; i < value_size(f); i++)
		if (bytes[i])
			return false;
	return true;
}

/* What is one of several forms and not there; and what goes with another kind of source only. */
static bool is_left_out(const struct hf_schema *schema, const struct hf_field *f, const void *object)
{
	if (f->optional)
		return is_nothing(f, object);
	for (const struct hf_field *other = schema->fields; f->only && other->name; other++)
		if (strcmp(other->name, f->only) == 0)
			return is_nothing(other, object);
	return false;
}

static void put_map(struct hf_buf *out, const struct hf_schema *schema, const void *object, size_t depth, bool in_list);

static void put_groups(struct hf_buf *out, const struct hf_field *f, const struct hf_groups *g, size_t depth)
{
	hf_buf_str(out, g->count ? "\n" : " []\n");
	for (size_t i = 0; i < g->count; i++)
		put_map(out, f->schema, (const char *)g->items + i * f->schema->size, depth + 1, true);
}

static void put_field(struct hf_buf *out, const struct hf_field *f, const void *at, size_t depth)
{
	hf_buf_printf(out, "%s:", f->name);
	if (f->type == HF_FIELD_GROUP) {
		hf_buf_u8(out, '\n');
		put_map(out, f->schema, at, depth + 1, false);
		return;
	}
	if (f->type == HF_FIELD_GROUPS) {
		put_groups(out, f, at, depth);
		return;
	}
	hf_buf_u8(out, ' ');
	if (f->type == HF_FIELD_TEXTS || f->type == HF_FIELD_ARGV)
		put_texts(out, at, f->raw, f->type == HF_FIELD_ARGV);
	else if (f->type == HF_FIELD_NAMED)
		put_named(out, at, f, depth);
	else
		put_value(out, f, at);
	hf_buf_u8(out, '\n');
}

static void put_map(struct hf_buf *out, const struct hf_schema *schema, const void *object, size_t depth, bool in_list)
{
	bool first = true;
	for (const struct hf_field *f = schema->fields; f->name; f++) {
		const void *at = (const char *)object + f->offset;
		if (is_left_out(schema, f, object))
			continue;
		indent(out, in_list && first ? depth - 1 : depth);
		if (in_list && first)
			hf_buf_str(out, "- ");
		first = false;
		put_field(out, f, at, depth);
	}
}

void hf_schema_print(const struct hf_schema *schema, const void *object, struct hf_buf *out)
{
	put_map(out, schema, object, 0, false);
}
