/*
 * A snapshot opened for reading: chosen in the catalogue, its index and reader at hand. What ls and dump start from.
 *
 *	hf_view_choose | hf_view_open -> hf_view_paths -> (manifests and feeds over view.access.reader) -> hf_view_close
 */
#ifndef HF_OPS_VIEW_H
#define HF_OPS_VIEW_H

#include "ops/access.h"
#include "repo/catalogue.h"
#include "repo/manifest_reader.h"

struct hf_view {
	struct hf_access access;
	struct hf_snapshot snapshot; /* without packs */
	const char *source; /* the one source that was asked for; NULL: all. Belongs to whoever asked. */
};

/* Opens a snapshot. HF_E_KEY if this key can't read data. Where the index has nothing, or was found damaged, the tables of the
 * snapshot's packs are read in its place. Free with hf_view_close, also after failure. */
int hf_view_open(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_view *out,
	struct hf_error *err) HF_MUST_CHECK;

/* Chooses one (hf_catalogue_select, after warnings of what is wrong with the catalogue) and opens it. */
int hf_view_choose(struct hf_repository *repo, const struct hf_select_options *select, struct hf_view *out,
	struct hf_error *err) HF_MUST_CHECK;

void hf_view_close(struct hf_view *v);

/* What of one source is wanted. */
struct hf_view_selection {
	struct hf_path *paths; /* in the manifest; the empty path is all of it */
	size_t count;	       /* 0: nothing of this source */
};

/* What users call paths (NAME/path; NAME/ may be left out if there is one source) to paths of the sources: an array of
 * snapshot.source_count selections in `out`. Without `texts` it is everything that was asked for. Each path must be there, else
 * HF_E_NOTFOUND. Free with hf_view_selections_free, also after failure. */
int hf_view_paths(struct hf_view *v, const char *const *texts, size_t count, struct hf_view_selection **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_view_selections_free(const struct hf_view *v, struct hf_view_selection *selections); /* NULL is fine */

#endif
