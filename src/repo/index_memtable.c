/*
 * The memtable; see index_memtable.h.
 *
 * A slot says of an id: claimed, or a record of a generation. Order of locks: `swap` (readers note, the writer freezes), then
 * a shard, then `memory` (the arrays of the generations, which move as they grow). Whoever sees a slot of a generation under
 * its shard's lock may follow it: thaw takes the slots away, under that lock, before it frees the generation.
 */
#include "repo/index_memtable.h"

#include "base/buf.h"
#include "repo/pack.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, FIRST_SLOTS = 64, FREE = 0, CLAIMED = 1, FIRST_GENERATION = 2 };

struct slot {
	struct hf_chunk_id id;
	uint32_t generation; /* or FREE, or CLAIMED */
	uint32_t record;
};

struct shard {
	pthread_mutex_t lock;
	struct slot *slots;
	size_t count, size;
};

struct generation {
	uint32_t number;
	struct hf_index_record *records;
	struct hf_index_frame *frames;
	struct hf_index_pack *packs;
	size_t record_count, record_cap, frame_count, frame_cap, pack_count, pack_cap;
	uint32_t *order; /* frozen: the records' numbers by id */
	size_t next;
};

struct hf_memtable {
	struct hf_ref_set *excluded;
	pthread_rwlock_t swap;
	pthread_mutex_t memory;
	struct generation *current, *frozen; /* frozen: NULL if none */
	struct shard shards[SHARDS];
};

static int no_memory(struct hf_error *err)
{
	return hf_fail(err, HF_E_NOMEM, "no memory for what the index doesn't hold yet");
}

/* --- slots ------------------------------------------------------------------------------------------------------- */

static struct shard *shard_of(struct hf_memtable *t, const struct hf_chunk_id *id)
{
	return &t->shards[id->b[HF_ID_SIZE - 1] % SHARDS];
}

static size_t home_of(const struct shard *s, const struct hf_chunk_id *id)
{
	return (size_t)hf_get_u64(id->b) & (s->size - 1);
}

/* The first slot of the id at or after place `i`, or the free one where the search ends. Needs a table. */
static struct slot *probe(const struct shard *s, size_t i, const struct hf_chunk_id *id)
{
	for (;; i++) {
		struct slot *slot = &s->slots[i & (s->size - 1)];
		if (slot->generation == FREE || memcmp(slot->id.b, id->b, HF_ID_SIZE) == 0)
			return slot;
	}
}

static struct slot *first_of(const struct shard *s, const struct hf_chunk_id *id)
{
	return s->size ? probe(s, home_of(s, id), id) : NULL;
}

/* The next slot of the same id, or NULL. */
static struct slot *next_of(const struct shard *s, const struct slot *slot)
{
	return probe(s, (size_t)(slot - s->slots) + 1, &slot->id);
}

static bool grow(struct shard *s)
{
	struct shard bigger = {.size = s->size ? s->size * 2 : FIRST_SLOTS};
	bigger.slots = calloc(bigger.size, sizeof(*bigger.slots));
	if (!bigger.slots)
		return false;
	for (size_t i = 0; i < s->size; i++) {
		if (s->slots[i].generation == FREE)
			continue;
		size_t k = home_of(&bigger, &s->slots[i].id);
		while (bigger.slots[k].generation != FREE)
			k = (k + 1) & (bigger.size - 1);
		bigger.slots[k] = s->slots[i];
	}
	free(s->slots);
	s->slots = bigger.slots;
	s->size = bigger.size;
	return true;
}

/* One more slot, behind those that the id has. */
static bool insert(struct shard *s, const struct slot *slot)
{
	if (4 * (s->count + 1) > 3 * s->size && !grow(s))
		return false;
	size_t i = home_of(s, &slot->id);
	while (s->slots[i].generation != FREE)
		i = (i + 1) & (s->size - 1);
	s->slots[i] = *slot;
	s->count++;
	return true;
}

/* Takes a slot out, and moves those behind it up as far as their homes allow. */
static void take_out(struct shard *s, struct slot *slot)
{
	size_t mask = s->size - 1, hole = (size_t)(slot - s->slots);
	for (size_t i = (hole + 1) & mask; s->slots[i].generation != FREE; i = (i + 1) & mask)
		if (((i - home_of(s, &s->slots[i].id)) & mask) >= ((i - hole) & mask)) {
			s->slots[hole] = s->slots[i];
			hole = i;
		}
	s->slots[hole].generation = FREE;
	s->count--;
}

/* --- new, free --------------------------------------------------------------------------------------------------- */

static void free_generation(struct generation *g)
{
	if (!g)
		return;
	free(g->records);
	free(g->frames);
	free(g->packs);
	free(g->order);
	free(g);
}

static struct generation *new_generation(uint32_t number)
{
	struct generation *g = calloc(1, sizeof(*g));
	if (g)
		g->number = number;
	return g;
}

int hf_memtable_new(struct hf_ref_set *excluded, struct hf_memtable **out, struct hf_error *err)
{
	struct hf_memtable *t = calloc(1, sizeof(*t));
	if (!t)
		return no_memory(err);
	t->excluded = excluded;
	pthread_rwlock_init(&t->swap, NULL);
	pthread_mutex_init(&t->memory, NULL);
	for (int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&t->shards[i].lock, NULL);
	t->current = new_generation(FIRST_GENERATION);
	if (!t->current) {
		hf_memtable_free(t);
		return no_memory(err);
	}
	*out = t;
	return 0;
}

void hf_memtable_free(struct hf_memtable *t)
{
	if (!t)
		return;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_destroy(&t->shards[i].lock);
		free(t->shards[i].slots);
	}
	pthread_mutex_destroy(&t->memory);
	pthread_rwlock_destroy(&t->swap);
	free_generation(t->current);
	free_generation(t->frozen);
	free(t);
}

/* --- looking up -------------------------------------------------------------------------------------------------- */

/* Where the slot's record lies. Its shard is locked. */
static struct hf_place place_of(struct hf_memtable *t, const struct slot *slot)
{
	pthread_mutex_lock(&t->memory);
	const struct generation *g = t->current->number == slot->generation ? t->current : t->frozen;
	const struct hf_index_record *r = &g->records[slot->record];
	const struct hf_index_frame *f = &g->frames[r->frame];
	const struct hf_index_pack *p = &g->packs[f->pack];
	struct hf_place place = {.pack = p->ref, .run = p->run, .key_number = f->key_number, .frame_number = f->number,
		.frame_offset = f->offset, .stored_len = f->stored_len, .plain_len = f->plain_len,
		.chunk_offset = r->offset, .chunk_len = r->len};
	pthread_mutex_unlock(&t->memory);
	return place;
}

int hf_memtable_lookup(struct hf_memtable *t, const struct hf_chunk_id *id, bool claim, struct hf_index_hit *hit,
	struct hf_error *err)
{
	struct shard *s = shard_of(t, id);
	int r = 0;
	pthread_mutex_lock(&s->lock);
	for (struct slot *slot = first_of(s, id); r == 0 && slot && slot->generation != FREE; slot = next_of(s, slot)) {
		*hit = (struct hf_index_hit){.has_pack = slot->generation != CLAIMED};
		if (hit->has_pack)
			hit->pack = place_of(t, slot).pack;
		r = !hit->has_pack || !hf_ref_set_has(t->excluded, &hit->pack);
	}
	if (r == 0 && claim && !insert(s, &(struct slot){.id = *id, .generation = CLAIMED}))
		r = no_memory(err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void hf_memtable_unclaim(struct hf_memtable *t, const struct hf_chunk_id *id)
{
	struct shard *s = shard_of(t, id);
	pthread_mutex_lock(&s->lock);
	struct slot *slot = first_of(s, id);
	while (slot && slot->generation > CLAIMED)
		slot = next_of(s, slot);
	if (slot && slot->generation == CLAIMED)
		take_out(s, slot);
	pthread_mutex_unlock(&s->lock);
}

bool hf_memtable_find(struct hf_memtable *t, const struct hf_chunk_id *id, unsigned nth, struct hf_place *out,
	unsigned *found)
{
	struct shard *s = shard_of(t, id);
	bool got = false;
	*found = 0;
	pthread_mutex_lock(&s->lock);
	for (struct slot *slot = first_of(s, id); !got && slot && slot->generation != FREE; slot = next_of(s, slot)) {
		if (slot->generation == CLAIMED || (*found)++ != nth)
			continue;
		*out = place_of(t, slot);
		got = true;
	}
	pthread_mutex_unlock(&s->lock);
	return got;
}

/* --- noting ------------------------------------------------------------------------------------------------------ */

static int check_pack(const struct hf_pack_table *p, struct hf_error *err)
{
	bool ok = p->chunk_count <= HF_INDEX_U24 && p->frame_count <= HF_INDEX_U24;
	for (size_t i = 0; ok && i < p->frame_count; i++) {
		const struct hf_pack_frame *f = &p->frames[i];
		ok = f->plain_len <= HF_FRAME_MAX && f->first_chunk <= p->chunk_count &&
			f->chunk_count <= p->chunk_count - f->first_chunk;
		uint32_t left = f->plain_len;
		for (uint32_t k = 0; ok && k < f->chunk_count; k++) {
			ok = p->chunks[f->first_chunk + k].len <= left;
			left -= p->chunks[f->first_chunk + k].len;
		}
	}
	return ok ? 0 : hf_fail(err, HF_E_USAGE, "index a pack whose table contradicts itself");
}

/* Makes room for `more` elements; false without memory. */
static bool reserve(void **array, size_t count, size_t *cap, size_t more, size_t size)
{
	if (count + more <= *cap)
		return true;
	size_t wanted = *cap ? *cap : 256;
	while (wanted < count + more)
		wanted *= 2;
	void *p = realloc(*array, wanted * size);
	if (!p)
		return false;
	*array = p;
	*cap = wanted;
	return true;
}

static bool reserve_all(struct generation *g, const struct hf_pack_table *p)
{
	return reserve((void **)&g->packs, g->pack_count, &g->pack_cap, 1, sizeof(*g->packs)) &&
		reserve((void **)&g->frames, g->frame_count, &g->frame_cap, p->frame_count, sizeof(*g->frames)) &&
		reserve((void **)&g->records, g->record_count, &g->record_cap, p->chunk_count, sizeof(*g->records));
}

/* Copies the table into the generation, which has room. */
static void append(struct generation *g, const struct hf_pack_table *p)
{
	for (size_t i = 0; i < p->frame_count; i++) {
		const struct hf_pack_frame *f = &p->frames[i];
		uint32_t offset = 0;
		for (uint32_t k = 0; k < f->chunk_count; k++) {
			const struct hf_chunk_ref *c = &p->chunks[f->first_chunk + k];
			g->records[g->record_count++] = (struct hf_index_record){
				.id = c->id, .frame = (uint32_t)g->frame_count, .offset = offset, .len = c->len};
			offset += c->len;
		}
		g->frames[g->frame_count++] = (struct hf_index_frame){.pack = (uint32_t)g->pack_count, .offset = f->offset,
			.stored_len = f->stored_len, .plain_len = f->plain_len, .key_number = p->key_number, .number = f->number};
	}
	g->packs[g->pack_count++] = (struct hf_index_pack){.ref = p->pack, .run = p->run};
}

/* Turns the id's claim into a place, or adds the place. */
static int set_place(struct hf_memtable *t, const struct slot *place, struct hf_error *err)
{
	struct shard *s = shard_of(t, &place->id);
	pthread_mutex_lock(&s->lock);
	struct slot *slot = first_of(s, &place->id);
	while (slot && slot->generation > CLAIMED)
		slot = next_of(s, slot);
	bool ok = true;
	if (slot && slot->generation == CLAIMED)
		*slot = *place;
	else
		ok = insert(s, place);
	pthread_mutex_unlock(&s->lock);
	return ok ? 0 : no_memory(err);
}

static int note(struct hf_memtable *t, const struct hf_pack_table *pack, struct hf_error *err)
{
	pthread_mutex_lock(&t->memory);
	struct generation *g = t->current;
	uint32_t first = (uint32_t)g->record_count;
	bool ok = reserve_all(g, pack);
	if (ok)
		append(g, pack);
	uint32_t end = (uint32_t)g->record_count;
	pthread_mutex_unlock(&t->memory);
	int r = ok ? 0 : no_memory(err);
	for (uint32_t i = first; i < end && r == 0; i++) {
		struct slot place = {.generation = g->number, .record = i};
		pthread_mutex_lock(&t->memory);
		place.id = g->records[i].id;
		pthread_mutex_unlock(&t->memory);
		r = set_place(t, &place, err);
	}
	return r;
}

int hf_memtable_note(struct hf_memtable *t, const struct hf_pack_table *pack, struct hf_error *err)
{
	int r = check_pack(pack, err);
	if (r < 0)
		return r;
	pthread_rwlock_rdlock(&t->swap);
	r = note(t, pack, err);
	pthread_rwlock_unlock(&t->swap);
	return r;
}

size_t hf_memtable_noted(struct hf_memtable *t)
{
	pthread_mutex_lock(&t->memory);
	size_t n = t->current->record_count;
	pthread_mutex_unlock(&t->memory);
	return n;
}

size_t hf_memtable_held(struct hf_memtable *t)
{
	size_t n = 0;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&t->shards[i].lock);
		n += t->shards[i].count;
		pthread_mutex_unlock(&t->shards[i].lock);
	}
	return n;
}

/* --- into a segment ---------------------------------------------------------------------------------------------- */

static int compare_records(const void *a, const void *b, void *records)
{
	const struct hf_index_record *r = records;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = memcmp(r[x].id.b, r[y].id.b, HF_ID_SIZE);
	return c ? c : x < y ? -1 : 1;
}

static int next_record(void *self, struct hf_index_record *out, struct hf_error *err)
{
	(void)err;
	struct generation *g = self;
	if (g->next == g->record_count)
		return 0;
	*out = g->records[g->order[g->next++]];
	return 1;
}

static int frame_of(void *self, uint32_t number, struct hf_index_frame *frame, struct hf_index_pack *pack,
	struct hf_error *err)
{
	(void)err;
	const struct generation *g = self;
	*frame = g->frames[number];
	*pack = g->packs[frame->pack];
	return 0;
}

/* A new generation takes the place of the current one, which nobody fills any more then. */
static int swap_generations(struct hf_memtable *t, struct hf_error *err)
{
	int r = 0;
	pthread_rwlock_wrlock(&t->swap);
	pthread_mutex_lock(&t->memory);
	struct generation *fresh = t->current->record_count ? new_generation(t->current->number + 1) : NULL;
	if (fresh) {
		t->frozen = t->current;
		t->current = fresh;
	} else if (t->current->record_count) {
		r = no_memory(err);
	}
	pthread_mutex_unlock(&t->memory);
	pthread_rwlock_unlock(&t->swap);
	return r;
}

int hf_memtable_freeze(struct hf_memtable *t, struct hf_index_source *source, uint64_t *count, struct hf_error *err)
{
	*count = 0;
	int r = t->frozen ? 0 : swap_generations(t, err);
	struct generation *g = t->frozen;
	if (r < 0 || !g)
		return r;
	if (!g->order)
		g->order = malloc(g->record_count * sizeof(*g->order));
	if (!g->order)
		return no_memory(err);
	for (size_t i = 0; i < g->record_count; i++)
		g->order[i] = (uint32_t)i;
	qsort_r(g->order, g->record_count, sizeof(*g->order), compare_records, g->records);
	g->next = 0;
	*count = g->record_count;
	*source = (struct hf_index_source){.next = next_record, .frame = frame_of, .self = g};
	return 0;
}

void hf_memtable_thaw(struct hf_memtable *t)
{
	struct generation *g = t->frozen;
	for (size_t i = 0; g && i < g->record_count; i++) {
		struct shard *s = shard_of(t, &g->records[i].id);
		pthread_mutex_lock(&s->lock);
		struct slot *slot = first_of(s, &g->records[i].id);
		while (slot && slot->generation != FREE && (slot->generation != g->number || slot->record != i))
			slot = next_of(s, slot);
		if (slot && slot->generation != FREE)
			take_out(s, slot);
		pthread_mutex_unlock(&s->lock);
	}
	pthread_mutex_lock(&t->memory);
	t->frozen = NULL;
	pthread_mutex_unlock(&t->memory);
	free_generation(g);
}
