/* The root of an index segment. Input: u32 how many blocks lie before it, then the root as it lies sealed. */
#include "fuzz.h"

#include "repo/index_open.c"

static void look_at(const struct hf_index_segment *s)
{
	FUZZ_MUST(s->frames_at >= s->entry_blocks && s->packs_at >= s->frames_at && s->filter_at >= s->packs_at && s->blocks > s->filter_at);
	FUZZ_MUST(s->entries <= (uint64_t)s->entry_blocks * HF_INDEX_ENTRIES && s->lines > 0);
	for (uint32_t i = 1; i < s->entry_blocks; i++)
		FUZZ_MUST(s->firsts[i - 1] <= s->firsts[i] && s->firsts[i] <= s->last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	struct hf_index_segment s = {.name = "a segment", .root_at = HF_INDEX_HEADER + (uint64_t)hf_get_u32(data) * HF_INDEX_SEALED};
	const struct hf_buf root = {.data = (uint8_t *)(uintptr_t)data + 4, .len = size - 4};
	struct hf_error err = {0};
	if (parse_root(&s, &root, &err) == 0)
		look_at(&s);
	else
		FUZZ_MUST(err.code == HF_E_CORRUPT);
	free(s.firsts);
	free(s.replaces);
	return 0;
}
