/*
 * The packs of a verification, several at once: each one's signature, data key and table always; that the index tells where
 * each of its chunks is; and with read_data every frame.
 */
#include "ops/verify_internal.h"

#include "base/pool.h"
#include "base/stop.h"
#include "crypto/random.h"
#include "pipeline/pack_check.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 8 };

struct work {
	struct hf_verify *v;
	struct hf_verify_pack *pack;
	bool read_data;
	int result; /* of what is no damage: no memory, stopped */
	struct hf_error error;
};

/* What a frame that fails leads to: its chunks can't be had from this pack. */
struct bad_frame {
	struct work *work;
	size_t damage;
};

static int add_bad_chunk(struct hf_verify *v, const struct hf_verify_chunk *c)
{
	int r = 0;
	pthread_mutex_lock(&v->lock);
	if (v->chunk_count == v->chunk_cap) {
		size_t cap = v->chunk_cap ? v->chunk_cap * 2 : 256;
		void *grown = realloc(v->chunks, cap * sizeof(*v->chunks));
		if (grown) {
			v->chunks = grown;
			v->chunk_cap = cap;
		} else {
			r = -1;
		}
	}
	if (r == 0)
		v->chunks[v->chunk_count++] = *c;
	pthread_mutex_unlock(&v->lock);
	return r;
}

static int on_bad_chunk(void *user, const struct hf_chunk_id *id, const struct hf_error *why)
{
	struct bad_frame *b = user;
	char name[HF_NAME_MAX];
	if (!b->damage)
		b->damage = hf_verify_damage(b->work->v,
			hf_object_name(HF_KIND_PACK, &b->work->pack->ref, name), why->msg);
	const struct hf_verify_chunk chunk = {.id = *id, .pack = b->work->pack->ref, .damage = b->damage};
	return add_bad_chunk(b->work->v, &chunk);
}

/* The places of a table's chunks in the order of their ids' first bytes, so that neighbours lie in one block of the index and
 * each block is opened once for the pack, however large the index is. To be freed; NULL: no memory. */
static uint32_t *by_first_byte(const struct hf_pack_table *t)
{
	size_t at[257] = {0};
	uint32_t *order = malloc((t->chunk_count + 1) * sizeof(*order));
	if (!order)
		return NULL;
	for (size_t i = 0; i < t->chunk_count; i++)
		at[t->chunks[i].id.b[0] + 1]++;
	for (size_t i = 1; i < 257; i++)
		at[i] += at[i - 1];
	for (size_t i = 0; i < t->chunk_count; i++)
		order[at[t->chunks[i].id.b[0]]++] = (uint32_t)i;
	return order;
}

/* That the index leads to the chunk in this pack. */
static int check_place(struct hf_access *a, const struct hf_ref *pack, const struct hf_chunk_ref *ref, struct hf_error *err)
{
	struct hf_place p;
	bool found = false;
	int r = 0;
	for (unsigned n = 0; !found && r == 0; n++) {
		r = hf_index_find(a->index, &ref->id, n, &p, err);
		found = r == 0 && hf_ref_equal(&p.pack, pack) && p.chunk_len == ref->len;
	}
	if (!found && r == HF_E_NOTFOUND)
		return hf_fail(err, HF_E_CORRUPT, "the index does not lead to all of its chunks: rebuild-index mends that");
	return found ? 0 : r;
}

/* That the index leads to each chunk of the table. */
static int check_index(struct hf_access *a, const struct hf_pack_table *t, struct hf_error *err)
{
	uint32_t *order = by_first_byte(t);
	int r = order ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < t->chunk_count && r == 0; i++)
		r = check_place(a, &t->pack, &t->chunks[order[i]], err);
	free(order);
	return r;
}

static bool is_damage(int code)
{
	return code == HF_E_CORRUPT || code == HF_E_NOTFOUND || code == HF_E_UNSUPPORTED || code == HF_E_IO;
}

static int check_pack(struct work *w, struct hf_error *err)
{
	struct hf_verify *v = w->v;
	struct hf_access *a = &v->domains[w->pack->domain];
	const struct hf_repository *repo = v->options->repo;
	struct hf_run_key key;
	struct hf_pack_table table = {0};
	struct hf_pack_checker *checker = NULL;
	struct bad_frame bad = {.work = w};
	int r = hf_pack_open(repo->store, &w->pack->ref, repo->key, &repo->certs, &key, &table, err);
	if (r == 0 && !hf_pack_is_in(&repo->certs, &table.pack.writer, table.domain_mark, &a->domain.id))
		r = hf_fail(err, HF_E_CORRUPT, "it is of another domain than the snapshot that lists it");
	if (r == 0)
		r = check_index(a, &table, err);
	if (r == 0 && w->read_data)
		r = hf_pack_checker_new(repo->store, &a->domain, &checker, err);
	const struct hf_pack_check check = {.table = &table, .key = &key, .bad = on_bad_chunk, .user = &bad,
		.bytes = &v->result->bytes};
	if (r == 0 && w->read_data)
		r = hf_pack_checker_run(checker, &check, err);
	if (r == 0)
		hf_progress_add(v->options->progress, table.size, 1);
	hf_pack_checker_free(checker);
	hf_pack_table_free(&table);
	hf_run_key_wipe(&key);
	return bad.damage ? 0 : r; /* its frames were reported one by one */
}

static void run(void *job)
{
	struct work *w = job;
	if (hf_stopped())
		return;
	int r = check_pack(w, &w->error);
	w->pack->is_gone = r == HF_E_NOTFOUND && hf_condemned_has(&w->v->condemned, &w->pack->ref);
	if (w->pack->is_gone)
		return;
	if (r < 0 && is_damage(r)) {
		char name[HF_NAME_MAX];
		w->pack->damage = hf_verify_damage(w->v, hf_object_name(HF_KIND_PACK, &w->pack->ref, name),
			w->error.msg);
		return;
	}
	w->result = r;
}

static bool is_sampled(double sample)
{
	uint32_t dice;
	if (sample <= 0 || sample >= 1)
		return true;
	hf_random(&dice, sizeof(dice));
	return dice < sample * 4294967296.0;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_chunk_id));
}

static int run_all(struct hf_verify *v, struct work *work, struct hf_pool *pool, struct hf_error *err)
{
	const struct hf_verify_options *o = v->options;
	size_t sampled = 0;
	for (size_t i = 0; i < v->pack_count; i++) {
		work[i] = (struct work){.v = v, .pack = &v->packs[i], .read_data = o->read_data && is_sampled(o->sample)};
		sampled += work[i].read_data;
	}
	if (o->read_data && !sampled && v->pack_count)
		work[0].read_data = true; /* a sample of nothing proves nothing */
	for (size_t i = 0; i < v->pack_count; i++)
		hf_pool_submit(pool, run, &work[i]);
	hf_pool_wait(pool);
	int r = hf_stop_check(err);
	for (size_t i = 0; i < v->pack_count && r == 0; i++) {
		r = work[i].result;
		if (r < 0)
			*err = work[i].error;
	}
	return r;
}

int hf_verify_packs(struct hf_verify *v, struct hf_error *err)
{
	struct hf_pool *pool = NULL;
	long threads = v->options->threads ? v->options->threads : sysconf(_SC_NPROCESSORS_ONLN);
	struct work *work = calloc(v->pack_count + 1, sizeof(*work));
	if (!work)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	hf_progress_phase(v->options->progress, "verifying", 0, v->pack_count);
	int r = hf_pool_new(threads < 1 ? 1 : threads > THREADS_MAX ? THREADS_MAX : (int)threads, 16, &pool, err);
	if (r == 0)
		r = run_all(v, work, pool, err);
	hf_pool_free(pool);
	free(work);
	v->result->objects += v->pack_count;
	if (v->chunk_count)
		qsort(v->chunks, v->chunk_count, sizeof(*v->chunks), by_id);
	return r;
}
