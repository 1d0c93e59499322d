/* Run objects. */
#include "fuzz.h"

#include "repo/run.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_RUN};
	struct hf_run run = {0};
	struct hf_ref *packs = NULL;
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &o.clear, &err) == 0 && parse(&o, &run, &packs, &err) == 0)
		FUZZ_MUST(run.packs == packs && (packs || run.pack_count == 0));
	free(packs);
	json_decref(o.clear);
	return 0;
}
