/* Opening the repository; see open.h. */
#include "cli/open.h"

#include "base/size.h"
#include "cli/passphrase.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *variable(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

int hf_cli_repo(const struct hf_cli *cli, const char **url, struct hf_error *err)
{
	*url = cli->repo ? cli->repo : cli->policy ? cli->policy->primary.repository : variable("HOLDFAST_REPO");
	if (*url && **url)
		return 0;
	return hf_fail(err, HF_E_USAGE, "which repository? Name it by -r REPO, in a --policy or in HOLDFAST_REPO");
}

/* -r may name another repository than the policy's: then what the environment says of keys comes first. */
static const char *key_file(const struct hf_cli *cli)
{
	const char *environment = variable("HOLDFAST_KEY_FILE");
	const char *policy = cli->policy ? cli->policy->primary.key_file : NULL;
	return policy && !(cli->repo && environment) ? policy : environment;
}

int hf_cli_passphrase(const struct hf_cli *cli, const struct hf_passphrase_options *ask, struct hf_buf *out,
	struct hf_error *err)
{
	int r = 0;
	if (cli->policy && !(cli->repo && hf_passphrase_is_given("HOLDFAST_PASSPHRASE")))
		r = hf_policy_secret_get(&cli->policy->primary.passphrase, "the policy's passphrase", out, err);
	return r ? (r < 0 ? r : 0) : hf_passphrase_get(ask, out, err);
}

struct asking {
	const struct hf_cli *cli;
	struct hf_passphrase_options options;
};

static int ask_passphrase(void *user, struct hf_buf *out, struct hf_error *err)
{
	const struct asking *a = user;
	return hf_cli_passphrase(a->cli, &a->options, out, err);
}

static int rate(const char *option, const char *text, uint64_t *out, struct hf_error *err)
{
	int r = text ? hf_size_parse(text, out, err) : 0;
	if (r == 0 && text && *out == 0)
		r = hf_fail(err, HF_E_USAGE, "nothing would ever pass");
	return r < 0 ? hf_wrap(err, r, "%s %s", option, text) : 0;
}

int hf_cli_store_options(const struct hf_cli *cli, struct hf_store_open_options *out, struct hf_error *err)
{
	char *end = NULL;
	long n = cli->connections ? strtol(cli->connections, &end, 10) : 0;
	if (cli->connections && (*end || n < 1 || n > 256))
		return hf_fail(err, HF_E_USAGE, "--connections %s is not a number from 1 to 256", cli->connections);
	out->connections = (int)n;
	if (cli->policy) {
		out->limit_upload = cli->policy->limits.upload;
		out->limit_download = cli->policy->limits.download;
	}
	int r = rate("--limit-upload", cli->limit_upload, &out->limit_upload, err);
	return r < 0 ? r : rate("--limit-download", cli->limit_download, &out->limit_download, err);
}

/* $name, or $home below the home directory's `below`, or for root `system`. */
static char *directory(const char *name, const char *system, const char *home, const char *below)
{
	char *path = NULL;
	const char *value = variable(name);
	if (value)
		return realpath(value, NULL) ?: strdup(value);
	if (geteuid() == 0)
		return strdup(system);
	value = variable(home);
	if (value && *value == '/')
		return asprintf(&path, "%s/holdfast", value) < 0 ? NULL : path;
	value = variable("HOME");
	return value && asprintf(&path, "%s/%s/holdfast", value, below) >= 0 ? path : NULL;
}

/* Of all repositories' caches and memories: the variables', or for root below /var, else in the home directory; NULL if there is none
 * to be had. To be freed. */
static char *cache_dir(void)
{
	return directory("HOLDFAST_CACHE_DIR", "/var/cache/holdfast", "XDG_CACHE_HOME", ".cache");
}

static char *state_dir(void)
{
	return directory("HOLDFAST_STATE_DIR", "/var/lib/holdfast", "XDG_STATE_HOME", ".local/state");
}

int hf_cli_open(struct hf_cli *cli, struct hf_repository **out, struct hf_error *err)
{
	const char *url;
	char prompt[512];
	int r = hf_cli_repo(cli, &url, err);
	if (r < 0)
		return r;
	snprintf(prompt, sizeof(prompt), "Passphrase of %s", url);
	struct asking ask = {cli, {.prompt = prompt}};
	char *cache = cli->no_cache ? NULL : cache_dir(), *state = state_dir();
	struct hf_repository_options options = {.url = url,
		.credentials = {key_file(cli), ask_passphrase, &ask},
		.cache_dir = cache,
		.state_dir = state};
	r = hf_cli_store_options(cli, &options.store, err);
	if (r == 0)
		r = hf_repository_open(&options, out, err);
	hf_passphrase_scrub_environment();
	free(cache);
	free(state);
	return r;
}

static int ask_other(void *user, struct hf_buf *out, struct hf_error *err)
{
	return hf_passphrase_get(user, out, err);
}

int hf_cli_open_other(const struct hf_cli *cli, const struct hf_cli_other *other, struct hf_repository **out,
	struct hf_error *err)
{
	char prompt[512], key_variable[64], phrase_variable[64], file_variable[80];
	snprintf(prompt, sizeof(prompt), "Passphrase of %s", other->url);
	snprintf(key_variable, sizeof(key_variable), "%.40s_KEY_FILE", other->prefix);
	snprintf(phrase_variable, sizeof(phrase_variable), "%.40s_PASSPHRASE", other->prefix);
	snprintf(file_variable, sizeof(file_variable), "%s_FILE", phrase_variable);
	if (other->passphrase_file) {
		unsetenv(phrase_variable);
		if (setenv(file_variable, other->passphrase_file, 1) < 0)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
	}
	struct hf_passphrase_options ask = {.name = phrase_variable, .prompt = prompt};
	const char *key = other->key_file ? other->key_file : other->passphrase_file ? NULL : variable(key_variable);
	char *cache = cli->no_cache ? NULL : cache_dir(), *state = state_dir();
	struct hf_repository_options options = {.url = other->url,
		.credentials = {key, ask_other, &ask},
		.cache_dir = cache,
		.state_dir = state};
	int r = hf_cli_store_options(cli, &options.store, err);
	if (r == 0)
		r = hf_repository_open(&options, out, err);
	free(cache);
	free(state);
	return r;
}

/* --- copies ------------------------------------------------------------------------------------------------------------- */

void hf_cli_places_begin(struct hf_cli_places *places, const struct hf_cli *cli)
{
	const char *value = cli->policy && cli->policy->copies.count ? getenv("HOLDFAST_PASSPHRASE") : NULL;
	*places = (struct hf_cli_places){cli, HF_BUF(HF_PASSPHRASE_MAX)};
	if (value)
		hf_buf_str(&places->passphrase, value);
}

void hf_cli_places_end(struct hf_cli_places *places)
{
	hf_passphrase_free(&places->passphrase);
}

int hf_cli_places_passphrase(const struct hf_cli_places *places, const struct hf_policy_place *place,
	const struct hf_passphrase_options *ask, struct hf_buf *out, struct hf_error *err)
{
	const struct hf_buf *had = &places->passphrase;
	int r = hf_policy_secret_get(&place->passphrase, "the copy's passphrase", out, err);
	if (r == 0)
		r = hf_policy_secret_get(&places->cli->policy->primary.passphrase, "the policy's passphrase", out, err);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!had->len)
		return hf_passphrase_get(ask, out, err);
	hf_buf_add(out, had->data, had->len);
	return hf_buf_check(out, "passphrase", err);
}

struct asking_place {
	const struct hf_cli_places *places;
	const struct hf_policy_place *place;
};

static int ask_place(void *user, struct hf_buf *out, struct hf_error *err)
{
	const struct asking_place *a = user;
	char prompt[512];
	snprintf(prompt, sizeof(prompt), "Passphrase of %s", a->place->repository);
	const struct hf_passphrase_options ask = {.prompt = prompt};
	return hf_cli_places_passphrase(a->places, a->place, &ask, out, err);
}

int hf_cli_places_open(void *user, const struct hf_policy_place *place, struct hf_repository **out, struct hf_error *err)
{
	const struct hf_cli_places *places = user;
	struct asking_place ask = {places, place};
	char *cache = places->cli->no_cache ? NULL : cache_dir(), *state = state_dir();
	struct hf_repository_options options = {.url = place->repository,
		.credentials = {place->key_file, ask_place, &ask},
		.cache_dir = cache,
		.state_dir = state};
	int r = hf_cli_store_options(places->cli, &options.store, err);
	if (r == 0)
		r = hf_repository_open(&options, out, err);
	free(cache);
	free(state);
	return r;
}
