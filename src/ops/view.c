/* Opening a snapshot for reading; see view.h. */
#include "ops/view.h"

#include "base/hex.h"
#include "ops/snapshots.h"

#include <stdlib.h>

void hf_view_close(struct hf_view *v)
{
	hf_access_close(&v->access);
	hf_snapshot_free(&v->snapshot);
	*v = (struct hf_view){0};
}

int hf_view_open(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_view *out, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	*out = (struct hf_view){0};
	int r = hf_repository_require_reading(repo, true, "read what was backed up", err);
	if (r == 0)
		r = hf_snapshot_get(repo, snapshot, HF_SNAPSHOT_WITHOUT_PACKS, &out->snapshot, err);
	if (r == 0)
		r = hf_access_open_snapshot(repo, snapshot, &out->access, err);
	return r < 0 ? hf_wrap(err, r, "open snapshot %s", hf_hex(snapshot->id.b, HF_ID_SIZE, id)) : 0;
}

int hf_view_choose(struct hf_repository *repo, const struct hf_select_options *select, struct hf_view *out,
	struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	const struct hf_point *point;
	const char *source = NULL;
	struct hf_catalogue c = {0};
	*out = (struct hf_view){0};
	int r = hf_repository_require_reading(repo, true, "read what was backed up", err);
	if (r == 0)
		r = hf_catalogue_load(repo, &all, &c, err);
	if (r == 0) {
		hf_catalogue_warn(&c);
		r = hf_catalogue_select(&c, select, &point, &source, err);
	}
	if (r == 0)
		r = hf_view_open(repo, &point->ref, out, err);
	out->source = source;
	hf_catalogue_free(&c);
	return r;
}

/* Is the source (a number in snapshot.sources) among what was asked for? */
static bool has(const struct hf_view *v, size_t source)
{
	return !v->source || strcmp(v->snapshot.sources[source].name, v->source) == 0;
}

/* --- paths --------------------------------------------------------------------------------------------------------- */

/* "./a//b/" to "a/b"; to be freed. */
static char *tidy(const char *text)
{
	char *out = malloc(strlen(text) + 1);
	size_t n = 0;
	for (const char *p = text; out && *p;) {
		size_t len = strcspn(p, "/");
		if (len && !(len == 1 && *p == '.')) {
			if (n)
				out[n++] = '/';
			memcpy(out + n, p, len);
			n += len;
		}
		p += len + (p[len] == '/');
	}
	if (out)
		out[n] = 0;
	return out;
}

static int add_path(struct hf_view_selection *s, const char *path, struct hf_error *err)
{
	struct hf_path *more = reallocarray(s->paths, s->count + 1, sizeof(*more));
	char *copy = strdup(path);
	if (more)
		s->paths = more;
	if (!more || !copy) {
		free(copy);
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	more[s->count++] = (struct hf_path){copy, strlen(copy)};
	return 0;
}

/* 1 if the source has an entry at that path, else 0. */
static int is_there(struct hf_view *v, size_t source, const char *path, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *m = NULL;
	const struct hf_manifest_entry *entry;
	const struct hf_path p = {path, strlen(path)};
	const struct hf_chunk_feed feed = hf_reader_feed(v->access.reader);
	if (!*path)
		return 1;
	int r = hf_manifest_reader_open(&feed, &v->snapshot.sources[source].root, &m, err);
	if (r == 0)
		r = hf_manifest_reader_find(m, &p, &entry, err);
	return r < 0 ? hf_wrap(err, r, "look up %s in %s", path, v->snapshot.sources[source].name) : r;
}

/* What follows NAME/ in `path`, or NULL if it does not start so. */
static const char *after_name(const char *path, const char *name)
{
	size_t n = strlen(name);
	if (strncmp(path, name, n) != 0 || (path[n] && path[n] != '/'))
		return NULL;
	return path[n] ? path + n + 1 : path + n;
}

static size_t asked_for(const struct hf_view *v)
{
	size_t n = 0;
	for (size_t i = 0; i < v->snapshot.source_count; i++)
		n += has(v, i);
	return n;
}

/* NAME/path comes first; with one source the whole text may be the path. */
static int assign(struct hf_view *v, const char *text, struct hf_view_selection *selections, struct hf_error *err)
{
	char *path = tidy(text);
	bool single = asked_for(v) == 1, found = false;
	int r = path ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && !found && i < v->snapshot.source_count; i++) {
		if (!has(v, i))
			continue;
		const char *inner = after_name(path, v->snapshot.sources[i].name);
		r = inner ? is_there(v, i, inner, err) : 0;
		if (r == 0 && single) {
			inner = path;
			r = is_there(v, i, inner, err);
		}
		found = r > 0;
		if (found)
			r = add_path(&selections[i], inner, err);
	}
	free(path);
	if (r == 0 && !found)
		r = hf_fail(err, HF_E_NOTFOUND, "there is no %s in the snapshot%s", text,
			single ? "" : " (paths start with the name of their source)");
	return r;
}

int hf_view_paths(struct hf_view *v, const char *const *texts, size_t count, struct hf_view_selection **out,
	struct hf_error *err)
{
	struct hf_view_selection *s = calloc(v->snapshot.source_count + 1, sizeof(*s));
	*out = s;
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = 0;
	for (size_t i = 0; r == 0 && count == 0 && i < v->snapshot.source_count; i++)
		if (has(v, i))
			r = add_path(&s[i], "", err);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = assign(v, texts[i], s, err);
	return r;
}

void hf_view_selections_free(const struct hf_view *v, struct hf_view_selection *selections)
{
	for (size_t i = 0; selections && i < v->snapshot.source_count; i++) {
		for (size_t p = 0; p < selections[i].count; p++)
			free((char *)(uintptr_t)selections[i].paths[p].path);
		free(selections[i].paths);
	}
	free(selections);
}
