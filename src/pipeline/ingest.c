/* A run of the way in; see ingest.h. */
#include "pipeline/ingest_internal.h"

#include "base/hex.h"
#include "base/log.h"
#include "pipeline/pack_check.h"
#include "repo/chunking.h"
#include "repo/key_cert.h"
#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 8 };

static int processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > THREADS_MAX ? THREADS_MAX : (int)n;
}

static int open_parts(struct hf_ingest *in, struct hf_error *err)
{
	const struct hf_ingest_options *o = &in->options;
	const struct hf_key *key = o->repo->key;
	struct hf_packer_options packer = {.store = o->repo->store, .key = key, .index = o->index,
		.run = in->run, .pack_size = o->pack_size, .key_bytes = o->key_bytes};
	int r = hf_domain_mark_for(key, &o->repo->certs, &o->domain->id, &packer.domain_mark, err);
	if (r == 0)
		r = hf_packer_new(&packer, &in->packer, err);
	if (r == 0)
		r = hf_pack_set_new(&in->packs, err);
	const struct hf_lane_options lanes = {.domain = o->domain, .index = o->index,
		.packer = in->packer, .packs = in->packs, .compression = {.level = o->level}};
	if (r == 0)
		r = hf_lane_new(&lanes, &in->meta, err);
	size_t room = HF_BATCH_SIZE + (size_t)o->repo->config.chunk_max;
	return r < 0 ? r : hf_batches_new(&lanes, o->threads, room, &in->batches, err);
}

int hf_ingest_new(const struct hf_ingest_options *options, struct hf_ingest **out, struct hf_error *err)
{
	if (!options->domain && !options->repo->key->has_domain)
		return hf_fail(err, HF_E_KEY, "key %s belongs to no domain, so it cannot back up",
			options->repo->key->name);
	struct hf_ingest *in = calloc(1, sizeof(*in));
	if (!in)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	in->options = *options;
	if (!in->options.domain)
		in->options.domain = &options->repo->key->domain;
	in->run = hf_id_new();
	if (!in->options.threads)
		in->options.threads = processors();
	int r = open_parts(in, err);
	if (r < 0) {
		hf_ingest_free(in);
		return r;
	}
	*out = in;
	return 0;
}

const struct hf_id *hf_ingest_run(const struct hf_ingest *in)
{
	return &in->run;
}

/* --- sources ---------------------------------------------------------------------------------------------------------- */

static void free_intake(struct hf_intake *t)
{
	if (!t)
		return;
	while (t->head) {
		struct hf_file *f = t->head;
		t->head = f->next;
		hf_file_free(f);
	}
	hf_content_builder_free(t->content);
	hf_manifest_builder_free(t->manifest);
	hf_sorter_free(t->sorter);
	hf_source_cache_close(t->cache);
	hf_source_memo_discard(t->memo);
	hf_buf_free(&t->body);
	hf_buf_free(&t->record);
	json_decref(t->problems);
	free(t->first_unit);
	free(t->name);
	free(t->cache_path);
	free(t);
}

/* The cache's file is named after a keyed hash of writer and source: names may hold anything. */
static int cache_path(struct hf_intake *t, struct hf_error *err)
{
	const struct hf_repository *repo = t->in->options.repo;
	if (!repo->cache_dir)
		return 0;
	HF_BUF_AUTO who = HF_BUF(1 << 20);
	hf_buf_add(&who, repo->key->id.b, HF_ID_SIZE);
	hf_buf_str(&who, t->name);
	struct hf_chunk_hasher *h = NULL;
	int r = hf_buf_check(&who, "source name", err);
	if (r == 0)
		r = hf_chunk_hasher_new(t->in->options.domain, &h, err);
	if (r < 0)
		return r;
	struct hf_chunk_id id = hf_chunk_hash(h, (enum hf_chunk_kind)0x83, who.data, who.len);
	hf_chunk_hasher_free(h);
	char hex[HF_ID_TEXT];
	if (asprintf(&t->cache_path, "%s/source-%s", repo->cache_dir, hf_hex(id.b, HF_ID_SIZE, hex)) < 0)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	return 0;
}

static void open_caches(struct hf_intake *t)
{
	const struct hf_ingest_options *o = &t->in->options;
	struct hf_error why = {0};
	const struct hf_source_cache_options cache = {.path = t->cache_path, .domain = o->domain,
		.packs = t->in->packs, .is_fit = o->is_fit, .user = o->user};
	int r = hf_source_cache_open(&cache, &t->cache, &why);
	if (r < 0 && r != HF_E_NOTFOUND)
		hf_warn("source %s: the cache of the last run is not used: %s", t->name, why.msg);
	r = hf_source_memo_new(t->cache_path, o->domain, &t->memo, &why);
	if (r < 0)
		hf_warn("source %s: the next run will read everything: %s", t->name, why.msg);
}

static int open_intake(struct hf_intake *t, struct hf_error *err)
{
	const struct hf_config *config = &t->in->options.repo->config;
	const struct hf_chunk_sink nodes = {hf_ingest_store_chunk, t->in};
	t->chunker = (struct hf_chunker){.min = config->chunk_min, .average = config->chunk_average,
		.max = config->chunk_max};
	t->first_unit = malloc(65536);
	t->problems = json_array();
	int r = t->first_unit && t->problems && t->name ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = hf_chunking_gear(t->in->options.domain, t->chunker.gear, err);
	if (r == 0)
		r = hf_content_builder_new(&nodes, &t->content, err);
	if (r == 0)
		r = hf_manifest_builder_new(&nodes, &t->manifest, err);
	if (r == 0)
		r = cache_path(t, err);
	if (r == 0 && t->cache_path)
		open_caches(t);
	return r;
}

int hf_ingest_begin(struct hf_ingest *in, const struct hf_ingest_source *source, struct hf_sink **sink,
	struct hf_error *err)
{
	struct hf_intake *t = calloc(1, sizeof(*t));
	if (!t)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	t->sink.ops = &hf_intake_sink_ops;
	t->in = in;
	t->name = strdup(source->name);
	t->is_ordered = source->is_ordered;
	t->tail = &t->head;
	t->body = HF_BUF(HF_MANIFEST_BODY_MAX);
	t->record = HF_BUF(HF_MANIFEST_PATH_MAX + HF_MANIFEST_BODY_MAX + 4);
	int r = open_intake(t, err);
	if (r < 0) {
		free_intake(t);
		return r;
	}
	in->intake = t;
	in->plain_bytes = in->stored_bytes = 0;
	*sink = &t->sink;
	return 0;
}

/* It names its manifest, so that two are alike only where nothing changed: one that many restore points share would keep the pack
 * of the first of them from ever being deleted. */
static int store_about(struct hf_ingest *in, const json_t *detail, const struct hf_chunk_id *root, struct hf_chunk_id *id,
	struct hf_error *err)
{
	char hex[HF_ID_TEXT];
	HF_JSON_AUTO *about = json_object();
	json_object_set_new(about, "root", json_string(hf_hex(root->b, HF_ID_SIZE, hex)));
	if (detail)
		json_object_set(about, "detail", (json_t *)(uintptr_t)detail);
	json_object_set(about, "problems", in->intake->problems);
	char *text = hf_json_text(about);
	if (!text)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	size_t len = strlen(text);
	int r = len > HF_CHUNK_MAX ? hf_fail(err, HF_E_NOMEM, "what is told of the source takes %zu bytes", len)
				   : hf_ingest_store_chunk(in, HF_CHUNK_ABOUT, text, len, id, err);
	free(text);
	return r;
}

int hf_ingest_flush_frames(struct hf_ingest *in, struct hf_error *err)
{
	int r = hf_batches_flush(in->batches, &in->plain_bytes, &in->stored_bytes, err);
	if (r == 0)
		r = hf_lane_flush(in->meta, err);
	hf_lane_take_counts(in->meta, &in->plain_bytes, &in->stored_bytes);
	return r;
}

static int complete(struct hf_ingest *in, const json_t *detail, struct hf_ingested *out, struct hf_error *err)
{
	struct hf_intake *t = in->intake;
	struct hf_manifest_root root;
	if (t->failed) {
		if (err)
			*err = t->error;
		return t->failed;
	}
	int r = hf_intake_submit(t, err);
	if (r == 0)
		r = hf_intake_drain_all(t, err);
	if (r == 0 && t->head)
		r = hf_fail(err, HF_E_USAGE, "the source ended within a file");
	if (r == 0)
		r = hf_intake_finish_manifest(t, &root, err);
	if (r == 0)
		r = store_about(in, detail, &root.id, &out->about, err);
	if (r == 0)
		r = hf_ingest_flush_frames(in, err);
	if (r < 0)
		return r;
	out->root = root.id;
	out->files = root.files;
	out->bytes = root.bytes;
	out->bytes_new = in->plain_bytes;
	out->bytes_stored = in->stored_bytes;
	out->problem_count = t->problem_count;
	out->problems = json_incref(t->problems);
	return 0;
}

static int keep_memo(struct hf_ingest *in, struct hf_error *err)
{
	if (!in->intake->memo)
		return 0;
	struct hf_memo_list *m = malloc(sizeof(*m));
	if (!m)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	*m = (struct hf_memo_list){in->memos, in->intake->memo};
	in->memos = m;
	in->intake->memo = NULL;
	return 0;
}

int hf_ingest_end(struct hf_ingest *in, const json_t *detail, struct hf_ingested *out, struct hf_error *err)
{
	*out = (struct hf_ingested){0};
	int r = complete(in, detail, out, err);
	if (r == 0)
		r = keep_memo(in, err);
	if (r < 0) {
		json_decref(out->problems);
		out->problems = NULL;
		hf_ingest_abandon(in);
		return r;
	}
	free_intake(in->intake);
	in->intake = NULL;
	return 0;
}

bool hf_ingest_has_failed(const struct hf_ingest *in)
{
	return in->intake && in->intake->failed;
}

void hf_ingest_abandon(struct hf_ingest *in)
{
	struct hf_intake *t = in->intake;
	if (!t)
		return;
	if (t->batch)
		hf_batches_release(in->batches, t->batch);
	for (struct hf_batch *b; (b = hf_batches_drain(in->batches, true));)
		hf_batches_release(in->batches, b);
	free_intake(t);
	in->intake = NULL;
}

/* --- without a source ------------------------------------------------------------------------------------------------- */

int hf_ingest_copy(struct hf_ingest *in, enum hf_chunk_kind kind, struct iovec chunk, hf_slot *slot, struct hf_error *err)
{
	static const enum hf_lane_class classes[] = {[HF_CHUNK_DATA] = HF_LANE_FILES, [HF_CHUNK_MANIFEST] = HF_LANE_MANIFEST,
		[HF_CHUNK_CONTENT] = HF_LANE_CONTENT, [HF_CHUNK_ABOUT] = HF_LANE_ABOUT};
	if (kind < HF_CHUNK_DATA || kind > HF_CHUNK_ABOUT)
		return hf_fail(err, HF_E_UNSUPPORTED, "chunks of kind %d can't be copied", (int)kind);
	struct hf_lane_chunk c = {
		.data = chunk.iov_base, .len = (uint32_t)chunk.iov_len, .lane_class = classes[kind]};
	int r = hf_lane_chunk(in->meta, &c, err);
	*slot = c.slot;
	return r;
}

int hf_ingest_slot_pack(struct hf_ingest *in, hf_slot slot, struct hf_ref *pack, struct hf_error *err)
{
	uint32_t number;
	size_t count;
	if (slot == HF_SLOT_UNKNOWN)
		return 0;
	int r = hf_pack_set_resolve(in->packs, in->packer, slot, &number, err);
	const struct hf_ref *all = hf_pack_set_all(in->packs, &count);
	if (r < 0 || number >= count)
		return r;
	*pack = all[number];
	return 1;
}

/* --- the end ---------------------------------------------------------------------------------------------------------- */

int hf_ingest_finish(struct hf_ingest *in, struct hf_error *err)
{
	int r = hf_ingest_flush_frames(in, err);
	if (r == 0)
		r = hf_packer_finish(in->packer, err);
	if (r == 0)
		r = hf_index_flush(in->options.index, err);
	size_t count = 0;
	const struct hf_ref *packs = r == 0 ? hf_packer_packs(in->packer, &count) : NULL;
	for (size_t i = 0; i < count && r == 0; i++) {
		hf_slot slot;
		const struct hf_packed packed = {packs[i], *hf_packer_chunk_of(in->packer, i)};
		r = hf_pack_set_add(in->packs, &packed, &slot, err);
	}
	in->is_finished = r == 0;
	return r;
}

const struct hf_ref *hf_ingest_packs(struct hf_ingest *in, size_t *count)
{
	return hf_pack_set_all(in->packs, count);
}

int hf_ingest_packs_so_far(struct hf_ingest *in, struct hf_ref **out, size_t *count, struct hf_error *err)
{
	int r = hf_packer_copy_packs(in->packer, out, count, err);
	if (r == 0)
		r = hf_pack_set_append(in->packs, out, count, err);
	if (r == 0)
		*count = hf_ref_sort(*out, *count); /* those of this run are in both, once it has finished */
	return r;
}

void hf_ingest_remember(struct hf_ingest *in)
{
	while (in->memos) {
		struct hf_memo_list *m = in->memos;
		struct hf_error why = {0};
		in->memos = m->next;
		if (hf_source_memo_commit(m->memo, in->packs, in->packer, &why) < 0)
			hf_warn("the next run will read more than it must: %s", why.msg);
		free(m);
	}
}

void hf_ingest_free(struct hf_ingest *in)
{
	if (!in)
		return;
	hf_ingest_abandon(in);
	while (in->memos) {
		struct hf_memo_list *m = in->memos;
		in->memos = m->next;
		hf_source_memo_discard(m->memo);
		free(m);
	}
	hf_batches_free(in->batches);
	hf_lane_free(in->meta);
	hf_packer_free(in->packer);
	hf_pack_set_free(in->packs);
	free(in);
}

/* --- reading back ----------------------------------------------------------------------------------------------------- */

static int verify_pack(struct hf_ingest *in, struct hf_pack_checker *checker, size_t number, struct hf_error *err)
{
	const struct hf_repository *repo = in->options.repo;
	size_t count;
	const struct hf_ref *pack = &hf_packer_packs(in->packer, &count)[number];
	const struct hf_run_key *key = hf_packer_key_of(in->packer, number);
	struct hf_pack_table table = {0};
	int r = hf_pack_open_own(repo->store, pack, key, &repo->certs, &table, err);
	const struct hf_pack_check check = {.table = &table, .key = key};
	if (r == 0)
		r = hf_pack_checker_run(checker, &check, err);
	if (r == 0)
		hf_progress_add(in->options.progress, table.size, 0);
	hf_pack_table_free(&table);
	return r;
}

int hf_ingest_verify(struct hf_ingest *in, struct hf_error *err)
{
	struct hf_pack_checker *checker = NULL;
	size_t count;
	hf_packer_packs(in->packer, &count);
	int r = hf_pack_checker_new(in->options.repo->store, in->options.domain, &checker, err);
	for (size_t i = 0; i < count && r == 0; i++)
		r = verify_pack(in, checker, i, err);
	hf_pack_checker_free(checker);
	return r < 0 ? hf_wrap(err, r, "read back what was just written") : 0;
}
