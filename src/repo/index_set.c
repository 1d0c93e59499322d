/*
 * The segments of an index: finding them in the store, and the list of those in use; see index_internal.h.
 *
 * A segment counts if its writer's signature holds, if it is of our domain, and if no other sound segment by the same writer
 * (or by the owner) says that it replaces it.
 */
#include "repo/index_internal.h"

#include "base/hex.h"
#include "base/pool.h"
#include "repo/index_verified.h"
#include "repo/object.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Segments are opened so many at once, by so many threads. */
enum { OPEN_AT_ONCE = 64, OPENERS = 8 };

/* --- the list ---------------------------------------------------------------------------------------------------- */

struct hf_index_list *hf_index_list_take(struct hf_index *index)
{
	pthread_mutex_lock(&index->lock);
	struct hf_index_list *list = index->list;
	if (list)
		atomic_fetch_add(&list->holds, 1);
	pthread_mutex_unlock(&index->lock);
	return list;
}

void hf_index_list_give(struct hf_index_list *list)
{
	if (!list || atomic_fetch_sub(&list->holds, 1) > 1)
		return;
	for (size_t i = 0; i < list->count; i++)
		hf_index_segment_drop(list->segments[i]);
	free(list);
}

static bool is_among(struct hf_index_segment *const *segments, size_t count, const struct hf_index_segment *s)
{
	for (size_t i = 0; i < count; i++)
		if (segments[i] == s)
			return true;
	return false;
}

static struct hf_index_list *changed_list(const struct hf_index_list *old, const struct hf_index_change *change)
{
	size_t most = (old ? old->count : 0) + change->add_count;
	struct hf_index_list *list = calloc(1, sizeof(*list) + most * sizeof(struct hf_index_segment *));
	if (!list)
		return NULL;
	atomic_init(&list->holds, 1);
	for (size_t i = 0; old && i < old->count; i++)
		if (!is_among(change->remove, change->remove_count, old->segments[i]))
			list->segments[list->count++] = hf_index_segment_hold(old->segments[i]);
	for (size_t i = 0; i < change->add_count; i++)
		list->segments[list->count++] = change->add[i];
	return list;
}

int hf_index_list_change(struct hf_index *index, const struct hf_index_change *change, struct hf_error *err)
{
	pthread_mutex_lock(&index->lock);
	struct hf_index_list *old = index->list, *list = changed_list(old, change);
	if (list)
		index->list = list;
	pthread_mutex_unlock(&index->lock);
	if (list) {
		hf_index_list_give(old);
		return 0;
	}
	for (size_t i = 0; i < change->add_count; i++)
		hf_index_segment_drop(change->add[i]);
	return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
}

/* --- damage ------------------------------------------------------------------------------------------------------ */

static void note_damage(struct hf_index *index, const struct hf_ref *ref, const char *why)
{
	for (size_t i = 0; i < index->damage_count; i++)
		if (hf_ref_equal(&index->damage[i].ref, ref))
			return;
	if (index->damage_count == index->damage_cap) {
		size_t cap = index->damage_cap ? index->damage_cap * 2 : 8;
		struct hf_index_damage *p = realloc(index->damage, cap * sizeof(*p));
		if (!p)
			return;
		index->damage = p;
		index->damage_cap = cap;
	}
	char *copy = strdup(why);
	if (copy)
		index->damage[index->damage_count++] = (struct hf_index_damage){.ref = *ref, .why = copy};
}

bool hf_index_is_damage(struct hf_index *index, const struct hf_ref *ref, int code, const struct hf_error *err)
{
	if (code != HF_E_CORRUPT && code != HF_E_NOTFOUND && code != HF_E_UNSUPPORTED)
		return false;
	pthread_mutex_lock(&index->lock);
	note_damage(index, ref, err->msg);
	pthread_mutex_unlock(&index->lock);
	return true;
}

size_t hf_index_filters_held(const struct hf_index *index)
{
	size_t bytes = 0;
	for (size_t i = 0; i < index->list->count; i++)
		if (*hf_index_segment_filter(index->list->segments[i]) != HF_FILTER_UNASKED)
			bytes += hf_index_segment_filter_bytes(index->list->segments[i]);
	return bytes;
}

/* Whether the filter is the caller's to load: nobody did, and there is room for it. */
static bool may_load_filter(struct hf_index *index, struct hf_index_segment *segment)
{
	enum hf_index_filter *state = hf_index_segment_filter(segment);
	pthread_mutex_lock(&index->lock);
	while (*state == HF_FILTER_COMING)
		pthread_cond_wait(&index->filter_done, &index->lock);
	bool may = *state == HF_FILTER_UNASKED &&
		   hf_index_filters_held(index) + hf_index_segment_filter_bytes(segment) <= index->options.filter_bytes;
	if (may)
		*state = HF_FILTER_COMING;
	pthread_mutex_unlock(&index->lock);
	return may;
}

int hf_index_want_filter(struct hf_index *index, struct hf_index_segment *segment, struct hf_error *err)
{
	struct hf_error here = {0};
	if (!may_load_filter(index, segment))
		return 0;
	int r = hf_index_segment_load_filter(segment, &here);
	pthread_mutex_lock(&index->lock);
	*hf_index_segment_filter(segment) = HF_FILTER_DONE;
	pthread_cond_broadcast(&index->filter_done);
	pthread_mutex_unlock(&index->lock);
	if (r == 0 || hf_index_is_damage(index, hf_index_segment_ref(segment), r, &here))
		return 0;
	return hf_fail(err, r, "%s", here.msg);
}

/* --- finding them ------------------------------------------------------------------------------------------------ */

struct found {
	struct hf_ref ref;
	uint64_t size;
	int64_t time_ns;
	struct hf_index_segment *segment; /* NULL: damaged, or none of ours */
};

struct search {
	struct hf_index *index;
	struct found *found;
	size_t count, cap;
};

/* Whether the segment can be of our domain and be believed, as far as the certificate of its writer tells: but for keepers, a key has
 * only the domain that its certificate names, and what a revoked key wrote is not relied on. */
static bool may_be_ours(const struct hf_index *index, const struct hf_ref *ref)
{
	const struct hf_cert *cert = hf_certs_find(index->options.certs, &ref->writer);
	if (cert && cert->revoked)
		return false;
	return !cert || hf_key_is_keeper(cert->kind, cert->rights) ||
	       (cert->has_domain && hf_id_equal(&cert->domain, &index->options.domain->id));
}

static int see(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct search *s = user;
	if (!may_be_ours(s->index, ref))
		return 0;
	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct found *p = realloc(s->found, cap * sizeof(*p));
		if (!p)
			return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
		s->found = p;
		s->cap = cap;
	}
	s->found[s->count++] = (struct found){.ref = *ref, .size = info->size, .time_ns = info->time_ns};
	return 0;
}

/* A segment that is being opened, by one of several threads where the store is far away. */
struct opening {
	const struct hf_index_access *access;
	struct found *found;
	int result;
	struct hf_error error;
};

static void open_one(void *job)
{
	struct opening *o = job;
	o->error = (struct hf_error){0};
	o->result = hf_index_segment_open(o->access, &o->found->ref, o->found->size, &o->found->segment, &o->error);
}

/* Opens the `count` segments from number `first`, each with its result in `openings`. */
static void open_some(struct search *s, size_t first, size_t count, struct opening *openings, struct hf_pool *pool)
{
	for (size_t i = 0; i < count; i++) {
		openings[i].access = &s->index->access;
		openings[i].found = &s->found[first + i];
		if (pool)
			hf_pool_submit(pool, open_one, &openings[i]);
		else
			open_one(&openings[i]);
	}
	if (pool)
		hf_pool_wait(pool);
}

/* Damage is noted, and what is of another domain dropped: those to be kept move up to the `*kept` before them. */
static int judge_opened(struct search *s, const struct opening *openings, size_t count, size_t *kept, struct hf_error *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct opening *o = &openings[i];
		if (o->result == HF_INDEX_OTHER_DOMAIN)
			continue;
		if (o->result < 0 && !hf_index_is_damage(s->index, &o->found->ref, o->result, &o->error))
			return hf_fail(err, o->result, "%s", o->error.msg);
		struct found f = *o->found;
		o->found->segment = NULL;
		s->found[(*kept)++] = f;
	}
	return 0;
}

static int open_found(struct search *s, struct hf_error *err)
{
	HF_POOL_AUTO *pool = NULL;
	size_t kept = 0, most = s->count < OPEN_AT_ONCE ? s->count : OPEN_AT_ONCE;
	struct opening *openings = calloc(most + 1, sizeof(*openings));
	int r = openings ? 0 : hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
	if (r == 0 && s->index->options.store->is_far && s->count > 1)
		r = hf_pool_new(most < OPENERS ? (int)most : OPENERS, most, &pool, err);
	for (size_t first = 0; first < s->count && r == 0; first += most) {
		size_t n = s->count - first < most ? s->count - first : most;
		open_some(s, first, n, openings, pool);
		r = judge_opened(s, openings, n, &kept, err);
	}
	if (r == 0)
		s->count = kept;
	free(openings);
	return r;
}

static int compare_refs(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_ref));
}

/* Whether `by` may say that `ref` is replaced. */
static bool may_replace(const struct hf_index *index, const struct hf_id *by, const struct hf_ref *ref)
{
	return hf_id_equal(by, &ref->writer) || hf_id_equal(by, &index->options.key->owner_id);
}

/* All refs that sound segments replace, sorted. */
static struct hf_ref *collect_replaced(const struct search *s, size_t *count)
{
	size_t total = 0, n;
	for (size_t i = 0; i < s->count; i++)
		if (s->found[i].segment) {
			hf_index_segment_replaces(s->found[i].segment, &n);
			total += n;
		}
	struct hf_ref *all = calloc(total + 1, sizeof(*all));
	*count = 0;
	for (size_t i = 0; all && i < s->count; i++) {
		n = 0;
		const struct hf_ref *refs =
			s->found[i].segment ? hf_index_segment_replaces(s->found[i].segment, &n) : NULL;
		for (size_t k = 0; k < n; k++)
			if (may_replace(s->index, &s->found[i].ref.writer, &refs[k]))
				all[(*count)++] = refs[k];
	}
	if (all)
		qsort(all, *count, sizeof(*all), compare_refs);
	return all;
}

static void forget_damage(struct hf_index *index, const struct hf_ref *ref)
{
	for (size_t i = 0; i < index->damage_count; i++)
		if (hf_ref_equal(&index->damage[i].ref, ref)) {
			free(index->damage[i].why);
			index->damage[i] = index->damage[--index->damage_count];
			return;
		}
}

/* When what replaces it was made: the last such segment. */
static int64_t replaced_at(const struct search *s, const struct hf_ref *ref)
{
	int64_t at = INT64_MIN;
	for (size_t i = 0; i < s->count; i++) {
		size_t n = 0;
		const struct hf_ref *refs = s->found[i].segment ? hf_index_segment_replaces(s->found[i].segment, &n) : NULL;
		for (size_t k = 0; k < n; k++)
			if (memcmp(&refs[k], ref, sizeof(*ref)) == 0 && s->found[i].time_ns > at &&
				may_replace(s->index, &s->found[i].ref.writer, ref))
				at = s->found[i].time_ns;
	}
	return at;
}

/* What names others was made after them; where the store's clock is too coarse to tell, a merge is of a higher tier. */
static int by_age(const void *a, const void *b)
{
	const struct hf_index_garbage *x = a, *y = b;
	if (x->made_ns != y->made_ns)
		return x->made_ns < y->made_ns ? -1 : 1;
	return (x->tier > y->tier) - (x->tier < y->tier);
}

/* Takes down what was replaced, for prune. `replaced` is sorted. */
static int note_garbage(const struct search *s, const struct hf_ref *replaced, size_t count, struct hf_error *err)
{
	struct hf_index *index = s->index;
	index->garbage = calloc(s->count + 1, sizeof(*index->garbage));
	if (!index->garbage)
		return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
	for (size_t i = 0; i < s->count; i++) {
		const struct found *f = &s->found[i];
		if (!bsearch(&f->ref, replaced, count, sizeof(*replaced), compare_refs))
			continue;
		index->garbage[index->garbage_count++] = (struct hf_index_garbage){.segment = f->ref,
			.made_ns = f->time_ns, .replaced_ns = replaced_at(s, &f->ref),
			.tier = f->segment ? hf_index_segment_tier(f->segment) : 0};
	}
	if (index->garbage_count)
		qsort(index->garbage, index->garbage_count, sizeof(*index->garbage), by_age);
	return 0;
}

/* Leaves out what was replaced; damage of that doesn't matter any more either. */
static int drop_replaced(struct search *s, struct hf_error *err)
{
	size_t count, kept = 0;
	struct hf_ref *replaced = collect_replaced(s, &count);
	if (!replaced)
		return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
	int r = note_garbage(s, replaced, count, err);
	for (size_t i = 0; i < s->count; i++) {
		if (!bsearch(&s->found[i].ref, replaced, count, sizeof(*replaced), compare_refs)) {
			s->found[kept++] = s->found[i];
			continue;
		}
		forget_damage(s->index, &s->found[i].ref);
		hf_index_segment_drop(s->found[i].segment);
	}
	s->count = kept;
	free(replaced);
	return r;
}

/* Removes copies of segments that are not in use from the cache directory. */
static void tidy_copies(const struct search *s)
{
	const char *dir_name = s->index->access.cache_dir;
	DIR *dir = dir_name ? opendir(dir_name) : NULL;
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t len = strlen(e->d_name);
		bool is_copy = len == 32 + 1 + 32 + 6 && strcmp(e->d_name + len - 6, ".index") == 0, in_use = false;
		for (size_t i = 0; is_copy && !in_use && i < s->count; i++) {
			char writer[HF_ID_TEXT], id[HF_ID_TEXT];
			hf_hex(s->found[i].ref.writer.b, HF_ID_SIZE, writer);
			hf_hex(s->found[i].ref.id.b, HF_ID_SIZE, id);
			in_use = memcmp(e->d_name, writer, 32) == 0 && memcmp(e->d_name + 33, id, 32) == 0;
		}
		if (is_copy && !in_use)
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

/* Puts the sound ones into use. */
static int use_found(struct search *s, struct hf_error *err)
{
	struct hf_index_segment **add = calloc(s->count + 1, sizeof(struct hf_index_segment *));
	if (!add)
		return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
	size_t count = 0;
	for (size_t i = 0; i < s->count; i++) {
		if (!s->found[i].segment)
			continue;
		add[count++] = s->found[i].segment;
		s->found[i].segment = NULL;
	}
	int r = hf_index_list_change(s->index, &(struct hf_index_change){.add = add, .add_count = count}, err);
	free(add);
	return r;
}

/* A fresh index uses none of them, and will replace those that it may. */
static int mark_obsolete(struct search *s, struct hf_error *err)
{
	struct hf_index *index = s->index;
	index->obsolete = calloc(s->count + 1, sizeof(*index->obsolete));
	if (!index->obsolete)
		return hf_fail(err, HF_E_NOMEM, "no memory for the list of index segments");
	for (size_t i = 0; i < s->count; i++)
		if (may_replace(index, &index->options.key->id, &s->found[i].ref)) {
			index->obsolete[index->obsolete_count++] = s->found[i].ref;
			forget_damage(index, &s->found[i].ref);
		}
	return hf_index_list_change(index, &(struct hf_index_change){0}, err);
}

int hf_index_load(struct hf_index *index, struct hf_error *err)
{
	struct search s = {.index = index};
	if (index->options.unlisted)
		return hf_index_list_change(index, &(struct hf_index_change){0}, err);
	int r = hf_object_list(index->options.store, HF_KIND_INDEX, see, &s, err);
	index->access.verified = hf_index_verified_load(index->options.verified_dir, index->options.domain);
	if (r == 0)
		r = open_found(&s, err);
	hf_index_verified_save(index->access.verified);
	index->access.verified = NULL;
	if (r == 0)
		r = drop_replaced(&s, err);
	if (r == 0)
		tidy_copies(&s);
	if (r == 0)
		r = index->options.fresh ? mark_obsolete(&s, err) : use_found(&s, err);
	for (size_t i = 0; i < s.count; i++)
		hf_index_segment_drop(s.found[i].segment);
	free(s.found);
	return r < 0 ? hf_wrap(err, r, "open the index") : 0;
}
