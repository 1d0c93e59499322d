/* Items into the sink; see push.h. */
#include "source/volume/push.h"

#include "base/file.h"
#include "base/stop.h"
#include "source/tree_attr.h"
#include "source/volume/read.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	PIECE = 1 << 20,
	AHEAD = 4 << 20,
	VIRTUAL_MAX = 64 << 20, /* of a file that claims to be empty: some in /proc and /sys never end */
};

static int push_problem(struct hf_volume_push *push, const struct hf_entry *entry, const char *message, struct hf_error *err)
{
	push->incomplete = true;
	return push->sink->ops->problem(push->sink, entry->path, entry->path_len, message, err);
}

static int end(struct hf_volume_push *push, struct hf_volume_item *item, uint64_t size, struct hf_error *err)
{
	struct hf_sink_end done = {.size = size, .changed_while_read = item->changed};
	if (!item->changed && size == item->entry.stamp.size && hf_volume_file_is_settled(item))
		done.stamp = item->entry.stamp;
	int r = push->sink->ops->end(push->sink, &done, err);
	if (r == 0 && item->changed)
		r = push_problem(push, &item->entry, "it changed while it was being read", err);
	return r;
}

static int push_plain(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_error *err)
{
	struct hf_sink_end done = {0};
	int r = push->sink->ops->begin(push->sink, &item->entry, err);
	return r < 0 ? r : push->sink->ops->end(push->sink, &done, err);
}

/* The part of [offset, offset + len) of the item's contents that was read. */
static int push_range(struct hf_volume_push *push, const struct hf_volume_item *item,
	const struct hf_extent *range, struct hf_error *err)
{
	if (range->offset >= item->len)
		return 0;
	size_t len = item->len - (size_t)range->offset;
	if (len > range->len)
		len = (size_t)range->len;
	return len == 0 ? 0
			: push->sink->ops->data(push->sink, range->offset, item->data + range->offset, len, err);
}

static int push_small(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_error *err)
{
	struct hf_extent whole = {.len = item->len};
	const struct hf_extent *ranges = item->entry.is_sparse ? item->entry.extents : &whole;
	size_t count = item->entry.is_sparse ? item->entry.extent_count : 1;
	item->entry.size = item->len;
	int r = push->sink->ops->begin(push->sink, &item->entry, err);
	for (size_t i = 0; i < count && r == 0; i++)
		r = push_range(push, item, &ranges[i], err);
	return r < 0 ? r : end(push, item, item->len, err);
}

/* How a large file's reading went. */
struct stream {
	int fd;
	uint64_t end;	/* how far its contents are known to reach */
	int read_error; /* an errno */
};

static int push_pieces(struct hf_volume_push *push, struct stream *s, const struct hf_extent *range,
	struct hf_error *err)
{
	uint64_t at = range->offset, stop = range->offset + range->len;
	while (at < stop) {
		size_t want = stop - at < PIECE ? (size_t)(stop - at) : PIECE;
		ssize_t n = hf_pread_full(s->fd, push->piece, want, at, "", NULL);
		if (n < 0)
			return s->read_error = errno, 0;
		if (n == 0)
			return 0;
		if (at + (size_t)n < stop)
			posix_fadvise(s->fd, (off_t)(at + (size_t)n), AHEAD, POSIX_FADV_WILLNEED);
		int r = hf_stop_check(err);
		if (r == 0)
			r = push->sink->ops->data(push->sink, at, push->piece, (size_t)n, err);
		if (r < 0)
			return r;
		at += (size_t)n;
		s->end = at;
		if ((size_t)n < want)
			return 0;
	}
	return 0;
}

static int push_contents(struct hf_volume_push *push, struct hf_volume_item *item, struct stream *s,
	struct hf_error *err)
{
	const struct hf_entry *entry = &item->entry;
	struct hf_extent whole = {.len = entry->size ? entry->size : VIRTUAL_MAX};
	const struct hf_extent *ranges = entry->is_sparse ? entry->extents : &whole;
	size_t count = entry->is_sparse ? entry->extent_count : 1;
	int r = 0;
	for (size_t i = 0; i < count && r == 0 && !s->read_error; i++)
		r = push_pieces(push, s, &ranges[i], err);
	/* A hole at the end needs no reading: it reaches as far as the file does. */
	if (entry->is_sparse && !s->read_error && (count == 0 || s->end == ranges[count - 1].offset + ranges[count - 1].len))
		s->end = entry->size;
	return r;
}

static int give_up(struct hf_volume_push *push, struct hf_volume_item *item, const char *why, struct hf_error *err)
{
	struct hf_sink_end done = {0};
	int r = push->sink->ops->abandon(push->sink, &done, err);
	item->is_lost = true;
	return r < 0 ? r : push_problem(push, &item->entry, why, err);
}

/* Between begin and end. */
static int stream_contents(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_arena *arena,
	struct hf_error *err)
{
	struct stream s = {.fd = item->fd};
	int r = push_contents(push, item, &s, err);
	if (r < 0)
		return r;
	if (s.read_error) {
		char text[160] = "read: ", reason[128];
		strncat(text, strerror_r(s.read_error, reason, sizeof(reason)), sizeof(text) - 7);
		return give_up(push, item, text, err);
	}
	if (item->entry.size == 0 && s.end == VIRTUAL_MAX)
		return give_up(push, item, "it claims to be empty and yields more than 64 MiB", err);
	if (hf_volume_read_hook)
		hf_volume_read_hook(item);
	struct hf_volume_item after = *item;
	after.len = (size_t)s.end;
	item->changed = hf_volume_file_refresh(&after, item->fd, arena) != 0;
	return end(push, item, s.end, err);
}

/* /proc/kcore and its like claim terabytes of memory as their contents. */
static bool is_pretence(const struct hf_volume_item *item)
{
	struct statfs fs;
	return item->entry.size > VIRTUAL_MAX && item->has_holes && fstatfs(item->fd, &fs) == 0 &&
		fs.f_type == PROC_SUPER_MAGIC;
}

static int push_stream(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_arena *arena,
	struct hf_error *err)
{
	if (item->fd < 0) {
		item->fd = hf_volume_file_open(item, arena);
		if (item->fd >= 0)
			hf_volume_file_attributes(item, item->fd, arena);
	}
	if (item->fd >= 0 && hf_volume_file_refresh(item, item->fd, arena) >= 0) {
		struct hf_error why = {0};
		if (item->has_holes && hf_tree_extents(item->fd, arena, &item->entry, &why) < 0)
			item->entry.is_sparse = false;
		if (is_pretence(item)) {
			item->is_lost = true;
			item->problem = "it is the kernel's memory, not a file";
		}
	}
	if (item->is_lost)
		return 0;
	if (!push->piece && !(push->piece = malloc(PIECE)))
		return hf_fail(err, HF_E_NOMEM, "no memory to read a large file");
	int r = push->sink->ops->begin(push->sink, &item->entry, err);
	return r < 0 ? r : stream_contents(push, item, arena, err);
}

/* Another name of a file that could not be captured under its first one: it is tried under this. */
static void stand_in(struct hf_volume_item *item)
{
	item->kind = HF_VOLUME_STREAM;
	item->is_first_name = true;
	item->entry.type = HF_ENTRY_FILE;
	item->entry.link = NULL;
	item->entry.link_len = 0;
}

static int push_kind(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_arena *arena,
	struct hf_error *err)
{
	switch (item->kind) {
	case HF_VOLUME_PLAIN:
		return push_plain(push, item, err);
	case HF_VOLUME_READ:
		return item->is_lost ? 0 : push_small(push, item, err);
	case HF_VOLUME_STREAM:
		return item->is_lost ? 0 : push_stream(push, item, arena, err);
	case HF_VOLUME_REUSE: {
		void *token = item->token;
		item->token = NULL;
		return push->sink->ops->reuse(push->sink, token, err);
	}
	case HF_VOLUME_PROBLEM:
		break;
	}
	return 0;
}

int hf_volume_push_item(struct hf_volume_push *push, struct hf_volume_item *item, struct hf_arena *arena,
	struct hf_error *err)
{
	struct hf_tree_link *link = item->link;
	if (link && !item->is_first_name) {
		if (!link->captured)
			stand_in(item);
		item->entry.link = link->captured ? link->path : NULL;
		item->entry.link_len = link->captured ? link->path_len : 0;
	}
	int r = push_kind(push, item, arena, err);
	if (r == 0 && link && item->is_first_name && !link->captured) {
		link->captured = !item->is_lost;
		if (!hf_tree_link_rename(link, item->entry.path, item->entry.path_len))
			return hf_fail(err, HF_E_NOMEM, "no memory for hard links");
	}
	if (r == 0 && item->problem)
		r = push_problem(push, &item->entry, item->problem, err);
	return r;
}

void hf_volume_push_free(struct hf_volume_push *push)
{
	free(push->piece);
	push->piece = NULL;
}
