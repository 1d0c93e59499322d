/* holdfast backup */
#include "cli/args.h"
#include "cli/backup_result.h"
#include "cli/nightly.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/source_args.h"
#include "cli/status.h"

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
	PROVE,
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
	{COMPRESSION, "compression", "LEVEL", "of zstd, 1 to 19 (default: 3; 2 for pages of databases)"},
	{SCRATCH, "scratch", "DIR", "for spools and temporary files (default: /var/tmp)"},
	{PROVE, "prove", "drill", "with --policy: drill what was taken; 0 only if it came back"},
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
	bool prove;
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
		if (!*value)
			return hf_fail(err, HF_E_USAGE, "--tag \"\": a tag is not empty");
		q->tags[q->backup.tag_count++] = value;
		return 0;
	case HOST:
		if (!*value)
			return hf_fail(err, HF_E_USAGE, "--host \"\": a name is not empty");
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
	case PROVE:
		q->prove = true;
		if (strcmp(value, "drill") == 0)
			return 0;
		return hf_fail(err, HF_E_USAGE, "--prove %s: a backup is proved by a drill: --prove drill", value);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(source_options) / sizeof(source_options[0]); i++)
		if (source_options[i].id == id)
			return hf_source_args_option(&q->sources, source_options[i].kind, source_options[i].name,
				value ? value : "true", err);
	return 0;
}

static int finish_sources(const struct hf_cli *cli, struct hf_args *args, struct request *q, struct hf_error *err)
{
	if (cli->policy)
		return hf_nightly_refuse_sources(&q->sources, hf_args_rest(args), err);
	if (q->prove)
		return hf_fail(err, HF_E_USAGE, "--prove goes with --policy, which says what a drill checks");
	return hf_source_args_finish(&q->sources, hf_args_rest(args), q->backup.scratch, err);
}

static int parse(const struct hf_cli *cli, struct hf_args *args, struct request *q, struct hf_error *err)
{
	const char *value;
	int id, r = 0;
	while (r == 0 && (id = hf_args_next(args, &value, err)) != 0)
		r = id < 0 ? id : take(q, id, value, err);
	if (r == 0)
		r = finish_sources(cli, args, q, err);
	q->backup.sources = q->sources.specs;
	q->backup.source_count = q->sources.count;
	q->backup.tags = q->tags;
	if (!q->backup.scratch && !cli->policy)
		q->backup.scratch = "/var/tmp";
	return r;
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
	hf_backup_result_warn(&result);
	if (r == 0 && cli->json)
		r = hf_print_json(hf_backup_result_json(&result), err);
	else if (r == 0 && !cli->quiet)
		r = hf_backup_result_print(&result, err);
	if (r == 0)
		r = hf_backup_result_status(&result);
	hf_backup_result_free(&result);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	struct request q = {.tags = calloc((size_t)args->argc + 1, sizeof(*q.tags))};
	int r = q.tags ? parse(cli, args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = cli->policy ? hf_nightly_command(cli, &q.backup, q.prove, err) : back_up(cli, &q, err);
	hf_source_args_free(&q.sources);
	free(q.tags);
	return r;
}

const struct hf_command hf_cmd_backup = {
	.name = "backup",
	.arguments = "[OPTION…] SOURCE… [-- PROGRAM ARG…] | --policy FILE [--prove drill]",
	.summary = "back up one or more sources into one snapshot",
	.notes = "SOURCE is one of:\n"
		 "  PATH                        a volume: a directory tree\n"
		 "  sqlite:PATH, sqlite:///PATH a SQLite database (four slashes before an absolute path in a URL)\n"
		 "  postgresql://…              a PostgreSQL cluster, by URL\n"
		 "  postgresql:DIR              a PostgreSQL cluster, by the directory of its socket\n"
		 "  command:NAME                the output of PROGRAM, as in: command:redis -- redis-cli --rdb -\n"
		 "With --policy it is the whole nightly job: hooks, all sources of the policy, copies, retention, prune and\n"
		 "verify when they are due.\n"
		 "Ends with status 3 if something could not be read: it is named, and the snapshot is marked incomplete; or if\n"
		 "locks of what the snapshot needs could not be renewed, in a store that locks objects.",
	.options = options,
	.run = run,
};
