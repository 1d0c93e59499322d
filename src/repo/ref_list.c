/* Lists of references; see ref_list.h. */
#include "repo/ref_list.h"

#include <stdlib.h>

int hf_ref_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_ref));
}

size_t hf_ref_sort(struct hf_ref *refs, size_t count)
{
	if (count < 2)
		return count;
	qsort(refs, count, sizeof(*refs), hf_ref_compare);
	size_t kept = 1;
	for (size_t i = 1; i < count; i++)
		if (!hf_ref_equal(&refs[i], &refs[kept - 1]))
			refs[kept++] = refs[i];
	return kept;
}

bool hf_ref_find(const struct hf_ref *refs, size_t count, const struct hf_ref *ref)
{
	return count && bsearch(ref, refs, count, sizeof(*refs), hf_ref_compare);
}

json_t *hf_ref_json(const struct hf_ref *ref)
{
	json_t *j = json_object();
	json_object_set_new(j, "writer", hf_json_hex_string(ref->writer.b, HF_ID_SIZE));
	json_object_set_new(j, "id", hf_json_hex_string(ref->id.b, HF_ID_SIZE));
	return j;
}

json_t *hf_ref_list_json(const struct hf_ref *refs, size_t count)
{
	json_t *a = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(a, hf_ref_json(&refs[i]));
	return a;
}

int hf_ref_parse(const json_t *j, struct hf_ref *out, struct hf_error *err)
{
	int r = hf_json_hex(j, "writer", out->writer.b, HF_ID_SIZE, err);
	return r < 0 ? r : hf_json_hex(j, "id", out->id.b, HF_ID_SIZE, err);
}

int hf_ref_list_parse(const json_t *j, const char *key, struct hf_ref **out, size_t *count, struct hf_error *err)
{
	json_t *a;
	*out = NULL;
	*count = 0;
	int r = hf_json_array(j, key, &a, err);
	if (r < 0 || json_array_size(a) == 0)
		return r;
	struct hf_ref *refs = calloc(json_array_size(a), sizeof(*refs));
	if (!refs)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < json_array_size(a); i++)
		r = hf_ref_parse(json_array_get(a, i), &refs[i], err);
	if (r < 0) {
		free(refs);
		return hf_wrap(err, r, "\"%s\"", key);
	}
	*out = refs;
	*count = json_array_size(a);
	return 0;
}
