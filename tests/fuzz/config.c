/* The configuration's clear part. */
#include "fuzz.h"

#include "repo/config.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_CONFIG};
	struct hf_config config = {0};
	struct hf_error err = {0};
	int64_t n;
	if (hf_json_parse(data, size, &o.clear, &err) == 0) {
		if (hf_json_int(o.clear, "n", &n, NULL) == 0)
			o.ref.id = config_id((uint64_t)n);
		if (parse_config(&o, &config, &err) == 0)
			FUZZ_MUST(config.n >= 1 && config.chunk_min <= config.chunk_average && config.chunk_average <= config.chunk_max &&
				  config.chunk_max <= HF_CHUNK_MAX);
	}
	json_decref(o.clear);
	return 0;
}
