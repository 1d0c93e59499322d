/* What the files of status share. */
#ifndef HF_OPS_STATUS_INTERNAL_H
#define HF_OPS_STATUS_INTERNAL_H

#include "ops/status.h"

/* Of each source the worst exposure (status_exposure.c). Fails for want of memory, or when told to stop. */
int hf_status_note_exposure(struct hf_status *out, struct hf_error *err) HF_MUST_CHECK;

bool hf_status_is_whole(const struct hf_catalogue *c); /* nothing of it is damaged, gone or rolled back */

/* The copies, once the sources are in their order and judged (status_copies.c). `now` is the store's clock, by which ages count. */
int hf_status_note_copies(const struct hf_status_options *options, int64_t now, struct hf_status *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_status_copies_free(struct hf_status *s);

#endif
