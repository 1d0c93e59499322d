/*
 * Packs: runs of frames with a sealed, signed table of what is in them. FORMAT.md, section 6.
 *
 * Writing: a builder holds one pack in memory:
 *	hf_pack_builder_new -> ( hf_pack_builder_add )* -> hf_pack_builder_put -> hf_pack_builder_reset -> …
 * What was put is described by a struct hf_pack_table, which the index takes (index.h) and which reading yields too.
 */
#ifndef HF_REPO_PACK_H
#define HF_REPO_PACK_H

#include "repo/content.h"
#include "repo/frame.h"
#include "repo/object.h"

/* One frame of a pack, and where its chunks are in the table's array. */
struct hf_pack_frame {
	uint64_t number;
	uint32_t offset, stored_len, plain_len;
	uint32_t first_chunk, chunk_count;
	uint8_t chunk_kind;
};

struct hf_pack_table {
	struct hf_ref pack;
	struct hf_id run;
	uint32_t key_number;
	uint32_t domain_mark; /* as in struct hf_run_key; see hf_pack_is_in */
	uint64_t size; /* of the whole pack */
	struct hf_pack_frame *frames;
	size_t frame_count;
	struct hf_chunk_ref *chunks; /* of all frames, one after another */
	size_t chunk_count;
};

void hf_pack_table_free(struct hf_pack_table *t);

/* --- writing ----------------------------------------------------------------------------------------------------- */

struct hf_pack_builder;

/* What goes into a pack with one frame. */
struct hf_new_frame {
	uint64_t number;
	const void *stored;
	size_t stored_len;
	uint32_t plain_len;
	enum hf_chunk_kind chunk_kind;
	const struct hf_chunk_ref *chunks; /* in order; their lengths add up to plain_len */
	size_t chunk_count;
};

int hf_pack_builder_new(const struct hf_key *key, const struct hf_run_key *run_key, struct hf_pack_builder **out,
	struct hf_error *err) HF_MUST_CHECK;
/* About how many bytes of frames packs will have: memory for them is taken at once, when it shows that one is not small. */
void hf_pack_builder_expect(struct hf_pack_builder *b, uint64_t size);
int hf_pack_builder_add(struct hf_pack_builder *b, const struct hf_new_frame *f, struct hf_error *err) HF_MUST_CHECK;
uint64_t hf_pack_builder_size(const struct hf_pack_builder *b); /* bytes of frames so far; 0: nothing to put */
/* Seals and signs the table and stores the pack. Then its bytes are gone, for others to have the memory: until reset only the table
 * may be looked at. */
int hf_pack_builder_put(struct hf_pack_builder *b, struct hf_store *store, struct hf_error *err) HF_MUST_CHECK;
const struct hf_pack_table *hf_pack_builder_table(const struct hf_pack_builder *b); /* valid until reset */
void hf_pack_builder_reset(struct hf_pack_builder *b); /* a new, empty pack with a new id */
void hf_pack_builder_free(struct hf_pack_builder *b);

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* Reads header and trailer of a pack, checks the writer's signature over them, and opens the run's data key. The
 * table is parsed into `table` if that is not NULL. */
int hf_pack_open(struct hf_store *store, const struct hf_ref *pack, const struct hf_key *key,
	const struct hf_certs *certs, struct hf_run_key *run_key, struct hf_pack_table *table,
	struct hf_error *err) HF_MUST_CHECK;
/* The same for a pack of a run whose data key is at hand: its writer may have no secret to open it with. */
int hf_pack_open_own(struct hf_store *store, const struct hf_ref *pack, const struct hf_run_key *run_key,
	const struct hf_certs *certs, struct hf_pack_table *table, struct hf_error *err) HF_MUST_CHECK;

/* --- of which domain it is --------------------------------------------------------------------------------------- */

/* Whether a pack by that writer with that mark is of the domain: without a mark it is of its writer's own; one of a keeper's may be of any. */
bool hf_pack_is_in(const struct hf_certs *certs, const struct hf_id *writer, uint32_t mark, const struct hf_id *domain);
/* The mark of a pack whose signature holds. Takes no secrets. */
int hf_pack_mark(struct hf_store *store, const struct hf_ref *pack, const struct hf_certs *certs, uint32_t *mark,
	struct hf_error *err) HF_MUST_CHECK;

/* What a pack says in its first bytes, which nothing has proved. */
struct hf_pack_claim {
	struct hf_id run;
	uint32_t domain_mark;
};
int hf_pack_peek(struct hf_store *store, const struct hf_ref *pack, struct hf_pack_claim *out, struct hf_error *err) HF_MUST_CHECK;

#endif
