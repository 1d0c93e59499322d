/* Snapshot objects; see snapshot.h and FORMAT.md, section 10. */
#include "repo/snapshot.h"

#include "base/cursor.h"
#include "base/time.h"
#include "repo/object_fetch.h"
#include "repo/repository.h"

#include <stdlib.h>

enum {
	PLAIN_MAX = 64 << 20, /* what an object's body may hold */
	SOURCES_MAX = 65536,
};

void hf_snapshot_free(struct hf_snapshot *s)
{
	for (size_t i = 0; i < s->source_count; i++) {
		free(s->sources[i].name);
		free(s->sources[i].kind);
	}
	for (size_t i = 0; i < s->tag_count; i++)
		free(s->tags[i]);
	free(s->sources);
	free(s->tags);
	free(s->host);
	free(s->tool);
	free(s->packs);
	*s = (struct hf_snapshot){0};
}

const struct hf_snapshot_source *hf_snapshot_source(const struct hf_snapshot *s, const char *name)
{
	for (size_t i = 0; i < s->source_count; i++)
		if (strcmp(s->sources[i].name, name) == 0)
			return &s->sources[i];
	return NULL;
}

/* A writer refuses what a reader would: a name is unique, and fit to be a directory's, which a restore makes of it. */
static int check_names(const struct hf_snapshot *s, int code, struct hf_error *err)
{
	for (size_t i = 0; i < s->source_count; i++) {
		const char *name = s->sources[i].name;
		if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return hf_fail(err, code, "\"%s\" is no name for a source: it is empty, . or .., or holds a /", name);
		if (hf_snapshot_source(s, name) != &s->sources[i])
			return hf_fail(err, code, "two sources are named \"%s\"", name);
	}
	return 0;
}

/* --- making -------------------------------------------------------------------------------------------------------- */

static json_t *source_json(const struct hf_snapshot_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", hf_json_bytes(s->name, strlen(s->name)));
	json_object_set_new(j, "kind", json_string(s->kind));
	json_object_set_new(j, "root", hf_json_hex_string(s->root.b, HF_ID_SIZE));
	json_object_set_new(j, "files", json_integer((json_int_t)s->files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(j, "bytes_new", json_integer((json_int_t)s->bytes_new));
	json_object_set_new(j, "bytes_stored", json_integer((json_int_t)s->bytes_stored));
	json_object_set_new(j, "consistency_point", hf_json_time(s->consistency_point));
	json_object_set_new(j, "complete", json_boolean(s->complete));
	json_object_set_new(j, "problems", json_integer((json_int_t)s->problems));
	json_object_set_new(j, "about", hf_json_hex_string(s->about.b, HF_ID_SIZE));
	return j;
}

static json_t *text_json(const char *text)
{
	return hf_json_bytes(text ? text : "", text ? strlen(text) : 0);
}

static json_t *origin_json(const struct hf_snapshot_origin *o)
{
	json_t *j = json_object();
	json_object_set_new(j, "repository", hf_json_hex_string(o->repository.b, HF_ID_SIZE));
	json_object_set_new(j, "writer", hf_json_hex_string(o->snapshot.writer.b, HF_ID_SIZE));
	json_object_set_new(j, "id", hf_json_hex_string(o->snapshot.id.b, HF_ID_SIZE));
	json_object_set_new(j, "seen", hf_json_time(o->seen));
	return j;
}

static json_t *snapshot_json(const struct hf_snapshot *s)
{
	json_t *j = json_object(), *tags = json_array(), *sources = json_array();
	json_object_set_new(j, "time", hf_json_time(s->time));
	json_object_set_new(j, "started", hf_json_time(s->started));
	json_object_set_new(j, "host", text_json(s->host));
	json_object_set_new(j, "tags", tags);
	for (size_t i = 0; i < s->tag_count; i++)
		json_array_append_new(tags, text_json(s->tags[i]));
	json_object_set_new(j, "complete", json_boolean(s->complete));
	json_object_set_new(j, "tool", text_json(s->tool));
	if (s->is_copy)
		json_object_set_new(j, "copy_of", origin_json(&s->origin));
	json_object_set_new(j, "sources", sources);
	for (size_t i = 0; i < s->source_count; i++)
		json_array_append_new(sources, source_json(&s->sources[i]));
	return j;
}

/* Form 0: groups by writer. The packs are sorted. */
static void put_packs(struct hf_buf *out, const struct hf_ref *packs, size_t count)
{
	uint32_t groups = 0;
	hf_buf_u8(out, 0);
	for (size_t i = 0; i < count; i++)
		groups += i == 0 || !hf_id_equal(&packs[i].writer, &packs[i - 1].writer);
	hf_buf_u32(out, groups);
	for (size_t i = 0; i < count;) {
		size_t end = i;
		while (end < count && hf_id_equal(&packs[end].writer, &packs[i].writer))
			end++;
		hf_buf_add(out, packs[i].writer.b, HF_ID_SIZE);
		hf_buf_u32(out, (uint32_t)(end - i));
		for (; i < end; i++)
			hf_buf_add(out, packs[i].id.b, HF_ID_SIZE);
	}
}

static int make_plain(const struct hf_snapshot *s, struct hf_buf *out, struct hf_error *err)
{
	HF_JSON_AUTO *j = snapshot_json(s);
	char *text = hf_json_text(j);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	hf_buf_u32(out, (uint32_t)strlen(text));
	hf_buf_str(out, text);
	free(text);
	put_packs(out, s->packs, s->pack_count);
	return hf_buf_check(out, "snapshot", err);
}

int hf_snapshot_put(struct hf_repository *repo, struct hf_snapshot *s, struct hf_error *err)
{
	HF_BUF_AUTO plain = HF_BUF(PLAIN_MAX);
	int r = check_names(s, HF_E_USAGE, err);
	s->pack_count = hf_ref_sort(s->packs, s->pack_count);
	s->ref = (struct hf_ref){repo->key->id, hf_id_new()};
	if (r == 0)
		r = make_plain(s, &plain, err);
	if (r < 0)
		return r;
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "domain", hf_json_hex_string(s->domain.b, HF_ID_SIZE));
	json_object_set_new(clear, "run", hf_json_hex_string(s->run.b, HF_ID_SIZE));
	struct hf_object_new o = {.kind = HF_KIND_SNAPSHOT,
		.form = HF_FORM_CATALOGUE,
		.key = repo->key,
		.id = s->ref.id,
		.clear = clear,
		.body = plain.data,
		.body_len = plain.len};
	r = hf_object_put(repo->store, &o, NULL, err);
	return r < 0 ? hf_wrap(err, r, "store the snapshot") : 0;
}

/* --- reading ------------------------------------------------------------------------------------------------------- */

static int copy_string(const json_t *j, const char *key, char **out, struct hf_error *err)
{
	const char *text;
	int r = hf_json_string(j, key, &text, err);
	if (r < 0)
		return r;
	*out = strdup(text);
	return *out ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int get_time(const json_t *j, const char *key, int64_t *out, struct hf_error *err)
{
	const char *text;
	int r = hf_json_string(j, key, &text, err);
	if (r == 0 && hf_time_parse(text, out, NULL) < 0)
		r = hf_fail(err, HF_E_CORRUPT, "\"%s\" is not a time", key);
	return r;
}

static int get_count(const json_t *j, const char *key, uint64_t *out, struct hf_error *err)
{
	int64_t v;
	int r = hf_json_int(j, key, &v, err);
	if (r == 0 && v < 0)
		r = hf_fail(err, HF_E_CORRUPT, "\"%s\" is negative", key);
	*out = (uint64_t)v;
	return r;
}

static int get_bool(const json_t *j, const char *key, bool *out, struct hf_error *err)
{
	const json_t *m = json_object_get(j, key);
	*out = json_is_true(m);
	return json_is_boolean(m) ? 0 : hf_fail(err, HF_E_CORRUPT, "\"%s\" is missing or not true or false", key);
}

static int parse_source(const json_t *j, struct hf_snapshot_source *s, struct hf_error *err)
{
	int r = copy_string(j, "name", &s->name, err);
	if (r == 0)
		r = copy_string(j, "kind", &s->kind, err);
	if (r == 0)
		r = hf_json_hex(j, "root", s->root.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(j, "about", s->about.b, HF_ID_SIZE, err);
	if (r == 0)
		r = get_count(j, "files", &s->files, err);
	if (r == 0)
		r = get_count(j, "bytes", &s->bytes, err);
	if (r == 0)
		r = get_count(j, "bytes_new", &s->bytes_new, err);
	if (r == 0)
		r = get_count(j, "bytes_stored", &s->bytes_stored, err);
	if (r == 0)
		r = get_count(j, "problems", &s->problems, err);
	if (r == 0)
		r = get_time(j, "consistency_point", &s->consistency_point, err);
	return r < 0 ? r : get_bool(j, "complete", &s->complete, err);
}

static int parse_sources(const json_t *j, struct hf_snapshot *s, struct hf_error *err)
{
	json_t *a;
	int r = hf_json_array(j, "sources", &a, err);
	size_t n = r == 0 ? json_array_size(a) : 0;
	if (n > SOURCES_MAX)
		return hf_fail(err, HF_E_CORRUPT, "\"sources\" has %zu members", n);
	if (n == 0)
		return r;
	s->sources = calloc(n, sizeof(*s->sources));
	if (!s->sources)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < n; i++) {
		s->source_count++;
		r = parse_source(json_array_get(a, i), &s->sources[i], err);
		if (r < 0)
			r = hf_wrap(err, r, "source %zu", i);
	}
	return r < 0 ? r : check_names(s, HF_E_CORRUPT, err);
}

static int parse_tags(const json_t *j, struct hf_snapshot *s, struct hf_error *err)
{
	json_t *a;
	int r = hf_json_array(j, "tags", &a, err);
	size_t n = r == 0 ? json_array_size(a) : 0;
	if (n == 0)
		return r;
	s->tags = calloc(n, sizeof(*s->tags));
	if (!s->tags)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(a, i));
		if (!text)
			return hf_fail(err, HF_E_CORRUPT, "a tag is not a string");
		s->tags[i] = strdup(text);
		if (!s->tags[i])
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		s->tag_count++;
	}
	return 0;
}

static int parse_origin(const json_t *j, struct hf_snapshot *s, struct hf_error *err)
{
	const json_t *o = json_object_get(j, "copy_of");
	if (!o)
		return 0;
	s->is_copy = true;
	int r = hf_json_hex(o, "repository", s->origin.repository.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(o, "writer", s->origin.snapshot.writer.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(o, "id", s->origin.snapshot.id.b, HF_ID_SIZE, err);
	if (r == 0)
		r = get_time(o, "seen", &s->origin.seen, err);
	return r < 0 ? hf_wrap(err, r, "\"copy_of\"") : 0;
}

static int parse_json(const json_t *j, struct hf_snapshot *s, struct hf_error *err)
{
	int r = get_time(j, "time", &s->time, err);
	if (r == 0)
		r = get_time(j, "started", &s->started, err);
	if (r == 0)
		r = copy_string(j, "host", &s->host, err);
	if (r == 0)
		r = copy_string(j, "tool", &s->tool, err);
	if (r == 0)
		r = get_bool(j, "complete", &s->complete, err);
	if (r == 0)
		r = parse_tags(j, s, err);
	if (r == 0)
		r = parse_origin(j, s, err);
	return r < 0 ? r : parse_sources(j, s, err);
}

/* One group of form 0: the packs of one writer, appended to the list, which has room. */
static int parse_group(struct hf_cursor *c, struct hf_snapshot *s, struct hf_error *err)
{
	const uint8_t *writer = hf_cursor_bytes(c, HF_ID_SIZE);
	uint32_t n = hf_cursor_u32(c);
	if (c->failed || n > hf_cursor_left(c) / HF_ID_SIZE)
		return hf_fail(err, HF_E_CORRUPT, "its list of packs is cut short");
	for (uint32_t i = 0; i < n; i++) {
		struct hf_ref *ref = &s->packs[s->pack_count];
		memcpy(ref->writer.b, writer, HF_ID_SIZE);
		memcpy(ref->id.b, hf_cursor_bytes(c, HF_ID_SIZE), HF_ID_SIZE);
		if (s->pack_count && hf_ref_compare(ref - 1, ref) >= 0)
			return hf_fail(err, HF_E_CORRUPT, "its list of packs is out of order");
		s->pack_count++;
	}
	return 0;
}

static int parse_packs(struct hf_cursor *c, struct hf_snapshot *s, struct hf_error *err)
{
	uint8_t form = hf_cursor_u8(c);
	uint32_t groups = hf_cursor_u32(c);
	if (!c->failed && form != 0)
		return hf_fail(err, HF_E_UNSUPPORTED, "its list of packs has the form %u, which this version can't read",
			form);
	s->packs = calloc(hf_cursor_left(c) / HF_ID_SIZE + 1, sizeof(*s->packs));
	if (!s->packs)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = 0;
	for (uint32_t g = 0; r == 0 && g < groups; g++)
		r = parse_group(c, s, err);
	if (r == 0 && !hf_cursor_done(c))
		r = hf_fail(err, HF_E_CORRUPT, "its list of packs does not end where it should");
	return r;
}

static int parse_plain(const struct hf_buf *plain, enum hf_snapshot_parts parts, struct hf_snapshot *s,
	struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(plain->data, plain->len);
	uint32_t len = hf_cursor_u32(&c);
	const uint8_t *text = hf_cursor_bytes(&c, len);
	HF_JSON_AUTO *j = NULL;
	if (!text)
		return hf_fail(err, HF_E_CORRUPT, "it is cut short");
	int r = hf_json_parse(text, len, &j, err);
	if (r == 0)
		r = parse_json(j, s, err);
	if (r == 0 && parts == HF_SNAPSHOT_WHOLE)
		r = parse_packs(&c, s, err);
	return r;
}

static int parse(const struct hf_object *o, struct hf_repository *repo, enum hf_snapshot_parts parts,
	struct hf_snapshot *s, struct hf_error *err)
{
	HF_BUF_AUTO plain = HF_BUF(PLAIN_MAX);
	s->ref = o->ref;
	if (!(hf_writer_rights(repo, &o->ref.writer) & HF_RIGHT_BACKUP))
		return hf_fail(err, HF_E_CORRUPT, "its writer has not the right to make it");
	if (o->form != HF_FORM_CATALOGUE)
		return hf_fail(err, HF_E_CORRUPT, "it is not sealed as a snapshot is");
	int r = hf_json_hex(o->clear, "domain", s->domain.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_json_hex(o->clear, "run", s->run.b, HF_ID_SIZE, err);
	if (r == 0)
		r = hf_object_open(o, repo->key, &plain, err);
	return r < 0 ? r : parse_plain(&plain, parts, s, err);
}

int hf_snapshot_read(struct hf_repository *repo, const struct hf_ref *ref, const struct hf_snapshot_read *how,
	struct hf_snapshot *out, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	struct hf_object o = {0};
	*out = (struct hf_snapshot){.ref = *ref};
	int r = hf_object_fetch(repo, HF_KIND_SNAPSHOT, ref, how->from_store, &o, err);
	if (r == 0) {
		r = parse(&o, repo, how->parts, out, err);
		if (r < 0)
			r = hf_wrap(err, r, "%s", hf_object_name(HF_KIND_SNAPSHOT, ref, name));
	}
	hf_object_free(&o);
	return r;
}

int hf_snapshot_get(struct hf_repository *repo, const struct hf_ref *ref, enum hf_snapshot_parts parts,
	struct hf_snapshot *out, struct hf_error *err)
{
	const struct hf_snapshot_read how = {.parts = parts};
	return hf_snapshot_read(repo, ref, &how, out, err);
}
