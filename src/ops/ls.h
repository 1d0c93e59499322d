/* Listing what a snapshot holds. */
#ifndef HF_OPS_LS_H
#define HF_OPS_LS_H

#include "ops/view.h"

/* Called for each entry, in order, source by source; a negative return ends the listing and is its result. */
typedef int hf_ls_each(void *user, const char *source, const struct hf_manifest_entry *entry, struct hf_error *err);

/* The entries at `paths` and below them; without paths everything that was asked for. */
struct hf_ls_options {
	const char *const *paths;
	size_t path_count;
	hf_ls_each *each;
	void *user;
};
int hf_ls(struct hf_view *v, const struct hf_ls_options *options, struct hf_error *err) HF_MUST_CHECK;

#endif
