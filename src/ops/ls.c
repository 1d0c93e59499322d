/* Listing what a snapshot holds; see ls.h. */
#include "ops/ls.h"

#include "base/stop.h"

static int list_source(struct hf_view *v, size_t source, const struct hf_view_selection *s,
	const struct hf_ls_options *o, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *m = NULL;
	const struct hf_manifest_entry *entry;
	const struct hf_snapshot_source *about = &v->snapshot.sources[source];
	const struct hf_chunk_feed feed = hf_reader_feed(v->access.reader);
	int r = hf_manifest_reader_open(&feed, &about->root, &m, err);
	if (r == 0)
		r = hf_manifest_reader_select(m, s->paths, s->count, err);
	while (r == 0 && (r = hf_manifest_reader_next(m, &entry, err)) > 0) {
		r = o->each(o->user, about->name, entry, err);
		if (r == 0)
			r = hf_stop_check(err);
	}
	return r < 0 ? hf_wrap(err, r, "list %s", about->name) : 0;
}

int hf_ls(struct hf_view *v, const struct hf_ls_options *options, struct hf_error *err)
{
	struct hf_view_selection *selections = NULL;
	int r = hf_view_paths(v, options->paths, options->path_count, &selections, err);
	for (size_t i = 0; r == 0 && i < v->snapshot.source_count; i++)
		if (selections[i].count)
			r = list_source(v, i, &selections[i], options, err);
	hf_view_selections_free(v, selections);
	return r;
}
