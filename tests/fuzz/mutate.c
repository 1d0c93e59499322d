/* See mutate.h. Every choice comes from splitmix64, started with the mutant's number. */
#include "mutate.h"

#include <string.h>

struct mutant {
	uint8_t *data;
	size_t len;
	uint64_t state;
	const struct seed *seeds;
	size_t seed_count;
};

static uint64_t next(struct mutant *m)
{
	uint64_t z = (m->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t below(struct mutant *m, size_t n)
{
	return n ? (size_t)(next(m) % n) : 0;
}

/* Mostly short. */
static size_t some_length(struct mutant *m, size_t most)
{
	size_t n = below(m, 4) ? below(m, 16) : below(m, 512);
	return n + 1 < most ? n + 1 : most;
}

static void flip_bit(struct mutant *m)
{
	if (m->len)
		m->data[below(m, m->len)] ^= (uint8_t)(1u << below(m, 8));
}

static void set_byte(struct mutant *m)
{
	static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xff, '0', '9', '"', '{', '}', '[', ']', ':', ',', '\\', '/', '.', '\n', '$', '-'};
	if (m->len)
		m->data[below(m, m->len)] = below(m, 2) ? odd[below(m, sizeof(odd))] : (uint8_t)next(m);
}

/* A number of 1 to 8 bytes, of either order. */
static void set_number(struct mutant *m)
{
	static const uint64_t edges[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x3fffff, 0x400000, 0x400001,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, INT64_MAX, UINT64_C(1) << 63, UINT64_MAX - 1, UINT64_MAX};
	size_t width = (size_t)1 << below(m, 4);
	if (m->len < width)
		return;
	uint64_t v = edges[below(m, sizeof(edges) / sizeof(edges[0]))];
	size_t at = below(m, m->len - width + 1);
	int big = below(m, 2) == 0;
	for (size_t i = 0; i < width; i++)
		m->data[at + i] = (uint8_t)(v >> (8 * (big ? width - 1 - i : i)));
}

static void add_a_little(struct mutant *m)
{
	if (m->len)
		m->data[below(m, m->len)] += (uint8_t)(below(m, 33) - 16);
}

static void cut_out(struct mutant *m)
{
	if (m->len < 2)
		return;
	size_t n = some_length(m, m->len), at = below(m, m->len - n + 1);
	memmove(m->data + at, m->data + at + n, m->len - at - n);
	m->len -= n;
}

static void insert(struct mutant *m, const uint8_t *bytes, size_t n)
{
	if (n > MUTANT_MAX - m->len)
		return;
	uint8_t piece[512 + 1];
	if (n > sizeof(piece))
		n = sizeof(piece);
	memcpy(piece, bytes, n); /* they may be the mutant's own */
	size_t at = below(m, m->len + 1);
	memmove(m->data + at + n, m->data + at, m->len - at);
	memcpy(m->data + at, piece, n);
	m->len += n;
}

static void double_piece(struct mutant *m)
{
	size_t n = some_length(m, m->len);
	if (m->len)
		insert(m, m->data + below(m, m->len - n + 1), n);
}

static void insert_same(struct mutant *m)
{
	uint8_t bytes[512];
	size_t n = some_length(m, sizeof(bytes));
	memset(bytes, below(m, 2) ? 0 : (int)below(m, 256), n);
	insert(m, bytes, n);
}

static void copy_within(struct mutant *m)
{
	if (m->len < 2)
		return;
	size_t n = some_length(m, m->len), from = below(m, m->len - n + 1), to = below(m, m->len - n + 1);
	memmove(m->data + to, m->data + from, n);
}

static void take_from_another(struct mutant *m)
{
	const struct seed *s = &m->seeds[below(m, m->seed_count)];
	if (!s->len)
		return;
	size_t n = some_length(m, s->len);
	insert(m, s->data + below(m, s->len - n + 1), n);
}

static void end_early(struct mutant *m)
{
	m->len = below(m, 4) ? m->len - below(m, m->len < 64 ? m->len + 1 : 64) : below(m, m->len + 1);
}

size_t mutate(const struct seed *seeds, size_t count, uint64_t n, uint8_t *out)
{
	static void (*const changes[])(struct mutant *) = {flip_bit, flip_bit, set_byte, set_byte, set_number, set_number, add_a_little,
		cut_out, double_piece, insert_same, copy_within, take_from_another, end_early};
	struct mutant m = {.data = out, .state = n * UINT64_C(0xd1342543de82ef95) + 1, .seeds = seeds, .seed_count = count};
	const struct seed *s = &seeds[below(&m, count)];
	m.len = s->len < MUTANT_MAX ? s->len : MUTANT_MAX;
	if (m.len)
		memcpy(out, s->data, m.len);
	for (size_t i = 1 + below(&m, 8); i > 0; i--)
		changes[below(&m, sizeof(changes) / sizeof(changes[0]))](&m);
	return m.len;
}
