/* holdfast restore */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/choose.h"
#include "cli/open.h"
#include "cli/output.h"
#include "ops/restore.h"
#include "policy/policy.h"
#include "report/table.h"

#include <stdlib.h>

enum { TARGET = HF_ARG_OWN, INCLUDE, OVERWRITE, DISCARD_OLD, TABLESPACE_MAP, SCRATCH, IGNORE_ROOM };

static const struct hf_option_info options[] = {
	{TARGET, "target", "DIR", "where to: of one source DIR becomes its root, or holds its\none file; of several, DIR/NAME"},
	{INCLUDE, "include", "PATH", "only this path and what is below it (may be given again)"},
	HF_SELECT_OPTIONS,
	{OVERWRITE, "overwrite", NULL, "DIR may be there: it is swapped as a whole, and kept as\nDIR.before-ID"},
	{DISCARD_OLD, "discard-old", NULL, "with --overwrite: what was there is not kept"},
	{TABLESPACE_MAP, "tablespace-map", "OLD=NEW", "PostgreSQL: a tablespace goes to another directory\n(may be given "
						      "again)"},
	{IGNORE_ROOM, "ignore-room", NULL, "go on where there seems to be too little room (on a file system\nthat compresses)"},
	{SCRATCH, "scratch", "DIR", "for temporary files (default: /var/tmp)"},
	{0},
};

struct request {
	struct hf_select_options select;
	struct hf_restore_request restore;
	const char **include;	   /* room for all words */
	struct hf_option *mappings; /* likewise */
};

static int take(void *user, int id, const char *value, struct hf_error *err)
{
	struct request *q = user;
	switch (id) {
	case TARGET:
		q->restore.target = value;
		return 0;
	case INCLUDE:
		q->include[q->restore.include_count++] = value;
		return 0;
	case OVERWRITE:
		q->restore.overwrite = true;
		return 0;
	case IGNORE_ROOM:
		q->restore.ignore_room = true;
		return 0;
	case DISCARD_OLD:
		q->restore.discard_old = true;
		return 0;
	case TABLESPACE_MAP:
		q->mappings[q->restore.option_count++] = (struct hf_option){"tablespace-map", value};
		return 0;
	case SCRATCH:
		q->restore.scratch = value;
		return 0;
	default:
		return hf_fail(err, HF_E_USAGE, "restore takes one snapshot, and \"%s\" is one more; paths are given by --include",
			value);
	}
}

static int parse(struct hf_args *args, struct request *q, struct hf_error *err)
{
	int r = hf_select_parse(args, &q->select, take, q, err);
	if (r == 0)
		r = hf_select_require(&q->select, err);
	if (r < 0)
		return r;
	if (!q->restore.target || !*q->restore.target)
		return hf_fail(err, HF_E_USAGE, "where to? Give --target DIR");
	if (q->restore.discard_old && !q->restore.overwrite)
		return hf_fail(err, HF_E_USAGE, "--discard-old goes with --overwrite only");
	return hf_args_no_rest(args, err);
}

/* --- results ------------------------------------------------------------------------------------------------------- */

static json_t *source_json(const struct hf_restored_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", json_string(s->name));
	json_object_set_new(j, "kind", json_string(s->kind));
	json_object_set_new(j, "files", json_integer((json_int_t)s->files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(j, "consistency_point", hf_json_time(s->consistency_point));
	json_object_set_new(j, "notes", s->notes ? json_incref(s->notes) : json_array());
	return j;
}

static int print_json(const struct request *q, const struct hf_restore_result *result, struct hf_error *err)
{
	json_t *j = json_object(), *sources = json_array(), *phases = json_object();
	json_object_set_new(j, "snapshot", hf_json_hex_string(q->restore.point->ref.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(q->restore.point->time));
	hf_json_put_path(j, "target", q->restore.target, strlen(q->restore.target));
	json_object_set_new(j, "sources", sources);
	for (size_t i = 0; i < result->source_count; i++)
		json_array_append_new(sources, source_json(&result->sources[i]));
	if (result->kept_old)
		hf_json_put_path(j, "kept_old", result->kept_old, strlen(result->kept_old));
	else
		json_object_set_new(j, "kept_old", json_null());
	json_object_set_new(phases, "locate", json_real(hf_seconds(result->locate_ns)));
	json_object_set_new(phases, "fetch", json_real(hf_seconds(result->fetch_ns)));
	json_object_set_new(j, "phases", phases);
	json_object_set_new(j, "seconds", json_real(hf_seconds(result->elapsed_ns)));
	return hf_print_json(j, err);
}

static void print_source(const struct hf_restored_source *s)
{
	char size[HF_SIZE_TEXT], time[HF_TIME_TEXT];
	hf_print("Restored %s (%s): %llu files, %s, as of %s.\n", s->name, s->kind, (unsigned long long)s->files,
		hf_size_format(s->bytes, size), hf_time_format(s->consistency_point, time));
	for (size_t i = 0; i < json_array_size(s->notes); i++)
		hf_print("  %s\n", json_string_value(json_array_get(s->notes, i)));
}

static int print(const struct hf_cli *cli, const struct request *q, const struct hf_restore_result *result,
	struct hf_error *err)
{
	char text[HF_TIME_TEXT], id[HF_ID_TEXT];
	if (result->kept_old && (cli->json || cli->quiet))
		hf_info("what was at %s is now at %s", q->restore.target, result->kept_old);
	if (cli->json)
		return print_json(q, result, err);
	for (size_t i = 0; i < result->source_count && !cli->quiet; i++)
		print_source(&result->sources[i]);
	if (result->kept_old)
		hf_print("What was at %s is now at %s.\n", q->restore.target, result->kept_old);
	if (!cli->quiet)
		hf_print("Snapshot %s is at %s, in %s.\n", hf_hex(q->restore.point->ref.id.b, HF_ID_SIZE, id),
			q->restore.target, hf_duration_format(result->elapsed_ns, text));
	return 0;
}

static int restore(struct hf_cli *cli, struct request *q, struct hf_repository *repo, struct hf_error *err)
{
	struct hf_choice choice;
	struct hf_restore_result result = {0};
	hf_choose_by_policy(cli, &q->select);
	int r = hf_choose(repo, &q->select, "restore", &choice, err);
	if (r == 0) {
		q->restore.repo = repo;
		q->restore.point = choice.point;
		q->restore.source = choice.source;
		q->restore.include = q->include;
		q->restore.options = q->mappings;
		q->restore.progress = &cli->progress;
		r = hf_restore(&q->restore, &result, err);
	}
	if (r == 0)
		r = print(cli, q, &result, err);
	hf_restore_result_free(&result);
	hf_choice_free(&choice);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	size_t words = (size_t)args->argc + 1;
	struct request q = {.restore = {.scratch = cli->policy ? cli->policy->scratch : "/var/tmp"},
		.include = calloc(words, sizeof(*q.include)),
		.mappings = calloc(words, sizeof(*q.mappings))};
	int r = q.include && q.mappings ? parse(args, &q, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = restore(cli, &q, repo, err);
	free(q.include);
	free(q.mappings);
	return r;
}

const struct hf_command hf_cmd_restore = {
	.name = "restore",
	.arguments = "[OPTION…] SNAPSHOT --target DIR",
	.summary = "bring a snapshot, or some of it, back",
	.notes = "SNAPSHOT is an id or its start, \"latest\", or \"latest:NAME\" (the newest that holds the source NAME,\n"
		 "and that source of it alone). Nothing half-done is ever seen: all is built beside DIR and takes its\n"
		 "place at the end.",
	.options = options,
	.run = run,
};
