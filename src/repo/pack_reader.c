/* Opening packs and their tables; see pack.h. */
#include "repo/pack.h"

#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/kdf.h"
#include "crypto/random.h"
#include "crypto/sign.h"

#include <stdlib.h>

struct raw {
	uint8_t header[HF_PACK_HEADER], trailer[HF_PACK_TRAILER];
	struct hf_buf table; /* sealed, then plain */
	uint64_t table_at, size;
};

static int read_raw(struct hf_store *store, const char *name, struct raw *raw, struct hf_error *err)
{
	struct hf_object_info info;
	int r = hf_store_stat(store, name, &info, err);
	if (r < 0)
		return r;
	raw->size = info.size;
	if (info.size < HF_PACK_HEADER + HF_AEAD_TAG + HF_PACK_TRAILER)
		return hf_fail(err, HF_E_CORRUPT, "it is cut short (%llu bytes)", (unsigned long long)info.size);
	r = hf_store_get(store, name, 0, raw->header, sizeof(raw->header), err);
	if (r == 0)
		r = hf_store_get(store, name, info.size - HF_PACK_TRAILER, raw->trailer, HF_PACK_TRAILER, err);
	if (r < 0)
		return r;
	raw->table_at = hf_get_u64(raw->trailer);
	uint32_t len = hf_get_u32(raw->trailer + 8);
	if (len > HF_TABLE_MAX || len < HF_AEAD_TAG || hf_get_u32(raw->trailer + 12) != 0 ||
		raw->table_at < HF_PACK_HEADER || raw->table_at > info.size ||
		raw->table_at + len + HF_PACK_TRAILER != info.size)
		return hf_fail(err, HF_E_CORRUPT, "its end does not parse (cut short, or damaged)");
	uint8_t *p = hf_buf_space(&raw->table, len);
	if (!p)
		return hf_buf_check(&raw->table, "pack table", err);
	return hf_store_get(store, name, raw->table_at, p, len, err);
}

static uint32_t mark_of(const uint8_t header[HF_PACK_HEADER])
{
	enum { MARK_AT = 84 };
	return hf_get_u32(header + MARK_AT);
}

/* And that the writer may write in the domain that the pack says it is of. */
static int check_signature(const struct raw *raw, const struct hf_ref *pack, const struct hf_certs *certs,
	struct hf_error *err)
{
	const struct hf_cert *cert = hf_certs_find(certs, &pack->writer);
	if (!cert || !(cert->rights & HF_RIGHT_BACKUP))
		return hf_fail(err, HF_E_CORRUPT, "the owner has certified no such writer");
	const struct iovec parts[] = {{(void *)(uintptr_t)raw->header, HF_PACK_HEADER},
		{raw->table.data, raw->table.len}, {(void *)(uintptr_t)raw->trailer, 16}};
	if (hf_verify(cert->sign_public, parts, 3, raw->trailer + 16, NULL) < 0)
		return hf_fail(err, HF_E_CORRUPT, "its signature does not verify");
	if (mark_of(raw->header) && !hf_key_is_keeper(cert->kind, cert->rights))
		return hf_fail(err, HF_E_CORRUPT, "it claims to be of another domain than its writer's");
	return 0;
}

static int open_table(struct raw *raw, const struct hf_ref *pack, const struct hf_run_key *k, struct hf_error *err)
{
	uint8_t key[32];
	struct hf_aead *aead = NULL;
	int r = hf_hkdf((struct iovec){(void *)(uintptr_t)k->secret, 32},
		(struct iovec){(void *)(uintptr_t)pack->id.b, 16}, "holdfast pack table v1", key, sizeof(key), err);
	if (r == 0)
		r = hf_aead_new(key, &aead, err);
	if (r == 0)
		r = hf_aead_open(aead, 0, (struct iovec){raw->header, HF_PACK_HEADER}, raw->table.data,
			raw->table.len, raw->table.data, err);
	hf_aead_free(aead);
	hf_wipe(key, sizeof(key));
	raw->table.len -= HF_AEAD_TAG;
	return r < 0 ? hf_wrap(err, r, "its table") : 0;
}

static bool parse_lengths(struct hf_cursor *c, const struct hf_pack_frame *f, uint32_t unit,
	struct hf_chunk_ref *chunks)
{
	uint64_t at = 0;
	for (uint32_t i = 0; i < f->chunk_count; i++) {
		bool last = i + 1 == f->chunk_count;
		uint64_t left = f->plain_len - at;
		uint64_t len = unit == 0 ? hf_cursor_u32(c) : last ? left : unit;
		if (len > left || len > HF_CHUNK_MAX || (unit && last && len > unit))
			return false;
		chunks[i].len = (uint32_t)len;
		at += len;
	}
	return at == f->plain_len;
}

static bool parse_frame(struct hf_cursor *c, struct hf_pack_table *t, size_t chunk_total)
{
	struct hf_pack_frame *f = &t->frames[t->frame_count];
	const struct hf_pack_frame *before = t->frame_count ? f - 1 : NULL;
	f->offset = before ? before->offset + before->stored_len : HF_PACK_HEADER;
	f->number = hf_cursor_u64(c);
	f->stored_len = hf_cursor_u32(c);
	f->plain_len = hf_cursor_u32(c);
	f->chunk_count = hf_cursor_u32(c);
	f->chunk_kind = hf_cursor_u8(c);
	uint32_t unit = hf_cursor_u32(c);
	f->first_chunk = (uint32_t)t->chunk_count;
	if (c->failed || f->plain_len > HF_FRAME_MAX || f->stored_len > HF_PACK_MAX - f->offset ||
		f->chunk_count > chunk_total - t->chunk_count || f->chunk_count == 0)
		return false;
	struct hf_chunk_ref *chunks = t->chunks + t->chunk_count;
	if (!parse_lengths(c, f, unit, chunks))
		return false;
	for (uint32_t i = 0; i < f->chunk_count; i++) {
		const uint8_t *id = hf_cursor_bytes(c, HF_ID_SIZE);
		if (!id)
			return false;
		memcpy(chunks[i].id.b, id, HF_ID_SIZE);
	}
	t->chunk_count += f->chunk_count;
	t->frame_count++;
	return true;
}

static int parse_table(const struct raw *raw, struct hf_pack_table *t, struct hf_error *err)
{
	enum { FRAME_LEAST = 25 };
	struct hf_cursor c = hf_cursor(raw->table.data, raw->table.len);
	uint32_t frames = hf_cursor_u32(&c), chunks = hf_cursor_u32(&c);
	if (c.failed || frames > hf_cursor_left(&c) / FRAME_LEAST || chunks > hf_cursor_left(&c) / HF_ID_SIZE)
		return hf_fail(err, HF_E_CORRUPT, "its table does not parse");
	t->frames = calloc(frames ? frames : 1, sizeof(*t->frames));
	t->chunks = calloc(chunks ? chunks : 1, sizeof(*t->chunks));
	if (!t->frames || !t->chunks)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (uint32_t i = 0; i < frames; i++)
		if (!parse_frame(&c, t, chunks))
			return hf_fail(err, HF_E_CORRUPT, "its table does not parse");
	uint64_t end = frames ? (uint64_t)t->frames[frames - 1].offset + t->frames[frames - 1].stored_len
			      : HF_PACK_HEADER;
	if (!hf_cursor_done(&c) || t->chunk_count != chunks || end != raw->table_at)
		return hf_fail(err, HF_E_CORRUPT, "its table does not fit its frames");
	return 0;
}

static int read_once(struct hf_store *store, const struct hf_ref *pack, const struct hf_certs *certs, struct raw *raw,
	struct hf_error *err)
{
	char name[HF_NAME_MAX];
	int r = read_raw(store, hf_object_name(HF_KIND_PACK, pack, name), raw, err);
	return r < 0 ? r : check_signature(raw, pack, certs, err);
}

static int read_signed(struct hf_store *store, const struct hf_ref *pack, const struct hf_certs *certs,
	struct raw *raw, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	int r = read_once(store, pack, certs, raw, err);
	if (!hf_store_doubt(store, hf_object_name(HF_KIND_PACK, pack, name), r, err))
		return r;
	hf_buf_clear(&raw->table);
	return read_once(store, pack, certs, raw, err);
}

static int take_table(struct raw *raw, const struct hf_ref *pack, const struct hf_run_key *k,
	struct hf_pack_table *table, struct hf_error *err)
{
	*table = (struct hf_pack_table){.pack = *pack, .size = raw->size, .run = k->run, .key_number = k->number,
		.domain_mark = k->domain_mark};
	int r = open_table(raw, pack, k, err);
	if (r == 0)
		r = parse_table(raw, table, err);
	if (r < 0)
		hf_pack_table_free(table);
	return r;
}

static int named(const struct hf_ref *pack, int r, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	return r < 0 ? hf_wrap(err, r, "%s", hf_object_name(HF_KIND_PACK, pack, name)) : 0;
}

int hf_pack_open(struct hf_store *store, const struct hf_ref *pack, const struct hf_key *key,
	const struct hf_certs *certs, struct hf_run_key *run_key, struct hf_pack_table *table,
	struct hf_error *err)
{
	struct raw raw = {.table = HF_BUF(HF_TABLE_MAX)};
	if (table)
		*table = (struct hf_pack_table){0};
	int r = read_signed(store, pack, certs, &raw, err);
	if (r == 0)
		r = hf_run_key_open(raw.header, pack, key, run_key, err);
	if (r == 0 && table)
		r = take_table(&raw, pack, run_key, table, err);
	hf_buf_free(&raw.table);
	return named(pack, r, err);
}

int hf_pack_open_own(struct hf_store *store, const struct hf_ref *pack, const struct hf_run_key *run_key,
	const struct hf_certs *certs, struct hf_pack_table *table, struct hf_error *err)
{
	struct raw raw = {.table = HF_BUF(HF_TABLE_MAX)};
	uint8_t header[HF_PACK_HEADER];
	hf_run_key_header(run_key, &pack->id, header);
	*table = (struct hf_pack_table){0};
	int r = read_signed(store, pack, certs, &raw, err);
	if (r == 0 && memcmp(header, raw.header, sizeof(header)) != 0)
		r = hf_fail(err, HF_E_CORRUPT, "its header is not the one that was written");
	if (r == 0)
		r = take_table(&raw, pack, run_key, table, err);
	hf_buf_free(&raw.table);
	return named(pack, r, err);
}

/* --- of which domain it is -------------------------------------------------------------------------------------------- */

int hf_pack_mark(struct hf_store *store, const struct hf_ref *pack, const struct hf_certs *certs, uint32_t *mark,
	struct hf_error *err)
{
	enum { NAME_AT = 32 };
	struct raw raw = {.table = HF_BUF(HF_TABLE_MAX)};
	int r = read_signed(store, pack, certs, &raw, err);
	if (r == 0 && memcmp(raw.header + NAME_AT, pack, sizeof(*pack)) != 0)
		r = hf_fail(err, HF_E_CORRUPT, "it was stored under another name than its own");
	*mark = r == 0 ? mark_of(raw.header) : 0;
	hf_buf_free(&raw.table);
	return named(pack, r, err);
}

int hf_pack_peek(struct hf_store *store, const struct hf_ref *pack, struct hf_pack_claim *out, struct hf_error *err)
{
	enum { RUN_AT = 64 };
	uint8_t header[HF_PACK_HEADER];
	char name[HF_NAME_MAX];
	int r = hf_store_get(store, hf_object_name(HF_KIND_PACK, pack, name), 0, header, sizeof(header), err);
	if (r < 0)
		return named(pack, r, err);
	memcpy(out->run.b, header + RUN_AT, HF_ID_SIZE);
	out->domain_mark = mark_of(header);
	return 0;
}

bool hf_pack_is_in(const struct hf_certs *certs, const struct hf_id *writer, uint32_t mark, const struct hf_id *domain)
{
	const struct hf_cert *cert = hf_certs_find(certs, writer);
	if (!cert || mark)
		return cert && hf_domain_mark(domain) == mark && hf_key_is_keeper(cert->kind, cert->rights);
	return cert->has_domain && hf_id_equal(&cert->domain, domain);
}
