/*
 * Opening an index segment: its header, root and signature; see index_segment.h. Its bytes come by way of index_copy.h. AES contexts
 * are made as threads need them, and kept.
 */
#include "repo/index_segment_internal.h"

#include "base/buf.h"
#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/sign.h"
#include "repo/index_verified.h"
#include "repo/object.h"

#include <stdlib.h>

int hf_index_segment_lie(const struct hf_index_segment *s, struct hf_error *err, const char *what)
{
	return hf_fail(err, HF_E_CORRUPT, "%s: %s", s->name, what);
}

/* --- opening ----------------------------------------------------------------------------------------------------- */

static int check_header(const struct hf_index_segment *s, struct hf_error *err)
{
	static const uint8_t fixed[16] = {'H', 'O', 'L', 'D', 'F', 'A', 'S', 'T', 1, HF_KIND_INDEX, HF_FORM_BLOCKS};
	static const uint8_t no_body[8];
	const uint8_t *h = s->header;
	if (memcmp(h, fixed, 8) != 0 || h[9] != fixed[9])
		return hf_index_segment_lie(s, err, "this is no index segment");
	if (h[8] != fixed[8])
		return hf_fail(err, HF_E_UNSUPPORTED, "%s: format version %u is not known to this program", s->name, h[8]);
	if (memcmp(h, fixed, 16) != 0 || memcmp(h + 64, no_body, 8) != 0)
		return hf_index_segment_lie(s, err, "the header is damaged");
	if (memcmp(h + 16, s->access->key->repository.b, HF_ID_SIZE) != 0 ||
		memcmp(h + 32, s->ref.writer.b, HF_ID_SIZE) != 0 || memcmp(h + 48, s->ref.id.b, HF_ID_SIZE) != 0)
		return hf_index_segment_lie(s, err, "the header names another object");
	return 0;
}

/* By the three parts that are signed; one that was verified before is not verified again. */
static int check_signature(const struct hf_index_segment *s, const struct hf_cert *cert, const struct iovec parts[3],
	const uint8_t signature[HF_SIGNATURE], struct hf_error *err)
{
	const struct hf_index_signed what = {.parts = parts, .count = 3, .signature = signature, .by = cert->sign_public};
	if (hf_index_verified_has(s->access->verified, &what))
		return 0;
	int r = hf_verify(cert->sign_public, parts, 3, signature, err);
	if (r < 0)
		return hf_wrap(err, r, "%s", s->name);
	hf_index_verified_add(s->access->verified, &what);
	return 0;
}

/* Root and tail into `sealed`, verified by the writer's signature. */
static int read_end(struct hf_index_segment *s, struct hf_buf *sealed, struct hf_error *err)
{
	enum { END = HF_INDEX_TAIL + HF_SIGNATURE, MOST = 8192 };
	uint8_t last[MOST];
	if (s->size < HF_INDEX_HEADER + HF_AEAD_TAG + END)
		return hf_index_segment_lie(s, err, "it is cut short");
	size_t last_len = s->size - HF_INDEX_HEADER < MOST ? (size_t)(s->size - HF_INDEX_HEADER) : MOST;
	int r = hf_index_copy_read(&s->copy, s->size - last_len, last, last_len, err);
	if (r < 0)
		return r;
	const uint8_t *end = last + last_len - END;
	uint32_t len = hf_get_u32(end + 8);
	s->root_at = hf_get_u64(end);
	if (len < HF_AEAD_TAG || len > HF_INDEX_ROOT_MAX || hf_get_u32(end + 12) != 0 || s->root_at < HF_INDEX_HEADER ||
		s->root_at > s->size || s->size - s->root_at != len + END)
		return hf_index_segment_lie(s, err, "its end is damaged");
	uint8_t *p = hf_buf_space(sealed, len);
	if (!p)
		return hf_buf_check(sealed, "root of an index segment", err);
	if (len + END <= last_len)
		memcpy(p, end - len, len);
	else
		r = hf_index_copy_read(&s->copy, s->root_at, p, len, err);
	if (r < 0)
		return r;
	const struct hf_cert *cert = hf_certs_find(s->access->certs, &s->ref.writer);
	if (!cert || !(cert->rights & HF_RIGHT_BACKUP))
		return hf_index_segment_lie(s, err, "no certificate lets its writer write it");
	const struct iovec parts[] = {
		{s->header, sizeof(s->header)}, {p, len}, {(void *)(uintptr_t)end, HF_INDEX_TAIL}};
	return check_signature(s, cert, parts, end + HF_INDEX_TAIL, err);
}

static uint64_t blocks_for(uint64_t records, uint32_t in_block)
{
	return (records + in_block - 1) / in_block;
}

static int place_blocks(struct hf_index_segment *s, struct hf_error *err)
{
	uint64_t frames_at = s->entry_blocks, packs_at = frames_at + blocks_for(s->frames, HF_INDEX_FRAMES);
	uint64_t filter_at = packs_at + blocks_for(s->packs, HF_INDEX_PACKS);
	uint64_t blocks = filter_at + blocks_for(s->lines, HF_INDEX_LINES);
	if (s->entries > (uint64_t)s->entry_blocks * HF_INDEX_ENTRIES || s->entry_blocks != blocks_for(s->entries, HF_INDEX_ENTRIES) ||
		s->lines == 0 || blocks > UINT32_MAX || s->root_at - HF_INDEX_HEADER != blocks * HF_INDEX_SEALED)
		return hf_index_segment_lie(s, err, "its counts don't fit its length");
	s->frames_at = (uint32_t)frames_at;
	s->packs_at = (uint32_t)packs_at;
	s->filter_at = (uint32_t)filter_at;
	s->blocks = (uint32_t)blocks;
	return 0;
}

/* The table of first ids; ascending, none above the last. */
static int parse_firsts(struct hf_index_segment *s, struct hf_cursor *c, struct hf_error *err)
{
	if (s->entry_blocks > hf_cursor_left(c) / 8)
		return hf_index_segment_lie(s, err, "its root is damaged");
	s->firsts = calloc((size_t)s->entry_blocks + 1, sizeof(*s->firsts));
	if (!s->firsts)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	for (uint32_t i = 0; i < s->entry_blocks; i++) {
		s->firsts[i] = hf_cursor_u64(c);
		if (s->firsts[i] > s->last || (i > 0 && s->firsts[i] < s->firsts[i - 1]))
			return hf_index_segment_lie(s, err, "its root is out of order");
	}
	return 0;
}

static int parse_replaces(struct hf_index_segment *s, struct hf_cursor *c, struct hf_error *err)
{
	uint32_t n = hf_cursor_u32(c);
	if (c->failed || n != hf_cursor_left(c) / (2 * HF_ID_SIZE) || hf_cursor_left(c) % (2 * HF_ID_SIZE) != 0)
		return hf_index_segment_lie(s, err, "its root is damaged");
	s->replaces = calloc((size_t)n + 1, sizeof(*s->replaces));
	if (!s->replaces)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	for (; s->replaces_count < n; s->replaces_count++) {
		struct hf_ref *ref = &s->replaces[s->replaces_count];
		memcpy(ref->writer.b, hf_cursor_bytes(c, HF_ID_SIZE), HF_ID_SIZE);
		memcpy(ref->id.b, hf_cursor_bytes(c, HF_ID_SIZE), HF_ID_SIZE);
	}
	return 0;
}

static int parse_root(struct hf_index_segment *s, const struct hf_buf *root, struct hf_error *err)
{
	struct hf_cursor c = hf_cursor(root->data, root->len);
	s->entries = hf_cursor_u64(&c);
	s->frames = hf_cursor_u32(&c);
	s->packs = hf_cursor_u32(&c);
	s->lines = hf_cursor_u32(&c);
	s->tier = hf_cursor_u32(&c);
	s->last = hf_cursor_u64(&c);
	s->entry_blocks = hf_cursor_u32(&c);
	if (c.failed)
		return hf_index_segment_lie(s, err, "its root is damaged");
	int r = place_blocks(s, err);
	if (r == 0)
		r = parse_firsts(s, &c, err);
	return r < 0 ? r : parse_replaces(s, &c, err);
}

static struct hf_aead *take_context(struct hf_index_segment *s, struct hf_error *err)
{
	struct hf_aead *a = NULL;
	pthread_mutex_lock(&s->lock);
	if (s->context_count > 0)
		a = s->contexts[--s->context_count];
	pthread_mutex_unlock(&s->lock);
	if (!a && hf_index_segment_key(s->access->domain, s->header, &a, err) < 0)
		return NULL;
	return a;
}

static void give_context(struct hf_index_segment *s, struct hf_aead *a)
{
	pthread_mutex_lock(&s->lock);
	if (s->context_count < HF_INDEX_CONTEXTS) {
		s->contexts[s->context_count++] = a;
		a = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	hf_aead_free(a);
}

int hf_index_segment_unseal(struct hf_index_segment *s, uint64_t nonce, uint8_t *bytes, size_t len, struct hf_error *err)
{
	struct hf_aead *a = take_context(s, err);
	if (!a)
		return HF_E_NOMEM;
	int r = hf_aead_open(a, nonce, (struct iovec){s->header, sizeof(s->header)}, bytes, len, bytes, err);
	give_context(s, a);
	return r;
}

static int read_root(struct hf_index_segment *s, struct hf_error *err)
{
	HF_BUF_AUTO root = HF_BUF(HF_INDEX_ROOT_MAX);
	int r = hf_index_copy_read(&s->copy, 0, s->header, sizeof(s->header), err);
	if (r == 0)
		r = check_header(s, err);
	if (r == 0)
		r = read_end(s, &root, err);
	if (r < 0)
		return r;
	if (memcmp(s->header + 104, s->access->domain->id.b, HF_ID_SIZE) != 0)
		return HF_INDEX_OTHER_DOMAIN;
	r = hf_index_segment_unseal(s, HF_INDEX_ROOT_NONCE, root.data, root.len, err);
	if (r < 0)
		return hf_wrap(err, r, "%s: its root", s->name);
	root.len -= HF_AEAD_TAG;
	return parse_root(s, &root, err);
}

static int read_root_again(struct hf_index_segment *s, struct hf_error *err)
{
	free(s->firsts);
	free(s->replaces);
	s->firsts = NULL;
	s->replaces = NULL;
	s->replaces_count = 0;
	hf_index_copy_renew(&s->copy, s->size);
	return read_root(s, err);
}

int hf_index_segment_open(const struct hf_index_access *access, const struct hf_ref *ref, uint64_t size,
	struct hf_index_segment **out, struct hf_error *err)
{
	struct hf_index_segment *s = calloc(1, sizeof(*s));
	if (!s)
		return hf_fail(err, HF_E_NOMEM, "no memory for an index segment");
	s->access = access;
	s->ref = *ref;
	s->size = size;
	s->serial = atomic_fetch_add(access->serials, 1);
	atomic_init(&s->holds, 1);
	pthread_mutex_init(&s->lock, NULL);
	hf_object_name(HF_KIND_INDEX, ref, s->name);
	hf_index_copy_open(&s->copy, access, ref, size, s->name);
	int r = read_root(s, err);
	if ((r == HF_E_CORRUPT || r == HF_E_UNSUPPORTED) && hf_index_copy_is_there(&s->copy))
		r = read_root_again(s, err);
	if (hf_store_doubt(access->store, s->name, r, err)) {
		struct hf_object_info true_one;
		r = hf_store_stat(access->store, s->name, &true_one, err);
		s->size = r == 0 ? true_one.size : s->size;
		r = r < 0 ? r : read_root_again(s, err);
	}
	if (r != 0)
		hf_index_segment_drop(s);
	else
		*out = s;
	return r;
}

struct hf_index_segment *hf_index_segment_hold(struct hf_index_segment *s)
{
	atomic_fetch_add(&s->holds, 1);
	return s;
}

void hf_index_segment_drop(struct hf_index_segment *s)
{
	if (!s || atomic_fetch_sub(&s->holds, 1) > 1)
		return;
	hf_index_copy_close(&s->copy);
	for (size_t i = 0; i < s->context_count; i++)
		hf_aead_free(s->contexts[i]);
	pthread_mutex_destroy(&s->lock);
	free(atomic_load(&s->filter));
	free(s->firsts);
	free(s->replaces);
	free(s);
}
