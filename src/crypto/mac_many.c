/*
 * The MACs of many messages; see hash.h.
 *
 * Two lanes take blocks side by side, each of a message of its own, and as soon as one has done with its message it takes the
 * next one. A message is a sequence of runs of blocks: the block that its head begins, the whole blocks of its body, the one or
 * two that its end and the padding fill, and the block of the outer hash. Where the processor can't, and for the last message,
 * OpenSSL takes one after another.
 */
#include "crypto/hash.h"

#include "crypto/hash_internal.h"
#include "crypto/random.h"

#include <assert.h>
#include <string.h>

enum { BLOCK = SHA256_CBLOCK, LENGTH_SIZE = 8 };
static_assert(HF_MESSAGE_HEAD < BLOCK - LENGTH_SIZE, "a head and the start of the body share a block");

enum phase { IDLE, FIRST, WHOLE, LAST, OUTER };

struct lane {
	struct hf_message *message;
	enum phase phase;
	struct hf_sha256_run run;
	size_t count, taken; /* blocks left in the run; bytes of the body that are in this run or were in one before */
	uint8_t own[2 * BLOCK];
};

static void put_big_endian(uint8_t *p, uint64_t v, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

static void begin_run(struct lane *l, enum phase phase, const uint8_t *blocks, size_t count)
{
	l->phase = phase;
	l->run.blocks = blocks;
	l->count = count;
}

/* Ends the first `len` bytes of `own` as SHA-256 does (FIPS 180-4, 5.1.1), after `total` bytes in all. */
static void begin_padded(struct lane *l, enum phase phase, size_t len, uint64_t total)
{
	size_t count = len + 1 + LENGTH_SIZE > BLOCK ? 2 : 1;
	l->own[len] = 0x80;
	memset(l->own + len + 1, 0, count * BLOCK - len - 1);
	put_big_endian(l->own + count * BLOCK - LENGTH_SIZE, 8 * total, LENGTH_SIZE);
	begin_run(l, phase, l->own, count);
}

/* What is left of the body, after `len` bytes that are in `own` already. */
static void begin_last(struct lane *l, size_t len)
{
	const struct hf_message *m = l->message;
	size_t left = m->body.iov_len - l->taken;
	if (left)
		memcpy(l->own + len, (const uint8_t *)m->body.iov_base + l->taken, left);
	begin_padded(l, LAST, len + left, BLOCK + (uint64_t)m->head_len + m->body.iov_len);
}

static void begin_whole_or_last(struct lane *l)
{
	const struct hf_message *m = l->message;
	size_t count = (m->body.iov_len - l->taken) / BLOCK;
	const uint8_t *blocks = (const uint8_t *)m->body.iov_base + l->taken;
	if (!count) {
		begin_last(l, 0);
		return;
	}
	l->taken += count * BLOCK;
	begin_run(l, WHOLE, blocks, count);
}

static void begin_message(struct lane *l, const struct hf_mac *mac, struct hf_message *m)
{
	l->message = m;
	l->taken = 0;
	memcpy(l->run.h, mac->inner.h, sizeof(l->run.h));
	memcpy(l->own, m->head, m->head_len);
	if (m->head_len + m->body.iov_len < BLOCK) {
		begin_last(l, m->head_len);
		return;
	}
	l->taken = BLOCK - m->head_len;
	memcpy(l->own + m->head_len, m->body.iov_base, l->taken);
	begin_run(l, FIRST, l->own, 1);
}

static void put_hash(const struct lane *l, uint8_t *out)
{
	for (size_t i = 0; i < 8; i++)
		put_big_endian(out + 4 * i, l->run.h[i], 4);
}

static void begin_outer(struct lane *l, const struct hf_mac *mac)
{
	put_hash(l, l->own);
	memcpy(l->run.h, mac->outer.h, sizeof(l->run.h));
	begin_padded(l, OUTER, HF_SHA256, BLOCK + HF_SHA256);
}

/* After the last block of a run: what comes then. */
static void end_run(struct lane *l, const struct hf_mac *mac)
{
	switch (l->phase) {
	case FIRST:
		begin_whole_or_last(l);
		break;
	case WHOLE:
		begin_last(l, 0);
		break;
	case LAST:
		begin_outer(l, mac);
		break;
	case OUTER:
		put_hash(l, l->message->mac);
		l->phase = IDLE;
		break;
	case IDLE:
		break;
	}
}

static void take_alone(struct lane *l)
{
	SHA256_CTX c;
	SHA256_Init(&c);
	memcpy(c.h, l->run.h, sizeof(l->run.h));
	SHA256_Update(&c, l->run.blocks, l->count * BLOCK);
	memcpy(l->run.h, c.h, sizeof(l->run.h));
	l->count = 0;
}

static void take(struct lane *a, struct lane *b)
{
	if (a->phase == IDLE || b->phase == IDLE) {
		take_alone(a->phase == IDLE ? b : a);
		return;
	}
	size_t count = a->count < b->count ? a->count : b->count;
	hf_sha256_pair(&a->run, &b->run, count);
	a->count -= count;
	b->count -= count;
}

static void mac_pairs(struct hf_mac *mac, struct hf_message *messages, size_t count)
{
	struct lane lanes[2];
	size_t next = 0;
	lanes[0].phase = lanes[1].phase = IDLE;
	for (;;) {
		for (int i = 0; i < 2; i++)
			if (lanes[i].phase == IDLE && next < count)
				begin_message(&lanes[i], mac, &messages[next++]);
		if (lanes[0].phase == IDLE && lanes[1].phase == IDLE)
			break;
		take(&lanes[0], &lanes[1]);
		for (int i = 0; i < 2; i++)
			if (lanes[i].phase != IDLE && lanes[i].count == 0)
				end_run(&lanes[i], mac);
	}
	hf_wipe(lanes, sizeof(lanes));
}

void hf_mac_many(struct hf_mac *mac, struct hf_message *messages, size_t count)
{
	if (mac->has_pair && count > 1) {
		mac_pairs(mac, messages, count);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		struct hf_message *m = &messages[i];
		const struct iovec parts[] = {{m->head, m->head_len}, m->body};
		hf_mac(mac, parts, 2, m->mac);
	}
}
