/*
 * Chunks as they are; see transfer.h. The readers of manifests and contents get their nodes from a feed that stores each node
 * it hands out in the run, so that reading the whole tree once is all that it takes to carry it over. Data chunks are looked up
 * in the index of the run's repository, and those that it lacks go through the workers as a backup's do. They are fetched by several
 * threads, ahead of that (fetch_queue.h).
 */
#include "pipeline/transfer.h"

#include "base/stop.h"
#include "pipeline/fetch_queue.h"
#include "pipeline/ingest_internal.h"
#include "repo/manifest_reader.h"

#include <stdlib.h>
#include <string.h>

struct carrying {
	const struct hf_transfer *t;
	struct hf_batch *batch; /* being filled, or NULL */
	struct hf_chunk_feed feed;
	struct hf_fetch_queue *queue; /* of data chunks */
};

bool hf_transfer_is_alike(const struct hf_repository *from, const struct hf_domain *from_domain,
	const struct hf_repository *to)
{
	const struct hf_domain *own = &to->key->domain;
	const struct hf_config *a = &from->config, *b = &to->config;
	return to->key->has_domain && memcmp(own->id_key, from_domain->id_key, sizeof(own->id_key)) == 0 &&
	       memcmp(own->cut_key, from_domain->cut_key, sizeof(own->cut_key)) == 0 && a->chunk_min == b->chunk_min &&
	       a->chunk_average == b->chunk_average && a->chunk_max == b->chunk_max;
}

/* --- nodes --------------------------------------------------------------------------------------------------------- */

/* The load_chunk of the feed: what is read is stored. */
static int carry_node(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	const struct carrying *c = user;
	struct hf_chunk_id stored;
	int r = hf_reader_load(c->t->from, kind, id, expected_len, out, err);
	if (r == 0)
		r = hf_ingest_store_chunk(c->t->ingest, kind, out->data, out->len, &stored, err);
	if (r == 0 && memcmp(&stored, id, sizeof(stored)) != 0)
		r = hf_fail(err, HF_E_CHECK, "a chunk has another id in the other repository: they are not alike");
	return r;
}

/* --- data ---------------------------------------------------------------------------------------------------------- */

/* Takes back the oldest batch, if it is done or if that is waited for. */
static int drain(struct carrying *c, bool wait, bool *any, struct hf_error *err)
{
	struct hf_batches *batches = c->t->ingest->batches;
	struct hf_batch *b = hf_batches_drain(batches, wait);
	*any = b != NULL;
	if (!b)
		return 0;
	int r = b->result;
	if (r < 0 && err)
		*err = b->error;
	hf_batches_release(batches, b);
	return r;
}

static int submit(struct carrying *c, struct hf_error *err)
{
	bool any = true;
	int r = 0;
	if (c->batch)
		hf_batches_submit(c->t->ingest->batches, c->batch);
	c->batch = NULL;
	while (r == 0 && any)
		r = drain(c, false, &any, err);
	return r;
}

/* A batch with room for `len` bytes. */
static int make_room(struct carrying *c, size_t len, struct hf_error *err)
{
	struct hf_batches *batches = c->t->ingest->batches;
	bool any;
	int r = 0;
	if (len > hf_batches_room(batches))
		return hf_fail(err, HF_E_UNSUPPORTED, "a chunk of %zu bytes is longer than this repository's", len);
	if (c->batch && (c->batch->len >= HF_BATCH_SIZE || c->batch->len + len > hf_batches_room(batches)))
		r = submit(c, err);
	while (r == 0 && !c->batch && !(c->batch = hf_batches_fill(batches)))
		r = drain(c, true, &any, err);
	return r;
}

/* Hands a chunk that was fetched to the workers. */
static int put(void *user, const struct hf_fetch *what, const uint8_t *data, struct hf_error *err)
{
	struct carrying *c = user;
	int r = make_room(c, what->ref.len, err);
	if (r < 0)
		return r;
	struct hf_batch *b = c->batch;
	const struct hf_batch_chunk chunk = {
		.chunk = {.lane_class = (enum hf_lane_class)what->mark, .data = b->data + b->len, .len = what->ref.len},
		.offset = (uint32_t)b->len};
	memcpy(b->data + b->len, data, what->ref.len);
	b->len += what->ref.len;
	return hf_batch_add(b, &chunk, err);
}

static int carry_data(struct carrying *c, const struct hf_chunk_ref *ref, enum hf_lane_class lane, struct hf_error *err)
{
	struct hf_ingest *in = c->t->ingest;
	struct hf_index_hit hit = {0};
	hf_slot slot;
	int r = hf_index_lookup(in->options.index, &ref->id, &hit, err);
	const struct hf_packed packed = {hit.pack, ref->id};
	if (r > 0)
		return hit.has_pack ? hf_pack_set_add(in->packs, &packed, &slot, err) : 0;
	if (r < 0)
		return r;
	return hf_fetch_queue_add(c->queue, &(struct hf_fetch){.kind = HF_CHUNK_DATA, .ref = *ref, .mark = (int)lane}, err);
}

static int carry_content(struct carrying *c, const struct hf_content *content, struct hf_error *err)
{
	HF_CONTENT_READER_AUTO *reader = NULL;
	struct hf_chunk_ref ref;
	uint64_t offset;
	enum hf_lane_class lane = content->unit ? HF_LANE_PAGES : HF_LANE_FILES;
	int r = hf_content_reader_open(&c->feed, content, &reader, err);
	if (r < 0)
		return r;
	while ((r = hf_content_reader_next(reader, &ref, &offset, err)) > 0) {
		/* A list doesn't say it, and it matters for the size of frames alone. */
		if (content->form == HF_CONTENT_LIST && offset == 0 && ref.len <= 65536)
			lane = HF_LANE_PAGES;
		r = hf_stop_check(err);
		if (r == 0)
			r = carry_data(c, &ref, lane, err);
		if (r < 0)
			return r;
		hf_progress_add(c->t->progress, ref.len, 0);
	}
	return r;
}

/* --- a source ------------------------------------------------------------------------------------------------------ */

static int carry_tree(struct carrying *c, struct hf_error *err)
{
	HF_MANIFEST_READER_AUTO *reader = NULL;
	const struct hf_manifest_entry *e;
	int r = hf_manifest_reader_open(&c->feed, &c->t->source->root, &reader, err);
	if (r < 0)
		return r;
	while ((r = hf_manifest_reader_next(reader, &e, err)) > 0) {
		if (e->entry.type == HF_ENTRY_FILE)
			r = carry_content(c, &e->content, err);
		hf_progress_add(c->t->progress, 0, 1);
		if (r < 0)
			return hf_wrap(err, r, "%.*s", (int)e->entry.path_len, e->entry.path);
	}
	return r;
}

static int finish(struct carrying *c, struct hf_error *err)
{
	bool any = true;
	int r = hf_fetch_queue_finish(c->queue, err);
	if (r == 0)
		r = submit(c, err);
	while (r == 0 && any)
		r = drain(c, true, &any, err);
	return r < 0 ? r : hf_ingest_flush_frames(c->t->ingest, err);
}

/* After a failure: nothing may be left with the workers. */
static void give_up(struct carrying *c)
{
	bool any = true;
	if (c->batch)
		hf_batches_release(c->t->ingest->batches, c->batch);
	while (any)
		if (drain(c, true, &any, NULL) < 0)
			any = true;
}

static int carry(struct carrying *c, struct hf_error *err)
{
	HF_BUF_AUTO about = HF_BUF(HF_CHUNK_MAX);
	int r = carry_tree(c, err);
	if (r == 0)
		r = carry_node(c, HF_CHUNK_ABOUT, &c->t->source->about, 0, &about, err);
	if (r == 0)
		r = finish(c, err);
	if (r < 0)
		give_up(c);
	return r;
}

int hf_transfer_as_is(const struct hf_transfer *t, struct hf_ingested *out, struct hf_error *err)
{
	struct carrying c = {.t = t, .feed = {.load_chunk = carry_node}};
	c.feed.user = &c;
	t->ingest->plain_bytes = t->ingest->stored_bytes = 0;
	const struct hf_fetch_queue_options queue = {.reader = t->from, .each = put, .user = &c};
	int r = hf_fetch_queue_new(&queue, &c.queue, err);
	if (r == 0)
		r = carry(&c, err);
	hf_fetch_queue_free(c.queue);
	if (r < 0)
		return r;
	*out = (struct hf_ingested){.root = t->source->root, .about = t->source->about, .files = t->source->files,
		.bytes = t->source->bytes, .bytes_new = t->ingest->plain_bytes, .bytes_stored = t->ingest->stored_bytes,
		.problem_count = t->source->problems};
	return 0;
}
