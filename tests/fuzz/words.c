/* Short texts: names of objects, URLs, times, durations, sizes, places of databases. One a line. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/size.h"
#include "base/time.h"
#include "repo/object.h"
#include "source/sqlite/location.h"
#include "store/s3/url.h"

static void name(const char *text)
{
	enum hf_kind kind;
	struct hf_ref ref;
	char again[HF_NAME_MAX];
	if (hf_object_name_parse(text, &kind, &ref))
		FUZZ_MUST(strcmp(hf_object_name(kind, &ref, again), text) == 0);
}

static void instant(const char *text)
{
	int64_t ns, again;
	char out[HF_TIME_TEXT];
	if (hf_time_parse(text, &ns, NULL) == 0)
		FUZZ_MUST(hf_time_parse(hf_time_format(ns, out), &again, NULL) == 0 && again == ns);
	if (hf_duration_parse(text, &ns, NULL) == 0)
		FUZZ_MUST(ns >= 0 && *hf_duration_format(ns, out));
}

static void place(const char *text)
{
	struct hf_s3_url url = {0};
	char *path = NULL;
	if (hf_s3_url_parse(text, NULL, &url, NULL) == 0)
		FUZZ_MUST(*url.bucket && url.base && url.host && url.path);
	hf_s3_url_free(&url);
	if (hf_sqlite_location(text, &path, NULL) == 0)
		FUZZ_MUST(*path);
	free(path);
}

static void amount(const char *text)
{
	uint64_t bytes;
	double share;
	char out[HF_SIZE_TEXT];
	if (hf_size_parse(text, &bytes, NULL) == 0)
		FUZZ_MUST(*hf_size_format(bytes, out));
	if (hf_share_parse(text, &share, NULL) == 0)
		FUZZ_MUST(share > 0 && share <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_buf text = HF_BUF(size + 1);
	hf_buf_add(&text, data, size);
	char *save, *all = (char *)(uintptr_t)hf_buf_cstr(&text);
	FUZZ_MUST(all);
	for (char *line = strtok_r(all, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		name(line);
		instant(line);
		place(line);
		amount(line);
	}
	hf_buf_free(&text);
	return 0;
}
