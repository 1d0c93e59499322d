/*
 * hf-gen-index: fills the index of a repository with chunks that lie in no pack that exists.
 *
 *   hf-gen-index REPOSITORY KEY-FILE CHUNKS [SEED]
 *
 * The index is real: it is written by the library, from the tables that packs would have, in the order in which a long life
 * of backups would have told of them; so it has the segments, the tiers and the merges that such a repository has. What the
 * tables tell of is shaped like files of middling size: four chunks a frame, 80 frames a pack. What was replaced by merges
 * stays until a prune, as ever.
 */
#include "gen.h"

#include "base/error.h"
#include "repo/index.h"
#include "repo/key.h"
#include "repo/pack.h"
#include "repo/repository.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS_A_FRAME = 4, FRAMES_A_PACK = 80, PACKS_A_RUN = 100 };

struct filling {
	struct hf_index *index;
	struct hf_pack_frame frames[FRAMES_A_PACK];
	struct hf_chunk_ref chunks[FRAMES_A_PACK * CHUNKS_A_FRAME];
	struct rng random;
};

static void fill(void *out, size_t len, struct rng *r)
{
	for (size_t at = 0; at < len; at += sizeof(uint64_t)) {
		uint64_t v = rng_next(r);
		memcpy((char *)out + at, &v, sizeof(v));
	}
}

/* The table of a pack with `count` chunks. */
static struct hf_pack_table make_pack(struct filling *f, const struct hf_pack_table *run, uint64_t number, size_t count)
{
	struct hf_pack_table t = *run;
	uint32_t offset = HF_PACK_HEADER;
	t.frames = f->frames;
	t.chunks = f->chunks;
	t.chunk_count = count;
	t.frame_count = (count + CHUNKS_A_FRAME - 1) / CHUNKS_A_FRAME;
	fill(t.pack.id.b, sizeof(t.pack.id.b), &f->random);
	for (size_t i = 0; i < t.frame_count; i++) {
		size_t first = i * CHUNKS_A_FRAME, n = count - first < CHUNKS_A_FRAME ? count - first : CHUNKS_A_FRAME;
		struct hf_pack_frame *frame = &f->frames[i];
		*frame = (struct hf_pack_frame){.number = number * FRAMES_A_PACK + i, .offset = offset,
			.stored_len = 300000 + rng_below(&f->random, 200000), .first_chunk = (uint32_t)first,
			.chunk_count = (uint32_t)n, .chunk_kind = HF_CHUNK_DATA};
		for (size_t k = first; k < first + n; k++) {
			fill(f->chunks[k].id.b, sizeof(f->chunks[k].id.b), &f->random);
			f->chunks[k].len = 65536 + rng_below(&f->random, 300000);
			frame->plain_len += f->chunks[k].len;
		}
		offset += frame->stored_len;
	}
	t.size = offset;
	return t;
}

static int fill_index(struct filling *f, const struct hf_id *writer, uint64_t chunks, struct hf_error *err)
{
	struct hf_pack_table run = {.pack.writer = *writer};
	int r = 0;
	for (uint64_t number = 0; chunks > 0 && r == 0; number++) {
		size_t count = chunks < FRAMES_A_PACK * CHUNKS_A_FRAME ? (size_t)chunks : FRAMES_A_PACK * CHUNKS_A_FRAME;
		if (number % PACKS_A_RUN == 0)
			fill(run.run.b, sizeof(run.run.b), &f->random);
		struct hf_pack_table pack = make_pack(f, &run, number % PACKS_A_RUN, count);
		r = hf_index_note(f->index, &pack, err);
		chunks -= count;
	}
	return r < 0 ? r : hf_index_flush(f->index, err);
}

static int generate(char **argv, uint64_t chunks, uint64_t seed, struct hf_error *err)
{
	HF_REPOSITORY_AUTO *repo = NULL;
	struct filling *f = calloc(1, sizeof(*f));
	const struct hf_repository_options open = {.url = argv[1], .credentials.key_file = argv[2]};
	int r = f ? hf_repository_open(&open, &repo, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r < 0) {
		free(f);
		return r;
	}
	const struct hf_index_options index = {
		.store = repo->store, .key = repo->key, .domain = &repo->key->domain, .certs = &repo->certs};
	f->random.s = seed;
	r = hf_index_open(&index, &f->index, err);
	if (r == 0)
		r = fill_index(f, &repo->key->id, chunks, err);
	hf_index_close(f->index);
	free(f);
	return r;
}

int main(int argc, char **argv)
{
	struct hf_error err = {0};
	char *end = NULL, *seed_end = NULL;
	uint64_t chunks = argc > 3 ? strtoull(argv[3], &end, 10) : 0;
	uint64_t seed = argc > 4 ? strtoull(argv[4], &seed_end, 10) : 1;
	if (argc < 4 || argc > 5 || !end || end == argv[3] || *end || (seed_end && *seed_end)) {
		fprintf(stderr, "usage: hf-gen-index REPOSITORY KEY-FILE CHUNKS [SEED]\n");
		return 2;
	}
	if (generate(argv, chunks, seed, &err) < 0) {
		fprintf(stderr, "hf-gen-index: %s\n", err.msg);
		return 1;
	}
	return 0;
}
