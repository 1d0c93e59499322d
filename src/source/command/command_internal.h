/* What the files of the command driver share. */
#ifndef HF_SOURCE_COMMAND_INTERNAL_H
#define HF_SOURCE_COMMAND_INTERNAL_H

#include "source/source.h"

struct hf_command {
	struct hf_source source;
	char *name;  /* in the snapshot, and of the one file */
	char **argv; /* NULL-terminated; NULL when only restoring or checking */
};

/* Runs the command and streams its standard output into `sink`. */
int hf_command_capture(struct hf_source *source, struct hf_sink *sink, struct hf_captured *out, struct hf_error *err)
	HF_MUST_CHECK;

#endif
