/* What lies sealed in a snapshot: JSON, then the list of packs. */
#include "fuzz.h"

#include "repo/snapshot.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct hf_buf plain = {.data = (uint8_t *)(uintptr_t)data, .len = size, .max = size};
	struct hf_snapshot s = {0};
	struct hf_error err = {0};
	if (parse_plain(&plain, HF_SNAPSHOT_WHOLE, &s, &err) == 0) {
		for (size_t i = 1; i < s.pack_count; i++)
			FUZZ_MUST(hf_ref_compare(&s.packs[i - 1], &s.packs[i]) < 0);
		for (size_t i = 0; i < s.source_count; i++) /* a name becomes a directory's */
			FUZZ_MUST(*s.sources[i].name && !strchr(s.sources[i].name, '/') && strcmp(s.sources[i].name, ".") != 0 &&
				  strcmp(s.sources[i].name, "..") != 0);
	}
	hf_snapshot_free(&s);
	if (parse_plain(&plain, HF_SNAPSHOT_WITHOUT_PACKS, &s, &err) == 0)
		FUZZ_MUST(s.pack_count == 0);
	hf_snapshot_free(&s);
	return 0;
}
