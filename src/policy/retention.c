/*
 * The retention plan; see retention.h. Points become members of groups, the members are sorted by group and time, and each run of
 * members of one group is walked from the newest back, once for each rule.
 */
#include "policy/retention.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *hf_period_name(enum hf_period period)
{
	static const char *const names[] = {"hourly", "daily", "weekly", "monthly", "yearly"};
	return names[period];
}

const char *hf_retention_action_name(enum hf_retention_action action)
{
	static const char *const names[] = {"forget", "keep", "apart"};
	return names[action];
}

int hf_grouping_parse(const char *text, enum hf_grouping *out, struct hf_error *err)
{
	static const char *const names[] = {"name", "tag", "sources"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*out = (enum hf_grouping)i;
		return 0;
	}
	return hf_fail(err, HF_E_USAGE, "\"%s\": snapshots are grouped by name, tag or sources", text);
}

bool hf_retention_has_rule(const struct hf_retention_rules *rules)
{
	bool any = rules->last || rules->within || rules->tag_count;
	for (int p = 0; p < HF_PERIODS; p++)
		any = any || rules->count[p] || rules->within_period[p];
	return any;
}

/* A point in a group. */
struct member {
	const char *writer, *key; /* the group */
	const char *label;
	int64_t time;
	size_t point;
	bool complete;
};

struct planning {
	const struct hf_retention_rules *rules;
	const struct hf_retention_point *points;
	struct hf_retention_plan *plan;
	struct member *members;
	size_t count, room;
	bool failed; /* no memory */
};

/* --- reasons ------------------------------------------------------------------------------------------------------- */

static const char *format(struct planning *g, const char *fmt, ...) HF_PRINTF(2, 3);
static const char *format(struct planning *g, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;
	va_start(ap, fmt);
	int len = vasprintf(&text, fmt, ap);
	va_end(ap);
	const char *copy = len < 0 ? NULL : hf_arena_copy(&g->plan->arena, text, (size_t)len);
	if (len >= 0)
		free(text);
	g->failed = g->failed || !copy;
	return copy ? copy : "";
}

/* Decides; an action once taken stays, a reason is given once. */
static void decide(struct planning *g, size_t point, enum hf_retention_action action, const char *reason)
{
	struct hf_retention_decision *d = &g->plan->decisions[point];
	d->action = action;
	for (size_t i = 0; i < d->reason_count; i++)
		if (strcmp(d->reasons[i], reason) == 0)
			return;
	/* Grows by doubling: the capacity is the next power of two. */
	if ((d->reason_count & (d->reason_count - 1)) == 0) {
		size_t room = d->reason_count ? 2 * d->reason_count : 1;
		const char **more = hf_arena_alloc(&g->plan->arena, room * sizeof(*more));
		if (!more) {
			g->failed = true;
			return;
		}
		if (d->reason_count)
			memcpy(more, d->reasons, d->reason_count * sizeof(*more));
		d->reasons = more;
	}
	d->reasons[d->reason_count++] = reason;
}

/* Keeps a member; where its point lies in several groups the reason says which one it is. */
static void keep(struct planning *g, const struct member *m, const char *why)
{
	bool several = g->rules->group_by != HF_GROUP_SOURCES && g->points[m->point].source_count > 1;
	decide(g, m->point, HF_RETENTION_KEEP, several ? format(g, "%s: %s", m->label, why) : why);
}

/* --- groups -------------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The texts, sorted, with `between` between them. */
static const char *join(struct planning *g, const char **texts, size_t count, const char *between)
{
	size_t len = 0, at = 0;
	qsort(texts, count, sizeof(*texts), by_text);
	for (size_t i = 0; i < count; i++)
		len += strlen(texts[i]) + strlen(between);
	char *out = hf_arena_alloc(&g->plan->arena, len + 1);
	if (!out) {
		g->failed = true;
		return "";
	}
	out[0] = 0;
	for (size_t i = 0; i < count; i++)
		at += (size_t)sprintf(out + at, "%s%s", i ? between : "", texts[i]);
	return out;
}

static const char *join_tags(struct planning *g, const struct hf_retention_point *p, const char *between)
{
	const char **texts = hf_arena_alloc(&g->plan->arena, (p->tag_count + 1) * sizeof(*texts));
	if (!texts) {
		g->failed = true;
		return "";
	}
	for (size_t i = 0; i < p->tag_count; i++)
		texts[i] = p->tags[i];
	return join(g, texts, p->tag_count, between);
}

static const char *join_sources(struct planning *g, const struct hf_retention_point *p)
{
	const char **texts = hf_arena_alloc(&g->plan->arena, (p->source_count + 1) * sizeof(*texts));
	if (!texts) {
		g->failed = true;
		return "";
	}
	for (size_t i = 0; i < p->source_count; i++)
		texts[i] = p->sources[i].name;
	return join(g, texts, p->source_count, "/"); /* which is in no name */
}

static void add_member(struct planning *g, struct member m)
{
	if (g->count == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct member *more = reallocarray(g->members, room, sizeof(*more));
		if (!more) {
			g->failed = true;
			return;
		}
		g->members = more;
		g->room = room;
	}
	g->members[g->count++] = m;
}

static void add_source(struct planning *g, size_t point, const struct hf_retention_source *s, enum hf_grouping by)
{
	const struct hf_retention_point *p = &g->points[point];
	struct member m = {.writer = p->writer, .key = s->name, .label = s->name, .time = p->time, .point = point,
		.complete = s->complete};
	if (by == HF_GROUP_TAG) {
		m.key = format(g, "%s/%s", s->name, join_tags(g, p, "\n"));
		m.label = format(g, "%s [%s]", s->name, join_tags(g, p, ", "));
	}
	add_member(g, m);
}

static void add_whole(struct planning *g, size_t point)
{
	const struct hf_retention_point *p = &g->points[point];
	struct member m = {.writer = p->writer, .time = p->time, .point = point, .complete = true};
	m.key = m.label = join_sources(g, p);
	for (size_t i = 0; i < p->source_count; i++)
		m.complete = m.complete && p->sources[i].complete;
	add_member(g, m);
}

/* By group; within one the newest first. */
static int by_group(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = strcmp(x->writer, y->writer);
	c = c ? c : strcmp(x->key, y->key);
	if (c)
		return c;
	if (x->time != y->time)
		return x->time > y->time ? -1 : 1;
	return x->point > y->point ? -1 : x->point < y->point;
}

/* Puts all points that count into groups. */
static void group(struct planning *g, size_t count, enum hf_grouping by)
{
	g->count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct hf_retention_point *p = &g->points[i];
		if (p->is_future || p->is_unreadable || !p->source_count)
			continue;
		if (by == HF_GROUP_SOURCES)
			add_whole(g, i);
		for (size_t s = 0; by != HF_GROUP_SOURCES && s < p->source_count; s++)
			add_source(g, i, &p->sources[s], by);
	}
	if (g->count)
		qsort(g->members, g->count, sizeof(*g->members), by_group);
}

/* How many members from `m` on are of its group. */
static size_t length_of_group(const struct planning *g, size_t first)
{
	const struct member *m = &g->members[first];
	size_t n = 1;
	while (first + n < g->count && strcmp(m[n].writer, m->writer) == 0 && strcmp(m[n].key, m->key) == 0)
		n++;
	return n;
}

/* --- rules --------------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* A number for the hour, day, … in which `time` lies, other for each. The hour that a clock goes through twice when daylight
 * saving ends counts as two. */
static int64_t period_of(const struct hf_zone *zone, enum hf_period period, int64_t time)
{
	struct hf_civil c = hf_zone_civil(zone, time);
	switch (period) {
	case HF_HOURLY:
		return floor_div(floor_div(time, HF_SECOND) + c.offset % 3600, 3600);
	case HF_DAILY:
		return c.days;
	case HF_WEEKLY:
		return floor_div(c.days + 3, 7);
	case HF_MONTHLY:
		return (int64_t)c.year * 12 + c.month;
	default:
		return c.year;
	}
}

/* "daily 2026-11-21" */
static const char *name_period(struct planning *g, enum hf_period period, int64_t time)
{
	struct hf_civil c = hf_zone_civil(g->rules->zone, time);
	int east = c.offset / 60;
	switch (period) {
	case HF_HOURLY:
		return format(g, "hourly %04d-%02d-%02dT%02d%+03d:%02d", c.year, c.month, c.day, c.hour, east / 60,
			abs(east % 60));
	case HF_DAILY:
		return format(g, "daily %04d-%02d-%02d", c.year, c.month, c.day);
	case HF_WEEKLY:
		return format(g, "weekly %04d-W%02d", c.iso_year, c.iso_week);
	case HF_MONTHLY:
		return format(g, "monthly %04d-%02d", c.year, c.month);
	default:
		return format(g, "yearly %04d", c.year);
	}
}

/* Members of one group, the newest first; with complete_only those that are not complete don't count. */
struct members {
	const struct member *m;
	size_t n;
	bool complete_only;
};

/* The newest complete of the `n` members, or else the newest. */
static const struct member *best(const struct member *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].complete)
			return &m[i];
	return m;
}

/* Of at most `count` periods (0: any number). */
static void keep_periods(struct planning *g, struct members of, enum hf_period period, unsigned count)
{
	const struct member *m = of.m;
	unsigned kept = 0;
	for (size_t i = 0, same; i < of.n && (!count || kept < count); i += same) {
		int64_t key = period_of(g->rules->zone, period, m[i].time);
		for (same = 1; i + same < of.n && period_of(g->rules->zone, period, m[i + same].time) == key;)
			same++;
		const struct member *one = best(&m[i], same);
		if (of.complete_only && !one->complete)
			continue;
		keep(g, one, name_period(g, period, one->time));
		kept++;
	}
}

static void keep_last(struct planning *g, struct members of)
{
	unsigned kept = 0;
	for (size_t i = 0; i < of.n && kept < g->rules->last; i++) {
		if (of.complete_only && !of.m[i].complete)
			continue;
		keep(g, &of.m[i], "last");
		kept++;
	}
}

/* Those that are no older than the newest one minus `duration`. */
static struct members since(struct members of, int64_t duration)
{
	int64_t limit;
	if (__builtin_sub_overflow(of.m[0].time, duration, &limit))
		limit = INT64_MIN;
	while (of.m[of.n - 1].time < limit)
		of.n--;
	return of;
}

static void keep_within(struct planning *g, struct members of)
{
	char text[HF_TIME_TEXT];
	of = since(of, g->rules->within);
	for (size_t i = 0; i < of.n; i++)
		keep(g, &of.m[i], format(g, "within %s", hf_duration_format(g->rules->within, text)));
}

static void apply(struct planning *g, struct members of)
{
	const struct hf_retention_rules *rules = g->rules;
	for (int complete_only = 0; complete_only < 2; complete_only++) {
		of.complete_only = complete_only;
		keep_last(g, of);
		for (int p = 0; p < HF_PERIODS; p++)
			if (rules->count[p])
				keep_periods(g, of, (enum hf_period)p, rules->count[p]);
	}
	of.complete_only = false;
	for (int p = 0; p < HF_PERIODS; p++)
		if (rules->within_period[p])
			keep_periods(g, since(of, rules->within_period[p]), (enum hf_period)p, 0);
	if (rules->within)
		keep_within(g, of);
}

/* --- what no rule takes -------------------------------------------------------------------------------------------- */

/* Of one source: the newest complete one, and the newest that was proved. */
static void protect_newest(struct planning *g, const struct member *m, size_t n)
{
	const struct member *newest = best(m, n);
	decide(g, newest->point, HF_RETENTION_KEEP,
		format(g, newest->complete ? "the newest complete one of %s" : "the newest one of %s, of which none is complete",
			m->label));
	for (size_t i = 0; i < n; i++) {
		if (!g->points[m[i].point].is_proved)
			continue;
		decide(g, m[i].point, HF_RETENTION_KEEP, format(g, "the newest one of %s that a drill proved", m->label));
		break;
	}
}

static void keep_tagged(struct planning *g, size_t point)
{
	const struct hf_retention_point *p = &g->points[point];
	for (size_t i = 0; i < p->tag_count; i++)
		for (size_t t = 0; t < g->rules->tag_count; t++)
			if (strcmp(p->tags[i], g->rules->tags[t]) == 0)
				decide(g, point, HF_RETENTION_KEEP, format(g, "tag %s", p->tags[i]));
}

/* What is decided without looking at other points. */
static void decide_alone(struct planning *g, size_t point)
{
	const struct hf_retention_point *p = &g->points[point];
	if (p->is_future)
		decide(g, point, HF_RETENTION_APART, "it claims a time in the future: no rule counts or forgets it");
	else if (p->is_unreadable || !p->source_count)
		decide(g, point, HF_RETENTION_KEEP, "what it holds can't be read: no rule forgets it");
	else
		keep_tagged(g, point);
}

/* --- all together -------------------------------------------------------------------------------------------------- */

static void count_group(struct planning *g, const struct member *m, size_t n)
{
	struct hf_retention_plan *plan = g->plan;
	struct hf_retention_group *out = &plan->groups[plan->group_count++];
	*out = (struct hf_retention_group){.writer = m->writer, .label = m->label, .points = n};
	for (size_t i = 0; i < n; i++)
		out->forgotten += plan->decisions[m[i].point].action == HF_RETENTION_FORGET;
	out->is_over_half = out->forgotten > n / 2;
	plan->is_over_half = plan->is_over_half || out->is_over_half;
}

static void plan_all(struct planning *g, size_t count)
{
	for (size_t i = 0; i < count; i++)
		decide_alone(g, i);
	group(g, count, HF_GROUP_NAME);
	for (size_t i = 0, n; !g->failed && i < g->count; i += n) {
		n = length_of_group(g, i);
		protect_newest(g, &g->members[i], n);
	}
	if (g->rules->group_by != HF_GROUP_NAME)
		group(g, count, g->rules->group_by);
	for (size_t i = 0, n; !g->failed && i < g->count; i += n) {
		n = length_of_group(g, i);
		apply(g, (struct members){.m = &g->members[i], .n = n});
	}
	for (size_t i = 0; i < count; i++)
		if (!g->plan->decisions[i].reason_count) {
			decide(g, i, HF_RETENTION_FORGET, "no rule keeps it");
			g->plan->forgotten++;
		}
	g->plan->groups = hf_arena_alloc(&g->plan->arena, (g->count + 1) * sizeof(*g->plan->groups));
	g->failed = g->failed || !g->plan->groups;
	for (size_t i = 0, n; !g->failed && i < g->count; i += n) {
		n = length_of_group(g, i);
		count_group(g, &g->members[i], n);
	}
}

int hf_retention_plan(const struct hf_retention_rules *rules, const struct hf_retention_point *points, size_t count,
	struct hf_retention_plan *out, struct hf_error *err)
{
	*out = (struct hf_retention_plan){.count = count};
	if (!hf_retention_has_rule(rules))
		return hf_fail(err, HF_E_USAGE, "no rule says what to keep: give at least one");
	struct planning g = {.rules = rules, .points = points, .plan = out};
	out->decisions = hf_arena_alloc(&out->arena, (count + 1) * sizeof(*out->decisions));
	if (out->decisions) {
		memset(out->decisions, 0, (count + 1) * sizeof(*out->decisions));
		plan_all(&g, count);
	}
	free(g.members);
	return !out->decisions || g.failed ? hf_fail(err, HF_E_NOMEM, "plan what to keep: out of memory") : 0;
}

void hf_retention_plan_free(struct hf_retention_plan *plan)
{
	hf_arena_free(&plan->arena);
	*plan = (struct hf_retention_plan){0};
}
