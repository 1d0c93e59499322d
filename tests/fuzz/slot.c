/* The clear part of a passphrase slot: anyone's bytes, until scrypt's work was bounded and done. */
#include "fuzz.h"

#include "repo/key_slot.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_SLOT};
	struct hf_slot slot;
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &o.clear, &err) == 0 && parse_slot(&o, &slot, &err) == 0)
		FUZZ_MUST(slot.cost.log2_n <= 20 && slot.cost.r <= 16 && slot.cost.p <= 16 &&
			  ((UINT64_C(128) * slot.cost.r) << slot.cost.log2_n) <= UINT64_C(256) << 20);
	json_decref(o.clear);
	return 0;
}
