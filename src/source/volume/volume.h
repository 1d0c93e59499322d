/*
 * The volume driver: a directory tree. Its location is the path of the directory.
 *
 * Options, at open: "exclude" (a pattern, see source/archive.h; repeated), "exclude-file" (a file of them; repeated),
 * "exclude-caches" (of a directory with a CACHEDIR.TAG keep only that), "one-file-system" (record mount points, don't
 * enter them).
 *
 * The consistency point is the moment at which the walk started. The detail that is recorded is {"left_out"}, the path of the
 * repository if that lies in the tree: no times, since what is the same as last night is stored as nothing.
 */
#ifndef HF_SOURCE_VOLUME_VOLUME_H
#define HF_SOURCE_VOLUME_VOLUME_H

#include "source/source.h"

extern const struct hf_source_driver hf_source_volume;

#endif
