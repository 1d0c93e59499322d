/* What verify.c (the order of things), verify_packs.c (packs, in parallel) and verify_paths.c (manifests) share. */
#ifndef HF_OPS_VERIFY_INTERNAL_H
#define HF_OPS_VERIFY_INTERNAL_H

#include "ops/access.h"
#include "ops/verify.h"
#include "repo/condemned.h"

#include <pthread.h>

/* A pack that a snapshot needs, and what is known of it. */
struct hf_verify_pack {
	struct hf_ref ref;
	size_t domain; /* in `domains` */
	size_t damage; /* place in the result + 1; 0: sound so far */
	bool is_gone;  /* a prune condemned and deleted it: what is needed of it lies in other packs */
};

/* A chunk that can't be had from one place; sorted by id once the packs are done. */
struct hf_verify_chunk {
	struct hf_chunk_id id;
	struct hf_ref pack;
	size_t damage;
};

/* A manifest that was walked whole and found sound, and the packs that this took. Snapshots of what did not change have the
 * same root: of those only the list of packs is looked at. */
struct hf_verify_walked {
	struct hf_id domain;
	struct hf_chunk_id root;
	uint8_t *used; /* a bit a pack, by place in `packs`; NULL: none here */
};
enum { HF_VERIFY_WALKED = 16 };

struct hf_verify {
	const struct hf_verify_options *options;
	struct hf_verify_result *result;
	struct hf_catalogue catalogue;
	struct hf_condemned condemned;
	struct hf_access *domains;
	size_t domain_count;
	struct hf_verify_pack *packs; /* ascending by ref */
	size_t pack_count;
	struct hf_verify_chunk *chunks; /* bad ones */
	size_t chunk_count, chunk_cap;
	struct hf_verify_walked walked[HF_VERIFY_WALKED]; /* the last ones, in turn */
	unsigned walked_next;
	pthread_mutex_t lock; /* of result and chunks while workers run */
};

/* Adds a finding; returns its place + 1, or 0 without memory (then the result is not ok all the same). Takes the lock. */
size_t hf_verify_damage(struct hf_verify *v, const char *object, const char *error);
struct hf_verify_pack *hf_verify_find_pack(struct hf_verify *v, const struct hf_ref *ref);
/* Says that a finding touches a snapshot, and a path of it (NULL: all of it). */
void hf_verify_touch(struct hf_verify *v, size_t damage, const struct hf_id *snapshot, const char *source,
	const struct hf_entry *entry);

int hf_verify_objects(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
/* To be called last: reports what could be read in its oldest version only. */
int hf_verify_doubted(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
int hf_verify_packs(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
int hf_verify_snapshot(struct hf_verify *v, const struct hf_snapshot *s, struct hf_access *access,
	struct hf_error *err) HF_MUST_CHECK;

#endif
