/* Reading a YAML map by a table; see schema.h. Each type has one function that fills its value from a node. */
#include "policy/schema.h"

#include "base/size.h"
#include "base/time.h"
#include "policy/env_file.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 18, NAMES_MAX = 64, COUNT_MOST = 1000000 };

struct hf_schema_reader {
	const struct hf_document *d;
	struct hf_arena *arena;
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

static void *field_at(const struct hf_field *f, void *object)
{
	return (char *)object + f->offset;
}

/* --- texts ------------------------------------------------------------------------------------------------------------- */

static int wrong_type(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	const char *wanted, struct hf_error *err)
{
	return hf_document_fail(r->d, n, err, "%s takes %s, and this is a %s", f->name, wanted, hf_node_kind_name(n->kind));
}

static int read_text(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	const char **out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(TEXT_MAX);
	struct hf_error why = {0};
	if (n->kind != HF_NODE_TEXT)
		return wrong_type(r, f, n, "a text", err);
	if (f->raw)
		hf_buf_str(&text, n->text);
	else if (hf_env_expand(n->text, &text, &why) < 0)
		return hf_document_fail(r->d, n, err, "%s: %s", f->name, why.msg);
	*out = hf_arena_copy(r->arena, text.data, text.len);
	return *out && !text.failed ? 0 : no_memory(err);
}

static size_t count_members(const struct hf_node *n)
{
	size_t count = 0;
	for (const struct hf_node *m = n->first; m; m = m->next)
		count++;
	return count;
}

static int alloc_texts(const struct hf_schema_reader *r, size_t count, struct hf_texts *out, struct hf_error *err)
{
	out->items = hf_arena_alloc(r->arena, (count + 1) * sizeof(*out->items));
	out->written = hf_arena_alloc(r->arena, (count + 1) * sizeof(*out->written));
	if (!out->items || !out->written)
		return no_memory(err);
	out->items[count] = out->written[count] = NULL;
	out->count = count;
	return 0;
}

static int read_item(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n, size_t i,
	struct hf_texts *out, struct hf_error *err)
{
	int rc = read_text(r, f, n, &out->items[i], err);
	if (rc < 0)
		return rc;
	out->written[i] = hf_arena_copy(r->arena, n->text, strlen(n->text));
	return out->written[i] ? 0 : no_memory(err);
}

/* A list, or one text. */
static int read_texts(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	struct hf_texts *out, struct hf_error *err)
{
	if (n->kind == HF_NODE_MAP || (n->kind == HF_NODE_TEXT && f->type == HF_FIELD_ARGV))
		return wrong_type(r, f, n, "a list of texts", err);
	size_t i = 0, count = n->kind == HF_NODE_LIST ? count_members(n) : 1;
	if (count == 0 && f->type == HF_FIELD_ARGV)
		return hf_document_fail(r->d, n, err, "%s is empty: give the program and its arguments", f->name);
	int rc = alloc_texts(r, count, out, err);
	if (rc == 0 && n->kind == HF_NODE_TEXT)
		rc = read_item(r, f, n, 0, out, err);
	for (const struct hf_node *m = n->first; m && rc == 0; m = m->next)
		rc = read_item(r, f, m, i++, out, err);
	return rc;
}

static int read_named(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	struct hf_named *out, struct hf_error *err)
{
	if (n->kind != HF_NODE_MAP)
		return wrong_type(r, f, n, "a map from names to lists", err);
	size_t i = 0, count = count_members(n);
	int rc = 0;
	out->items = hf_arena_alloc(r->arena, (count + 1) * sizeof(*out->items));
	if (!out->items)
		return no_memory(err);
	for (const struct hf_node *m = n->first; m && rc == 0; m = m->next, i++) {
		out->items[i] = (struct hf_named_texts){.line = m->key_line, .column = m->key_column,
			.name = hf_arena_copy(r->arena, m->key, strlen(m->key))};
		rc = out->items[i].name ? read_texts(r, f, m, &out->items[i].texts, err) : no_memory(err);
	}
	out->count = i;
	return rc;
}

/* --- values ------------------------------------------------------------------------------------------------------------ */

static int bad_value(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	const struct hf_error *why, struct hf_error *err)
{
	return hf_document_fail(r->d, n, err, "%s: %s", f->name, why->msg);
}

static int parse_flag(const char *text, bool *out, struct hf_error *err)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2 == 1;
			return 0;
		}
	return hf_fail(err, HF_E_USAGE, "\"%s\" is neither true nor false", text);
}

static int parse_count(const struct hf_field *f, const char *text, unsigned *out, struct hf_error *err)
{
	unsigned most = f->most ? f->most : COUNT_MOST;
	char *end;
	unsigned long n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
	if (*text < '0' || *text > '9' || *end || n < f->least || n > most)
		return hf_fail(err, HF_E_USAGE, "\"%s\" is not a number from %u to %u", text, f->least, most);
	*out = (unsigned)n;
	return 0;
}

static int parse_choice(const struct hf_field *f, const char *text, const char **out, struct hf_error *err)
{
	for (const char *const *c = f->choices; *c; c++)
		if (strcmp(*c, text) == 0) {
			*out = *c;
			return 0;
		}
	return hf_fail(err, HF_E_USAGE, "there is no \"%s\"; did you mean \"%s\"?", text, hf_nearest(text, f->choices));
}

static int read_value(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n, void *at,
	struct hf_error *err)
{
	const char *text;
	struct hf_error why = {0};
	int rc = read_text(r, f, n, &text, err);
	if (rc < 0)
		return rc;
	switch (f->type) {
	case HF_FIELD_FLAG:
		rc = parse_flag(text, at, &why);
		break;
	case HF_FIELD_COUNT:
		rc = parse_count(f, text, at, &why);
		break;
	case HF_FIELD_DURATION:
		rc = hf_duration_parse(text, at, &why);
		break;
	case HF_FIELD_SIZE:
		rc = hf_size_parse(text, at, &why);
		break;
	case HF_FIELD_SHARE:
		rc = hf_share_parse(text, at, &why);
		break;
	case HF_FIELD_CHOICE:
		rc = parse_choice(f, text, at, &why);
		break;
	default:
		*(const char **)at = text;
		if (!*text)
			rc = hf_fail(&why, HF_E_USAGE, "it is empty");
		break;
	}
	return rc < 0 ? bad_value(r, f, n, &why, err) : 0;
}

/* --- maps -------------------------------------------------------------------------------------------------------------- */

static int read_map(const struct hf_schema_reader *r, const struct hf_schema *schema, const struct hf_node *n,
	void *object, struct hf_error *err);

static int read_groups(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n,
	struct hf_groups *out, struct hf_error *err)
{
	size_t size = f->schema->size, count = n->kind == HF_NODE_LIST ? count_members(n) : 1;
	char *items = hf_arena_alloc(r->arena, (count + 1) * size);
	out->items = items;
	if (!items)
		return no_memory(err);
	if (n->kind != HF_NODE_LIST) {
		out->count = 1;
		return read_map(r, f->schema, n, items, err);
	}
	for (const struct hf_node *m = n->first; m; m = m->next) {
		int rc = m->is_null ? hf_document_fail(r->d, m, err, "an empty item of %s", f->name)
				    : read_map(r, f->schema, m, items + out->count++ * size, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int read_field(const struct hf_schema_reader *r, const struct hf_field *f, const struct hf_node *n, void *at,
	struct hf_error *err)
{
	switch (f->type) {
	case HF_FIELD_TEXTS:
	case HF_FIELD_ARGV:
		return read_texts(r, f, n, at, err);
	case HF_FIELD_NAMED:
		return read_named(r, f, n, at, err);
	case HF_FIELD_GROUP:
		return read_map(r, f->schema, n, at, err);
	case HF_FIELD_GROUPS:
		return read_groups(r, f, n, at, err);
	default:
		return read_value(r, f, n, at, err);
	}
}

static int read_defaults(const struct hf_schema_reader *r, const struct hf_schema *schema, void *object,
	struct hf_error *err)
{
	int rc = 0;
	memset(object, 0, schema->size);
	for (const struct hf_field *f = schema->fields; f->name && rc == 0; f++) {
		const struct hf_node fallback = {.kind = HF_NODE_TEXT, .text = f->fallback};
		if (f->type == HF_FIELD_GROUP && !f->optional)
			rc = read_defaults(r, f->schema, field_at(f, object), err);
		else if (f->fallback)
			rc = read_field(r, f, &fallback, field_at(f, object), err);
	}
	return rc;
}

static const struct hf_field *find_field(const struct hf_schema *schema, const char *name)
{
	for (const struct hf_field *f = schema->fields; f->name; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int unknown_key(const struct hf_schema_reader *r, const struct hf_schema *schema, const struct hf_node *n,
	struct hf_error *err)
{
	const char *names[NAMES_MAX + 1] = {0};
	const struct hf_node at = {.line = n->key_line, .column = n->key_column};
	for (size_t i = 0; schema->fields[i].name && i < NAMES_MAX; i++)
		names[i] = schema->fields[i].name;
	return hf_document_fail(r->d, &at, err, "%s has no key \"%s\"; did you mean \"%s\"?", schema->what, n->key,
		hf_nearest(n->key, names));
}

static bool has(const struct hf_node *map, const char *key)
{
	const struct hf_node *n = hf_node_get(map, key);
	return n && !n->is_null;
}

static int read_members(const struct hf_schema_reader *r, const struct hf_schema *schema, const struct hf_node *n,
	void *object, struct hf_error *err)
{
	for (const struct hf_node *m = n->first; m; m = m->next) {
		const struct hf_field *f = find_field(schema, m->key);
		if (!f)
			return unknown_key(r, schema, m, err);
		if (m->is_null)
			continue;
		const struct hf_node at = {.line = m->key_line, .column = m->key_column};
		if (f->only && !has(n, f->only))
			return hf_document_fail(r->d, &at, err, "%s goes with %s only", f->name, f->only);
		int rc = read_field(r, f, m, field_at(f, object), err);
		if (rc < 0)
			return rc;
	}
	for (const struct hf_field *f = schema->fields; f->name; f++)
		if (f->required && !has(n, f->name))
			return hf_document_fail(r->d, n, err, "%s needs %s", schema->what, f->name);
	return 0;
}

/* A text or a list in the place of a map: what it is short for, or NULL. */
static const struct hf_field *short_for(const struct hf_schema *schema, const struct hf_node *n)
{
	const char *name = n->kind == HF_NODE_TEXT ? schema->text_means : schema->list_means;
	return name ? find_field(schema, name) : NULL;
}

static int read_map(const struct hf_schema_reader *r, const struct hf_schema *schema, const struct hf_node *n,
	void *object, struct hf_error *err)
{
	int rc = read_defaults(r, schema, object, err);
	if (rc < 0)
		return rc;
	if (n->kind == HF_NODE_MAP) {
		rc = read_members(r, schema, n, object, err);
	} else {
		const struct hf_field *f = short_for(schema, n);
		if (!f)
			return hf_document_fail(r->d, n, err, "%s is a map, and this is a %s", schema->what,
				hf_node_kind_name(n->kind));
		rc = read_field(r, f, n, field_at(f, object), err);
	}
	return rc == 0 && schema->check ? schema->check(r->d, n, object, err) : rc;
}

int hf_schema_read(const struct hf_schema *schema, const struct hf_document *d, const struct hf_node *node,
	struct hf_arena *arena, void *object, struct hf_error *err)
{
	const struct hf_schema_reader r = {d, arena};
	return node ? read_map(&r, schema, node, object, err) : read_defaults(&r, schema, object, err);
}
