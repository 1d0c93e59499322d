/* Parsing the URL of an S3 repository; see url.h. Two steps: the options into their fields, then what they mean together. */
#include "store/s3/url.h"

#include "base/time.h"
#include "store/http.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKET_MAX = 255, LOCK_DAYS_MAX = 36500, CONNECTIONS_MAX = 256, LIST_PAGE_MAX = 1000 };

void hf_s3_url_free(struct hf_s3_url *u)
{
	char *all[] = {u->text, u->bucket, u->prefix, u->region, u->base, u->host, u->path, u->ca_file, u->storage_class, u->sse,
		u->sse_kms_key, u->sse_c_key_file, u->tags, u->driver};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]);
	*u = (struct hf_s3_url){0};
}

/* What the options say that only means something together. */
struct given {
	char *endpoint, *style;
};

static int take_text(char **field, const char *value, struct hf_error *err)
{
	free(*field);
	*field = strdup(value);
	return *field ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static int take_number(const char *name, const char *value, long max, long *out, struct hf_error *err)
{
	char *end;
	*out = strtol(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || *out < 1 || *out > max)
		return hf_fail(err, HF_E_USAGE, "%s=%s is not a number from 1 to %ld", name, value, max);
	return 0;
}

/* One of `words` (which end with NULL): its place. */
static int take_word(const char *name, const char *value, const char *const *words, int *out, struct hf_error *err)
{
	for (*out = 0; words[*out]; ++*out)
		if (strcmp(words[*out], value) == 0)
			return 0;
	char list[200] = "";
	for (int i = 0; words[i]; i++) {
		strncat(list, i ? ", " : "", sizeof(list) - strlen(list) - 1);
		strncat(list, words[i], sizeof(list) - strlen(list) - 1);
	}
	return hf_fail(err, HF_E_USAGE, "%s=%s is none of %s", name, value, list);
}

enum option {
	ENDPOINT, REGION, STYLE, CA_FILE, TLS_VERIFY, LOCK, LOCK_DAYS, VERSIONS, STORAGE_CLASS, SSE, SSE_KMS_KEY, SSE_C_KEY_FILE, TAGS,
	REQUESTER_PAYS, DRIVER, CONNECTIONS, LIST_PAGE, TIMEOUT, RETRY_FOR
};
static const char *const option_names[] = {"endpoint", "region", "style", "ca-file", "tls-verify", "lock", "lock-days", "versions",
	"storage-class", "sse", "sse-kms-key", "sse-c-key-file", "tags", "requester-pays", "driver", "connections", "list-page", "timeout",
	"retry-for", NULL};

/* The options whose values are taken as they stand. */
static char **text_field(struct hf_s3_url *u, struct given *g, enum option option)
{
	switch (option) {
	case ENDPOINT:
		return &g->endpoint;
	case REGION:
		return &u->region;
	case CA_FILE:
		return &u->ca_file;
	case STORAGE_CLASS:
		return &u->storage_class;
	case SSE_KMS_KEY:
		return &u->sse_kms_key;
	case SSE_C_KEY_FILE:
		return &u->sse_c_key_file;
	case TAGS:
		return &u->tags;
	default:
		return NULL;
	}
}

static int take_choice(struct hf_s3_url *u, struct given *g, enum option option, const char *value, struct hf_error *err)
{
	static const char *const styles[] = {"path", "virtual", NULL}, *const yes_no[] = {"no", "yes", NULL},
				 *const locks[] = {"compliance", "governance", NULL},
				 *const encryptions[] = {"AES256", "aws:kms", NULL}, *const drivers[] = {"curl", "libs3", NULL},
				 *const versions[] = {"newest", "oldest", NULL};
	const char *name = option_names[option];
	int at = 0, r;
	switch (option) {
	case STYLE:
		r = take_word(name, value, styles, &at, err);
		return r < 0 ? r : take_text(&g->style, value, err);
	case SSE:
		r = take_word(name, value, encryptions, &at, err);
		return r < 0 ? r : take_text(&u->sse, value, err);
	case DRIVER:
		r = take_word(name, value, drivers, &at, err);
		return r < 0 || at == 0 ? r : take_text(&u->driver, value, err);
	case VERSIONS:
		r = take_word(name, value, versions, &at, err);
		u->reads_oldest = at == 1;
		return r;
	case LOCK:
		r = take_word(name, value, locks, &at, err);
		u->lock = at == 0 ? HF_S3_COMPLIANCE : HF_S3_GOVERNANCE;
		return r;
	case TLS_VERIFY:
		r = take_word(name, value, yes_no, &at, err);
		u->no_verify = at == 0;
		return r;
	default:
		r = take_word(name, value, yes_no, &at, err);
		u->requester_pays = at == 1;
		return r;
	}
}

static int take_option(struct hf_s3_url *u, struct given *g, enum option option, const char *value, struct hf_error *err)
{
	const char *name = option_names[option];
	char **text = text_field(u, g, option);
	long number = 0;
	int r;
	if (text)
		return *value ? take_text(text, value, err) : hf_fail(err, HF_E_USAGE, "%s= is empty", name);
	switch (option) {
	case LOCK_DAYS:
		r = take_number(name, value, LOCK_DAYS_MAX, &number, err);
		u->lock_days = (uint32_t)number;
		return r;
	case CONNECTIONS:
		r = take_number(name, value, CONNECTIONS_MAX, &number, err);
		u->connections = (int)number;
		return r;
	case LIST_PAGE:
		r = take_number(name, value, LIST_PAGE_MAX, &number, err);
		u->list_page = (int)number;
		return r;
	case TIMEOUT:
		return hf_duration_parse(value, &u->timeout_ns, err);
	case RETRY_FOR:
		return hf_duration_parse(value, &u->retry_ns, err);
	default:
		return take_choice(u, g, option, value, err);
	}
}

/* "NAME=VALUE", still encoded; it is changed. */
static int parse_option(struct hf_s3_url *u, struct given *g, char *word, struct hf_error *err)
{
	char *value = strchr(word, '=');
	int option;
	if (!value)
		return hf_fail(err, HF_E_USAGE, "\"%s\" has no \"=\"", word);
	*value++ = 0;
	long len = hf_percent_decode(value, strlen(value));
	if (len < 0)
		return hf_fail(err, HF_E_USAGE, "the value of %s is not percent-encoded rightly", word);
	value[len] = 0;
	if (strlen(value) != (size_t)len)
		return hf_fail(err, HF_E_USAGE, "the value of %s holds a zero byte", word);
	for (option = 0; option_names[option]; option++)
		if (strcmp(option_names[option], word) == 0)
			return take_option(u, g, (enum option)option, value, err);
	return hf_fail(err, HF_E_USAGE, "there is no option \"%s\"; the options are endpoint, region, style, ca-file, tls-verify, "
		"lock, lock-days, versions, storage-class, sse, sse-kms-key, sse-c-key-file, tags, requester-pays, driver, connections, "
		"list-page, timeout and retry-for", word);
}

static int parse_options(struct hf_s3_url *u, struct given *g, char *text, struct hf_error *err)
{
	char *save, *word;
	for (word = strtok_r(text, "&", &save); word; word = strtok_r(NULL, "&", &save)) {
		int r = parse_option(u, g, word, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Options that stand behind "&" without a "?" before would be taken for a part of the prefix. */
static const char *find_stray_option(const char *place)
{
	for (const char *at = strchr(place, '&'); at; at = strchr(at + 1, '&'))
		for (size_t i = 0; option_names[i]; i++) {
			size_t n = strlen(option_names[i]);
			if (strncmp(at + 1, option_names[i], n) == 0 && at[1 + n] == '=')
				return option_names[i];
		}
	return NULL;
}

/* "bucket/prefix" */
static int parse_place(struct hf_s3_url *u, const char *place, struct hf_error *err)
{
	size_t n = strcspn(place, "/");
	const char *prefix = place + n + strspn(place + n, "/");
	size_t len = strlen(prefix);
	const char *stray = find_stray_option(place);
	if (stray)
		return hf_fail(err, HF_E_USAGE, "the first option stands behind a \"?\", not a \"&\" (before %s=)", stray);
	while (len && prefix[len - 1] == '/')
		len--;
	if (n == 0 || n > BUCKET_MAX)
		return hf_fail(err, HF_E_USAGE, "it names no bucket (s3://BUCKET/PREFIX)");
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)place[i]) && !strchr("._-", place[i]))
			return hf_fail(err, HF_E_USAGE, "a bucket's name consists of letters, digits, \".\" and \"-\"");
	if (asprintf(&u->bucket, "%.*s", (int)n, place) < 0)
		u->bucket = NULL;
	if (asprintf(&u->prefix, "%.*s%s", (int)len, prefix, len ? "/" : "") < 0)
		u->prefix = NULL;
	if (!u->bucket || !u->prefix || asprintf(&u->text, "s3://%s%s%.*s", u->bucket, len ? "/" : "", (int)len, prefix) < 0) {
		u->text = NULL;
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	return 0;
}

/* --- what the options mean together -------------------------------------------------------------------------------- */

/* AWS's certificates cover one label before "s3": a bucket with dots in its name goes into the path. */
static bool wants_virtual(const struct hf_s3_url *u, const struct given *g)
{
	if (g->style)
		return strcmp(g->style, "virtual") == 0;
	return u->is_aws && !strchr(u->bucket, '.');
}

static int default_endpoint(struct hf_s3_url *u, struct given *g, struct hf_error *err)
{
	const char *china = u->region && strncmp(u->region, "cn-", 3) == 0 ? ".cn" : "";
	u->is_aws = true;
	if (asprintf(&g->endpoint, "https://s3.%s.amazonaws.com%s", u->region ? u->region : "us-east-1", china) < 0) {
		g->endpoint = NULL;
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	return 0;
}

/* libcurl leaves a scheme's own port out of the Host header, which is signed: so it is left out here. */
static size_t host_length(const char *host, size_t len, bool is_https)
{
	const char *port = is_https ? ":443" : ":80";
	size_t n = strlen(port);
	return len > n && memcmp(host + len - n, port, n) == 0 ? len - n : len;
}

static int make_base(struct hf_s3_url *u, const struct given *g, struct hf_error *err)
{
	const char *scheme = strstr(g->endpoint, "://"), *host = scheme ? scheme + 3 : g->endpoint;
	size_t scheme_len = scheme ? (size_t)(scheme - g->endpoint) : 0;
	u->is_https = !scheme || (scheme_len == 5 && memcmp(g->endpoint, "https", 5) == 0);
	if (!u->is_https && !(scheme_len == 4 && memcmp(g->endpoint, "http", 4) == 0))
		return hf_fail(err, HF_E_USAGE, "endpoint=%s is neither https:// nor http://", g->endpoint);
	size_t len = strcspn(host, "/");
	if (len == 0 || host[len + strspn(host + len, "/")] || strpbrk(host, "@?# "))
		return hf_fail(err, HF_E_USAGE, "endpoint=%s is not of the form https://HOST[:PORT]", g->endpoint);
	len = host_length(host, len, u->is_https);
	u->is_virtual = wants_virtual(u, g);
	const char *dot = u->is_virtual ? "." : "", *in_host = u->is_virtual ? u->bucket : "";
	const char *slash = u->is_virtual ? "" : "/", *in_path = u->is_virtual ? "" : u->bucket;
	if (asprintf(&u->host, "%s%s%.*s", in_host, dot, (int)len, host) < 0)
		u->host = NULL;
	if (asprintf(&u->path, "%s%s", slash, in_path) < 0)
		u->path = NULL;
	if (!u->host || !u->path || asprintf(&u->base, "http%s://%s%s", u->is_https ? "s" : "", u->host, u->path) < 0) {
		u->base = NULL;
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	return 0;
}

static int check_together(const struct hf_s3_url *u, struct hf_error *err)
{
	if (u->lock && !u->lock_days)
		return hf_fail(err, HF_E_USAGE, "lock= needs lock-days=N: for how many days what a restore needs must be safe");
	if (u->lock_days && !u->lock)
		return hf_fail(err, HF_E_USAGE, "lock-days= needs lock=compliance or lock=governance");
	if (u->sse_kms_key && (!u->sse || strcmp(u->sse, "aws:kms") != 0))
		return hf_fail(err, HF_E_USAGE, "sse-kms-key= needs sse=aws:kms");
	if (u->sse_c_key_file && u->sse)
		return hf_fail(err, HF_E_USAGE, "sse-c-key-file= and sse= exclude each other");
	if (u->sse_c_key_file && !u->is_https)
		return hf_fail(err, HF_E_USAGE, "sse-c-key-file= sends a key with each request: it needs an https:// endpoint");
	if ((u->ca_file || u->no_verify) && !u->is_https)
		return hf_fail(err, HF_E_USAGE, "ca-file= and tls-verify= mean nothing with an http:// endpoint");
	return 0;
}

int hf_s3_url_parse(const char *url, const char *environment_region, struct hf_s3_url *out, struct hf_error *err)
{
	struct given g = {0};
	*out = (struct hf_s3_url){0};
	if (strncmp(url, "s3://", 5) != 0)
		return hf_fail(err, HF_E_USAGE, "repository %s: this does not begin with s3://", url);
	char *copy = strdup(url + strlen("s3://"));
	int r = copy ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
	char *question = r == 0 ? strchr(copy, '?') : NULL;
	if (question)
		*question++ = 0;
	if (r == 0)
		r = parse_place(out, copy, err);
	if (r == 0 && question)
		r = parse_options(out, &g, question, err);
	if (r == 0 && !out->region && environment_region && *environment_region)
		r = take_text(&out->region, environment_region, err);
	if (r == 0 && !g.endpoint)
		r = default_endpoint(out, &g, err);
	if (r == 0)
		r = make_base(out, &g, err);
	if (r == 0)
		r = check_together(out, err);
	out->reads_oldest = out->reads_oldest || out->lock;
	if (r < 0) {
		hf_s3_url_free(out);
		r = hf_wrap(err, r, "repository %s", url);
	}
	free(copy);
	free(g.endpoint);
	free(g.style);
	return r;
}
