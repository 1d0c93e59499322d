/* What verify.c (the order of things), verify_packs.c (packs, in parallel), verify_paths.c (manifests) and verify_known.c (what of these is known) share. */
#ifndef HF_OPS_VERIFY_INTERNAL_H
#define HF_OPS_VERIFY_INTERNAL_H

#include "ops/access.h"
#include "ops/verify.h"
#include "repo/condemned.h"
#include "repo/manifest_reader.h"

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

/* A set of packs, by their places in hf_verify.packs. */
struct hf_verify_packs {
	uint8_t *bits;	/* one a pack */
	uint32_t *list; /* those that are set */
	size_t count;
};

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
	struct hf_verify_known *known;
	pthread_mutex_t lock; /* of result and chunks while workers run */
};

/* Adds a finding; returns its place + 1, or 0 without memory (then the result is not ok all the same). Takes the lock. */
size_t hf_verify_damage(struct hf_verify *v, const char *object, const char *error);
struct hf_verify_pack *hf_verify_find_pack(struct hf_verify *v, const struct hf_ref *ref);
/* Says that a finding touches a snapshot, and a path of it (NULL: all of it). */
void hf_verify_touch(struct hf_verify *v, size_t damage, const struct hf_id *snapshot, const char *source,
	const struct hf_entry *entry);

/* verify_known.c. Sets of packs, of which there are `pack_count`: */
int hf_verify_packs_new(struct hf_verify_packs *set, size_t pack_count, struct hf_error *err) HF_MUST_CHECK;
void hf_verify_packs_free(struct hf_verify_packs *set);
bool hf_verify_packs_has(const struct hf_verify_packs *set, uint32_t pack);
void hf_verify_packs_add(struct hf_verify_packs *set, uint32_t pack);
void hf_verify_packs_clear(struct hf_verify_packs *set);

/* Nodes below which all was found in `packs`; `last` is the path of the last entry below one (empty: of a content list). What
 * there is no memory for is forgotten. */
struct hf_verify_known *hf_verify_known_new(void); /* NULL without memory */
void hf_verify_known_free(struct hf_verify_known *k); /* NULL is fine */
void hf_verify_known_note(struct hf_verify_known *k, const struct hf_access *access, const struct hf_manifest_child *node,
	const struct hf_verify_packs *packs, const struct hf_buf *last);
/* Whether the node is known, and all its packs are `listed`. Then adds those to `used`, and the path to `last` (NULL: not asked). */
bool hf_verify_known_find(struct hf_verify_known *k, const struct hf_access *access, const struct hf_manifest_child *node,
	const struct hf_verify_packs *listed, struct hf_verify_packs *used, struct hf_buf *last);

int hf_verify_objects(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
/* To be called last: reports what could be read in its oldest version only. */
int hf_verify_doubted(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
int hf_verify_packs(struct hf_verify *v, struct hf_error *err) HF_MUST_CHECK;
int hf_verify_snapshot(struct hf_verify *v, const struct hf_snapshot *s, struct hf_access *access,
	struct hf_error *err) HF_MUST_CHECK;

#endif
