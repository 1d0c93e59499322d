/*
 * The feed: what a source restores (or checks) itself from. The pipeline's way out (egress.h) is one; tests make
 * their own. Entries come in hf_path_compare order, a directory before what is in it, a HARDLINK after the path that
 * it names if both were selected.
 *
 * A feed is pulled by one thread with `next`; the pieces that it hands out may be consumed and released by any
 * thread, in any order. A file's data comes as one or more pieces: `first` on the one that opens it, `last` on the
 * one that completes it, offsets ascending. A whole small file, like each entry without data, is a single piece
 * with both set. Each piece carries its entry, and all pieces of a file the same one. Every byte in a piece has been
 * authenticated and its chunk id checked.
 *
 * Spans are ranges of data that follow one another from `offset` on. A hole is never in a span: after `last`, the
 * file's length is entry->size, and what no span covered reads as zeros.
 */
#ifndef HF_ENTRY_FEED_H
#define HF_ENTRY_FEED_H

#include "entry/entry.h"

#include <sys/uio.h>

struct hf_feed;

struct hf_piece {
	const struct hf_entry *entry; /* valid until the piece is released */
	bool first, last;
	uint64_t offset;	      /* of the first span, in the file */
	const struct iovec *spans;
	size_t span_count;
	uint64_t len; /* the sum of the spans */
};

struct hf_feed_ops {
	/* 1: `*piece` is the next one; 0: that was all; negative: failed, and the feed is at its end. A piece must
	 * be released even after a failure of something else. Holding many pieces holds memory: the feed may wait
	 * in `next` until some are released, but always lets two be held. */
	int (*next)(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err);
	void (*release)(struct hf_feed *feed, struct hf_piece *piece);
};

struct hf_feed {
	const struct hf_feed_ops *ops;
};

#endif
