/* intake.h: names of members, and tar streams as PostgreSQL up to 14 sends them (without an end mark), cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "recorder.h"
#include "source/postgres/intake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void relations(void **state)
{
	(void)state;
	static const char *const yes[] = {"global/1262", "base/5/16384", "base/5/16384.1", "base/5/16384_fsm",
		"base/5/16384_vm.2", "base/1/2_init", "pg_tblspc/16385/PG_15_202209061/5/16390"};
	static const char *const no[] = {"global/pg_control", "global/pg_filenode.map", "base/5/PG_VERSION", "base/5",
		"base/x/1", "base/5/", "base/5/1_foo", "base/5/1.", "base/5/t3_1", "base/5/1.1.1", "pg_wal/1", "1",
		"pg_tblspc/16385/16390", "pg_tblspc/16385/PG_15/5", "pg_tblspc/16385/PG_15/x/1", "pg_xact/0000", ""};
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		assert_true(hf_pg_is_relation(yes[i]));
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_false(hf_pg_is_relation(no[i]));
}

/* A tar stream in memory, given out in pieces of `step` bytes. */
struct stream {
	char *bytes;
	size_t len, at, step;
	bool fails; /* at its end */
};

static int read_stream(void *user, const void **data, size_t *len, struct hf_error *err)
{
	struct stream *s = user;
	size_t n = s->len - s->at < s->step ? s->len - s->at : s->step;
	if (n == 0)
		return s->fails ? hf_fail(err, HF_E_NETWORK, "the server went away") : 0;
	*data = s->bytes + s->at;
	*len = n;
	s->at += n;
	return 1;
}

/* Appends a ustar member; type '0' file, '5' directory, '2' symlink. */
static void add(struct stream *s, const char *name, char type, const char *link, const void *data, size_t len)
{
	size_t padded = (len + 511) / 512 * 512;
	s->bytes = realloc(s->bytes, s->len + 512 + padded);
	assert_non_null(s->bytes);
	char *h = s->bytes + s->len;
	memset(h, 0, 512 + padded);
	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", type == '5' ? 0700 : 0600);
	snprintf(h + 108, 8, "%07o", 42);
	snprintf(h + 116, 8, "%07o", 43);
	snprintf(h + 124, 12, "%011zo", len);
	snprintf(h + 136, 12, "%011o", 1700000000);
	h[156] = type;
	snprintf(h + 157, 100, "%s", link ? link : "");
	memcpy(h + 257, "ustar\00000", 8);
	memset(h + 148, ' ', 8);
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	if (len)
		memcpy(h + 512, data, len);
	s->len += 512 + padded;
}

static struct stream a_cluster(void)
{
	struct stream s = {.step = 1 << 20};
	static char pages[3 * 8192];
	for (size_t i = 0; i < sizeof(pages); i++)
		pages[i] = (char)(i * 7 / 5);
	add(&s, "backup_label", '0', NULL, "START WAL", 9);
	add(&s, "base/", '5', NULL, NULL, 0);
	add(&s, "base/5/", '5', NULL, NULL, 0);
	add(&s, "base/5/16384", '0', NULL, pages, sizeof(pages));
	add(&s, "base/5/16385", '0', NULL, NULL, 0);
	add(&s, "standby.signal", '0', NULL, NULL, 0);
	add(&s, "pg_tblspc/", '5', NULL, NULL, 0);
	add(&s, "pg_tblspc/777", '2', "/srv/space", NULL, 0);
	add(&s, "global/pg_control", '0', NULL, pages, 8192);
	return s;
}

static int take(struct stream *s, uint32_t oid, struct recorder *rec, struct hf_error *err)
{
	struct hf_pg_intake in = {.sink = &rec->sink, .block_size = 8192, .root_mode = 0700};
	s->at = 0;
	return hf_pg_intake_archive(&in, oid, read_stream, s, err);
}

static void however_it_is_cut(void **state)
{
	(void)state;
	static const size_t steps[] = {1, 511, 512, 513, 4000, 8192, 1 << 20};
	struct stream s = a_cluster();
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct recorder rec;
		struct hf_error err = {0};
		recorder_new(&rec);
		s.step = steps[i];
		if (take(&s, 0, &rec, &err) < 0)
			fail_msg("step %zu: %s", steps[i], err.msg);
		assert_int_equal(rec.count, 9); /* the root, and all but standby.signal */
		assert_int_equal(rec.bytes, 9 + 4 * 8192);
		const struct recorded *pages = recorder_find(&rec, "base/5/16384");
		assert_int_equal(pages->entry.cut, HF_CUT_PAGES);
		assert_int_equal(pages->entry.uid, 42);
		assert_int_equal(recorder_find(&rec, "")->entry.uid, 42);
		assert_int_equal(recorder_find(&rec, "pg_tblspc/777")->entry.type, HF_ENTRY_DIRECTORY);
		assert_null(recorder_find(&rec, "standby.signal"));
		recorder_free(&rec);
	}
	free(s.bytes);
}

static void a_tablespace(void **state)
{
	(void)state;
	struct stream s = {.step = 1000};
	struct recorder rec;
	struct hf_error err = {0};
	recorder_new(&rec);
	add(&s, "PG_15_202209061/", '5', NULL, NULL, 0);
	add(&s, "PG_15_202209061/5/16390", '0', NULL, NULL, 0);
	assert_int_equal(take(&s, 777, &rec, &err), 0);
	assert_non_null(recorder_find(&rec, "pg_tblspc/777/PG_15_202209061/5/16390"));
	recorder_free(&rec);
	free(s.bytes);
}

static void streams_that_end_early(void **state)
{
	(void)state;
	struct stream s = a_cluster();
	size_t whole = s.len;
	for (size_t len = 100; len < whole; len += 4111) {
		struct recorder rec;
		struct hf_error err = {0};
		recorder_new(&rec);
		s.len = len;
		s.fails = len % 2;
		int r = take(&s, 0, &rec, &err);
		assert_int_equal(r, s.fails ? HF_E_NETWORK : HF_E_CORRUPT);
		recorder_free(&rec);
	}
	free(s.bytes);
}

static void names_that_lead_out(void **state)
{
	(void)state;
	static const char *const names[] = {"../x", "/etc/passwd", "base/../../x", "base//x"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct stream s = {.step = 1000};
		struct recorder rec;
		struct hf_error err = {0};
		recorder_new(&rec);
		add(&s, names[i], '0', NULL, NULL, 0);
		assert_int_equal(take(&s, 0, &rec, &err), HF_E_CORRUPT);
		recorder_free(&rec);
		free(s.bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(relations),
		cmocka_unit_test(however_it_is_cut),
		cmocka_unit_test(a_tablespace),
		cmocka_unit_test(streams_that_end_early),
		cmocka_unit_test(names_that_lead_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
