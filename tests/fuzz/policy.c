/* Policies. What loads prints as a policy that loads. */
#include "fuzz.h"

#include "base/buf.h"
#include "policy/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_policy *policy = NULL, *again = NULL;
	struct hf_error err = {0};
	if (hf_policy_parse("fuzz.yaml", data, size, &policy, &err) == 0) {
		struct hf_buf text = HF_BUF(8 << 20);
		hf_policy_print(policy, &text);
		FUZZ_MUST(!text.failed);
		if (hf_policy_parse("printed.yaml", text.data, text.len, &again, &err) < 0) {
			fprintf(stderr, "%s\n%s\n", err.msg, hf_buf_cstr(&text));
			abort();
		}
		hf_buf_free(&text);
	}
	hf_policy_free(policy);
	hf_policy_free(again);
	return 0;
}
