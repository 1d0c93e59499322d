/*
 * YAML documents; see document.h. One function takes an event and hangs a node under the innermost open list or map; the stack of those
 * is an array, so that no file can exhaust ours.
 */
#include "policy/document.h"

#include "base/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH_MAX = 16, FILE_MAX = 1 << 20 };

struct reader {
	struct hf_document *d;
	const char *text;
	size_t len;
	yaml_parser_t parser;
	struct hf_node *open[DEPTH_MAX];
	size_t depth;
	const char *key; /* of the member that comes next; NULL: none is waiting */
	yaml_mark_t key_mark;
	bool ended; /* the document; another may not begin */
};

static void release_event(yaml_event_t *event)
{
	yaml_event_delete(event);
}

static int fail_at(const struct reader *r, const yaml_mark_t *at, struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_USAGE, "%s:%zu:%zu: %s", r->d->name, at->line + 1, at->column + 1, what);
}

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

int hf_document_fail(const struct hf_document *d, const struct hf_node *at, struct hf_error *err, const char *fmt, ...)
{
	char what[HF_ERROR_MAX / 2];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return hf_fail(err, HF_E_USAGE, "%s:%zu:%zu: %s", d->name, at ? at->line : 1, at ? at->column : 1, what);
}

const char *hf_node_kind_name(enum hf_node_kind kind)
{
	static const char *const names[] = {"text", "list", "map"};
	return names[kind];
}

const struct hf_node *hf_node_get(const struct hf_node *map, const char *key)
{
	for (const struct hf_node *n = map ? map->first : NULL; n; n = n->next)
		if (n->key && strcmp(n->key, key) == 0)
			return n;
	return NULL;
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

static bool is_null_text(const char *text)
{
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

/* A text in the arena. NUL is a byte that a quoted text may hold and no C string can. */
static int take_text(struct reader *r, const yaml_event_t *event, const char **out, struct hf_error *err)
{
	const char *value = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	if (memchr(value, 0, len))
		return fail_at(r, &event->start_mark, err, "a text with a NUL in it");
	*out = hf_arena_copy(&r->d->arena, value, len);
	return *out ? 0 : no_memory(err);
}

static bool awaits_key(const struct reader *r)
{
	return r->depth && r->open[r->depth - 1]->kind == HF_NODE_MAP && !r->key;
}

static int take_key(struct reader *r, const yaml_event_t *event, struct hf_error *err)
{
	if (event->type != YAML_SCALAR_EVENT)
		return fail_at(r, &event->start_mark, err, "a key must be a plain text");
	int rc = take_text(r, event, &r->key, err);
	r->key_mark = event->start_mark;
	if (rc < 0 || !hf_node_get(r->open[r->depth - 1], r->key))
		return rc;
	char what[256];
	snprintf(what, sizeof(what), "the key \"%s\" is here a second time", r->key);
	return fail_at(r, &event->start_mark, err, what);
}

static int add_node(struct reader *r, const yaml_event_t *event, enum hf_node_kind kind, struct hf_node **out,
	struct hf_error *err)
{
	struct hf_node *n = hf_arena_alloc(&r->d->arena, sizeof(*n)), *parent = r->depth ? r->open[r->depth - 1] : NULL;
	if (!n)
		return no_memory(err);
	*n = (struct hf_node){.kind = kind, .line = event->start_mark.line + 1, .column = event->start_mark.column + 1,
		.key = r->key, .key_line = r->key_mark.line + 1, .key_column = r->key_mark.column + 1};
	r->key = NULL;
	if (!parent)
		r->d->root = n;
	else if (parent->last)
		parent->last->next = n;
	else
		parent->first = n;
	if (parent)
		parent->last = n;
	*out = n;
	return 0;
}

static int open_node(struct reader *r, const yaml_event_t *event, enum hf_node_kind kind, struct hf_error *err)
{
	struct hf_node *n;
	if (r->depth == DEPTH_MAX)
		return fail_at(r, &event->start_mark, err, "nested too deep");
	int rc = add_node(r, event, kind, &n, err);
	if (rc == 0)
		r->open[r->depth++] = n;
	return rc;
}

static int take_scalar(struct reader *r, const yaml_event_t *event, struct hf_error *err)
{
	struct hf_node *n;
	int rc = add_node(r, event, HF_NODE_TEXT, &n, err);
	if (rc == 0)
		rc = take_text(r, event, &n->text, err);
	if (rc == 0)
		n->is_null = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null_text(n->text);
	return rc;
}

/* Anchors and tags: of whichever event has one. */
static bool is_decorated(const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_ALIAS_EVENT:
		return true;
	case YAML_SCALAR_EVENT:
		return e->data.scalar.anchor || e->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return e->data.sequence_start.anchor || e->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return e->data.mapping_start.anchor || e->data.mapping_start.tag;
	default:
		return false;
	}
}

static int take_event(struct reader *r, const yaml_event_t *event, struct hf_error *err)
{
	if (is_decorated(event))
		return fail_at(r, &event->start_mark, err,
			"anchors (&), aliases (*) and tags (!) have no meaning here: quote a text that begins so");
	bool begins = event->type == YAML_SCALAR_EVENT || event->type == YAML_SEQUENCE_START_EVENT ||
		      event->type == YAML_MAPPING_START_EVENT;
	if (begins && awaits_key(r))
		return take_key(r, event, err);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->ended)
			return fail_at(r, &event->start_mark, err, "a second document begins: a policy is one");
		r->ended = true;
		return 0;
	case YAML_SCALAR_EVENT:
		return take_scalar(r, event, err);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(r, event, HF_NODE_LIST, err);
	case YAML_MAPPING_START_EVENT:
		return open_node(r, event, HF_NODE_MAP, err);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

/* Of a byte: libyaml has no mark for what it could not even decode. */
static yaml_mark_t mark_of(const struct reader *r, size_t offset)
{
	yaml_mark_t mark = {0};
	for (size_t i = 0; i < offset && i < r->len; i++) {
		mark.column += ((uint8_t)r->text[i] & 0xc0) != 0x80;
		if (r->text[i] != '\n')
			continue;
		mark.line++;
		mark.column = 0;
	}
	return mark;
}

static int fail_parse(const struct reader *r, struct hf_error *err)
{
	const yaml_parser_t *p = &r->parser;
	const yaml_mark_t mark = p->error == YAML_READER_ERROR ? mark_of(r, p->problem_offset) : p->problem_mark;
	char what[512];
	if (p->error == YAML_MEMORY_ERROR)
		return no_memory(err);
	snprintf(what, sizeof(what), "this is no YAML: %s%s%s", p->problem ? p->problem : "unreadable",
		p->context ? ", " : "", p->context ? p->context : "");
	return fail_at(r, &mark, err, what);
}

static int read_events(struct reader *r, struct hf_error *err)
{
	for (;;) {
		__attribute__((cleanup(release_event))) yaml_event_t event = {0};
		if (!yaml_parser_parse(&r->parser, &event))
			return fail_parse(r, err);
		if (event.type == YAML_STREAM_END_EVENT)
			return 0;
		int rc = take_event(r, &event, err);
		if (rc < 0)
			return rc;
	}
}

int hf_document_parse(const char *name, const void *text, size_t len, struct hf_document *out, struct hf_error *err)
{
	struct reader r = {.d = out, .text = text, .len = len};
	*out = (struct hf_document){.name = name};
	if (!yaml_parser_initialize(&r.parser))
		return no_memory(err);
	yaml_parser_set_input_string(&r.parser, text, len);
	int rc = read_events(&r, err);
	yaml_parser_delete(&r.parser);
	if (out->root && out->root->is_null)
		out->root = NULL;
	return rc;
}

int hf_document_read(const char *path, struct hf_document *out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(FILE_MAX);
	*out = (struct hf_document){.name = path};
	int r = hf_file_read(AT_FDCWD, path, &text, err);
	if (r < 0)
		return r;
	return hf_document_parse(path, text.len ? (const void *)text.data : "", text.len, out, err);
}

void hf_document_free(struct hf_document *d)
{
	hf_arena_free(&d->arena);
	d->root = NULL;
}
