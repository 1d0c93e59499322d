/* The chain of credentials; see credentials.h. The links are in the files beside. What they gave is kept until shortly before it expires. */
#include "store/s3/credentials_internal.h"

#include "base/json.h"
#include "base/time.h"
#include "crypto/random.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENEW_BEFORE (5 * 60 * HF_SECOND) /* AWS gives new ones from 5 to 15 minutes before the old ones end */
#define RENEW_SOONEST (60 * HF_SECOND)

struct hf_s3_credentials {
	pthread_mutex_t lock;
	struct hf_http *http;
	char *region;
	struct hf_s3_keys keys;
	bool have;
	int64_t renew_ns; /* with an end: when to ask again */
};

const char *hf_s3_variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

/* --- keys ---------------------------------------------------------------------------------------------------------- */

void hf_s3_keys_wipe(struct hf_s3_keys *k)
{
	if (k->token)
		hf_wipe(k->token, strlen(k->token));
	free(k->token);
	hf_wipe(k, sizeof(*k));
}

static bool is_header_text(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || (unsigned char)*s == 127)
			return false;
	return true;
}

int hf_s3_keys_set(struct hf_s3_keys *k, const char *id, const char *secret, const char *token, const char *from,
	struct hf_error *err)
{
	if (token && !*token)
		token = NULL;
	if (!*id || strlen(id) >= sizeof(k->id) || !is_header_text(id))
		return hf_fail(err, HF_E_DENIED, "%s: the access key id is empty, too long or holds white space", from);
	if (!*secret || strlen(secret) >= sizeof(k->secret) || !is_header_text(secret))
		return hf_fail(err, HF_E_DENIED, "%s: the secret access key is empty, too long or holds white space", from);
	if (token && (strlen(token) > HF_S3_TOKEN_MAX || !is_header_text(token)))
		return hf_fail(err, HF_E_DENIED, "%s: the session token is too long or holds white space", from);
	*k = (struct hf_s3_keys){0};
	strcpy(k->id, id);
	strcpy(k->secret, secret);
	strncpy(k->from, from, sizeof(k->from) - 1);
	if (token && !(k->token = strdup(token)))
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	return 0;
}

int hf_s3_keys_expire(struct hf_s3_keys *k, const char *when, struct hf_error *err)
{
	int r = hf_time_parse(when, &k->expires_ns, err);
	return r < 0 ? hf_fail(err, HF_E_DENIED, "%s: the time when the keys expire is not a time", k->from) : 0;
}

int hf_s3_keys_from_json(const struct hf_buf *text, const char *token, const char *from, struct hf_s3_keys *out,
	struct hf_error *err)
{
	HF_JSON_AUTO *j = NULL;
	const char *id, *secret;
	if (hf_json_parse(text->data, text->len, &j, NULL) < 0 || !json_is_object(j))
		return hf_fail(err, HF_E_DENIED, "%s: what it gave is not a JSON object", from);
	if (hf_json_string(j, "AccessKeyId", &id, NULL) < 0 || hf_json_string(j, "SecretAccessKey", &secret, NULL) < 0)
		return hf_fail(err, HF_E_DENIED, "%s: what it gave holds no AccessKeyId and SecretAccessKey", from);
	const char *expires = json_string_value(json_object_get(j, "Expiration"));
	int r = hf_s3_keys_set(out, id, secret, json_string_value(json_object_get(j, token)), from, err);
	return r == 0 && expires ? hf_s3_keys_expire(out, expires, err) : r;
}

static int copy_keys(const struct hf_s3_keys *from, struct hf_s3_keys *to, struct hf_error *err)
{
	*to = *from;
	to->token = from->token ? strdup(from->token) : NULL;
	if (!from->token || to->token)
		return 0;
	hf_s3_keys_wipe(to);
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* --- the chain ----------------------------------------------------------------------------------------------------- */

int hf_s3_from_environment(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err)
{
	(void)c;
	const char *id = hf_s3_variable("AWS_ACCESS_KEY_ID"), *secret = hf_s3_variable("AWS_SECRET_ACCESS_KEY");
	if (!id && !secret)
		return 0;
	if (!id || !secret)
		return hf_fail(err, HF_E_DENIED, "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
	int r = hf_s3_keys_set(out, id, secret, hf_s3_variable("AWS_SESSION_TOKEN"), "the environment", err);
	return r < 0 ? r : 1;
}

static int ask(struct hf_s3_credentials *c, struct hf_s3_keys *out, struct hf_error *err)
{
	static hf_s3_link *const links[] = {hf_s3_from_environment, hf_s3_from_web_identity, hf_s3_from_profile,
		hf_s3_from_container, hf_s3_from_instance};
	const struct hf_s3_chain chain = {c->http, c->region};
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
		*out = (struct hf_s3_keys){0};
		int r = links[i](&chain, out, err);
		if (r < 0) {
			hf_s3_keys_wipe(out);
			return hf_wrap(err, r, "get S3 credentials");
		}
		if (r > 0)
			return 0;
	}
	return hf_fail(err, HF_E_DENIED,
		"there are no S3 credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are set, nor is there a profile in "
		"~/.aws, nor a web identity, container or EC2 instance that gives some");
}

static int renew(struct hf_s3_credentials *c, struct hf_error *err)
{
	struct hf_s3_keys fresh;
	int64_t now = hf_time_now();
	int r = ask(c, &fresh, err);
	if (r < 0)
		return r;
	hf_s3_keys_wipe(&c->keys);
	c->keys = fresh;
	c->have = true;
	c->renew_ns = fresh.expires_ns - RENEW_BEFORE;
	/* Such as end sooner than that are used until half their time is over. */
	if (fresh.expires_ns && c->renew_ns < now + RENEW_SOONEST)
		c->renew_ns = now + (fresh.expires_ns - now) / 2;
	return 0;
}

static bool must_renew(const struct hf_s3_credentials *c, const struct hf_s3_keys *refused)
{
	if (!c->have || (refused && strcmp(refused->id, c->keys.id) == 0))
		return true;
	return c->keys.expires_ns && hf_time_now() >= c->renew_ns;
}

int hf_s3_credentials_get(struct hf_s3_credentials *c, const struct hf_s3_keys *refused, struct hf_s3_keys *out,
	struct hf_error *err)
{
	*out = (struct hf_s3_keys){0};
	pthread_mutex_lock(&c->lock);
	int r = must_renew(c, refused) ? renew(c, err) : 0;
	/* Those in hand serve until they end, if new ones can't be had just now. */
	if (r < 0 && c->have && !refused && hf_time_now() < c->keys.expires_ns)
		r = 0;
	if (r == 0)
		r = copy_keys(&c->keys, out, err);
	pthread_mutex_unlock(&c->lock);
	return r;
}

int hf_s3_credentials_new(const char *region, const char *ca_file, struct hf_s3_credentials **out, struct hf_error *err)
{
	const struct hf_http_options http = {
		.connections = 1, .ca_file = ca_file, .connect_ns = 2 * HF_SECOND, .stall_ns = 10 * HF_SECOND};
	struct hf_s3_credentials *c = calloc(1, sizeof(*c));
	if (!c)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	c->region = strdup(region);
	int r = c->region ? hf_http_new(&http, &c->http, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r < 0) {
		hf_s3_credentials_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void hf_s3_credentials_free(struct hf_s3_credentials *c)
{
	if (!c)
		return;
	hf_s3_keys_wipe(&c->keys);
	hf_http_free(c->http);
	free(c->region);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

char *hf_s3_region(void)
{
	const char *name = hf_s3_variable("AWS_REGION");
	if (!name)
		name = hf_s3_variable("AWS_DEFAULT_REGION");
	if (name)
		return strdup(name);
	name = hf_s3_variable("AWS_PROFILE");
	return hf_s3_profile_get(name ? name : "default", "region");
}
