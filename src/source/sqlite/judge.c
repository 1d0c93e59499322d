/* What the pages of a capture have told: rows of each table, and damage; see capture_internal.h. */
#include "source/sqlite/capture_internal.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hf_sqlite_capture_problem(struct hf_sqlite_capture *c, const char *fmt, ...)
{
	c->out->incomplete = true;
	if (c->problem_count == HF_SQLITE_PROBLEMS)
		return;
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		c->problems[c->problem_count++] = text;
}

/* The entries that a table or index turned out to have. */
struct counted {
	const struct hf_sqlite_object *object;
	uint64_t rows;
	bool known;
};

/* To sort tables by their names without moving them. */
struct table {
	const char *name;
	const struct counted *counted;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct table *)a)->name, ((const struct table *)b)->name);
}

static int put_rows(struct hf_sqlite_capture *c, const char *table, uint64_t rows, struct hf_error *err)
{
	json_t *name = hf_json_bytes(table, strlen(table)); /* a name need not be UTF-8; a key must */
	int bad = name ? json_object_set_new(c->rows, json_string_value(name), json_integer((json_int_t)rows)) : -1;
	json_decref(name);
	return bad ? hf_fail(err, HF_E_NOMEM, "no memory") : 0;
}

static int walk(struct hf_sqlite_capture *c, struct counted *counted, struct hf_error *err)
{
	const struct hf_sqlite_object *o = counted->object;
	struct hf_pages_tree tree;
	int r = hf_pages_walk(c->pages, o->root, &tree, err);
	if (r < 0)
		return r;
	counted->rows = tree.rows;
	counted->known = !tree.damaged;
	if (tree.damaged && c->source->check != HF_SQLITE_CHECK_NONE)
		hf_sqlite_capture_problem(c, "%s %s is damaged: %s", o->is_index ? "index" : "table", o->name,
			tree.problem);
	return counted->known && !o->is_index && c->rows ? put_rows(c, o->name, tree.rows, err) : 0;
}

/* An index has an entry for each row of its table, a partial one at most. `tables` is sorted by name. */
static void compare(struct hf_sqlite_capture *c, const struct table *tables, size_t count,
	const struct counted *index)
{
	const struct table key = {.name = index->object->table};
	const struct table *found = bsearch(&key, tables, count, sizeof(*tables), by_name);
	if (!found || !found->counted->known)
		return;
	uint64_t rows = found->counted->rows;
	if (index->rows == rows || (index->rows < rows && index->object->may_be_partial))
		return;
	hf_sqlite_capture_problem(c, "index %s has %llu entries, its table %s has %llu rows", index->object->name,
		(unsigned long long)index->rows, index->object->table, (unsigned long long)rows);
}

static int compare_all(struct hf_sqlite_capture *c, const struct counted *counted, size_t n, struct hf_error *err)
{
	size_t count = 0;
	struct table *tables = calloc(n + 1, sizeof(*tables));
	if (!tables)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < n; i++)
		if (!counted[i].object->is_index)
			tables[count++] = (struct table){counted[i].object->name, &counted[i]};
	qsort(tables, count, sizeof(*tables), by_name);
	for (size_t i = 0; i < n; i++)
		if (counted[i].object->is_index && counted[i].known)
			compare(c, tables, count, &counted[i]);
	free(tables);
	return 0;
}

static int by_root(const void *a, const void *b)
{
	uint32_t x = ((const struct counted *)a)->object->root;
	uint32_t y = ((const struct counted *)b)->object->root;
	return x < y ? -1 : x > y;
}

static int walk_all(struct hf_sqlite_capture *c, struct counted *counted, struct hf_error *err)
{
	size_t n = c->facts.object_count;
	for (size_t i = 0; i < n; i++)
		counted[i].object = &c->facts.objects[i];
	qsort(counted, n, sizeof(*counted), by_root);
	for (size_t i = 0; i < n; i++) {
		int r = walk(c, &counted[i], err);
		if (r < 0)
			return r;
	}
	return c->source->check == HF_SQLITE_CHECK_NONE ? 0 : compare_all(c, counted, n, err);
}

static int walk_schema(struct hf_sqlite_capture *c, struct hf_error *err)
{
	char name[] = "sqlite_schema";
	const struct hf_sqlite_object schema = {.name = name, .root = 1};
	struct counted counted = {.object = &schema};
	json_t *rows = c->rows;
	c->rows = NULL; /* it is no table of the user's */
	int r = walk(c, &counted, err);
	c->rows = rows;
	return r;
}

void hf_sqlite_judge(struct hf_sqlite_capture *c)
{
	if (!c->pages)
		return;
	if (!c->source->no_row_counts)
		c->rows = json_object();
	struct counted *counted = calloc(c->facts.object_count + 1, sizeof(*counted));
	struct hf_error why = {0};
	int r = counted ? walk_schema(c, &why) : hf_fail(&why, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = walk_all(c, counted, &why);
	free(counted);
	if (r == 0)
		return;
	json_decref(c->rows); /* it can't be told: as if it had not been asked, but said */
	c->rows = NULL;
	hf_warn("%s: its structure could not be checked, nor its rows counted: %s", c->db.path, why.msg);
	if (c->source->check != HF_SQLITE_CHECK_NONE)
		hf_sqlite_capture_problem(c, "its structure could not be checked: %s", why.msg);
}

int hf_sqlite_judge_fully(struct hf_sqlite_capture *c, sqlite3 *handle, struct hf_error *err)
{
	sqlite3_stmt *s = NULL;
	/* Indexes are looked up in the order of their table: with SQLite's usual 2 MiB most look-ups read the file. */
	int rc = sqlite3_exec(handle, "PRAGMA cache_size=-32768", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(handle, "PRAGMA integrity_check(20)", -1, &s, NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(s)) == SQLITE_ROW) {
		const char *text = (const char *)sqlite3_column_text(s, 0);
		if (!text || strcmp(text, "ok") != 0)
			hf_sqlite_capture_problem(c, "integrity_check: %s", text ? text : "no memory");
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_INTERRUPT)
		hf_sqlite_capture_problem(c, "integrity_check: %s", sqlite3_errmsg(handle));
	sqlite3_finalize(s);
	return (rc & 0xff) == SQLITE_INTERRUPT ? hf_sqlite_db_fail(&c->db, rc, "check", err) : 0;
}
