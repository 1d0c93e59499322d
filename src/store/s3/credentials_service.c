/*
 * Keys from services: STS (roles), the endpoint of a container (ECS, EKS), and the metadata service of an EC2 instance (IMDSv2).
 * The last two are asked past any proxy.
 */
#include "base/file.h"
#include "base/hex.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/random.h"
#include "store/s3/answer.h"
#include "store/s3/credentials_internal.h"
#include "store/s3/sign.h"
#include "store/xml.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKEN_FILE_MAX = 64 << 10, FORM_MAX = 128 << 10, URL_BYTES = 1024 };

static void wipe_buf(struct hf_buf *b)
{
	if (b->data)
		hf_wipe(b->data, b->cap);
	hf_buf_free(b);
}
#define SECRET_BUF __attribute__((cleanup(wipe_buf))) struct hf_buf

/* A file with a token in it, without white space at its ends. */
static int read_token(const char *path, const char *from, struct hf_buf *out, struct hf_error *err)
{
	int r = hf_file_read(AT_FDCWD, path, out, err);
	if (r < 0)
		return hf_wrap(err, r == HF_E_NOTFOUND ? HF_E_DENIED : r, "%s", from);
	while (out->len && strchr(" \t\r\n", out->data[out->len - 1]))
		out->len--;
	return hf_buf_cstr(out) ? 0 : hf_fail(err, HF_E_DENIED, "%s: the token in %s is too long", from, path);
}

/* Sends, and makes an error of any answer but 200. */
static int send_to(const struct hf_s3_chain *c, const struct hf_http_request *q, const char *from, struct hf_http_answer *a,
	struct hf_error *err)
{
	struct hf_s3_failure why = {0};
	int r = hf_http_send(c->http, q, a, err);
	if (r < 0)
		return hf_wrap(err, r, "%s", from);
	if (a->status == 200)
		return 0;
	int code = a->status >= 500 ? HF_E_NETWORK : HF_E_DENIED;
	if (hf_s3_failure_parse(a->body.data, a->body.len, &why))
		return hf_fail(err, code, "%s: %s: %s", from, why.code, why.message);
	return hf_fail(err, code, "%s: the answer has status %d", from, a->status);
}

/* --- STS ----------------------------------------------------------------------------------------------------------- */

struct sts_answer {
	char id[HF_S3_KEY_MAX], secret[HF_S3_KEY_MAX], expires[64];
	struct hf_buf token;
};

static int on_sts(void *user, const char *path, const char *text, struct hf_error *err)
{
	struct sts_answer *a = user;
	const char *name = strstr(path, "/Credentials/");
	(void)err;
	if (!name)
		return 0;
	name += strlen("/Credentials/");
	if (strcmp(name, "AccessKeyId") == 0)
		strncpy(a->id, text, sizeof(a->id) - 1);
	else if (strcmp(name, "SecretAccessKey") == 0)
		strncpy(a->secret, text, sizeof(a->secret) - 1);
	else if (strcmp(name, "Expiration") == 0)
		strncpy(a->expires, text, sizeof(a->expires) - 1);
	else if (strcmp(name, "SessionToken") == 0)
		hf_buf_str(&a->token, text);
	return 0;
}

static int read_sts(const struct hf_buf *body, const char *from, struct hf_s3_keys *out, struct hf_error *err)
{
	struct sts_answer a = {.token = HF_BUF(HF_S3_TOKEN_MAX + 1)};
	int r = hf_xml_read(body->data, body->len, on_sts, &a, err);
	const char *token = hf_buf_cstr(&a.token);
	if (r == 0 && !token)
		r = hf_fail(err, HF_E_DENIED, "the session token is too long");
	r = r < 0 ? hf_wrap(err, r, "%s: the answer of STS", from) : hf_s3_keys_set(out, a.id, a.secret, token, from, err);
	if (r == 0 && a.expires[0])
		r = hf_s3_keys_expire(out, a.expires, err);
	wipe_buf(&a.token);
	hf_wipe(&a, sizeof(a));
	return r;
}

static void add_field(struct hf_buf *form, const char *name, const char *value)
{
	if (!value)
		return;
	hf_buf_printf(form, "%s%s=", form->len ? "&" : "", name);
	hf_percent_encode(form, value, false);
}

static int make_form(const struct hf_s3_role *role, struct hf_buf *form, struct hf_error *err)
{
	SECRET_BUF token = HF_BUF(TOKEN_FILE_MAX);
	add_field(form, "Action", role->token_file ? "AssumeRoleWithWebIdentity" : "AssumeRole");
	add_field(form, "Version", "2011-06-15");
	add_field(form, "RoleArn", role->arn);
	add_field(form, "RoleSessionName", role->session ? role->session : "holdfast");
	add_field(form, "ExternalId", role->external_id);
	add_field(form, "DurationSeconds", role->duration);
	if (role->token_file) {
		int r = read_token(role->token_file, role->from, &token, err);
		if (r < 0)
			return r;
		add_field(form, "WebIdentityToken", (const char *)token.data);
	}
	return hf_buf_check(form, "the request to STS", err);
}

/* "https://sts.REGION.amazonaws.com", or what AWS_ENDPOINT_URL_STS says, without a slash at the end. */
static void sts_url(const struct hf_s3_chain *c, char out[URL_BYTES])
{
	const char *given = hf_s3_variable("AWS_ENDPOINT_URL_STS");
	const char *china = strncmp(c->region, "cn-", 3) == 0 ? ".cn" : "";
	if (given)
		snprintf(out, URL_BYTES, "%s", given);
	else
		snprintf(out, URL_BYTES, "https://sts.%s.amazonaws.com%s", c->region, china);
	size_t n = strlen(out);
	while (n && out[n - 1] == '/')
		out[--n] = 0;
}

struct sts_headers {
	struct hf_buf text[5];
	const char *lines[6];
};

/* The lines of the headers: with `by` signed. */
static int make_headers(const struct hf_s3_chain *c, const char *url, const struct iovec *form, const struct hf_s3_keys *by,
	struct sts_headers *out, struct hf_error *err)
{
	static const char type[] = "application/x-www-form-urlencoded; charset=utf-8";
	const char *host = strstr(url, "://");
	char date[HF_SIGN_TIME], hex[65];
	uint8_t hash[HF_SHA256];
	hf_buf_printf(&out->text[0], "Content-Type: %s", type);
	if (by) {
		hf_sha256(form, 1, hash);
		hf_hex(hash, sizeof(hash), hex);
		hf_sign_time(hf_time_now(), date);
		const struct hf_sign_header signed_ones[] = {{"host", host ? host + 3 : url}, {"content-type", type}, {"x-amz-date", date},
			{"x-amz-security-token", by->token}};
		const struct hf_sign_request q = {.method = "POST", .path = "/", .query = "", .headers = signed_ones,
			.header_count = by->token ? 4 : 3, .payload = hex, .date = date, .region = c->region, .service = "sts"};
		hf_buf_printf(&out->text[1], "X-Amz-Date: %s", date);
		hf_buf_str(&out->text[2], "Authorization: ");
		int r = hf_sign_v4(&q, by->id, by->secret, &out->text[2], err);
		if (r < 0)
			return r;
		if (by->token)
			hf_buf_printf(&out->text[3], "X-Amz-Security-Token: %s", by->token);
	}
	for (size_t i = 0, n = 0; i < 4; i++)
		if (out->text[i].len && !(out->lines[n++] = hf_buf_cstr(&out->text[i])))
			return hf_fail(err, HF_E_NOMEM, "out of memory");
	return 0;
}

int hf_s3_assume_role(const struct hf_s3_chain *c, const struct hf_s3_role *role, const struct hf_s3_keys *by,
	struct hf_s3_keys *out, struct hf_error *err)
{
	SECRET_BUF form = HF_BUF(FORM_MAX);
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct sts_headers headers = {.lines = {0}};
	char url[URL_BYTES], to[URL_BYTES + 1];
	for (size_t i = 0; i < 5; i++)
		headers.text[i] = HF_BUF(HF_S3_TOKEN_MAX + 4096);
	sts_url(c, url);
	snprintf(to, sizeof(to), "%s/", url);
	int r = make_form(role, &form, err);
	struct iovec body = {form.data, form.len};
	if (r == 0)
		r = make_headers(c, url, &body, by, &headers, err);
	const struct hf_http_request q = {.method = "POST", .url = to, .headers = headers.lines, .body = &body, .body_count = 1};
	if (r == 0)
		r = send_to(c, &q, role->from, &answer, err);
	if (r == 0)
		r = read_sts(&answer.body, role->from, out, err);
	for (size_t i = 0; i < 5; i++)
		wipe_buf(&headers.text[i]);
	if (answer.body.data)
		hf_wipe(answer.body.data, answer.body.cap);
	return r;
}

int hf_s3_from_web_identity(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err)
{
	const struct hf_s3_role role = {.arn = hf_s3_variable("AWS_ROLE_ARN"), .session = hf_s3_variable("AWS_ROLE_SESSION_NAME"),
		.token_file = hf_s3_variable("AWS_WEB_IDENTITY_TOKEN_FILE"), .from = "the web identity"};
	if (!role.token_file)
		return 0;
	if (!role.arn)
		return hf_fail(err, HF_E_DENIED, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
	int r = hf_s3_assume_role(c, &role, NULL, out, err);
	return r < 0 ? r : 1;
}

/* --- containers ---------------------------------------------------------------------------------------------------- */

/* Plain http would show the keys to the network: as AWS's own tools, only to this host and the addresses of ECS and EKS. */
static bool is_near(const char *url)
{
	static const char *const near[] = {"http://127.", "http://localhost", "http://[::1]", "http://169.254.170.2",
		"http://169.254.170.23", "http://[fd00:ec2::23]"};
	for (size_t i = 0; i < sizeof(near) / sizeof(near[0]); i++) {
		size_t n = strlen(near[i]);
		if (strncmp(url, near[i], n) == 0 && (near[i][n - 1] == '.' || strchr(":/", url[n])))
			return true;
	}
	return strncmp(url, "https://", 8) == 0;
}

int hf_s3_from_container(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err)
{
	static const char from[] = "the container's credentials";
	const char *relative = hf_s3_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = hf_s3_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *token = hf_s3_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
	const char *token_file = hf_s3_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	SECRET_BUF text = HF_BUF(TOKEN_FILE_MAX), header = HF_BUF(TOKEN_FILE_MAX);
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char url[URL_BYTES];
	int r = 0;
	if (!relative && !full)
		return 0;
	snprintf(url, sizeof(url), "%s%s", relative ? "http://169.254.170.2" : "", relative ? relative : full);
	if (!is_near(url))
		return hf_fail(err, HF_E_DENIED, "%s: AWS_CONTAINER_CREDENTIALS_FULL_URI is neither https nor on this host", from);
	if (token_file)
		r = read_token(token_file, from, &text, err);
	if (r == 0 && token_file)
		token = (const char *)text.data;
	if (r < 0)
		return r;
	if (token)
		hf_buf_printf(&header, "Authorization: %s", token);
	const char *const lines[] = {token ? hf_buf_cstr(&header) : NULL, NULL};
	if (token && (!lines[0] || strpbrk(lines[0], "\r\n")))
		return hf_fail(err, HF_E_DENIED, "%s: the authorization token is too long, or has several lines", from);
	const struct hf_http_request q = {.method = "GET", .url = url, .headers = lines, .direct = true};
	r = send_to(c, &q, from, &answer, err);
	if (r == 0)
		r = hf_s3_keys_from_json(&answer.body, "Token", from, out, err);
	if (answer.body.data)
		hf_wipe(answer.body.data, answer.body.cap);
	return r < 0 ? r : 1;
}

/* --- EC2 ----------------------------------------------------------------------------------------------------------- */

static const char instance[] = "the EC2 instance's metadata service";

/* The session token that IMDSv2 wants. 0: there is no such service here. */
static int open_session(const struct hf_s3_chain *c, const char *base, struct hf_buf *header, struct hf_error *err)
{
	static const char *const lines[] = {"X-aws-ec2-metadata-token-ttl-seconds: 21600", NULL};
	const struct iovec nothing = {(void *)"", 0};
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char url[URL_BYTES];
	snprintf(url, sizeof(url), "%s/latest/api/token", base);
	const struct hf_http_request q = {.method = "PUT", .url = url, .headers = lines, .body = &nothing, .body_count = 1, .direct = true};
	int r = hf_http_send(c->http, &q, &answer, err);
	if (r == HF_E_NETWORK)
		return 0;
	if (r < 0)
		return hf_wrap(err, r, "%s", instance);
	if (answer.status != 200 || answer.body.len == 0)
		return hf_fail(err, HF_E_DENIED, "%s gives no session (status %d)", instance, answer.status);
	hf_buf_str(header, "X-aws-ec2-metadata-token: ");
	hf_buf_add(header, answer.body.data, answer.body.len);
	return hf_buf_cstr(header) ? 1 : hf_fail(err, HF_E_DENIED, "%s: the session token is too long", instance);
}

static int get_from_instance(const struct hf_s3_chain *c, const char *url, const struct hf_buf *header,
	struct hf_http_answer *answer, struct hf_error *err)
{
	const char *const lines[] = {(const char *)header->data, NULL};
	const struct hf_http_request q = {.method = "GET", .url = url, .headers = lines, .direct = true};
	return send_to(c, &q, instance, answer, err);
}

int hf_s3_from_instance(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err)
{
	static const char place[] = "latest/meta-data/iam/security-credentials/";
	const char *disabled = hf_s3_variable("AWS_EC2_METADATA_DISABLED"), *base = hf_s3_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	SECRET_BUF header = HF_BUF(4096);
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char url[URL_BYTES], service[URL_BYTES / 2];
	if (disabled && strcasecmp(disabled, "true") == 0)
		return 0;
	snprintf(service, sizeof(service), "%s", base ? base : "http://169.254.169.254");
	size_t n = strlen(service);
	while (n && service[n - 1] == '/')
		service[--n] = 0;
	int r = open_session(c, service, &header, err);
	if (r <= 0)
		return r;
	snprintf(url, sizeof(url), "%s/%s", service, place);
	r = get_from_instance(c, url, &header, &answer, err);
	const char *role = r == 0 ? hf_buf_cstr(&answer.body) : NULL;
	if (r == 0 && (!role || !*role || strlen(role) > 128))
		r = hf_fail(err, HF_E_DENIED, "%s: the instance has no role", instance);
	if (r == 0) {
		snprintf(url, sizeof(url), "%s/%s%.*s", service, place, (int)strcspn(role, "\r\n"), role);
		r = get_from_instance(c, url, &header, &answer, err);
	}
	if (r == 0)
		r = hf_s3_keys_from_json(&answer.body, "Token", instance, out, err);
	if (answer.body.data)
		hf_wipe(answer.body.data, answer.body.cap);
	return r < 0 ? r : 1;
}
