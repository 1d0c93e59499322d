/*
 * One request to an S3 server: signed anew for each attempt, sent, judged, and tried again where that may help.
 *
 *	struct hf_s3_request q = {.count = &s->counts->get, .method = "GET", .name = name, .doing = "read", …};
 *	hf_s3_send(s, &q, &answer, err)   0: the answer is one of success
 *
 * Tried again, with exponential backoff and full jitter, for retry-for= (5 minutes; 20 seconds while the server has never answered):
 * connections that fail or stall, 408, 409, 429, 5xx, an upload that was damaged on the way, a body that was cut short (from where
 * it was cut). Once each: with new credentials where the old ones expired; with a corrected clock where the server finds ours wrong.
 * Everything else is final.
 */
#ifndef HF_STORE_S3_REQUEST_H
#define HF_STORE_S3_REQUEST_H

#include "store/http.h"
#include "store/s3/answer.h"
#include "store/s3/credentials.h"
#include "store/s3/notes.h"
#include "store/s3/sign.h"
#include "store/s3/url.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* The driver. Fields after `counts` are shared by threads. */
struct hf_s3 {
	struct hf_store base;
	struct hf_s3_url url;
	struct hf_http *http;
	struct hf_s3_credentials *credentials;
	char sse_c_key[64], sse_c_md5[32]; /* base64; empty: no SSE-C */
	struct hf_store_counts own, *counts;
	_Atomic int64_t clock_ns; /* the server's clock minus ours */
	atomic_bool clock_known, answered; /* by any answer at all */
	atomic_bool corrects_clock;	   /* the server refused ours */
	atomic_bool unconditional;	   /* the server knows no If-None-Match */
	pthread_mutex_t lock; /* of what follows: versions.c */
	struct hf_s3_notes locked;  /* what this process put under a lock */
	struct hf_s3_notes covered; /* names with several versions, or a delete marker, and their oldest one */
	char seen_kinds[256];	    /* "pack/ entry/ ": the kinds of which `covered` knows */
	struct hf_s3_notes doubted; /* names whose present version failed its check, and their oldest one, if there is an older one */
	atomic_bool has_doubts;	    /* any in `doubted`: else it is not looked at */
	atomic_int gone_asked;	    /* how often older versions of what is gone were asked for */
};

enum { HF_S3_REQUEST_HEADERS = 12, HF_S3_REQUEST_QUERY = 8 };

struct hf_s3_query {
	const char *name, *value;
};

struct hf_s3_request {
	uint64_t *count;    /* of the store's counts; add one for each attempt */
	const char *method;
	const char *name;   /* of the object; NULL: the bucket */
	const char *doing;  /* "read", for messages */
	const char *right;  /* "s3:GetObject": what the credentials must allow */
	struct hf_s3_query query[HF_S3_REQUEST_QUERY]; /* ascending by name; ends with a NULL name */
	struct hf_sign_header headers[HF_S3_REQUEST_HEADERS];
	size_t header_count;
	const struct iovec *body;
	int body_count;
	/* For a body of the answer that is streamed: from `offset` on, `len` bytes, or with len 0 all that there is. */
	hf_http_take *take;
	void *user;
	uint64_t offset, len;
	/* What hf_s3_send leaves. */
	uint64_t taken;		  /* bytes that `take` got */
	unsigned attempts;	  /* that were sent, this one included */
	struct hf_s3_failure why; /* of the last that failed */
};

/* Sets a header; `value` must live until the request is sent. */
void hf_s3_add_header(struct hf_s3_request *q, const char *name, const char *value);

/* HF_E_NOTFOUND: no such object. HF_E_EXISTS: 412. HF_E_CORRUPT: the object is shorter than `offset` + `len`. HF_E_DENIED: what is
 * missing is named. HF_E_NOSPACE, HF_E_NETWORK, HF_E_UNSUPPORTED, HF_E_STOPPED. A bucket that is not there is HF_E_IO: that says
 * nothing of an object. */
int hf_s3_send(struct hf_s3 *s, struct hf_s3_request *q, struct hf_http_answer *answer, struct hf_error *err) HF_MUST_CHECK;

/* The error that a final failure means; refuse.c. `keys` are those that were used. */
int hf_s3_refuse(const struct hf_s3 *s, const struct hf_s3_request *q, const struct hf_s3_keys *keys, struct hf_error *err);

/* The time by the server's clock, as far as it is known. */
int64_t hf_s3_now(struct hf_s3 *s);

#endif
