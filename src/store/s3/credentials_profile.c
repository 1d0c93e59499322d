/*
 * Profiles: ~/.aws/credentials and ~/.aws/config (AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name others), and what a profile
 * leads to: keys, a process that prints them, or a role taken on with another profile's keys. Read anew each time, since other
 * tools change them.
 */
#include "base/file.h"
#include "base/proc.h"
#include "crypto/random.h"
#include "store/s3/credentials_internal.h"

#include <ctype.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20, OUTPUT_MAX = 64 << 10, ROLE_DEPTH = 5 };

static void wipe_text(char **s)
{
	if (*s)
		hf_wipe(*s, strlen(*s));
	free(*s);
}
#define SECRET_TEXT __attribute__((cleanup(wipe_text))) char *

/* --- the files ----------------------------------------------------------------------------------------------------- */

static char *aws_file(const char *variable, const char *name)
{
	const char *path = hf_s3_variable(variable), *home = hf_s3_variable("HOME");
	char *out = NULL;
	if (path)
		return strdup(path);
	return home && asprintf(&out, "%s/.aws/%s", home, name) >= 0 ? out : NULL;
}

static char *trim(char *s)
{
	while (isspace((unsigned char)*s))
		s++;
	size_t n = strlen(s);
	while (n && isspace((unsigned char)s[n - 1]))
		s[--n] = 0;
	return s;
}

/* "[profile NAME]" in config, "[NAME]" in credentials; "[default]" in both. */
static bool is_section(char *line, const char *profile, bool is_config)
{
	char *end = strchr(line, ']');
	if (!end)
		return false;
	*end = 0;
	line = trim(line + 1);
	if (is_config && strncmp(line, "profile", 7) == 0 && isspace((unsigned char)line[7]))
		line = trim(line + 7);
	else if (is_config && strcmp(line, "default") != 0)
		return false;
	return strcmp(line, profile) == 0;
}

/* The value of `key` in the section of `profile`; without a key "" if there is the section. */
static char *find_in(char *text, const char *profile, const char *key, bool is_config)
{
	bool inside = false;
	char *save;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		bool nested = isspace((unsigned char)*line); /* "s3 =" has settings of its own, indented */
		line = trim(line);
		if (*line == '[')
			inside = is_section(line, profile, is_config);
		if (inside && !key)
			return strdup("");
		char *equals = strchr(line, '=');
		if (!inside || nested || *line == '#' || *line == ';' || *line == '[' || !equals)
			continue;
		*equals = 0;
		if (strcmp(trim(line), key) == 0)
			return strdup(trim(equals + 1));
	}
	return NULL;
}

static char *search(const char *variable, const char *name, const char *profile, const char *key)
{
	char *path = aws_file(variable, name), *value = NULL;
	HF_BUF_AUTO text = HF_BUF(FILE_MAX);
	if (path && hf_file_read(AT_FDCWD, path, &text, NULL) == 0 && hf_buf_cstr(&text))
		value = find_in((char *)text.data, profile, key, strcmp(name, "config") == 0);
	if (text.data)
		hf_wipe(text.data, text.cap);
	free(path);
	return value;
}

char *hf_s3_profile_get(const char *profile, const char *key)
{
	char *value = search("AWS_SHARED_CREDENTIALS_FILE", "credentials", profile, key);
	return value ? value : search("AWS_CONFIG_FILE", "config", profile, key);
}

bool hf_s3_profile_exists(const char *profile)
{
	char *there = hf_s3_profile_get(profile, NULL);
	free(there);
	return there != NULL;
}

/* --- credential_process -------------------------------------------------------------------------------------------- */

static int from_process(const char *command, const char *from, struct hf_s3_keys *out, struct hf_error *err)
{
	const char *const argv[] = {"/bin/sh", "-c", command, NULL};
	const struct hf_proc_options options = {.argv = argv};
	HF_BUF_AUTO text = HF_BUF(OUTPUT_MAX);
	int status = 0;
	int r = hf_proc_run(&options, &text, NULL, &status, err); /* what it writes to stderr may hold a secret, and is dropped */
	if (r == 0 && status != 0)
		r = hf_fail(err, HF_E_DENIED, "%s: its credential_process ended with status %d", from, status);
	if (r == 0)
		r = hf_s3_keys_from_json(&text, "SessionToken", from, out, err);
	if (text.data)
		hf_wipe(text.data, text.cap);
	return r < 0 ? r : 1;
}

/* --- a profile ----------------------------------------------------------------------------------------------------- */

static int from_profile(const struct hf_s3_chain *c, const char *profile, int depth, struct hf_s3_keys *out, struct hf_error *err);

/* The keys with which a role is taken on: another profile's, or another link's. */
static int source_of_role(const struct hf_s3_chain *c, const char *profile, int depth, struct hf_s3_keys *out, struct hf_error *err)
{
	static const struct {
		const char *name;
		hf_s3_link *link;
	} sources[] = {{"Environment", hf_s3_from_environment}, {"EcsContainer", hf_s3_from_container},
		{"Ec2InstanceMetadata", hf_s3_from_instance}};
	SECRET_TEXT source = hf_s3_profile_get(profile, "source_profile");
	if (source)
		return from_profile(c, source, strcmp(source, profile) == 0 ? ROLE_DEPTH : depth + 1, out, err);
	SECRET_TEXT name = hf_s3_profile_get(profile, "credential_source");
	for (size_t i = 0; name && i < sizeof(sources) / sizeof(sources[0]); i++)
		if (strcmp(name, sources[i].name) == 0)
			return sources[i].link(c, out, err);
	return hf_fail(err, HF_E_DENIED, "the profile %s takes on a role, but names no source_profile, credential_source or "
		"web_identity_token_file that is known", profile);
}

static int from_role(const struct hf_s3_chain *c, const char *profile, const char *arn, int depth, struct hf_s3_keys *out,
	struct hf_error *err)
{
	char from[128];
	snprintf(from, sizeof(from), "the role of profile %s", profile);
	SECRET_TEXT token = hf_s3_profile_get(profile, "web_identity_token_file");
	SECRET_TEXT session = hf_s3_profile_get(profile, "role_session_name");
	SECRET_TEXT external = hf_s3_profile_get(profile, "external_id");
	SECRET_TEXT duration = hf_s3_profile_get(profile, "duration_seconds");
	const struct hf_s3_role role = {.arn = arn, .session = session, .external_id = external, .token_file = token,
		.duration = duration, .from = from};
	struct hf_s3_keys by = {0};
	int r = token ? 1 : source_of_role(c, profile, depth, &by, err);
	if (r == 0)
		r = hf_fail(err, HF_E_DENIED, "%s: its source has no keys", from);
	if (r > 0)
		r = hf_s3_assume_role(c, &role, token ? NULL : &by, out, err);
	hf_s3_keys_wipe(&by);
	return r < 0 ? r : 1;
}

static int from_profile(const struct hf_s3_chain *c, const char *profile, int depth, struct hf_s3_keys *out, struct hf_error *err)
{
	char from[128];
	snprintf(from, sizeof(from), "the profile %s", profile);
	if (depth > ROLE_DEPTH)
		return hf_fail(err, HF_E_DENIED, "%s: its source_profile leads nowhere", from);
	SECRET_TEXT arn = depth == ROLE_DEPTH ? NULL : hf_s3_profile_get(profile, "role_arn");
	if (arn)
		return from_role(c, profile, arn, depth, out, err);
	SECRET_TEXT id = hf_s3_profile_get(profile, "aws_access_key_id");
	SECRET_TEXT secret = hf_s3_profile_get(profile, "aws_secret_access_key");
	SECRET_TEXT token = hf_s3_profile_get(profile, "aws_session_token");
	if (id && secret) {
		int r = hf_s3_keys_set(out, id, secret, token, from, err);
		return r < 0 ? r : 1;
	}
	if (id || secret)
		return hf_fail(err, HF_E_DENIED, "%s has only one of aws_access_key_id and aws_secret_access_key", from);
	SECRET_TEXT command = hf_s3_profile_get(profile, "credential_process");
	return command ? from_process(command, from, out, err) : 0;
}

int hf_s3_from_profile(const struct hf_s3_chain *c, struct hf_s3_keys *out, struct hf_error *err)
{
	const char *name = hf_s3_variable("AWS_PROFILE");
	if (name && !hf_s3_profile_exists(name))
		return hf_fail(err, HF_E_DENIED, "there is no profile \"%s\" (AWS_PROFILE) in ~/.aws/credentials or ~/.aws/config", name);
	return from_profile(c, name ? name : "default", 0, out, err);
}
