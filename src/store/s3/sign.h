/*
 * AWS Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html), for headers. A pure
 * function: the same input gives the same signature.
 */
#ifndef HF_STORE_S3_SIGN_H
#define HF_STORE_S3_SIGN_H

#include "base/buf.h"

enum { HF_SIGN_HEADERS = 24, HF_SIGN_TIME = 17 };

struct hf_sign_header {
	const char *name, *value; /* the name in lower case */
};

struct hf_sign_request {
	const char *method;
	const char *path;  /* encoded once, starts with "/" */
	const char *query; /* encoded, sorted by name, each with its "="; may be empty */
	const struct hf_sign_header *headers; /* at most HF_SIGN_HEADERS, in any order: all of them are signed. Among them are
					       * host and x-amz-date. */
	size_t header_count;
	const char *payload; /* what x-amz-content-sha256 says */
	const char *date;    /* what x-amz-date says: "20261121T163706Z" */
	const char *region, *service;
};

/* The time in the form that x-amz-date has. */
const char *hf_sign_time(int64_t ns, char out[HF_SIGN_TIME]);

/* Appends the value of the Authorization header to `out`. HF_E_NOMEM. */
int hf_sign_v4(const struct hf_sign_request *q, const char *key_id, const char *secret, struct hf_buf *out,
	struct hf_error *err) HF_MUST_CHECK;

#endif
