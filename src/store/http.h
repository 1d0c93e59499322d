/*
 * HTTP requests, over libcurl. A client holds a bounded number of connections, which are kept open and shared by all threads; each
 * request is one call that returns when its answer is there. What an answer means is the caller's to judge: any complete answer,
 * whatever its status, is a success here.
 *
 * TLS certificates and host names are always checked unless `no_verify` says otherwise. The proxy variables of the environment
 * (https_proxy, no_proxy …) count. Redirects are not followed. Bodies stream in both directions: nothing is held twice.
 */
#ifndef HF_STORE_HTTP_H
#define HF_STORE_HTTP_H

#include "base/buf.h"
#include "store/limit.h"

#include <sys/uio.h>

struct hf_http;

struct hf_http_options {
	int connections;     /* at most; 0: 8 */
	const char *ca_file; /* PEM; NULL: the system's */
	bool no_verify;
	int64_t connect_ns; /* how long connecting may take; 0: 10 s */
	int64_t stall_ns;   /* how long nothing may come or go; 0: 30 s */
};

/* Takes the next bytes of an answer's body. Non-zero aborts the request with that code. */
typedef int hf_http_take(void *user, const uint8_t *data, size_t len, struct hf_error *err);

struct hf_http_request {
	const char *method, *url;
	const char *const *headers; /* "Name: value" lines, NULL-terminated; NULL: none */
	const struct iovec *body;   /* with `body_count` 0 there is none */
	int body_count;
	hf_http_take *take; /* gets the body of an answer 200 or 206; NULL, and any other status: answer->body does */
	void *user;
	uint64_t skip; /* of a body that `take` gets with status 200 (not 206): so many bytes are passed over first */
	bool direct;   /* past any proxy */
};

struct hf_http_answer {
	int status;
	struct hf_buf head; /* the header lines, each ended by a newline */
	struct hf_buf body;
};

/* Space for at most 16 MiB of body. Free with hf_http_answer_free; it may be used for one request after another. */
#define HF_HTTP_ANSWER ((struct hf_http_answer){.head = HF_BUF(1 << 16), .body = HF_BUF(16 << 20)})

int hf_http_new(const struct hf_http_options *options, struct hf_http **out, struct hf_error *err) HF_MUST_CHECK;
void hf_http_free(struct hf_http *h); /* NULL is fine */
/* Bodies draw on these from now on; before the first request. They must outlive the client. */
void hf_http_limit(struct hf_http *h, const struct hf_limits *limits);

/* Sends, and waits for the whole answer. HF_E_NETWORK: none came, or not all of it (what `take` got is true as far as it goes).
 * HF_E_DENIED: the server's certificate can't be verified. HF_E_USAGE: no such URL. HF_E_STOPPED: told to stop. Any code of
 * `take`. */
int hf_http_send(struct hf_http *h, const struct hf_http_request *request, struct hf_http_answer *answer,
	struct hf_error *err) HF_MUST_CHECK;
void hf_http_answer_free(struct hf_http_answer *a);

/* The value of the header `name` (any case) as text in `out`; false if there is none, or it does not fit. */
bool hf_http_header(const struct hf_http_answer *a, const char *name, char *out, size_t size);
/* The time that an HTTP date means. */
bool hf_http_time(const char *text, int64_t *ns);

/* Appends `text` percent-encoded as RFC 3986 (and AWS's signatures) have it: all but letters, digits and "-._~", and "/" if
 * `keep_slash`. */
void hf_percent_encode(struct hf_buf *out, const char *text, bool keep_slash);
/* The reverse, in place, of `len` bytes; returns the new length, or -1 if a % is not followed by two hexadecimal digits. */
long hf_percent_decode(char *text, size_t len);

static inline void hf_http_answer_release(struct hf_http_answer *a)
{
	hf_http_answer_free(a);
}
#define HF_HTTP_ANSWER_AUTO __attribute__((cleanup(hf_http_answer_release))) struct hf_http_answer

#endif
