/* What status says, for people and for programs. */
#ifndef HF_CLI_STATUS_RESULT_H
#define HF_CLI_STATUS_RESULT_H

#include "ops/status.h"

int hf_status_print_json(const struct hf_status *s, struct hf_error *err) HF_MUST_CHECK;
int hf_status_print_text(const struct hf_status *s, struct hf_error *err) HF_MUST_CHECK;

#endif
