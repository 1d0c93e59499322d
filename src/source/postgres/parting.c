/* A parted feed; see parting.h. Each piece of ours wraps one of the base's, with an entry that all pieces of a file share. */
#include "source/postgres/parting.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct shared {
	atomic_int refs;
	struct hf_entry entry;
};

struct wrapped {
	struct hf_piece piece;
	struct hf_piece *inner; /* NULL: it holds no piece of the base's */
	struct shared *shared;
};

static void unref(struct shared *s)
{
	if (s && atomic_fetch_sub(&s->refs, 1) == 1)
		free(s);
}

/* Which part a path belongs to, or part_count. */
static size_t part_of(const struct hf_parting *p, const struct hf_entry *e)
{
	for (size_t i = 0; i < p->part_count; i++) {
		size_t n = strlen(p->parts[i].prefix);
		if (e->path_len >= n && memcmp(e->path, p->parts[i].prefix, n) == 0 &&
			(e->path_len == n || e->path[n] == '/'))
			return i;
	}
	return p->part_count;
}

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "restore a cluster: no memory");
}

/* Takes over `inner`, also on failure. The paths of the entry begin after `skip` bytes. */
static int wrap(struct hf_parting *p, struct hf_piece *inner, size_t skip, struct hf_piece **out, struct hf_error *err)
{
	struct shared *shared = p->current;
	if (inner->first) {
		unref(shared);
		shared = calloc(1, sizeof(*shared));
		p->current = shared;
		if (shared) {
			atomic_init(&shared->refs, 1);
			shared->entry = *inner->entry;
			shared->entry.path += skip;
			shared->entry.path_len -= skip;
		}
	}
	struct wrapped *w = shared ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		p->base->ops->release(p->base, inner);
		return no_memory(err);
	}
	atomic_fetch_add(&shared->refs, 1);
	*w = (struct wrapped){.piece = *inner, .inner = inner, .shared = shared};
	w->piece.entry = &shared->entry;
	*out = &w->piece;
	return 1;
}

static void release(struct hf_parting *p, struct hf_piece *piece)
{
	struct wrapped *w = (struct wrapped *)piece;
	if (w->inner)
		p->base->ops->release(p->base, w->inner);
	unref(w->shared);
	free(w);
}

static int make_link(const struct hf_parting *p, size_t at, struct hf_piece **out, struct hf_error *err)
{
	struct wrapped *w = calloc(1, sizeof(*w));
	struct shared *shared = calloc(1, sizeof(*shared));
	if (!w || !shared) {
		free(w);
		free(shared);
		return no_memory(err);
	}
	const struct hf_entry *like = p->pending->entry;
	const struct hf_part *part = &p->parts[at];
	atomic_init(&shared->refs, 1);
	shared->entry = (struct hf_entry){.type = HF_ENTRY_SYMLINK, .path = part->prefix,
		.path_len = strlen(part->prefix), .mode = 0777, .uid = like->uid, .gid = like->gid,
		.mtime_ns = like->mtime_ns, .link = part->link, .link_len = strlen(part->link)};
	*w = (struct wrapped){.piece = {.entry = &shared->entry, .first = true, .last = true}, .shared = shared};
	*out = &w->piece;
	return 1;
}

/* Looks at the base's next piece: 1, or 0 at the end. */
static int peek(struct hf_parting *p, struct hf_error *err)
{
	return p->pending ? 1 : p->base->ops->next(p->base, &p->pending, err);
}

static struct hf_piece *take(struct hf_parting *p)
{
	struct hf_piece *piece = p->pending;
	p->pending = NULL;
	return piece;
}

static int sub_next(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err)
{
	struct hf_parting *p = (struct hf_parting *)((char *)feed - offsetof(struct hf_parting, sub));
	int r = peek(p, err);
	if (r <= 0 || part_of(p, p->pending->entry) != p->part)
		return r < 0 ? r : 0;
	size_t n = strlen(p->parts[p->part].prefix);
	size_t skip = p->pending->entry->path_len > n ? n + 1 : n;
	return wrap(p, take(p), skip, piece, err);
}

static void sub_release(struct hf_feed *feed, struct hf_piece *piece)
{
	release((struct hf_parting *)((char *)feed - offsetof(struct hf_parting, sub)), piece);
}

static int main_next(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err)
{
	struct hf_parting *p = (struct hf_parting *)feed;
	for (;;) {
		int r = peek(p, err);
		if (r <= 0)
			return r;
		size_t at = part_of(p, p->pending->entry);
		if (at == p->part_count)
			return wrap(p, take(p), 0, piece, err);
		if (p->parts[at].link && !p->is_linked) {
			p->is_linked = true;
			return make_link(p, at, piece, err);
		}
		p->is_linked = false;
		p->part = at;
		r = p->write(p->user, at, &p->sub, err);
		if (r < 0)
			return r;
		if (p->pending && part_of(p, p->pending->entry) == at)
			return hf_fail(err, HF_E_IO, "%s was not written to its end", p->parts[at].prefix);
	}
}

static void main_release(struct hf_feed *feed, struct hf_piece *piece)
{
	release((struct hf_parting *)feed, piece);
}

void hf_parting_init(struct hf_parting *p)
{
	static const struct hf_feed_ops main_ops = {main_next, main_release};
	static const struct hf_feed_ops sub_ops = {sub_next, sub_release};
	p->main.ops = &main_ops;
	p->sub.ops = &sub_ops;
}

void hf_parting_end(struct hf_parting *p)
{
	if (p->pending)
		p->base->ops->release(p->base, take(p));
	unref(p->current);
	p->current = NULL;
}
