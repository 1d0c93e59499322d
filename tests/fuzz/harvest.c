/*
 * harvest REPOSITORY PASSPHRASE-FILE SEEDS: makes the seeds of the targets that read what a repository holds, out of a real one (as
 * tests/golden/v1): opens every object and writes what lies behind the seal to SEEDS/TARGET/. Run once a format version; the seeds are
 * kept in git, beside the inputs that found something.
 *
 * What the golden repository is too small to have (a tree of content, an index of several blocks) is made here by the library's builders.
 */
#include "repo/pack_reader.c"

#include "base/file.h"
#include "base/log.h"
#include "repo/catalogue.h"
#include "repo/index_segment_internal.h"
#include "repo/key_file.h"
#include "repo/key_new.h"
#include "repo/key_slot.h"
#include "repo/manifest_reader.h"
#include "repo/object_fetch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEED_MAX = 64 << 10, EACH_MAX = 8 };

static const char *seeds_dir;
static struct hf_repository *repo;

static void must(int r, const struct hf_error *err, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "harvest: %s: %s\n", what, err->msg);
	exit(1);
}

/* A seed of the target, named by its number; not more than EACH_MAX of a target, and none that is too long. */
static void seed(const char *target, const char *what, const void *data, size_t len)
{
	char path[4096];
	struct hf_error err = {0};
	if (len > SEED_MAX)
		return;
	mkdir(seeds_dir, 0777);
	snprintf(path, sizeof(path), "%s/%s", seeds_dir, target);
	mkdir(path, 0777);
	for (int i = 1; i <= EACH_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s/%s-%d", seeds_dir, target, what, i);
		if (access(path, F_OK) == 0)
			continue;
		FILE *f = fopen(path, "wb");
		if (!f || fwrite(data, 1, len, f) != len || fclose(f) != 0)
			must(hf_fail_errno(&err, errno, "write it"), &err, path);
		return;
	}
}

static void seed_json(const char *target, const json_t *j)
{
	char *text = hf_json_text(j);
	if (text)
		seed(target, "golden", text, strlen(text));
	free(text);
}

/* --- objects ------------------------------------------------------------------------------------------------------------- */

static int each_object(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	static const char *const targets[] = {[HF_KIND_CONFIG] = "config", [HF_KIND_SLOT] = "slot", [HF_KIND_CERT] = "cert",
		[HF_KIND_ENTRY] = "entry"};
	enum hf_kind kind = *(enum hf_kind *)user;
	struct hf_object o = {0};
	HF_BUF_AUTO plain = HF_BUF(64 << 20);
	(void)ref;
	int r = hf_object_get(repo->store, info->name, &repo->id, &o, err);
	if (r < 0)
		return r;
	seed("envelope", hf_kind_name(kind), o.bytes.data, o.bytes.len);
	if ((size_t)kind < sizeof(targets) / sizeof(targets[0]) && targets[kind])
		seed_json(targets[kind], o.clear);
	if (kind == HF_KIND_SNAPSHOT && (r = hf_object_open(&o, repo->key, &plain, err)) == 0)
		seed("snapshot", "golden", plain.data, plain.len);
	hf_object_free(&o);
	return r;
}

static void harvest_objects(struct hf_error *err)
{
	enum hf_kind kinds[] = {HF_KIND_CONFIG, HF_KIND_SLOT, HF_KIND_CERT, HF_KIND_SNAPSHOT, HF_KIND_ENTRY};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		must(hf_object_list(repo->store, kinds[i], each_object, &kinds[i], err), err, "read objects");
}

static void harvest_keys(struct hf_error *err)
{
	const struct hf_key_options kinds[] = {{.kind = HF_KEY_WRITE, .name = "w"}, {.kind = HF_KEY_STATUS, .name = "s"},
		{.kind = HF_KEY_MAINTAIN, .name = "m"}, {.kind = HF_KEY_READ, .name = "r", .maintain = true}};
	HF_BUF_AUTO text = HF_BUF(1 << 20);
	must(hf_key_print(repo->key, &text, err), err, "print the key");
	seed("key_file", "golden", text.data, text.len);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct hf_key *key = NULL;
		must(hf_key_new(repo->key, &kinds[i], &key, err), err, "make a key");
		must(hf_key_print(key, &text, err), err, "print the key");
		seed("key_file", hf_key_kind_name(kinds[i].kind), text.data, text.len);
		hf_key_free(key);
	}
}

/* --- packs --------------------------------------------------------------------------------------------------------------- */

static void with_number(const char *target, uint32_t number, const void *data, size_t len)
{
	HF_BUF_AUTO out = HF_BUF(SEED_MAX + 4);
	hf_buf_u32(&out, number);
	hf_buf_add(&out, data, len);
	if (!out.failed)
		seed(target, "golden", out.data, out.len);
}

static void one_node(const char *target, const uint8_t *head, size_t head_len, const uint8_t *data, size_t len)
{
	HF_BUF_AUTO out = HF_BUF(SEED_MAX);
	hf_buf_add(&out, head, head_len);
	hf_buf_u16(&out, (uint16_t)len);
	hf_buf_add(&out, data, len);
	if (len < UINT16_MAX && !out.failed)
		seed(target, "golden", out.data, out.len);
}

static void one_frame(const struct hf_ref *pack, const struct hf_run_key *k, const struct hf_pack_table *t, const struct hf_pack_frame *f,
	struct hf_error *err)
{
	char name[HF_NAME_MAX];
	struct hf_frame_opener *opener = NULL;
	uint8_t *stored = malloc(f->stored_len + 1), *plain = malloc(f->plain_len + 1);
	must(hf_frame_opener_new(&opener, err), err, "start");
	must(hf_store_get(repo->store, hf_object_name(HF_KIND_PACK, pack, name), f->offset, stored, f->stored_len, err), err, name);
	must(hf_frame_open(opener, k, f->number, (struct iovec){stored, f->stored_len}, (struct iovec){plain, f->plain_len}, err), err, name);
	with_number("frame", f->plain_len, stored, f->stored_len - HF_AEAD_TAG);
	size_t at = 0;
	for (uint32_t i = 0; i < f->chunk_count; i++) {
		size_t len = t->chunks[f->first_chunk + i].len;
		if (f->chunk_kind == HF_CHUNK_MANIFEST)
			one_node("manifest", NULL, 0, plain + at, len);
		at += len;
	}
	hf_frame_opener_free(opener);
	free(stored);
	free(plain);
}

static int one_pack(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct raw raw = {.table = HF_BUF(HF_TABLE_MAX)};
	struct hf_run_key k;
	struct hf_pack_table t = {0};
	HF_BUF_AUTO ends = HF_BUF(SEED_MAX);
	(void)user;
	must(read_signed(repo->store, ref, &repo->certs, &raw, err), err, info->name);
	must(hf_run_key_open(raw.header, ref, repo->key, &k, err), err, info->name);
	hf_buf_add(&ends, raw.header, sizeof(raw.header)); /* a pack of no frames, whose table is still sealed */
	hf_buf_add(&ends, raw.table.data, raw.table.len);
	hf_put_u64(raw.trailer, HF_PACK_HEADER);
	hf_buf_add(&ends, raw.trailer, sizeof(raw.trailer));
	seed("pack_ends", "golden", ends.data, ends.len);
	must(take_table(&raw, ref, &k, &t, err), err, info->name);
	with_number("pack_table", (uint32_t)raw.table_at, raw.table.data, raw.table.len);
	for (size_t i = 0; i < t.frame_count; i++)
		one_frame(ref, &k, &t, &t.frames[i], err);
	hf_pack_table_free(&t);
	hf_buf_free(&raw.table);
	return 0;
}

/* --- manifests ----------------------------------------------------------------------------------------------------------- */

static void put_leaf(struct hf_buf *out, const char *path, const struct hf_buf *body)
{
	hf_buf_varint(out, 0);
	hf_buf_blob(out, path, strlen(path));
	hf_buf_add(out, body->data, body->len);
}

/* Two leaves under a root, whose ids are their numbers. */
static void make_tree(const struct hf_buf *body)
{
	struct hf_buf leaf[2] = {HF_BUF(1 << 16), HF_BUF(1 << 16)};
	HF_BUF_AUTO root = HF_BUF(1 << 16), out = HF_BUF(1 << 18);
	static const char *const paths[2][2] = {{"a", "b"}, {"c", "d"}};
	hf_buf_u8(&root, 1);
	for (uint8_t i = 0; i < 2; i++) {
		const uint8_t id[HF_ID_SIZE] = {(uint8_t)(i + 1)};
		hf_buf_u8(&leaf[i], 0);
		put_leaf(&leaf[i], paths[i][0], body);
		put_leaf(&leaf[i], paths[i][1], body);
		hf_buf_add(&root, id, sizeof(id));
		hf_buf_varint(&root, leaf[i].len);
		hf_buf_varint(&root, 2);
		hf_buf_blob(&root, paths[i][0], 1);
	}
	const struct hf_buf *const nodes[] = {&root, &leaf[0], &leaf[1]};
	for (size_t i = 0; i < 3; i++) {
		hf_buf_u16(&out, (uint16_t)nodes[i]->len);
		hf_buf_add(&out, nodes[i]->data, nodes[i]->len);
	}
	seed("manifest", "tree", out.data, out.len);
	hf_buf_free(&leaf[0]);
	hf_buf_free(&leaf[1]);
}

static void one_entry(const struct hf_manifest_entry *e, struct hf_error *err)
{
	HF_BUF_AUTO body = HF_BUF(SEED_MAX), out = HF_BUF(SEED_MAX);
	must(hf_manifest_encode_body(e, &body, err), err, "encode an entry");
	hf_buf_u16(&out, (uint16_t)e->entry.path_len);
	hf_buf_add(&out, e->entry.path, e->entry.path_len);
	hf_buf_add(&out, body.data, body.len);
	seed("entry_codec", hf_entry_type_name(e->entry.type), out.data, out.len);
	if (e->entry.type == HF_ENTRY_DIRECTORY && e->entry.path_len == 0)
		make_tree(&body);
}

/* What a golden tree may not have. */
static void odd_entries(struct hf_error *err)
{
	static const struct hf_xattr xattrs[] = {{"user.a", "1", 1}, {"user.b", "", 0}};
	static const struct hf_extent extents[] = {{4096, 4096}, {1 << 20, 100}};
	struct hf_chunk_ref refs[] = {{{{7}}, 4096}, {{{8}}, 100}};
	const struct hf_manifest_entry odd[] = {
		{.entry = {.type = HF_ENTRY_FILE, .path = "sparse", .path_len = 6, .mode = 0644, .user = "u", .group = "g", .size = 2 << 20,
			 .is_sparse = true, .extents = extents, .extent_count = 2, .xattrs = xattrs, .xattr_count = 2, .file_flags = 16},
			.content = {.bytes = 4196, .refs = refs, .count = 2}},
		{.entry = {.type = HF_ENTRY_FILE, .path = "pages", .path_len = 5, .size = 4196, .mtime_ns = -1},
			.content = {.form = HF_CONTENT_INLINE_PAGES, .unit = 4096, .bytes = 4196, .refs = refs, .count = 2}},
		{.entry = {.type = HF_ENTRY_FILE, .path = "list", .path_len = 4, .size = 1 << 30},
			.content = {.form = HF_CONTENT_LIST, .bytes = 1 << 30}, .changed = true},
		{.entry = {.type = HF_ENTRY_SYMLINK, .path = "l", .path_len = 1, .link = "../x", .link_len = 4}},
		{.entry = {.type = HF_ENTRY_HARDLINK, .path = "z", .path_len = 1, .link = "a/b", .link_len = 3}},
		{.entry = {.type = HF_ENTRY_CHARACTER_DEVICE, .path = "n", .path_len = 1, .device_major = 1, .device_minor = 3}}};
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		one_entry(&odd[i], err);
}

static int load_chunk(void *user, enum hf_chunk_kind kind, const struct hf_chunk_id *id, uint32_t expected, struct hf_buf *out,
	struct hf_error *err)
{
	(void)kind;
	(void)id;
	(void)expected;
	const struct hf_buf *node = user;
	hf_buf_clear(out);
	hf_buf_add(out, node->data, node->len);
	return hf_buf_check(out, "node", err);
}

/* The entries of the leaves that one_frame wrote. */
static void harvest_entries(struct hf_error *err)
{
	for (int i = 1; i <= EACH_MAX; i++) {
		char path[4096];
		HF_BUF_AUTO file = HF_BUF(SEED_MAX);
		const struct hf_chunk_id root = {{0}};
		struct hf_manifest_reader *r = NULL;
		const struct hf_manifest_entry *e;
		snprintf(path, sizeof(path), "%s/manifest/golden-%d", seeds_dir, i);
		if (hf_file_read(AT_FDCWD, path, &file, NULL) < 0)
			continue;
		struct hf_buf node = {.data = file.data + 2, .len = file.len - 2, .max = SEED_MAX};
		const struct hf_chunk_feed feed = {load_chunk, &node};
		must(hf_manifest_reader_open(&feed, &root, &r, err), err, path);
		while (hf_manifest_reader_next(r, &e, err) == 1)
			one_entry(e, err);
		hf_manifest_reader_free(r);
	}
}

/* --- content lists --------------------------------------------------------------------------------------------------------- */

static uint8_t *nodes_made[256];
static size_t nodes_len[256], nodes_count;

static int store_node(void *user, enum hf_chunk_kind kind, const void *data, size_t len, struct hf_chunk_id *id, struct hf_error *err)
{
	(void)user;
	(void)kind;
	(void)err;
	*id = (struct hf_chunk_id){{(uint8_t)(nodes_count + 1), 4}}; /* 0 is the root's, at last */
	nodes_made[nodes_count] = malloc(len);
	memcpy(nodes_made[nodes_count], data, len);
	nodes_len[nodes_count++] = len;
	return 0;
}

/* The nodes that a builder stored, the last one first: it is the root. */
static void make_content(uint32_t unit, int chunks, struct hf_error *err)
{
	const struct hf_chunk_sink sink = {.store_chunk = store_node};
	HF_CONTENT_BUILDER_AUTO *b = NULL;
	HF_BUF_AUTO out = HF_BUF(SEED_MAX);
	struct hf_content content;
	nodes_count = 0;
	must(hf_content_builder_new(&sink, &b, err), err, "content");
	hf_content_builder_begin(b, unit);
	for (int i = 0; i < chunks; i++) {
		const struct hf_chunk_ref ref = {{{(uint8_t)(i % 70 ? i : 0), 1}}, unit ? unit : 1000 + (uint32_t)i};
		must(hf_content_builder_add(b, &ref, err), err, "content");
	}
	must(hf_content_builder_end(b, &content, err), err, "content");
	hf_buf_u64(&out, content.bytes);
	hf_buf_u16(&out, (uint16_t)nodes_len[nodes_count - 1]);
	hf_buf_add(&out, nodes_made[nodes_count - 1], nodes_len[nodes_count - 1]);
	for (size_t i = 0; i < nodes_count; i++) {
		hf_buf_u16(&out, (uint16_t)nodes_len[i]);
		hf_buf_add(&out, nodes_made[i], nodes_len[i]);
		free(nodes_made[i]);
	}
	if (!out.failed)
		seed("content", "built", out.data, out.len);
}

/* --- the index ------------------------------------------------------------------------------------------------------------- */

static void put_records(struct hf_buf *out, struct hf_index_segment *s, uint32_t block, uint64_t count, size_t size, struct hf_error *err)
{
	for (size_t in_block = HF_INDEX_BLOCK / size; count > 0; block++) {
		uint8_t bytes[HF_INDEX_SEALED];
		size_t n = count < in_block ? (size_t)count : in_block;
		const struct hf_index_run one = {.first = block, .count = 1, .region = block, .region_end = block + 1};
		must(hf_index_copy_blocks(&s->copy, &one, bytes, err), err, s->name);
		must(hf_index_segment_unseal(s, block, bytes, sizeof(bytes), err), err, s->name);
		hf_buf_add(out, bytes, n * size);
		count -= n;
	}
}

static void seed_segment(struct hf_index_segment *s, struct hf_error *err)
{
	HF_BUF_AUTO root = HF_BUF(SEED_MAX), blocks = HF_BUF(SEED_MAX);
	size_t len = (size_t)(s->size - s->root_at - HF_INDEX_TAIL - HF_SIGNATURE_SIZE);
	hf_buf_u32(&root, s->blocks);
	uint8_t *p = hf_buf_space(&root, len);
	must(hf_index_copy_read(&s->copy, s->root_at, p, len, err), err, s->name);
	must(hf_index_segment_unseal(s, HF_INDEX_ROOT_NONCE, p, len, err), err, s->name);
	seed("index_root", "golden", root.data, root.len - HF_AEAD_TAG);
	hf_buf_u16(&blocks, (uint16_t)s->entries);
	hf_buf_u16(&blocks, (uint16_t)s->frames);
	hf_buf_u16(&blocks, (uint16_t)s->packs);
	hf_buf_u8(&blocks, (uint8_t)(s->lines - 1));
	put_records(&blocks, s, 0, s->entries, HF_INDEX_ENTRY_SIZE, err);
	put_records(&blocks, s, s->frames_at, s->frames, HF_INDEX_FRAME_SIZE, err);
	put_records(&blocks, s, s->packs_at, s->packs, HF_INDEX_PACK_SIZE, err);
	put_records(&blocks, s, s->filter_at, s->lines, HF_INDEX_LINE_SIZE, err);
	if (!blocks.failed)
		seed("index_blocks", "golden", blocks.data, blocks.len);
}

/* 1500 chunks in 30 frames: three blocks of entries. */
static void make_segment(const struct hf_index_access *access, struct hf_error *err)
{
	struct hf_index_writer *w = NULL;
	struct hf_ref replaces = {repo->key->id, {{5}}}, ref;
	const struct hf_index_ending ending = {.tier = 1, .replaces = &replaces, .replaces_count = 1};
	struct hf_index_segment *s = NULL;
	uint32_t pack, frame = 0;
	uint64_t size;
	must(hf_index_writer_new(access, 4096, &w, err), err, "index");
	must(hf_index_writer_pack(w, &(struct hf_index_pack){.ref = replaces}, &pack, err), err, "index");
	for (uint32_t i = 0; i < 1500; i++) {
		const struct hf_index_frame f = {.pack = pack, .offset = 200 + i * 100, .stored_len = 5000, .plain_len = 1 << 20, .number = i};
		if (i % 50 == 0)
			must(hf_index_writer_frame(w, &f, &frame, err), err, "index");
		struct hf_index_record record = {.id = {{(uint8_t)(i >> 8), (uint8_t)i, 3}}, .frame = frame, .offset = i % 50 * 4096, .len = 4096};
		must(hf_index_writer_add(w, &record, err), err, "index");
	}
	must(hf_index_writer_finish(w, &ending, &ref, &size, err), err, "index");
	hf_index_writer_free(w);
	must(hf_index_segment_open(access, &ref, size, &s, err), err, "index");
	seed_segment(s, err);
	hf_index_segment_drop(s);
}

static int one_segment(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_index_segment *s = NULL;
	must(hf_index_segment_open(user, ref, info->size, &s, err), err, info->name);
	if (s)
		seed_segment(s, err);
	hf_index_segment_drop(s);
	return 0;
}

static void harvest_index(struct hf_error *err)
{
	_Atomic uint64_t read = 0, cached = 0, serials = 0;
	struct hf_index_access access = {.store = repo->store, .key = repo->key, .domain = &repo->key->domain, .certs = &repo->certs,
		.blocks_read = &read, .blocks_cached = &cached, .serials = &serials};
	must(hf_index_cache_new(1 << 20, &access.cache, err), err, "index");
	must(hf_object_list(repo->store, HF_KIND_INDEX, one_segment, &access, err), err, "index");
	must(hf_store_open_memory(&access.store, err), err, "index");
	make_segment(&access, err);
	hf_store_close(access.store);
	hf_index_cache_free(access.cache);
}

static int give_passphrase(void *user, struct hf_buf *out, struct hf_error *err)
{
	int r = hf_file_read(AT_FDCWD, user, out, err);
	while (r == 0 && out->len && out->data[out->len - 1] == '\n')
		out->len--;
	return r;
}

int main(int argc, char **argv)
{
	struct hf_error err = {0};
	if (argc != 4) {
		fprintf(stderr, "usage: harvest REPOSITORY PASSPHRASE-FILE SEEDS\n");
		return 2;
	}
	seeds_dir = argv[3];
	const struct hf_repository_options options = {.url = argv[1], .credentials = {.passphrase = give_passphrase, .user = argv[2]}};
	must(hf_repository_open(&options, &repo, &err), &err, "open the repository");
	harvest_keys(&err);
	harvest_objects(&err);
	must(hf_object_list(repo->store, HF_KIND_PACK, one_pack, NULL, &err), &err, "read packs");
	odd_entries(&err);
	harvest_entries(&err);
	make_content(0, 200, &err);
	make_content(4096, 300, &err);
	harvest_index(&err);
	hf_repository_close(repo);
	return 0;
}
