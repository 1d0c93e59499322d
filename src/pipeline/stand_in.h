/*
 * Stand-ins: when only some paths are restored, the first name of a hard-linked file may not be among them; then the first of its
 * names that is given out stands in for it, and later links point there. One thread.
 */
#ifndef HF_PIPELINE_STAND_IN_H
#define HF_PIPELINE_STAND_IN_H

#include "base/error.h"

#include <stddef.h>

struct hf_stand_in;

struct hf_stand_ins { /* empty: all zero */
	struct hf_stand_in *first;
};

/* The name that was given out in place of `target`, or NULL; valid until hf_stand_ins_free. */
const char *hf_stand_ins_find(const struct hf_stand_ins *s, const char *target);
/* Neither name is terminated; both are copied. */
int hf_stand_ins_add(struct hf_stand_ins *s, const char *target, size_t target_len, const char *given, size_t given_len,
	struct hf_error *err) HF_MUST_CHECK;
void hf_stand_ins_free(struct hf_stand_ins *s);

#endif
