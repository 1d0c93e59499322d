/* What an S3 server says in XML: a page of a list, with and without versions, or a failure. */
#include "fuzz.h"

#include "store/s3/answer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_s3_page page = {0};
	struct hf_s3_failure failure = {0};
	struct hf_error err = {0};
	if (hf_s3_page_parse(data, size, "shop/", &page, &err) == 0) {
		FUZZ_MUST(!page.is_truncated || page.next || page.next_version);
		for (size_t i = 0; i < page.count; i++)
			FUZZ_MUST(strlen(page.items[i].info.name) < HF_NAME_MAX);
	}
	hf_s3_page_free(&page);
	if (hf_s3_failure_parse(data, size, &failure))
		FUZZ_MUST(strlen(failure.code) < sizeof(failure.code) && strlen(failure.message) < sizeof(failure.message));
	return 0;
}
