/* Listing restore points, and what is wrong with the catalogue. */
#ifndef HF_OPS_SNAPSHOTS_H
#define HF_OPS_SNAPSHOTS_H

#include "repo/catalogue.h"

struct hf_snapshots_options {
	const char *host;   /* only those of this key or host; NULL: all */
	const char *source; /* only those that hold it */
	const char *tag;    /* only those that have it */
	const char *expect_head; /* an entry that must be there: hf_catalogue_expect */
};

/* Points of the catalogue, the newest last; what could not be read is among them (snapshot NULL). */
struct hf_snapshots {
	struct hf_catalogue catalogue;
	const struct hf_point **points; /* those that were asked for */
	size_t count;
	bool is_whole; /* nothing was found damaged, gone or rolled back */
};

/* HF_E_KEY if this key can't read the catalogue. Problems were warned about. Free with hf_snapshots_free, also after failure. */
int hf_snapshots_list(struct hf_repository *repo, const struct hf_snapshots_options *options, struct hf_snapshots *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_snapshots_free(struct hf_snapshots *s);

/* Says each of the catalogue's problems as a warning; true if any of them is a loss. */
bool hf_catalogue_warn(const struct hf_catalogue *c);

#endif
