/*
 * What the parts of hf-gen share: a seeded random source, an output that stops at an exact size,
 * and the text of a made-up world.
 *
 * Everything is a function of the seed, so that two runs, or two machines, measure the same bytes.
 */
#ifndef HF_BENCH_GEN_H
#define HF_BENCH_GEN_H

#include <stddef.h>
#include <stdint.h>

/* splitmix64: one add and three multiplies a draw; good enough for data, never for keys. */
struct rng {
	uint64_t s;
};

static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* A number in [0, n); the bias of the multiply is below 2^-32 for the n used here. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)(((rng_next(r) >> 32) * n) >> 32);
}

/* A number in [0, 1). */
static inline double rng_unit(struct rng *r)
{
	return (double)(rng_next(r) >> 11) * 0x1.0p-53;
}

/* A seed for the part `n` of the whole that `seed` stands for. */
static inline uint64_t rng_fork(uint64_t seed, uint64_t n)
{
	struct rng r = {seed ^ (n * 0xd6e8feb86659fd93u)};

	return rng_next(&r);
}

/* Where text goes: at most `left` more bytes are taken, the rest is dropped, so that a file gets
 * its exact size however its writer's lines fall. fd < 0 keeps it in `buf` (at most OUT_MAX). */
enum { OUT_MAX = 1 << 18 };
struct out {
	int fd;
	uint64_t left;
	size_t fill;
	char buf[OUT_MAX];
};

void out_begin(struct out *o, int fd, uint64_t limit);
void out_put(struct out *o, const void *bytes, size_t n);
void out_str(struct out *o, const char *s);
void out_num(struct out *o, uint64_t n, unsigned min_digits);
void out_end(struct out *o); /* writes what is left; a failed write ends the program */

/* The words: made from syllables, drawn by Zipf's law. text_begin() once, before anything else. */
void text_begin(uint64_t seed);
const char *text_word(struct rng *r, size_t *len); /* the commonest ones come most often */
const char *text_name(uint32_t n);                 /* the n-th word of the list (mod its length) */
void text_date(struct out *o, uint64_t unix_ms, int with_ms);

/* Writers of one kind of content each; they go on until the output is full. */
void text_prose(struct out *o, struct rng *r, uint64_t project);
void text_code(struct out *o, struct rng *r, uint64_t project);
void text_log(struct out *o, struct rng *r, uint64_t project);
void text_json(struct out *o, struct rng *r, uint64_t project);
void text_csv(struct out *o, struct rng *r, uint64_t project);
void text_binary(struct out *o, struct rng *r, uint64_t project);
void text_noise(struct out *o, struct rng *r); /* incompressible: images, archives, video */

/* The subcommands; they return the exit status. */
int gen_tree(int argc, char **argv);
int gen_sqlite(int argc, char **argv);

/* Options, shared by both: `--name VALUE`, or 0 where it isn't the one asked for. */
int gen_opt_u64(int argc, char **argv, int *i, const char *name, uint64_t *value);
int gen_opt_percent(int argc, char **argv, int *i, const char *name, double *fraction);
__attribute__((format(printf, 1, 2), noreturn)) void gen_die(const char *fmt, ...);

#endif
