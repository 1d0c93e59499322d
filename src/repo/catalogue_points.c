/*
 * From entries to restore points: a snapshot that a commit names, that no forget names (unless an unforget that has it among its
 * ancestors takes it back), and that is there. FORMAT.md, section 10; the rule of time: judge_time.
 */
#include "repo/catalogue_internal.h"

#include "repo/object_fetch.h"
#include "repo/void.h"

#include <stdlib.h>

/* --- forgotten ----------------------------------------------------------------------------------------------------- */

static bool names(const struct hf_catalogue_entry *e, const struct hf_ref *snapshot)
{
	for (size_t i = 0; i < e->snapshot_count; i++)
		if (hf_ref_equal(&e->snapshots[i], snapshot))
			return true;
	return false;
}

/* Whether an unforget takes back what `forget` (a number) says of `snapshot`. */
static int is_taken_back(const struct hf_catalogue *c, const struct hf_graph *g, size_t forget,
	const struct hf_ref *snapshot, struct hf_error *err)
{
	int taken = 0;
	for (size_t i = forget + 1; i < c->entry_count && !taken; i++) {
		if (c->entries[i].kind != HF_CATALOGUE_UNFORGET || !names(&c->entries[i], snapshot))
			continue;
		bool *marks = calloc(g->count, sizeof(*marks));
		if (!marks)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		int r = hf_graph_mark(g, i, marks, err);
		taken = r < 0 ? r : marks[forget];
		free(marks);
	}
	return taken;
}

static int add_forgotten(struct hf_catalogue *c, const struct hf_ref *snapshot, struct hf_error *err)
{
	struct hf_ref *more = reallocarray(c->forgotten, c->forgotten_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	c->forgotten = more;
	more[c->forgotten_count++] = *snapshot;
	return 0;
}

static int find_forgotten(struct hf_catalogue *c, const struct hf_graph *g, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->entry_count; i++) {
		const struct hf_catalogue_entry *e = &c->entries[i];
		for (size_t s = 0; r == 0 && e->kind == HF_CATALOGUE_FORGET && s < e->snapshot_count; s++) {
			r = is_taken_back(c, g, i, &e->snapshots[s], err);
			if (r == 0)
				r = add_forgotten(c, &e->snapshots[s], err);
			else if (r > 0)
				r = 0;
		}
	}
	c->forgotten_count = hf_ref_sort(c->forgotten, c->forgotten_count);
	return r;
}

/* --- the snapshots ------------------------------------------------------------------------------------------------- */

struct present {
	struct hf_ref *refs; /* ascending, as listed */
	size_t count, room;
};

static int note_present(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	(void)info;
	struct present *p = user;
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 64;
		struct hf_ref *more = reallocarray(p->refs, room, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "out of memory");
		p->refs = more;
		p->room = room;
	}
	p->refs[p->count++] = *ref;
	return 0;
}

/* Why the point can't be used goes into the point; what is lost also into the catalogue's problems. */
static int blame_point(struct hf_catalogue *c, struct hf_point *p, int code, const char *why, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	p->failure = code;
	p->why = strdup(why);
	if (!p->why)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	if (code == HF_E_KEY)
		return 0;
	return hf_catalogue_blame(c, hf_object_name(HF_KIND_SNAPSHOT, &p->ref, name), true, why, err);
}

static int read_snapshot(struct hf_catalogue *c, struct hf_point *p, bool from_store, struct hf_error *err)
{
	struct hf_error why = {0};
	const struct hf_snapshot_read how = {HF_SNAPSHOT_WITHOUT_PACKS, from_store};
	p->snapshot = calloc(1, sizeof(*p->snapshot));
	if (!p->snapshot)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_snapshot_read(c->repo, &p->ref, &how, p->snapshot, &why);
	if (r == 0)
		return 0;
	hf_snapshot_free(p->snapshot);
	free(p->snapshot);
	p->snapshot = NULL;
	if (r == HF_E_KEY || hf_object_is_lost(r))
		return blame_point(c, p, r, why.msg, err);
	return hf_fail(err, r, "%s", why.msg);
}

struct making {
	struct hf_catalogue *c;
	const struct hf_graph *g;
	const struct hf_catalogue_options *options;
	struct present present;
};

static bool is_made(const struct hf_catalogue *c, const struct hf_ref *ref)
{
	return hf_catalogue_point(c, ref) != NULL;
}

static int make_point(struct making *m, size_t entry, const struct hf_ref *ref, struct hf_error *err)
{
	struct hf_catalogue *c = m->c;
	bool is_there = hf_ref_find(m->present.refs, m->present.count, ref);
	if (hf_ref_find(c->forgotten, c->forgotten_count, ref) || is_made(c, ref))
		return 0;
	/* Voided and collected before its commit came: its writer was not told that it is committed. */
	int voided = is_there ? 0 : hf_void_is_certain(c->repo, ref, err);
	if (voided)
		return voided < 0 ? voided : 0;
	struct hf_point *more = reallocarray(c->points, c->point_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	c->points = more;
	struct hf_point *p = &more[c->point_count++];
	*p = (struct hf_point){.ref = *ref, .run = c->entries[entry].run, .entry = entry};
	if (!is_there)
		return blame_point(c, p, HF_E_NOTFOUND, "the snapshot is committed, and its object is gone", err);
	return m->options->snapshots ? read_snapshot(c, p, m->options->from_store, err) : 0;
}

static int make_points(struct making *m, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < m->c->entry_count; i++) {
		const struct hf_catalogue_entry *e = &m->c->entries[i];
		if (e->kind == HF_CATALOGUE_COMMIT)
			r = make_point(m, i, &e->snapshots[0], err);
	}
	return r;
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

/* When an entry was made, at the latest: a claim beyond the store's time must not push later ones out. */
static int64_t entry_time(const struct hf_catalogue_entry *e)
{
	return e->time < e->store_time ? e->time : e->store_time;
}

/* The time of the newest entry by the same writer among the ancestors of `entry`; INT64_MIN if there is none. */
static int previous_time(const struct making *m, size_t entry, int64_t *out, struct hf_error *err)
{
	const struct hf_catalogue *c = m->c;
	bool *marks = calloc(m->g->count, sizeof(*marks));
	if (!marks)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	int r = hf_graph_mark(m->g, entry, marks, err);
	*out = INT64_MIN;
	for (size_t i = 0; r == 0 && i < entry; i++)
		if (marks[i] && hf_id_equal(&c->entries[i].ref.writer, &c->entries[entry].ref.writer) &&
			entry_time(&c->entries[i]) > *out)
			*out = entry_time(&c->entries[i]);
	free(marks);
	return r;
}

/* True if any entry by the same writer, ancestor or not, is of a later time: only then it takes a closer look. */
static bool may_be_backdated(const struct hf_catalogue *c, const struct hf_point *p)
{
	for (size_t i = 0; i < p->entry; i++)
		if (hf_id_equal(&c->entries[i].ref.writer, &c->entries[p->entry].ref.writer) &&
			entry_time(&c->entries[i]) > p->time)
			return true;
	return false;
}

static bool is_copy(const struct hf_point *p)
{
	return p->snapshot && p->snapshot->is_copy;
}

bool hf_point_is_same_line(const struct hf_point *a, const struct hf_point *b)
{
	if (!hf_id_equal(&a->ref.writer, &b->ref.writer) || is_copy(a) != is_copy(b))
		return false;
	if (!is_copy(a))
		return true;
	const struct hf_snapshot_origin *x = &a->snapshot->origin, *y = &b->snapshot->origin;
	return hf_id_equal(&x->repository, &y->repository) && hf_id_equal(&x->snapshot.writer, &y->snapshot.writer);
}

/* Of a copy, the time before which it can't be is that of the newest one before it in its line, as that copy claims it: copies are
 * of the past. Points before `p` were judged. */
static int previous_copy_time(const struct making *m, const struct hf_point *p, int64_t *out, struct hf_error *err)
{
	const struct hf_catalogue *c = m->c;
	bool *marks = NULL;
	int r = 0;
	*out = INT64_MIN;
	for (const struct hf_point *q = c->points; r == 0 && q < p; q++) {
		if (q->time_trust != HF_TIME_WRITER || q->time <= p->time || q->time <= *out || !hf_point_is_same_line(p, q))
			continue;
		if (!marks) {
			marks = calloc(m->g->count, sizeof(*marks));
			r = marks ? hf_graph_mark(m->g, p->entry, marks, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
		}
		if (r == 0 && marks[q->entry])
			*out = q->time;
	}
	free(marks);
	return r;
}

static int judge_time(const struct making *m, struct hf_point *p, struct hf_error *err)
{
	const struct hf_catalogue_entry *e = &m->c->entries[p->entry];
	int64_t previous = INT64_MIN, seen = e->store_time;
	int r = 0;
	if (is_copy(p) && p->snapshot->origin.seen < seen)
		seen = p->snapshot->origin.seen;
	p->seen = seen;
	p->time = p->snapshot ? p->snapshot->time : e->time;
	if (p->time > seen && p->time - seen > HF_TIME_TOLERANCE) {
		p->time_trust = HF_TIME_FUTURE;
		return 0;
	}
	if (is_copy(p))
		r = previous_copy_time(m, p, &previous, err);
	else if (may_be_backdated(m->c, p))
		r = previous_time(m, p->entry, &previous, err);
	if (r == 0 && p->time < previous) {
		p->time_trust = HF_TIME_STORE;
		p->time = e->store_time;
	}
	return r;
}

/* --- proof --------------------------------------------------------------------------------------------------------- */

static void note_proof(struct hf_catalogue *c, const struct hf_catalogue_entry *e)
{
	if (e->kind != HF_CATALOGUE_EVIDENCE || !e->ok || strcmp(e->what, "drill") != 0 ||
		!(hf_writer_rights(c->repo, &e->ref.writer) & HF_RIGHT_PROVE))
		return;
	for (size_t i = 0; i < c->point_count; i++)
		if (names(e, &c->points[i].ref) && entry_time(e) > c->points[i].proved_at)
			c->points[i].proved_at = entry_time(e);
}

static int by_time(const void *a, const void *b)
{
	const struct hf_point *x = a, *y = b;
	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static int finish_points(const struct making *m, struct hf_error *err)
{
	struct hf_catalogue *c = m->c;
	int r = 0;
	for (size_t i = 0; r == 0 && i < c->point_count; i++)
		r = judge_time(m, &c->points[i], err);
	for (size_t i = 0; i < c->entry_count; i++)
		note_proof(c, &c->entries[i]);
	if (c->point_count > 1)
		qsort(c->points, c->point_count, sizeof(*c->points), by_time);
	return r;
}

const struct hf_point *hf_catalogue_point(const struct hf_catalogue *c, const struct hf_ref *snapshot)
{
	for (size_t i = 0; i < c->point_count; i++)
		if (hf_ref_equal(&c->points[i].ref, snapshot))
			return &c->points[i];
	return NULL;
}

int hf_catalogue_make_points(struct hf_catalogue *c, const struct hf_catalogue_options *options, struct hf_error *err)
{
	struct hf_graph g;
	int r = hf_graph_init(&g, c->entries, c->entry_count, err);
	if (r < 0)
		return r;
	struct making m = {.c = c, .g = &g, .options = options};
	r = hf_object_list(c->repo->store, HF_KIND_SNAPSHOT, note_present, &m.present, err);
	m.present.count = hf_ref_sort(m.present.refs, m.present.count);
	if (r == 0)
		r = find_forgotten(c, &g, err);
	if (r == 0)
		r = make_points(&m, err);
	if (r == 0)
		r = finish_points(&m, err);
	free(m.present.refs);
	hf_graph_free(&g);
	return r;
}
