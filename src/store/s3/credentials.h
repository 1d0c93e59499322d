/*
 * The credentials, by AWS's own chain and names. Asked in this order; the first that has any wins, and one that is there but broken
 * is an error, not a reason to ask the next:
 *
 *	environment      AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
 *	web identity     AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN: a token for a role (STS)
 *	profile          AWS_PROFILE (default) in ~/.aws/credentials and ~/.aws/config: keys, credential_process, a role
 *	container        AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI (ECS, EKS)
 *	instance         the metadata service of EC2 (IMDSv2), unless AWS_EC2_METADATA_DISABLED is true
 *
 * Temporary ones are asked for anew before they expire. No secret is ever put into a message.
 */
#ifndef HF_STORE_S3_CREDENTIALS_H
#define HF_STORE_S3_CREDENTIALS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct hf_s3_credentials;

enum { HF_S3_KEY_MAX = 256, HF_S3_TOKEN_MAX = 16 << 10 };

struct hf_s3_keys {
	char id[HF_S3_KEY_MAX], secret[HF_S3_KEY_MAX];
	char *token;	    /* NULL: none */
	int64_t expires_ns; /* 0: never */
	char from[128];	    /* where they come from, for messages: "the environment" */
};

void hf_s3_keys_wipe(struct hf_s3_keys *k); /* overwrites, frees */

/* `ca_file` (NULL: the system's) is for a credential service over https that an endpoint of one's own stands for. Nothing is asked yet. */
int hf_s3_credentials_new(const char *region, const char *ca_file, struct hf_s3_credentials **out,
	struct hf_error *err) HF_MUST_CHECK;
void hf_s3_credentials_free(struct hf_s3_credentials *c); /* NULL is fine */

/* A copy for one request; to be wiped. From any thread; one asks, the others wait. With `renew` those that were given out before
 * (whose id is `renew`) were refused as expired: they are asked for anew. HF_E_DENIED: there are none, and where they were looked for. */
int hf_s3_credentials_get(struct hf_s3_credentials *c, const struct hf_s3_keys *renew, struct hf_s3_keys *out,
	struct hf_error *err) HF_MUST_CHECK;

/* The region that the environment (AWS_REGION, AWS_DEFAULT_REGION) or the profile names: to be freed; NULL if none does. */
char *hf_s3_region(void);

#endif
