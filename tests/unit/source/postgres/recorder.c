/* A recording sink and its feed; see recorder.h. */
#include "recorder.h"

#include "base/file.h"
#include "cluster.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

enum { PIECE = 300000 };

static char *copy_bytes(const char *p, size_t len)
{
	char *s = strndup(p ? p : "", len);
	assert_non_null(s);
	return s;
}

static int begin(struct hf_sink *sink, const struct hf_entry *entry, struct hf_error *err)
{
	(void)err;
	struct recorder *r = (struct recorder *)sink;
	assert_false(r->is_open);
	assert_true(entry->path_len == 0 || hf_path_is_sound(entry->path, entry->path_len));
	if (r->count == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 256;
		r->items = realloc(r->items, r->cap * sizeof(*r->items));
		assert_non_null(r->items);
	}
	struct recorded *item = &r->items[r->count];
	*item = (struct recorded){.entry = *entry, .path = copy_bytes(entry->path, entry->path_len),
		.link = copy_bytes(entry->link, entry->link_len)};
	item->entry.path = item->path;
	item->entry.link = entry->link ? item->link : NULL;
	if (entry->type == HF_ENTRY_FILE) {
		assert_true(asprintf(&item->data, "%s/%zu", r->directory, r->count) > 0);
		r->fd = open(item->data, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		assert_true(r->fd >= 0);
	}
	r->count++;
	r->at = 0;
	r->is_open = true;
	return 0;
}

static int data(struct hf_sink *sink, uint64_t offset, const void *bytes, size_t len, struct hf_error *err)
{
	struct recorder *r = (struct recorder *)sink;
	assert_true(r->is_open && r->fd >= 0 && len > 0);
	const struct hf_entry *e = &r->items[r->count - 1].entry;
	bool again = e->cut == HF_CUT_PAGES && offset % e->page_size == 0 && len == e->page_size;
	assert_true(offset >= r->at || again);
	r->at = offset + len > r->at ? offset + len : r->at;
	r->bytes += len;
	assert_int_equal(hf_pwrite_full(r->fd, bytes, len, offset, "data", NULL), 0);
	return r->hook ? r->hook(r->user, err) : 0;
}

static int end(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	(void)err;
	struct recorder *r = (struct recorder *)sink;
	assert_true(r->is_open);
	r->is_open = false;
	struct recorded *item = &r->items[r->count - 1];
	item->entry.size = done->size;
	if (r->fd >= 0) {
		assert_true(r->at <= done->size);
		assert_int_equal(ftruncate(r->fd, (off_t)done->size), 0);
	}
	hf_fd_close(&r->fd);
	return 0;
}

static int abandon(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	(void)sink, (void)done, (void)err;
	fail_msg("abandon is not expected");
	return 0;
}

static int problem(struct hf_sink *sink, const char *path, size_t len, const char *message, struct hf_error *err)
{
	(void)err;
	struct recorder *r = (struct recorder *)sink;
	assert_false(r->is_open);
	r->problems = realloc(r->problems, (r->problem_count + 1) * sizeof(*r->problems));
	assert_non_null(r->problems);
	assert_true(asprintf(&r->problems[r->problem_count++], "%.*s: %s", (int)len, path, message) > 0);
	return 0;
}

static const struct hf_sink_ops sink_ops = {
	.begin = begin, .data = data, .end = end, .abandon = abandon, .problem = problem};

void recorder_new(struct recorder *r)
{
	*r = (struct recorder){.sink = {&sink_ops}, .fd = -1};
	r->directory = fast_directory("hfrec");
}

void recorder_free(struct recorder *r)
{
	hf_fd_close(&r->fd);
	for (size_t i = 0; i < r->count; i++) {
		free(r->items[i].path);
		free(r->items[i].link);
		free(r->items[i].data);
	}
	for (size_t i = 0; i < r->problem_count; i++)
		free(r->problems[i]);
	free(r->problems);
	free(r->items);
	assert_int_equal(hf_remove_tree(AT_FDCWD, r->directory, NULL), 0);
	free(r->directory);
	*r = (struct recorder){.fd = -1};
}

const struct recorded *recorder_find(const struct recorder *r, const char *path)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->items[i].path, path) == 0)
			return &r->items[i];
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct recorded *x = a, *y = b;
	return hf_path_compare(x->path, strlen(x->path), y->path, strlen(y->path));
}

void recorder_sort(struct recorder *r)
{
	qsort(r->items, r->count, sizeof(*r->items), compare);
	for (size_t i = 1; i < r->count; i++)
		assert_string_not_equal(r->items[i - 1].path, r->items[i].path);
}

void recorder_unpack(struct recorder *r, const char *directory)
{
	recorder_sort(r);
	assert_int_equal(r->items[0].entry.path_len, 0);
	for (size_t i = 0; i < r->count; i++) {
		const struct recorded *item = &r->items[i];
		char *to = NULL;
		assert_true(asprintf(&to, "%s/%s", directory, item->path) > 0);
		if (item->entry.type == HF_ENTRY_DIRECTORY) {
			assert_int_equal(mkdir(to, item->entry.mode), 0);
		} else {
			assert_int_equal(item->entry.type, HF_ENTRY_FILE);
			assert_int_equal(link(item->data, to), 0);
			assert_int_equal(chmod(to, item->entry.mode), 0);
		}
		free(to);
	}
}

struct feed {
	struct hf_feed feed;
	struct recorder *r;
	size_t at;
	int fd;
	uint64_t offset;
};

struct piece {
	struct hf_piece piece;
	struct iovec span;
	char data[PIECE];
};

static int fill(struct feed *f, struct piece *p)
{
	const struct recorded *item = &f->r->items[f->at];
	p->piece.offset = f->offset;
	p->piece.first = f->offset == 0;
	p->piece.last = true;
	if (item->data) {
		if (f->fd < 0)
			f->fd = open(item->data, O_RDONLY | O_CLOEXEC);
		assert_true(f->fd >= 0);
		ssize_t n = hf_pread_full(f->fd, p->data, PIECE, f->offset, "data", NULL);
		assert_true(n >= 0);
		p->span = (struct iovec){p->data, (size_t)n};
		p->piece.spans = &p->span;
		p->piece.span_count = n > 0;
		p->piece.len = (uint64_t)n;
		f->offset += (uint64_t)n;
		p->piece.last = f->offset >= item->entry.size;
	}
	if (p->piece.last) {
		hf_fd_close(&f->fd);
		f->offset = 0;
		f->at++;
	}
	return 1;
}

static int feed_next(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err)
{
	struct feed *f = (struct feed *)feed;
	if (f->r->feed_fails_at && f->at == f->r->feed_fails_at)
		return hf_fail(err, HF_E_CORRUPT, "the feed broke");
	if (f->at == f->r->count)
		return 0;
	struct piece *p = calloc(1, sizeof(*p));
	assert_non_null(p);
	p->piece.entry = &f->r->items[f->at].entry;
	*piece = &p->piece;
	return fill(f, p);
}

static void feed_release(struct hf_feed *feed, struct hf_piece *piece)
{
	(void)feed;
	free(piece);
}

static const struct hf_feed_ops feed_ops = {feed_next, feed_release};

struct hf_feed *recorder_feed(struct recorder *r)
{
	recorder_sort(r);
	struct feed *f = calloc(1, sizeof(*f));
	assert_non_null(f);
	*f = (struct feed){.feed = {&feed_ops}, .r = r, .fd = -1};
	return &f->feed;
}

void recorder_feed_free(struct hf_feed *feed)
{
	struct feed *f = (struct feed *)feed;
	if (f)
		hf_fd_close(&f->fd);
	free(f);
}
