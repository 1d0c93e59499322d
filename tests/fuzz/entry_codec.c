/* One entry of a manifest: what is read encodes to the same bytes. Input: u16 length of the path, the path, the body. */
#include "fuzz.h"

#include "repo/manifest_codec.h"

#include <string.h>

static void look_at(const struct hf_manifest_entry *e, const uint8_t *body, size_t len)
{
	struct hf_buf again = HF_BUF(HF_MANIFEST_BODY_MAX + 1);
	struct hf_error err = {0};
	enum hf_entry_type type;
	uint64_t size;
	FUZZ_MUST(hf_manifest_encode_body(e, &again, &err) == 0);
	FUZZ_MUST(again.len == len && memcmp(again.data, body, len) == 0);
	FUZZ_MUST(hf_manifest_peek_body(body, len, &type, &size, &err) == 0 && type == e->entry.type && size == e->entry.size);
	hf_buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_cursor c = hf_cursor(data, size);
	struct hf_manifest_entry e = {0};
	struct hf_error err = {0};
	size_t len = hf_cursor_u16(&c);
	const char *path = (const char *)hf_cursor_bytes(&c, len);
	if (!path || !hf_path_is_sound(path, len))
		return 0;
	e.entry.path = path;
	e.entry.path_len = len;
	const uint8_t *body = c.at;
	if (hf_manifest_decode_body(&c, &e, &err) == 0)
		look_at(&e, body, (size_t)(c.at - body));
	hf_manifest_entry_free(&e);
	return 0;
}
