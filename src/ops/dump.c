/* The content of one file; see dump.h. */
#include "ops/dump.h"

#include "base/stop.h"
#include "pipeline/egress.h"

#include <stdlib.h>
#include <string.h>

/* The only entry of a source that is a single file, as databases and commands are: what the source's name alone means. */
static int find_single(struct hf_manifest_reader *m, const struct hf_manifest_entry **entry, char **path,
	struct hf_error *err)
{
	int r = hf_manifest_reader_next(m, entry, err);
	if (r <= 0 || (*entry)->entry.type != HF_ENTRY_FILE)
		return r < 0 ? r : hf_fail(err, HF_E_NOTFOUND, "this is a whole source, and not a file");
	*path = strndup((*entry)->entry.path, (*entry)->entry.path_len);
	return *path ? 1 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* The path of the file that is meant, to be freed: of a hard link the name that holds the content. */
static int find_file(struct hf_view *v, size_t source, const struct hf_path *path, char **out, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *m = NULL;
	const struct hf_manifest_entry *e;
	const struct hf_chunk_feed feed = hf_reader_feed(v->access.reader);
	int r = hf_manifest_reader_open(&feed, &v->snapshot.sources[source].root, &m, err);
	if (r == 0 && path->len == 0)
		return (r = find_single(m, &e, out, err)) < 0 ? r : 0;
	if (r == 0)
		r = hf_manifest_reader_find(m, path, &e, err);
	if (r > 0 && e->entry.type == HF_ENTRY_HARDLINK) {
		*out = strndup(e->entry.link, e->entry.link_len);
		const struct hf_path first = {*out, e->entry.link_len};
		r = *out ? hf_manifest_reader_find(m, &first, &e, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	} else if (r > 0) {
		*out = strndup(path->path, path->len);
		r = *out ? 1 : hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	if (r > 0 && e->entry.type != HF_ENTRY_FILE)
		r = hf_fail(err, HF_E_NOTFOUND, "it is a %s, and not a file", hf_entry_type_name(e->entry.type));
	if (r == 0)
		r = hf_fail(err, HF_E_CORRUPT, "%s is not in its manifest", path->path);
	return r < 0 ? r : 0;
}

static int write_zeros(const struct hf_dump_options *o, uint64_t len, struct hf_error *err)
{
	static const uint8_t zeros[65536];
	int r = 0;
	while (r == 0 && len) {
		size_t n = len < sizeof(zeros) ? (size_t)len : sizeof(zeros);
		r = o->write(o->user, zeros, n, err);
		len -= n;
		if (r == 0)
			r = hf_stop_check(err);
	}
	return r;
}

/* What of the file was not written yet up to the piece, and the piece. `at`: how far it got. */
static int write_piece(const struct hf_dump_options *o, const struct hf_piece *p, uint64_t *at, struct hf_error *err)
{
	int r = p->offset > *at ? write_zeros(o, p->offset - *at, err) : 0;
	if (p->offset > *at)
		*at = p->offset;
	for (size_t i = 0; r == 0 && i < p->span_count; i++)
		r = o->write(o->user, p->spans[i].iov_base, p->spans[i].iov_len, err);
	*at += p->len;
	if (r == 0 && p->last && p->entry->size > *at)
		r = write_zeros(o, p->entry->size - *at, err);
	return r < 0 ? r : hf_stop_check(err);
}

static int write_file(struct hf_view *v, size_t source, const char *path, const struct hf_dump_options *o,
	struct hf_error *err)
{
	const struct hf_path one = {path, strlen(path)};
	const struct hf_egress_options options = {.reader = v->access.reader,
		.root = v->snapshot.sources[source].root,
		.paths = &one,
		.path_count = 1,
		.threads = o->threads};
	struct hf_egress *egress;
	struct hf_piece *piece;
	uint64_t at = 0;
	int r = hf_egress_new(&options, &egress, err);
	if (r < 0)
		return r;
	struct hf_feed *feed = hf_egress_feed(egress);
	while ((r = feed->ops->next(feed, &piece, err)) > 0) {
		/* The parents of the path come along: they have no data. */
		bool wanted = piece->entry->type == HF_ENTRY_FILE && piece->entry->path_len == one.len &&
			      memcmp(piece->entry->path, path, one.len) == 0;
		r = wanted ? write_piece(o, piece, &at, err) : 0;
		feed->ops->release(feed, piece);
		if (r < 0)
			break;
	}
	hf_egress_free(egress);
	return r;
}

int hf_dump(struct hf_view *v, const struct hf_dump_options *options, struct hf_error *err)
{
	struct hf_view_selection *selections = NULL;
	char *path = NULL;
	int r = hf_view_paths(v, &options->path, 1, &selections, err);
	for (size_t i = 0; r == 0 && i < v->snapshot.source_count; i++) {
		if (!selections[i].count)
			continue;
		r = find_file(v, i, &selections[i].paths[0], &path, err);
		if (r == 0)
			r = write_file(v, i, path, options, err);
	}
	free(path);
	hf_view_selections_free(v, selections);
	return r < 0 ? hf_wrap(err, r, "dump %s", options->path) : 0;
}
