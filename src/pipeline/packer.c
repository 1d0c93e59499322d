/*
 * The packer; see packer.h.
 *
 * Two pack builders go round: one is filled under `lock`, the other is being uploaded by the uploader thread. When the
 * current one is full it becomes `full` and the other one, once it is free, the current.
 *
 * A pack holds frames of one data key. Whoever seals a frame holds the present key (`key_lock`, shared) until the frame is
 * added; to change the key, that lock is taken alone and all packs are let go first.
 */
#include "pipeline/packer.h"

#include "base/time.h"

#include <pthread.h>
#include <stdlib.h>

enum { BUILDERS = 2 };
#define DEFAULT_PACK_SIZE (32u << 20)
#define NO_PACK UINT32_MAX
#define KEY_BYTES (UINT64_C(1) << 45) /* half of what the format allows: frames on their way count too */
#define KEY_AGE (24 * 3600 * INT64_C(1000000000))

struct hf_packer {
	struct hf_packer_options options;
	struct hf_pack_builder *builders[BUILDERS];
	struct hf_pack_builder *current, *full; /* current is NULL while both are on their way */
	bool is_free[BUILDERS];
	uint64_t next_frame;
	struct hf_ref *packs;
	struct hf_chunk_id *firsts; /* the first chunk of each */
	uint32_t *key_of; /* by pack: the number of its key */
	size_t pack_count, pack_cap;
	struct hf_run_key **keys; /* by number; the last is the present one */
	size_t key_count;
	int64_t key_made;     /* monotonic */
	uint64_t key_sealed;  /* bytes of frames under the present key; atomic */
	pthread_rwlock_t key_lock;
	uint32_t *pack_of; /* by frame number */
	size_t frame_cap;
	bool closing, failed;
	struct hf_error error;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t uploader;
	bool has_uploader;
};

static int upload(struct hf_packer *p, struct hf_pack_builder *b, struct hf_error *err)
{
	int r = hf_pack_builder_put(b, p->options.store, err);
	if (r < 0)
		return hf_wrap(err, r, "store a pack");
	return hf_index_note(p->options.index, hf_pack_builder_table(b), err);
}

static void *upload_loop(void *user)
{
	struct hf_packer *p = user;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->full && !p->closing)
			pthread_cond_wait(&p->changed, &p->lock);
		if (!p->full)
			break;
		struct hf_pack_builder *b = p->full;
		p->full = NULL;
		pthread_mutex_unlock(&p->lock);
		struct hf_error err = {0};
		int r = upload(p, b, &err);
		hf_pack_builder_reset(b);
		pthread_mutex_lock(&p->lock);
		if (r < 0 && !p->failed) {
			p->failed = true;
			p->error = err;
		}
		for (int i = 0; i < BUILDERS; i++)
			if (p->builders[i] == b)
				p->is_free[i] = true;
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Appends a fresh data key and gives it to the builders, which must be free. */
static int add_key(struct hf_packer *p, struct hf_error *err)
{
	struct hf_run_key **grown = reallocarray(p->keys, p->key_count + 1, sizeof(struct hf_run_key *));
	if (!grown)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	p->keys = grown;
	struct hf_run_key *k = grown[p->key_count] = calloc(1, sizeof(*k));
	if (!k)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	const struct hf_run_key_options options = {.pack_class = HF_PACK_DATA, .run = p->options.run,
		.number = (uint32_t)p->key_count, .domain_mark = p->options.domain_mark};
	int r = hf_run_key_new(p->options.key, &options, k, err);
	if (r < 0) {
		free(k);
		return r;
	}
	p->key_count++;
	p->key_made = hf_time_monotonic();
	__atomic_store_n(&p->key_sealed, 0, __ATOMIC_RELAXED);
	for (int i = 0; i < BUILDERS && r == 0; i++) {
		hf_pack_builder_free(p->builders[i]);
		p->builders[i] = NULL;
		r = hf_pack_builder_new(p->options.key, k, &p->builders[i], err);
		if (r == 0)
			hf_pack_builder_expect(p->builders[i], p->options.pack_size + HF_FRAME_MAX);
	}
	return r;
}

int hf_packer_new(const struct hf_packer_options *options, struct hf_packer **out, struct hf_error *err)
{
	struct hf_packer *p = calloc(1, sizeof(*p));
	if (!p)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	p->options = *options;
	if (!p->options.pack_size)
		p->options.pack_size = DEFAULT_PACK_SIZE;
	if (!p->options.key_bytes)
		p->options.key_bytes = KEY_BYTES;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	pthread_rwlock_init(&p->key_lock, NULL);
	for (int i = 0; i < BUILDERS; i++)
		p->is_free[i] = true;
	int r = add_key(p, err);
	if (r == 0 && pthread_create(&p->uploader, NULL, upload_loop, p) != 0)
		r = hf_fail(err, HF_E_NOMEM, "start a thread for uploads");
	p->has_uploader = r == 0;
	if (r < 0) {
		hf_packer_free(p);
		return r;
	}
	*out = p;
	return 0;
}

uint64_t hf_packer_next_frame(struct hf_packer *p)
{
	return __atomic_fetch_add(&p->next_frame, 1, __ATOMIC_RELAXED);
}

static int failure(const struct hf_packer *p, struct hf_error *err)
{
	if (err)
		*err = p->error;
	return p->error.code;
}

/* Makes an empty builder the current one; waits for it. */
static int begin_pack(struct hf_packer *p, struct hf_error *err)
{
	for (;;) {
		if (p->failed)
			return failure(p, err);
		if (p->current)
			return 0;
		for (int i = 0; i < BUILDERS; i++) {
			if (!p->is_free[i])
				continue;
			p->is_free[i] = false;
			p->current = p->builders[i];
			break;
		}
		if (p->current)
			break;
		pthread_cond_wait(&p->changed, &p->lock);
	}
	if (p->pack_count == p->pack_cap) {
		size_t cap = p->pack_cap ? p->pack_cap * 2 : 64;
		struct hf_ref *grown = realloc(p->packs, cap * sizeof(*grown));
		p->packs = grown ? grown : p->packs;
		uint32_t *key_of = realloc(p->key_of, cap * sizeof(*key_of));
		p->key_of = key_of ? key_of : p->key_of;
		struct hf_chunk_id *firsts = realloc(p->firsts, cap * sizeof(*firsts));
		p->firsts = firsts ? firsts : p->firsts;
		if (!grown || !key_of || !firsts)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		p->pack_cap = cap;
	}
	p->key_of[p->pack_count] = (uint32_t)(p->key_count - 1);
	p->packs[p->pack_count++] = hf_pack_builder_table(p->current)->pack;
	return 0;
}

/* Hands the current pack to the uploader; waits until that has taken the one before. */
static int end_pack(struct hf_packer *p, struct hf_error *err)
{
	while (p->full && !p->failed)
		pthread_cond_wait(&p->changed, &p->lock);
	if (p->failed)
		return failure(p, err);
	p->full = p->current;
	p->current = NULL;
	pthread_cond_broadcast(&p->changed);
	return 0;
}

static int remember_frame(struct hf_packer *p, uint64_t number, struct hf_error *err)
{
	if (number >= p->frame_cap) {
		size_t cap = p->frame_cap ? p->frame_cap : 1024;
		while (cap <= number)
			cap *= 2;
		uint32_t *grown = realloc(p->pack_of, cap * sizeof(*grown));
		if (!grown)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		memset(grown + p->frame_cap, 0xff, (cap - p->frame_cap) * sizeof(*grown));
		p->pack_of = grown;
		p->frame_cap = cap;
	}
	p->pack_of[number] = (uint32_t)(p->pack_count - 1);
	return 0;
}

static int add_locked(struct hf_packer *p, const struct hf_new_frame *frame, struct hf_error *err)
{
	int r = begin_pack(p, err);
	if (r == 0)
		r = remember_frame(p, frame->number, err);
	if (r == 0 && hf_pack_builder_size(p->current) == 0)
		p->firsts[p->pack_count - 1] = frame->chunks[0].id;
	if (r == 0)
		r = hf_pack_builder_add(p->current, frame, err);
	if (r == 0 && hf_pack_builder_size(p->current) >= p->options.pack_size)
		r = end_pack(p, err);
	return r;
}

/* --- data keys -------------------------------------------------------------------------------------------------------- */

static bool is_due(struct hf_packer *p)
{
	return __atomic_load_n(&p->key_sealed, __ATOMIC_RELAXED) >= p->options.key_bytes ||
		hf_time_monotonic() - p->key_made >= KEY_AGE;
}

/* Hands the current pack over and waits until no builder is in use. */
static int let_packs_go(struct hf_packer *p, struct hf_error *err)
{
	pthread_mutex_lock(&p->lock);
	int r = p->current ? end_pack(p, err) : 0;
	while (r == 0 && !p->failed && !(p->is_free[0] && p->is_free[1]))
		pthread_cond_wait(&p->changed, &p->lock);
	if (r == 0 && p->failed)
		r = failure(p, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

/* A failure is everyone's: there may be no builder left to wait for. */
static int change_key(struct hf_packer *p, struct hf_error *err)
{
	struct hf_error why = {0};
	int r = let_packs_go(p, &why);
	if (r == 0)
		r = add_key(p, &why);
	if (r == 0)
		return 0;
	pthread_mutex_lock(&p->lock);
	if (!p->failed) {
		p->failed = true;
		p->error = why;
	}
	pthread_cond_broadcast(&p->changed);
	r = failure(p, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

int hf_packer_hold_key(struct hf_packer *p, const struct hf_run_key **key, struct hf_error *err)
{
	pthread_rwlock_rdlock(&p->key_lock);
	while (is_due(p)) {
		pthread_rwlock_unlock(&p->key_lock);
		pthread_rwlock_wrlock(&p->key_lock);
		int r = is_due(p) ? change_key(p, err) : 0;
		pthread_rwlock_unlock(&p->key_lock);
		if (r < 0)
			return r;
		pthread_rwlock_rdlock(&p->key_lock);
	}
	*key = p->keys[p->key_count - 1];
	return 0;
}

void hf_packer_release_key(struct hf_packer *p)
{
	pthread_rwlock_unlock(&p->key_lock);
}

const struct hf_run_key *hf_packer_key_of(const struct hf_packer *p, size_t pack)
{
	return p->keys[p->key_of[pack]];
}

/* --- adding ----------------------------------------------------------------------------------------------------------- */

int hf_packer_add(struct hf_packer *p, const struct hf_new_frame *frame, struct hf_error *err)
{
	pthread_mutex_lock(&p->lock);
	__atomic_fetch_add(&p->key_sealed, frame->stored_len, __ATOMIC_RELAXED);
	int r = add_locked(p, frame, err);
	pthread_mutex_unlock(&p->lock);
	return r;
}

static void stop_uploader(struct hf_packer *p)
{
	if (!p->has_uploader)
		return;
	pthread_mutex_lock(&p->lock);
	p->closing = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->uploader, NULL);
	p->has_uploader = false;
}

int hf_packer_finish(struct hf_packer *p, struct hf_error *err)
{
	int r = 0;
	pthread_mutex_lock(&p->lock);
	if (p->current)
		r = end_pack(p, err);
	pthread_mutex_unlock(&p->lock);
	stop_uploader(p);
	return r < 0 ? r : p->failed ? failure(p, err) : 0;
}

const struct hf_ref *hf_packer_packs(const struct hf_packer *p, size_t *count)
{
	*count = p->pack_count;
	return p->packs;
}

const struct hf_chunk_id *hf_packer_chunk_of(const struct hf_packer *p, size_t pack)
{
	return &p->firsts[pack];
}

int hf_packer_copy_packs(struct hf_packer *p, struct hf_ref **out, size_t *count, struct hf_error *err)
{
	pthread_mutex_lock(&p->lock);
	*count = p->pack_count;
	*out = malloc((p->pack_count + 1) * sizeof(**out));
	if (*out && p->pack_count)
		memcpy(*out, p->packs, p->pack_count * sizeof(**out));
	pthread_mutex_unlock(&p->lock);
	return *out ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
}

uint32_t hf_packer_pack_of(const struct hf_packer *p, uint64_t frame)
{
	return frame < p->frame_cap ? p->pack_of[frame] : NO_PACK;
}

uint64_t hf_packer_frame_count(const struct hf_packer *p)
{
	return __atomic_load_n(&p->next_frame, __ATOMIC_RELAXED);
}

void hf_packer_free(struct hf_packer *p)
{
	if (!p)
		return;
	stop_uploader(p);
	for (int i = 0; i < BUILDERS; i++)
		hf_pack_builder_free(p->builders[i]);
	for (size_t i = 0; i < p->key_count; i++) {
		hf_run_key_wipe(p->keys[i]);
		free(p->keys[i]);
	}
	free(p->keys);
	free(p->key_of);
	pthread_rwlock_destroy(&p->key_lock);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	free(p->packs);
	free(p->firsts);
	free(p->pack_of);
	free(p);
}
