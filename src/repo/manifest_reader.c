/*
 * Walks the tree of a manifest; see manifest_reader.h.
 *
 * The stack has one frame a level, the root first. An upper node is checked as a whole when it is loaded (order, levels,
 * counts); a leaf as its entries are read. `seek` goes down from the root again, but keeps every node that is already
 * there, so that a run of nearby seeks loads nothing twice. A selection is a sorted list of paths, of which none lies below
 * another: each is sought in turn and read until an entry lies outside of it.
 */
#include "repo/manifest_reader.h"

#include <stdlib.h>
#include <string.h>

enum { LEVELS = 16, NAME_SHOWN = 200 };

struct frame {
	struct hf_chunk_id id;
	struct hf_buf node;
	struct hf_cursor at;   /* the next child or entry */
	uint64_t entries;      /* below it, as its parent says */
	uint64_t seen;	       /* of a leaf: entries read */
	const char *first;     /* the path that it starts with, as its parent says (into that node); NULL: the root */
	size_t first_len;
	uint8_t level;
};

struct hf_manifest_reader {
	struct hf_chunk_feed feed;
	struct hf_chunk_id root;
	struct frame frames[LEVELS];
	size_t depth;	     /* frames in use; frames beyond may still hold a node */
	struct hf_buf path;  /* of the last entry of this leaf, or before it */
	bool has_path;	     /* whether an entry came before: its path must be below */
	bool pending;	     /* `entry` was read by seek and not yet given out */
	struct hf_manifest_entry entry;
	hf_manifest_is_known *is_known; /* or NULL */
	void *known_user;
	struct hf_buf passed; /* the last path below what was passed over */
	struct hf_path *selected;
	size_t selected_count, selected_next;
	bool selecting, in_selected;
};

static int lie(struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_CORRUPT, "manifest: %s", what);
}

static bool get_child(struct hf_cursor *c, struct hf_manifest_child *child)
{
	const uint8_t *id = hf_cursor_bytes(c, HF_ID_SIZE);
	child->len = hf_cursor_varint(c);
	child->entries = hf_cursor_varint(c);
	child->path = (const char *)hf_cursor_blob(c, HF_MANIFEST_PATH_MAX, &child->path_len);
	if (c->failed)
		return false;
	memcpy(child->id.b, id, HF_ID_SIZE);
	return true;
}

/* Goes through an upper node: children in order, their numbers possible and adding up. */
static int check_upper(struct frame *f, const struct hf_manifest_child *expected, struct hf_error *err)
{
	struct hf_cursor c = f->at;
	struct hf_manifest_child child, last = {0};
	uint64_t sum = 0;
	for (size_t n = 0; hf_cursor_left(&c) > 0; n++) {
		if (!get_child(&c, &child))
			break;
		if (!hf_path_is_sound(child.path, child.path_len) || child.entries == 0 || child.len == 0 ||
			child.len > HF_CHUNK_MAX || __builtin_add_overflow(sum, child.entries, &sum))
			return lie(err, "a node with an impossible child");
		if (n > 0 && hf_path_compare(last.path, last.path_len, child.path, child.path_len) >= 0)
			return lie(err, "a node with children out of order");
		if (n == 0 && expected &&
			hf_path_compare(expected->path, expected->path_len, child.path, child.path_len) != 0)
			return lie(err, "a node that starts with another path than its parent says");
		last = child;
	}
	if (!hf_cursor_done(&c) || sum == 0 || (expected && sum != expected->entries))
		return lie(err, "a node whose children don't add up to what its parent says");
	f->entries = sum;
	return 0;
}

static int begin_frame(struct hf_manifest_reader *r, struct frame *f, const struct hf_manifest_child *expected, struct hf_error *err)
{
	f->first = expected ? expected->path : NULL;
	f->first_len = expected ? expected->path_len : 0;
	f->seen = 0;
	f->entries = expected ? expected->entries : 0;
	f->at = hf_cursor(f->node.data, f->node.len);
	f->level = hf_cursor_u8(&f->at);
	if (f->at.failed || f->level >= LEVELS || (r->depth > 0 && f->level + 1 != r->frames[r->depth - 1].level))
		return lie(err, "a node of a wrong level");
	return f->level > 0 ? check_upper(f, expected, err) : 0;
}

/* Puts the node of `child` (NULL: the root) on top of the stack, with its cursor at the start. */
static int push(struct hf_manifest_reader *r, const struct hf_manifest_child *child, struct hf_error *err)
{
	if (r->depth == LEVELS)
		return lie(err, "too many levels");
	struct frame *f = &r->frames[r->depth];
	const struct hf_chunk_id *id = child ? &child->id : &r->root;
	bool there = f->node.len > 0 && memcmp(f->id.b, id->b, HF_ID_SIZE) == 0;
	uint32_t len = child ? (uint32_t)child->len : 0;
	int e = there ? 0 : r->feed.load_chunk(r->feed.user, HF_CHUNK_MANIFEST, id, len, &f->node, err);
	if (e == 0 && len && f->node.len != len)
		e = lie(err, "a node of another length than its parent says");
	if (e == 0)
		e = begin_frame(r, f, child, err);
	if (e < 0) {
		hf_buf_clear(&f->node);
		return e;
	}
	f->id = *id;
	r->depth++;
	return 0;
}

int hf_manifest_reader_open(const struct hf_chunk_feed *feed, const struct hf_chunk_id *root,
	struct hf_manifest_reader **out, struct hf_error *err)
{
	struct hf_manifest_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return hf_fail(err, HF_E_NOMEM, "no memory for a manifest");
	r->feed = *feed;
	r->root = *root;
	r->path = HF_BUF(HF_MANIFEST_PATH_MAX + 1);
	r->passed = HF_BUF(HF_MANIFEST_PATH_MAX + 1);
	for (int i = 0; i < LEVELS; i++)
		r->frames[i].node = HF_BUF(HF_CHUNK_MAX);
	int e = push(r, NULL, err);
	if (e < 0) {
		hf_manifest_reader_free(r);
		return hf_wrap(err, e, "read the root of a manifest");
	}
	*out = r;
	return 0;
}

static void drop_selection(struct hf_manifest_reader *r)
{
	for (size_t i = 0; i < r->selected_count; i++)
		free((char *)(uintptr_t)r->selected[i].path);
	free(r->selected);
	r->selected = NULL;
	r->selected_count = r->selected_next = 0;
	r->selecting = r->in_selected = false;
}

void hf_manifest_reader_free(struct hf_manifest_reader *r)
{
	if (!r)
		return;
	drop_selection(r);
	for (int i = 0; i < LEVELS; i++)
		hf_buf_free(&r->frames[i].node);
	hf_buf_free(&r->path);
	hf_buf_free(&r->passed);
	hf_manifest_entry_free(&r->entry);
	free(r);
}

static const char *path_of(const struct hf_manifest_reader *r)
{
	return r->path.data ? (const char *)r->path.data : "";
}

/* The path of the next entry of leaf `f` into r->path; must come after the one before. */
static int get_path(struct hf_manifest_reader *r, struct frame *f, struct hf_error *err)
{
	size_t len;
	uint64_t p = hf_cursor_varint(&f->at);
	const uint8_t *s = hf_cursor_blob(&f->at, HF_MANIFEST_PATH_MAX, &len);
	if (f->at.failed || p > (f->seen ? r->path.len : 0) || p + len > HF_MANIFEST_PATH_MAX)
		return lie(err, "an entry whose path does not parse");
	/* order: behind the common part, the new path's bytes must be the greater ones */
	const char *rest = path_of(r) + p;
	bool after = f->seen && hf_path_compare(rest, r->path.len - p, (const char *)s, len) < 0;
	if (!f->seen)
		after = !r->has_path || hf_path_compare(path_of(r), r->path.len, (const char *)s, len) < 0;
	if (!after)
		return lie(err, "entries out of order");
	r->path.len = (size_t)p;
	hf_buf_add(&r->path, s, len);
	if (!hf_buf_cstr(&r->path)) /* terminated, as all names of a decoded entry are */
		return hf_buf_check(&r->path, "manifest path", err);
	if (!hf_path_is_sound(path_of(r), r->path.len))
		return lie(err, "an entry with an impossible path");
	if (!f->seen && f->first && hf_path_compare(f->first, f->first_len, path_of(r), r->path.len) != 0)
		return lie(err, "a leaf that starts with another path than its parent says");
	return hf_buf_check(&r->path, "manifest path", err);
}

static int get_entry(struct hf_manifest_reader *r, struct frame *f, struct hf_error *err)
{
	int e = get_path(r, f, err);
	if (e < 0)
		return e;
	r->entry.entry.path = path_of(r);
	r->entry.entry.path_len = r->path.len;
	e = hf_manifest_decode_body(&f->at, &r->entry, err);
	if (e < 0)
		return e;
	f->seen++;
	r->has_path = true;
	return 1;
}

/* The end of the node on top: did it hold what its parent said? */
static int pop(struct hf_manifest_reader *r, struct hf_error *err)
{
	struct frame *f = &r->frames[r->depth - 1];
	if (f->level == 0 && f->first && f->seen != f->entries)
		return lie(err, "a leaf with another number of entries than its parent says");
	r->depth--;
	return 0;
}

void hf_manifest_reader_pass_over(struct hf_manifest_reader *r, hf_manifest_is_known *is_known, void *user)
{
	r->is_known = is_known;
	r->known_user = user;
}

/* Passes the child over if it is known: 1. What is before it and behind it must be in order all the same. */
static int pass_over(struct hf_manifest_reader *r, const struct hf_manifest_child *child, struct hf_error *err)
{
	hf_buf_clear(&r->passed);
	if (!r->is_known || !r->is_known(r->known_user, child, &r->passed))
		return 0;
	if (r->has_path && hf_path_compare(path_of(r), r->path.len, child->path, child->path_len) >= 0)
		return lie(err, "entries out of order");
	if (r->passed.len == 0)
		return 1;
	struct hf_buf before = r->path;
	r->path = r->passed;
	r->passed = before;
	r->has_path = true;
	return hf_buf_cstr(&r->path) ? 1 : hf_buf_check(&r->path, "manifest path", err);
}

/* Goes down to the next child of the upper node on top, unless that is to be passed over. */
static int next_child(struct hf_manifest_reader *r, struct frame *f, struct hf_error *err)
{
	struct hf_manifest_child child;
	if (!get_child(&f->at, &child))
		return lie(err, "a node that does not parse");
	int e = pass_over(r, &child, err);
	return e == 0 ? push(r, &child, err) : e < 0 ? e : 0;
}

/* The next entry in order, whatever is selected: 1 and r->entry, or 0. */
static int next_entry(struct hf_manifest_reader *r, struct hf_error *err)
{
	while (r->depth > 0) {
		struct frame *f = &r->frames[r->depth - 1];
		int e;
		if (f->at.failed)
			return lie(err, "a node that does not parse");
		if (hf_cursor_left(&f->at) == 0)
			e = pop(r, err);
		else if (f->level == 0)
			return get_entry(r, f, err);
		else
			e = next_child(r, f, err);
		if (e < 0)
			return e;
	}
	return 0;
}

/* Puts the cursor of the upper node `f` behind the last child that may hold `path`, and gives that child. */
static bool find_child(struct frame *f, const char *path, size_t len, struct hf_manifest_child *out)
{
	struct hf_cursor c = f->at;
	bool found = false;
	struct hf_manifest_child child;
	while (hf_cursor_left(&c) > 0 && get_child(&c, &child)) {
		if (found && hf_path_compare(child.path, child.path_len, path, len) > 0)
			break;
		*out = child;
		f->at = c;
		found = true;
	}
	return found;
}

/* Goes down to the leaf that `path` would be in, and reads on to the first entry that is not before it. */
static int seek(struct hf_manifest_reader *r, const char *path, size_t len, struct hf_error *err)
{
	struct hf_manifest_child child;
	r->depth = 0;
	r->has_path = r->pending = false;
	int e = push(r, NULL, err);
	while (e == 0 && r->frames[r->depth - 1].level > 0) {
		if (!find_child(&r->frames[r->depth - 1], path, len, &child))
			return lie(err, "a node that does not parse");
		e = push(r, &child, err);
	}
	if (e == 0)
		do
			e = next_entry(r, err);
		while (e == 1 && hf_path_compare(r->entry.entry.path, r->entry.entry.path_len, path, len) < 0);
	r->pending = e == 1;
	return e < 0 ? e : 0;
}

int hf_manifest_reader_seek(struct hf_manifest_reader *r, const char *path, size_t len, struct hf_error *err)
{
	drop_selection(r);
	int e = seek(r, path, len, err);
	return e < 0 ? hf_wrap(err, e, "look for %.*s", (int)(len < NAME_SHOWN ? len : NAME_SHOWN), path) : 0;
}

static int compare_paths(const void *a, const void *b)
{
	const struct hf_path *x = a, *y = b;
	int c = hf_path_compare(x->path, x->len, y->path, y->len);
	return c ? c : (int)x->alone - (int)y->alone; /* the one that selects more comes first */
}

static bool is_below(const char *path, size_t len, const struct hf_path *top)
{
	if (top->alone)
		return len == top->len && memcmp(path, top->path, len) == 0;
	if (top->len == 0)
		return true;
	return len >= top->len && memcmp(path, top->path, top->len) == 0 && (len == top->len || path[top->len] == '/');
}

int hf_manifest_reader_select(struct hf_manifest_reader *r, const struct hf_path *paths, size_t count,
	struct hf_error *err)
{
	drop_selection(r);
	r->pending = false;
	r->selecting = true;
	r->selected = calloc(count + 1, sizeof(*r->selected));
	for (size_t i = 0; r->selected && i < count; i++) {
		char *copy = malloc(paths[i].len + 1);
		if (!copy)
			return hf_fail(err, HF_E_NOMEM, "no memory for a selection of %zu paths", count);
		if (paths[i].len)
			memcpy(copy, paths[i].path, paths[i].len);
		r->selected[r->selected_count++] =
			(struct hf_path){.path = copy, .len = paths[i].len, .alone = paths[i].alone};
	}
	if (!r->selected)
		return hf_fail(err, HF_E_NOMEM, "no memory for a selection of %zu paths", count);
	qsort(r->selected, r->selected_count, sizeof(*r->selected), compare_paths);
	return 0;
}

/* The next entry of the selection: 1 or 0. */
static int next_selected(struct hf_manifest_reader *r, struct hf_error *err)
{
	const struct hf_path *top = r->in_selected ? &r->selected[r->selected_next - 1] : NULL;
	for (;;) {
		if (top) {
			int e = r->pending ? 1 : next_entry(r, err);
			r->pending = false;
			if (e < 0 || (e == 1 && is_below(r->entry.entry.path, r->entry.entry.path_len, top)))
				return e;
		}
		r->in_selected = false;
		/* what lies below a path that was already given is passed over */
		const struct hf_path *next;
		do {
			if (r->selected_next == r->selected_count)
				return 0;
			next = &r->selected[r->selected_next++];
		} while (top && is_below(next->path, next->len, top));
		int e = seek(r, next->path, next->len, err);
		if (e < 0)
			return e;
		top = next;
		r->in_selected = true;
	}
}

int hf_manifest_reader_next(struct hf_manifest_reader *r, const struct hf_manifest_entry **entry, struct hf_error *err)
{
	int e;
	if (r->selecting) {
		e = next_selected(r, err);
	} else {
		e = r->pending ? 1 : next_entry(r, err);
		r->pending = false;
	}
	*entry = e == 1 ? &r->entry : NULL;
	return e;
}

int hf_manifest_reader_find(struct hf_manifest_reader *r, const struct hf_path *path,
	const struct hf_manifest_entry **entry, struct hf_error *err)
{
	*entry = NULL;
	int e = hf_manifest_reader_seek(r, path->path, path->len, err);
	if (e < 0 || !r->pending)
		return e;
	if (hf_path_compare(r->entry.entry.path, r->entry.entry.path_len, path->path, path->len) != 0)
		return 0;
	r->pending = false;
	*entry = &r->entry;
	return 1;
}
