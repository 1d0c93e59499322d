/*
 * Capturing a volume: the walk, the stat cache, the readers and the sink, joined.
 */
#ifndef HF_SOURCE_VOLUME_CAPTURE_H
#define HF_SOURCE_VOLUME_CAPTURE_H

#include "entry/sink.h"
#include "source/tree_walk.h"

/* Captures everything under `rootfd` that the walk's `options` don't leave out. `incomplete`: some of it could not
 * be; each case went to sink->problem. */
int hf_volume_capture(int rootfd, const struct hf_tree_walk_options *options, struct hf_sink *sink,
	bool *incomplete, struct hf_error *err) HF_MUST_CHECK;

#endif
