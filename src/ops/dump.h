/* The content of one file of a snapshot, byte by byte. */
#ifndef HF_OPS_DUMP_H
#define HF_OPS_DUMP_H

#include "ops/view.h"

/* Gets the bytes in order, holes as zeros; a negative return ends the dump and is its result. */
typedef int hf_dump_write(void *user, const void *data, size_t len, struct hf_error *err);

struct hf_dump_options {
	const char *path; /* as users call it */
	hf_dump_write *write;
	void *user;
	int threads; /* 0: as many as there are processors */
};

/* HF_E_NOTFOUND if there is no such path, or it is no file; a hard link is the file that it names. */
int hf_dump(struct hf_view *v, const struct hf_dump_options *options, struct hf_error *err) HF_MUST_CHECK;

#endif
