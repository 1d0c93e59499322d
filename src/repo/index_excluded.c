/* A set of packs by name: a sorted array under a lock, since it is mostly empty and hardly ever grows; see index_memtable.h. */
#include "repo/index_memtable.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct hf_ref_set {
	_Atomic size_t count; /* so that an empty set costs no lock */
	pthread_rwlock_t lock;
	struct hf_ref *refs;
	size_t cap;
};

int hf_ref_set_new(struct hf_ref_set **out, struct hf_error *err)
{
	struct hf_ref_set *set = calloc(1, sizeof(*set));
	if (!set)
		return hf_fail(err, HF_E_NOMEM, "no memory for the index");
	pthread_rwlock_init(&set->lock, NULL);
	*out = set;
	return 0;
}

void hf_ref_set_free(struct hf_ref_set *set)
{
	if (!set)
		return;
	pthread_rwlock_destroy(&set->lock);
	free(set->refs);
	free(set);
}

/* How many refs are below `ref`. Under the lock. */
static size_t rank_of(const struct hf_ref_set *set, const struct hf_ref *ref)
{
	size_t low = 0, high = atomic_load(&set->count);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(&set->refs[middle], ref, sizeof(*ref)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct hf_ref_set *set, size_t i, const struct hf_ref *ref)
{
	return i < atomic_load(&set->count) && hf_ref_equal(&set->refs[i], ref);
}

int hf_ref_set_add(struct hf_ref_set *set, const struct hf_ref *ref, struct hf_error *err)
{
	int r = 0;
	pthread_rwlock_wrlock(&set->lock);
	size_t count = atomic_load(&set->count), i = rank_of(set, ref);
	bool there = is_at(set, i, ref);
	if (!there && count == set->cap) {
		size_t cap = set->cap ? set->cap * 2 : 64;
		struct hf_ref *p = realloc(set->refs, cap * sizeof(*p));
		if (p) {
			set->refs = p;
			set->cap = cap;
		} else {
			r = hf_fail(err, HF_E_NOMEM, "no memory for the index");
		}
	}
	if (!there && r == 0) {
		memmove(set->refs + i + 1, set->refs + i, (count - i) * sizeof(*set->refs));
		set->refs[i] = *ref;
		atomic_store(&set->count, count + 1);
	}
	pthread_rwlock_unlock(&set->lock);
	return r;
}

bool hf_ref_set_has(struct hf_ref_set *set, const struct hf_ref *ref)
{
	if (atomic_load(&set->count) == 0)
		return false;
	pthread_rwlock_rdlock(&set->lock);
	bool has = is_at(set, rank_of(set, ref), ref);
	pthread_rwlock_unlock(&set->lock);
	return has;
}
