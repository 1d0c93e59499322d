/*
 * A database with contents on both sides of the byte at 1 GiB, whose page SQLite never uses. The file is sparse,
 * and so is what the sink keeps, so it is quick: the header is told of pages that were never written, and SQLite
 * goes on after them.
 */
#include "database.h"

#include "base/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { PAGE = 65536, LOCK_BYTE = 0x40000000, LOCK_PAGE = LOCK_BYTE / PAGE + 1 };

/* Keeps what is not zeros, and looks at the offsets. */
struct sparse_sink {
	struct hf_sink sink;
	int fd;
	uint64_t high;
	bool saw_lock_page;
	struct hf_sink_end done;
};

static int begin(struct hf_sink *sink, const struct hf_entry *entry, struct hf_error *err)
{
	(void)sink, (void)err;
	assert_int_equal(entry->page_size, PAGE);
	return 0;
}

static int data(struct hf_sink *sink, uint64_t offset, const void *bytes, size_t len, struct hf_error *err)
{
	struct sparse_sink *s = (struct sparse_sink *)sink;
	static const char zeros[PAGE];
	for (size_t at = 0; at < len; at += PAGE) {
		const char *page = (const char *)bytes + at;
		if (memcmp(page, zeros, PAGE) == 0)
			continue;
		s->saw_lock_page |= offset + at == LOCK_BYTE;
		if (hf_pwrite_full(s->fd, page, PAGE, offset + at, "sparse", err) < 0)
			return HF_E_IO;
	}
	s->high = offset + len > s->high ? offset + len : s->high;
	return 0;
}

static int end(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	(void)err;
	((struct sparse_sink *)sink)->done = *done;
	return 0;
}

static int problem(struct hf_sink *sink, const char *path, size_t len, const char *message, struct hf_error *err)
{
	(void)sink, (void)err;
	fail_msg("%.*s: %s", (int)len, path, message);
	return 0;
}

static const struct hf_sink_ops ops = {.begin = begin, .data = data, .end = end, .problem = problem};

static void put_page_count(const char *path, uint32_t count)
{
	uint8_t bytes[4];
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(count >> (24 - 8 * i));
	file_poke(path, 28, bytes, sizeof(bytes));
	assert_int_equal(truncate(path, (off_t)count * PAGE), 0);
}

static void make_large(struct bench *b, const char *mode)
{
	char sql[300];
	snprintf(sql, sizeof(sql), "PRAGMA page_size=65536; PRAGMA journal_mode=%s; CREATE TABLE t(x); PRAGMA "
		"wal_checkpoint(truncate)", mode);
	bench_sql(b, sql);
	put_page_count(b->path, LOCK_PAGE - 4);
	bench_sql(b, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10) INSERT INTO t SELECT "
		     "randomblob(60000) FROM n");
	assert_int_equal(database_int(b->path, "PRAGMA page_count") > LOCK_PAGE, 1);
}

static char *digest(const char *path)
{
	return database_text(path, "SELECT count(*) || '/' || sum(length(x)) || '/' || hex(max(substr(x, 1, 9))) FROM t");
}

static void the_page_at_one_gib_is_a_hole(void **state)
{
	(void)state;
	static const char *const modes[] = {"wal", "delete"};
	for (int i = 0; i < 2; i++) {
		struct bench b;
		char copy[200];
		bench_new(&b);
		make_large(&b, modes[i]);
		snprintf(copy, sizeof(copy), "%s/copy.db", b.directory);
		struct sparse_sink sink = {{&ops}, .fd = open(copy, O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
		const struct hf_option direct = {"direct", "true"}; /* no copy of a GiB of nothing */
		const struct hf_source_spec spec = {.kind = "sqlite", .name = "large", .location = b.path,
			.scratch = b.directory, .options = &direct, .option_count = 1};
		struct hf_source *source = NULL;
		assert_int_equal(hf_source_open(&spec, &source, &b.err), 0);
		if (source->driver->capture(source, &sink.sink, &b.captured, &b.err) < 0)
			fail_msg("%s", b.err.msg);
		hf_source_close(source);
		assert_false(sink.saw_lock_page);
		assert_true(sink.high == sink.done.size && sink.done.size > LOCK_BYTE);
		assert_int_equal(ftruncate(sink.fd, (off_t)sink.done.size), 0);
		close(sink.fd);
		char *before = digest(b.path);
		char *after = digest(copy);
		assert_string_equal(before, after);
		assert_int_equal(bench_rows(&b, "t"), 10);
		free(before);
		free(after);
		bench_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_at_one_gib_is_a_hole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
