/* The lists of references that condemnations, entries and runs are made of. */
#include "fuzz.h"

#include "repo/ref_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *j = NULL;
	struct hf_ref *refs = NULL;
	size_t count = 0;
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &j, &err) == 0 && hf_ref_list_parse(j, "packs", &refs, &count, &err) == 0) {
		size_t left = hf_ref_sort(refs, count);
		FUZZ_MUST(left <= count);
		for (size_t i = 0; i < left; i++)
			FUZZ_MUST(hf_ref_find(refs, left, &refs[i]) && (i == 0 || hf_ref_compare(&refs[i - 1], &refs[i]) < 0));
	}
	free(refs);
	json_decref(j);
	return 0;
}
