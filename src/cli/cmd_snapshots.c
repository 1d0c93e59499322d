/* holdfast snapshots */
#include "base/hex.h"
#include "base/log.h"
#include "base/size.h"
#include "base/time.h"
#include "cli/args.h"
#include "cli/open.h"
#include "cli/output.h"
#include "cli/status.h"
#include "ops/snapshots.h"
#include "report/table.h"

enum { HOST = HF_ARG_OWN, SOURCE, TAG, EXPECT_HEAD };

static const struct hf_option_info options[] = {
	{HOST, "host", "NAME", "only those of this key or host"},
	{SOURCE, "source", "NAME", "only those that hold this source"},
	{TAG, "tag", "TAG", "only those with this tag"},
	{EXPECT_HEAD, "expect-head", "HASH", "fail unless the catalogue holds this head, which backup\nprinted"},
	{0},
};

/* --- JSON ---------------------------------------------------------------------------------------------------------- */

static json_t *source_json(const struct hf_snapshot_source *s)
{
	json_t *j = json_object();
	json_object_set_new(j, "name", json_string(s->name));
	json_object_set_new(j, "kind", json_string(s->kind));
	json_object_set_new(j, "files", json_integer((json_int_t)s->files));
	json_object_set_new(j, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(j, "bytes_stored", json_integer((json_int_t)s->bytes_stored));
	json_object_set_new(j, "consistency_point", hf_json_time(s->consistency_point));
	json_object_set_new(j, "complete", json_boolean(s->complete));
	return j;
}

static void put_snapshot(json_t *j, const struct hf_snapshot *s)
{
	json_t *tags = json_array(), *sources = json_array();
	for (size_t i = 0; i < s->tag_count; i++)
		json_array_append_new(tags, json_string(s->tags[i]));
	for (size_t i = 0; i < s->source_count; i++)
		json_array_append_new(sources, source_json(&s->sources[i]));
	json_object_set_new(j, "host", json_string(s->host));
	json_object_set_new(j, "tags", tags);
	json_object_set_new(j, "complete", json_boolean(s->complete));
	json_object_set_new(j, "sources", sources);
	if (s->is_copy)
		json_object_set_new(j, "copy_of", json_pack("{s:o, s:o, s:o}", "repository",
			hf_json_hex_string(s->origin.repository.b, HF_ID_SIZE), "writer",
			hf_json_hex_string(s->origin.snapshot.writer.b, HF_ID_SIZE), "id",
			hf_json_hex_string(s->origin.snapshot.id.b, HF_ID_SIZE)));
}

static json_t *point_json(const struct hf_repository *repo, const struct hf_point *p)
{
	json_t *j = json_object();
	const struct hf_cert *cert = hf_certs_find(&repo->certs, &p->ref.writer);
	json_object_set_new(j, "id", hf_json_hex_string(p->ref.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(p->time));
	json_object_set_new(j, "time_trust", json_string(hf_time_trust_name(p->time_trust)));
	json_object_set_new(j, "writer", hf_json_hex_string(p->ref.writer.b, HF_ID_SIZE));
	json_object_set_new(j, "writer_name", cert ? json_string(cert->name) : json_null());
	json_object_set_new(j, "proved_at", p->proved_at ? hf_json_time(p->proved_at) : json_null());
	if (p->snapshot) {
		put_snapshot(j, p->snapshot);
	} else {
		json_object_set_new(j, "host", json_null());
		json_object_set_new(j, "tags", json_array());
		json_object_set_new(j, "complete", json_false());
		json_object_set_new(j, "sources", json_array());
		json_object_set_new(j, "error", hf_json_bytes(p->why ? p->why : "", p->why ? strlen(p->why) : 0));
	}
	return j;
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

/* "2026-11-21 13:30:05", UTC. */
static const char *short_time(int64_t ns, char out[HF_TIME_TEXT])
{
	hf_time_format(ns - ((ns % HF_SECOND) + HF_SECOND) % HF_SECOND, out);
	out[10] = ' ';
	out[19] = 0;
	return out;
}

static void put_sources(struct hf_buf *out, const struct hf_snapshot *s)
{
	for (size_t i = 0; i < s->source_count; i++)
		hf_buf_printf(out, "%s%s", i ? ", " : "", s->sources[i].name);
}

static const char *state_of(const struct hf_point *p)
{
	if (!p->snapshot)
		return "can't be read";
	if (p->time_trust == HF_TIME_FUTURE)
		return "future";
	if (!p->snapshot->complete)
		return "incomplete";
	return p->snapshot->is_copy ? "copy" : "";
}

static void add_row(struct hf_table *t, const struct hf_point *p)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT], size[HF_SIZE_TEXT];
	HF_BUF_AUTO sources = HF_BUF(1 << 20);
	uint64_t bytes = 0;
	for (size_t i = 0; p->snapshot && i < p->snapshot->source_count; i++)
		bytes += p->snapshot->sources[i].bytes;
	if (p->snapshot)
		put_sources(&sources, p->snapshot);
	const char *names = hf_buf_cstr(&sources);
	hf_hex(p->ref.id.b, 6, id);
	hf_table_row(t);
	hf_table_cell(t, "%s", id);
	hf_table_cell(t, "%s", short_time(p->time, time));
	hf_table_cell(t, "%s", p->snapshot ? p->snapshot->host : "");
	hf_table_cell(t, "%s", p->snapshot ? hf_size_format(bytes, size) : "");
	hf_table_cell(t, "%s", names ? names : "");
	hf_table_cell(t, "%s", p->proved_at ? short_time(p->proved_at, time) : "never");
	hf_table_cell(t, "%s", state_of(p));
}

static int print_table(const struct hf_snapshots *s, struct hf_error *err)
{
	HF_TABLE_AUTO *t = hf_table_new();
	hf_table_column(t, "ID", HF_LEFT);
	hf_table_column(t, "TIME (UTC)", HF_LEFT);
	hf_table_column(t, "HOST", HF_LEFT);
	hf_table_column(t, "SIZE", HF_RIGHT);
	hf_table_column(t, "SOURCES", HF_LEFT);
	hf_table_column(t, "PROVED", HF_LEFT);
	hf_table_column(t, "", HF_LEFT);
	for (size_t i = 0; i < s->count; i++)
		add_row(t, s->points[i]);
	return hf_print_table(t, err);
}

/* --- the command --------------------------------------------------------------------------------------------------- */

static int parse(struct hf_args *args, struct hf_snapshots_options *o, struct hf_error *err)
{
	const char *value;
	int id;
	while ((id = hf_args_next(args, &value, err)) > 0) {
		switch (id) {
		case HOST:
			o->host = value;
			break;
		case SOURCE:
			o->source = value;
			break;
		case TAG:
			o->tag = value;
			break;
		case EXPECT_HEAD:
			o->expect_head = value;
			break;
		default:
			return hf_fail(err, HF_E_USAGE, "snapshots takes no \"%s\"", value);
		}
	}
	return id < 0 ? id : hf_args_no_rest(args, err);
}

static int print(const struct hf_cli *cli, const struct hf_repository *repo, const struct hf_snapshots *s,
	struct hf_error *err)
{
	int r = 0;
	if (!cli->json)
		return print_table(s, err);
	for (size_t i = 0; r == 0 && i < s->count; i++)
		r = hf_print_json(point_json(repo, s->points[i]), err);
	return r;
}

static int run(struct hf_cli *cli, struct hf_args *args, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct hf_snapshots_options o = {0};
	struct hf_snapshots s = {0};
	int r = parse(args, &o, err);
	if (r == 0)
		r = hf_cli_open(cli, &repo, err);
	if (r == 0)
		r = hf_snapshots_list(repo, &o, &s, err);
	if (r == 0 && !s.count)
		hf_info("there is no snapshot%s", o.host || o.source || o.tag ? " that fits" : "");
	if (r == 0)
		r = print(cli, repo, &s, err);
	if (r == 0)
		r = s.is_whole ? HF_STATUS_DONE : HF_STATUS_INCOMPLETE;
	hf_snapshots_free(&s);
	return r;
}

const struct hf_command hf_cmd_snapshots = {
	.name = "snapshots",
	.arguments = "[OPTION…]",
	.summary = "list the restore points, the newest last",
	.notes = "PROVED is when a drill last brought the snapshot back. A snapshot whose time is later than\n"
		 "the store's is shown as \"future\" and never counts as the latest.",
	.options = options,
	.run = run,
	.only_shows = true,
};
