/*
 * The way out; see egress.h.
 *
 * Pieces are planned in bundles: consecutive ones of about 1 MiB together, of which one job pins the frames and verifies the
 * chunks. Some bundles are on their way at any time; `next` hands out the pieces of the oldest one that is ready. A bundle
 * goes when its last piece is released.
 *
 * From a store far away, jobs fetch what they need together with what those after them want next to it (lookahead.h).
 */
#include "pipeline/egress.h"

#include "base/pool.h"
#include "base/stop.h"
#include "entry/entry_copy.h"
#include "pipeline/lookahead.h"
#include "pipeline/stand_in.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUNDLE_BYTES = 1 << 20, BUNDLE_PIECES = 256, PIECE_CHUNKS = 512, THREADS_MAX = 8 };

/* An entry that several pieces share. */
struct shared_entry {
	struct hf_entry entry;
	atomic_int users; /* pieces, and the planner while it is at this file */
};

/* A chunk that a piece needs, and the part of it that is the piece's. */
struct need {
	struct hf_chunk_ref ref;
	uint32_t skip, len;
	struct hf_frame *frame;
};

struct bundle;

struct planned {
	struct hf_piece piece; /* first: what is handed out */
	struct shared_entry *shared;
	struct bundle *bundle;
	size_t first_need, need_count;
	int result; /* data could not be had */
	struct hf_error *error;
};

struct bundle {
	struct bundle *next;
	struct hf_egress *owner;
	struct hf_wants *wants; /* until its job begins */
	struct planned pieces[BUNDLE_PIECES];
	size_t count, handed;	/* planned; handed out */
	size_t unreleased;
	struct need *needs;
	struct iovec *spans; /* one a need */
	size_t need_count, need_cap;
	uint64_t bytes;
	bool done;
};

struct hf_egress {
	struct hf_feed feed;
	struct hf_egress_options options;
	struct hf_manifest_reader *manifest, *lookup; /* lookup: for the targets of hard links */
	struct hf_lookahead *ahead;
	struct hf_pool *pool;
	int bundle_max;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bundle *oldest, **newest;
	int bundles; /* planned and not gone */
	bool at_end, failed;
	struct hf_stand_ins stand_ins;

	/* the file that is being planned */
	struct shared_entry *file;
	struct hf_content file_content;
	struct hf_content_reader *content;
	uint64_t planned_bytes; /* of its content */
	bool file_begun;
	struct hf_chunk_ref pending; /* a chunk of which only `pending_used` bytes were planned */
	uint32_t pending_used;
	size_t extent;
	uint64_t extent_used;
};

/* --- jobs ------------------------------------------------------------------------------------------------------------- */

static int fetch(struct hf_egress *e, struct bundle *b, struct planned *p, struct hf_error *err)
{
	for (size_t i = 0; i < p->need_count; i++) {
		struct need *n = &b->needs[p->first_need + i];
		struct hf_chunk_view view;
		int r = hf_reader_get(e->options.reader, HF_CHUNK_DATA, &n->ref, &view, err);
		if (r < 0)
			return r;
		n->frame = view.frame;
		b->spans[p->first_need + i] =
			(struct iovec){(void *)(uintptr_t)(view.data + n->skip), n->len};
	}
	return 0;
}

static void run_bundle(void *job)
{
	struct bundle *b = job;
	struct hf_egress *e = b->owner;
	hf_lookahead_begin(e->ahead, b->wants);
	for (size_t i = 0; i < b->count; i++) {
		struct planned *p = &b->pieces[i];
		struct hf_error err = {0};
		p->result = hf_stopped() ? hf_stop_check(&err) : fetch(e, b, p, &err);
		if (p->result < 0 && (p->error = malloc(sizeof(err))))
			*p->error = err;
		p->piece.spans = b->spans + p->first_need;
		p->piece.span_count = p->result < 0 ? 0 : p->need_count;
	}
	pthread_mutex_lock(&e->lock);
	b->done = true;
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

static void free_bundle(struct hf_egress *e, struct bundle *b)
{
	for (size_t i = 0; i < b->need_count; i++)
		hf_reader_unpin(e->options.reader, b->needs[i].frame);
	for (size_t i = 0; i < b->count; i++) {
		free(b->pieces[i].error);
		if (atomic_fetch_sub(&b->pieces[i].shared->users, 1) == 1)
			free(b->pieces[i].shared);
	}
	free(b->needs);
	free(b->spans);
	free(b);
}

/* --- planning --------------------------------------------------------------------------------------------------------- */

static struct shared_entry *share(const struct hf_entry *e, struct hf_error *err)
{
	struct shared_entry *s = malloc(sizeof(*s) + hf_entry_copy_size(e));
	if (!s) {
		hf_fail(err, HF_E_NOMEM, "no memory");
		return NULL;
	}
	atomic_init(&s->users, 1);
	hf_entry_copy_into(e, &s->entry, s + 1);
	return s;
}

static int add_need(struct bundle *b, const struct need *n, struct hf_error *err)
{
	if (b->need_count == b->need_cap) {
		size_t cap = b->need_cap ? b->need_cap * 2 : 64;
		struct need *needs = realloc(b->needs, cap * sizeof(*needs));
		if (needs)
			b->needs = needs;
		struct iovec *spans = needs ? realloc(b->spans, cap * sizeof(*spans)) : NULL;
		if (!spans)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		b->spans = spans;
		b->need_cap = cap;
	}
	b->needs[b->need_count++] = *n;
	return 0;
}

static struct planned *new_piece(struct hf_egress *e, struct bundle *b)
{
	struct planned *p = &b->pieces[b->count++];
	atomic_fetch_add(&e->file->users, 1);
	*p = (struct planned){.shared = e->file, .bundle = b, .first_need = b->need_count,
		.piece = {.entry = &e->file->entry, .first = !e->file_begun}};
	b->unreleased++;
	e->file_begun = true;
	return p;
}

/* How much may follow without a hole from here, and where in the file that is. */
static uint64_t run_length(struct hf_egress *e, uint64_t *offset)
{
	const struct hf_entry *entry = &e->file->entry;
	if (!entry->is_sparse) {
		*offset = e->planned_bytes;
		return UINT64_MAX;
	}
	while (e->extent < entry->extent_count && e->extent_used == entry->extents[e->extent].len) {
		e->extent++;
		e->extent_used = 0;
	}
	if (e->extent == entry->extent_count)
		return 0;
	*offset = entry->extents[e->extent].offset + e->extent_used;
	return entry->extents[e->extent].len - e->extent_used;
}

/* The next chunk of the file, or what is left of the one before: 1, 0 at the end. */
static int next_chunk(struct hf_egress *e, struct hf_error *err)
{
	uint64_t offset;
	if (e->pending.len && e->pending_used < e->pending.len)
		return 1;
	e->pending_used = 0;
	e->pending.len = 0;
	return e->content ? hf_content_reader_next(e->content, &e->pending, &offset, err) : 0;
}

static void end_file(struct hf_egress *e)
{
	hf_content_reader_free(e->content);
	e->content = NULL;
	free(e->file_content.refs);
	if (atomic_fetch_sub(&e->file->users, 1) == 1)
		free(e->file);
	e->file = NULL;
}

/* One more piece of the open file: up to a hole, the bundle's end, or the file's. */
static int plan_piece(struct hf_egress *e, struct bundle *b, struct hf_error *err)
{
	struct planned *p = new_piece(e, b);
	uint64_t run = run_length(e, &p->piece.offset);
	int more;
	while ((more = next_chunk(e, err)) > 0 && run > 0 && p->need_count < PIECE_CHUNKS &&
		(b->bytes < BUNDLE_BYTES || !p->need_count)) {
		uint32_t left = e->pending.len - e->pending_used;
		struct need n = {.ref = e->pending, .skip = e->pending_used, .len = left < run ? left : (uint32_t)run};
		int r = add_need(b, &n, err);
		if (r < 0)
			return r;
		p->need_count++;
		p->piece.len += n.len;
		b->bytes += n.len;
		e->pending_used += n.len;
		e->planned_bytes += n.len;
		e->extent_used += n.len;
		run -= n.len;
	}
	if (more < 0)
		return more;
	if (more > 0 && e->file->entry.is_sparse && run_length(e, &run) == 0)
		return hf_fail(err, HF_E_CORRUPT, "%s: its content is longer than its ranges", e->file->entry.path);
	if (more == 0) {
		p->piece.last = true;
		end_file(e);
	}
	return 0;
}

static bool is_selected(const struct hf_egress *e, const char *path, size_t len)
{
	if (!e->options.paths)
		return true;
	for (size_t i = 0; i < e->options.path_count; i++) {
		const struct hf_path *p = &e->options.paths[i];
		if (p->len <= len && memcmp(p->path, path, p->len) == 0 &&
			(p->len == len || (!p->alone && (p->len == 0 || path[p->len] == '/'))))
			return true;
	}
	return false;
}

/* A hard link whose first name is not selected: its content comes under this name, later links point here. */
static int replace_link(struct hf_egress *e, const struct hf_manifest_entry **m, struct hf_entry *entry,
	struct hf_error *err)
{
	const char *given = hf_stand_ins_find(&e->stand_ins, entry->link);
	if (given) {
		entry->link = given;
		entry->link_len = strlen(given);
		return 0;
	}
	int r = e->lookup ? 0 : hf_manifest_reader_open(&(struct hf_chunk_feed){hf_reader_load, e->options.reader},
					&e->options.root, &e->lookup, err);
	const struct hf_path target = {entry->link, entry->link_len};
	const struct hf_manifest_entry *found = NULL;
	if (r == 0)
		r = hf_manifest_reader_find(e->lookup, &target, &found, err);
	if (r == 0)
		return hf_fail(err, HF_E_CORRUPT, "%.*s: the manifest lacks %s, which it is a link to",
			(int)entry->path_len, entry->path, entry->link);
	if (r > 0)
		r = hf_stand_ins_add(&e->stand_ins, entry->link, entry->link_len, entry->path, entry->path_len, err);
	if (r < 0)
		return r;
	const char *path = entry->path;
	size_t len = entry->path_len;
	*entry = found->entry;
	entry->path = path;
	entry->path_len = len;
	*m = found;
	return 0;
}

static int open_content(struct hf_egress *e, const struct hf_manifest_entry *m, struct hf_error *err)
{
	if (e->file->entry.type != HF_ENTRY_FILE || !m->content.bytes || e->options.metadata_only)
		return 0;
	e->file_content = m->content;
	e->file_content.refs = NULL;
	if (m->content.count) {
		e->file_content.refs = malloc(m->content.count * sizeof(*m->content.refs));
		if (!e->file_content.refs)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		memcpy(e->file_content.refs, m->content.refs, m->content.count * sizeof(*m->content.refs));
	}
	const struct hf_chunk_feed feed = hf_reader_feed(e->options.reader);
	return hf_content_reader_open(&feed, &e->file_content, &e->content, err);
}

/* Makes the next entry the open file: 1, 0 at the end. */
static int next_file(struct hf_egress *e, struct hf_error *err)
{
	const struct hf_manifest_entry *m;
	int r = hf_manifest_reader_next(e->manifest, &m, err);
	if (r <= 0)
		return r;
	struct hf_entry entry = m->entry;
	if (entry.type == HF_ENTRY_HARDLINK && !is_selected(e, entry.link, entry.link_len)) {
		r = replace_link(e, &m, &entry, err);
		if (r < 0)
			return r;
	}
	e->file = share(&entry, err);
	if (!e->file)
		return HF_E_NOMEM;
	e->file_begun = false;
	e->planned_bytes = e->extent_used = 0;
	e->extent = 0;
	e->pending = (struct hf_chunk_ref){0};
	e->file_content = (struct hf_content){0};
	r = open_content(e, m, err);
	return r < 0 ? r : 1;
}

static int plan_bundle(struct hf_egress *e, struct bundle *b, struct hf_error *err)
{
	while (b->count < BUNDLE_PIECES && b->bytes < BUNDLE_BYTES) {
		int r = e->file ? 1 : next_file(e, err);
		if (r == 0)
			e->at_end = true;
		if (r <= 0)
			return r;
		r = plan_piece(e, b, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* May one more bundle be on its way? From a store far away many are planned at once, when half of them are gone. */
static bool has_room(struct hf_egress *e, bool has_begun)
{
	pthread_mutex_lock(&e->lock);
	bool waits = hf_reader_is_far(e->options.reader) && e->oldest && !has_begun;
	bool yes = e->bundles < (waits ? e->bundle_max / 2 : e->bundle_max);
	pthread_mutex_unlock(&e->lock);
	return yes;
}

/* Lists a bundle that is planned, as the newest. */
static void list_bundle(struct hf_egress *e, struct bundle *b)
{
	if (b->need_count)
		b->wants = hf_lookahead_add(e->ahead, &b->needs->ref.id, sizeof(*b->needs), b->need_count);
	pthread_mutex_lock(&e->lock);
	*e->newest = b;
	e->newest = &b->next;
	e->bundles++;
	pthread_mutex_unlock(&e->lock);
}

/* Plans until enough is on its way. Jobs that look ahead begin when all are planned, so that each sees those after it; all that are
 * listed begin, come what may. */
static int plan_ahead(struct hf_egress *e, struct hf_error *err)
{
	const bool is_far = hf_reader_is_far(e->options.reader);
	struct bundle *waiting = NULL;
	int r = 0;
	for (bool has_begun = false; r == 0 && !e->at_end && has_room(e, has_begun); has_begun = true) {
		struct bundle *b = calloc(1, sizeof(*b));
		if (!b) {
			r = hf_fail(err, HF_E_NOMEM, "no memory");
			break;
		}
		b->owner = e;
		r = plan_bundle(e, b, err);
		if (r < 0 || b->count == 0) {
			free_bundle(e, b);
			break;
		}
		list_bundle(e, b);
		if (!is_far)
			hf_pool_submit(e->pool, run_bundle, b);
		else if (!waiting)
			waiting = b;
	}
	for (; waiting; waiting = waiting->next)
		hf_pool_submit(e->pool, run_bundle, waiting);
	return r;
}

/* --- the feed --------------------------------------------------------------------------------------------------------- */

static void forget_handed(struct hf_egress *e)
{
	while (e->oldest && e->oldest->done && e->oldest->handed == e->oldest->count) {
		struct bundle *b = e->oldest;
		e->oldest = b->next;
		if (!e->oldest)
			e->newest = &e->oldest;
		b->next = NULL;
		if (b->unreleased == 0) {
			e->bundles--;
			pthread_mutex_unlock(&e->lock);
			free_bundle(e, b);
			pthread_mutex_lock(&e->lock);
		}
	}
}

/* The oldest bundle once it is done, or NULL if there is none; waits. */
static struct bundle *ready_bundle(struct hf_egress *e)
{
	pthread_mutex_lock(&e->lock);
	forget_handed(e);
	while (e->oldest && !e->oldest->done)
		pthread_cond_wait(&e->changed, &e->lock);
	struct bundle *b = e->oldest;
	pthread_mutex_unlock(&e->lock);
	return b;
}

/* Waits until some bundle was released, when all are held and none is left to hand out. */
static void wait_for_release(struct hf_egress *e)
{
	pthread_mutex_lock(&e->lock);
	while (!e->oldest && e->bundles >= e->bundle_max)
		pthread_cond_wait(&e->changed, &e->lock);
	pthread_mutex_unlock(&e->lock);
}

static int deliver(struct hf_egress *e, struct planned *p, struct hf_piece **piece, struct hf_error *err)
{
	*piece = &p->piece;
	if (p->result == 0)
		return 1;
	struct hf_error none = {.code = p->result, .msg = "no memory"};
	const struct hf_error *why = p->error ? p->error : &none;
	if (p->result != HF_E_STOPPED && e->options.damaged &&
		e->options.damaged(e->options.user, &p->shared->entry, why) == 0) {
		p->piece.len = 0;
		return 1;
	}
	if (err)
		*err = *why;
	return hf_wrap(err, p->result, "%.*s", (int)p->shared->entry.path_len, p->shared->entry.path);
}

static int feed_next(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err)
{
	struct hf_egress *e = (struct hf_egress *)feed;
	*piece = NULL;
	if (e->failed)
		return hf_fail(err, HF_E_IO, "the feed has failed before");
	int r = hf_stop_check(err);
	for (;;) {
		if (r == 0)
			r = plan_ahead(e, err);
		struct bundle *b = r == 0 ? ready_bundle(e) : NULL;
		if (r < 0)
			break;
		if (!b && e->at_end)
			return 0;
		if (!b) {
			wait_for_release(e);
			continue;
		}
		r = deliver(e, &b->pieces[b->handed], piece, err);
		if (r < 0)
			break;
		b->handed++;
		return 1;
	}
	e->failed = true;
	*piece = NULL;
	return r;
}

static void feed_release(struct hf_feed *feed, struct hf_piece *piece)
{
	struct hf_egress *e = (struct hf_egress *)feed;
	struct bundle *b = ((struct planned *)piece)->bundle;
	pthread_mutex_lock(&e->lock);
	bool is_last = --b->unreleased == 0;
	/* The oldest one may still be handed from: `forget_handed` sees to it. */
	bool is_queued = b == e->oldest;
	if (is_last && !is_queued) {
		e->bundles--;
		pthread_cond_broadcast(&e->changed);
	}
	pthread_mutex_unlock(&e->lock);
	if (is_last && !is_queued)
		free_bundle(e, b);
}

static int processors(int asked)
{
	long n = asked ? asked : sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}

int hf_egress_new(const struct hf_egress_options *options, struct hf_egress **out, struct hf_error *err)
{
	static const struct hf_feed_ops ops = {.next = feed_next, .release = feed_release};
	struct hf_egress *e = calloc(1, sizeof(*e));
	if (!e)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	e->feed.ops = &ops;
	e->options = *options;
	e->newest = &e->oldest;
	int threads = processors(options->threads);
	e->bundle_max = 2 * threads + 6;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	const struct hf_chunk_feed chunks = hf_reader_feed(options->reader);
	int r = hf_manifest_reader_open(&chunks, &options->root, &e->manifest, err);
	if (r == 0 && options->paths)
		r = hf_manifest_reader_select(e->manifest, options->paths, options->path_count, err);
	if (r == 0)
		r = hf_lookahead_new(options->reader, &e->ahead, err);
	if (r == 0)
		r = hf_pool_new(threads, (size_t)e->bundle_max, &e->pool, err);
	if (r < 0) {
		hf_egress_free(e);
		return r;
	}
	*out = e;
	return 0;
}

struct hf_feed *hf_egress_feed(struct hf_egress *e)
{
	return &e->feed;
}

void hf_egress_free(struct hf_egress *e)
{
	if (!e)
		return;
	hf_pool_free(e->pool);
	hf_lookahead_free(e->ahead);
	while (e->oldest) {
		struct bundle *b = e->oldest;
		e->oldest = b->next;
		free_bundle(e, b);
	}
	if (e->file)
		end_file(e);
	hf_stand_ins_free(&e->stand_ins);
	hf_manifest_reader_free(e->manifest);
	hf_manifest_reader_free(e->lookup);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->changed);
	free(e);
}
