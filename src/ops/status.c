/* Status; see status.h. Points ascend by time, so that the last one of a source is its newest. */
#include "ops/status_internal.h"

#include "base/log.h"
#include "base/time.h"
#include "repo/object_fetch.h"

#include <stdlib.h>
#include <string.h>

struct work {
	const struct hf_status_options *options;
	struct hf_status *out;
	int64_t now; /* by the store's clock, as far as it is known: not before anything that it has seen */
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "out of memory");
}

static const char *writer_name(const struct hf_repository *repo, const struct hf_id *writer)
{
	const struct hf_cert *cert = hf_certs_find(&repo->certs, writer);
	return cert ? cert->name : "unknown";
}

/* --- the sources ------------------------------------------------------------------------------------------------------- */

static bool is_of_policy(const struct hf_policy *p, const char *name)
{
	for (size_t i = 0; p && i < p->sources.count; i++)
		if (strcmp(p->source_names[i], name) == 0)
			return true;
	return !p;
}

static bool is_by(const struct hf_repository *repo, const struct hf_point *p, const char *host)
{
	return !host || strcmp(p->snapshot->host, host) == 0 || strcmp(writer_name(repo, &p->ref.writer), host) == 0;
}

/* Of the line that the point belongs to; NULL: of any. */
static struct hf_status_source *find(struct hf_status *out, const char *name, const struct hf_point *p)
{
	for (size_t i = 0; i < out->source_count; i++)
		if (strcmp(out->sources[i].name, name) == 0 &&
			(!p || (out->sources[i].newest && hf_point_is_same_line(out->sources[i].newest, p))))
			return &out->sources[i];
	return NULL;
}

static int add_source(struct hf_status *out, const char *name, struct hf_status_source **added, struct hf_error *err)
{
	struct hf_status_source *more = reallocarray(out->sources, out->source_count + 1, sizeof(*more));
	if (!more)
		return no_memory(err);
	out->sources = more;
	*added = &more[out->source_count++];
	**added = (struct hf_status_source){.name = name};
	return 0;
}

static int note_source(struct work *w, const struct hf_point *p, const struct hf_snapshot_source *s, struct hf_error *err)
{
	struct hf_status_source *row = find(w->out, s->name, p);
	int r = row ? 0 : add_source(w->out, s->name, &row, err);
	if (r < 0)
		return r;
	int64_t took = p->snapshot->time - s->consistency_point;
	row->kind = s->kind;
	row->writer = writer_name(w->options->repo, &p->ref.writer);
	row->host = p->snapshot->host;
	row->newest = p;
	row->complete = s->complete;
	row->bytes = s->bytes;
	row->consistency_point = s->consistency_point;
	row->age_ns = w->now - p->seen + (took > 0 ? took : 0);
	return 0;
}

static int note_point(struct work *w, const struct hf_point *p, struct hf_error *err)
{
	const char *host = w->options->host;
	if (!host && w->options->policy)
		host = w->options->policy->host;
	if (!p->snapshot || !is_by(w->options->repo, p, host))
		return 0;
	if (p->time_trust == HF_TIME_FUTURE) {
		w->out->future++;
		return 0;
	}
	int r = 0;
	for (size_t i = 0; r == 0 && i < p->snapshot->source_count; i++)
		if (is_of_policy(w->options->policy, p->snapshot->sources[i].name))
			r = note_source(w, p, &p->snapshot->sources[i], err);
	return r;
}

/* What the policy names and nobody has ever backed up. */
static int note_missing(struct work *w, struct hf_error *err)
{
	const struct hf_policy *p = w->options->policy;
	struct hf_status_source *row;
	for (size_t i = 0; p && i < p->sources.count; i++)
		if (!find(w->out, p->source_names[i], NULL) && add_source(w->out, p->source_names[i], &row, err) < 0)
			return HF_E_NOMEM;
	return 0;
}

/* --- drills ------------------------------------------------------------------------------------------------------------ */

static int64_t seconds_of(const json_t *j, const char *key)
{
	const json_t *n = json_object_get(j, key);
	return json_is_number(n) ? (int64_t)(json_number_value(n) * 1e9) : 0;
}

static const json_t *source_of(const json_t *record, const char *name)
{
	const json_t *all = json_object_get(record, "sources");
	for (size_t i = 0; i < json_array_size(all); i++) {
		const char *other = json_string_value(json_object_get(json_array_get(all, i), "name"));
		if (other && strcmp(other, name) == 0)
			return json_array_get(all, i);
	}
	return NULL;
}

/* Fetching grows with the size, the rest is taken to stay as it was. */
static int64_t expect_rto(const json_t *drilled, uint64_t bytes, int64_t rto)
{
	int64_t then = json_integer_value(json_object_get(drilled, "bytes"));
	int64_t fetch = seconds_of(json_object_get(drilled, "phases"), "fetch");
	if (then <= 0)
		return rto;
	return rto - fetch + (int64_t)((double)fetch * (double)bytes / (double)then);
}

/* A drill that was throttled proves what it restored, and tells nothing of the time that this takes. */
static void note_result(struct hf_status_source *row, const struct hf_catalogue_entry *e,
	const struct hf_point *p, const json_t *record)
{
	const json_t *drilled = source_of(record, row->name);
	bool ok = json_is_true(json_object_get(drilled, "ok"));
	bool is_throttled = json_is_true(json_object_get(record, "throttled"));
	if (!drilled || e->store_time < row->drilled_at)
		return;
	row->has_drill = true;
	row->drill_ok = ok;
	row->drilled_at = e->store_time;
	if (!ok)
		return;
	row->proved = p;
	row->proved_at = e->store_time;
	row->rpo_ns = seconds_of(drilled, "rpo_seconds");
	if (is_throttled && row->is_timed)
		return;
	row->is_timed = !is_throttled;
	row->rto_ns = seconds_of(drilled, "rto_seconds");
	row->service_rto_ns = json_is_true(json_object_get(record, "partial")) ? row->rto_ns : seconds_of(record, "rto_seconds");
	row->expected_rto_ns = expect_rto(drilled, row->bytes, row->rto_ns);
}

static int note_drill(struct work *w, const struct hf_catalogue_entry *e, struct hf_error *err)
{
	const struct hf_catalogue *c = &w->out->catalogue;
	const struct hf_point *p = e->snapshot_count ? hf_catalogue_point(c, &e->snapshots[0]) : NULL;
	HF_JSON_AUTO *record = NULL;
	struct hf_error why = {0};
	if (!p || !p->snapshot || !(hf_writer_rights(w->options->repo, &e->ref.writer) & HF_RIGHT_PROVE))
		return 0;
	int r = hf_catalogue_record(c, e, &record, &why);
	if (r == HF_E_NOMEM || r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0)
		hf_warn("the record of a drill can't be read: %s", why.msg);
	for (size_t i = 0; r == 0 && i < w->out->source_count; i++) {
		struct hf_status_source *row = &w->out->sources[i];
		if (row->newest && hf_point_is_same_line(row->newest, p))
			note_result(row, e, p, record);
	}
	return 0;
}

static int note_evidence(struct work *w, struct hf_error *err)
{
	const struct hf_catalogue *c = &w->out->catalogue;
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->entry_count; i++) {
		const struct hf_catalogue_entry *e = &c->entries[i];
		if (e->kind != HF_CATALOGUE_EVIDENCE)
			continue;
		if (strcmp(e->what, "drill") == 0)
			r = note_drill(w, e, err);
		if (strcmp(e->what, "verify") == 0 && e->store_time >= w->out->verified_at) {
			w->out->has_verify = true;
			w->out->verify_ok = e->ok;
			w->out->verified_at = e->store_time;
		}
	}
	return r;
}

/* --- the judgement ----------------------------------------------------------------------------------------------------- */

/* A newest drill that failed has proved nothing, whatever an older one did. */
static void judge(struct hf_status *out)
{
	out->met = true;
	for (size_t i = 0; i < out->source_count; i++) {
		struct hf_status_source *s = &out->sources[i];
		bool rpo = s->newest && s->age_ns <= out->rpo_objective;
		bool rto = s->proved && s->drill_ok && s->is_timed && s->service_rto_ns <= out->rto_objective;
		s->rpo_met = !out->rpo_objective ? HF_MET_UNKNOWN : rpo ? HF_MET : HF_MISSED;
		s->rto_met = !out->rto_objective ? HF_MET_UNKNOWN : rto ? HF_MET : HF_MISSED;
		out->met = out->met && s->rpo_met != HF_MISSED && s->rto_met != HF_MISSED;
	}
}

static int by_name(const void *a, const void *b)
{
	const struct hf_status_source *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : strcmp(x->writer ? x->writer : "", y->writer ? y->writer : "");
}

bool hf_status_is_whole(const struct hf_catalogue *c)
{
	bool is_whole = !c->damaged && !c->missing_count && !c->rolled_back;
	for (size_t i = 0; i < c->problem_count; i++)
		is_whole = is_whole && !c->problems[i].is_loss;
	return is_whole;
}

static int64_t store_now(const struct hf_catalogue *c)
{
	int64_t now = hf_store_now(c->repo->store);
	for (size_t i = 0; i < c->entry_count; i++)
		now = c->entries[i].store_time > now ? c->entries[i].store_time : now;
	return now;
}

int hf_status_get(const struct hf_status_options *options, struct hf_status *out, struct hf_error *err)
{
	const struct hf_catalogue_options all = {.snapshots = true};
	struct work w = {.options = options, .out = out};
	*out = (struct hf_status){0};
	if (options->policy) {
		out->rpo_objective = options->policy->objectives.rpo;
		out->rto_objective = options->policy->objectives.rto;
	}
	int r = hf_repository_require_reading(options->repo, false, "tell the status", err);
	if (r == 0)
		r = hf_catalogue_load(options->repo, &all, &out->catalogue, err);
	if (r < 0)
		return r;
	w.now = store_now(&out->catalogue);
	for (size_t i = 0; r == 0 && i < out->catalogue.point_count; i++)
		r = note_point(&w, &out->catalogue.points[i], err);
	if (r == 0)
		r = note_missing(&w, err);
	if (r == 0)
		r = note_evidence(&w, err);
	if (r == 0)
		r = hf_status_note_exposure(out, err);
	if (r < 0)
		return r;
	if (out->source_count > 1)
		qsort(out->sources, out->source_count, sizeof(*out->sources), by_name);
	out->is_whole = hf_status_is_whole(&out->catalogue);
	judge(out);
	return hf_status_note_copies(options, w.now, out, err);
}

void hf_status_free(struct hf_status *s)
{
	hf_status_copies_free(s);
	hf_catalogue_free(&s->catalogue);
	free(s->sources);
	*s = (struct hf_status){0};
}
