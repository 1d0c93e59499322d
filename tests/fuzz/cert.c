/* The clear part of a certificate, and the secrets in its body. */
#include "fuzz.h"

#include "repo/key_cert.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_object o = {.kind = HF_KIND_CERT};
	struct hf_cert cert;
	struct hf_domain domain = {0};
	struct hf_error err = {0};
	if (hf_json_parse(data, size, &o.clear, &err) == 0) {
		if (hf_json_hex(o.clear, "key", o.ref.id.b, HF_ID_SIZE, NULL) == 0 && parse_cert(&o, &cert, &err) == 0)
			FUZZ_MUST(hf_key_name_check(cert.name, NULL) == 0);
		if (hf_key_domain_parse(o.clear, &domain, &err) < 0)
			FUZZ_MUST(err.code == HF_E_CORRUPT);
	}
	json_decref(o.clear);
	return 0;
}
