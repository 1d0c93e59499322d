/* The inner text of a frame: codec, payload, padding. Input: u32 plain length, then the inner text. */
#include "fuzz.h"

#include "repo/frame.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hf_frame_opener *opener;
	struct hf_error err = {0};
	if (!opener)
		FUZZ_MUST(hf_frame_opener_new(&opener, &err) == 0);
	size_t len = size >= 4 ? hf_get_u32(data) % (HF_FRAME_MAX + 1) : 0;
	uint8_t *plain = malloc(len ? len : 1);
	if (size >= 4 && plain && unpack(opener, data + 4, size - 4, (struct iovec){plain, len}, &err) < 0)
		FUZZ_MUST(err.code == HF_E_CORRUPT);
	free(plain);
	return 0;
}
