/* Unpacking one source; see unpack.h. */
#include "ops/unpack.h"

#include "base/time.h"

#include <unistd.h>

int hf_unpack_open_source(const struct hf_snapshot_source *source, const char *scratch, struct hf_source **out,
	struct hf_error *err)
{
	const struct hf_source_spec spec = {.kind = source->kind, .name = source->name, .scratch = scratch};
	return hf_source_open(&spec, out, err);
}

/* The feed between egress and driver: counts what passes. */
struct counted_feed {
	struct hf_feed feed;
	struct hf_feed *inner;
	struct hf_progress *progress;
};

static int counted_next(struct hf_feed *feed, struct hf_piece **piece, struct hf_error *err)
{
	struct counted_feed *c = (struct counted_feed *)feed;
	int r = c->inner->ops->next(c->inner, piece, err);
	if (r > 0) /* the total that a snapshot knows is of files */
		hf_progress_add(c->progress, (*piece)->len,
			(*piece)->last && (*piece)->entry->type == HF_ENTRY_FILE);
	return r;
}

static void counted_release(struct hf_feed *feed, struct hf_piece *piece)
{
	struct counted_feed *c = (struct counted_feed *)feed;
	c->inner->ops->release(c->inner, piece);
}

static int run_driver(const struct hf_unpack *what, struct hf_egress *egress, struct hf_unpacked *out,
	struct hf_error *err)
{
	static const struct hf_feed_ops ops = {counted_next, counted_release};
	struct counted_feed feed = {{&ops}, hf_egress_feed(egress), what->progress};
	struct hf_source *driver = NULL;
	int r = hf_unpack_open_source(what->source, what->scratch, &driver, err);
	if (r < 0)
		return r;
	const struct hf_restore_options options = {.own_as_is = geteuid() != 0, .options = what->options,
		.option_count = what->option_count, .detail = out->detail, .is_partial = what->paths != NULL,
		.target = what->target, .conf_path = what->conf_path};
	r = driver->driver->restore(driver, &feed.feed, what->dirfd, &options, &out->restored, err);
	hf_source_close(driver);
	return r;
}

int hf_unpack_source(const struct hf_unpack *what, struct hf_unpacked *out, struct hf_error *err)
{
	struct hf_egress *egress = NULL;
	int64_t start = hf_time_monotonic();
	*out = (struct hf_unpacked){0};
	int r = hf_access_about(what->access, what->source, &out->about, err);
	if (r == 0)
		out->detail = json_object_get(out->about, "detail");
	const struct hf_egress_options options = {.reader = what->access->reader, .root = what->source->root,
		.paths = what->paths, .path_count = what->path_count};
	if (r == 0)
		r = hf_egress_new(&options, &egress, err);
	out->locate_ns = hf_time_monotonic() - start;
	if (r == 0)
		r = run_driver(what, egress, out, err);
	hf_egress_free(egress);
	out->fetch_ns = hf_time_monotonic() - start - out->locate_ns;
	return r < 0 ? hf_wrap(err, r, "restore source %s%s%s", what->source->name, what->target ? " to " : "",
			       what->target ? what->target : "")
		     : 0;
}

void hf_unpacked_free(struct hf_unpacked *u)
{
	json_decref(u->restored.notes);
	json_decref(u->restored.outside);
	json_decref(u->about);
	*u = (struct hf_unpacked){0};
}
