/* Frames; see frame.h. */
#include "repo/frame.h"

#include "crypto/aead.h"

#include <stdlib.h>
#include <zstd.h>

enum {
	INNER_HEAD = 5, /* codec, payload length */
	CODEC_STORED = 0,
	CODEC_ZSTD = 1,
	PAD_LEAST = 64,
	WINDOW_LOG_MAX = 23,
	AAD_SIZE = 1 + 16 + 1 + 16 + 16 + 4 + 8 + 4,
	KEYS_KEPT = 8,
};

struct hf_frame_maker {
	const struct hf_run_key *key;
	struct hf_aead *aead;
	ZSTD_CCtx *zstd;
	struct hf_compression chosen;
};

/* An AEAD context kept for a run key that was used lately. */
struct kept_key {
	struct hf_id run;
	uint32_t number;
	struct hf_aead *aead;
	uint64_t used;
};

struct hf_frame_opener {
	ZSTD_DCtx *zstd;
	struct kept_key keys[KEYS_KEPT];
	uint64_t clock;
};

static struct iovec make_aad(const struct hf_run_key *k, uint64_t number, size_t plain_len, uint8_t out[AAD_SIZE])
{
	uint8_t *p = out;
	*p++ = 1;
	memcpy(p, k->repository.b, 16);
	p += 16;
	*p++ = (uint8_t)k->pack_class;
	memcpy(p, k->writer.b, 16);
	p += 16;
	memcpy(p, k->run.b, 16);
	p += 16;
	hf_put_u32(p, k->number);
	hf_put_u64(p + 4, number);
	hf_put_u32(p + 12, (uint32_t)plain_len);
	return (struct iovec){out, AAD_SIZE};
}

/* `len` rounded up to a multiple of 2^(e-6), where 2^e is its highest power of two: at most 1.6 % more. */
static size_t padded(size_t len)
{
	size_t highest = (size_t)1 << (63 - __builtin_clzl(len));
	size_t unit = highest >> 6;
	if (unit < PAD_LEAST)
		unit = PAD_LEAST;
	return (len + unit - 1) / unit * unit;
}

size_t hf_frame_bound(size_t len)
{
	return padded(INNER_HEAD + ZSTD_compressBound(len)) + HF_AEAD_TAG;
}

int hf_frame_maker_new(struct hf_frame_maker **out, struct hf_error *err)
{
	struct hf_frame_maker *m = calloc(1, sizeof(*m));
	ZSTD_CCtx *zstd = m ? ZSTD_createCCtx() : NULL;
	if (!zstd) {
		free(m);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	*m = (struct hf_frame_maker){.zstd = zstd};
	*out = m;
	return 0;
}

int hf_frame_maker_rekey(struct hf_frame_maker *m, const struct hf_run_key *k, struct hf_error *err)
{
	if (m->key == k)
		return 0;
	hf_aead_free(m->aead);
	m->aead = NULL;
	m->key = NULL;
	int r = hf_aead_new(k->secret, &m->aead, err);
	if (r == 0)
		m->key = k;
	return r;
}

int hf_frame_maker_choose(struct hf_frame_maker *m, const struct hf_compression *c, struct hf_error *err)
{
	if (m->chosen.level == c->level && m->chosen.hash_log == c->hash_log && m->chosen.chain_log == c->chain_log)
		return 0;
	if (ZSTD_isError(ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, c->level)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_hashLog, c->hash_log)) ||
		ZSTD_isError(ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_chainLog, c->chain_log)))
		return hf_fail(err, HF_E_USAGE, "zstd refuses compression level %d", c->level);
	m->chosen = *c;
	return 0;
}

void hf_frame_maker_free(struct hf_frame_maker *m)
{
	if (!m)
		return;
	hf_aead_free(m->aead);
	ZSTD_freeCCtx(m->zstd);
	free(m);
}

/* Writes codec, length and payload to `inner`, which has room for the bound; returns their length. */
static size_t compress(struct hf_frame_maker *m, const void *plain, size_t len, uint8_t *inner, size_t room)
{
	size_t n = ZSTD_compress2(m->zstd, inner + INNER_HEAD, room - INNER_HEAD, plain, len);
	bool smaller = !ZSTD_isError(n) && n < len;
	if (!smaller) {
		memcpy(inner + INNER_HEAD, plain, len);
		n = len;
	}
	inner[0] = smaller ? CODEC_ZSTD : CODEC_STORED;
	hf_put_u32(inner + 1, (uint32_t)n);
	return INNER_HEAD + n;
}

int hf_frame_make(struct hf_frame_maker *m, uint64_t number, const void *plain, size_t len, struct hf_buf *out,
	struct hf_error *err)
{
	size_t room = hf_frame_bound(len), start = out->len;
	uint8_t *inner = hf_buf_space(out, room);
	if (!inner)
		return hf_buf_check(out, "frame", err);
	size_t used = compress(m, plain, len, inner, room - HF_AEAD_TAG);
	size_t full = padded(used);
	memset(inner + used, 0, full - used);
	uint8_t aad[AAD_SIZE];
	int r = hf_aead_seal(m->aead, number, make_aad(m->key, number, len, aad), inner, full, inner, err);
	out->len = start + full + HF_AEAD_TAG;
	return r;
}

int hf_frame_opener_new(struct hf_frame_opener **out, struct hf_error *err)
{
	struct hf_frame_opener *o = calloc(1, sizeof(*o));
	if (o)
		o->zstd = ZSTD_createDCtx();
	if (!o || !o->zstd || ZSTD_isError(ZSTD_DCtx_setParameter(o->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX))) {
		hf_frame_opener_free(o);
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	*out = o;
	return 0;
}

void hf_frame_opener_free(struct hf_frame_opener *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < KEYS_KEPT; i++)
		hf_aead_free(o->keys[i].aead);
	ZSTD_freeDCtx(o->zstd);
	free(o);
}

static int aead_for(struct hf_frame_opener *o, const struct hf_run_key *k, struct hf_aead **out,
	struct hf_error *err)
{
	struct kept_key *oldest = &o->keys[0];
	for (size_t i = 0; i < KEYS_KEPT; i++) {
		struct kept_key *e = &o->keys[i];
		if (e->aead && e->number == k->number && hf_id_equal(&e->run, &k->run)) {
			e->used = ++o->clock;
			*out = e->aead;
			return 0;
		}
		if (e->used < oldest->used)
			oldest = e;
	}
	hf_aead_free(oldest->aead);
	*oldest = (struct kept_key){.run = k->run, .number = k->number, .used = ++o->clock};
	int r = hf_aead_new(k->secret, &oldest->aead, err);
	*out = oldest->aead;
	return r;
}

static int unpack(struct hf_frame_opener *o, const uint8_t *inner, size_t len, struct iovec plain,
	struct hf_error *err)
{
	uint32_t n = len < INNER_HEAD ? 0 : hf_get_u32(inner + 1);
	if (len < INNER_HEAD || n > len - INNER_HEAD)
		return hf_fail(err, HF_E_CORRUPT, "the frame's lengths do not add up");
	for (size_t i = INNER_HEAD + n; i < len; i++)
		if (inner[i])
			return hf_fail(err, HF_E_CORRUPT, "the frame's padding is not zero");
	if (inner[0] == CODEC_STORED && n == plain.iov_len) {
		memcpy(plain.iov_base, inner + INNER_HEAD, n);
		return 0;
	}
	if (inner[0] != CODEC_ZSTD)
		return hf_fail(err, HF_E_CORRUPT, "the frame has codec %u and %u bytes", inner[0], n);
	size_t got = ZSTD_decompressDCtx(o->zstd, plain.iov_base, plain.iov_len, inner + INNER_HEAD, n);
	if (ZSTD_isError(got) || got != plain.iov_len)
		return hf_fail(err, HF_E_CORRUPT, "the frame does not decompress to %zu bytes: %s", plain.iov_len,
			ZSTD_isError(got) ? ZSTD_getErrorName(got) : "another length");
	return 0;
}

int hf_frame_open(struct hf_frame_opener *o, const struct hf_run_key *k, uint64_t number, struct iovec stored,
	struct iovec plain, struct hf_error *err)
{
	struct hf_aead *aead = NULL;
	uint8_t aad[AAD_SIZE];
	if (stored.iov_len < HF_AEAD_TAG + INNER_HEAD)
		return hf_fail(err, HF_E_CORRUPT, "the frame is cut short");
	int r = aead_for(o, k, &aead, err);
	if (r == 0)
		r = hf_aead_open(aead, number, make_aad(k, number, plain.iov_len, aad), stored.iov_base,
			stored.iov_len, stored.iov_base, err);
	if (r < 0)
		return hf_wrap(err, r, "frame %llu", (unsigned long long)number);
	return unpack(o, stored.iov_base, stored.iov_len - HF_AEAD_TAG, plain, err);
}
