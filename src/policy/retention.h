/*
 * The retention plan: which restore points the rules keep, which are to be forgotten, and why. A pure function of plain data:
 * it asks no clock, opens nothing, and gives the same plan for the same points. What carries it out is ops/forget.h.
 *
 * Points are grouped by their certified writer and by the names of their sources (never by the host that they claim), so that
 * no host can push out what another keeps. A point of several sources lies in several groups and stays if any of them
 * keeps it. In each group the rules go from the newest point back:
 *
 *	last N		the N newest, and the N newest complete ones
 *	hourly N, …	of the N newest hours (days, ISO weeks, months, years) that have any, the newest complete point, or the
 *			newest of an hour that has no complete one; and again counting complete ones alone
 *	within D	all that are not older than D, counted back from the group's newest
 *	hourly within D	as hourly, but of all hours not older than that
 *	tag T		all that have the tag, in whatever group
 *
 * "And again": incomplete points that a failing host makes night after night take no place away from its complete ones.
 *
 * Whatever the rules say, these stay: the newest complete point of each source (the newest, if there is no complete one), the
 * newest one that a drill proved, and a point that can't be read. A point whose time lies in the future is set apart: no
 * rule counts it, and none forgets it.
 */
#ifndef HF_POLICY_RETENTION_H
#define HF_POLICY_RETENTION_H

#include "base/arena.h"
#include "base/zone.h"

#include <stdbool.h>
#include <stddef.h>

enum hf_period { HF_HOURLY, HF_DAILY, HF_WEEKLY, HF_MONTHLY, HF_YEARLY, HF_PERIODS };
const char *hf_period_name(enum hf_period period); /* "hourly", … */

enum hf_grouping {
	HF_GROUP_NAME,	  /* writer and source: one group for each source of a point */
	HF_GROUP_TAG,	  /* the same, and the set of the point's tags */
	HF_GROUP_SOURCES, /* writer and the set of the point's sources: one group for each point */
};
/* "name", "tag", "sources". HF_E_USAGE for another. */
int hf_grouping_parse(const char *text, enum hf_grouping *out, struct hf_error *err) HF_MUST_CHECK;

/* Zero means: no such rule. */
struct hf_retention_rules {
	unsigned last, count[HF_PERIODS];
	int64_t within, within_period[HF_PERIODS]; /* ns */
	const char *const *tags;
	size_t tag_count;
	enum hf_grouping group_by;
	const struct hf_zone *zone; /* where days are cut; NULL: UTC */
};
/* Whether there is any rule: without one everything but what always stays would go, and hf_retention_plan refuses. */
bool hf_retention_has_rule(const struct hf_retention_rules *rules);

struct hf_retention_source {
	const char *name;
	bool complete;
};

struct hf_retention_point {
	const char *writer; /* what tells certified writers apart */
	int64_t time;	    /* ns; as far as it can be trusted (struct hf_point) */
	bool is_future;	    /* its claim is later than the store's time */
	bool is_unreadable; /* what it holds is not known */
	bool is_proved;	    /* a drill brought it back */
	const struct hf_retention_source *sources;
	size_t source_count;
	const char *const *tags;
	size_t tag_count;
};

enum hf_retention_action { HF_RETENTION_FORGET, HF_RETENTION_KEEP, HF_RETENTION_APART };
const char *hf_retention_action_name(enum hf_retention_action action); /* "forget", "keep", "apart" */

struct hf_retention_decision {
	enum hf_retention_action action;
	const char **reasons; /* at least one */
	size_t reason_count;
};

struct hf_retention_group {
	const char *writer, *label; /* the writer's as in the point; the source's name, "name [tag, tag]", "name/name" */
	size_t points, forgotten;   /* without those set apart */
	bool is_over_half;	    /* more than half of it would go at once */
};

struct hf_retention_plan {
	struct hf_retention_decision *decisions; /* one for each point, in their order */
	size_t count;
	struct hf_retention_group *groups; /* by writer and label */
	size_t group_count;
	size_t forgotten;
	bool is_over_half; /* of any group: do it only if the user insists */
	struct hf_arena arena; /* private: holds everything above */
};

/* Plans. The points may be in any order; of two with the same time the later one in the array is the newer. What they point to
 * must outlive the plan. HF_E_USAGE without a rule. Free with hf_retention_plan_free, also after failure. */
int hf_retention_plan(const struct hf_retention_rules *rules, const struct hf_retention_point *points, size_t count,
	struct hf_retention_plan *out, struct hf_error *err) HF_MUST_CHECK;
void hf_retention_plan_free(struct hf_retention_plan *plan);

#endif
