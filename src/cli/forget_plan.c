/* Showing a plan of what to forget; see forget_plan.h. */
#include "cli/forget_plan.h"

#include "base/hex.h"
#include "base/time.h"
#include "cli/output.h"
#include "report/table.h"

/* --- JSON ---------------------------------------------------------------------------------------------------------- */

static const char *writer_name(const struct hf_catalogue *c, const struct hf_id *writer)
{
	const struct hf_cert *cert = hf_certs_find(&c->repo->certs, writer);
	return cert ? cert->name : NULL;
}

static json_t *name_or_null(const char *name)
{
	return name ? json_string(name) : json_null();
}

static json_t *line_json(const struct hf_forget_plan *p, size_t i)
{
	const struct hf_point *point = &p->catalogue.points[i];
	const struct hf_retention_decision *d = &p->plan.decisions[i];
	json_t *j = json_object(), *sources = json_array(), *reasons = json_array();
	json_object_set_new(j, "id", hf_json_hex_string(point->ref.id.b, HF_ID_SIZE));
	json_object_set_new(j, "time", hf_json_time(point->time));
	json_object_set_new(j, "time_trust", json_string(hf_time_trust_name(point->time_trust)));
	json_object_set_new(j, "writer", hf_json_hex_string(point->ref.writer.b, HF_ID_SIZE));
	json_object_set_new(j, "writer_name", name_or_null(writer_name(&p->catalogue, &point->ref.writer)));
	json_object_set_new(j, "sources", sources);
	for (size_t s = 0; s < p->points[i].source_count; s++)
		json_array_append_new(sources, json_string(p->points[i].sources[s].name));
	json_object_set_new(j, "action", json_string(hf_retention_action_name(d->action)));
	json_object_set_new(j, "reasons", reasons);
	for (size_t n = 0; n < d->reason_count; n++)
		json_array_append_new(reasons, hf_json_bytes(d->reasons[n], strlen(d->reasons[n])));
	return j;
}

static json_t *group_json(const struct hf_forget_plan *p, const struct hf_retention_group *g)
{
	json_t *j = json_object();
	struct hf_id writer = hf_forget_writer(g);
	json_object_set_new(j, "writer", hf_json_hex_string(writer.b, HF_ID_SIZE));
	json_object_set_new(j, "writer_name", name_or_null(writer_name(&p->catalogue, &writer)));
	json_object_set_new(j, "copies", json_boolean(hf_forget_is_of_copies(g)));
	json_object_set_new(j, "name", hf_json_bytes(g->label, strlen(g->label)));
	json_object_set_new(j, "snapshots", json_integer((json_int_t)g->points));
	json_object_set_new(j, "forget", json_integer((json_int_t)g->forgotten));
	json_object_set_new(j, "over_half", json_boolean(g->is_over_half));
	return j;
}

static int print_json(const struct hf_forget_plan *p, struct hf_error *err)
{
	json_t *j = json_object(), *forgotten = json_array(), *plan = json_array(), *groups = json_array();
	for (size_t i = 0; i < p->plan.count; i++) {
		json_array_append_new(plan, line_json(p, i));
		if (p->is_done && p->plan.decisions[i].action == HF_RETENTION_FORGET)
			json_array_append_new(forgotten,
				hf_json_hex_string(p->catalogue.points[i].ref.id.b, HF_ID_SIZE));
	}
	for (size_t i = 0; i < p->plan.group_count; i++)
		json_array_append_new(groups, group_json(p, &p->plan.groups[i]));
	json_object_set_new(j, "forgotten", forgotten);
	json_object_set_new(j, "dry_run", json_boolean(!p->is_done));
	json_object_set_new(j, "objection", p->objection ? hf_json_bytes(p->objection, strlen(p->objection)) : json_null());
	json_object_set_new(j, "groups", groups);
	json_object_set_new(j, "plan", plan);
	return hf_print_json(j, err);
}

/* --- the table ----------------------------------------------------------------------------------------------------- */

static void add_row(struct hf_table *t, const struct hf_forget_plan *p, size_t i)
{
	const struct hf_point *point = &p->catalogue.points[i];
	const struct hf_retention_decision *d = &p->plan.decisions[i];
	HF_BUF_AUTO reasons = HF_BUF(1 << 20);
	HF_BUF_AUTO sources = HF_BUF(1 << 20);
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	for (size_t n = 0; n < d->reason_count; n++)
		hf_buf_printf(&reasons, "%s%s", n ? ", " : "", d->reasons[n]);
	for (size_t s = 0; s < p->points[i].source_count; s++)
		hf_buf_printf(&sources, "%s%s", s ? ", " : "", p->points[i].sources[s].name);
	const char *why = hf_buf_cstr(&reasons), *names = hf_buf_cstr(&sources);
	const char *writer = writer_name(&p->catalogue, &point->ref.writer);
	hf_time_format(point->time - point->time % HF_SECOND, time);
	hf_table_row(t);
	hf_table_cell(t, "%s", hf_retention_action_name(d->action));
	hf_table_cell(t, "%s", hf_hex(point->ref.id.b, 6, id));
	hf_table_cell(t, "%s", time);
	hf_table_cell(t, "%s", writer ? writer : "");
	hf_table_cell(t, "%s", names ? names : "");
	hf_table_cell(t, "%s", why ? why : "");
}

static int print_table(const struct hf_forget_plan *p, struct hf_error *err)
{
	HF_TABLE_AUTO *t = hf_table_new();
	hf_table_column(t, "", HF_LEFT);
	hf_table_column(t, "ID", HF_LEFT);
	hf_table_column(t, "TIME", HF_LEFT);
	hf_table_column(t, "KEY", HF_LEFT);
	hf_table_column(t, "SOURCES", HF_LEFT);
	hf_table_column(t, "WHY", HF_LEFT);
	for (size_t i = 0; i < p->plan.count; i++)
		add_row(t, p, i);
	return hf_print_table(t, err);
}

int hf_forget_plan_print(const struct hf_cli *cli, const struct hf_forget_plan *p, struct hf_error *err)
{
	if (cli->json)
		return print_json(p, err);
	int r = cli->quiet && p->is_done ? 0 : print_table(p, err);
	if (r < 0)
		return r;
	if (!p->is_done && p->objection)
		hf_print("It takes --yes-really to do this: %s.\n", p->objection);
	if (!cli->quiet)
		hf_print("%s %zu of %zu snapshots.\n", p->is_done ? "Forgot" : "Would forget", p->plan.forgotten, p->plan.count);
	return 0;
}
