/* Forgetting by rules; see forget.h. The plan is policy/retention.h's; here the catalogue is put into its words, and its plan done. */
#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "ops/forget.h"
#include "ops/snapshots.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the catalogue in the plan's words ----------------------------------------------------------------------------- */

static size_t count_sources(const struct hf_catalogue *c)
{
	size_t n = 0;
	for (size_t i = 0; i < c->point_count; i++)
		n += c->points[i].snapshot ? c->points[i].snapshot->source_count : 0;
	return n;
}

static void describe(const struct hf_point *from, struct hf_retention_point *to, struct hf_retention_source *sources)
{
	const struct hf_snapshot *s = from->snapshot;
	to->time = from->time;
	to->is_future = from->time_trust == HF_TIME_FUTURE;
	to->is_proved = from->proved_at != 0;
	to->is_unreadable = !s;
	to->sources = sources;
	if (!s)
		return;
	to->source_count = s->source_count;
	to->tags = (const char *const *)s->tags;
	to->tag_count = s->tag_count;
	for (size_t i = 0; i < s->source_count; i++)
		sources[i] = (struct hf_retention_source){s->sources[i].name, s->sources[i].complete};
}

/* Copies follow those of the same origin: a key that copies for many hosts keeps what each of them made. */
static const char *name_line(const struct hf_point *p, char out[HF_LINE_TEXT])
{
	char writer[HF_ID_TEXT], from[HF_ID_TEXT], by[HF_ID_TEXT];
	hf_hex(p->ref.writer.b, HF_ID_SIZE, writer);
	if (!p->snapshot || !p->snapshot->is_copy)
		return strcpy(out, writer);
	hf_hex(p->snapshot->origin.repository.b, HF_ID_SIZE, from);
	hf_hex(p->snapshot->origin.snapshot.writer.b, HF_ID_SIZE, by);
	snprintf(out, HF_LINE_TEXT, "%s/%s/%s", writer, from, by);
	return out;
}

static int describe_all(struct hf_forget_plan *p, struct hf_error *err)
{
	const struct hf_catalogue *c = &p->catalogue;
	p->points = calloc(c->point_count + 1, sizeof(*p->points));
	p->sources = calloc(count_sources(c) + 1, sizeof(*p->sources));
	p->writers = calloc(c->point_count + 1, sizeof(*p->writers));
	if (!p->points || !p->sources || !p->writers)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	struct hf_retention_source *sources = p->sources;
	for (size_t i = 0; i < c->point_count; i++) {
		p->points[i].writer = name_line(&c->points[i], p->writers[i]);
		describe(&c->points[i], &p->points[i], sources);
		sources += p->points[i].source_count;
	}
	return 0;
}

static void warn_of_the_future(const struct hf_forget_plan *p)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	for (size_t i = 0; i < p->plan.count; i++)
		if (p->plan.decisions[i].action == HF_RETENTION_APART)
			hf_warn("snapshot %s claims to be of %s, which is in the future: no rule counts or forgets it (only "
				"\"holdfast forget\" with its id does)",
				hf_hex(p->catalogue.points[i].ref.id.b, HF_ID_SIZE, id),
				hf_time_format(p->catalogue.points[i].time, time));
}

struct hf_id hf_forget_writer(const struct hf_retention_group *g)
{
	char text[HF_ID_TEXT] = "";
	struct hf_id id = {0};
	strncpy(text, g->writer, HF_ID_TEXT - 1);
	return hf_unhex(text, id.b, HF_ID_SIZE) ? id : (struct hf_id){0};
}

bool hf_forget_is_of_copies(const struct hf_retention_group *g)
{
	return strchr(g->writer, '/');
}

/* --- objections ---------------------------------------------------------------------------------------------------- */

/* An entry that can't be read may be the proof that protects a snapshot. */
static bool is_doubtful(const struct hf_catalogue *c)
{
	return c->damaged || c->missing_count || c->rolled_back;
}

static void object_to_groups(const struct hf_repository *repo, const struct hf_retention_plan *plan, struct hf_buf *out)
{
	hf_buf_str(out, "it would forget more than half of");
	const char *before = " ";
	for (size_t i = 0; i < plan->group_count; i++) {
		const struct hf_retention_group *g = &plan->groups[i];
		if (!g->is_over_half)
			continue;
		struct hf_id writer = hf_forget_writer(g);
		const struct hf_cert *cert = hf_certs_find(&repo->certs, &writer);
		hf_buf_printf(out, "%s%s%s of %s (%zu of %zu)", before, hf_forget_is_of_copies(g) ? "copies of " : "", g->label,
			cert ? cert->name : g->writer, g->forgotten, g->points);
		before = ", ";
	}
}

static int find_objection(struct hf_forget_plan *p, struct hf_error *err)
{
	const struct hf_catalogue *c = &p->catalogue;
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	if (!p->plan.forgotten || (!p->plan.is_over_half && !is_doubtful(c)))
		return 0;
	if (is_doubtful(c))
		hf_buf_str(&text, "parts of the catalogue are damaged or gone, so that what protects a snapshot may not be seen");
	if (is_doubtful(c) && p->plan.is_over_half)
		hf_buf_str(&text, "; ");
	if (p->plan.is_over_half)
		object_to_groups(c->repo, &p->plan, &text);
	const char *said = hf_buf_cstr(&text);
	p->objection = said ? strdup(said) : NULL;
	return p->objection ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
}

/* --- doing it ------------------------------------------------------------------------------------------------------ */

/* "last 3, daily 7", for the record. */
static void name_rules(const struct hf_retention_rules *rules, struct hf_buf *out)
{
	char text[HF_TIME_TEXT];
	hf_buf_str(out, "rules: ");
	if (rules->last)
		hf_buf_printf(out, "last %u, ", rules->last);
	for (int p = 0; p < HF_PERIODS; p++)
		if (rules->count[p])
			hf_buf_printf(out, "%s %u, ", hf_period_name((enum hf_period)p), rules->count[p]);
	if (rules->within)
		hf_buf_printf(out, "within %s, ", hf_duration_format(rules->within, text));
	for (int p = 0; p < HF_PERIODS; p++)
		if (rules->within_period[p])
			hf_buf_printf(out, "%s within %s, ", hf_period_name((enum hf_period)p),
				hf_duration_format(rules->within_period[p], text));
	for (size_t i = 0; i < rules->tag_count; i++)
		hf_buf_printf(out, "tag %s, ", rules->tags[i]);
	if (!out->failed)
		out->len -= 2;
}

static int carry_out(struct hf_forget_plan *p, const struct hf_retention_rules *rules, struct hf_error *err)
{
	HF_BUF_AUTO reason = HF_BUF(1 << 20);
	struct hf_ref *refs = calloc(p->plan.forgotten + 1, sizeof(*refs));
	size_t n = 0;
	name_rules(rules, &reason);
	const char *why = hf_buf_cstr(&reason);
	int r = refs && why ? 0 : hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < p->plan.count; i++)
		if (p->plan.decisions[i].action == HF_RETENTION_FORGET)
			refs[n++] = p->catalogue.points[i].ref;
	if (r == 0 && n)
		r = hf_catalogue_forget(&p->catalogue, refs, n, why, err);
	p->is_done = r == 0;
	free(refs);
	return r;
}

int hf_forget_by_rules(struct hf_repository *repo, const struct hf_forget_options *options, struct hf_forget_plan *out,
	struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	*out = (struct hf_forget_plan){0};
	int r = options->dry_run ? hf_repository_require_reading(repo, false, "plan what to forget", err)
				 : hf_repository_require(repo, HF_RIGHT_MAINTAIN, "forget snapshots", err);
	if (r == 0)
		r = hf_catalogue_load(repo, &all, &out->catalogue, err);
	if (r < 0)
		return r;
	hf_catalogue_warn(&out->catalogue);
	r = describe_all(out, err);
	if (r == 0)
		r = hf_retention_plan(options->rules, out->points, out->catalogue.point_count, &out->plan, err);
	if (r == 0)
		r = find_objection(out, err);
	if (r < 0)
		return r;
	warn_of_the_future(out);
	if (options->dry_run)
		return 0;
	if (out->objection && !options->insist)
		return hf_fail(err, HF_E_DENIED,
			"%s; nothing was forgotten. See the plan with --dry-run, and give --yes-really if it is what you want",
			out->objection);
	return carry_out(out, options->rules, err);
}

void hf_forget_plan_free(struct hf_forget_plan *p)
{
	hf_retention_plan_free(&p->plan);
	hf_catalogue_free(&p->catalogue);
	free(p->points);
	free(p->sources);
	free(p->writers);
	free(p->objection);
	*p = (struct hf_forget_plan){0};
}
