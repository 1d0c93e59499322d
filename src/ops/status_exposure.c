/*
 * The worst exposure of a source: the largest gap from one consistency point to the commit of the next snapshot, which is what an
 * incident right before that commit would have cost. Of snapshots that are still there it is read from them, of forgotten ones from the
 * evidence of their commits, which stays: so what retention removes leaves no gap that was none. By the store's clock, as ages are.
 *
 * Copies are not looked at: what they copy was committed elsewhere.
 */
#include "ops/status_internal.h"

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

/* What one commit says of one source: how long before it the state was captured, by the writer's clock. */
struct captured {
	const char *name;
	int64_t ago;
};

static void note(struct hf_status *out, const struct hf_catalogue_entry *e, const struct captured *c)
{
	for (size_t i = 0; i < out->source_count; i++) {
		struct hf_status_source *row = &out->sources[i];
		if (!row->newest || row->newest->snapshot->is_copy || strcmp(row->name, c->name) != 0 ||
			!hf_id_equal(&row->newest->ref.writer, &e->ref.writer))
			continue;
		int64_t gap = e->store_time - row->exposed_since;
		if (row->exposed_since && gap > row->worst_exposure_ns)
			row->worst_exposure_ns = gap;
		row->exposed_since = e->store_time - (c->ago > 0 ? c->ago : 0);
	}
}

static void note_snapshot(struct hf_status *out, const struct hf_catalogue_entry *e, const struct hf_snapshot *s)
{
	for (size_t i = 0; !s->is_copy && i < s->source_count; i++) {
		const struct captured c = {s->sources[i].name, s->time - s->sources[i].consistency_point};
		note(out, e, &c);
	}
}

/* The evidence of older versions has no consistency points: then the whole run counts, which is never too little. */
static int64_t captured_ago(const json_t *record, const json_t *source)
{
	const char *taken = json_string_value(json_object_get(record, "time"));
	const char *point = json_string_value(json_object_get(source, "consistency_point"));
	int64_t a, b;
	if (taken && point && hf_time_parse(taken, &a, NULL) == 0 && hf_time_parse(point, &b, NULL) == 0)
		return a - b;
	const json_t *seconds = json_object_get(record, "seconds");
	double n = json_is_number(seconds) ? json_number_value(seconds) : 0;
	return n > 0 && n < 1e9 ? (int64_t)(n * 1e9) : 0;
}

static void note_record(struct hf_status *out, const struct hf_catalogue_entry *e, const json_t *record)
{
	const json_t *all = json_object_get(record, "sources");
	if (json_is_true(json_object_get(record, "copy")))
		return;
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *source = json_array_get(all, i);
		const struct captured c = {json_string_value(json_object_get(source, "name")), captured_ago(record, source)};
		if (c.name && !json_is_true(json_object_get(source, "failed")))
			note(out, e, &c);
	}
}

/* What that commit captured is not known: no gap is told across it. */
static void forget_writer(struct hf_status *out, const struct hf_id *writer)
{
	for (size_t i = 0; i < out->source_count; i++)
		if (out->sources[i].newest && hf_id_equal(&out->sources[i].newest->ref.writer, writer))
			out->sources[i].exposed_since = 0;
}

static int note_commit(struct hf_status *out, const struct hf_catalogue_entry *e, struct hf_error *err)
{
	const struct hf_point *p = hf_catalogue_point(&out->catalogue, &e->snapshots[0]);
	HF_JSON_AUTO *record = NULL;
	struct hf_error why = {0};
	if (p && p->time_trust == HF_TIME_FUTURE)
		return 0;
	if (p && p->snapshot) {
		note_snapshot(out, e, p->snapshot);
		return 0;
	}
	int r = hf_catalogue_record(&out->catalogue, e, &record, &why);
	if (r == HF_E_NOMEM || r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0) {
		hf_warn("the record of a backup can't be read, so that the worst exposure may be larger: %s", why.msg);
		forget_writer(out, &e->ref.writer);
	} else {
		note_record(out, e, record);
	}
	return 0;
}

static int by_store_time(const void *a, const void *b)
{
	const struct hf_catalogue_entry *x = *(const struct hf_catalogue_entry *const *)a;
	const struct hf_catalogue_entry *y = *(const struct hf_catalogue_entry *const *)b;
	return (x->store_time > y->store_time) - (x->store_time < y->store_time);
}

static bool concerns(const struct hf_status *out, const struct hf_catalogue_entry *e)
{
	for (size_t i = 0; e->kind == HF_CATALOGUE_COMMIT && e->snapshot_count && i < out->source_count; i++)
		if (out->sources[i].newest && hf_id_equal(&out->sources[i].newest->ref.writer, &e->ref.writer))
			return true;
	return false;
}

int hf_status_note_exposure(struct hf_status *out, struct hf_error *err)
{
	const struct hf_catalogue *c = &out->catalogue;
	size_t count = 0;
	int r = 0;
	const struct hf_catalogue_entry **commits = calloc(c->entry_count + 1, sizeof(struct hf_catalogue_entry *));
	if (!commits)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t i = 0; i < c->entry_count; i++)
		if (concerns(out, &c->entries[i]))
			commits[count++] = &c->entries[i];
	if (count > 1)
		qsort(commits, count, sizeof(struct hf_catalogue_entry *), by_store_time);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = note_commit(out, commits[i], err);
	free(commits);
	return r;
}
