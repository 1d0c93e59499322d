/*
 * What is remembered of a source between backups, behind the hashes of its blocks: the input is the whole of such a file. All its records
 * are gone through, and the pages of all its runs asked for.
 */
#define hf_block_reader_open fuzz_open
#define hf_block_reader_size fuzz_size
#define hf_block_reader_read fuzz_read
#define hf_block_reader_close fuzz_close
#include "pipeline/source_cache.c"

#include "fuzz.h"

enum { PAGES_ASKED = 1000, RECORDS_ASKED = 4096 };

static const uint8_t *input;
static size_t input_len;

int fuzz_open(const char *path, const struct hf_domain *domain, struct hf_block_reader **out, struct hf_error *err)
{
	(void)path;
	(void)domain;
	(void)err;
	*out = NULL;
	return 0;
}

uint64_t fuzz_size(const struct hf_block_reader *r)
{
	(void)r;
	return input_len;
}

int fuzz_read(struct hf_block_reader *r, uint64_t offset, void *out, size_t len, struct hf_error *err)
{
	(void)r;
	if (offset > input_len || len > input_len - offset)
		return hf_fail(err, HF_E_CORRUPT, "past the end");
	if (len)
		memcpy(out, input + offset, len);
	return 0;
}

void fuzz_close(struct hf_block_reader *r)
{
	(void)r;
}

/* One pack in two is to be relied on. */
static bool is_fit(void *user, const struct hf_packed *packed)
{
	(void)user;
	return !(packed->pack.id.b[0] & 1);
}

static void walk_records(struct hf_source_cache *c, size_t packs)
{
	struct hf_error err = {0};
	for (int i = 0; i < RECORDS_ASKED && advance(c, &err) == 0 && !c->at_end; i++) {
		struct hf_stat_record *rec = NULL;
		FUZZ_MUST(c->current && c->current->path_len <= HF_MANIFEST_PATH_MAX && c->current->body_len <= HF_MANIFEST_BODY_MAX);
		if (take_current(c, &rec, &err) <= 0)
			continue;
		for (size_t k = 0; k < rec->slot_count; k++)
			FUZZ_MUST(rec->slots[k] < packs);
		free(rec);
	}
}

static void walk_pages(struct hf_source_cache *c, size_t packs)
{
	struct hf_error err = {0};
	struct hf_chunk_id id;
	hf_slot slot;
	for (size_t i = 0; i < c->run_count; i++) {
		const struct page_run *run = &c->runs[i];
		if (!hf_source_cache_pages(c, run->path, run->len, run->unit))
			continue;
		uint64_t last = run->count < PAGES_ASKED ? run->count : PAGES_ASKED;
		int r = 0;
		for (uint64_t n = 1; r >= 0 && n <= last; n++) {
			r = hf_source_cache_page(c, n == last ? 0 : n, &id, &slot, &err);
			FUZZ_MUST(r <= 0 || slot < packs);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_pack_set *set;
	struct hf_source_cache *c = NULL;
	struct hf_error err = {0};
	input = data;
	input_len = size;
	FUZZ_MUST(hf_pack_set_new(&set, &err) == 0);
	const struct hf_source_cache_options options = {.path = "fuzz", .packs = set, .is_fit = is_fit};
	if (hf_source_cache_open(&options, &c, &err) == 0) {
		walk_records(c, c->pack_count);
		walk_pages(c, c->pack_count);
	}
	hf_source_cache_close(c);
	hf_pack_set_free(set);
	return 0;
}
