/* Reading a snapshot back; see access.h. */
#include "ops/access.h"

#include "base/log.h"
#include "crypto/random.h"
#include "repo/condemned.h"
#include "repo/key_cert.h"
#include "repo/pack.h"

/* What the snapshot's packs were moved to as well, as far as that can be told. */
static int follow_packs(struct hf_access *a, struct hf_snapshot *s, struct hf_error *err)
{
	struct hf_condemned condemned;
	int r = hf_condemned_list(a->repo, &condemned, err);
	if (r == 0)
		r = hf_condemned_follow(&condemned, &s->packs, &s->pack_count, err);
	hf_condemned_free(&condemned);
	return r == HF_E_DENIED ? 0 : r;
}

/* Condemned packs may be gone, and are read only where nothing else has a chunk. Who may not list them goes by what is there. */
static int exclude_condemned(struct hf_access *a, struct hf_error *err)
{
	struct hf_condemned condemned;
	struct hf_error why = {0};
	int r = hf_condemned_list(a->repo, &condemned, &why);
	if (r == HF_E_DENIED)
		hf_info("%s", why.msg);
	else if (r < 0)
		*err = why;
	for (size_t i = 0; i < condemned.count && r == 0; i++)
		r = hf_index_exclude_pack(a->index, &condemned.packs[i], err);
	hf_condemned_free(&condemned);
	return r == HF_E_DENIED ? 0 : r;
}

static int open_index(struct hf_access *a, size_t memtable_entries, struct hf_error *err)
{
	const struct hf_index_options options = {.store = a->repo->store, .key = a->repo->key, .domain = &a->domain,
		.certs = &a->repo->certs, .memtable_entries = memtable_entries,
		.cache_dir = a->from_store ? NULL : hf_repository_copies(a->repo),
		.verified_dir = a->from_store ? NULL : a->repo->cache_dir};
	struct hf_error local = {0};
	err = err ? err : &local;
	int r = hf_index_open(&options, &a->index, err);
	return r < 0 ? r : exclude_condemned(a, err);
}

static int open_domain(struct hf_access *a, const struct hf_id *domain, struct hf_error *err)
{
	const char *why;
	int r = hf_domain_open(a->repo->store, a->repo->key, &a->repo->certs, domain, &a->domain, err);
	if (r == 0)
		r = open_index(a, 0, err);
	for (size_t i = 0; r == 0 && hf_index_damaged(a->index, i, NULL, &why); i++)
		hf_warn("an index segment is set aside (rebuild-index makes the index anew): %s", why);
	return r;
}

static int open_reader(struct hf_access *a, struct hf_error *err)
{
	const struct hf_reader_options options = {.repo = a->repo, .index = a->index, .domain = &a->domain};
	return hf_reader_new(&options, &a->reader, err);
}

int hf_access_open(struct hf_repository *repo, const struct hf_id *domain, struct hf_access *out,
	struct hf_error *err)
{
	*out = (struct hf_access){.repo = repo, .from_store = true};
	int r = open_domain(out, domain, err);
	return r < 0 ? r : open_reader(out, err);
}

/* --- without an index ------------------------------------------------------------------------------------------------ */

static int note_pack(struct hf_access *a, const struct hf_ref *pack, struct hf_error *err)
{
	struct hf_run_key key = {0};
	struct hf_pack_table table = {0};
	struct hf_error why = {0};
	int r = hf_pack_open(a->repo->store, pack, a->repo->key, &a->repo->certs, &key, &table, &why);
	if (r == 0)
		r = hf_index_note(a->index, &table, &why);
	hf_run_key_wipe(&key);
	hf_pack_table_free(&table);
	if (r == HF_E_CORRUPT || r == HF_E_NOTFOUND) {
		hf_warn("a pack of the snapshot can't be read: %s", why.msg);
		return 0;
	}
	return r < 0 ? hf_fail(err, r, "%s", why.msg) : 0;
}

/* An index of what the packs say of themselves. It is never written: there is no end to its memtable. */
static int read_tables(struct hf_access *a, struct hf_snapshot *s, struct hf_error *err)
{
	hf_info("the index is %s: reading the tables of %zu packs instead",
		hf_index_damaged_count(a->index) ? "damaged" : "empty", s->pack_count);
	hf_index_close(a->index);
	a->index = NULL;
	int r = open_index(a, UINT32_MAX, err);
	if (r == 0)
		r = follow_packs(a, s, err);
	for (size_t i = 0; r == 0 && i < s->pack_count; i++)
		r = note_pack(a, &s->packs[i], err);
	return r;
}

int hf_access_open_snapshot(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_access *out,
	struct hf_error *err)
{
	struct hf_index_stats stats = {0};
	struct hf_snapshot s;
	*out = (struct hf_access){.repo = repo};
	int r = hf_snapshot_get(repo, snapshot, HF_SNAPSHOT_WHOLE, &s, err);
	if (r == 0)
		r = open_domain(out, &s.domain, err);
	if (r == 0)
		hf_index_stats(out->index, &stats);
	if (r == 0 && (stats.segment_entries == 0 || hf_index_damaged_count(out->index)))
		r = read_tables(out, &s, err);
	hf_snapshot_free(&s);
	return r < 0 ? r : open_reader(out, err);
}

void hf_access_close(struct hf_access *a)
{
	hf_reader_free(a->reader);
	hf_index_close(a->index);
	hf_wipe(&a->domain, sizeof(a->domain));
	*a = (struct hf_access){0};
}

int hf_access_about(struct hf_access *a, const struct hf_snapshot_source *source, json_t **out, struct hf_error *err)
{
	HF_BUF_AUTO text = HF_BUF(HF_CHUNK_MAX);
	*out = NULL;
	int r = hf_reader_load(a->reader, HF_CHUNK_ABOUT, &source->about, 0, &text, err);
	if (r == 0)
		r = hf_json_parse(text.data, text.len, out, err);
	return r < 0 ? hf_wrap(err, r, "what was recorded of source %s", source->name) : 0;
}
