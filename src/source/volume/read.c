/* Reading files; see read.h. */
#include "source/volume/read.h"

#include "base/file.h"
#include "base/time.h"
#include "source/tree_attr.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void (*hf_volume_read_hook)(const struct hf_volume_item *item);

enum { SETTLE_SECONDS = 2, READ_AHEAD = 1 << 20 };

static const char *say(struct hf_arena *arena, const char *fmt, ...) HF_PRINTF(2, 3);
static const char *say(struct hf_arena *arena, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	const char *copy = hf_arena_copy(arena, text, strlen(text));
	return copy ? copy : "no memory";
}

static void lose(struct hf_volume_item *item, struct hf_arena *arena, const char *attempt, int errnum)
{
	char text[128];
	item->is_lost = true;
	item->problem = errnum == ENOENT ? say(arena, "%s: it vanished while the tree was being read", attempt)
					 : say(arena, "%s: %s", attempt, strerror_r(errnum, text, sizeof(text)));
}

int hf_volume_file_open(struct hf_volume_item *item, struct hf_arena *arena)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	item->read_at = hf_time_now();
	int fd = openat(item->dir->fd, item->name, flags | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = openat(item->dir->fd, item->name, flags);
	if (fd < 0)
		lose(item, arena, "open", errno);
	return fd;
}

void hf_volume_file_attributes(struct hf_volume_item *item, int fd, struct hf_arena *arena)
{
	struct hf_error err;
	if (hf_tree_xattrs(fd, NULL, arena, &item->entry, &err) < 0)
		item->problem = say(arena, "%s", err.msg);
	item->entry.file_flags = hf_tree_flags(fd);
}

static bool is_same(const struct hf_stamp *a, const struct hf_stamp *b)
{
	return a->inode == b->inode && a->device == b->device && a->size == b->size && a->mtime_ns == b->mtime_ns &&
		a->ctime_ns == b->ctime_ns;
}

int hf_volume_file_refresh(struct hf_volume_item *item, int fd, struct hf_arena *arena)
{
	struct statx st;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &st) < 0)
		return lose(item, arena, "stat", errno), -1;
	if (!S_ISREG(st.stx_mode)) {
		item->is_lost = true;
		item->problem = "it was replaced by something else while the tree was being read";
		return -1;
	}
	struct hf_entry now = item->entry;
	hf_tree_entry_stat(&now, &st);
	/* Files of /proc are born at each look; that they claim to be empty and are not tells them apart. */
	if (is_same(&now.stamp, &item->entry.stamp) || (st.stx_size == 0 && item->len > 0))
		return 0;
	item->entry = now;
	item->has_holes = st.stx_blocks * 512 < st.stx_size;
	hf_volume_file_attributes(item, fd, arena);
	return item->is_lost ? -1 : 1;
}

bool hf_volume_file_is_settled(const struct hf_volume_item *item)
{
	return item->entry.stamp.ctime_ns < item->read_at - SETTLE_SECONDS * HF_SECOND;
}

/* The contents of a small file, tried anew while it changes. Returns false where its place turned out too small, or
 * where it claims to be empty and is long: the file must be streamed. */
static bool read_small(struct hf_volume_item *item, int fd, struct hf_arena *arena)
{
	struct hf_error err;
	for (int i = 0; i < HF_VOLUME_TRIES; i++) {
		if (item->has_holes && hf_tree_extents(fd, arena, &item->entry, &err) < 0)
			return item->problem = say(arena, "%s", err.msg), item->is_lost = true;
		if (item->entry.size > item->room)
			return false;
		size_t want = item->entry.size ? (size_t)item->entry.size : item->room;
		ssize_t n = hf_pread_full(fd, item->data, want, 0, "", NULL);
		if (n < 0)
			return lose(item, arena, "read", errno), true;
		item->len = (size_t)n;
		if (hf_volume_read_hook)
			hf_volume_read_hook(item);
		int r = hf_volume_file_refresh(item, fd, arena);
		item->changed = r > 0;
		if (r <= 0)
			return r < 0 || item->entry.size > 0 || item->len < item->room;
	}
	return true;
}

static void read_item(struct hf_volume_item *item, struct hf_arena *arena)
{
	int fd = hf_volume_file_open(item, arena);
	if (fd < 0)
		return;
	hf_volume_file_attributes(item, fd, arena);
	if (item->kind == HF_VOLUME_READ && read_small(item, fd, arena)) {
		close(fd);
		return;
	}
	item->kind = HF_VOLUME_STREAM;
	item->len = 0;
	item->fd = fd;
	posix_fadvise(fd, 0, READ_AHEAD, POSIX_FADV_WILLNEED);
}

void hf_volume_batch_read(struct hf_volume_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		struct hf_volume_item *item = &batch->items[i];
		if (item->kind == HF_VOLUME_READ || item->kind == HF_VOLUME_STREAM)
			read_item(item, &batch->arena);
	}
}
