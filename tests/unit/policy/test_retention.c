/* retention.h: the plan, by tables. Each point is a line of text; the plan must read as the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/time.h"
#include "policy/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 4000, DAY = 86400 };
#define D(days) ((int64_t)(days)*DAY * HF_SECOND)

/* A point as the tables give it: a time, then words: "incomplete", "proved", "future", "unreadable", "w=WRITER", "tag=TAG",
 * "src=NAME" (several; "src=NAME!" is an incomplete one). By default it holds "db" of writer "w". */
struct line {
	struct hf_retention_source sources[4];
	const char *tags[4];
	char words[16][32];
};

static struct hf_retention_point points[POINTS];
static struct line lines[POINTS];
static size_t count;
static struct hf_retention_plan plan;

static int set_up(void **state)
{
	(void)state;
	count = 0;
	plan = (struct hf_retention_plan){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_retention_plan_free(&plan);
	return 0;
}

static void take_word(struct hf_retention_point *p, struct line *l, char *word)
{
	bool incomplete = false;
	if (strncmp(word, "src=", 4) == 0) {
		size_t len = strlen(word);
		incomplete = word[len - 1] == '!';
		word[incomplete ? len - 1 : len] = 0;
		l->sources[p->source_count++] = (struct hf_retention_source){word + 4, !incomplete};
	} else if (strncmp(word, "tag=", 4) == 0) {
		l->tags[p->tag_count++] = word + 4;
	} else if (strncmp(word, "w=", 2) == 0) {
		p->writer = word + 2;
	} else if (strcmp(word, "proved") == 0) {
		p->is_proved = true;
	} else if (strcmp(word, "future") == 0) {
		p->is_future = true;
	} else if (strcmp(word, "unreadable") == 0) {
		p->is_unreadable = true;
	} else {
		fail_msg("what is \"%s\"?", word);
	}
}

static void add(const char *text)
{
	assert_true(count < POINTS);
	struct hf_retention_point *p = &points[count];
	struct line *l = &lines[count++];
	char time[40];
	int used;
	*p = (struct hf_retention_point){.writer = "w", .sources = l->sources, .tags = l->tags};
	assert_int_equal(sscanf(text, "%39s%n", time, &used), 1);
	assert_int_equal(hf_time_parse(time, &p->time, NULL), 0);
	bool incomplete = false;
	for (size_t n = 0; sscanf(text += used, "%31s%n", l->words[n], &used) == 1; n++) {
		if (strcmp(l->words[n], "incomplete") == 0)
			incomplete = true;
		else
			take_word(p, l, l->words[n]);
	}
	if (!p->source_count && !p->is_unreadable)
		l->sources[p->source_count++] = (struct hf_retention_source){"db", !incomplete};
}

static void add_all(const char *const *texts)
{
	for (; *texts; texts++)
		add(*texts);
}
#define ADD(...) add_all((const char *const[]){__VA_ARGS__, NULL})

static void add_every(const char *from, int64_t step_seconds, size_t n)
{
	int64_t t;
	char text[HF_TIME_TEXT];
	assert_int_equal(hf_time_parse(from, &t, NULL), 0);
	for (; n; n--, t += step_seconds * HF_SECOND)
		add(hf_time_format(t, text));
}

/* Plans anew, and compares: k keep, f forget, a apart, a letter a point. */
static void expect(const struct hf_retention_rules *rules, const char *letters)
{
	char got[POINTS + 1] = {0};
	hf_retention_plan_free(&plan);
	assert_int_equal(hf_retention_plan(rules, points, count, &plan, NULL), 0);
	size_t forgotten = 0;
	for (size_t i = 0; i < count; i++) {
		got[i] = hf_retention_action_name(plan.decisions[i].action)[0];
		assert_true(plan.decisions[i].reason_count > 0);
		forgotten += got[i] == 'f';
	}
	assert_string_equal(got, letters);
	assert_int_equal(plan.forgotten, forgotten);
}
#define RULES(...) (&(struct hf_retention_rules){__VA_ARGS__})

static bool says(size_t point, const char *reason)
{
	for (size_t i = 0; i < plan.decisions[point].reason_count; i++)
		if (strcmp(plan.decisions[point].reasons[i], reason) == 0)
			return true;
	return false;
}

static size_t kept(void)
{
	return count - plan.forgotten;
}

static struct hf_zone *zone(const char *name)
{
	struct hf_zone *z;
	assert_int_equal(hf_zone_load(name, &z, NULL), 0);
	return z;
}

/* --- one rule at a time ---------------------------------------------------------------------------------------------- */

static void without_a_rule_nothing_is_planned(void **state)
{
	(void)state;
	struct hf_error err = {0};
	ADD("2026-01-01");
	assert_int_equal(hf_retention_plan(RULES(0), points, count, &plan, &err), HF_E_USAGE);
	assert_non_null(strstr(err.msg, "no rule"));
}

static void of_nothing_nothing_is_kept(void **state)
{
	(void)state;
	expect(RULES(.last = 1, .within = D(1), .count = {1, 1, 1, 1, 1}), "");
	assert_int_equal(plan.group_count, 0);
}

static void last(void **state)
{
	(void)state;
	ADD("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04");
	expect(RULES(.last = 1), "fffk");
	expect(RULES(.last = 3), "fkkk");
	expect(RULES(.last = 9), "kkkk");
	assert_true(says(0, "last"));
}

static void in_any_order(void **state)
{
	(void)state;
	ADD("2026-01-03", "2026-01-01", "2026-01-04", "2026-01-02");
	expect(RULES(.last = 2), "kfkf");
}

static void of_two_at_one_time_the_later_one_is_the_newer(void **state)
{
	(void)state;
	ADD("2026-01-03", "2026-01-03", "2026-01-03");
	expect(RULES(.last = 1), "ffk");
	expect(RULES(.last = 2), "fkk");
	expect(RULES(.count[HF_YEARLY] = 5), "ffk");
}

static void several_an_hour(void **state)
{
	(void)state;
	ADD("2026-01-01T10:00:00Z", "2026-01-01T10:20:00Z", "2026-01-01T10:59:59.999Z", "2026-01-01T11:00:00Z",
		"2026-01-01T11:30:00Z", "2026-01-01T13:00:00Z");
	expect(RULES(.count[HF_HOURLY] = 2), "ffffkk");
	expect(RULES(.count[HF_HOURLY] = 3), "ffkfkk");
	assert_true(says(2, "hourly 2026-01-01T10+00:00"));
}

static void gaps_are_no_periods(void **state)
{
	(void)state;
	ADD("2019-05-05", "2023-01-01", "2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z", "2026-03-01");
	expect(RULES(.count[HF_DAILY] = 3), "fkfkk");
	expect(RULES(.count[HF_YEARLY] = 3), "kkffk");
	expect(RULES(.count[HF_MONTHLY] = 2), "fffkk");
}

static void daily_across_a_leap_day(void **state)
{
	(void)state;
	ADD("2024-02-28T23:00:00Z", "2024-02-29T01:00:00Z", "2024-02-29T23:00:00Z", "2024-03-01T01:00:00Z");
	expect(RULES(.count[HF_DAILY] = 3), "kfkk");
	assert_true(says(2, "daily 2024-02-29"));
	expect(RULES(.count[HF_MONTHLY] = 2), "ffkk");
	assert_true(says(2, "monthly 2024-02"));
}

static void weeks_are_those_of_iso_8601(void **state)
{
	(void)state;
	/* Sunday and Monday; the year's end lies within a week. */
	ADD("2020-12-27", "2020-12-28", "2020-12-31", "2021-01-01", "2021-01-03T23:59:59Z", "2021-01-04");
	expect(RULES(.count[HF_WEEKLY] = 3), "kfffkk");
	assert_true(says(0, "weekly 2020-W52"));
	assert_true(says(4, "weekly 2020-W53"));
	assert_true(says(5, "weekly 2021-W01"));
	assert_false(says(4, "weekly 2021-W53"));
}

static void before_1970(void **state)
{
	(void)state;
	ADD("1969-12-28", "1969-12-29", "1969-12-31T23:59:59.9Z", "1970-01-01");
	expect(RULES(.count[HF_DAILY] = 2), "ffkk");
	expect(RULES(.count[HF_WEEKLY] = 2), "kffk");
	expect(RULES(.count[HF_HOURLY] = 2), "ffkk");
}

static void within_counts_back_from_the_newest(void **state)
{
	(void)state;
	ADD("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T00:00:01Z", "2026-01-09T00:00:00Z");
	expect(RULES(.within = D(7)), "fkkk");
	expect(RULES(.within = 1), "fffk");
	expect(RULES(.within = INT64_MAX), "kkkk");
	assert_int_equal(plan.decisions[0].reason_count, 1);
}

static void one_a_day_within(void **state)
{
	(void)state;
	ADD("2026-01-01T10:00:00Z", "2026-01-02T10:00:00Z", "2026-01-02T11:00:00Z", "2026-01-03T10:00:00Z",
		"2026-01-03T11:00:00Z");
	expect(RULES(.within_period[HF_DAILY] = D(1)), "ffkfk");
	expect(RULES(.within_period[HF_DAILY] = D(2)), "ffkfk");
	expect(RULES(.within_period[HF_DAILY] = D(3)), "kfkfk");
	expect(RULES(.within_period[HF_MONTHLY] = D(30)), "ffffk");
}

static void tags(void **state)
{
	(void)state;
	const char *const release[] = {"release", "other"};
	ADD("2026-01-01 tag=release", "2026-01-02 tag=x tag=other", "2026-01-03 tag=releases", "2026-01-04");
	expect(RULES(.tags = release, .tag_count = 1), "kffk");
	assert_true(says(0, "tag release"));
	expect(RULES(.tags = release, .tag_count = 2), "kkfk");
}

/* A year of nights, as people set it. */
static void rules_together(void **state)
{
	(void)state;
	add_every("2025-11-22T03:00:00Z", DAY, 365); /* until 2026-11-21 */
	hf_retention_plan_free(&plan);
	struct hf_retention_rules r = {.last = 3, .count = {0, 7, 5, 12, 2}};
	assert_int_equal(hf_retention_plan(&r, points, count, &plan, NULL), 0);
	/* 7 days; weeks 43 to 46 (their Sundays; 47 is among the days); months 12/2025 to 10/2026 (their last days); 2025 is
	 * among the months. 15 and 8 November are Sundays and kept once. */
	assert_int_equal(kept(), 7 + 4 - 1 + 11 + 1 - 1);
	assert_true(says(364, "last"));
	assert_true(says(364, "daily 2026-11-21"));
	assert_true(says(364, "weekly 2026-W47"));
	assert_true(says(364, "monthly 2026-11"));
	assert_true(says(364, "yearly 2026"));
	assert_true(says(39, "yearly 2025"));
	assert_true(says(39, "monthly 2025-12"));
	assert_true(says(100, "no rule keeps it"));
}

/* Night after night the same rules: what is kept once is kept until its rule has enough younger ones. */
static void night_after_night(void **state)
{
	(void)state;
	struct hf_retention_rules r = {.count = {0, 3, 2, 0, 0}};
	int64_t t;
	assert_int_equal(hf_time_parse("2026-01-01", &t, NULL), 0);
	for (int night = 0; night < 60; night++, t += D(1)) {
		char text[HF_TIME_TEXT];
		add(hf_time_format(t, text));
		hf_retention_plan_free(&plan);
		assert_int_equal(hf_retention_plan(&r, points, count, &plan, NULL), 0);
		assert_true(plan.forgotten <= 2);
		assert_false(plan.is_over_half);
		size_t left = 0;
		for (size_t i = 0; i < count; i++)
			if (plan.decisions[i].action == HF_RETENTION_KEEP) {
				int64_t time = points[i].time;
				hf_time_format(time, text);
				struct line was = lines[i];
				lines[left] = was;
				points[left] = points[i];
				points[left].sources = lines[left].sources;
				left++;
			}
		count = left;
		assert_true(count <= 5);
	}
	assert_true(count >= 4);
}

/* --- time zones ------------------------------------------------------------------------------------------------------ */

static void days_are_cut_where_the_zone_says(void **state)
{
	(void)state;
	struct hf_zone *berlin = zone("Europe/Berlin"), *tokyo = zone("Asia/Tokyo");
	ADD("2026-01-01T22:30:00Z", "2026-01-01T23:30:00Z", "2026-01-02T14:30:00Z", "2026-01-02T15:30:00Z");
	expect(RULES(.count[HF_DAILY] = 2), "fkfk");
	expect(RULES(.count[HF_DAILY] = 3, .zone = berlin), "kffk");
	expect(RULES(.count[HF_DAILY] = 3, .zone = tokyo), "ffkk");
	assert_true(says(3, "daily 2026-01-03"));
	hf_zone_free(berlin);
	hf_zone_free(tokyo);
}

static void the_year_turns_where_the_zone_says(void **state)
{
	(void)state;
	struct hf_zone *berlin = zone("Europe/Berlin");
	ADD("2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-12-31T22:00:00Z");
	expect(RULES(.count[HF_YEARLY] = 2), "fkk");
	expect(RULES(.count[HF_YEARLY] = 2, .zone = berlin), "kfk");
	hf_zone_free(berlin);
}

/* The night in which an hour comes twice has one of each; the one in which an hour is missing has none of it. */
static void daylight_saving(void **state)
{
	(void)state;
	struct hf_zone *berlin = zone("Europe/Berlin");
	ADD("2026-10-24T23:30:00Z", "2026-10-25T00:10:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
		"2026-10-25T02:30:00Z");
	expect(RULES(.count[HF_HOURLY] = 9, .zone = berlin), "kfkkk");
	assert_true(says(2, "hourly 2026-10-25T02+02:00"));
	assert_true(says(3, "hourly 2026-10-25T02+01:00"));
	expect(RULES(.count[HF_DAILY] = 9, .zone = berlin), "ffffk");
	count = 0;
	ADD("2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T21:59:00Z", "2026-03-29T22:01:00Z");
	expect(RULES(.count[HF_HOURLY] = 9, .zone = berlin), "kkkk");
	assert_true(says(1, "hourly 2026-03-29T03+02:00"));
	expect(RULES(.count[HF_DAILY] = 9, .zone = berlin), "ffkk");
	hf_zone_free(berlin);
}

static void hours_of_zones_that_are_off_by_half_of_one(void **state)
{
	(void)state;
	struct hf_zone *kolkata = zone("Asia/Kolkata"), *newfoundland = zone("America/St_Johns");
	ADD("2026-01-01T10:20:00Z", "2026-01-01T10:40:00Z", "2026-01-01T11:20:00Z");
	expect(RULES(.count[HF_HOURLY] = 9), "fkk");
	expect(RULES(.count[HF_HOURLY] = 9, .zone = kolkata), "kfk");
	assert_true(says(2, "hourly 2026-01-01T16+05:30"));
	expect(RULES(.count[HF_HOURLY] = 9, .zone = newfoundland), "kfk");
	assert_true(says(2, "hourly 2026-01-01T07-03:30"));
	hf_zone_free(kolkata);
	hf_zone_free(newfoundland);
}

/* Samoa had no 30 December 2011. */
static void a_day_that_never_was(void **state)
{
	(void)state;
	struct hf_zone *apia = zone("Pacific/Apia");
	ADD("2011-12-30T09:00:00Z", "2011-12-30T11:00:00Z", "2011-12-31T09:00:00Z");
	expect(RULES(.count[HF_DAILY] = 9, .zone = apia), "kfk");
	assert_true(says(0, "daily 2011-12-29"));
	assert_true(says(2, "daily 2011-12-31"));
	hf_zone_free(apia);
}

/* --- groups ---------------------------------------------------------------------------------------------------------- */

static void writers_do_not_push_each_other_out(void **state)
{
	(void)state;
	ADD("2026-01-01 w=a", "2026-01-02 w=b", "2026-01-03 w=b", "2026-01-04 w=b", "2026-01-05 w=b");
	for (enum hf_grouping by = HF_GROUP_NAME; by <= HF_GROUP_SOURCES; by++)
		expect(RULES(.last = 2, .group_by = by), "kffkk");
	assert_int_equal(plan.group_count, 2);
	assert_string_equal(plan.groups[1].writer, "b");
	assert_int_equal(plan.groups[1].points, 4);
	assert_int_equal(plan.groups[1].forgotten, 2);
}

static void a_point_of_several_sources_stays_if_one_group_keeps_it(void **state)
{
	(void)state;
	ADD("2026-01-01 src=db src=files", "2026-01-02 src=db", "2026-01-03 src=files", "2026-01-04 src=files");
	expect(RULES(.last = 2), "kkkk");
	assert_true(says(0, "db: last"));
	assert_true(says(1, "last"));
	expect(RULES(.last = 1), "fkfk");
	expect(RULES(.last = 1, .group_by = HF_GROUP_SOURCES), "kkfk");
	assert_string_equal(plan.groups[1].label, "db/files");
}

static void sources_are_a_set(void **state)
{
	(void)state;
	ADD("2026-01-01 src=a src=b", "2026-01-02 src=b src=a", "2026-01-03 src=a");
	expect(RULES(.last = 1, .group_by = HF_GROUP_SOURCES), "fkk");
}

static void tags_make_groups_of_their_own(void **state)
{
	(void)state;
	ADD("2026-01-01 tag=x", "2026-01-02 tag=x tag=y", "2026-01-03 tag=y tag=x", "2026-01-04", "2026-01-05");
	expect(RULES(.last = 1), "ffffk");
	expect(RULES(.last = 1, .group_by = HF_GROUP_TAG), "kfkfk");
	assert_string_equal(plan.groups[2].label, "db [x, y]");
}

/* --- what can't be poisoned ------------------------------------------------------------------------------------------ */

static void the_future_is_set_apart(void **state)
{
	(void)state;
	ADD("2026-01-01", "2026-01-02", "2099-01-01 future", "2099-01-02 future");
	expect(RULES(.last = 1), "fkaa");
	expect(RULES(.within = D(1)), "kkaa");
	expect(RULES(.count[HF_YEARLY] = 2), "fkaa");
	assert_int_equal(plan.groups[0].points, 2);
	assert_non_null(strstr(plan.decisions[2].reasons[0], "future"));
	const char *const tag[] = {"x"};
	count = 0;
	ADD("2099-01-01 future tag=x proved", "2026-01-01");
	expect(RULES(.tags = tag, .tag_count = 1), "ak");
}

static void incomplete_ones_push_no_complete_one_out(void **state)
{
	(void)state;
	ADD("2026-01-01", "2026-01-02", "2026-01-03 incomplete", "2026-01-04 incomplete", "2026-01-05 incomplete");
	expect(RULES(.last = 1), "fkffk");
	expect(RULES(.last = 2), "kkfkk");
	expect(RULES(.count[HF_DAILY] = 2), "kkfkk");
	expect(RULES(.within = D(1)), "fkfkk");
	assert_true(says(1, "the newest complete one of db"));
}

static void in_a_period_the_complete_one_stands(void **state)
{
	(void)state;
	ADD("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z incomplete",
		"2026-01-02T03:00:00Z incomplete", "2026-01-02T04:00:00Z incomplete", "2026-01-03T03:00:00Z");
	expect(RULES(.count[HF_DAILY] = 3), "fkffkk");
}

static void none_complete(void **state)
{
	(void)state;
	ADD("2026-01-01 incomplete", "2026-01-02 incomplete", "2026-01-03 incomplete");
	expect(RULES(.last = 2), "fkk");
	assert_true(says(2, "the newest one of db, of which none is complete"));
}

/* Each source has its own newest complete one, whatever groups the rules are for. */
static void the_newest_complete_one_of_each_source(void **state)
{
	(void)state;
	ADD("2026-01-01 src=db src=files", "2026-01-02 src=db! src=files", "2026-01-03 src=db! src=files");
	expect(RULES(.last = 1), "kfk");
	assert_true(says(0, "the newest complete one of db"));
	assert_true(says(2, "the newest complete one of files"));
	expect(RULES(.last = 1, .group_by = HF_GROUP_SOURCES), "kfk");
	const char *const none[] = {"none"};
	expect(RULES(.tags = none, .tag_count = 1), "kfk");
}

static void the_newest_proved_one_stays(void **state)
{
	(void)state;
	ADD("2026-01-01 proved", "2026-01-02 proved", "2026-01-03", "2026-01-04", "2026-01-05");
	expect(RULES(.last = 1), "fkffk");
	assert_true(says(1, "the newest one of db that a drill proved"));
	count = 0;
	ADD("2026-01-01 proved w=a", "2026-01-02 proved w=b", "2026-01-03 w=a", "2026-01-04 w=a");
	expect(RULES(.last = 1), "kkfk");
}

static void what_cannot_be_read_stays(void **state)
{
	(void)state;
	ADD("2026-01-01 unreadable", "2026-01-02", "2026-01-03");
	expect(RULES(.last = 1), "kfk");
	assert_int_equal(plan.groups[0].points, 2);
}

static void more_than_half_at_once(void **state)
{
	(void)state;
	add_every("2026-01-01", DAY, 10);
	expect(RULES(.last = 5), "fffffkkkkk");
	assert_false(plan.is_over_half);
	expect(RULES(.last = 4), "ffffffkkkk");
	assert_true(plan.is_over_half);
	assert_true(plan.groups[0].is_over_half);
	/* One group's loss isn't hidden by another's size. */
	for (int i = 0; i < 3; i++)
		add("2025-06-01 w=small");
	expect(RULES(.last = 1, .within = D(100)), "kkkkkkkkkkkkk");
	expect(RULES(.count[HF_YEARLY] = 9, .within_period[HF_DAILY] = D(30)), "kkkkkkkkkkffk");
	assert_true(plan.is_over_half);
	assert_int_equal(plan.group_count, 2);
	assert_true(plan.groups[0].is_over_half); /* "small" is before "w" */
	assert_false(plan.groups[1].is_over_half);
}

/* A host that has been off for years loses nothing by that: within counts from its own newest. */
static void a_host_that_stopped_loses_nothing(void **state)
{
	(void)state;
	ADD("2020-01-01 w=old", "2020-01-02 w=old", "2026-01-01 w=new", "2026-01-03 w=new");
	expect(RULES(.within = D(1)), "kkfk");
}

static void many_points(void **state)
{
	(void)state;
	add_every("2026-01-01", 600, POINTS);
	hf_retention_plan_free(&plan);
	assert_int_equal(hf_retention_plan(RULES(.count = {24, 7, 4, 12, 10}), points, count, &plan, NULL), 0);
	assert_true(kept() > 30 && kept() < 45);
}

static void groupings_by_name(void **state)
{
	(void)state;
	enum hf_grouping by;
	assert_int_equal(hf_grouping_parse("name", &by, NULL), 0);
	assert_int_equal(by, HF_GROUP_NAME);
	assert_int_equal(hf_grouping_parse("sources", &by, NULL), 0);
	assert_int_equal(by, HF_GROUP_SOURCES);
	assert_int_equal(hf_grouping_parse("host", &by, NULL), HF_E_USAGE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_rule_nothing_is_planned),
		TEST(of_nothing_nothing_is_kept),
		TEST(last),
		TEST(in_any_order),
		TEST(of_two_at_one_time_the_later_one_is_the_newer),
		TEST(several_an_hour),
		TEST(gaps_are_no_periods),
		TEST(daily_across_a_leap_day),
		TEST(weeks_are_those_of_iso_8601),
		TEST(before_1970),
		TEST(within_counts_back_from_the_newest),
		TEST(one_a_day_within),
		TEST(tags),
		TEST(rules_together),
		TEST(night_after_night),
		TEST(days_are_cut_where_the_zone_says),
		TEST(the_year_turns_where_the_zone_says),
		TEST(daylight_saving),
		TEST(hours_of_zones_that_are_off_by_half_of_one),
		TEST(a_day_that_never_was),
		TEST(writers_do_not_push_each_other_out),
		TEST(a_point_of_several_sources_stays_if_one_group_keeps_it),
		TEST(sources_are_a_set),
		TEST(tags_make_groups_of_their_own),
		TEST(the_future_is_set_apart),
		TEST(incomplete_ones_push_no_complete_one_out),
		TEST(in_a_period_the_complete_one_stands),
		TEST(none_complete),
		TEST(the_newest_complete_one_of_each_source),
		TEST(the_newest_proved_one_stays),
		TEST(what_cannot_be_read_stays),
		TEST(more_than_half_at_once),
		TEST(a_host_that_stopped_loses_nothing),
		TEST(many_points),
		TEST(groupings_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
