/* gc_plan.h: what is known of a pack and what follows; gc_facts.h: many facts of many packs, joined. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "repo/gc_facts.h"

#include <stdio.h>
#include <stdlib.h>

#define OLD 0
#define YOUNG 950
static const struct hf_gc_clock clock_of_tests = {.now = 1000, .grace = 100};

static const struct {
	unsigned flags;
	int64_t time;
	enum hf_gc_verdict verdict;
} rules[] = {
	{HF_GC_EXISTS, OLD, HF_GC_CONDEMN},
	{HF_GC_EXISTS, YOUNG, HF_GC_KEEP},
	{HF_GC_EXISTS, 900, HF_GC_KEEP}, /* just as old as the grace: not older */
	{HF_GC_EXISTS, 899, HF_GC_CONDEMN},
	{HF_GC_EXISTS, 2000, HF_GC_KEEP}, /* from the future */
	{HF_GC_EXISTS | HF_GC_REFERENCED, OLD, HF_GC_KEEP},
	{HF_GC_EXISTS | HF_GC_RUNNING, OLD, HF_GC_KEEP},
	{HF_GC_EXISTS | HF_GC_UNSEEING, OLD, HF_GC_KEEP},
	{HF_GC_EXISTS | HF_GC_BLOCKED, OLD, HF_GC_STOPPED},
	{HF_GC_EXISTS | HF_GC_BLOCKED | HF_GC_REFERENCED, OLD, HF_GC_KEEP},
	{HF_GC_EXISTS | HF_GC_BLOCKED, YOUNG, HF_GC_KEEP},
	{HF_GC_EXISTS | HF_GC_CONDEMNED, OLD, HF_GC_DELETE},
	{HF_GC_EXISTS | HF_GC_CONDEMNED, YOUNG, HF_GC_DELETE}, /* no one relies on it any more, however young */
	{HF_GC_EXISTS | HF_GC_CONDEMNED | HF_GC_REFERENCED, OLD, HF_GC_HOLD},
	{HF_GC_EXISTS | HF_GC_CONDEMNED | HF_GC_RUNNING, OLD, HF_GC_HOLD},
	{HF_GC_EXISTS | HF_GC_CONDEMNED | HF_GC_UNSEEING, OLD, HF_GC_HOLD},
	{HF_GC_EXISTS | HF_GC_CONDEMNED | HF_GC_BLOCKED, OLD, HF_GC_STOPPED},
	{HF_GC_EXISTS | HF_GC_INDEXED, OLD, HF_GC_CONDEMN}, /* that the index names it is no reference */
	{HF_GC_CONDEMNED, OLD, HF_GC_GONE},
	{HF_GC_REFERENCED, OLD, HF_GC_GONE},
	{HF_GC_CONDEMNED | HF_GC_REFERENCED | HF_GC_INDEXED, OLD, HF_GC_GONE},
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct hf_gc_pack pack = {.flags = rules[i].flags, .time_ns = rules[i].time};
		enum hf_gc_verdict got = hf_gc_judge(&pack, &clock_of_tests);
		if (got != rules[i].verdict)
			fail_msg("rule %zu: %s, not %s", i, hf_gc_verdict_name(got), hf_gc_verdict_name(rules[i].verdict));
	}
}

/* However much is known: what anyone refers to, what is not there and what is blocked never goes. */
static void test_never(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 128; flags++)
		for (int64_t time = 0; time < 1100; time += 50) {
			const struct hf_gc_pack pack = {.flags = flags, .time_ns = time};
			enum hf_gc_verdict v = hf_gc_judge(&pack, &clock_of_tests);
			bool goes = v == HF_GC_CONDEMN || v == HF_GC_DELETE;
			if (flags & (HF_GC_REFERENCED | HF_GC_RUNNING | HF_GC_UNSEEING | HF_GC_BLOCKED))
				assert_false(goes);
			if (!(flags & HF_GC_EXISTS))
				assert_false(goes);
			if (v == HF_GC_DELETE)
				assert_true(flags & HF_GC_CONDEMNED);
		}
}

static struct hf_ref ref_of(unsigned number)
{
	struct hf_ref ref = {0};
	ref.writer.b[0] = (uint8_t)(number % 7);
	memcpy(ref.id.b, &number, sizeof(number));
	return ref;
}

static void add(struct hf_gc_facts *f, unsigned number, unsigned flags, uint64_t size)
{
	const struct hf_gc_pack fact = {.ref = ref_of(number), .flags = flags, .size = size, .time_ns = (int64_t)size};
	assert_int_equal(hf_gc_facts_add(f, &fact, NULL), 0);
}

/* More than fits in memory, in an order of its own. */
static void test_facts_are_joined(void **state)
{
	enum { PACKS = 60000 };
	struct hf_gc_facts *f;
	struct hf_gc_pack pack, before = {0};
	unsigned count = 0;
	(void)state;
	assert_int_equal(hf_gc_facts_new("/var/tmp", &f, NULL), 0);
	for (unsigned i = 0; i < PACKS; i++)
		add(f, i * 7919 % PACKS, HF_GC_EXISTS, i * 7919 % PACKS + 1);
	for (unsigned round = 0; round < 6; round++)
		for (unsigned i = 0; i < PACKS; i += 2)
			add(f, i, HF_GC_REFERENCED, 0);
	for (unsigned i = 0; i < PACKS; i += 3)
		add(f, i, HF_GC_CONDEMNED, 0);
	assert_int_equal(hf_gc_facts_finish(f, NULL), 0);
	while (hf_gc_facts_next(f, &pack, NULL) == 1) {
		unsigned number;
		memcpy(&number, pack.ref.id.b, sizeof(number));
		assert_true(count == 0 || memcmp(&before.ref, &pack.ref, sizeof(pack.ref)) < 0);
		assert_int_equal(pack.size, number + 1);
		assert_int_equal(pack.time_ns, number + 1);
		assert_int_equal(pack.flags,
			HF_GC_EXISTS | (number % 2 ? 0 : HF_GC_REFERENCED) | (number % 3 ? 0 : HF_GC_CONDEMNED));
		before = pack;
		count++;
	}
	assert_int_equal(count, PACKS);
	assert_int_equal(hf_gc_facts_next(f, &pack, NULL), 0);
	hf_gc_facts_free(f);
}

static void test_no_facts(void **state)
{
	struct hf_gc_facts *f;
	struct hf_gc_pack pack;
	(void)state;
	assert_int_equal(hf_gc_facts_new("/var/tmp", &f, NULL), 0);
	assert_int_equal(hf_gc_facts_finish(f, NULL), 0);
	assert_int_equal(hf_gc_facts_next(f, &pack, NULL), 0);
	hf_gc_facts_free(f);
	hf_gc_facts_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_never),
		cmocka_unit_test(test_facts_are_joined),
		cmocka_unit_test(test_no_facts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
