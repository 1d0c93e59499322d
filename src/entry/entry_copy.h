/* A copy of an entry that lives on its own: one block, released by free(). */
#ifndef HF_ENTRY_ENTRY_COPY_H
#define HF_ENTRY_ENTRY_COPY_H

#include "entry/entry.h"

/* How many bytes hf_entry_copy_into needs. */
size_t hf_entry_copy_size(const struct hf_entry *e);
/* Fills `out` with a copy whose pointers lead into `memory` (hf_entry_copy_size bytes, aligned for pointers). Strings are
 * terminated. */
void hf_entry_copy_into(const struct hf_entry *e, struct hf_entry *out, void *memory);

#endif
