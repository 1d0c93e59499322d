/*
 * What the URL of an S3 repository says: s3://BUCKET/PREFIX?NAME=VALUE&... The names are those of holdfast(1); an unknown one is
 * an error, since a misspelt lock= must not mean no lock. No secret stands in a URL.
 */
#ifndef HF_STORE_S3_URL_H
#define HF_STORE_S3_URL_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum hf_s3_lock { HF_S3_UNLOCKED, HF_S3_COMPLIANCE, HF_S3_GOVERNANCE };

struct hf_s3_url {
	char *text;   /* "s3://bucket/prefix", for messages */
	char *bucket, *prefix; /* the prefix is empty or ends in "/" */
	char *region; /* NULL: not given */
	char *base;   /* "https://host:port/path" of the bucket, without a slash at the end */
	char *host;   /* "host:port" as the Host header has it */
	char *path;   /* the part of `base` after the host: empty, or "/bucket", encoded */
	bool is_https, is_aws, is_virtual;
	char *ca_file;
	bool no_verify;
	enum hf_s3_lock lock;
	uint32_t lock_days; /* with `lock`: at least 1 */
	bool reads_oldest;  /* of each object the oldest version: with `lock`, or versions=oldest */
	char *storage_class, *sse, *sse_kms_key, *sse_c_key_file, *tags;
	bool requester_pays;
	char *driver;	 /* NULL, or "libs3" */
	int connections, list_page; /* 0: not given */
	int64_t timeout_ns, retry_ns; /* 0: not given */
};

/* `environment_region` counts where the URL names none (it may be NULL too). HF_E_USAGE says what is wrong. */
int hf_s3_url_parse(const char *url, const char *environment_region, struct hf_s3_url *out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_s3_url_free(struct hf_s3_url *u);

#endif
