/* Entries of the catalogue. */
#include "fuzz.h"

#include "repo/catalogue_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_ENTRY};
	struct hf_catalogue_entry e = {0};
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &o.clear, &err) == 0) {
		if (hf_catalogue_entry_parse(&o, &e, &err) == 0 && e.kind)
			FUZZ_MUST(hf_catalogue_entry_right(e.kind) <= 7 && hf_catalogue_entry_name(e.kind));
		hf_catalogue_entry_free(&e);
	}
	json_decref(o.clear);
	return 0;
}
