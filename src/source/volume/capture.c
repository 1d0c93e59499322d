/*
 * Capturing a volume; see capture.h. One thread walks, asks the stat cache and pushes; others read ahead.
 *
 * Order is everything: the sink takes entries in the walk's order, so each goes through the batches in flight, if
 * there are any. In an unchanged tree there are none, and an entry goes straight from the walk to the sink.
 */
#include "source/volume/capture.h"

#include "source/tree_attr.h"
#include "source/volume/owner.h"
#include "source/volume/push.h"
#include "source/volume/readers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DIRECTORIES_OPEN = 200 }; /* beyond this, batches are pushed to release some */

struct capture {
	struct hf_tree_walk *walk;
	struct hf_volume_readers *readers;
	struct hf_owner_names owners;
	struct hf_tree_links links;
	struct hf_volume_push push;
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory to capture a volume");
}

/* Gives back all that an item refers to. */
static void let_go(struct capture *c, struct hf_volume_item *item)
{
	if (item->token)
		c->push.sink->ops->forget(c->push.sink, item->token);
	if (item->fd >= 0)
		close(item->fd);
	hf_tree_dir_unref(item->dir);
	if (item->link)
		hf_tree_link_unref(&c->links, item->link);
}

static int push_batch(struct capture *c, struct hf_volume_batch *batch, struct hf_error *err)
{
	int r = 0;
	for (size_t i = 0; i < batch->count; i++) {
		if (r == 0)
			r = hf_volume_push_item(&c->push, &batch->items[i], &batch->arena, err);
		let_go(c, &batch->items[i]);
	}
	return r;
}

static int push_oldest(struct capture *c, struct hf_error *err)
{
	struct hf_volume_batch *batch = hf_volume_readers_oldest(c->readers);
	int r = push_batch(c, batch, err);
	hf_volume_readers_recycle(c->readers);
	return r;
}

/* Hands the current batch on, and pushes what is ready, or what must be for room. */
static int hand_over(struct capture *c, struct hf_error *err)
{
	int r = hf_volume_readers_submit(c->readers, err);
	while (r == 0 && (hf_volume_readers_in_flight(c->readers) == HF_VOLUME_IN_FLIGHT ||
				 hf_volume_readers_is_oldest_done(c->readers)))
		r = push_oldest(c, err);
	return r;
}

static int finish(struct capture *c, struct hf_error *err)
{
	struct hf_volume_batch *batch = hf_volume_readers_current(c->readers);
	int r = batch && batch->count > 0 ? hf_volume_readers_submit(c->readers, err) : 0;
	while (r == 0 && hf_volume_readers_in_flight(c->readers) > 0)
		r = push_oldest(c, err);
	return r;
}

/* After an item was added: on with it, by the shortest way that keeps the order. */
static int added(struct capture *c, struct hf_volume_batch *batch, struct hf_error *err)
{
	if (batch->reads == 0 && hf_volume_readers_in_flight(c->readers) == 0) {
		int r = push_batch(c, batch, err);
		hf_volume_batch_reset(batch);
		return r;
	}
	if (hf_tree_walk_open_count(c->walk) > DIRECTORIES_OPEN)
		return finish(c, err);
	return hf_volume_batch_is_full(batch) ? hand_over(c, err) : 0;
}

static int fill_path(struct hf_volume_batch *batch, struct hf_volume_item *item, const struct hf_tree_item *met)
{
	char *path = hf_arena_copy(&batch->arena, met->path, met->path_len);
	item->entry.path = path;
	item->entry.path_len = met->path_len;
	if (path)
		item->name = met->path_len ? path + (met->path_len - strlen(met->name)) : ".";
	return path ? 0 : -1;
}

static int problem(struct capture *c, const struct hf_tree_item *met, const char *attempt, int errnum,
	struct hf_error *err)
{
	struct hf_volume_batch *batch = hf_volume_readers_current(c->readers);
	struct hf_volume_item *item = batch ? hf_volume_batch_add(batch, HF_VOLUME_PROBLEM) : NULL;
	char text[256], reason[128];
	const char *why = errnum == ENOENT ? "it vanished while the tree was being read"
					   : strerror_r(errnum, reason, sizeof(reason));
	int n = snprintf(text, sizeof(text), "%s: %s", attempt, why);
	if (!item || fill_path(batch, item, met) < 0 ||
		!(item->problem = hf_arena_copy(&batch->arena, text, (size_t)n)))
		return no_memory(err);
	return added(c, batch, err);
}

static int fill_link_target(struct hf_volume_batch *batch, struct hf_entry *entry, const struct hf_tree_item *met)
{
	char target[4096];
	ssize_t n = readlinkat(met->dir->fd, met->name, target, sizeof(target));
	if (n < 0)
		return errno;
	entry->link = hf_arena_copy(&batch->arena, target, (size_t)n);
	entry->link_len = (size_t)n;
	return entry->link ? 0 : ENOMEM;
}

/* What has no contents: attributes, and a link's target. Returns 0, or an errno: it could not be captured. */
static int fill_plain(struct hf_volume_batch *batch, struct hf_volume_item *item, const struct hf_tree_item *met)
{
	struct hf_error err;
	int failed = 0;
	if (item->entry.type == HF_ENTRY_SYMLINK)
		failed = fill_link_target(batch, &item->entry, met);
	bool is_open = met->fd >= 0;
	if (!is_open && !met->dir)
		return failed; /* the root, which could not be opened */
	if (is_open)
		item->entry.file_flags = hf_tree_flags(met->fd);
	if (hf_tree_xattrs(is_open ? met->fd : met->dir->fd, is_open ? NULL : met->name, &batch->arena,
		    &item->entry, &err) < 0)
		item->problem = hf_arena_copy(&batch->arena, err.msg, strlen(err.msg));
	return failed;
}

/* For an inode with several names: is this the first that is met? */
static int fill_link(struct capture *c, struct hf_volume_item *item, const struct hf_tree_item *met)
{
	const struct hf_stamp *stamp = &item->entry.stamp;
	struct hf_tree_link *link = hf_tree_link_find(&c->links, stamp->device, stamp->inode);
	item->is_first_name = !link;
	if (link) {
		link->left -= link->left > 0;
	} else {
		struct hf_tree_link fresh = {.device = stamp->device,
			.inode = stamp->inode,
			.path = (char *)(uintptr_t)met->path,
			.path_len = met->path_len,
			.left = met->st.stx_nlink - 1};
		link = hf_tree_link_add(&c->links, &fresh);
	}
	if (!link)
		return -1;
	link->refs++;
	item->link = link;
	return 0;
}

static void fill_file(struct hf_volume_batch *batch, struct hf_volume_item *item, const struct hf_tree_item *met)
{
	item->dir = hf_tree_dir_ref(met->dir);
	item->has_holes = met->st.stx_blocks * 512 < met->st.stx_size;
	item->kind = HF_VOLUME_READ;
	hf_volume_batch_reserve(batch, item);
}

/* Makes the item of something that was met and is not known from the last capture. */
static int add_item(struct capture *c, const struct hf_entry *stat, const struct hf_tree_item *met, void *token,
	struct hf_error *err)
{
	struct hf_volume_batch *batch = hf_volume_readers_current(c->readers);
	if (!batch)
		return no_memory(err);
	struct hf_volume_item *item = hf_volume_batch_add(batch, token ? HF_VOLUME_REUSE : HF_VOLUME_PLAIN);
	item->entry = *stat;
	item->token = token;
	if (fill_path(batch, item, met) < 0)
		return no_memory(err);
	item->entry.user = hf_owner_user(&c->owners, stat->uid);
	item->entry.group = hf_owner_group(&c->owners, stat->gid);
	if (stat->type != HF_ENTRY_DIRECTORY && met->st.stx_nlink > 1 && fill_link(c, item, met) < 0)
		return no_memory(err);
	int failed = 0;
	if (item->link && !item->is_first_name) {
		item->entry.type = HF_ENTRY_HARDLINK;
		item->entry.size = 0;
		item->dir = hf_tree_dir_ref(met->dir); /* in case it has to stand in for the first */
	} else if (!token && stat->type == HF_ENTRY_FILE) {
		fill_file(batch, item, met);
	} else if (!token) {
		failed = fill_plain(batch, item, met);
	}
	if (failed) {
		item->kind = HF_VOLUME_PROBLEM;
		item->is_lost = true;
		item->problem = "read the link: it vanished or can't be read";
	}
	return added(c, batch, err);
}

/* Asks the stat cache. A file with several names is asked for under its first only. */
static int ask_known(struct capture *c, const struct hf_entry *stat, const struct hf_tree_item *met, void **token,
	struct hf_error *err)
{
	const struct hf_sink_ops *ops = c->push.sink->ops;
	if (stat->type != HF_ENTRY_FILE || !ops->known || !ops->reuse)
		return 0;
	if (met->st.stx_nlink > 1 && hf_tree_link_find(&c->links, stat->stamp.device, stat->stamp.inode))
		return 0;
	return ops->known(c->push.sink, met->path, met->path_len, &stat->stamp, token, err);
}

static bool is_idle(const struct capture *c)
{
	return hf_volume_readers_in_flight(c->readers) == 0 && hf_volume_readers_current(c->readers) &&
		hf_volume_readers_current(c->readers)->count == 0;
}

static int take_item(struct capture *c, const struct hf_tree_item *met, struct hf_error *err)
{
	struct hf_entry stat = {0};
	void *token = NULL;
	int r = 0;
	if (met->st.stx_mode != 0) {
		hf_tree_entry_stat(&stat, &met->st);
		if (stat.type == 0)
			return problem(c, met, "capture a file of an unknown type", ENOTSUP, err);
		r = ask_known(c, &stat, met, &token, err);
		if (r < 0)
			return r;
		if (r > 0 && met->st.stx_nlink == 1 && is_idle(c))
			return c->push.sink->ops->reuse(c->push.sink, token, err);
		r = add_item(c, &stat, met, r > 0 ? token : NULL, err);
	}
	if (r == 0 && met->error)
		r = problem(c, met, met->attempt, met->error, err);
	return r;
}

static int walk_all(struct capture *c, struct hf_error *err)
{
	struct hf_tree_item met;
	int r;
	while ((r = hf_tree_walk_next(c->walk, &met, err)) > 0) {
		r = take_item(c, &met, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : finish(c, err);
}

/* After a failure: what is in flight is read to its end by its thread, and dropped. */
static void drop_rest(struct capture *c)
{
	struct hf_volume_batch *batch;
	while ((batch = hf_volume_readers_oldest(c->readers))) {
		for (size_t i = 0; i < batch->count; i++)
			let_go(c, &batch->items[i]);
		hf_volume_readers_recycle(c->readers);
	}
	batch = hf_volume_readers_current(c->readers);
	for (size_t i = 0; batch && i < batch->count; i++)
		let_go(c, &batch->items[i]);
}

int hf_volume_capture(int rootfd, const struct hf_tree_walk_options *options, struct hf_sink *sink,
	bool *incomplete, struct hf_error *err)
{
	struct capture c = {0};
	c.push.sink = sink;
	c.push.links = &c.links;
	int r = hf_volume_readers_new(&c.readers, err);
	if (r == 0)
		r = hf_tree_walk_new(rootfd, options, &c.walk, err);
	if (r == 0)
		r = walk_all(&c, err);
	if (c.readers)
		drop_rest(&c);
	hf_volume_readers_free(c.readers);
	hf_tree_walk_free(c.walk);
	hf_tree_links_free(&c.links);
	hf_owner_free(&c.owners);
	hf_volume_push_free(&c.push);
	*incomplete = c.push.incomplete;
	return r;
}
