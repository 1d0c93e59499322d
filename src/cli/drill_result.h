/* What a drill says of itself. Its JSON is hf_drill_json (ops/drill.h). */
#ifndef HF_CLI_DRILL_RESULT_H
#define HF_CLI_DRILL_RESULT_H

#include "ops/drill.h"

/* Objectives that could not be judged and evidence that could not be stored, on standard error. */
void hf_drill_result_warn(const struct hf_drill_result *d);
/* The table, the checks and the verdict, on standard output. */
int hf_drill_result_print(const struct hf_drill_result *d, struct hf_error *err) HF_MUST_CHECK;
/* 0, 20, 21 or 3. */
int hf_drill_result_status(const struct hf_drill_result *d);

#endif
