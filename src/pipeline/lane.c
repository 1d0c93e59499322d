/* Lanes; see lane.h. */
#include "pipeline/lane.h"

#include "repo/chunking.h"
#include "repo/frame.h"

#include <stdlib.h>

/* A frame being filled. Its number is taken when it is begun, so that a chunk's place is known as soon as it is claimed. */
struct filling {
	struct hf_buf plain;
	struct hf_chunk_ref *chunks;
	size_t count, cap;
	uint64_t number;
	bool has_number;
};

struct hf_lane {
	struct hf_lane_options options;
	struct hf_chunk_hasher *hasher;
	struct hf_frame_maker *maker;
	struct filling filling[HF_LANE_CLASSES];
	struct hf_buf stored;
	bool pages_shrink; /* the last frame of pages became a small part of itself */
	uint64_t plain_bytes, stored_bytes;
};

/*
 * Frame sizes and, where no level is asked for, the compression: chosen by measurement, so that the tables fit into a core's
 * own cache of 512 KiB. Of files, level 3 with tables of 2^16 and 2^15 entries takes a tenth less CPU and stores 1.1 % more
 * than with those that zstd would choose; frames of 1.5 instead of 1 MiB win most of that back. Of pages full of text, level 2
 * with a table of 2^16 entries takes two thirds of the CPU of level 3 and stores 4 % more. Pages that shrink to a few per cent
 * (many a PostgreSQL table) are another matter: there level 3 costs 13 % more and stores 12 % less; and since little of a
 * frame is stored, it may be larger.
 */
enum { SHRINKS_BY = 6 };
struct lane_class {
	enum hf_chunk_kind kind;
	uint32_t frame_size; /* plain bytes at which a frame is full */
	struct hf_compression compression;
};
static const struct lane_class classes[HF_LANE_CLASSES] = {
	[HF_LANE_FILES] = {HF_CHUNK_DATA, 1536u << 10, {3, 16, 15}},
	[HF_LANE_PAGES] = {HF_CHUNK_DATA, 512u << 10, {2, 16, 0}},
	[HF_LANE_MANIFEST] = {HF_CHUNK_MANIFEST, 512u << 10, {3, 0, 0}},
	[HF_LANE_CONTENT] = {HF_CHUNK_CONTENT, 512u << 10, {3, 0, 0}},
	[HF_LANE_ABOUT] = {HF_CHUNK_ABOUT, 64u << 10, {3, 0, 0}},
};
static const struct lane_class shrinking_pages = {HF_CHUNK_DATA, 1u << 20, {3, 0, 0}};

int hf_lane_new(const struct hf_lane_options *options, struct hf_lane **out, struct hf_error *err)
{
	struct hf_lane *l = calloc(1, sizeof(*l));
	if (!l)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	l->options = *options;
	l->stored = HF_BUF(2 * HF_FRAME_MAX + 4096);
	for (int i = 0; i < HF_LANE_CLASSES; i++)
		l->filling[i].plain = HF_BUF(HF_FRAME_MAX);
	int r = hf_chunk_hasher_new(options->domain, &l->hasher, err);
	if (r == 0)
		r = hf_frame_maker_new(&l->maker, err);
	if (r < 0) {
		hf_lane_free(l);
		return r;
	}
	*out = l;
	return 0;
}

void hf_lane_free(struct hf_lane *l)
{
	if (!l)
		return;
	for (int i = 0; i < HF_LANE_CLASSES; i++) {
		hf_buf_free(&l->filling[i].plain);
		free(l->filling[i].chunks);
	}
	hf_buf_free(&l->stored);
	hf_chunk_hasher_free(l->hasher);
	hf_frame_maker_free(l->maker);
	free(l);
}

/* The sealed frame goes to the packer; the next one starts empty. */
static int hand_over(struct hf_lane *l, enum hf_lane_class c, struct hf_error *err)
{
	struct filling *f = &l->filling[c];
	const struct hf_new_frame frame = {.number = f->number, .stored = l->stored.data, .stored_len = l->stored.len,
		.plain_len = (uint32_t)f->plain.len, .chunk_kind = classes[c].kind, .chunks = f->chunks,
		.chunk_count = f->count};
	if (c == HF_LANE_PAGES)
		l->pages_shrink = l->stored.len * SHRINKS_BY < f->plain.len;
	l->plain_bytes += f->plain.len;
	l->stored_bytes += l->stored.len;
	hf_buf_clear(&f->plain);
	f->count = 0;
	f->has_number = false;
	return hf_packer_add(l->options.packer, &frame, err);
}

static const struct lane_class *class_now(const struct hf_lane *l, enum hf_lane_class c)
{
	return c == HF_LANE_PAGES && l->pages_shrink ? &shrinking_pages : &classes[c];
}

static const struct hf_compression *compression(const struct hf_lane *l, enum hf_lane_class c)
{
	return l->options.compression.level ? &l->options.compression : &class_now(l, c)->compression;
}

static int seal(struct hf_lane *l, enum hf_lane_class c, struct hf_error *err)
{
	struct filling *f = &l->filling[c];
	if (!f->count)
		return 0;
	hf_buf_clear(&l->stored);
	int r = hf_frame_maker_choose(l->maker, compression(l, c), err);
	const struct hf_run_key *key;
	if (r == 0)
		r = hf_packer_hold_key(l->options.packer, &key, err);
	if (r < 0)
		return r;
	r = hf_frame_maker_rekey(l->maker, key, err);
	if (r == 0)
		r = hf_frame_make(l->maker, f->number, f->plain.data, f->plain.len, &l->stored, err);
	if (r == 0)
		r = hand_over(l, c, err);
	hf_packer_release_key(l->options.packer);
	return r;
}

/* Makes sure that `len` more bytes fit into the frame, and that it has a number. */
static int make_room(struct hf_lane *l, enum hf_lane_class c, uint32_t len, struct hf_error *err)
{
	struct filling *f = &l->filling[c];
	if (f->count && f->plain.len + len > HF_FRAME_MAX) {
		int r = seal(l, c, err);
		if (r < 0)
			return r;
	}
	if (f->count == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		void *grown = realloc(f->chunks, cap * sizeof(*f->chunks));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		f->chunks = grown;
		f->cap = cap;
	}
	if (!f->has_number) {
		f->number = hf_packer_next_frame(l->options.packer);
		f->has_number = true;
	}
	return f->number < HF_SLOT_FRAME ? 0 : hf_fail(err, HF_E_UNSUPPORTED, "more frames than a run may have");
}

static int append(struct hf_lane *l, const struct hf_lane_chunk *c, struct hf_error *err)
{
	struct filling *f = &l->filling[c->lane_class];
	hf_buf_add(&f->plain, c->data, c->len);
	int r = hf_buf_check(&f->plain, "frame", err);
	if (r < 0)
		return r;
	f->chunks[f->count++] = (struct hf_chunk_ref){.id = c->id, .len = c->len};
	return f->plain.len >= class_now(l, c->lane_class)->frame_size ? seal(l, c->lane_class, err) : 0;
}

static int claim(struct hf_lane *l, struct hf_lane_chunk *c, struct hf_error *err)
{
	struct hf_index_hit hit = {0};
	int r = hf_index_claim(l->options.index, &c->id, &hit, err);
	if (r <= 0)
		return r;
	c->slot = HF_SLOT_UNKNOWN;
	if (hit.has_pack) {
		const struct hf_packed packed = {hit.pack, c->id};
		int added = hf_pack_set_add(l->options.packs, &packed, &c->slot, err);
		if (added < 0)
			return added;
	}
	return 1;
}

int hf_lane_chunk(struct hf_lane *l, struct hf_lane_chunk *c, struct hf_error *err)
{
	struct hf_chunk_id id = hf_chunk_hash(l->hasher, classes[c->lane_class].kind, c->data, c->len);
	if (c->has_hint && memcmp(id.b, c->id.b, sizeof(id.b)) == 0)
		return 0;
	c->id = id;
	int r = make_room(l, c->lane_class, c->len, err);
	if (r < 0)
		return r;
	r = claim(l, c, err);
	if (r != 0)
		return r < 0 ? r : 0;
	c->slot = (hf_slot)(HF_SLOT_FRAME | l->filling[c->lane_class].number);
	return append(l, c, err);
}

int hf_lane_flush(struct hf_lane *l, struct hf_error *err)
{
	int r = 0;
	for (int i = 0; i < HF_LANE_CLASSES && r == 0; i++)
		r = seal(l, (enum hf_lane_class)i, err);
	return r;
}

void hf_lane_take_counts(struct hf_lane *l, uint64_t *plain, uint64_t *stored)
{
	*plain += l->plain_bytes;
	*stored += l->stored_bytes;
	l->plain_bytes = l->stored_bytes = 0;
}
