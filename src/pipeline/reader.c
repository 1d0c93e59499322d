/*
 * Reading chunks; see reader.h.
 *
 * Frames are kept in a table by pack and offset. Whoever needs a frame first loads it; others wait for it. Data keys are
 * kept by run: the first pack of a run that is met is verified whole (signature, commitment), the rest follow by the id of
 * each chunk.
 */
#include "pipeline/reader.h"

#include "base/log.h"
#include "pipeline/ranges.h"
#include "repo/chunking.h"
#include "repo/frame.h"
#include "repo/pack.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Memory for frames that no one uses; what is fetched ahead and not opened yet has half of it, once there is such. */
enum { BUCKETS = 256, CACHE_BYTES = 24 << 20 };

struct hf_frame {
	struct hf_frame *next;		    /* in its bucket */
	struct hf_frame *older, *newer;	    /* among those that no one uses */
	struct hf_ref pack;
	uint32_t offset;
	uint8_t *plain;
	uint32_t len;
	int users;
	bool is_loading;
	int result;
	struct hf_error error;
};

struct kept_run {
	struct kept_run *next;
	struct hf_run_key key;
};

/* What a thread needs to open frames and to hash; kept in a list, taken by whoever needs one. */
struct tools {
	struct tools *next;
	struct hf_frame_opener *opener;
	struct hf_chunk_hasher *hasher;
	struct hf_buf stored;
};

struct hf_reader {
	struct hf_reader_options options;
	pthread_mutex_t lock;
	pthread_cond_t loaded;
	struct hf_frame *buckets[BUCKETS];
	struct hf_frame *oldest, *newest; /* unused ones */
	size_t unused_bytes;
	struct kept_run *runs;
	struct tools *tools;
	struct hf_ranges *ranges;
	bool looks_ahead; /* the cache has given half of its memory to the ranges */
};

int hf_reader_new(const struct hf_reader_options *options, struct hf_reader **out, struct hf_error *err)
{
	struct hf_reader *r = calloc(1, sizeof(*r));
	if (!r)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	r->options = *options;
	if (!r->options.cache_bytes)
		r->options.cache_bytes = CACHE_BYTES;
	int result = hf_ranges_new(options->repo->store, r->options.cache_bytes / 2, &r->ranges, err);
	if (result < 0) {
		free(r);
		return result;
	}
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->loaded, NULL);
	*out = r;
	return 0;
}

static void free_tools(struct tools *t)
{
	hf_frame_opener_free(t->opener);
	hf_chunk_hasher_free(t->hasher);
	hf_buf_free(&t->stored);
	free(t);
}

void hf_reader_free(struct hf_reader *r)
{
	if (!r)
		return;
	for (int i = 0; i < BUCKETS; i++)
		while (r->buckets[i]) {
			struct hf_frame *f = r->buckets[i];
			r->buckets[i] = f->next;
			free(f->plain);
			free(f);
		}
	while (r->runs) {
		struct kept_run *k = r->runs;
		r->runs = k->next;
		hf_run_key_wipe(&k->key);
		free(k);
	}
	while (r->tools) {
		struct tools *t = r->tools;
		r->tools = t->next;
		free_tools(t);
	}
	hf_ranges_free(r->ranges);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->loaded);
	free(r);
}

static struct tools *take_tools(struct hf_reader *r, struct hf_error *err)
{
	pthread_mutex_lock(&r->lock);
	struct tools *t = r->tools;
	if (t)
		r->tools = t->next;
	pthread_mutex_unlock(&r->lock);
	if (t)
		return t;
	t = calloc(1, sizeof(*t));
	if (!t) {
		hf_fail(err, HF_E_NOMEM, "no memory");
		return NULL;
	}
	t->stored = HF_BUF(2 * HF_FRAME_MAX + 65536);
	if (hf_frame_opener_new(&t->opener, err) < 0 || hf_chunk_hasher_new(r->options.domain, &t->hasher, err) < 0) {
		free_tools(t);
		return NULL;
	}
	return t;
}

static void give_tools(struct hf_reader *r, struct tools *t)
{
	pthread_mutex_lock(&r->lock);
	t->next = r->tools;
	r->tools = t;
	pthread_mutex_unlock(&r->lock);
}

/* --- data keys -------------------------------------------------------------------------------------------------------- */

static const struct hf_run_key *find_run(struct hf_reader *r, const struct hf_place *p)
{
	const struct hf_run_key *found = NULL;
	pthread_mutex_lock(&r->lock);
	for (struct kept_run *k = r->runs; k && !found; k = k->next)
		if (hf_id_equal(&k->key.run, &p->run) && k->key.number == p->key_number &&
			hf_id_equal(&k->key.writer, &p->pack.writer))
			found = &k->key;
	pthread_mutex_unlock(&r->lock);
	return found;
}

static int run_key_for(struct hf_reader *r, const struct hf_place *p, const struct hf_run_key **out,
	struct hf_error *err)
{
	*out = find_run(r, p);
	if (*out)
		return 0;
	struct kept_run *k = calloc(1, sizeof(*k));
	if (!k)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	const struct hf_repository *repo = r->options.repo;
	int result = hf_pack_open(repo->store, &p->pack, repo->key, &repo->certs, &k->key, NULL, err);
	if (result == 0 && (!hf_id_equal(&k->key.run, &p->run) || k->key.number != p->key_number))
		result = hf_fail(err, HF_E_CORRUPT, "the index says that the pack is of another run");
	if (result < 0) {
		free(k);
		return result;
	}
	pthread_mutex_lock(&r->lock);
	k->next = r->runs;
	r->runs = k;
	pthread_mutex_unlock(&r->lock);
	*out = &k->key;
	return 0;
}

/* --- frames ----------------------------------------------------------------------------------------------------------- */

static int load_with(struct hf_reader *r, struct tools *t, const struct hf_place *p, struct hf_frame *f,
	struct hf_error *err)
{
	const struct hf_run_key *key = NULL;
	const struct hf_stored where = {p->pack, p->frame_offset, p->stored_len};
	if (p->plain_len > HF_FRAME_MAX || p->stored_len > t->stored.max)
		return hf_fail(err, HF_E_CORRUPT, "the index names a frame larger than the format allows");
	int result = run_key_for(r, p, &key, err);
	if (result < 0)
		return result;
	hf_buf_clear(&t->stored);
	uint8_t *stored = hf_buf_space(&t->stored, p->stored_len);
	f->plain = malloc(p->plain_len ? p->plain_len : 1);
	f->len = p->plain_len;
	if (!stored || !f->plain)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	const struct iovec sealed = {stored, p->stored_len}, plain = {f->plain, f->len};
	char name[HF_NAME_MAX];
	hf_object_name(HF_KIND_PACK, &p->pack, name);
	result = hf_ranges_get(r->ranges, &where, stored, err);
	if (result == 0)
		result = hf_frame_open(t->opener, key, p->frame_number, sealed, plain, err);
	if (!hf_store_doubt(r->options.repo->store, name, result, err))
		return result;
	result = hf_store_get(r->options.repo->store, name, p->frame_offset, stored, p->stored_len, err);
	return result < 0 ? result : hf_frame_open(t->opener, key, p->frame_number, sealed, plain, err);
}

static struct hf_frame **bucket_of(struct hf_reader *r, const struct hf_ref *pack, uint32_t offset)
{
	return &r->buckets[(pack->id.b[0] ^ offset ^ offset >> 12) % BUCKETS];
}

static void unlink_unused(struct hf_reader *r, struct hf_frame *f)
{
	*(f->older ? &f->older->newer : &r->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &r->newest) = f->older;
	f->older = f->newer = NULL;
	r->unused_bytes -= f->len;
}

static void drop(struct hf_reader *r, struct hf_frame *f)
{
	struct hf_frame **at = bucket_of(r, &f->pack, f->offset);
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	free(f->plain);
	free(f);
}

static void shrink(struct hf_reader *r)
{
	while (r->unused_bytes > r->options.cache_bytes && r->oldest) {
		struct hf_frame *f = r->oldest;
		unlink_unused(r, f);
		drop(r, f);
	}
}

static void unpin_locked(struct hf_reader *r, struct hf_frame *f)
{
	if (--f->users > 0)
		return;
	if (f->result < 0) {
		drop(r, f);
		return;
	}
	f->older = r->newest;
	*(r->newest ? &r->newest->newer : &r->oldest) = f;
	r->newest = f;
	r->unused_bytes += f->len;
	shrink(r);
}

void hf_reader_unpin(struct hf_reader *r, struct hf_frame *frame)
{
	if (!frame)
		return;
	pthread_mutex_lock(&r->lock);
	unpin_locked(r, frame);
	pthread_mutex_unlock(&r->lock);
}

static struct hf_frame *find_locked(struct hf_reader *r, const struct hf_ref *pack, uint32_t offset)
{
	struct hf_frame *f = *bucket_of(r, pack, offset);
	while (f && !(f->offset == offset && hf_ref_equal(&f->pack, pack)))
		f = f->next;
	return f;
}

/* The frame at `p`, pinned: there already (`*mine` false; waits if it is being loaded), or new and the caller's to load. */
static struct hf_frame *pin_locked(struct hf_reader *r, const struct hf_place *p, bool *mine)
{
	struct hf_frame **bucket = bucket_of(r, &p->pack, p->frame_offset), *f = find_locked(r, &p->pack, p->frame_offset);
	*mine = !f;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return NULL;
		*f = (struct hf_frame){.next = *bucket, .pack = p->pack, .offset = p->frame_offset, .users = 1,
			.is_loading = true};
		*bucket = f;
		return f;
	}
	if (f->users++ == 0)
		unlink_unused(r, f);
	while (f->is_loading)
		pthread_cond_wait(&r->loaded, &r->lock);
	return f;
}

static int pin_frame(struct hf_reader *r, struct tools *t, const struct hf_place *p, struct hf_frame **out,
	struct hf_error *err)
{
	bool mine;
	pthread_mutex_lock(&r->lock);
	struct hf_frame *f = pin_locked(r, p, &mine);
	pthread_mutex_unlock(&r->lock);
	if (!f)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	if (mine) {
		f->result = load_with(r, t, p, f, &f->error);
		pthread_mutex_lock(&r->lock);
		f->is_loading = false;
		pthread_cond_broadcast(&r->loaded);
		pthread_mutex_unlock(&r->lock);
	}
	if (f->result < 0) {
		int result = f->result;
		if (err)
			*err = f->error;
		hf_reader_unpin(r, f);
		return result;
	}
	*out = f;
	return 0;
}

/* --- looking ahead ---------------------------------------------------------------------------------------------------- */

bool hf_reader_is_far(const struct hf_reader *r)
{
	return r->options.repo->store->is_far;
}

bool hf_reader_locate(struct hf_reader *r, const struct hf_chunk_id *id, struct hf_stored *out)
{
	struct hf_error none;
	struct hf_place p;
	for (unsigned nth = 0; hf_index_find(r->options.index, id, nth, &p, &none) == 0; nth++) {
		if (hf_index_is_excluded(r->options.index, &p.pack))
			continue;
		*out = (struct hf_stored){p.pack, p.frame_offset, p.stored_len};
		return true;
	}
	return false;
}

static size_t drop_loaded(struct hf_reader *r, struct hf_stored *frames, size_t count)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		if (!find_locked(r, &frames[i].pack, frames[i].offset))
			frames[n++] = frames[i];
	return n;
}

void hf_reader_ahead(struct hf_reader *r, struct hf_stored *wanted, size_t own, size_t count)
{
	pthread_mutex_lock(&r->lock);
	if (!r->looks_ahead) {
		r->looks_ahead = true;
		r->options.cache_bytes /= 2;
		shrink(r);
	}
	size_t mine = drop_loaded(r, wanted, own);
	size_t others = drop_loaded(r, wanted + own, count - own);
	pthread_mutex_unlock(&r->lock);
	memmove(wanted + mine, wanted + own, others * sizeof(*wanted));
	hf_ranges_fetch(r->ranges, wanted, mine, mine + others);
}

/* --- chunks ----------------------------------------------------------------------------------------------------------- */

static int check_chunk(struct tools *t, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	const struct hf_place *p, const struct hf_frame *f, struct hf_error *err)
{
	if ((ref->len && p->chunk_len != ref->len) || p->chunk_offset > f->len || p->chunk_len > f->len - p->chunk_offset)
		return hf_fail(err, HF_E_CORRUPT, "the chunk does not lie where the index says");
	struct hf_chunk_id id = hf_chunk_hash(t->hasher, kind, f->plain + p->chunk_offset, p->chunk_len);
	if (memcmp(id.b, ref->id.b, sizeof(id.b)) != 0)
		return hf_fail(err, HF_E_CORRUPT, "the chunk's bytes do not hash to its id");
	return 0;
}

static int get_at(struct hf_reader *r, struct tools *t, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	const struct hf_place *p, struct hf_chunk_view *out, struct hf_error *err)
{
	struct hf_frame *f = NULL;
	char name[HF_NAME_MAX];
	int result = pin_frame(r, t, p, &f, err);
	if (result == 0)
		result = check_chunk(t, kind, ref, p, f, err);
	if (result < 0) {
		hf_reader_unpin(r, f);
		return hf_wrap(err, result, "%s", hf_object_name(HF_KIND_PACK, &p->pack, name));
	}
	*out = (struct hf_chunk_view){f->plain + p->chunk_offset, p->chunk_len, f};
	return 0;
}

/* What a search for a sound place went through. */
struct search {
	struct hf_error first; /* failure */
	unsigned places;       /* that the index knows */
	bool has_failed;
};

/* Tries the places in packs that were condemned, or those in others: 1 when one is sound, 0. */
static int try_places(struct hf_reader *r, struct tools *t, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	bool condemned, struct search *s, struct hf_chunk_view *out)
{
	struct hf_error now = {0};
	struct hf_place p;
	int result;
	for (unsigned nth = 0; (result = hf_index_find(r->options.index, &ref->id, nth, &p, &now)) == 0; nth++) {
		s->places++;
		if (hf_index_is_excluded(r->options.index, &p.pack) != condemned)
			continue;
		if (get_at(r, t, kind, ref, &p, out, &now) == 0)
			return 1;
		if (!s->has_failed)
			s->first = now;
		s->has_failed = true;
	}
	if (!s->has_failed)
		s->first = now;
	return result == HF_E_NOTFOUND ? 0 : result;
}

/* Condemned packs come last: they may be gone, and what is needed of them lies in others too. */
static int get_with(struct hf_reader *r, struct tools *t, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	struct hf_chunk_view *out, struct hf_error *err)
{
	struct search s = {0};
	int result = try_places(r, t, kind, ref, false, &s, out);
	if (result == 0)
		result = try_places(r, t, kind, ref, true, &s, out);
	if (result > 0) {
		if (s.has_failed)
			hf_warn("a damaged place was passed over: %s", s.first.msg);
		return 0;
	}
	if (!s.has_failed)
		return hf_fail(err, s.first.code == HF_E_NOTFOUND ? HF_E_CORRUPT : s.first.code,
			"a chunk that is needed is not in the index (rebuild-index may find it): %s", s.first.msg);
	if (err)
		*err = s.first;
	return s.first.code == HF_E_NOTFOUND ? HF_E_CORRUPT : s.first.code;
}

int hf_reader_get(struct hf_reader *r, enum hf_chunk_kind kind, const struct hf_chunk_ref *ref,
	struct hf_chunk_view *out, struct hf_error *err)
{
	struct tools *t = take_tools(r, err);
	if (!t)
		return HF_E_NOMEM;
	int result = get_with(r, t, kind, ref, out, err);
	give_tools(r, t);
	return result;
}

int hf_reader_load(void *reader, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected_len,
	struct hf_buf *out, struct hf_error *err)
{
	struct hf_reader *r = reader;
	struct hf_chunk_view view;
	const struct hf_chunk_ref ref = {.id = *id, .len = expected_len};
	int result = hf_reader_get(r, kind, &ref, &view, err);
	if (result < 0)
		return result;
	hf_buf_clear(out);
	hf_buf_add(out, view.data, view.len);
	hf_reader_unpin(r, view.frame);
	return hf_buf_check(out, "chunk", err);
}

struct hf_chunk_feed hf_reader_feed(struct hf_reader *r)
{
	return (struct hf_chunk_feed){hf_reader_load, r};
}
