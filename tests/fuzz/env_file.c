/* .env files, and ${NAME} in texts. */
#include "fuzz.h"

#include "policy/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf text = HF_BUF(size + 1), out = HF_BUF(8 << 20);
	struct hf_env_file file = {0};
	struct hf_error err = {0};
	hf_buf_add(&text, data, size);
	FUZZ_MUST(hf_buf_cstr(&text));
	if (hf_env_file_parse("fuzz.env", (const char *)text.data, &file, &err) == 0)
		for (const struct hf_env_pair *p = file.first; p; p = p->next)
			FUZZ_MUST(*p->name && hf_env_file_get(&file, p->name));
	hf_env_file_free(&file);
	if (hf_env_expand((const char *)text.data, &out, &err) < 0)
		FUZZ_MUST(err.code == HF_E_USAGE || err.code == HF_E_NOMEM);
	hf_buf_free(&text);
	hf_buf_free(&out);
	return 0;
}
