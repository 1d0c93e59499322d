/* The structure check against PRAGMA integrity_check: sound databases pass, mutilated ones never crash it, and what
 * it promises to see it sees. */
#include "database.h"

#include "base/file.h"
#include "source/sqlite/pages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { PAGE = 1024, ROUNDS = 200 };

/* A database with all kinds of pages, much of it deleted again. */
#define MIXED \
	"PRAGMA page_size=1024; CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE INDEX tb ON t(b); " \
	"CREATE TABLE w(k TEXT PRIMARY KEY, v) WITHOUT ROWID; " \
	"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) INSERT INTO t " \
	"SELECT i * 3, hex(randomblob(i % 90)), zeroblob(CASE WHEN i % 50 THEN 0 ELSE 3000 END) FROM n; " \
	"INSERT INTO w SELECT 'key ' || a, b FROM t; DELETE FROM t WHERE a % 4 = 0; UPDATE t SET b = b || b WHERE a % 7 = 0;"

struct image {
	uint8_t *bytes;
	size_t len;
	uint32_t roots[8];
	size_t root_count;
};

static int add_root(void *user, int n, char **values, char **names)
{
	(void)n, (void)names;
	struct image *image = user;
	image->roots[image->root_count++] = (uint32_t)atoi(values[0]);
	return 0;
}

static void image_read(struct image *image, const char *path)
{
	HF_BUF_AUTO b = HF_BUF(64 << 20);
	assert_int_equal(hf_file_read(AT_FDCWD, path, &b, NULL), 0);
	*image = (struct image){.bytes = b.data, .len = b.len, .roots = {1}, .root_count = 1};
	b.data = NULL;
	sqlite3 *db = NULL;
	sqlite3_open(path, &db);
	assert_int_equal(sqlite3_exec(db, "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0", add_root, image, NULL), 0);
	sqlite3_close(db);
}

/* True if all trees are sound. `rows`: those of each. */
static bool is_sound(const struct image *image, uint64_t rows[8])
{
	const struct hf_page_layout layout = {.page_size = PAGE, .page_count = (uint32_t)(image->len / PAGE)};
	struct hf_pages *pages = NULL;
	assert_int_equal(hf_pages_new(&layout, "/tmp", &pages, NULL), 0);
	uint8_t page[PAGE]; /* of its own, so that a read beyond it is seen */
	for (uint32_t n = 2; n <= layout.page_count; n++) {
		memcpy(page, image->bytes + (size_t)(n - 1) * PAGE, PAGE);
		hf_pages_add(pages, n, page);
	}
	hf_pages_add(pages, 1, image->bytes);
	bool sound = true;
	for (size_t i = 0; i < image->root_count; i++) {
		struct hf_pages_tree tree;
		if (hf_pages_walk(pages, image->roots[i], &tree, NULL) < 0 || tree.damaged)
			sound = false;
		rows[i] = tree.rows;
	}
	hf_pages_free(pages);
	return sound;
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static void sound_ones_pass_and_are_counted(void **state)
{
	(void)state;
	struct bench b;
	struct image image;
	uint64_t rows[8];
	bench_new(&b);
	bench_sql(&b, MIXED);
	image_read(&image, b.path);
	assert_true(is_sound(&image, rows));
	assert_int_equal(image.root_count, 4);
	assert_int_equal(rows[0], 3);
	assert_int_equal(rows[1], database_int(b.path, "SELECT count(*) FROM t"));
	assert_int_equal(rows[2], rows[1]);
	assert_int_equal(rows[3], 2000);
	free(image.bytes);
	bench_free(&b);
}

/* SQLite's own opinion. */
static bool sqlite_is_content(struct bench *b, const struct image *image, const char *sql)
{
	HF_FD_AUTO fd = open(b->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(hf_write_full(fd, image->bytes, image->len, b->path, NULL), 0);
	char *said = database_text(b->path, sql);
	bool ok = strcmp(said, "ok") == 0;
	free(said);
	return ok;
}

/* Changes a few bytes somewhere: whatever SQLite finds nothing wrong with, the check must not complain of; and of
 * what its quick_check finds, most must be found, although overflow chains and the freelist are not looked at. */
static void mutilated_ones_do_no_harm(void **state)
{
	(void)state;
	struct bench b;
	struct image image;
	uint64_t rows[8];
	uint32_t seed = 4711;
	int wrong = 0;
	int found = 0;
	bench_new(&b);
	bench_sql(&b, MIXED);
	image_read(&image, b.path);
	uint8_t *original = malloc(image.len);
	memcpy(original, image.bytes, image.len);
	for (int round = 0; round < ROUNDS; round++) {
		size_t len = 1u << next_random(&seed) % 7;
		size_t at = 100 + next_random(&seed) % (image.len - 200);
		for (size_t i = 0; i < len; i++)
			image.bytes[at + i] = round % 3 ? (uint8_t)next_random(&seed) : 0;
		bool sound = is_sound(&image, rows);
		bool content = sqlite_is_content(&b, &image, "PRAGMA integrity_check");
		bool quick = sqlite_is_content(&b, &image, "PRAGMA quick_check");
		if (content && !sound)
			fail_msg("round %d: %zu bytes at %zu: complained without a reason", round, len, at);
		wrong += !quick;
		found += !quick && !sound;
		memcpy(image.bytes, original, image.len);
	}
	print_message("%d mutilations, quick_check finds %d, of those the check finds %d\n", ROUNDS, wrong, found);
	assert_true(wrong > ROUNDS / 20);
	assert_true(found * 2 > wrong);
	free(original);
	free(image.bytes);
	bench_free(&b);
}

/* A page that was lost (zeros) or replaced (another one's contents) is always found, if a tree needs it. */
static void lost_pages_are_found(void **state)
{
	(void)state;
	struct bench b;
	struct image image;
	uint64_t rows[8];
	int trees = 0;
	bench_new(&b);
	bench_sql(&b, MIXED "VACUUM");
	image_read(&image, b.path);
	for (size_t n = 1; n < image.len / PAGE; n++) {
		uint8_t *page = image.bytes + n * PAGE;
		uint8_t saved[PAGE];
		bool is_tree = page[0] == 2 || page[0] == 5 || page[0] == 10 || page[0] == 13;
		memcpy(saved, page, PAGE);
		memset(page, 0, PAGE);
		assert_int_equal(is_sound(&image, rows), !is_tree);
		memset(page, 0xff, PAGE);
		assert_int_equal(is_sound(&image, rows), !is_tree);
		memcpy(page, saved, PAGE);
		trees += is_tree;
	}
	assert_true(trees > 100);
	free(image.bytes);
	bench_free(&b);
}

static void random_bytes_do_no_harm(void **state)
{
	(void)state;
	uint32_t seed = 99;
	static const uint8_t kinds[] = {2, 5, 10, 13};
	const struct hf_page_layout layout = {.page_size = 512, .page_count = 1000};
	for (int round = 0; round < 20000; round++) {
		uint8_t *page = malloc(512);
		uint32_t *children = malloc((512 / 6 + 1) * sizeof(*children));
		for (size_t i = 0; i < 512; i++)
			page[i] = (uint8_t)next_random(&seed);
		page[0] = kinds[round % 4];
		page[3] = 0;
		page[4] %= 20; /* few cells, so that some are looked at */
		page[5] = 0;
		(void)hf_page_check(&layout, 2, page, children);
		free(children);
		free(page);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sound_ones_pass_and_are_counted),
		cmocka_unit_test(mutilated_ones_do_no_harm),
		cmocka_unit_test(lost_pages_are_found),
		cmocka_unit_test(random_bytes_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
