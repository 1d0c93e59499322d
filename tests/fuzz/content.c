/* Content lists. Input: u64 bytes of the content, then nodes (nodes.h), the first is the root. */
#include "fuzz.h"
#include "nodes.h"

enum { REFS_MAX = 5000 };

static void read_from(struct hf_content_reader *r, const struct hf_content *content, uint64_t seek)
{
	struct hf_chunk_ref ref;
	uint64_t offset, expected = 0;
	struct hf_error err = {0};
	if (seek && hf_content_reader_seek(r, seek, &err) < 0)
		return;
	for (int i = 0; i < REFS_MAX && hf_content_reader_next(r, &ref, &offset, &err) == 1; i++) {
		FUZZ_MUST(ref.len > 0 && ref.len <= HF_CHUNK_MAX && offset < content->bytes && ref.len <= content->bytes - offset);
		FUZZ_MUST(i == 0 ? offset <= seek && seek - offset < ref.len : offset == expected);
		expected = offset + ref.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_cursor c = hf_cursor(data, size);
	struct hf_content content = {.form = HF_CONTENT_LIST, .bytes = hf_cursor_u64(&c)};
	struct nodes n;
	struct hf_error err = {0};
	nodes_read(&c, &n);
	const struct hf_chunk_feed feed = nodes_feed(&n);
	const uint64_t places[] = {0, content.bytes / 2, content.bytes - 1};
	for (size_t i = 0; i < 3; i++) {
		struct hf_content_reader *r = NULL;
		if (hf_content_reader_open(&feed, &content, &r, &err) == 0)
			read_from(r, &content, places[i]);
		hf_content_reader_free(r);
	}
	return 0;
}
