/* Lists of references, {"writer":id,"id":id}, as JSON and in memory. */
#ifndef HF_REPO_REF_LIST_H
#define HF_REPO_REF_LIST_H

#include "base/json.h"
#include "repo/id.h"

#include <stddef.h>

/* The order of all lists of references: by writer, then id, as bytes. For qsort and bsearch. */
int hf_ref_compare(const void *a, const void *b);

/* Sorts in place and drops what comes twice; returns how many are left. */
size_t hf_ref_sort(struct hf_ref *refs, size_t count);

/* Whether `ref` is in a sorted list. */
bool hf_ref_find(const struct hf_ref *refs, size_t count, const struct hf_ref *ref);

json_t *hf_ref_json(const struct hf_ref *ref);
json_t *hf_ref_list_json(const struct hf_ref *refs, size_t count);
int hf_ref_parse(const json_t *j, struct hf_ref *out, struct hf_error *err) HF_MUST_CHECK;
/* The member `key`, an array, into a new array in `out` (NULL if it is empty), to be freed by the caller. HF_E_CORRUPT. */
int hf_ref_list_parse(const json_t *j, const char *key, struct hf_ref **out, size_t *count,
	struct hf_error *err) HF_MUST_CHECK;

#endif
