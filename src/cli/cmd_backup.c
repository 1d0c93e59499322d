/* holdfast backup */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/source_args.h"
#include "cli/status.h"
#include "ops/backup.h"
#include "report/table.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME = HF_ARG_OWN,
	TAG,
	HOST,
	EXCLUDE,
	EXCLUDE_FILE,
	EXCLUDE_CACHES,
	ONE_FILE_SYSTEM,
	DIRECT,
	VERIFY,
	COMPRESSION,
	SCRATCH,
	SHOWN_MAX = 20, /* problems of a source that are said one by one */
};

static const struct hf_option_info options[] = {
	{NAME, "name", "NAME", "the name of the SOURCE before it"},
	{TAG, "tag", "TAG", "a tag for the snapshot (may be given again)"},
	{HOST, "host", "NAME", "the host that the snapshot claims (default: this one's name)"},
	{EXCLUDE, "exclude", "PATTERN", "volumes: leave out what matches (may be given again)"},
	{EXCLUDE_FILE, "exclude-file", "FILE", "volumes: patterns from a file, one a line"},
	{EXCLUDE_CACHES, "exclude-caches", NULL, "volumes: leave out directories that a CACHEDIR.TAG marks"},
	{ONE_FILE_SYSTEM, "one-file-system", NULL, "volumes: stay on the file system of the SOURCE"},
	{DIRECT, "direct", NULL, "SQLite: stream under the lock of a rollback-journal database\nrather than spool it first"},
	{VERIFY, "verify", NULL, "read back what this run wrote before it is done"},
	{COMPRESSION, "compression", "LEVEL", "of zstd, 1 to 19 (default: 3)"},
	{SCRATCH, "scratch", "DIR", "for spools and temporary files (default: /var/tmp)"},
	{0},
};

/* Which options are whose: passed on to the sources of that kind. */
static const struct {
	int id;
	const char *kind, *name;
} source_options[] = {
	{EXCLUDE, "volume", "exclude"},
	{EXCLUDE_FILE, "volume", "exclude-file"},
	{EXCLUDE_CACHES, "volume", "exclude-caches"},
	{ONE_FILE_SYSTEM, "volume", "one-file-system"},
	{DIRECT, "sqlite", "direct"},
};

struct request {
	struct hf_source_args sources;
	struct hf_backup_options backup;
	const char **tags; /* room for all words */
};

/* --- the command line ---------------------------------------------------------------------------------------------- */

static int parse_level(const char *text, int *level, struct hf_error *err)
{
	char *end;
	long n = strtol(text, &end, 10);
	if (end == text || *end || n < 1 || n > 19)
		return hf_fail(err, HF_E_USAGE, "--compression %s: give a level from 1 to 19", text);
	*level = (int)n;
	return 0;
}

static int take(struct request *q, int id, const char *value, struct hf_error *err)
{
	switch (id) {
	case HF_ARG_OPERAND:
		return hf_source_args_add(&q->sources, value, err);
	case NAME:
		return hf_source_args_name(&q->sources, value, err);
	case TAG:
		q->tags[q->backup.tag_count++] = value;
		return 0;
	case HOST:
		q->backup.host = value;
		return 0;
	case VERIFY:
		q->backup.verify = true;
		return 0;
	case COMPRESSION:
		return parse_level(value, &q->backup.level, err);
	case SCRATCH:
		q->backup.scratch = value;
		return 0;
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(source_options) / sizeof(source_options[0]); i++)
		if (source_options[i].id == id)
			return hf_source_args_option(&q->sources, source_options[i].kind, source_options[i].name,
				value ? value : "true", err);
	return 0;
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0)
		r = id < 0 ? id : take(q, id, value, err);
	if (r == 0)
		r = hf_source_args_finish(&q->sources, hf_args_rest(args), q->backup.scratch, err);
	q->backup.sources = q->sources.specs;
	q->backup.source_count = q->sources.count;
	q->backup.tags = q->tags;
	if (!q->backup.scratch)
		q->backup.scratch = "/var/tmp";
	return r;
}

/* --- results ------------------------------------------------------------------------------------------------------- */

/* What was wrong with a source, each with its path; a source that failed whole has one without. */
static json_t *errors_json(const struct hf_backup_source *s)
{
	json_t *errors = s->problems ? json_deep_copy(s->problems) : json_array();
	if (s->failed) {
		json_t *e = json_object();
		json_object_set_new(e, "path", json_string(""));
		json_object_set_new(e, "error", hf_json_bytes(s->failure ? s->failure : "", s->failure ? strlen(s->failure) : 0));
		json_array_append_new(errors, e);
	}
	return errors;
}

static json_t *source_json(const struct hf_backup_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", hf_json_bytes(s->name, strlen(s->name)));
	json_object_set_new(j, "kind", json_string(s->kind));
	json_object_set_new(j, "files", json_integer((json_int_t)s->files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(j, "bytes_new", json_integer((json_int_t)s->bytes_new));
	json_object_set_new(j, "bytes_stored", json_integer((json_int_t)s->bytes_stored));
	json_object_set_new(j, "consistency_point", s->failed ? json_null() : hf_json_time(s->consistency_point));
	json_object_set_new(j, "complete", json_boolean(s->complete && !s->failed));
	json_object_set_new(j, "errors", errors_json(s));
	return j;
}

static json_t *requests_json(const struct hf_store_counts *c)
{
	json_t *j = json_object();
	json_object_set_new(j, "get", json_integer((json_int_t)c->get));
	json_object_set_new(j, "put", json_integer((json_int_t)c->put));
	json_object_set_new(j, "list", json_integer((json_int_t)c->list));
	json_object_set_new(j, "head", json_integer((json_int_t)c->head));
	json_object_set_new(j, "delete", json_integer((json_int_t)c->erased));
	return j;
}

static int print_json(const struct hf_backup_result *b, struct hf_error *err)
{
	json_t *j = json_object(), *sources = json_array();
	json_object_set_new(j, "snapshot", hf_json_hex_string(b->snapshot.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(b->time));
	json_object_set_new(j, "complete", json_boolean(b->complete));
	json_object_set_new(j, "head", hf_json_hex_string(b->head.b, sizeof(b->head.b)));
	json_object_set_new(j, "sources", sources);
	for (size_t i = 0; i < b->source_count; i++)
		json_array_append_new(sources, source_json(&b->sources[i]));
	json_object_set_new(j, "skew_seconds", json_real(hf_seconds(b->skew_ns)));
	json_object_set_new(j, "requests", requests_json(&b->requests));
	json_object_set_new(j, "seconds", json_real(hf_seconds(b->elapsed_ns)));
	return hf_print_json(j, err);
}

static void add_row(struct hf_table *t, const struct hf_backup_source *s)
{
	char bytes[HF_SIZE_TEXT], fresh[HF_SIZE_TEXT], stored[HF_SIZE_TEXT];
	hf_table_row(t);
	hf_table_cell(t, "%s", s->name);
	hf_table_cell(t, "%s", s->kind);
	hf_table_cell(t, "%llu", (unsigned long long)s->files);
	hf_table_cell(t, "%s", hf_size_format(s->bytes, bytes));
	hf_table_cell(t, "%s", hf_size_format(s->bytes_new, fresh));
	hf_table_cell(t, "%s", hf_size_format(s->bytes_stored, stored));
	hf_table_cell(t, "%s", s->failed ? "FAILED" : s->complete ? "" : "incomplete");
}

static int print_table(const struct hf_backup_result *b, struct hf_error *err)
{
	HF_TABLE_AUTO *t = hf_table_new();
	HF_BUF_AUTO text = HF_BUF(SIZE_MAX / 2);
	char id[HF_ID_TEXT], head[65], took[HF_TIME_TEXT], skew[HF_TIME_TEXT];
	hf_table_column(t, "SOURCE", HF_LEFT);
	hf_table_column(t, "KIND", HF_LEFT);
	hf_table_column(t, "FILES", HF_RIGHT);
	hf_table_column(t, "SIZE", HF_RIGHT);
	hf_table_column(t, "NEW", HF_RIGHT);
	hf_table_column(t, "STORED", HF_RIGHT);
	hf_table_column(t, "", HF_LEFT);
	for (size_t i = 0; i < b->source_count; i++)
		add_row(t, &b->sources[i]);
	int r = hf_table_render(t, &text, err);
	if (r < 0)
		return r;
	hf_buf_printf(&text, "Snapshot %s%s, in %s", hf_hex(b->snapshot.id.b, HF_ID_SIZE, id),
		b->complete ? "" : ", INCOMPLETE", hf_duration_format(b->elapsed_ns, took));
	if (b->source_count > 1)
		hf_buf_printf(&text, "; skew between its sources: %s", hf_duration_format(b->skew_ns, skew));
	hf_buf_printf(&text, ".\nHead of the catalogue: %s\n", hf_hex(b->head.b, sizeof(b->head.b), head));
	r = hf_buf_check(&text, "report", err);
	return r < 0 ? r : hf_print_bytes(text.data, text.len, err);
}

static void warn_of(const struct hf_backup_source *s)
{
	HF_BUF_AUTO line = HF_BUF(1 << 20);
	size_t listed = json_array_size(s->problems);
	for (size_t i = 0; i < listed && i < SHOWN_MAX; i++) {
		const json_t *p = json_array_get(s->problems, i);
		const char *path = json_string_value(json_object_get(p, "path"));
		const char *why = json_string_value(json_object_get(p, "error"));
		hf_buf_clear(&line);
		hf_text_safe(&line, path ? path : "", path ? strlen(path) : 0);
		const char *shown = hf_buf_cstr(&line);
		hf_warn("%s: %s: %s", s->name, shown ? shown : "", why ? why : "");
	}
	if (s->problem_count > SHOWN_MAX)
		hf_warn("%s: and %llu more that could not be read", s->name,
			(unsigned long long)(s->problem_count - SHOWN_MAX));
}

/* --- the command --------------------------------------------------------------------------------------------------- */

static int back_up(struct hf_cli *cli, struct request *q, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_backup_result result = {0};
	int r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_repository_require(repo, HF_RIGHT_BACKUP, "back up", err);
	if (r < 0)
		return r;
	q->backup.repo = repo;
	q->backup.progress = &cli->progress;
	r = hf_backup(&q->backup, &result, err);
	for (size_t i = 0; i < result.source_count; i++)
		warn_of(&result.sources[i]);
	if (r == 0 && cli->json)
		r = print_json(&result, err);
	else if (r == 0 && !cli->quiet)
		r = print_table(&result, err);
	if (r == 0)
		r = result.complete ? HF_STATUS_DONE : HF_STATUS_INCOMPLETE;
	hf_backup_result_free(&result);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {.tags = calloc((size_t)args->argc + 1, sizeof(*q.tags))};
	int r = q.tags ? parse(args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = back_up(cli, &q, err);
	hf_source_args_free(&q.sources);
	free(q.tags);
	return r;
}

const struct hf_command hf_cmd_backup = {
	.name = "backup",
	.arguments = "[OPTION…] SOURCE… [-- PROGRAM ARG…]",
	.summary = "back up one or more sources into one snapshot",
	.notes = "SOURCE is one of:\n"
		 "  PATH                        a volume: a directory tree\n"
		 "  sqlite:PATH, sqlite:///PATH a SQLite database (four slashes before an absolute path in a URL)\n"
		 "  postgresql://…              a PostgreSQL cluster, by URL\n"
		 "  postgresql:DIR              a PostgreSQL cluster, by the directory of its socket\n"
		 "  command:NAME                the output of PROGRAM, as in: command:redis -- redis-cli --rdb -\n"
		 "Ends with status 3 if something could not be read: it is named, and the snapshot is marked incomplete.",
	.options = options,
	.run = run,
};
