/* Sending a request to an S3 server, with patience; see request.h. */
#include "store/s3/request.h"

#include "base/hex.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RETRY_FOR (300 * HF_SECOND)
#define RETRY_STRANGER_FOR (20 * HF_SECOND) /* while no answer ever came: most likely the endpoint is wrong */
#define BACKOFF_FIRST (HF_SECOND / 10)
#define BACKOFF_MOST (20 * HF_SECOND)
#define NAP (HF_SECOND / 10)
#define TELL_AFTER (5 * HF_SECOND)

enum { URL_MAX = 8 << 10, HEADER_MAX = HF_S3_TOKEN_MAX + 1024, DAMAGED_MOST = 4 };

static const char empty_hash[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/* What is kept over the attempts of a request. */
struct patience {
	int64_t since;	      /* when the failures began; 0: none yet */
	uint64_t taken;	      /* up to where the body had come then */
	unsigned failures;    /* since then */
	unsigned damaged;     /* uploads that arrived damaged */
	bool renewed, corrected, told;
};

/* One attempt. */
struct attempt {
	struct hf_s3 *s;
	struct hf_s3_request *q;
	struct hf_http_answer *answer;
	struct hf_s3_keys keys;
	const char *payload;
	uint64_t from; /* where its range begins, of the object */
	bool started;  /* the answer's range was looked at */
	struct hf_buf path, query, url, lines[HF_S3_REQUEST_HEADERS + 10];
};

void hf_s3_add_header(struct hf_s3_request *q, const char *name, const char *value)
{
	assert(q->header_count < HF_S3_REQUEST_HEADERS);
	q->headers[q->header_count++] = (struct hf_sign_header){name, value};
}

int64_t hf_s3_now(struct hf_s3 *s)
{
	return hf_time_now() + atomic_load(&s->clock_ns);
}

/* --- making the request -------------------------------------------------------------------------------------------- */

static int make_url(struct attempt *a, struct hf_error *err)
{
	const struct hf_s3_url *u = &a->s->url;
	hf_buf_printf(&a->path, "%s/", u->path);
	if (a->q->name) {
		hf_percent_encode(&a->path, u->prefix, true);
		hf_percent_encode(&a->path, a->q->name, true);
	}
	for (const struct hf_s3_query *p = a->q->query; p->name; p++) {
		if (a->query.len)
			hf_buf_str(&a->query, "&");
		hf_percent_encode(&a->query, p->name, false);
		hf_buf_str(&a->query, "=");
		hf_percent_encode(&a->query, p->value, false);
	}
	const char *path = hf_buf_cstr(&a->path), *query = hf_buf_cstr(&a->query);
	if (!path || !query)
		return hf_fail(err, HF_E_NOMEM, "the URL of a request is too long");
	hf_buf_printf(&a->url, "http%s://%s%s%s%s", u->is_https ? "s" : "", u->host, path, a->query.len ? "?" : "", query);
	return hf_buf_cstr(&a->url) ? 0 : hf_fail(err, HF_E_NOMEM, "the URL of a request is too long");
}

/* Fills `range` where a part of the object is asked for. */
static bool make_range(struct attempt *a, char range[64])
{
	const struct hf_s3_request *q = a->q;
	a->from = q->offset + q->taken;
	if (!q->take || (a->from == 0 && q->len == 0))
		return false;
	if (q->len)
		snprintf(range, 64, "bytes=%llu-%llu", (unsigned long long)a->from, (unsigned long long)(q->offset + q->len - 1));
	else
		snprintf(range, 64, "bytes=%llu-", (unsigned long long)a->from);
	return true;
}

/* The header lines, of which all are signed. */
static int make_lines(struct attempt *a, const char *lines[], struct hf_error *err)
{
	struct hf_sign_header h[HF_SIGN_HEADERS];
	char date[HF_SIGN_TIME], range[64];
	struct hf_s3 *s = a->s;
	size_t n = 0;
	hf_sign_time(atomic_load(&s->corrects_clock) ? hf_s3_now(s) : hf_time_now(), date);
	h[n++] = (struct hf_sign_header){"x-amz-date", date};
	h[n++] = (struct hf_sign_header){"x-amz-content-sha256", a->payload};
	if (a->keys.token)
		h[n++] = (struct hf_sign_header){"x-amz-security-token", a->keys.token};
	if (s->url.requester_pays)
		h[n++] = (struct hf_sign_header){"x-amz-request-payer", "requester"};
	if (make_range(a, range))
		h[n++] = (struct hf_sign_header){"range", range};
	for (size_t i = 0; i < a->q->header_count; i++)
		h[n++] = a->q->headers[i];
	size_t sent = n;
	h[n++] = (struct hf_sign_header){"host", s->url.host}; /* libcurl sends it itself */
	const struct hf_sign_request sign = {.method = a->q->method, .path = (const char *)a->path.data,
		.query = (const char *)a->query.data, .headers = h, .header_count = n, .payload = a->payload, .date = date,
		.region = s->url.region ? s->url.region : "us-east-1", .service = "s3"};
	for (size_t i = 0; i < sent; i++)
		hf_buf_printf(&a->lines[i], "%s: %s", h[i].name, h[i].value);
	hf_buf_str(&a->lines[sent], "authorization: ");
	int r = hf_sign_v4(&sign, a->keys.id, a->keys.secret, &a->lines[sent], err);
	for (size_t i = 0; r == 0 && i <= sent; i++)
		if (!(lines[i] = hf_buf_cstr(&a->lines[i])))
			r = hf_fail(err, HF_E_NOMEM, "the header %s is too long", h[i].name);
	lines[sent + 1] = NULL;
	return r;
}

/* --- the answer's body --------------------------------------------------------------------------------------------- */

/* "bytes 5-9/1234": where it begins, and how long the whole is. */
static bool content_range(const struct hf_http_answer *answer, uint64_t *first, uint64_t *total)
{
	char text[80];
	unsigned long long a, b, n;
	if (!hf_http_header(answer, "Content-Range", text, sizeof(text)) || sscanf(text, "bytes %llu-%llu/%llu", &a, &b, &n) != 3)
		return false;
	*first = a;
	*total = n;
	return true;
}

static int take_body(void *user, const uint8_t *data, size_t len, struct hf_error *err)
{
	struct attempt *a = user;
	struct hf_s3_request *q = a->q;
	uint64_t first, total;
	if (!a->started && content_range(a->answer, &first, &total) && first != a->from)
		return hf_fail(err, HF_E_NETWORK, "the server sent another part of the object than it was asked for");
	a->started = true;
	if (q->len && len > q->len - q->taken) {
		if (q->taken == q->len)
			return 0; /* a server that knows no ranges sends the rest too */
		len = (size_t)(q->len - q->taken);
	}
	int r = q->take(q->user, data, len, err);
	if (r == 0) {
		q->taken += len;
		__atomic_fetch_add(&a->s->counts->bytes_read, len, __ATOMIC_RELAXED);
	}
	return r;
}

/* A complete answer with too few bytes: is the object so short? */
static int too_short(const struct attempt *a, struct hf_error *err)
{
	const struct hf_s3_request *q = a->q;
	uint64_t first, total;
	if (!q->take || q->len == 0 || q->taken == q->len)
		return 0;
	if (a->answer->status == 200 || (content_range(a->answer, &first, &total) && total < q->offset + q->len))
		return hf_fail(err, HF_E_CORRUPT, "the object is cut short: wanted bytes %llu to %llu", (unsigned long long)q->offset,
			(unsigned long long)(q->offset + q->len));
	return hf_fail(err, HF_E_NETWORK, "the server sent less than it was asked for");
}

/* --- one attempt --------------------------------------------------------------------------------------------------- */

static void note_answer(struct hf_s3 *s, const struct hf_http_answer *answer)
{
	char date[64];
	int64_t ns;
	if (!answer->status)
		return;
	atomic_store(&s->answered, true);
	if (!hf_http_header(answer, "Date", date, sizeof(date)) || !hf_http_time(date, &ns))
		return;
	atomic_store(&s->clock_ns, ns + HF_SECOND / 2 - hf_time_now());
	atomic_store(&s->clock_known, true);
}

static void note_failure(struct attempt *a)
{
	struct hf_s3_failure *f = &a->q->why;
	const struct hf_http_answer *answer = a->answer;
	*f = (struct hf_s3_failure){.status = answer->status};
	hf_s3_failure_parse(answer->body.data, answer->body.len, f);
	if (!f->region[0])
		hf_http_header(answer, "x-amz-bucket-region", f->region, sizeof(f->region));
}

/* Some servers say 200 before they know, and then send an <Error>. */
static bool is_error_in_disguise(const struct hf_http_answer *answer)
{
	size_t len = answer->body.len < 512 ? answer->body.len : 512;
	return len && memmem(answer->body.data, len, "<Error>", 7);
}

/* 0: success. 1: an answer of failure, in q->why. Negative: none came. */
static int send_once(struct attempt *a, struct hf_error *err)
{
	const char *lines[HF_S3_REQUEST_HEADERS + 10];
	struct hf_s3_request *q = a->q;
	int r = make_url(a, err);
	if (r == 0)
		r = make_lines(a, lines, err);
	if (r < 0)
		return r;
	const struct hf_http_request http = {.method = q->method, .url = (const char *)a->url.data, .headers = lines, .body = q->body,
		.body_count = q->body_count, .take = q->take ? take_body : NULL, .user = a, .skip = a->from};
	__atomic_fetch_add(q->count, 1, __ATOMIC_RELAXED);
	q->attempts++;
	r = hf_http_send(a->s->http, &http, a->answer, err);
	note_answer(a->s, a->answer);
	if (r < 0)
		return r;
	if (a->answer->status / 100 != 2 || is_error_in_disguise(a->answer)) {
		note_failure(a);
		return 1;
	}
	return too_short(a, err);
}

static int attempt(struct hf_s3 *s, struct hf_s3_request *q, const char *payload, struct hf_http_answer *answer,
	struct hf_s3_keys *keys, struct hf_error *err)
{
	struct attempt a = {.s = s, .q = q, .answer = answer, .keys = *keys, .payload = payload, .path = HF_BUF(URL_MAX),
		.query = HF_BUF(URL_MAX), .url = HF_BUF(3 * URL_MAX)};
	size_t count = sizeof(a.lines) / sizeof(a.lines[0]);
	for (size_t i = 0; i < count; i++)
		a.lines[i] = HF_BUF(HEADER_MAX);
	int r = send_once(&a, err);
	for (size_t i = 0; i < count; i++) {
		if (a.lines[i].data)
			hf_wipe(a.lines[i].data, a.lines[i].cap);
		hf_buf_free(&a.lines[i]);
	}
	hf_buf_free(&a.path);
	hf_buf_free(&a.query);
	hf_buf_free(&a.url);
	return r;
}

/* --- judging ------------------------------------------------------------------------------------------------------- */

static bool is_one_of(const char *code, const char *const *codes)
{
	for (; *codes; codes++)
		if (strcmp(*codes, code) == 0)
			return true;
	return false;
}

/* May the same request succeed if it is sent again a little later? */
static bool is_passing(const struct hf_s3_failure *f, struct patience *p)
{
	static const char *const damaged[] = {"BadDigest", "XAmzContentSHA256Mismatch", "IncompleteBody", NULL};
	static const char *const passing[] = {"RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "Throttling",
		"ThrottlingException", "OperationAborted", "ConditionalRequestConflict", "RequestTimeTooSkewed", NULL};
	if (is_one_of(f->code, damaged))
		return ++p->damaged < DAMAGED_MOST;
	if (f->status == 200)
		return is_one_of(f->code, passing);
	if (f->status == 400)
		return strcmp(f->code, "RequestTimeout") == 0;
	return f->status == 408 || f->status == 409 || f->status == 429 || (f->status >= 500 && f->status != 501 && f->status != 507);
}

static bool has_expired(const struct hf_s3_failure *f, const struct hf_s3_keys *keys)
{
	static const char *const codes[] = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", NULL};
	/* What a server says of temporary keys that it has forgotten. */
	return is_one_of(f->code, codes) || (keys->token && strcmp(f->code, "InvalidAccessKeyId") == 0);
}

static void correct_clock(struct hf_s3 *s)
{
	char text[HF_TIME_TEXT];
	int64_t off = atomic_load(&s->clock_ns);
	if (atomic_exchange(&s->corrects_clock, true))
		return;
	hf_warn("this host's clock is %s %s the S3 server's: requests are signed with the server's time; set this host's clock",
		hf_duration_format(off < 0 ? -off : off, text), off < 0 ? "ahead of" : "behind");
}

/* --- waiting ------------------------------------------------------------------------------------------------------- */

static int64_t backoff(unsigned failures, const struct hf_http_answer *answer)
{
	char after[32];
	uint64_t random;
	int64_t most = BACKOFF_FIRST << (failures < 8 ? failures : 8);
	hf_random(&random, sizeof(random));
	int64_t wait = (int64_t)(random % (uint64_t)(most < BACKOFF_MOST ? most : BACKOFF_MOST));
	if (answer->status && hf_http_header(answer, "Retry-After", after, sizeof(after))) {
		int64_t asked = strtol(after, NULL, 10) * HF_SECOND;
		if (asked > wait)
			wait = asked < BACKOFF_MOST ? asked : BACKOFF_MOST;
	}
	return wait;
}

/* Sleeps. False when patience is over. */
static bool wait_a_little(struct hf_s3 *s, struct patience *p, const struct hf_s3_request *q, const struct hf_http_answer *answer,
	const char *why)
{
	int64_t now = hf_time_monotonic();
	int64_t window = atomic_load(&s->answered) ? RETRY_FOR : RETRY_STRANGER_FOR;
	if (s->url.retry_ns)
		window = s->url.retry_ns;
	if (!p->since || q->taken != p->taken)
		*p = (struct patience){.since = now, .taken = q->taken, .damaged = p->damaged, .renewed = p->renewed,
			.corrected = p->corrected, .told = p->told};
	int64_t wait = backoff(p->failures++, answer);
	if (now + wait > p->since + window)
		return false;
	hf_debug("%s %s: %s; trying again in %.1f s", q->doing, q->name ? q->name : "the bucket", why, hf_seconds(wait));
	if (now - p->since > TELL_AFTER && !p->told) {
		char text[HF_TIME_TEXT];
		hf_warn("%s does not answer as it should (%s); trying on for up to %s", s->url.text, why,
			hf_duration_format(window, text));
		p->told = true;
	}
	for (int64_t until = now + wait; now < until && !hf_stopped(); now = hf_time_monotonic())
		nanosleep(&(struct timespec){.tv_nsec = until - now < NAP ? until - now : NAP}, NULL);
	return !hf_stopped();
}

/* --- all of it ----------------------------------------------------------------------------------------------------- */

/* After a failure: is there another attempt? If not, `err` says why. */
static bool again(struct hf_s3 *s, struct hf_s3_request *q, struct patience *p, const struct hf_http_answer *answer,
	const struct hf_s3_keys *keys, int *r, struct hf_error *err)
{
	if (*r == 1) {
		bool skewed = strcmp(q->why.code, "RequestTimeTooSkewed") == 0;
		*r = hf_s3_refuse(s, q, keys, err);
		if (skewed && !p->corrected && atomic_load(&s->clock_known)) {
			correct_clock(s);
			return p->corrected = true;
		}
		if (has_expired(&q->why, keys) && !p->renewed)
			return p->renewed = true;
		if (!is_passing(&q->why, p))
			return false;
	} else if (*r != HF_E_NETWORK) {
		return false;
	}
	char why[160];
	snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, err->msg);
	if (wait_a_little(s, p, q, answer, why))
		return true;
	if (hf_stopped())
		*r = hf_stop_check(err);
	else if (q->attempts > 1)
		*r = hf_wrap(err, *r, "given up after %u attempts", q->attempts);
	return false;
}

static int send_until(struct hf_s3 *s, struct hf_s3_request *q, const char *payload, struct hf_http_answer *answer,
	struct hf_error *err)
{
	struct patience p = {0};
	struct hf_s3_keys refused = {0};
	for (;;) {
		struct hf_s3_keys keys;
		int r = hf_stop_check(err);
		if (r == 0)
			r = hf_s3_credentials_get(s->credentials, refused.id[0] ? &refused : NULL, &keys, err);
		if (r < 0)
			return r;
		refused.id[0] = 0;
		r = attempt(s, q, payload, answer, &keys, err);
		if (r == 0) {
			hf_s3_keys_wipe(&keys);
			return 0;
		}
		bool had_renewed = p.renewed;
		bool more = again(s, q, &p, answer, &keys, &r, err);
		if (more && p.renewed && !had_renewed)
			strcpy(refused.id, keys.id);
		hf_s3_keys_wipe(&keys);
		if (!more)
			return r;
	}
}

/* Over TLS nothing can change the body on its way, and Content-MD5 guards against accidents; without, its hash is signed. */
static const char *payload_of(const struct hf_s3 *s, const struct hf_s3_request *q, char hex[65])
{
	uint8_t hash[HF_SHA256];
	if (q->body_count == 0)
		return empty_hash;
	if (s->url.is_https)
		return "UNSIGNED-PAYLOAD";
	hf_sha256(q->body, q->body_count, hash);
	return hf_hex(hash, sizeof(hash), hex);
}

int hf_s3_send(struct hf_s3 *s, struct hf_s3_request *q, struct hf_http_answer *answer, struct hf_error *err)
{
	char hex[65];
	struct hf_error why = {0};
	int r = send_until(s, q, payload_of(s, q, hex), answer, &why);
	if (r == 0)
		return 0;
	return hf_fail(err, r, "%s %s%s%s: %s", q->doing, q->name ? q->name : "", q->name ? " in " : "", s->url.text, why.msg);
}
