/* What a failure of the server means, in words that say what to do; see request.h. */
#include "store/s3/request.h"

#include <stdio.h>
#include <string.h>

/* What to say of a code; "%" stands for what the table's function gives. */
struct meaning {
	const char *code;
	int error;
	const char *text;
};

static const struct meaning meanings[] = {
	{"NoSuchBucket", HF_E_IO, "there is no such bucket: make it first, or check its name, endpoint and region"},
	{"PermanentRedirect", HF_E_IO, "the bucket is elsewhere: check region= and endpoint="},
	{"InvalidBucketName", HF_E_IO, "the server does not take this for a bucket's name"},
	{"NoSuchKey", HF_E_NOTFOUND, "there is no such object"},
	{"NoSuchVersion", HF_E_NOTFOUND, "there is no such version of the object"},
	{"PreconditionFailed", HF_E_EXISTS, "an object of this name exists"},
	{"InvalidRange", HF_E_CORRUPT, "the object is cut short"},
	{"SignatureDoesNotMatch", HF_E_DENIED, "the secret access key does not belong to the access key id"},
	{"InvalidAccessKeyId", HF_E_DENIED, "the server does not know the access key id"},
	{"ExpiredToken", HF_E_DENIED, "the session token has expired: get new temporary credentials"},
	{"ExpiredTokenException", HF_E_DENIED, "the session token has expired: get new temporary credentials"},
	{"InvalidToken", HF_E_DENIED, "the session token is not valid"},
	{"TokenRefreshRequired", HF_E_DENIED, "the session token must be renewed"},
	{"RequestTimeTooSkewed", HF_E_DENIED, "the clocks of this host and of the server differ too much: set this host's clock"},
	{"UserSuspended", HF_E_DENIED, "the user of these credentials is suspended"},
	{"AccountProblem", HF_E_DENIED, "there is a problem with the account"},
	{"AllAccessDisabled", HF_E_DENIED, "all access to the bucket is disabled"},
	{"InvalidObjectState", HF_E_DENIED, "the object lies in an archive storage class: bring it back to a class that can be read first"},
	{"QuotaExceeded", HF_E_NOSPACE, "the quota of the bucket or its user is used up"},
	{"XMinioStorageFull", HF_E_NOSPACE, "the server's disks are full"},
	{"EntityTooLarge", HF_E_UNSUPPORTED, "the server does not take objects of this size"},
	{"NotImplemented", HF_E_UNSUPPORTED, "the server does not know how to do this"},
	{"InvalidStorageClass", HF_E_UNSUPPORTED, "the server has no such storage class: see storage-class="},
	{"KMS.NotFoundException", HF_E_UNSUPPORTED, "the server has no such encryption key: see sse-kms-key="},
};

static const struct meaning *meaning_of(const char *code)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (strcmp(meanings[i].code, code) == 0)
			return &meanings[i];
	return NULL;
}

static bool is_about_keys(const char *code)
{
	static const char *const codes[] = {"SignatureDoesNotMatch", "InvalidAccessKeyId", "ExpiredToken", "InvalidToken",
		"TokenRefreshRequired", "UserSuspended"};
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(codes[i], code) == 0)
			return true;
	return false;
}

/* 403 without a better code. It may stand for an object that is not there, and is never read as that. */
static int deny(const struct hf_s3_request *q, const struct hf_s3_keys *keys, struct hf_error *err)
{
	const struct hf_s3_failure *f = &q->why;
	return hf_fail(err, HF_E_DENIED, "the credentials (access key %s, from %s) lack the right %s%s%s%s%s", keys->id, keys->from,
		q->right, f->code[0] ? ": the server says " : "", f->code, f->message[0] ? ": " : "", f->message);
}

static int by_status(const struct hf_s3_request *q, const struct hf_s3_keys *keys, struct hf_error *err)
{
	const struct hf_s3_failure *f = &q->why;
	const char *code = f->code[0] ? f->code : "no further word", *colon = f->message[0] ? ": " : "";
	switch (f->status) {
	case 401:
	case 403:
		return deny(q, keys, err);
	case 404:
		if (!q->name)
			return hf_fail(err, HF_E_IO, "there is no bucket of this name, or no S3 server: check bucket, endpoint= and style= (%s%s%s)", code,
				colon, f->message);
		/* Without a body (HEAD) only an object can be meant; with another code, what is missing is not the object. */
		return hf_fail(err, f->code[0] ? HF_E_IO : HF_E_NOTFOUND, "it is not there (%s%s%s)", code, colon, f->message);
	case 412:
		return hf_fail(err, HF_E_EXISTS, "an object of this name exists");
	case 416:
		return hf_fail(err, HF_E_CORRUPT, "the object is cut short");
	case 501:
		return hf_fail(err, HF_E_UNSUPPORTED, "the server does not know how to do this (%s%s%s)", code, colon, f->message);
	case 507:
		return hf_fail(err, HF_E_NOSPACE, "the server has no room left (%s%s%s)", code, colon, f->message);
	default:
		return hf_fail(err, f->status >= 500 || f->status == 429 || f->status == 408 ? HF_E_NETWORK : HF_E_IO,
			"the server answered with status %d: %s%s%s", f->status, code, colon, f->message);
	}
}

int hf_s3_refuse(const struct hf_s3 *s, const struct hf_s3_request *q, const struct hf_s3_keys *keys, struct hf_error *err)
{
	const struct hf_s3_failure *f = &q->why;
	const struct meaning *m = meaning_of(f->code);
	int r;
	if (f->region[0] && (!s->url.region || strcmp(f->region, s->url.region) != 0) &&
		(f->status == 301 || f->status == 307 || f->status == 400 || f->status == 403))
		r = hf_fail(err, HF_E_IO, "the bucket is in the region %s: say so by region=%s (%s)", f->region, f->region, f->code);
	else if (m && is_about_keys(f->code))
		r = hf_fail(err, m->error, "%s (access key %s, from %s; the server says %s)", m->text, keys->id, keys->from, f->code);
	else if (m)
		r = hf_fail(err, m->error, "%s (%s)", m->text, f->code);
	else
		r = by_status(q, keys, err);
	return r;
}
