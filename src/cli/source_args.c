/* SOURCE arguments; see source_args.h. */
#include "cli/source_args.h"

#include "base/hex.h"
#include "source/sqlite/location.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[HF_SOURCE_KINDS] = {"volume", "sqlite", "postgresql", "command"};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_kind(const struct hf_source_spec *s, const char *kind)
{
	return strcmp(s->kind, kind) == 0;
}

/* --- default names ------------------------------------------------------------------------------------------------- */

/* The last component of a path; of what has none ("/", ".", "..") that of the path that is meant. NULL: no memory. */
static char *last_component(const char *path)
{
	size_t end = strlen(path);
	while (end > 1 && path[end - 1] == '/')
		end--;
	size_t start = end;
	while (start && path[start - 1] != '/')
		start--;
	bool has_none = start == end || (end - start == 1 && path[start] == '.') ||
			(end - start == 2 && path[start] == '.' && path[start + 1] == '.');
	if (!has_none)
		return strndup(path + start, end - start);
	char *whole = realpath(path, NULL);
	const char *slash = whole ? strrchr(whole, '/') : NULL;
	char *name = strdup(slash && slash[1] ? slash + 1 : "root");
	free(whole);
	return name;
}

/* In place: %41 to A. What is no escape stays. */
static void percent_decode(char *text)
{
	char *to = text;
	for (const char *from = text; *from; to++) {
		char digits[3] = {from[1], from[1] ? from[2] : 0, 0};
		for (char *d = digits; *d; d++)
			*d = (char)(*d >= 'A' && *d <= 'F' ? *d + 32 : *d);
		uint8_t byte;
		if (*from == '%' && hf_unhex(digits, &byte, 1) && byte) {
			*to = (char)byte;
			from += 3;
		} else {
			*to = *from++;
		}
	}
	*to = 0;
}

/* The database that a URL names, by its path or by "dbname=", else "postgresql". */
static char *database_name(const char *url)
{
	const char *authority = strstr(url, "://");
	const char *path = authority ? strchr(authority + 3, '/') : NULL;
	const char *query = strchr(url, '?');
	const char *name = path && (!query || path < query) ? path + 1 : "";
	size_t len = strcspn(name, "?#");
	for (const char *q = query; len == 0 && q; q = strchr(q, '&')) {
		q++;
		if (starts(q, "dbname=")) {
			name = q + 7;
			len = strcspn(name, "&#");
		}
	}
	char *out = len ? strndup(name, len) : strdup("postgresql");
	if (out && len)
		percent_decode(out);
	for (char *c = out; c && *c; c++)
		if (*c == '/')
			*c = '-';
	return out;
}

/* --- one source ---------------------------------------------------------------------------------------------------- */

static int parse_volume(const char *text, struct hf_source_spec *s, char **name, struct hf_error *err)
{
	if (!*text)
		return hf_fail(err, HF_E_USAGE, "an empty text names no source");
	size_t scheme = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+");
	if (scheme && starts(text + scheme, "://"))
		return hf_fail(err, HF_E_USAGE, "%s: there are no such sources, but paths, sqlite:, postgresql: and command:; a path that "
			"looks so is written ./%s", text, text);
	s->location = text;
	*name = last_component(text);
	return *name ? 0 : no_memory(err);
}

static int parse_sqlite(const char *text, struct hf_source_spec *s, char **name, char **location, struct hf_error *err)
{
	int r = hf_sqlite_location(text, location, err);
	if (r < 0)
		return r;
	if ((*location)[strlen(*location) - 1] == '/')
		return hf_fail(err, HF_E_USAGE, "%s names no file", text);
	s->location = *location;
	*name = last_component(*location);
	return *name ? 0 : no_memory(err);
}

static int parse_postgresql(const char *text, struct hf_source_spec *s, char **name, char **location,
	struct hf_error *err)
{
	const char *rest = strchr(text, ':') + 1;
	if (starts(rest, "//")) {
		s->location = text;
		*name = database_name(text);
		return *name ? 0 : no_memory(err);
	}
	if (!*rest)
		return hf_fail(err, HF_E_USAGE, "%s: give a postgresql:// URL, or postgresql:DIR with the directory of the "
			"server's socket", text);
	*location = realpath(rest, NULL) ?: strdup(rest);
	*name = strdup("postgresql");
	s->location = *location;
	return *location && *name ? 0 : no_memory(err);
}

static int parse_command(const char *text, struct hf_source_spec *s, char **name, struct hf_error *err)
{
	s->location = text + strlen("command:");
	if (!*s->location)
		return hf_fail(err, HF_E_USAGE, "%s: the command needs a name, as in command:redis -- redis-cli --rdb -", text);
	*name = strdup(s->location);
	return *name ? 0 : no_memory(err);
}

static int parse(const char *text, struct hf_source_spec *s, char **texts, struct hf_error *err)
{
	if (starts(text, "sqlite:")) {
		s->kind = "sqlite";
		return parse_sqlite(text, s, &texts[0], &texts[1], err);
	}
	if (starts(text, "postgresql:") || starts(text, "postgres:")) {
		s->kind = "postgresql";
		return parse_postgresql(text, s, &texts[0], &texts[1], err);
	}
	if (starts(text, "command:")) {
		s->kind = "command";
		return parse_command(text, s, &texts[0], err);
	}
	s->kind = "volume";
	return parse_volume(text, s, &texts[0], err);
}

int hf_source_args_add(struct hf_source_args *a, const char *text, struct hf_error *err)
{
	struct hf_source_spec *specs = reallocarray(a->specs, a->count + 1, sizeof(*specs));
	if (!specs)
		return no_memory(err);
	a->specs = specs;
	char **texts = reallocarray(a->texts, 2 * (a->count + 1), sizeof(*texts));
	if (!texts)
		return no_memory(err);
	a->texts = texts;
	texts += 2 * a->count;
	texts[0] = texts[1] = NULL;
	specs += a->count++;
	*specs = (struct hf_source_spec){0};
	int r = parse(text, specs, texts, err);
	specs->name = texts[0];
	return r;
}

int hf_source_args_name(struct hf_source_args *a, const char *name, struct hf_error *err)
{
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return hf_fail(err, HF_E_USAGE, "--name \"%s\": a name is not empty, has no / and is not . or ..", name);
	if (a->count)
		a->specs[a->count - 1].name = name;
	else if (a->early_name)
		return hf_fail(err, HF_E_USAGE, "--name %s and --name %s: put each after the SOURCE that it names",
			a->early_name, name);
	else
		a->early_name = name;
	return 0;
}

int hf_source_args_option(struct hf_source_args *a, const char *kind, const char *name, const char *value,
	struct hf_error *err)
{
	size_t k = 0;
	while (strcmp(kind_names[k], kind) != 0)
		k++;
	struct hf_option *more = reallocarray(a->kinds[k].options, a->kinds[k].count + 1, sizeof(*more));
	if (!more)
		return no_memory(err);
	a->kinds[k].options = more;
	more[a->kinds[k].count++] = (struct hf_option){name, value};
	return 0;
}

/* --- all of them --------------------------------------------------------------------------------------------------- */

static int settle_names(struct hf_source_args *a, struct hf_error *err)
{
	if (a->early_name && a->count > 1)
		return hf_fail(err, HF_E_USAGE, "--name %s stands before several sources: put it after the one that it names",
			a->early_name);
	if (a->early_name)
		a->specs[0].name = a->early_name;
	for (size_t i = 0; i < a->count; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(a->specs[i].name, a->specs[k].name) == 0)
				return hf_fail(err, HF_E_USAGE, "two sources are named \"%s\": name one of them by --name NAME "
					"after it", a->specs[i].name);
	return 0;
}

static int settle_command(struct hf_source_args *a, char *const *rest, struct hf_error *err)
{
	struct hf_source_spec *command = NULL;
	for (size_t i = 0; i < a->count; i++) {
		if (!is_kind(&a->specs[i], "command"))
			continue;
		if (command)
			return hf_fail(err, HF_E_USAGE, "only one command can be given, and \"%s\" and \"%s\" are two",
				command->name, a->specs[i].name);
		command = &a->specs[i];
	}
	if (command && (!rest || !*rest))
		return hf_fail(err, HF_E_USAGE, "command:%s: what is to be run? Give it last, as in command:%s -- PROGRAM ARG…",
			command->location, command->location);
	if (!command && rest && *rest)
		return hf_fail(err, HF_E_USAGE, "\"%s\" after \"--\" is for a command:NAME source, and there is none", *rest);
	if (command)
		command->argv = (const char *const *)rest;
	return 0;
}

static int settle_options(struct hf_source_args *a, const char *scratch, struct hf_error *err)
{
	for (size_t k = 0; k < HF_SOURCE_KINDS; k++) {
		bool used = a->kinds[k].count == 0;
		for (size_t i = 0; i < a->count; i++) {
			if (!is_kind(&a->specs[i], kind_names[k]))
				continue;
			a->specs[i].options = a->kinds[k].options;
			a->specs[i].option_count = a->kinds[k].count;
			a->specs[i].scratch = scratch ? scratch : "/var/tmp";
			used = true;
		}
		if (!used)
			return hf_fail(err, HF_E_USAGE, "--%s is for sources of kind %s, and there is none",
				a->kinds[k].options[0].name, kind_names[k]);
	}
	return 0;
}

int hf_source_args_finish(struct hf_source_args *a, char *const *rest, const char *scratch, struct hf_error *err)
{
	if (!a->count)
		return hf_fail(err, HF_E_USAGE, "what is to be backed up? Give a SOURCE; see holdfast backup --help");
	int r = settle_names(a, err);
	if (r == 0)
		r = settle_command(a, rest, err);
	return r < 0 ? r : settle_options(a, scratch, err);
}

void hf_source_args_free(struct hf_source_args *a)
{
	for (size_t i = 0; i < 2 * a->count; i++)
		free(a->texts[i]);
	for (size_t k = 0; k < HF_SOURCE_KINDS; k++)
		free(a->kinds[k].options);
	free(a->texts);
	free(a->specs);
	*a = (struct hf_source_args){0};
}
