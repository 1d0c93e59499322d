/* ~/.aws/config and ~/.aws/credentials. */
#include "fuzz.h"

#include "store/s3/credentials_profile.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {NULL, "aws_access_key_id", "region"};
	for (size_t i = 0; i < 6; i++) {
		struct hf_buf text = HF_BUF(size + 1);
		hf_buf_add(&text, data, size);
		FUZZ_MUST(hf_buf_cstr(&text));
		free(find_in((char *)text.data, i % 2 ? "default" : "shop", keys[i / 2], i % 2));
		hf_buf_free(&text);
	}
	return 0;
}
