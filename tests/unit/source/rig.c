/* The rig; see rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "rig.h"

#include "base/file.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct hf_xattr *copy_xattrs(struct hf_arena *a, const struct hf_entry *entry)
{
	struct hf_xattr *list = hf_arena_alloc(a, entry->xattr_count * sizeof(*list));
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct hf_xattr *from = &entry->xattrs[i];
		list[i].name = hf_arena_copy(a, from->name, strlen(from->name));
		list[i].value = hf_arena_copy(a, from->value, from->len);
		list[i].len = from->len;
		if (i > 0)
			assert_true(strcmp(list[i - 1].name, list[i].name) < 0);
	}
	return list;
}

static void copy_entry(struct hf_arena *a, struct hf_entry *to, const struct hf_entry *from)
{
	*to = *from;
	to->path = hf_arena_copy(a, from->path, from->path_len);
	to->link = from->link ? hf_arena_copy(a, from->link, from->link_len) : NULL;
	to->user = from->user ? hf_arena_copy(a, from->user, strlen(from->user)) : NULL;
	to->group = from->group ? hf_arena_copy(a, from->group, strlen(from->group)) : NULL;
	to->xattrs = copy_xattrs(a, from);
	if (from->is_sparse)
		to->extents = (void *)hf_arena_copy(a, from->extents, from->extent_count * sizeof(struct hf_extent));
}

static struct rig_file *add_file(struct rig_recording *rec)
{
	if (rec->count == rec->cap) {
		rec->cap = rec->cap ? rec->cap * 2 : 64;
		rec->files = realloc(rec->files, rec->cap * sizeof(*rec->files));
		assert_non_null(rec->files);
	}
	struct rig_file *file = &rec->files[rec->count++];
	memset(file, 0, sizeof(*file));
	return file;
}

static void check_order(const struct rig_recording *rec)
{
	if (rec->count < 2)
		return;
	const struct hf_entry *a = &rec->files[rec->count - 2].entry, *b = &rec->files[rec->count - 1].entry;
	if (hf_path_compare(a->path, a->path_len, b->path, b->path_len) >= 0)
		fail_msg("\"%s\" came before \"%s\"", a->path, b->path);
}

static int on_begin(struct hf_sink *sink, const struct hf_entry *entry, struct hf_error *err)
{
	struct rig_recording *rec = (struct rig_recording *)sink;
	assert_false(rec->is_open);
	assert_true(hf_path_is_sound(entry->path, entry->path_len));
	if (rec->fail_at > 0 && rec->count + 1 == rec->fail_at)
		return hf_fail(err, HF_E_NOSPACE, "the sink is full");
	rec->is_open = true;
	copy_entry(&rec->arena, &add_file(rec)->entry, entry);
	check_order(rec);
	return 0;
}

static int on_data(struct hf_sink *sink, uint64_t offset, const void *data, size_t len, struct hf_error *err)
{
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	assert_true(rec->is_open);
	struct rig_file *file = &rec->files[rec->count - 1];
	assert_int_equal(file->entry.type, HF_ENTRY_FILE);
	if (file->range_count > 0) {
		const struct rig_range *before = &file->ranges[file->range_count - 1];
		assert_true(offset >= before->offset + before->len);
	}
	if (file->range_count == file->range_cap) {
		file->range_cap = file->range_cap ? file->range_cap * 2 : 4;
		file->ranges = realloc(file->ranges, file->range_cap * sizeof(*file->ranges));
	}
	file->ranges[file->range_count++] = (struct rig_range){
		.offset = offset, .len = len, .data = (void *)hf_arena_copy(&rec->arena, data, len)};
	return 0;
}

static int on_end(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	assert_true(rec->is_open);
	rec->is_open = false;
	struct rig_file *file = &rec->files[rec->count - 1];
	file->done = *done;
	if (file->entry.type == HF_ENTRY_FILE)
		file->entry.size = done->size;
	return 0;
}

static int on_abandon(struct hf_sink *sink, const struct hf_sink_end *done, struct hf_error *err)
{
	(void)done;
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	assert_true(rec->is_open);
	rec->is_open = false;
	free(rec->files[--rec->count].ranges);
	return 0;
}

static int on_problem(struct hf_sink *sink, const char *path, size_t len, const char *message, struct hf_error *err)
{
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	assert_false(rec->is_open);
	rec->problems = realloc(rec->problems, (rec->problem_count + 1) * sizeof(*rec->problems));
	rec->problems[rec->problem_count++] = (struct rig_problem){.path = hf_arena_copy(&rec->arena, path, len),
		.message = hf_arena_copy(&rec->arena, message, strlen(message))};
	return 0;
}

static int on_known(struct hf_sink *sink, const char *path, size_t len, const struct hf_stamp *stamp, void **token,
	struct hf_error *err)
{
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	char *copy = hf_arena_copy(&rec->arena, path, len);
	if (rec->known_path)
		assert_true(hf_path_compare(rec->known_path, strlen(rec->known_path), path, len) < 0);
	rec->known_path = copy;
	const struct rig_file *file = rec->last ? rig_find(rec->last, copy) : NULL;
	static const struct hf_stamp none;
	if (!file || memcmp(&file->done.stamp, &none, sizeof(none)) == 0 ||
		memcmp(&file->done.stamp, stamp, sizeof(*stamp)) != 0)
		return 0;
	rec->tokens++;
	*token = (void *)(uintptr_t)file;
	return 1;
}

static int on_reuse(struct hf_sink *sink, void *token, struct hf_error *err)
{
	(void)err;
	struct rig_recording *rec = (struct rig_recording *)sink;
	const struct rig_file *from = token;
	assert_false(rec->is_open);
	rec->tokens--;
	struct rig_file *file = add_file(rec);
	copy_entry(&rec->arena, &file->entry, &from->entry);
	file->done = from->done;
	file->reused = true;
	check_order(rec);
	return 0;
}

static void on_forget(struct hf_sink *sink, void *token)
{
	(void)token;
	((struct rig_recording *)sink)->tokens--;
}

void rig_recording_init(struct rig_recording *rec)
{
	static const struct hf_sink_ops ops = {.begin = on_begin,
		.data = on_data,
		.end = on_end,
		.abandon = on_abandon,
		.problem = on_problem,
		.known = on_known,
		.reuse = on_reuse,
		.forget = on_forget};
	*rec = (struct rig_recording){.sink.ops = &ops};
}

void rig_recording_free(struct rig_recording *rec)
{
	assert_int_equal(rec->tokens, 0);
	for (size_t i = 0; i < rec->count; i++)
		free(rec->files[i].ranges);
	free(rec->files);
	free(rec->problems);
	hf_arena_free(&rec->arena);
	*rec = (struct rig_recording){0};
}

const struct rig_file *rig_find(const struct rig_recording *rec, const char *path)
{
	size_t len = strlen(path), low = 0, high = rec->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct hf_entry *entry = &rec->files[mid].entry;
		int order = hf_path_compare(entry->path, entry->path_len, path, len);
		if (order == 0)
			return &rec->files[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

const char *rig_problem(const struct rig_recording *rec, const char *path)
{
	for (size_t i = 0; i < rec->problem_count; i++)
		if (strcmp(rec->problems[i].path, path) == 0)
			return rec->problems[i].message;
	return NULL;
}

const uint8_t *rig_contents(struct rig_recording *rec, const struct rig_file *file, size_t *len)
{
	*len = (size_t)file->done.size;
	uint8_t *all = hf_arena_alloc(&rec->arena, *len + 1);
	memset(all, 0, *len + 1);
	for (size_t i = 0; i < file->range_count; i++)
		memcpy(all + file->ranges[i].offset, file->ranges[i].data, file->ranges[i].len);
	return all;
}

struct feed {
	struct hf_feed base;
	const struct rig_recording *rec;
	size_t piece_max;
	size_t file, range, at; /* where in the recording */
	bool in_file;
	pthread_mutex_t lock;
	pthread_cond_t released;
	size_t held;
};

struct piece {
	struct hf_piece base;
	struct iovec spans[2]; /* two, so that callers meet more than one */
};

static void give(struct feed *feed, struct piece *piece)
{
	const struct rig_file *file = &feed->rec->files[feed->file];
	const struct rig_range *range = &file->ranges[feed->range];
	size_t len = range->len - feed->at;
	if (len > feed->piece_max)
		len = feed->piece_max;
	uint8_t *data = (uint8_t *)(uintptr_t)range->data + feed->at;
	piece->spans[0] = (struct iovec){.iov_base = data, .iov_len = len / 3};
	piece->spans[1] = (struct iovec){.iov_base = data + len / 3, .iov_len = len - len / 3};
	piece->base.spans = piece->spans;
	piece->base.span_count = 2;
	piece->base.offset = range->offset + feed->at;
	piece->base.len = len;
	feed->at += len;
	if (feed->at == range->len) {
		feed->range++;
		feed->at = 0;
	}
}

static int on_next(struct hf_feed *base, struct hf_piece **out, struct hf_error *err)
{
	struct feed *feed = (struct feed *)base;
	if (feed->rec->fail_at > 0 && feed->file + 1 == feed->rec->fail_at)
		return hf_fail(err, HF_E_CORRUPT, "the feed fails");
	if (feed->file == feed->rec->count)
		return 0;
	const struct rig_file *file = &feed->rec->files[feed->file];
	struct piece *piece = calloc(1, sizeof(*piece));
	assert_non_null(piece);
	piece->base.entry = &file->entry;
	piece->base.first = !feed->in_file;
	if (feed->range < file->range_count)
		give(feed, piece);
	piece->base.last = feed->range == file->range_count;
	feed->in_file = !piece->base.last;
	if (piece->base.last) {
		feed->file++;
		feed->range = 0;
	}
	pthread_mutex_lock(&feed->lock);
	while (feed->held == 2) /* as strict as a feed may be */
		pthread_cond_wait(&feed->released, &feed->lock);
	feed->held++;
	pthread_mutex_unlock(&feed->lock);
	*out = &piece->base;
	return 1;
}

static void on_release(struct hf_feed *base, struct hf_piece *piece)
{
	struct feed *feed = (struct feed *)base;
	free(piece);
	pthread_mutex_lock(&feed->lock);
	feed->held--;
	pthread_cond_signal(&feed->released);
	pthread_mutex_unlock(&feed->lock);
}

struct hf_feed *rig_feed_new(const struct rig_recording *rec, size_t piece)
{
	static const struct hf_feed_ops ops = {.next = on_next, .release = on_release};
	struct feed *feed = calloc(1, sizeof(*feed));
	assert_non_null(feed);
	feed->base.ops = &ops;
	feed->rec = rec;
	feed->piece_max = piece;
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->released, NULL);
	return &feed->base;
}

void rig_feed_free(struct hf_feed *base)
{
	assert_int_equal(((struct feed *)base)->held, 0);
	free(base);
}

static void assert_same_entry(const struct hf_entry *a, const struct hf_entry *b)
{
	if (a->type != b->type || a->mode != b->mode || a->uid != b->uid || a->gid != b->gid ||
		a->mtime_ns != b->mtime_ns || a->size != b->size || a->device_major != b->device_major ||
		a->device_minor != b->device_minor || a->file_flags != b->file_flags ||
		a->link_len != b->link_len || (a->link && memcmp(a->link, b->link, a->link_len) != 0) ||
		a->xattr_count != b->xattr_count || a->is_sparse != b->is_sparse)
		fail_msg("\"%s\" differs: type %d %d mode %o %o owner %u:%u %u:%u mtime %lld %lld flags %x %x xattrs %zu "
			 "%zu sparse %d %d",
			a->path, a->type, b->type, a->mode, b->mode, a->uid, a->gid, b->uid, b->gid,
			(long long)a->mtime_ns, (long long)b->mtime_ns, a->file_flags, b->file_flags, a->xattr_count,
			b->xattr_count, a->is_sparse, b->is_sparse);
	for (size_t i = 0; i < a->xattr_count; i++) {
		assert_string_equal(a->xattrs[i].name, b->xattrs[i].name);
		assert_int_equal(a->xattrs[i].len, b->xattrs[i].len);
		assert_memory_equal(a->xattrs[i].value, b->xattrs[i].value, a->xattrs[i].len);
	}
}

void rig_assert_same(struct rig_recording *a, struct rig_recording *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct rig_file *x = &a->files[i], *y = &b->files[i];
		assert_string_equal(x->entry.path, y->entry.path);
		assert_same_entry(&x->entry, &y->entry);
		if (x->entry.type != HF_ENTRY_FILE || x->done.size > 64 << 20)
			continue;
		size_t len;
		const uint8_t *data = rig_contents(a, x, &len);
		assert_memory_equal(data, rig_contents(b, y, &len), len);
	}
}

int rig_scratch(char path[64])
{
	strcpy(path, "/tmp/hf-test-XXXXXX");
	assert_non_null(mkdtemp(path));
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

void rig_scratch_remove(const char *path)
{
	char command[128];
	snprintf(command, sizeof(command), "chattr -R -f -i -a '%s'; rm -rf '%s'", path, path);
	assert_int_equal(system(command), 0);
}

void rig_write(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

int rig_own_mounts(void)
{
	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) < 0)
		return -1;
	/* In a chroot "/" is no mount point, whose mounts could be kept apart: entering a mount namespace leaves the chroot. A
	 * process with one thread can. */
	return system("nsenter --mount=/proc/self/ns/mnt mount --make-rprivate /") == 0 ? 0 : -1;
}
