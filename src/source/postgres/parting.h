/*
 * A cluster's feed, parted: what lies in the data directory, and what goes elsewhere (tablespaces, outside
 * configuration). The tree writer makes one tree under one descriptor, so the main tree is written from `main`, and
 * whenever the feed comes to a part that goes elsewhere, `write` is called from within, with a feed of that part alone,
 * its paths relative to the part.
 *
 *	hf_parting_init; write parting->main; hf_parting_end
 *
 * A part's prefix is a directory's path. In the main tree a part with a `link` is a symlink to that; one without does
 * not appear. The parts must be sorted as their prefixes come in the feed. Pieces may be released by any thread.
 */
#ifndef HF_SOURCE_POSTGRES_PARTING_H
#define HF_SOURCE_POSTGRES_PARTING_H

#include "entry/feed.h"

struct hf_part {
	const char *prefix; /* "pg_tblspc/16385" */
	const char *link;   /* target of the symlink in the main tree, or NULL */
};

struct hf_parting {
	struct hf_feed main;
	struct hf_feed *base;
	const struct hf_part *parts;
	size_t part_count;
	/* Writes part `at` to its end. */
	int (*write)(void *user, size_t at, struct hf_feed *feed, struct hf_error *err);
	void *user;

	struct hf_feed sub;
	struct hf_piece *pending; /* of the base, looked at and not handed out yet */
	bool is_linked;		  /* the pending piece's symlink was handed out */
	size_t part;		  /* of the sub feed */
	void *current;		  /* the wrapped entry of the file whose pieces are coming */
};

/* `base`, `parts`, `part_count`, `write` and `user` are set by the caller. */
void hf_parting_init(struct hf_parting *parting);
void hf_parting_end(struct hf_parting *parting); /* after all pieces were released */

#endif
