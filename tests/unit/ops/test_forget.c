/*
 * ops/forget.h: the plan over a real catalogue, in which someone tries to poison it: claims of the future, copies that are put in
 * among older ones, one key for many hosts. The plan's own tables are in tests/unit/policy/test_retention.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../repo/place.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/time.h"
#include "ops/forget.h"
#include "repo/key_new.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (86400 * HF_SECOND)

static struct place place;
static struct hf_key *owner, *one, *copier;
static struct hf_forget_plan plan;

static int set_up(void **state)
{
	(void)state;
	place_make(&place, "hf-forget");
	owner = place.owner;
	one = place_key(&place, HF_KEY_WRITE, "one");
	copier = place_key(&place, HF_KEY_WRITE, "copier");
	plan = (struct hf_forget_plan){0};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_forget_plan_free(&plan);
	hf_key_free(one);
	hf_key_free(copier);
	place_remove(&place);
	return 0;
}

static struct hf_repository *open_as(const struct hf_key *key)
{
	return place_open(&place, key, false);
}

/* A committed snapshot of "src" that claims this time; with an origin, a copy. */
static struct hf_ref store_at(const struct hf_key *key, int64_t time, const struct hf_snapshot_origin *origin)
{
	HF_REPOSITORY_AUTO *repo = open_as(key);
	struct hf_catalogue c;
	struct hf_snapshot_source s = {.name = (char *)(uintptr_t) "src", .kind = (char *)(uintptr_t) "volume",
		.consistency_point = time, .complete = true};
	struct hf_snapshot snapshot = {.run = hf_id_new(), .time = time, .started = time,
		.host = (char *)(uintptr_t) "here", .complete = true, .sources = &s, .source_count = 1};
	if (origin) {
		snapshot.is_copy = true;
		snapshot.origin = *origin;
		snapshot.origin.snapshot.id = hf_id_new();
		snapshot.origin.seen = origin->seen ? origin->seen : time;
	}
	assert_int_equal(hf_snapshot_put(repo, &snapshot, NULL), 0);
	assert_int_equal(hf_catalogue_load(repo, NULL, &c, NULL), 0);
	const struct hf_new_commit commit = {.snapshot = snapshot.ref};
	assert_int_equal(hf_catalogue_commit(&c, &commit, NULL, NULL), 0);
	hf_catalogue_free(&c);
	return snapshot.ref;
}

static struct hf_snapshot_origin new_origin(void)
{
	return (struct hf_snapshot_origin){.repository = hf_id_new(), .snapshot = {.writer = hf_id_new()}};
}

/* Plans with these rules (and does nothing). */
static void plan_by(const struct hf_retention_rules *rules)
{
	HF_REPOSITORY_AUTO *repo = open_as(owner);
	const struct hf_forget_options o = {.rules = rules, .dry_run = true};
	struct hf_error err = {0};
	hf_forget_plan_free(&plan);
	if (hf_forget_by_rules(repo, &o, &plan, &err) < 0)
		fail_msg("%s", err.msg);
	plan.catalogue.repo = NULL; /* which is closed now */
}

static char action_of(const struct hf_ref *ref)
{
	for (size_t i = 0; i < plan.plan.count; i++)
		if (hf_ref_equal(&plan.catalogue.points[i].ref, ref))
			return hf_retention_action_name(plan.plan.decisions[i].action)[0];
	return '?';
}

static enum hf_time_trust trust_of(const struct hf_ref *ref)
{
	const struct hf_point *p = hf_catalogue_point(&plan.catalogue, ref);
	assert_non_null(p);
	return p->time_trust;
}

/* --- the tests ------------------------------------------------------------------------------------------------------- */

static void the_future_is_apart_and_goes_by_its_id_only(void **state)
{
	(void)state;
	int64_t now = hf_time_now();
	struct hf_ref old = store_at(one, now - DAY, NULL);
	struct hf_ref later = store_at(one, now + 1000 * DAY, NULL), latest = store_at(one, now + 2000 * DAY, NULL);
	const struct hf_retention_rules rules = {.last = 1};
	plan_by(&rules);
	assert_int_equal(action_of(&old), 'k');
	assert_int_equal(action_of(&later), 'a');
	assert_int_equal(action_of(&latest), 'a');
	HF_REPOSITORY_AUTO *repo = open_as(owner);
	struct hf_forgotten f;
	char id[HF_ID_TEXT];
	const char *const ids[] = {hf_hex(later.id.b, HF_ID_SIZE, id)};
	assert_int_equal(hf_forget(repo, &(struct hf_forget_names){.which = ids, .count = 1}, &f, NULL), 0);
	hf_forgotten_free(&f);
	plan_by(&rules);
	assert_int_equal(plan.plan.count, 2);
}

static void copies_keep_their_days(void **state)
{
	(void)state;
	int64_t noon = hf_time_now() / DAY * DAY - DAY / 2;
	const struct hf_snapshot_origin origin = new_origin();
	struct hf_ref days[5];
	for (int i = 0; i < 5; i++)
		days[i] = store_at(copier, noon - (5 - i) * DAY, &origin);
	const struct hf_retention_rules rules = {.count[HF_DAILY] = 4};
	plan_by(&rules);
	assert_int_equal(action_of(&days[0]), 'f');
	for (int i = 1; i < 5; i++) {
		assert_int_equal(action_of(&days[i]), 'k');
		assert_int_equal(trust_of(&days[i]), HF_TIME_WRITER);
	}
}

/* Whoever comes to hold the copier's key makes copies that claim the days of those that are there, a little later than each. */
static void no_copy_is_put_in_among_older_ones(void **state)
{
	(void)state;
	int64_t noon = hf_time_now() / DAY * DAY - DAY / 2;
	const struct hf_snapshot_origin origin = new_origin();
	struct hf_ref honest[4], forged[3];
	for (int i = 0; i < 4; i++)
		honest[i] = store_at(copier, noon - (5 - i) * DAY, &origin);
	for (int i = 0; i < 3; i++)
		forged[i] = store_at(copier, noon - (5 - i) * DAY + 3600 * HF_SECOND, &origin);
	const struct hf_retention_rules rules = {.count[HF_DAILY] = 5};
	plan_by(&rules);
	for (int i = 0; i < 4; i++)
		assert_int_equal(action_of(&honest[i]), 'k');
	for (int i = 0; i < 3; i++)
		assert_int_equal(trust_of(&forged[i]), HF_TIME_STORE);
}

/* Nor does an origin of another name help: it is a group of its own. */
static void one_key_for_many_hosts(void **state)
{
	(void)state;
	int64_t now = hf_time_now();
	const struct hf_snapshot_origin a = new_origin(), b = new_origin();
	struct hf_ref first = store_at(copier, now - 9 * DAY, &a);
	struct hf_ref own = store_at(copier, hf_time_now(), NULL);
	struct hf_ref others[3];
	for (int i = 0; i < 3; i++)
		others[i] = store_at(copier, now - (8 - i) * DAY, &b);
	const struct hf_retention_rules rules = {.last = 1};
	plan_by(&rules);
	assert_int_equal(plan.plan.group_count, 3);
	assert_int_equal(action_of(&first), 'k');
	assert_int_equal(action_of(&own), 'k');
	assert_int_equal(action_of(&others[0]), 'f');
	assert_int_equal(action_of(&others[2]), 'k');
	assert_non_null(plan.objection); /* two of three */
	assert_non_null(strstr(plan.objection, "copies of src of copier (2 of 3)"));
}

/* What was of the future where it was made stays so, however late it is copied. */
static void a_copy_of_the_future_stays_apart(void **state)
{
	(void)state;
	int64_t now = hf_time_now();
	struct hf_snapshot_origin origin = new_origin();
	struct hf_ref old = store_at(copier, now - 20 * DAY, &origin);
	origin.seen = now - 10 * DAY;
	struct hf_ref claimed = store_at(copier, now - 5 * DAY, &origin);
	const struct hf_retention_rules rules = {.last = 1};
	plan_by(&rules);
	assert_int_equal(trust_of(&claimed), HF_TIME_FUTURE);
	assert_int_equal(action_of(&claimed), 'a');
	assert_int_equal(action_of(&old), 'k');
}

static void more_than_half_takes_insisting(void **state)
{
	(void)state;
	const struct hf_snapshot_origin origin = new_origin();
	for (int i = 9; i > 0; i--)
		store_at(copier, hf_time_now() - i * DAY, &origin);
	HF_REPOSITORY_AUTO *repo = open_as(owner);
	const struct hf_retention_rules rules = {.last = 2};
	struct hf_forget_options o = {.rules = &rules};
	struct hf_error err = {0};
	assert_int_equal(hf_forget_by_rules(repo, &o, &plan, &err), HF_E_DENIED);
	assert_non_null(strstr(err.msg, "7 of 9"));
	assert_false(plan.is_done);
	hf_forget_plan_free(&plan);
	o.insist = true;
	assert_int_equal(hf_forget_by_rules(repo, &o, &plan, NULL), 0);
	assert_true(plan.is_done);
	plan_by(&rules);
	assert_int_equal(plan.plan.count, 2);
}

static void a_write_key_plans_and_forgets_nothing(void **state)
{
	(void)state;
	store_at(one, hf_time_now(), NULL);
	HF_REPOSITORY_AUTO *repo = open_as(one);
	const struct hf_retention_rules rules = {.last = 1};
	struct hf_forget_options o = {.rules = &rules};
	assert_int_equal(hf_forget_by_rules(repo, &o, &plan, NULL), HF_E_KEY);
	hf_forget_plan_free(&plan);
	o.dry_run = true;
	assert_int_equal(hf_forget_by_rules(repo, &o, &plan, NULL), HF_E_KEY);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_future_is_apart_and_goes_by_its_id_only),
		TEST(copies_keep_their_days),
		TEST(no_copy_is_put_in_among_older_ones),
		TEST(one_key_for_many_hosts),
		TEST(a_copy_of_the_future_stays_apart),
		TEST(more_than_half_takes_insisting),
		TEST(a_write_key_plans_and_forgets_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
