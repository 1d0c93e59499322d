/* Making packs; see pack.h. */
#include "repo/pack.h"

#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/sign.h"

#include <stdlib.h>

enum { SMALL_PACK = 1 << 20 }; /* up to here the buffer just grows: many a run stores no more */

struct hf_pack_builder {
	const struct hf_key *key;
	const struct hf_run_key *run_key;
	struct hf_buf bytes; /* header and frames */
	size_t expected; /* that they come to; 0: not known */
	struct hf_pack_table table;
	size_t frame_cap, chunk_cap;
};

void hf_pack_table_free(struct hf_pack_table *t)
{
	free(t->frames);
	free(t->chunks);
	*t = (struct hf_pack_table){0};
}

int hf_pack_builder_new(const struct hf_key *key, const struct hf_run_key *run_key, struct hf_pack_builder **out,
	struct hf_error *err)
{
	struct hf_pack_builder *b = calloc(1, sizeof(*b));
	if (!b)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	*b = (struct hf_pack_builder){.key = key, .run_key = run_key, .bytes = HF_BUF(HF_PACK_MAX)};
	hf_pack_builder_reset(b);
	*out = b;
	return 0;
}

void hf_pack_builder_reset(struct hf_pack_builder *b)
{
	uint8_t header[HF_PACK_HEADER];
	b->table.pack = (struct hf_ref){b->key->id, hf_id_new()};
	b->table.run = b->run_key->run;
	b->table.key_number = b->run_key->number;
	b->table.domain_mark = b->run_key->domain_mark;
	b->table.frame_count = b->table.chunk_count = 0;
	b->table.size = 0;
	hf_run_key_header(b->run_key, &b->table.pack.id, header);
	hf_buf_clear(&b->bytes);
	hf_buf_add(&b->bytes, header, sizeof(header));
}

void hf_pack_builder_expect(struct hf_pack_builder *b, uint64_t size)
{
	b->expected = (size_t)size + HF_PACK_HEADER;
}

void hf_pack_builder_free(struct hf_pack_builder *b)
{
	if (!b)
		return;
	hf_buf_free(&b->bytes);
	hf_pack_table_free(&b->table);
	free(b);
}

uint64_t hf_pack_builder_size(const struct hf_pack_builder *b)
{
	return b->bytes.len - HF_PACK_HEADER;
}

const struct hf_pack_table *hf_pack_builder_table(const struct hf_pack_builder *b)
{
	return &b->table;
}

static int reserve(struct hf_pack_builder *b, size_t chunks, struct hf_error *err)
{
	struct hf_pack_table *t = &b->table;
	if (t->frame_count == b->frame_cap) {
		size_t cap = b->frame_cap ? b->frame_cap * 2 : 64;
		void *p = realloc(t->frames, cap * sizeof(*t->frames));
		if (!p)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		t->frames = p;
		b->frame_cap = cap;
	}
	while (t->chunk_count + chunks > b->chunk_cap) {
		size_t cap = b->chunk_cap ? b->chunk_cap * 2 : 1024;
		void *p = realloc(t->chunks, cap * sizeof(*t->chunks));
		if (!p)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		t->chunks = p;
		b->chunk_cap = cap;
	}
	return 0;
}

int hf_pack_builder_add(struct hf_pack_builder *b, const struct hf_new_frame *f, struct hf_error *err)
{
	int r = reserve(b, f->chunk_count, err);
	if (r < 0)
		return r;
	struct hf_pack_table *t = &b->table;
	struct hf_pack_frame *frame = &t->frames[t->frame_count];
	*frame = (struct hf_pack_frame){.number = f->number, .offset = (uint32_t)b->bytes.len,
		.stored_len = (uint32_t)f->stored_len, .plain_len = f->plain_len,
		.first_chunk = (uint32_t)t->chunk_count, .chunk_count = (uint32_t)f->chunk_count,
		.chunk_kind = (uint8_t)f->chunk_kind};
	memcpy(t->chunks + t->chunk_count, f->chunks, f->chunk_count * sizeof(*f->chunks));
	if (b->bytes.len + f->stored_len > SMALL_PACK)
		hf_buf_reserve(&b->bytes, b->expected);
	hf_buf_add(&b->bytes, f->stored, f->stored_len);
	r = hf_buf_check(&b->bytes, "pack", err);
	if (r == 0) {
		t->frame_count++;
		t->chunk_count += f->chunk_count;
	}
	return r;
}

/* The length that all chunks of a frame but the last have, if the last is no longer; else 0. */
static uint32_t unit_of(const struct hf_chunk_ref *chunks, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (chunks[i].len != chunks[0].len && (i + 1 < n || chunks[i].len > chunks[0].len))
			return 0;
	return chunks[0].len;
}

static void encode_frame(struct hf_buf *out, const struct hf_pack_frame *f, const struct hf_chunk_ref *chunks)
{
	uint32_t unit = unit_of(chunks, f->chunk_count);
	hf_buf_u64(out, f->number);
	hf_buf_u32(out, f->stored_len);
	hf_buf_u32(out, f->plain_len);
	hf_buf_u32(out, f->chunk_count);
	hf_buf_u8(out, f->chunk_kind);
	hf_buf_u32(out, unit);
	for (uint32_t i = 0; unit == 0 && i < f->chunk_count; i++)
		hf_buf_u32(out, chunks[i].len);
	for (uint32_t i = 0; i < f->chunk_count; i++)
		hf_buf_add(out, chunks[i].id.b, HF_ID_SIZE);
}

static int seal_table(const struct hf_pack_builder *b, struct hf_buf *table, struct hf_error *err)
{
	uint8_t key[32];
	struct hf_aead *aead = NULL;
	size_t plain = table->len;
	hf_buf_space(table, HF_AEAD_TAG);
	int r = hf_buf_check(table, "pack table", err);
	if (r == 0)
		r = hf_hkdf((struct iovec){(void *)(uintptr_t)b->run_key->secret, 32},
			(struct iovec){(void *)(uintptr_t)b->table.pack.id.b, 16}, "holdfast pack table v1", key,
			sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, &aead, err);
	if (r == 0)
		r = hf_aead_seal(aead, 0, (struct iovec){b->bytes.data, HF_PACK_HEADER}, table->data, plain,
			table->data, err);
	hf_aead_free(aead);
	hf_wipe(key, sizeof(key));
	return r;
}

static int make_trailer(const struct hf_pack_builder *b, const struct hf_buf *table,
	uint8_t trailer[HF_PACK_TRAILER], struct hf_error *err)
{
	hf_put_u64(trailer, b->bytes.len);
	hf_put_u32(trailer + 8, (uint32_t)table->len);
	hf_put_u32(trailer + 12, 0);
	const struct iovec parts[] = {{b->bytes.data, HF_PACK_HEADER}, {table->data, table->len}, {trailer, 16}};
	return hf_sign(b->key->sign_secret, parts, 3, trailer + 16, err);
}

int hf_pack_builder_put(struct hf_pack_builder *b, struct hf_store *store, struct hf_error *err)
{
	HF_BUF_AUTO table = HF_BUF(HF_TABLE_MAX);
	const struct hf_pack_table *t = &b->table;
	hf_buf_u32(&table, (uint32_t)t->frame_count);
	hf_buf_u32(&table, (uint32_t)t->chunk_count);
	for (size_t i = 0; i < t->frame_count; i++)
		encode_frame(&table, &t->frames[i], t->chunks + t->frames[i].first_chunk);
	int r = seal_table(b, &table, err);
	uint8_t trailer[HF_PACK_TRAILER];
	if (r == 0)
		r = make_trailer(b, &table, trailer, err);
	if (r < 0)
		return r;
	char name[HF_NAME_MAX];
	const struct iovec parts[] = {
		{b->bytes.data, b->bytes.len}, {table.data, table.len}, {trailer, sizeof(trailer)}};
	b->table.size = b->bytes.len + table.len + sizeof(trailer);
	r = hf_store_put(store, hf_object_name(HF_KIND_PACK, &t->pack, name), parts, 3, err);
	if (r == 0)
		hf_buf_free(&b->bytes);
	return r;
}
