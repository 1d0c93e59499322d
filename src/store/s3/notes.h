/* What the driver remembers of names while it is open: a list that grows, sorted when it is asked. Under the caller's lock. */
#ifndef HF_STORE_S3_NOTES_H
#define HF_STORE_S3_NOTES_H

#include "store/store.h"

struct hf_s3_note {
	char name[HF_NAME_MAX];
	char *version;	  /* NULL: none */
	int64_t until_ns; /* when its lock ends */
};

struct hf_s3_notes {
	struct hf_s3_note *notes;
	size_t count, room;
	bool is_sorted;
};

/* Copies `version`, which may be NULL. A later note of the same name stands beside an earlier one: which is found is open. */
int hf_s3_notes_add(struct hf_s3_notes *n, const char *name, const char *version, int64_t until_ns, struct hf_error *err) HF_MUST_CHECK;
/* NULL if there is none; valid until the next change. */
const struct hf_s3_note *hf_s3_notes_find(struct hf_s3_notes *n, const char *name);
void hf_s3_notes_free(struct hf_s3_notes *n);

#endif
