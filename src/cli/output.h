/*
 * What goes to standard output: results, as text or JSON. Whether they got there is asked once, at the end: a full disk or a
 * closed pipe is a failure of the command.
 */
#ifndef HF_CLI_OUTPUT_H
#define HF_CLI_OUTPUT_H

#include "base/json.h"

#include <stdbool.h>

/* Text. */
void hf_print(const char *fmt, ...) HF_PRINTF(1, 2);
/* Bytes as they are. */
int hf_print_bytes(const void *data, size_t len, struct hf_error *err) HF_MUST_CHECK;
/* One JSON value and a newline; takes the reference. NULL is HF_E_NOMEM. */
int hf_print_json(json_t *j, struct hf_error *err) HF_MUST_CHECK;
struct hf_table; /* report/table.h */
int hf_print_table(const struct hf_table *t, struct hf_error *err) HF_MUST_CHECK;
/* All of it out, or an error. */
int hf_print_finish(struct hf_error *err) HF_MUST_CHECK;
/* Did a write fail because whoever read the output has gone (`holdfast ls … | head`)? */
bool hf_print_has_no_reader(void);

#endif
