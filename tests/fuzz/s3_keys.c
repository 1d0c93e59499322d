/* Credentials as services and credential_process give them: JSON, and STS's XML. */
#include "fuzz.h"

#include "store/s3/credentials_service.c"

static void look_at(struct hf_s3_keys *keys)
{
	FUZZ_MUST(keys->id[0] && strlen(keys->id) < HF_S3_KEY_MAX && strlen(keys->secret) < HF_S3_KEY_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const tokens[] = {"Token", "SessionToken"};
	struct hf_buf text = HF_BUF(size + 1);
	struct hf_error err = {0};
	hf_buf_add(&text, data, size);
	for (size_t i = 0; i < 2; i++) {
		struct hf_s3_keys keys = {0};
		if (hf_s3_keys_from_json(&text, tokens[i], "the test", &keys, &err) == 0)
			look_at(&keys);
		hf_s3_keys_wipe(&keys);
	}
	struct hf_s3_keys keys = {0};
	if (read_sts(&text, "the test", &keys, &err) == 0)
		look_at(&keys);
	hf_s3_keys_wipe(&keys);
	hf_buf_free(&text);
	return 0;
}
