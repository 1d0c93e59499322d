/* The links of the chain of credentials: for credentials.c and its siblings. */
#ifndef HF_STORE_S3_CREDENTIALS_INTERNAL_H
#define HF_STORE_S3_CREDENTIALS_INTERNAL_H

#include "base/buf.h"
#include "store/http.h"
#include "store/s3/credentials.h"

/* What a link needs. */
struct hf_s3_chain {
	struct hf_http *http; /* for the services: short timeouts */
	const char *region;
};

/* Each link: 1 and the keys in `out`; 0: it is not set up; negative: it is, and failed. */
typedef int hf_s3_link(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err);

hf_s3_link hf_s3_from_environment, hf_s3_from_web_identity, hf_s3_from_profile, hf_s3_from_container, hf_s3_from_instance;

/* Fills the fields, checking lengths. `token` may be NULL or empty. HF_E_DENIED names `from`, never a value. */
int hf_s3_keys_set(struct hf_s3_keys *k, const char *id, const char *secret, const char *token, const char *from,
	struct hf_error *err) HF_MUST_CHECK;
/* From the JSON that credential_process, containers and EC2 give, whose token has the name `token`. Wipes nothing. */
int hf_s3_keys_from_json(const struct hf_buf *text, const char *token, const char *from, struct hf_s3_keys *out,
	struct hf_error *err) HF_MUST_CHECK;
/* Sets when they expire, from RFC 3339 text. */
int hf_s3_keys_expire(struct hf_s3_keys *k, const char *when, struct hf_error *err) HF_MUST_CHECK;

/* A variable of the environment; NULL if unset or empty. */
const char *hf_s3_variable(const char *name);

/* A profile's setting from ~/.aws/config or ~/.aws/credentials: to be freed (secrets: wiped); NULL if there is none. */
char *hf_s3_profile_get(const char *profile, const char *key);
/* Is there a profile of this name in either file? */
bool hf_s3_profile_exists(const char *profile);

/* A role's keys by STS: AssumeRole signed with `by`, or with `by` NULL AssumeRoleWithWebIdentity with the token in `token_file`. */
struct hf_s3_role {
	const char *arn, *session, *external_id, *token_file, *duration; /* the last four may be NULL */
	const char *from;
};
int hf_s3_assume_role(const struct hf_s3_chain *c, const struct hf_s3_role *role, const struct hf_s3_keys *by,
	struct hf_s3_keys *out, struct hf_error *err) HF_MUST_CHECK;

#endif
