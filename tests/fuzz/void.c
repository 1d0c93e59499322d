/* Voids. */
#include "fuzz.h"

#include "repo/void.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_VOID};
	struct hf_ref snapshot;
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &o.clear, &err) == 0 && parse(&o, &snapshot, &err) < 0)
		FUZZ_MUST(err.code == HF_E_CORRUPT);
	json_decref(o.clear);
	return 0;
}
