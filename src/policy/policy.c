/* The tables of what a policy may say; see policy.h and schema.h. Beside them only what no single field can say. */
#include "policy/policy.h"

#include <stdlib.h>
#include <string.h>

/* --- commands and secrets ---------------------------------------------------------------------------------------------- */

static int check_command(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy_command *c = object;
	if (!c->sh && !c->run.count)
		return hf_document_fail(d, n, err, "what is to be run? Give run: [PROGRAM, ARG, …] or sh: TEXT");
	if (c->sh && c->run.count)
		return hf_document_fail(d, n, err, "run and sh exclude each other");
	return 0;
}

#define RUN {.name = "run", .type = HF_FIELD_ARGV, .optional = true, .offset = offsetof(struct hf_policy_command, run)}
/* The shell expands its variables itself: pasted into a command line, a value could be anything. */
#define SH {.name = "sh", .type = HF_FIELD_TEXT, .raw = true, .optional = true, .offset = offsetof(struct hf_policy_command, sh)}

static const struct hf_field command_fields[] = {RUN, SH, {0}};
static const struct hf_schema command = {"a command", command_fields, sizeof(struct hf_policy_command), "sh", "run",
	check_command};

static const struct hf_field timed_fields[] = {
	RUN,
	SH,
	{.name = "timeout", .type = HF_FIELD_DURATION, .offset = offsetof(struct hf_policy_command, timeout), .fallback = "10m"},
	{0},
};
static const struct hf_schema hook = {"a hook", timed_fields, sizeof(struct hf_policy_command), "sh", "run", check_command};
static const struct hf_schema drill_command = {"the command of a drill", timed_fields, sizeof(struct hf_policy_command), "sh",
	"run", check_command};

/* NAME_file and NAME_command, of a secret that is the member `member` of struct `owner`. */
#define SECRET_FORMS(key, owner, member)                                                                                \
	{.name = key "_file", .type = HF_FIELD_TEXT, .optional = true, .offset = offsetof(owner, member.file)},          \
	{.name = key "_command", .type = HF_FIELD_GROUP, .schema = &command, .optional = true,                          \
		.offset = offsetof(owner, member.command)}

static int check_secret(const struct hf_document *d, const struct hf_node *n, const struct hf_policy_secret *s,
	const char *key, struct hf_error *err)
{
	if ((s->value != NULL) + (s->file != NULL) + hf_policy_has_command(&s->command) > 1)
		return hf_document_fail(d, n, err, "%s, %s_file and %s_command exclude each other", key, key, key);
	return 0;
}

/* --- places ------------------------------------------------------------------------------------------------------------ */

#define PLACE(owner, member)                                                                                            \
	{.name = "repository", .type = HF_FIELD_URL, .required = true, .offset = offsetof(owner, member repository)},   \
	{.name = "key_file", .type = HF_FIELD_TEXT, .optional = true, .offset = offsetof(owner, member key_file)},       \
	{.name = "passphrase", .type = HF_FIELD_SECRET, .optional = true, .offset = offsetof(owner, member passphrase.value)}, \
	SECRET_FORMS("passphrase", owner, member passphrase)

#define NOTHING /* the member is the struct itself */

static int check_place(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy_place *p = object;
	return check_secret(d, n, &p->passphrase, "passphrase", err);
}

static const struct hf_field place_fields[] = {PLACE(struct hf_policy_place, NOTHING), {0}};
static const struct hf_schema place = {"a copy", place_fields, sizeof(struct hf_policy_place), "repository", NULL, check_place};

/* --- sources ----------------------------------------------------------------------------------------------------------- */

static const char *const sqlite_checks[] = {"quick", "full", "none", NULL};

#define SOURCE(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct hf_policy_source, member)
static const struct hf_field source_fields[] = {
	{SOURCE("name", HF_FIELD_TEXT, name), .required = true},
	{SOURCE("volume", HF_FIELD_TEXT, volume), .optional = true},
	{SOURCE("sqlite", HF_FIELD_TEXT, sqlite), .optional = true},
	{SOURCE("postgresql", HF_FIELD_URL, postgresql), .optional = true},
	SECRET_FORMS("postgresql", struct hf_policy_source, postgresql_url),
	{SOURCE("command", HF_FIELD_GROUP, command), .schema = &command, .optional = true},
	{SOURCE("exclude", HF_FIELD_TEXTS, exclude), .only = "volume"},
	{SOURCE("exclude_file", HF_FIELD_TEXTS, exclude_file), .only = "volume"},
	{SOURCE("exclude_caches", HF_FIELD_FLAG, exclude_caches), .only = "volume"},
	{SOURCE("one_file_system", HF_FIELD_FLAG, one_file_system), .only = "volume"},
	{SOURCE("direct", HF_FIELD_FLAG, direct), .only = "sqlite"},
	{SOURCE("check", HF_FIELD_CHOICE, check), .only = "sqlite", .choices = sqlite_checks, .fallback = "quick"},
	{SOURCE("wal_limit", HF_FIELD_SIZE, wal_limit), .only = "sqlite"},
	{SOURCE("busy_timeout", HF_FIELD_DURATION, busy_timeout), .only = "sqlite", .fallback = "1m"},
	{0},
};

static int check_source(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy_source *s = object;
	struct hf_policy_secret url = s->postgresql_url;
	url.value = s->postgresql;
	bool has_url = url.value || url.file || hf_policy_has_command(&url.command);
	int kinds = (s->volume != NULL) + (s->sqlite != NULL) + has_url + hf_policy_has_command(&s->command);
	if (kinds != 1)
		return hf_document_fail(d, n, err, "source \"%s\" has %s of volume, sqlite, postgresql and command; give one",
			s->name, kinds ? "several" : "none");
	if (strchr(s->name, '/') || strcmp(s->name, ".") == 0 || strcmp(s->name, "..") == 0)
		return hf_document_fail(d, n, err, "source \"%s\": a name has no / and is not . or ..", s->name);
	if (s->postgresql && strncmp(s->postgresql, "sqlite:", 7) == 0)
		return hf_document_fail(d, n, err, "source \"%s\": postgresql takes a postgresql:// URL or the directory of a "
			"socket, and this is a URL of SQLite", s->name);
	if (s->sqlite && strncmp(s->sqlite, "postgres", 8) == 0 && strstr(s->sqlite, "://"))
		return hf_document_fail(d, n, err, "source \"%s\": sqlite takes a path or a sqlite:/// URL, and this is one of "
			"PostgreSQL", s->name);
	return check_secret(d, n, &url, "postgresql", err);
}

static const struct hf_schema source = {"a source", source_fields, sizeof(struct hf_policy_source), NULL, NULL, check_source};

/* --- retention, hooks -------------------------------------------------------------------------------------------------- */

static const char *const groupings[] = {"name", "tag", "sources", NULL};

#define KEEP(key, kind, member) .name = key, .type = kind, .offset = offsetof(struct hf_policy_retention, member)
static const struct hf_field retention_fields[] = {
	{KEEP("last", HF_FIELD_COUNT, last)},
	{KEEP("hourly", HF_FIELD_COUNT, hourly)},
	{KEEP("daily", HF_FIELD_COUNT, daily)},
	{KEEP("weekly", HF_FIELD_COUNT, weekly)},
	{KEEP("monthly", HF_FIELD_COUNT, monthly)},
	{KEEP("yearly", HF_FIELD_COUNT, yearly)},
	{KEEP("within", HF_FIELD_DURATION, within)},
	{KEEP("within_hourly", HF_FIELD_DURATION, within_hourly)},
	{KEEP("within_daily", HF_FIELD_DURATION, within_daily)},
	{KEEP("within_weekly", HF_FIELD_DURATION, within_weekly)},
	{KEEP("within_monthly", HF_FIELD_DURATION, within_monthly)},
	{KEEP("within_yearly", HF_FIELD_DURATION, within_yearly)},
	{KEEP("tag", HF_FIELD_TEXTS, tag)},
	{KEEP("group_by", HF_FIELD_CHOICE, group_by), .choices = groupings, .fallback = "name"},
	{0},
};

static int check_retention(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy_retention *k = object;
	if (k->last || k->hourly || k->daily || k->weekly || k->monthly || k->yearly || k->within || k->within_hourly ||
		k->within_daily || k->within_weekly || k->within_monthly || k->within_yearly || k->tag.count)
		return 0;
	return hf_document_fail(d, n, err, "this retention keeps nothing: give last, daily, within …, or leave retention out to "
		"keep everything");
}

static const struct hf_schema retention = {"retention", retention_fields, sizeof(struct hf_policy_retention), NULL, NULL,
	check_retention};

#define HOOK(key) {.name = #key, .type = HF_FIELD_GROUPS, .schema = &hook, .offset = offsetof(struct hf_policy_hooks, key)}
static const struct hf_field hook_fields[] = {HOOK(before), HOOK(freeze), HOOK(thaw), HOOK(after), HOOK(on_failure), {0}};
static const struct hf_schema hooks = {"hooks", hook_fields, sizeof(struct hf_policy_hooks), NULL, NULL, NULL};

/* --- smaller maps ------------------------------------------------------------------------------------------------------ */

#define MEMBER(owner, key, kind) .name = #key, .type = kind, .offset = offsetof(struct hf_policy_##owner, key)

static const struct hf_field objective_fields[] = {
	{MEMBER(objectives, rpo, HF_FIELD_DURATION)},
	{MEMBER(objectives, rto, HF_FIELD_DURATION)},
	{0},
};
static const struct hf_schema objectives = {"objectives", objective_fields, sizeof(struct hf_policy_objectives), NULL, NULL, NULL};

static const struct hf_field prune_fields[] = {
	{MEMBER(prune, every, HF_FIELD_DURATION), .fallback = "1w"},
	{MEMBER(prune, max_unused, HF_FIELD_SHARE)},
	{MEMBER(prune, grace, HF_FIELD_DURATION)},
	{0},
};
static const struct hf_schema prune = {"prune", prune_fields, sizeof(struct hf_policy_prune), "every", NULL, NULL};

static const struct hf_field verify_fields[] = {
	{MEMBER(verify, written, HF_FIELD_FLAG)},
	{MEMBER(verify, every, HF_FIELD_DURATION)},
	{MEMBER(verify, read_data, HF_FIELD_FLAG)},
	{MEMBER(verify, sample, HF_FIELD_SHARE)},
	{0},
};

static int check_verify(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy_verify *v = object;
	if (v->read_data && v->sample > 0)
		return hf_document_fail(d, n, err, "read_data reads everything, sample a part of it: give one of them");
	return 0;
}
static const struct hf_schema verify = {"verify", verify_fields, sizeof(struct hf_policy_verify), NULL, NULL, check_verify};

static const struct hf_field drill_fields[] = {
	{MEMBER(drill, sql, HF_FIELD_NAMED), .raw = true}, /* $$ is a quote in SQL */
	{MEMBER(drill, files, HF_FIELD_NAMED)},
	{MEMBER(drill, command, HF_FIELD_GROUP), .schema = &drill_command, .optional = true},
	{MEMBER(drill, preload_libraries, HF_FIELD_TEXTS)},
	{MEMBER(drill, allow_network, HF_FIELD_FLAG)},
	{0},
};
static const struct hf_schema drill = {"drill", drill_fields, sizeof(struct hf_policy_drill), NULL, NULL, NULL};

static const struct hf_field limit_fields[] = {
	{MEMBER(limits, upload, HF_FIELD_SIZE)},
	{MEMBER(limits, download, HF_FIELD_SIZE)},
	{0},
};
static const struct hf_schema limits = {"limits", limit_fields, sizeof(struct hf_policy_limits), NULL, NULL, NULL};

/* --- the policy -------------------------------------------------------------------------------------------------------- */

#define KEY(key, kind) .name = #key, .type = kind, .offset = offsetof(struct hf_policy, key)
#define MAP(key) {KEY(key, HF_FIELD_GROUP), .schema = &key}
static const struct hf_field policy_fields[] = {
	{KEY(version, HF_FIELD_COUNT), .fallback = "1", .least = 1, .most = 1},
	PLACE(struct hf_policy, primary.),
	{KEY(copies, HF_FIELD_GROUPS), .schema = &place},
	{KEY(timezone, HF_FIELD_TEXT), .fallback = "UTC"},
	{KEY(host, HF_FIELD_TEXT)},
	{KEY(tags, HF_FIELD_TEXTS)},
	{KEY(compression, HF_FIELD_COUNT), .fallback = "0", .least = 0, .most = 19},
	{KEY(scratch, HF_FIELD_TEXT), .fallback = "/var/tmp"},
	{KEY(sources, HF_FIELD_GROUPS), .schema = &source, .required = true},
	{KEY(retention, HF_FIELD_GROUP), .schema = &retention, .optional = true},
	MAP(prune),
	MAP(objectives),
	MAP(verify),
	MAP(drill),
	MAP(hooks),
	MAP(limits),
	{0},
};

static int check_sources(const struct hf_document *d, const struct hf_node *n, const struct hf_policy *p, struct hf_error *err)
{
	const struct hf_node *list = hf_node_get(n, "sources");
	const struct hf_node *at = list->kind == HF_NODE_LIST ? list->first : list;
	if (!p->sources.count)
		return hf_document_fail(d, list, err, "sources is empty: name at least one thing to back up");
	for (size_t i = 0; i < p->sources.count; i++, at = at->next)
		for (size_t k = 0; k < i; k++)
			if (strcmp(hf_policy_source(p, i)->name, hf_policy_source(p, k)->name) == 0)
				return hf_document_fail(d, at, err, "two sources are named \"%s\"", hf_policy_source(p, i)->name);
	return 0;
}

static bool is_database(const struct hf_policy *p, const char *name)
{
	for (size_t i = 0; i < p->sources.count; i++) {
		const struct hf_policy_source *s = hf_policy_source(p, i);
		if (strcmp(s->name, name) == 0)
			return !s->volume && !hf_policy_has_command(&s->command);
	}
	return false;
}

/* A check of a source that is not there, or is no database, would never run. */
static int check_named(const struct hf_document *d, const struct hf_policy *p, const struct hf_named *named,
	const char *what, struct hf_error *err)
{
	const char **names = calloc(p->sources.count + 1, sizeof(*names));
	if (!names)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = 0;
	for (size_t i = 0; i < p->sources.count; i++)
		names[i] = hf_policy_source(p, i)->name;
	for (size_t i = 0; i < named->count && r == 0; i++) {
		const struct hf_named_texts *t = &named->items[i];
		const struct hf_node at = {.line = t->line, .column = t->column};
		const char *nearest = hf_nearest(t->name, names);
		if (strcmp(nearest, t->name) != 0)
			r = hf_document_fail(d, &at, err, "drill.%s: there is no source \"%s\"; did you mean \"%s\"?", what,
				t->name, nearest);
		else if (!t->texts.count)
			r = hf_document_fail(d, &at, err, "drill.%s: there is nothing to check of \"%s\"", what, t->name);
		else if (named == &p->drill.sql && !is_database(p, t->name))
			r = hf_document_fail(d, &at, err, "drill.%s: \"%s\" is no database", what, t->name);
	}
	free(names);
	return r;
}

static int check_timezone(const struct hf_document *d, const struct hf_node *n, const char *name, struct hf_error *err)
{
	struct hf_zone *zone = NULL;
	struct hf_error why = {0};
	int r = hf_zone_load(name, &zone, &why);
	hf_zone_free(zone);
	if (r == HF_E_USAGE)
		return hf_document_fail(d, hf_node_get(n, "timezone"), err, "timezone: %s", why.msg);
	return r < 0 ? hf_fail(err, r, "%s", why.msg) : 0;
}

static int check_policy(const struct hf_document *d, const struct hf_node *n, const void *object, struct hf_error *err)
{
	const struct hf_policy *p = object;
	int r = check_secret(d, n, &p->primary.passphrase, "passphrase", err);
	if (r == 0)
		r = check_timezone(d, n, p->timezone, err);
	if (r == 0)
		r = check_sources(d, n, p, err);
	if (r == 0)
		r = check_named(d, p, &p->drill.sql, "sql", err);
	return r < 0 ? r : check_named(d, p, &p->drill.files, "files", err);
}

static const struct hf_schema policy = {"a policy", policy_fields, sizeof(struct hf_policy), NULL, NULL, check_policy};

/* A list, or a single member without one. */
static const struct hf_node *first_of(const struct hf_node *list)
{
	return list && list->kind == HF_NODE_LIST ? list->first : list;
}

/* Where the file says what can be judged only by whoever knows stores and sources. */
static void note_places(struct hf_policy *p, const struct hf_node *root)
{
	const struct hf_node *at = hf_node_get(root, "repository");
	p->primary.line = at->line;
	p->primary.column = at->column;
	at = first_of(hf_node_get(root, "copies"));
	for (size_t i = 0; i < p->copies.count; i++, at = at->next) {
		struct hf_policy_place *copy = (struct hf_policy_place *)p->copies.items + i;
		copy->line = at->line;
		copy->column = at->column;
	}
	at = first_of(hf_node_get(root, "sources"));
	for (size_t i = 0; i < p->sources.count; i++, at = at->next) {
		struct hf_policy_source *s = (struct hf_policy_source *)p->sources.items + i;
		s->line = at->line;
		s->column = at->column;
	}
}

/* What follows from what was read; source_names has room. */
static void settle(struct hf_policy *p, const struct hf_node *root)
{
	note_places(p, root);
	for (size_t i = 0; i <= p->sources.count; i++)
		p->source_names[i] = i < p->sources.count ? hf_policy_source(p, i)->name : NULL;
	const struct hf_node *keep = hf_node_get(root, "retention"), *prune_node = hf_node_get(root, "prune");
	p->has_retention = keep && !keep->is_null;
	p->prune.is_wanted = p->prune.every && (p->has_retention || (prune_node && !prune_node->is_null));
	p->verify.is_wanted = p->verify.every || p->verify.read_data || p->verify.sample > 0;
	for (size_t i = 0; i < p->sources.count; i++) {
		struct hf_policy_source *s = (struct hf_policy_source *)p->sources.items + i;
		s->kind = s->volume ? "volume" : s->sqlite ? "sqlite" : hf_policy_has_command(&s->command) ? "command" : "postgresql";
	}
}

static int read_policy(const struct hf_document *d, struct hf_policy **out, struct hf_error *err)
{
	struct hf_arena arena = {0};
	const struct hf_node nothing = {.kind = HF_NODE_MAP, .line = 1, .column = 1};
	const struct hf_node *root = d->root ? d->root : &nothing;
	struct hf_policy *p = calloc(1, sizeof(*p));
	if (!p)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_schema_read(&policy, d, root, &arena, p, err);
	p->arena = arena;
	p->path = hf_arena_copy(&p->arena, d->name, strlen(d->name));
	p->source_names = hf_arena_alloc(&p->arena, (p->sources.count + 1) * sizeof(*p->source_names));
	if (r == 0 && (!p->path || !p->source_names))
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r < 0) {
		hf_policy_free(p);
		return r;
	}
	settle(p, root);
	*out = p;
	return 0;
}

int hf_policy_parse(const char *name, const void *text, size_t len, struct hf_policy **out, struct hf_error *err)
{
	struct hf_document d;
	*out = NULL;
	int r = hf_document_parse(name, text, len, &d, err);
	if (r == 0)
		r = read_policy(&d, out, err);
	hf_document_free(&d);
	return r;
}

int hf_policy_load(const char *path, struct hf_policy **out, struct hf_error *err)
{
	struct hf_document d;
	*out = NULL;
	int r = hf_document_read(path, &d, err);
	if (r < 0 && r != HF_E_NOMEM && err)
		err->code = r = HF_E_USAGE;
	if (r == 0)
		r = read_policy(&d, out, err);
	hf_document_free(&d);
	return r;
}

void hf_policy_free(struct hf_policy *p)
{
	if (!p)
		return;
	hf_arena_free(&p->arena);
	free(p);
}

void hf_policy_print(const struct hf_policy *p, struct hf_buf *out)
{
	hf_schema_print(&policy, p, out);
}

void hf_policy_rules(const struct hf_policy *p, const struct hf_zone *zone, struct hf_retention_rules *out)
{
	const struct hf_policy_retention *k = &p->retention;
	*out = (struct hf_retention_rules){.last = k->last,
		.count = {k->hourly, k->daily, k->weekly, k->monthly, k->yearly},
		.within = k->within,
		.within_period = {k->within_hourly, k->within_daily, k->within_weekly, k->within_monthly, k->within_yearly},
		.tags = k->tag.items,
		.tag_count = k->tag.count,
		.zone = zone};
	(void)!hf_grouping_parse(k->group_by, &out->group_by, NULL); /* the schema knows the same names */
}
