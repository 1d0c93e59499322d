/* The table of a pack. Input: u32 where the frames end, then the table as it lies sealed. */
#include "fuzz.h"

#include "repo/pack_reader.c"

static void look_at(const struct raw *raw, const struct hf_pack_table *t)
{
	size_t chunks = 0;
	for (size_t i = 0; i < t->frame_count; i++) {
		const struct hf_pack_frame *f = &t->frames[i];
		uint64_t bytes = 0;
		FUZZ_MUST(f->offset >= HF_PACK_HEADER && (uint64_t)f->offset + f->stored_len <= raw->table_at);
		FUZZ_MUST(f->first_chunk == chunks && f->chunk_count > 0 && f->plain_len <= HF_FRAME_MAX);
		for (size_t c = chunks; c < chunks + f->chunk_count; c++)
			bytes += t->chunks[c].len;
		FUZZ_MUST(bytes == f->plain_len);
		chunks += f->chunk_count;
	}
	FUZZ_MUST(chunks == t->chunk_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4)
		return 0;
	const struct raw raw = {.table = {.data = (uint8_t *)(uintptr_t)data + 4, .len = size - 4}, .table_at = hf_get_u32(data)};
	struct hf_pack_table table = {0};
	struct hf_error err = {0};
	if (parse_table(&raw, &table, &err) == 0)
		look_at(&raw, &table);
	hf_pack_table_free(&table);
	return 0;
}
