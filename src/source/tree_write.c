/*
 * Writing a feed into a directory; see tree_write.h.
 *
 * Two kinds of job go to the pool: a batch of small files, whole, and one piece of a large file. Both own what they
 * write from, so jobs never wait for the feed. The first failure of any of them is kept, and the rest do nothing.
 */
#include "source/tree_write.h"

#include "base/arena.h"
#include "base/pool.h"
#include "base/stop.h"
#include "source/tree_make.h"
#include "source/tree_place.h"
#include "source/tree_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SMALL = 64 << 10,   /* files up to this are copied and batched */
	BATCH_DATA = 256 << 10,
	BATCH_FILES = 32,
	BATCHES = 6,	    /* in all: being filled, waiting, being written */
	QUEUE = 8,
	THREADS_MAX = 4,
};

struct small_file {
	struct hf_entry entry; /* in the batch's arena */
	const char *name;
	struct hf_tree_place *place;
	uint64_t offset;
	struct iovec data;
};

struct batch {
	struct batch *next; /* in the list of spare ones */
	struct writer *writer;
	struct hf_arena arena;
	struct small_file files[BATCH_FILES];
	size_t count, used;
	uint8_t data[BATCH_DATA];
};

/* A large file being written. */
struct stream {
	struct writer *writer;
	struct hf_arena arena;
	struct hf_entry entry;
	struct hf_tree_place *place;
	int fd;
	atomic_uint refs; /* the pulling thread's, and one each piece */
};

struct stream_job {
	struct stream *stream;
	struct hf_piece *piece;
};

struct writer {
	struct hf_feed *feed;
	int rootfd;
	struct hf_tree_maker maker;
	struct hf_tree_places *places;
	struct hf_pool *pool;
	struct batch *filling;
	struct stream *open; /* the large file that the feed is in */
	bool is_busy;	     /* jobs were submitted since the pool was last idle */
	struct hf_restored *out;

	pthread_mutex_t lock;
	pthread_cond_t spare_back;
	struct batch *spare;
	size_t made;
	atomic_bool failed;
	struct hf_error error; /* of the first failure */
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory to restore files");
}

static void keep_failure(struct writer *w, const struct hf_error *error)
{
	pthread_mutex_lock(&w->lock);
	if (!atomic_load(&w->failed)) {
		w->error = *error;
		atomic_store(&w->failed, true);
	}
	pthread_mutex_unlock(&w->lock);
}

/* A copy of what is needed to make the file of an entry. */
static int copy_entry(struct hf_arena *a, struct hf_entry *to, const struct hf_entry *from)
{
	*to = *from;
	to->extents = NULL;
	to->extent_count = 0;
	to->path = hf_arena_copy(a, from->path, from->path_len);
	struct hf_xattr *xattrs = from->xattr_count ? hf_arena_alloc(a, from->xattr_count * sizeof(*xattrs)) : NULL;
	if (!to->path || (from->xattr_count && !xattrs))
		return -1;
	for (size_t i = 0; i < from->xattr_count; i++) {
		const struct hf_xattr *x = &from->xattrs[i];
		xattrs[i] = (struct hf_xattr){.name = hf_arena_copy(a, x->name, strlen(x->name)),
			.value = hf_arena_copy(a, x->value, x->len),
			.len = x->len};
		if (!xattrs[i].name || !xattrs[i].value)
			return -1;
	}
	to->xattrs = xattrs;
	return 0;
}

static int write_small(struct writer *w, const struct small_file *file, struct hf_error *err)
{
	int fd = hf_tree_make_file(&w->maker, hf_tree_place_fd(file->place), file->name, &file->entry, err);
	if (fd < 0)
		return fd;
	int r = hf_tree_make_data(fd, &file->data, 1, file->offset, &file->entry, err);
	uint64_t reached = file->data.iov_len ? file->offset + file->data.iov_len : 0;
	if (r == 0)
		r = hf_tree_make_finish(&w->maker, fd, &file->entry, reached, err);
	close(fd);
	return r;
}

static void give_back(struct batch *batch)
{
	struct writer *w = batch->writer;
	hf_arena_reset(&batch->arena);
	batch->count = batch->used = 0;
	pthread_mutex_lock(&w->lock);
	batch->next = w->spare;
	w->spare = batch;
	pthread_cond_signal(&w->spare_back);
	pthread_mutex_unlock(&w->lock);
}

static void run_batch(void *job)
{
	struct batch *batch = job;
	struct writer *w = batch->writer;
	struct hf_error err;
	for (size_t i = 0; i < batch->count; i++) {
		if (!atomic_load_explicit(&w->failed, memory_order_relaxed) &&
			write_small(w, &batch->files[i], &err) < 0)
			keep_failure(w, &err);
		if (hf_tree_place_unref(batch->files[i].place, &err) < 0)
			keep_failure(w, &err);
	}
	give_back(batch);
}

/* A spare batch; waits for one if all are under way. NULL without memory. */
static struct batch *take_batch(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->spare && w->made == BATCHES)
		pthread_cond_wait(&w->spare_back, &w->lock);
	struct batch *batch = w->spare;
	if (batch)
		w->spare = batch->next;
	else
		w->made++;
	pthread_mutex_unlock(&w->lock);
	if (batch)
		return batch;
	batch = malloc(sizeof(*batch));
	if (!batch)
		return NULL;
	batch->writer = w;
	batch->arena = (struct hf_arena){0};
	batch->count = batch->used = 0;
	return batch;
}

static void flush(struct writer *w)
{
	if (!w->filling)
		return;
	w->is_busy = true;
	hf_pool_submit(w->pool, run_batch, w->filling);
	w->filling = NULL;
}

/* Waits until everything that was pulled so far is there. */
static void settle(struct writer *w)
{
	flush(w);
	if (w->is_busy)
		hf_pool_wait(w->pool);
	w->is_busy = false;
}

static int add_small(struct writer *w, const struct hf_piece *piece, struct hf_error *err)
{
	if (w->filling && (w->filling->count == BATCH_FILES || BATCH_DATA - w->filling->used < piece->len))
		flush(w);
	if (!w->filling && !(w->filling = take_batch(w)))
		return no_memory(err);
	struct batch *batch = w->filling;
	struct small_file *file = &batch->files[batch->count];
	const struct hf_entry *entry = piece->entry;
	const char *name;
	int r = hf_tree_places_parent(w->places, entry->path, entry->path_len, &file->place, &name, err);
	if (r < 0)
		return r;
	batch->count++; /* from here on the reference is the batch's */
	if (copy_entry(&batch->arena, &file->entry, entry) < 0)
		return no_memory(err);
	file->name = file->entry.path + (entry->path_len - strlen(name));
	file->offset = piece->offset;
	file->data = (struct iovec){.iov_base = batch->data + batch->used, .iov_len = (size_t)piece->len};
	for (size_t i = 0; i < piece->span_count; i++) {
		memcpy(batch->data + batch->used, piece->spans[i].iov_base, piece->spans[i].iov_len);
		batch->used += piece->spans[i].iov_len;
	}
	return 0;
}

static int stream_unref(struct stream *s, struct hf_error *err)
{
	if (atomic_fetch_sub(&s->refs, 1) != 1)
		return 0;
	int r = 0;
	if (!atomic_load(&s->writer->failed)) /* its length is set in any case: pieces end in any order */
		r = hf_tree_make_finish(&s->writer->maker, s->fd, &s->entry, UINT64_MAX, err);
	close(s->fd);
	int left = hf_tree_place_unref(s->place, err);
	hf_arena_free(&s->arena);
	free(s);
	return r < 0 ? r : left;
}

static void run_piece(void *arg)
{
	struct stream_job *job = arg;
	struct stream *s = job->stream;
	struct writer *w = s->writer;
	struct hf_error err;
	const struct hf_piece *piece = job->piece;
	if (!atomic_load(&w->failed) &&
		hf_tree_make_data(s->fd, piece->spans, piece->span_count, piece->offset, &s->entry, &err) < 0)
		keep_failure(w, &err);
	w->feed->ops->release(w->feed, job->piece);
	if (stream_unref(s, &err) < 0)
		keep_failure(w, &err);
	free(job);
}

static int open_stream(struct writer *w, const struct hf_entry *entry, struct hf_error *err)
{
	const char *name;
	struct stream *s = calloc(1, sizeof(*s));
	if (!s || copy_entry(&s->arena, &s->entry, entry) < 0) {
		if (s)
			hf_arena_free(&s->arena);
		free(s);
		return no_memory(err);
	}
	s->writer = w;
	int r = hf_tree_places_parent(w->places, entry->path, entry->path_len, &s->place, &name, err);
	if (r == 0) {
		s->fd = hf_tree_make_file(&w->maker, hf_tree_place_fd(s->place), name, &s->entry, err);
		if (s->fd < 0) {
			int left = hf_tree_place_unref(s->place, NULL);
			r = s->fd < 0 ? s->fd : left;
		}
	}
	if (r < 0) {
		hf_arena_free(&s->arena);
		free(s);
		return r;
	}
	atomic_init(&s->refs, 1);
	w->open = s;
	return 0;
}

/* Takes the piece. */
static int add_piece(struct writer *w, struct hf_piece *piece, struct hf_error *err)
{
	struct stream *s = w->open;
	bool is_last = piece->last;
	struct stream_job *job = malloc(sizeof(*job));
	if (!job) {
		w->feed->ops->release(w->feed, piece);
		return no_memory(err);
	}
	*job = (struct stream_job){.stream = s, .piece = piece};
	atomic_fetch_add(&s->refs, 1);
	w->is_busy = true;
	hf_pool_submit(w->pool, run_piece, job);
	if (!is_last)
		return 0;
	w->open = NULL;
	return stream_unref(s, err);
}

static int make_special(struct writer *w, const struct hf_entry *entry, struct hf_error *err)
{
	struct hf_tree_place *place;
	const char *name;
	struct hf_entry whole = *entry;
	char *link = entry->link ? strndup(entry->link, entry->link_len) : NULL;
	if (entry->link && !link)
		return no_memory(err);
	whole.link = link;
	int r = hf_tree_places_parent(w->places, entry->path, entry->path_len, &place, &name, err);
	if (r == 0) {
		r = hf_tree_make_special(&w->maker, hf_tree_place_fd(place), name, &whole, err);
		int left = hf_tree_place_unref(place, r < 0 ? NULL : err);
		r = r < 0 ? r : left;
	}
	free(link);
	return r;
}

static int link_to(struct writer *w, const struct hf_entry *entry, int dirfd, const char *name, struct hf_error *err)
{
	const char *slash = memrchr(entry->link, '/', entry->link_len);
	size_t dir_len = slash ? (size_t)(slash - entry->link) : 0;
	size_t name_at = slash ? dir_len + 1 : 0;
	int from = hf_tree_open_beneath(w->rootfd, entry->link, dir_len, O_PATH);
	if (from < 0)
		return hf_fail_errno(err, errno, "find the first name of the hard link %.*s",
			(int)(entry->path_len < 1000 ? entry->path_len : 1000), entry->path);
	char first[NAME_MAX + 1];
	size_t len = entry->link_len - name_at;
	if (len >= sizeof(first)) {
		close(from);
		return hf_fail(err, HF_E_CORRUPT, "a hard link names a file by a name that is too long");
	}
	memcpy(first, entry->link + name_at, len);
	first[len] = 0;
	int r = hf_tree_make_link(from, first, dirfd, name, entry, err);
	close(from);
	/* A second name of a device that we may not make is left out like the first. */
	return r == HF_E_NOTFOUND && w->maker.losses[HF_TREE_LOST_DEVICE].count > 0 ? 0 : r;
}

static int make_hardlink(struct writer *w, const struct hf_entry *entry, struct hf_error *err)
{
	struct hf_tree_place *place;
	const char *name;
	if (!entry->link || entry->link_len == 0 || !hf_path_is_sound(entry->link, entry->link_len))
		return hf_fail(err, HF_E_CORRUPT, "a hard link without a sound path to its first name");
	settle(w);
	if (atomic_load(&w->failed))
		return 0; /* the loop notices */
	int r = hf_tree_places_parent(w->places, entry->path, entry->path_len, &place, &name, err);
	if (r < 0)
		return r;
	r = link_to(w, entry, hf_tree_place_fd(place), name, err);
	int left = hf_tree_place_unref(place, r < 0 ? NULL : err);
	return r < 0 ? r : left;
}

static bool adds_up(const struct hf_piece *piece)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < piece->span_count; i++)
		sum += piece->spans[i].iov_len;
	return sum == piece->len;
}

static int check_piece(const struct writer *w, const struct hf_piece *piece, struct hf_error *err)
{
	const struct hf_entry *entry = piece->entry;
	bool is_file = entry->type == HF_ENTRY_FILE;
	if (piece->first != !w->open || !adds_up(piece) || (!is_file && !(piece->first && piece->last && piece->len == 0)))
		return hf_fail(err, HF_E_CORRUPT, "the pieces to restore come in an order that makes no sense");
	if (piece->len > entry->size || piece->offset > entry->size - piece->len)
		if (is_file && piece->len > 0)
			return hf_fail(err, HF_E_CORRUPT, "%.*s has data beyond its end", (int)entry->path_len,
				entry->path);
	if (!hf_path_is_sound(entry->path, entry->path_len) ||
		(entry->path_len == 0 && entry->type != HF_ENTRY_DIRECTORY))
		return hf_fail(err, HF_E_CORRUPT, "a path to restore is not sound: \"%.*s\"",
			(int)(entry->path_len < 200 ? entry->path_len : 200), entry->path);
	if (entry->type == HF_ENTRY_SYMLINK && (!entry->link || memchr(entry->link, 0, entry->link_len)))
		return hf_fail(err, HF_E_CORRUPT, "%.*s is a link without a sound target", (int)entry->path_len,
			entry->path);
	return 0;
}

static int take_file(struct writer *w, struct hf_piece *piece, struct hf_error *err)
{
	int r;
	if (piece->first) {
		w->out->files++;
		w->out->bytes += piece->entry->size;
	}
	if (piece->first && piece->last && piece->len <= SMALL) {
		r = add_small(w, piece, err);
		w->feed->ops->release(w->feed, piece);
		return r;
	}
	if (piece->first) {
		r = open_stream(w, piece->entry, err);
		if (r < 0) {
			w->feed->ops->release(w->feed, piece);
			return r;
		}
	}
	return add_piece(w, piece, err);
}

/* Takes the piece. */
static int take_piece(struct writer *w, struct hf_piece *piece, struct hf_error *err)
{
	int r = check_piece(w, piece, err);
	if (r == 0 && piece->entry->type == HF_ENTRY_FILE)
		return take_file(w, piece, err);
	if (r == 0) {
		if (piece->entry->type == HF_ENTRY_DIRECTORY)
			r = hf_tree_places_enter(w->places, piece->entry, err);
		else if (piece->entry->type == HF_ENTRY_HARDLINK)
			r = make_hardlink(w, piece->entry, err);
		else
			r = make_special(w, piece->entry, err);
	}
	w->feed->ops->release(w->feed, piece);
	return r;
}

static int write_all(struct writer *w, struct hf_error *err)
{
	struct hf_piece *piece;
	int r;
	while ((r = w->feed->ops->next(w->feed, &piece, err)) > 0) {
		r = take_piece(w, piece, err);
		if (r == 0)
			r = hf_stop_check(err);
		if (r < 0 || atomic_load_explicit(&w->failed, memory_order_relaxed))
			break;
	}
	if (r == 0 && w->open && !atomic_load(&w->failed))
		r = hf_fail(err, HF_E_CORRUPT, "the feed ends in the middle of a file");
	return r < 0 ? r : 0;
}

static int default_threads(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	return processors < 2 ? 1 : processors > THREADS_MAX ? THREADS_MAX : (int)processors;
}

static int start(struct writer *w, const struct hf_tree_write_options *options, struct hf_error *err)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->spare_back, NULL);
	hf_tree_maker_init(&w->maker, w->rootfd, options->own_as_is);
	int r = hf_tree_places_new(&w->maker, w->rootfd, &w->places, err);
	if (r == 0)
		r = hf_pool_new(options->threads > 0 ? options->threads : default_threads(), QUEUE, &w->pool, err);
	return r;
}

/* After the jobs are done. */
static void release(struct writer *w)
{
	struct batch *batch;
	while ((batch = w->spare)) {
		w->spare = batch->next;
		hf_arena_free(&batch->arena);
		free(batch);
	}
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->spare_back);
}

int hf_tree_write(struct hf_feed *feed, int dirfd, const struct hf_tree_write_options *options,
	struct hf_restored *out, struct hf_error *err)
{
	struct writer w = {.feed = feed, .rootfd = dirfd, .out = out};
	int r = start(&w, options, err);
	if (r == 0)
		r = write_all(&w, err);
	if (r < 0)
		atomic_store(&w.failed, true); /* our own failure goes up; what is under way need not go on */
	if (w.pool)
		settle(&w);
	if (w.open)
		stream_unref(w.open, NULL);
	hf_pool_free(w.pool);
	if (r == 0 && atomic_load(&w.failed)) {
		r = w.error.code;
		if (err)
			*err = w.error;
	}
	int left = hf_tree_places_free(w.places, r < 0, err);
	hf_tree_maker_end(&w.maker, &out->notes);
	release(&w);
	return r < 0 ? r : left;
}
