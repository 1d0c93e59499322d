/*
 * HTTP over libcurl; see http.h.
 *
 * One easy handle is one connection. Free handles lie on a stack, so that the one used last, whose connection is the most likely
 * to be open still, is taken first. A request waits while all are in use.
 */
#include "store/http.h"

#include "base/stop.h"
#include "base/time.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECTIONS = 8, CURL_BUFFER = 256 << 10 };

struct handle {
	struct handle *next;
	CURL *easy;
};

struct hf_http {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct handle *free;
	int may_make; /* handles that were not made yet */
	struct hf_http_options options;
	struct hf_limits limits;
	char *ca_file;
};

/* One request on its way. */
struct transfer {
	const struct hf_http *http;
	const struct hf_http_request *request;
	struct hf_http_answer *answer;
	CURL *easy;
	size_t sent, body_len;
	uint64_t skipped;
	int failed; /* the code of what failed in a callback */
	struct hf_error why;
	char text[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

int hf_http_new(const struct hf_http_options *options, struct hf_http **out, struct hf_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, init_curl);
	struct hf_http *h = calloc(1, sizeof(*h));
	if (!h)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	h->options = *options;
	h->may_make = options->connections > 0 ? options->connections : CONNECTIONS;
	if (options->ca_file && !(h->ca_file = strdup(options->ca_file))) {
		free(h);
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->freed, NULL);
	*out = h;
	return 0;
}

void hf_http_limit(struct hf_http *h, const struct hf_limits *limits)
{
	h->limits = *limits;
}

void hf_http_free(struct hf_http *h)
{
	if (!h)
		return;
	while (h->free) {
		struct handle *one = h->free;
		h->free = one->next;
		curl_easy_cleanup(one->easy);
		free(one);
	}
	pthread_cond_destroy(&h->freed);
	pthread_mutex_destroy(&h->lock);
	free(h->ca_file);
	free(h);
}

/* --- the handles --------------------------------------------------------------------------------------------------- */

static struct handle *make_handle(void)
{
	struct handle *one = calloc(1, sizeof(*one));
	if (one && !(one->easy = curl_easy_init())) {
		free(one);
		one = NULL;
	}
	return one;
}

static struct handle *take_handle(struct hf_http *h)
{
	pthread_mutex_lock(&h->lock);
	while (!h->free && h->may_make == 0)
		pthread_cond_wait(&h->freed, &h->lock);
	struct handle *one = h->free;
	if (one)
		h->free = one->next;
	else
		h->may_make--;
	pthread_mutex_unlock(&h->lock);
	if (one)
		return one;
	one = make_handle();
	if (!one) {
		pthread_mutex_lock(&h->lock);
		h->may_make++;
		pthread_cond_signal(&h->freed);
		pthread_mutex_unlock(&h->lock);
	}
	return one;
}

static void give_back(struct hf_http *h, struct handle *one)
{
	curl_easy_reset(one->easy); /* which keeps the connection */
	pthread_mutex_lock(&h->lock);
	one->next = h->free;
	h->free = one;
	pthread_cond_signal(&h->freed);
	pthread_mutex_unlock(&h->lock);
}

/* --- what libcurl calls -------------------------------------------------------------------------------------------- */

/* Copies from where `sent` points to in the parts. */
static size_t next_of_body(const struct hf_http_request *q, size_t sent, char *out, size_t room)
{
	size_t n = 0;
	for (int i = 0; i < q->body_count && n < room; i++) {
		size_t len = q->body[i].iov_len;
		if (sent >= len) {
			sent -= len;
			continue;
		}
		size_t part = len - sent < room - n ? len - sent : room - n;
		memcpy(out + n, (const char *)q->body[i].iov_base + sent, part);
		n += part;
		sent = 0;
	}
	return n;
}

static size_t on_read(char *out, size_t size, size_t count, void *user)
{
	struct transfer *t = user;
	struct hf_limit *limit = t->http->limits.upload;
	size_t room = size * count, piece = hf_limit_piece(limit);
	if (hf_stopped())
		return CURL_READFUNC_ABORT;
	size_t n = next_of_body(t->request, t->sent, out, room < piece ? room : piece);
	hf_limit_take(limit, n);
	t->sent += n;
	return n;
}

/* A connection that was kept turned out to be closed: the body goes again from its start. */
static int on_seek(void *user, curl_off_t offset, int origin)
{
	struct transfer *t = user;
	if (origin != SEEK_SET || offset < 0 || (size_t)offset > t->body_len)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	struct transfer *t = user;
	const struct hf_http_request *q = t->request;
	size_t len = size * count, skip = 0;
	long status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	hf_limit_take(t->http->limits.download, len);
	if (!q->take || (status != 200 && status != 206)) {
		hf_buf_add(&t->answer->body, data, len);
		if (!t->answer->body.failed)
			return len;
		t->failed = hf_fail(&t->why, HF_E_CORRUPT, "the answer of the server is too long");
		return 0;
	}
	if (status == 200 && t->skipped < q->skip)
		skip = len < q->skip - t->skipped ? len : (size_t)(q->skip - t->skipped);
	t->skipped += skip;
	if (len > skip)
		t->failed = q->take(q->user, (const uint8_t *)data + skip, len - skip, &t->why);
	return t->failed ? 0 : len;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
	struct transfer *t = user;
	size_t len = size * count;
	if (len >= 5 && memcmp(data, "HTTP/", 5) == 0)
		hf_buf_clear(&t->answer->head); /* those before were of an interim answer */
	hf_buf_add(&t->answer->head, data, len);
	return t->answer->head.failed ? 0 : len;
}

static int on_progress(void *user, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void)user, (void)a, (void)b, (void)c, (void)d;
	return hf_stopped();
}

/* --- a request ----------------------------------------------------------------------------------------------------- */

static void set_security(struct transfer *t)
{
	const struct hf_http *h = t->http;
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, h->options.no_verify ? 0L : 1L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, h->options.no_verify ? 0L : 2L);
	if (h->ca_file) {
		curl_easy_setopt(t->easy, CURLOPT_CAINFO, h->ca_file);
		curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	if (t->request->direct)
		curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
}

static void set_times(struct transfer *t)
{
	const struct hf_http_options *o = &t->http->options;
	int64_t connect = o->connect_ns ? o->connect_ns : 10 * HF_SECOND, stall = o->stall_ns ? o->stall_ns : 30 * HF_SECOND;
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / 1000000));
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, (long)((stall + HF_SECOND - 1) / HF_SECOND));
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(t->easy, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void set_body(struct transfer *t)
{
	const struct hf_http_request *q = t->request;
	for (int i = 0; i < q->body_count; i++)
		t->body_len += q->body[i].iov_len;
	if (q->body_count > 0) {
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_len);
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)CURL_BUFFER);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, on_read);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, on_seek);
		curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	} else if (strcmp(q->method, "HEAD") == 0) {
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	}
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, q->method);
}

static int set_up(struct transfer *t, struct curl_slist **headers, struct hf_error *err)
{
	const char *const *line = t->request->headers;
	/* Without "Expect: 100-continue": a server that ignores it would cost a second a request. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	for (; list && line && *line; line++) {
		*headers = list;
		list = curl_slist_append(list, *line);
	}
	if (!list)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	*headers = list;
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(t->easy, CURLOPT_URL, t->request->url);
	curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->text);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, (long)CURL_BUFFER);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	set_security(t);
	set_times(t);
	set_body(t);
	return 0;
}

/* What to do about a certificate that is refused for `text`, libcurl's or OpenSSL's words. */
static const char *advice_on(const char *text)
{
	if (strstr(text, "has expired"))
		return "the server needs a new one, unless this host's clock is wrong";
	if (strstr(text, "not yet valid"))
		return "this host's clock may be wrong";
	if (strstr(text, "target host name"))
		return "say endpoint= by a name that the certificate is for";
	return "name the certificate of its authority by ca-file=FILE";
}

static int judge(const struct transfer *t, CURLcode code, struct hf_error *err)
{
	const char *text = *t->text ? t->text : curl_easy_strerror(code);
	if (code == CURLE_OK)
		return 0;
	if (hf_stopped())
		return hf_stop_check(err);
	if (t->failed)
		return hf_fail(err, t->failed, "%s", t->why.msg);
	switch (code) {
	case CURLE_OUT_OF_MEMORY:
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return hf_fail(err, HF_E_USAGE, "%s", text);
	case CURLE_PEER_FAILED_VERIFICATION:
		return hf_fail(err, HF_E_DENIED, "the server's TLS certificate can't be verified: %s; %s", text, advice_on(text));
	case CURLE_SSL_CONNECT_ERROR:
		return hf_fail(err, HF_E_NETWORK, "%s%s", text,
			strstr(text, "wrong version number") ? "; it speaks no TLS there: plain HTTP is endpoint=http://HOST" : "");
	case CURLE_SSL_CACERT_BADFILE:
		return hf_fail(err, HF_E_DENIED, "the file of the certificate authority can't be read: %s", text);
	default:
		return hf_fail(err, HF_E_NETWORK, "%s", text);
	}
}

int hf_http_send(struct hf_http *h, const struct hf_http_request *request, struct hf_http_answer *answer,
	struct hf_error *err)
{
	struct handle *one = take_handle(h);
	if (!one)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	struct transfer t = {.http = h, .request = request, .answer = answer, .easy = one->easy};
	struct curl_slist *headers = NULL;
	answer->status = 0;
	hf_buf_clear(&answer->head);
	hf_buf_clear(&answer->body);
	int r = set_up(&t, &headers, err);
	if (r == 0)
		r = judge(&t, curl_easy_perform(t.easy), err);
	long status = 0;
	curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
	answer->status = (int)status;
	curl_slist_free_all(headers);
	give_back(h, one);
	return r;
}

/* --- answers ------------------------------------------------------------------------------------------------------- */

void hf_http_answer_free(struct hf_http_answer *a)
{
	hf_buf_free(&a->head);
	hf_buf_free(&a->body);
}

bool hf_http_header(const struct hf_http_answer *a, const char *name, char *out, size_t size)
{
	const char *at = (const char *)a->head.data, *end = at + a->head.len;
	size_t n = strlen(name);
	while (at && at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *next = newline ? newline + 1 : end, *stop = newline ? newline : end;
		if ((size_t)(stop - at) > n && at[n] == ':' && strncasecmp(at, name, n) == 0) {
			for (at += n + 1; at < stop && isspace((unsigned char)*at);)
				at++;
			while (stop > at && isspace((unsigned char)stop[-1]))
				stop--;
			if ((size_t)(stop - at) >= size)
				return false;
			memcpy(out, at, (size_t)(stop - at));
			out[stop - at] = 0;
			return true;
		}
		at = next;
	}
	return false;
}

bool hf_http_time(const char *text, int64_t *ns)
{
	time_t t = curl_getdate(text, NULL);
	*ns = (int64_t)t * HF_SECOND;
	return t != -1;
}

/* --- percent ------------------------------------------------------------------------------------------------------- */

void hf_percent_encode(struct hf_buf *out, const char *text, bool keep_slash)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		bool plain = (*p < 128 && isalnum(*p)) || strchr("-._~", *p) || (*p == '/' && keep_slash);
		if (plain)
			hf_buf_u8(out, *p);
		else
			hf_buf_printf(out, "%%%02X", *p);
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

long hf_percent_decode(char *text, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int high = i + 2 < len ? digit(text[i + 1]) : -1, low = i + 2 < len ? digit(text[i + 2]) : -1;
			if (high < 0 || low < 0)
				return -1;
			c = (char)(high << 4 | low);
			i += 2;
		}
		text[n++] = c;
	}
	return (long)n;
}
