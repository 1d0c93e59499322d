/* Key files (FORMAT.md, section 4): what is read prints, and reads again. */
#include "fuzz.h"

#include "repo/key_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_key *key = NULL, *again = NULL;
	struct hf_error err = {0};
	if (hf_key_parse(data, size, &key, &err) == 0) {
		struct hf_buf text = HF_BUF(1 << 20);
		FUZZ_MUST(hf_key_print(key, &text, &err) == 0);
		FUZZ_MUST(hf_key_parse(text.data, text.len, &again, &err) == 0);
		FUZZ_MUST(again->epoch_count == key->epoch_count && again->rights == key->rights);
		hf_key_text_free(&text);
	}
	hf_key_free(key);
	hf_key_free(again);
	return 0;
}
