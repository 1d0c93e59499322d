/*
 * Comparing a directory with a feed; see tree_compare.h. Both come in the same order, so it is a merge of the two: what
 * only the walk meets is extra, what only the feed has is missing.
 */
#include "source/tree_compare.h"

#include "base/file.h"
#include "base/stop.h"
#include "source/tree_attr.h"
#include "source/tree_links.h"
#include "source/tree_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMED = 5, PIECE = 256 << 10 };

/* The differences of one check. */
struct findings {
	uint64_t count;
	struct hf_buf text; /* the first few */
};

struct compare {
	struct hf_feed *feed;
	int rootfd;
	bool is_root; /* owners and setuid count */
	struct hf_tree_walk *walk;
	struct hf_tree_item item; /* what the walk met last, not yet compared */
	bool has_item;
	struct hf_tree_links links;
	struct hf_arena arena; /* xattrs of the current entry */
	struct findings complete, content, attributes;
	uint64_t entries, bytes;
	int fd;	      /* the file being compared, or -1 */
	uint64_t at;  /* how far it was compared */
	bool differs; /* it did already: one finding a file is enough */
	uint8_t *piece;
};

static void found(struct findings *f, const char *path, size_t path_len, const char *fmt, ...) HF_PRINTF(4, 5);
static void found(struct findings *f, const char *path, size_t path_len, const char *fmt, ...)
{
	char text[512];
	if (f->count++ >= NAMED)
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	hf_buf_printf(&f->text, "%s%.*s: %s", f->text.len ? "; " : "", (int)(path_len < 500 ? path_len : 500), path,
		text);
}

static int step(struct compare *c, struct hf_error *err)
{
	int r = hf_tree_walk_next(c->walk, &c->item, err);
	c->has_item = r > 0;
	return r < 0 ? r : 0;
}

static void compare_xattrs(struct compare *c, const struct hf_entry *want, const struct hf_entry *have)
{
	size_t i = 0, j = 0;
	while (i < want->xattr_count || j < have->xattr_count) {
		int order = i == want->xattr_count ? 1
			: j == have->xattr_count   ? -1
						   : strcmp(want->xattrs[i].name, have->xattrs[j].name);
		if (order < 0) {
			found(&c->attributes, want->path, want->path_len, "%s is missing", want->xattrs[i++].name);
		} else if (order > 0) {
			found(&c->attributes, want->path, want->path_len, "%s is there, and was not captured",
				have->xattrs[j++].name);
		} else {
			const struct hf_xattr *a = &want->xattrs[i++], *b = &have->xattrs[j++];
			if (a->len != b->len || memcmp(a->value, b->value, a->len) != 0)
				found(&c->attributes, want->path, want->path_len, "%s differs", a->name);
		}
	}
}

/* What stat tells. A name of a hard link has the attributes of its file, and no size of its own. */
static void compare_stat(struct compare *c, const struct hf_entry *want, const struct hf_entry *have)
{
	uint32_t mode_mask = c->is_root ? 07777 : 0777;
	if ((want->mode & mode_mask) != (have->mode & mode_mask) && want->type != HF_ENTRY_SYMLINK)
		found(&c->attributes, want->path, want->path_len, "mode %04o, was %04o", have->mode, want->mode);
	if (c->is_root && (want->uid != have->uid || want->gid != have->gid))
		found(&c->attributes, want->path, want->path_len, "owner %u:%u, was %u:%u", have->uid, have->gid,
			want->uid, want->gid);
	if (want->mtime_ns != have->mtime_ns)
		found(&c->attributes, want->path, want->path_len, "modified at %" PRId64 " ns, was %" PRId64 " ns",
			have->mtime_ns, want->mtime_ns);
	if (want->type == HF_ENTRY_FILE && want->size != have->size)
		found(&c->attributes, want->path, want->path_len, "%" PRIu64 " bytes, was %" PRIu64, have->size,
			want->size);
	bool is_device = want->type == HF_ENTRY_CHARACTER_DEVICE || want->type == HF_ENTRY_BLOCK_DEVICE;
	if (is_device && (want->device_major != have->device_major || want->device_minor != have->device_minor))
		found(&c->attributes, want->path, want->path_len, "device %u:%u, was %u:%u", have->device_major,
			have->device_minor, want->device_major, want->device_minor);
}

static void compare_target(struct compare *c, const struct hf_entry *want)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(c->item.dir->fd, c->item.name, target, sizeof(target));
	if (n < 0 || (size_t)n != want->link_len || memcmp(target, want->link, want->link_len) != 0)
		found(&c->content, want->path, want->path_len, "it links to something else");
}

/* Two files that share an inode and were captured as two. */
static int compare_sharing(struct compare *c, const struct hf_entry *want, const struct hf_entry *have,
	struct hf_error *err)
{
	if (want->type == HF_ENTRY_DIRECTORY || c->item.st.stx_nlink < 2)
		return 0;
	const struct hf_tree_link *link = hf_tree_link_find(&c->links, have->stamp.device, have->stamp.inode);
	struct hf_tree_link fresh = {.device = have->stamp.device,
		.inode = have->stamp.inode,
		.path = (char *)(uintptr_t)c->item.path,
		.path_len = want->path_len};
	if (link)
		found(&c->attributes, want->path, want->path_len, "it is the same file as %.*s, and was not",
			(int)(link->path_len < 200 ? link->path_len : 200), link->path);
	else if (!hf_tree_link_add(&c->links, &fresh))
		return hf_fail(err, HF_E_NOMEM, "no memory for hard links");
	return 0;
}

static void compare_hardlink(struct compare *c, const struct hf_entry *want)
{
	const char *slash = memrchr(want->link, '/', want->link_len);
	size_t dir_len = slash ? (size_t)(slash - want->link) : 0, name_at = slash ? dir_len + 1 : 0;
	char name[NAME_MAX + 1] = "";
	if (want->link_len - name_at <= NAME_MAX)
		memcpy(name, want->link + name_at, want->link_len - name_at);
	struct statx st;
	HF_FD_AUTO dir = hf_tree_open_beneath(c->rootfd, want->link, dir_len, O_PATH);
	bool is_same = dir >= 0 && statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st) == 0 &&
		st.stx_ino == c->item.st.stx_ino && st.stx_dev_major == c->item.st.stx_dev_major &&
		st.stx_dev_minor == c->item.st.stx_dev_minor;
	if (!is_same)
		found(&c->attributes, want->path, want->path_len, "it is no hard link of %.*s any more",
			(int)(want->link_len < 200 ? want->link_len : 200), want->link);
}

/* Opens a file whose contents are to be compared. */
static void open_file(struct compare *c, const struct hf_entry *want)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	c->fd = openat(c->item.dir->fd, c->item.name, flags | O_NOATIME);
	if (c->fd < 0 && errno == EPERM)
		c->fd = openat(c->item.dir->fd, c->item.name, flags);
	if (c->fd < 0)
		found(&c->content, want->path, want->path_len, "it can't be opened: %s", strerror(errno));
}

/* Extended attributes and flags, of whatever is open or, by its name, is not. */
static void compare_more(struct compare *c, const struct hf_entry *want, struct hf_entry *have)
{
	struct hf_error why;
	int fd = want->type == HF_ENTRY_DIRECTORY ? c->item.fd : c->fd;
	bool is_open = fd >= 0;
	hf_arena_reset(&c->arena);
	if (!is_open && !c->item.dir)
		return;
	if (hf_tree_xattrs(is_open ? fd : c->item.dir->fd, is_open ? NULL : c->item.name, &c->arena, have, &why) < 0)
		found(&c->attributes, want->path, want->path_len, "%s", why.msg);
	compare_xattrs(c, want, have);
	uint32_t flags = is_open ? hf_tree_flags(fd) : 0;
	if (is_open && flags != want->file_flags)
		found(&c->attributes, want->path, want->path_len, "file flags %x, were %x", flags, want->file_flags);
}

/* The entry and what the walk met under its path. */
static int compare_item(struct compare *c, const struct hf_entry *want, struct hf_error *err)
{
	struct hf_entry have = {0};
	if (c->item.st.stx_mode == 0) {
		found(&c->complete, want->path, want->path_len, "%s: %s", c->item.attempt, strerror(c->item.error));
		return 0;
	}
	hf_tree_entry_stat(&have, &c->item.st);
	if (c->item.error)
		found(&c->complete, want->path, want->path_len, "%s: %s", c->item.attempt, strerror(c->item.error));
	compare_stat(c, want, &have);
	if (want->type == HF_ENTRY_HARDLINK) {
		compare_hardlink(c, want);
		return 0;
	}
	if (want->type != have.type) {
		found(&c->attributes, want->path, want->path_len, "it is a %s, was a %s",
			hf_entry_type_name(have.type), hf_entry_type_name(want->type));
		return 0;
	}
	if (want->type == HF_ENTRY_SYMLINK)
		compare_target(c, want);
	if (want->type == HF_ENTRY_FILE)
		open_file(c, want);
	compare_more(c, want, &have);
	return compare_sharing(c, want, &have, err);
}

/* Brings the walk to `want`, and compares if it is there. */
static int meet(struct compare *c, const struct hf_entry *want, struct hf_error *err)
{
	int r = 0, order = -1;
	c->entries++;
	c->fd = -1;
	c->at = 0;
	c->differs = false;
	while (r == 0 && c->has_item) {
		order = hf_path_compare(c->item.path, c->item.path_len, want->path, want->path_len);
		if (order >= 0)
			break;
		if (c->item.path_len > 0) /* a source of one file has no root of its own */
			found(&c->complete, c->item.path, c->item.path_len, "it is there, and was not captured");
		r = step(c, err);
	}
	if (r < 0)
		return r;
	if (order == 0)
		return compare_item(c, want, err);
	found(&c->complete, want->path, want->path_len, "it is missing");
	return 0;
}

static void differ(struct compare *c, const struct hf_entry *want, uint64_t offset)
{
	if (!c->differs)
		found(&c->content, want->path, want->path_len, "contents differ after byte %" PRIu64, offset);
	c->differs = true;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* What no span covers, up to `to`, must read as zeros. Holes need no reading. */
static void compare_gap(struct compare *c, const struct hf_entry *want, uint64_t to)
{
	while (c->at < to && !c->differs && !hf_stopped()) {
		off_t data = lseek(c->fd, (off_t)c->at, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data > 0 && (uint64_t)data > c->at)
			c->at = (uint64_t)data;
		if (c->at >= to)
			break;
		size_t len = to - c->at < PIECE ? (size_t)(to - c->at) : PIECE;
		ssize_t n = hf_pread_full(c->fd, c->piece, len, c->at, "", NULL);
		if (n <= 0 || !is_zero(c->piece, (size_t)n))
			differ(c, want, c->at);
		c->at += n > 0 ? (uint64_t)n : 0;
	}
	c->at = to;
}

static void compare_span(struct compare *c, const struct hf_entry *want, const struct iovec *span)
{
	const uint8_t *data = span->iov_base;
	size_t left = span->iov_len;
	while (left > 0 && !c->differs) {
		size_t len = left < PIECE ? left : PIECE;
		ssize_t n = hf_pread_full(c->fd, c->piece, len, c->at, "", NULL);
		if (n < 0 || (size_t)n != len || memcmp(c->piece, data, len) != 0)
			differ(c, want, c->at);
		data += len;
		left -= len;
		c->at += len;
	}
	c->bytes += span->iov_len;
}

static void compare_data(struct compare *c, const struct hf_piece *piece)
{
	const struct hf_entry *want = piece->entry;
	if (c->fd < 0)
		return;
	if (piece->len > 0)
		compare_gap(c, want, piece->offset);
	for (size_t i = 0; i < piece->span_count; i++)
		compare_span(c, want, &piece->spans[i]);
	if (!piece->last)
		return;
	compare_gap(c, want, want->size);
	close(c->fd);
	c->fd = -1;
}

static int compare_all(struct compare *c, struct hf_error *err)
{
	struct hf_piece *piece;
	int r = step(c, err);
	while (r == 0 && (r = c->feed->ops->next(c->feed, &piece, err)) > 0) {
		r = piece->first ? meet(c, piece->entry, err) : 0;
		if (r == 0)
			compare_data(c, piece);
		bool is_there = piece->first && c->has_item &&
			hf_path_compare(c->item.path, c->item.path_len, piece->entry->path,
				piece->entry->path_len) == 0;
		c->feed->ops->release(c->feed, piece);
		if (r == 0 && is_there)
			r = step(c, err);
		if (r == 0)
			r = hf_stop_check(err);
	}
	while (r == 0 && c->has_item) {
		found(&c->complete, c->item.path, c->item.path_len, "it is there, and was not captured");
		r = step(c, err);
	}
	return r;
}

static int add_check(struct hf_check_report *report, const char *name, struct findings *f, const char *fine)
{
	if (f->count == 0)
		return hf_check_add(report, name, true, true, "%s", fine);
	const char *text = hf_buf_cstr(&f->text);
	return hf_check_add(report, name, false, true, "%" PRIu64 " %s: %s%s", f->count,
		f->count == 1 ? "difference" : "differences", text ? text : "", f->count > NAMED ? "; …" : "");
}

static int report_all(struct compare *c, struct hf_check_report *report, struct hf_error *err)
{
	char entries[64], bytes[64], attributes[160];
	snprintf(entries, sizeof(entries), "%" PRIu64 " entries, none missing, none extra", c->entries);
	snprintf(bytes, sizeof(bytes), "%" PRIu64 " bytes compared", c->bytes);
	snprintf(attributes, sizeof(attributes), "all attributes of %" PRIu64 " entries compared%s", c->entries,
		c->is_root ? "" : ", but for owners and setuid bits: not root");
	if (add_check(report, "complete", &c->complete, entries) < 0 ||
		add_check(report, "content", &c->content, bytes) < 0 ||
		add_check(report, "attributes", &c->attributes, attributes) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory to report a comparison");
	return 0;
}

int hf_tree_compare(struct hf_feed *feed, int dirfd, struct hf_check_report *report, struct hf_error *err)
{
	struct compare c = {.feed = feed, .rootfd = dirfd, .is_root = geteuid() == 0, .fd = -1};
	struct hf_tree_walk_options options = {0};
	struct findings *all[] = {&c.complete, &c.content, &c.attributes};
	for (size_t i = 0; i < 3; i++)
		all[i]->text = HF_BUF(8192);
	c.piece = malloc(PIECE);
	int r = c.piece ? hf_tree_walk_new(dirfd, &options, &c.walk, err)
			: hf_fail(err, HF_E_NOMEM, "no memory to compare files");
	if (r == 0)
		r = compare_all(&c, err);
	if (r == 0)
		r = report_all(&c, report, err);
	if (c.fd >= 0)
		close(c.fd);
	hf_tree_walk_free(c.walk);
	hf_tree_links_free(&c.links);
	hf_arena_free(&c.arena);
	for (size_t i = 0; i < 3; i++)
		hf_buf_free(&all[i]->text);
	free(c.piece);
	return r;
}
