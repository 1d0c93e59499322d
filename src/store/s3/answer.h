/* What an S3 server says in XML: pages of a list, and failures. */
#ifndef HF_STORE_S3_ANSWER_H
#define HF_STORE_S3_ANSWER_H

#include "store/store.h"

/* One object of a list, or with versions one version of it. */
struct hf_s3_item {
	struct hf_object_info info; /* the name without the prefix; cut to HF_NAME_MAX - 1 bytes where it is longer */
	char *version;		    /* NULL in a list without versions */
	bool is_gone;		    /* a delete marker */
};

struct hf_s3_page {
	struct hf_s3_item *items;
	size_t count, room;
	bool is_truncated;
	char *next, *next_version; /* where the next page begins: the continuation token, or the key and version markers */
};

/* A page of `len` bytes: ListBucketResult or ListVersionsResult, with keys as encoding-type=url gives them. A key without `prefix`
 * is HF_E_CORRUPT, and so is a truncated page that does not say what comes next. HF_E_CHECK: it is an <Error>. Free with
 * hf_s3_page_free, also after failure. */
int hf_s3_page_parse(const void *text, size_t len, const char *prefix, struct hf_s3_page *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_s3_page_free(struct hf_s3_page *p);

/* What a failure says of itself; empty where it does not. */
struct hf_s3_failure {
	int status;
	char code[64], message[256], region[64];
};

/* Reads an <Error> (or the <ErrorResponse> of STS). False where the bytes are none. `out->status` is left alone. */
bool hf_s3_failure_parse(const void *text, size_t len, struct hf_s3_failure *out);

#endif
