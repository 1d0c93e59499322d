/* A policy's sources; see policy_sources.h. */
#include "ops/policy_sources.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { URL_MAX = 8192, OPTIONS_MAX = 8 };

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* "postgresql+psycopg2://…" without the part that names an application's driver; other texts as they are. */
static const char *plain_url(struct hf_arena *a, const char *text)
{
	size_t scheme = strcspn(text, "+:/");
	const char *colon = strchr(text, ':');
	if (text[scheme] != '+' || !colon || !strstr(text, ":/"))
		return text;
	size_t rest = strlen(colon);
	char *out = hf_arena_alloc(a, scheme + rest + 1);
	if (!out)
		return NULL;
	memcpy(out, text, scheme);
	memcpy(out + scheme, colon, rest + 1);
	return out;
}

/* --- locations --------------------------------------------------------------------------------------------------------- */

static int fetch_url(struct hf_arena *a, const struct hf_policy_source *s, const char **out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(URL_MAX);
	char what[256];
	snprintf(what, sizeof(what), "the URL of source %s", s->name);
	int r = hf_policy_secret_get(&s->postgresql_url, what, &text, err);
	if (r < 0)
		return r;
	*out = hf_arena_copy(a, text.data, text.len);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	return *out ? 0 : no_memory(err);
}

static int postgresql_location(struct hf_arena *a, const struct hf_policy_source *s, const char **out, struct hf_error *err)
{
	const char *url = s->postgresql;
	int r = url ? 0 : fetch_url(a, s, &url, err);
	if (r < 0)
		return r;
	if (!strstr(url, "://") && strncmp(url, "postgresql:", 11) == 0)
		url += 11; /* as on the command line */
	*out = plain_url(a, url);
	return *out ? 0 : no_memory(err);
}

static int sqlite_location(struct hf_arena *a, const struct hf_policy_source *s, const char **out, struct hf_error *err)
{
	*out = strncmp(s->sqlite, "sqlite", 6) == 0 ? plain_url(a, s->sqlite) : s->sqlite;
	return *out ? 0 : no_memory(err);
}

static int set_location(struct hf_arena *a, const struct hf_policy_source *s, struct hf_source_spec *out, struct hf_error *err)
{
	const char **room;
	if (strcmp(s->kind, "postgresql") == 0)
		return postgresql_location(a, s, &out->location, err);
	if (strcmp(s->kind, "sqlite") == 0)
		return sqlite_location(a, s, &out->location, err);
	if (strcmp(s->kind, "volume") == 0) {
		out->location = s->volume;
		return 0;
	}
	out->location = s->name;
	room = hf_arena_alloc(a, 4 * sizeof(*room));
	if (!room)
		return no_memory(err);
	out->argv = hf_policy_argv(&s->command, room);
	return 0;
}

/* --- options ----------------------------------------------------------------------------------------------------------- */

static void add(struct hf_source_spec *spec, struct hf_option *room, const char *name, const char *value)
{
	room[spec->option_count++] = (struct hf_option){name, value};
}

static const char *print(struct hf_arena *a, unsigned long long n, const char *unit)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%llu%s", n, unit);
	return hf_arena_copy(a, text, (size_t)len);
}

static int set_options(struct hf_arena *a, const struct hf_policy_source *s, struct hf_source_spec *out, struct hf_error *err)
{
	struct hf_option *room = hf_arena_alloc(a, (s->exclude.count + s->exclude_file.count + OPTIONS_MAX) * sizeof(*room));
	const char *limit = s->wal_limit ? print(a, s->wal_limit, "") : "";
	bool is_sqlite = strcmp(s->kind, "sqlite") == 0;
	const char *busy = is_sqlite && s->busy_timeout ? print(a, (unsigned long long)(s->busy_timeout / 1000000), "ms") : "";
	if (!room || !limit || !busy)
		return no_memory(err);
	out->options = room;
	for (size_t i = 0; i < s->exclude.count; i++)
		add(out, room, "exclude", s->exclude.items[i]);
	for (size_t i = 0; i < s->exclude_file.count; i++)
		add(out, room, "exclude-file", s->exclude_file.items[i]);
	if (s->exclude_caches)
		add(out, room, "exclude-caches", "true");
	if (s->one_file_system)
		add(out, room, "one-file-system", "true");
	if (s->direct)
		add(out, room, "direct", "true");
	if (is_sqlite && strcmp(s->check, "quick") != 0)
		add(out, room, "check", s->check);
	if (*limit)
		add(out, room, "wal-limit", limit);
	if (*busy)
		add(out, room, "busy-timeout", busy);
	return 0;
}

int hf_policy_sources_make(const struct hf_policy *policy, struct hf_policy_sources *out, struct hf_error *err)
{
	*out = (struct hf_policy_sources){0};
	out->specs = calloc(policy->sources.count + 1, sizeof(*out->specs));
	if (!out->specs)
		return no_memory(err);
	for (size_t i = 0; i < policy->sources.count; i++) {
		const struct hf_policy_source *s = hf_policy_source(policy, i);
		struct hf_source_spec *spec = &out->specs[out->count++];
		*spec = (struct hf_source_spec){.kind = s->kind, .name = s->name, .scratch = policy->scratch};
		int r = set_location(&out->arena, s, spec, err);
		if (r == 0)
			r = set_options(&out->arena, s, spec, err);
		if (r < 0)
			return r;
	}
	return 0;
}

void hf_policy_sources_free(struct hf_policy_sources *s)
{
	hf_arena_free(&s->arena);
	free(s->specs);
	*s = (struct hf_policy_sources){0};
}

static int check_one(const struct hf_policy *policy, struct hf_arena *arena, size_t i, struct hf_error *err)
{
	const struct hf_policy_source *s = hf_policy_source(policy, i);
	struct hf_source_spec spec = {.kind = s->kind, .name = s->name, .scratch = policy->scratch};
	struct hf_source *source = NULL;
	if (s->postgresql_url.file || hf_policy_has_command(&s->postgresql_url.command))
		return 0;
	int r = set_location(arena, s, &spec, err);
	if (r == 0)
		r = set_options(arena, s, &spec, err);
	if (r == 0)
		r = hf_source_open(&spec, &source, err);
	hf_source_close(source);
	return r < 0 ? hf_wrap(err, r, "%s:%zu:%zu: source \"%s\"", policy->path, s->line, s->column, s->name) : 0;
}

int hf_policy_sources_check(const struct hf_policy *policy, struct hf_error *err)
{
	struct hf_arena arena = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < policy->sources.count; i++)
		r = check_one(policy, &arena, i, err);
	hf_arena_free(&arena);
	return r;
}
