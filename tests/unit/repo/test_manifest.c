/* The manifest: entries survive, hostile bytes don't crash, trees are found again, edits are local. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chunk_box.h"
#include "repo/manifest_builder.h"
#include "repo/manifest_reader.h"

#include <stdio.h>

static struct hf_chunk_ref a_ref(uint8_t i, uint32_t len)
{
	struct hf_chunk_ref ref = {.len = len};
	memset(ref.id.b, i, HF_ID_SIZE);
	return ref;
}

static void assert_same(const struct hf_manifest_entry *a, const struct hf_manifest_entry *b)
{
	const struct hf_entry *x = &a->entry, *y = &b->entry;
	assert_int_equal(x->type, y->type);
	assert_int_equal(x->mode, y->mode);
	assert_int_equal(x->uid, y->uid);
	assert_int_equal(x->gid, y->gid);
	assert_true(x->mtime_ns == y->mtime_ns && x->size == y->size);
	assert_string_equal(x->user ? x->user : "", y->user ? y->user : "");
	assert_string_equal(x->group ? x->group : "", y->group ? y->group : "");
	assert_int_equal(x->device_major, y->device_major);
	assert_int_equal(x->device_minor, y->device_minor);
	assert_int_equal(x->file_flags, y->file_flags);
	assert_int_equal(x->link_len, y->link_len);
	if (x->link_len)
		assert_memory_equal(x->link, y->link, x->link_len);
	assert_int_equal(x->xattr_count, y->xattr_count);
	for (size_t i = 0; i < x->xattr_count; i++) {
		assert_string_equal(x->xattrs[i].name, y->xattrs[i].name);
		assert_int_equal(x->xattrs[i].len, y->xattrs[i].len);
		assert_memory_equal(x->xattrs[i].value, y->xattrs[i].value, x->xattrs[i].len);
	}
	assert_int_equal(x->is_sparse, y->is_sparse);
	assert_int_equal(x->extent_count, y->extent_count);
	for (size_t i = 0; i < x->extent_count; i++)
		assert_true(x->extents[i].offset == y->extents[i].offset && x->extents[i].len == y->extents[i].len);
	assert_true(a->content.bytes == b->content.bytes && a->content.count == b->content.count);
	for (size_t i = 0; i < a->content.count; i++)
		assert_memory_equal(&a->content.refs[i], &b->content.refs[i], sizeof(struct hf_chunk_ref));
	assert_memory_equal(a->content.root.b, b->content.root.b, HF_ID_SIZE);
	assert_int_equal(a->changed, b->changed);
	assert_int_equal(a->partial, b->partial);
}

/* One entry of each kind, with everything that it can have. */
static size_t make_zoo(struct hf_manifest_entry *zoo)
{
	static struct hf_chunk_ref refs[3], pages[3];
	static const struct hf_xattr xattrs[] = {{"security.capability", "\0\1\2", 3}, {"user.empty", "", 0}};
	static const struct hf_extent extents[] = {{0, 10}, {100, 20}, {4096, 70}};
	for (uint8_t i = 0; i < 3; i++) {
		refs[i] = a_ref(i, 100u + i);
		pages[i] = a_ref(i, i < 2 ? 4096 : 77);
	}
	size_t n = 0;
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_DIRECTORY, .path = "", .mode = 0755, .user = "root"};
	zoo[n++] = (struct hf_manifest_entry){
		.entry = {.type = HF_ENTRY_FILE, .mode = 04711, .uid = UINT32_MAX, .gid = 7, .user = "u", .group = "g",
			.mtime_ns = INT64_MIN, .size = 303, .file_flags = 0x10, .xattrs = xattrs, .xattr_count = 2},
		.content = {.form = HF_CONTENT_INLINE, .bytes = 303, .refs = refs, .count = 3}};
	zoo[n++] = (struct hf_manifest_entry){.entry = {.type = HF_ENTRY_FILE, .mtime_ns = INT64_MAX, .size = 8269},
		.content = {.form = HF_CONTENT_INLINE_PAGES, .unit = 4096, .bytes = 8269, .refs = pages, .count = 3}};
	zoo[n++] = (struct hf_manifest_entry){.entry = {.type = HF_ENTRY_FILE, .mtime_ns = -1, .size = 10000},
		.content = {.form = HF_CONTENT_INLINE_PAGES, .unit = 4096, .bytes = 8269, .refs = pages, .count = 3},
		.partial = true, .changed = true};
	zoo[n++] = (struct hf_manifest_entry){
		.entry = {.type = HF_ENTRY_FILE, .size = 5000, .is_sparse = true, .extents = extents, .extent_count = 3},
		.content = {.form = HF_CONTENT_INLINE, .bytes = 100, .refs = refs, .count = 1}};
	zoo[n++] = (struct hf_manifest_entry){.entry = {.type = HF_ENTRY_FILE, .size = 5000, .is_sparse = true}};
	zoo[n++] = (struct hf_manifest_entry){.entry = {.type = HF_ENTRY_FILE, .size = UINT64_C(1) << 40},
		.content = {.form = HF_CONTENT_LIST, .bytes = UINT64_C(1) << 40, .root = refs[2].id}};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_SYMLINK, .mode = 0777, .link = "../\xff", .link_len = 4};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_HARDLINK, .link = "a/b", .link_len = 3};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_FIFO, .group = "only"};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_CHARACTER_DEVICE, .device_major = 5};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_BLOCK_DEVICE, .device_major = 259, .device_minor = 1 << 20};
	zoo[n++].entry = (struct hf_entry){.type = HF_ENTRY_SOCKET};
	for (size_t i = 1; i < n; i++) {
		zoo[i].entry.path = "some/path";
		zoo[i].entry.path_len = 9;
	}
	return n;
}

static void entries_round_trip(void **state)
{
	(void)state;
	struct hf_manifest_entry zoo[32] = {0};
	size_t n = make_zoo(zoo);
	HF_MANIFEST_ENTRY_AUTO back = {0};
	for (size_t i = 0; i < n; i++) {
		HF_BUF_AUTO body = HF_BUF(1 << 20), again = HF_BUF(1 << 20);
		struct hf_error err = {0};
		assert_int_equal(hf_manifest_encode_body(&zoo[i], &body, &err), 0);
		struct hf_cursor c = hf_cursor(body.data, body.len);
		back.entry.path = zoo[i].entry.path;
		back.entry.path_len = zoo[i].entry.path_len;
		assert_int_equal(hf_manifest_decode_body(&c, &back, &err), 0);
		assert_true(hf_cursor_done(&c));
		assert_same(&zoo[i], &back);
		assert_int_equal(hf_manifest_encode_body(&back, &again, &err), 0);
		assert_int_equal(body.len, again.len);
		assert_memory_equal(body.data, again.data, body.len);
		enum hf_entry_type type;
		uint64_t size;
		assert_int_equal(hf_manifest_peek_body(body.data, body.len, &type, &size, &err), 0);
		assert_true(type == zoo[i].entry.type && size == zoo[i].entry.size);
	}
}

/* What a decoder accepts of changed bytes must encode to the very same bytes: there is one encoding. */
static void try_bytes(struct hf_manifest_entry *entry, const uint8_t *data, size_t len)
{
	uint8_t *exact = malloc(len ? len : 1); /* so that a read beyond the end is seen */
	memcpy(exact, data, len);
	struct hf_cursor c = hf_cursor(exact, len);
	entry->entry.path = "some/path";
	entry->entry.path_len = 9;
	enum hf_entry_type type;
	uint64_t size;
	int peek = hf_manifest_peek_body(exact, len, &type, &size, NULL);
	if (hf_manifest_decode_body(&c, entry, NULL) == 0) {
		HF_BUF_AUTO again = HF_BUF(4 << 20);
		assert_int_equal(peek, 0);
		assert_true(type == entry->entry.type && size == entry->entry.size);
		assert_int_equal(hf_manifest_encode_body(entry, &again, NULL), 0);
		assert_int_equal(again.len, (size_t)(c.at - exact));
		assert_memory_equal(again.data, exact, again.len);
	}
	free(exact);
}

static void hostile_entries(void **state)
{
	(void)state;
	struct hf_manifest_entry zoo[32] = {0};
	size_t n = make_zoo(zoo);
	HF_MANIFEST_ENTRY_AUTO entry = {0};
	uint64_t random = 7;
	for (size_t i = 0; i < n; i++) {
		HF_BUF_AUTO body = HF_BUF(1 << 20);
		assert_int_equal(hf_manifest_encode_body(&zoo[i], &body, NULL), 0);
		for (size_t len = 0; len < body.len; len++)
			try_bytes(&entry, body.data, len);
		for (size_t at = 0; at < body.len; at++)
			for (unsigned v = 0; v < 256; v++) {
				uint8_t was = body.data[at];
				body.data[at] = (uint8_t)v;
				try_bytes(&entry, body.data, body.len);
				body.data[at] = was;
			}
		for (int round = 0; round < 500; round++) {
			HF_BUF_AUTO copy = HF_BUF(1 << 20);
			hf_buf_add(&copy, body.data, body.len);
			for (int k = 0; k < 3; k++)
				copy.data[box_random(&random) % copy.len] = (uint8_t)box_random(&random);
			try_bytes(&entry, copy.data, copy.len);
		}
	}
}

static void refused_entries(void **state)
{
	(void)state;
	const struct hf_extent touching[] = {{0, 10}, {10, 20}};
	const struct hf_xattr unsorted[] = {{"user.b", "", 0}, {"user.a", "", 0}};
	struct hf_chunk_ref ref = a_ref(1, 10);
	const struct hf_manifest_entry bad[] = {
		{.entry = {.type = 0}},
		{.entry = {.type = 9}},
		{.entry = {.type = HF_ENTRY_FIFO, .mode = 010000}},
		{.entry = {.type = HF_ENTRY_FIFO, .size = 1}},
		{.entry = {.type = HF_ENTRY_FILE, .size = 1}},
		{.entry = {.type = HF_ENTRY_SYMLINK}},
		{.entry = {.type = HF_ENTRY_SYMLINK, .link = "a\0b", .link_len = 3}},
		{.entry = {.type = HF_ENTRY_HARDLINK, .path = "a", .path_len = 1, .link = "b", .link_len = 1}},
		{.entry = {.type = HF_ENTRY_HARDLINK, .path = "x", .path_len = 1, .link = "../b", .link_len = 4}},
		{.entry = {.type = HF_ENTRY_FIFO, .xattrs = unsorted, .xattr_count = 2}},
		{.entry = {.type = HF_ENTRY_FILE, .size = 30, .is_sparse = true, .extents = touching, .extent_count = 2},
			.partial = true},
		{.entry = {.type = HF_ENTRY_FILE, .size = 9}, .content = {.bytes = 10, .refs = &ref, .count = 1}},
		{.entry = {.type = HF_ENTRY_FILE, .size = 11}, .content = {.bytes = 11, .refs = &ref, .count = 1}},
		{.entry = {.type = HF_ENTRY_FILE}, .content = {.form = HF_CONTENT_LIST}},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		HF_BUF_AUTO body = HF_BUF(1 << 20);
		assert_int_equal(hf_manifest_encode_body(&bad[i], &body, NULL), HF_E_USAGE);
		assert_int_equal(body.len, 0);
	}
}

/* --- trees ------------------------------------------------------------------------------------------------------- */

/* Path number i of a made-up tree, in order: a directory, then 99 files in it. */
static size_t path_of(uint64_t i, char out[64])
{
	uint64_t dir = i / 100, file = i % 100;
	if (file == 0)
		return (size_t)snprintf(out, 64, "dir-%06llu", (unsigned long long)dir);
	return (size_t)snprintf(out, 64, "dir-%06llu/file-%02llu.txt", (unsigned long long)dir, (unsigned long long)file);
}

static struct hf_manifest_entry entry_of(uint64_t i, char path[64], struct hf_chunk_ref *ref)
{
	struct hf_manifest_entry m = {.entry = {.path = path, .path_len = path_of(i, path), .mode = 0644, .uid = 1000,
		.mtime_ns = INT64_C(1700000000000000000) + (int64_t)i * 1000, .user = "user", .group = "group"}};
	m.entry.type = i % 100 ? HF_ENTRY_FILE : HF_ENTRY_DIRECTORY;
	if (m.entry.type == HF_ENTRY_DIRECTORY)
		return m;
	m.entry.size = 1000 + i;
	uint64_t state = i;
	for (size_t k = 0; k < HF_ID_SIZE; k++)
		ref->id.b[k] = (uint8_t)box_random(&state);
	ref->len = (uint32_t)m.entry.size;
	m.content = (struct hf_content){.bytes = m.entry.size, .refs = ref, .count = 1};
	return m;
}

/* The manifest of entries 0 to count - 1, without `skip`; every other entry goes in already encoded. */
static struct hf_manifest_root build(struct chunk_box *box, uint64_t count, uint64_t skip)
{
	HF_MANIFEST_BUILDER_AUTO *b = NULL;
	struct hf_chunk_sink sink = box_sink(box);
	struct hf_manifest_root root;
	struct hf_error err = {0};
	HF_BUF_AUTO body = HF_BUF(HF_MANIFEST_BODY_MAX);
	assert_int_equal(hf_manifest_builder_new(&sink, &b, &err), 0);
	for (uint64_t i = 0; i < count; i++) {
		char path[64];
		struct hf_chunk_ref ref;
		struct hf_manifest_entry m = entry_of(i, path, &ref);
		if (i == skip)
			continue;
		if (i % 2) {
			assert_int_equal(hf_manifest_builder_add(b, &m, &err), 0);
			continue;
		}
		hf_buf_clear(&body);
		assert_int_equal(hf_manifest_encode_body(&m, &body, &err), 0);
		struct hf_manifest_encoded e = {path, m.entry.path_len, body.data, body.len};
		assert_int_equal(hf_manifest_builder_add_encoded(b, &e, &err), 0);
	}
	assert_int_equal(hf_manifest_builder_end(b, &root, &err), 0);
	return root;
}

static struct hf_manifest_reader *open_reader(struct chunk_box *box, const struct hf_manifest_root *root)
{
	struct hf_manifest_reader *r = NULL;
	struct hf_chunk_feed feed = box_feed(box);
	assert_int_equal(hf_manifest_reader_open(&feed, &root->id, &r, NULL), 0);
	return r;
}

static void expect(const struct hf_manifest_entry *m, uint64_t i)
{
	char path[64];
	struct hf_chunk_ref ref;
	struct hf_manifest_entry wanted = entry_of(i, path, &ref);
	assert_int_equal(m->entry.path_len, wanted.entry.path_len);
	assert_memory_equal(m->entry.path, path, wanted.entry.path_len);
	assert_same(&wanted, m);
}

static void trees_round_trip(void **state)
{
	(void)state;
	static const uint64_t counts[] = {0, 1, 2, 100, 101, 5000, 60000};
	for (size_t n = 0; n < sizeof(counts) / sizeof(*counts); n++) {
		struct chunk_box box = {0};
		struct hf_manifest_root root = build(&box, counts[n], UINT64_MAX);
		assert_true(root.entries == counts[n]);
		assert_true(root.files == counts[n] - (counts[n] + 99) / 100);
		HF_MANIFEST_READER_AUTO *r = open_reader(&box, &root);
		const struct hf_manifest_entry *m;
		for (uint64_t i = 0; i < counts[n]; i++) {
			assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
			expect(m, i);
		}
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
		box_free(&box);
	}
}

static void seeks_and_finds(void **state)
{
	(void)state;
	enum { COUNT = 60000 };
	struct chunk_box box = {0};
	struct hf_manifest_root root = build(&box, COUNT, UINT64_MAX);
	HF_MANIFEST_READER_AUTO *r = open_reader(&box, &root);
	const struct hf_manifest_entry *m;
	uint64_t random = 3;
	for (int k = 0; k < 300; k++) {
		uint64_t i = box_random(&random) % COUNT;
		char path[64];
		struct hf_path p = {path, path_of(i, path)};
		box.loads = 0;
		assert_int_equal(hf_manifest_reader_find(r, &p, &m, NULL), 1);
		expect(m, i);
		assert_true(box.loads <= 3);
		for (uint64_t j = i + 1; j < COUNT && j < i + 3; j++) {
			assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
			expect(m, j);
		}
		path[p.len] = '!'; /* not there, and before the next */
		p.len++;
		assert_int_equal(hf_manifest_reader_find(r, &p, &m, NULL), 0);
	}
	assert_int_equal(hf_manifest_reader_seek(r, "zzz", 3, NULL), 0);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	assert_int_equal(hf_manifest_reader_seek(r, "", 0, NULL), 0);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
	expect(m, 0);
	box_free(&box);
}

static void selections(void **state)
{
	(void)state;
	enum { COUNT = 60000 };
	struct chunk_box box = {0};
	struct hf_manifest_root root = build(&box, COUNT, UINT64_MAX);
	HF_MANIFEST_READER_AUTO *r = open_reader(&box, &root);
	const struct hf_path paths[] = {{"dir-000500/file-07.txt", 22}, {"dir-000100", 10}, {"dir-00010", 9},
		{"dir-000100/file-50.txt", 22}, {"dir-000101", 10}, {"zzz", 3}};
	const struct hf_manifest_entry *m;
	box.loads = 0;
	assert_int_equal(hf_manifest_reader_select(r, paths, 6, NULL), 0);
	for (uint64_t i = 10000; i < 10200; i++) {
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
		expect(m, i);
	}
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
	expect(m, 50007);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	assert_true(box.loads <= 10);

	const struct hf_path all = {"", 0};
	assert_int_equal(hf_manifest_reader_select(r, &all, 1, NULL), 0);
	for (uint64_t i = 0; i < COUNT; i++)
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 1);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	assert_int_equal(hf_manifest_reader_select(r, NULL, 0, NULL), 0);
	assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	box_free(&box);
}

/* As a walk over many manifests does that share most of their nodes. */
struct met {
	struct hf_chunk_id nodes[4096];
	size_t count;
};

static bool has_met(void *user, const struct hf_manifest_child *node, struct hf_buf *last)
{
	struct met *met = user;
	(void)last;
	for (size_t i = 0; i < met->count; i++)
		if (memcmp(&met->nodes[i], &node->id, sizeof(node->id)) == 0)
			return true;
	assert_true(met->count < 4096);
	met->nodes[met->count++] = node->id;
	return false;
}

/* What was met is passed over, and nothing else: of a second manifest come those entries whose nodes the first hasn't. */
static void known_nodes(void **state)
{
	(void)state;
	enum { COUNT = 60000, LESS = 30007 };
	struct chunk_box box = {0};
	struct met met = {.count = 0};
	uint64_t seen[2] = {0};
	bool has_neighbour = false; /* the entry beside the one that is gone: its node is a new one */
	for (int round = 0; round < 2; round++) {
		struct hf_manifest_root root = build(&box, COUNT, round ? LESS : UINT64_MAX);
		HF_MANIFEST_READER_AUTO *r = open_reader(&box, &root);
		const struct hf_manifest_entry *m;
		char neighbour[64];
		size_t len = path_of(LESS + 1, neighbour);
		hf_manifest_reader_pass_over(r, has_met, &met);
		while (hf_manifest_reader_next(r, &m, NULL) == 1) {
			seen[round]++;
			has_neighbour = has_neighbour ||
					(round && m->entry.path_len == len && memcmp(m->entry.path, neighbour, len) == 0);
		}
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), 0);
	}
	assert_true(seen[0] == COUNT && has_neighbour && seen[1] < COUNT / 10);
	box_free(&box);
}

/* Says of the first leaf that it is known, and that it ends with the path in `user`. */
static bool knows_first(void *user, const struct hf_manifest_child *node, struct hf_buf *last)
{
	char first[64];
	if (node->path_len != path_of(0, first) || memcmp(node->path, first, node->path_len) != 0)
		return false;
	hf_buf_str(last, user);
	return true;
}

/* What is passed over must still be in order with what follows. */
static void known_nodes_are_in_order(void **state)
{
	(void)state;
	static char first[] = "dir-000000", beyond[] = "zzzz";
	char *const ends[] = {first, beyond};
	struct chunk_box box = {0};
	struct hf_manifest_root root = build(&box, 60000, UINT64_MAX);
	for (int i = 0; i < 2; i++) {
		HF_MANIFEST_READER_AUTO *r = open_reader(&box, &root);
		const struct hf_manifest_entry *m;
		hf_manifest_reader_pass_over(r, knows_first, ends[i]);
		assert_int_equal(hf_manifest_reader_next(r, &m, NULL), i == 0 ? 1 : HF_E_CORRUPT);
	}
	box_free(&box);
}

static void edits_are_local(void **state)
{
	(void)state;
	struct chunk_box box = {0};
	struct hf_manifest_root a = build(&box, 60000, UINT64_MAX);
	size_t before = box.count;
	assert_true(before > 60);
	struct hf_manifest_root same = build(&box, 60000, UINT64_MAX);
	assert_memory_equal(a.id.b, same.id.b, HF_ID_SIZE);
	assert_int_equal(box.count, before);
	struct hf_manifest_root b = build(&box, 60000, 31234);
	assert_memory_not_equal(a.id.b, b.id.b, HF_ID_SIZE);
	assert_true(box.count - before <= 6);
	box_free(&box);
}

static void order_is_enforced(void **state)
{
	(void)state;
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	static const char *const second[] = {"a", "a/b", "a/../c", "/x", "b/"};
	for (size_t i = 0; i < sizeof(second) / sizeof(*second); i++) {
		HF_MANIFEST_BUILDER_AUTO *b = NULL;
		assert_int_equal(hf_manifest_builder_new(&sink, &b, NULL), 0);
		struct hf_manifest_entry m = {.entry = {.type = HF_ENTRY_FIFO, .path = "a/b", .path_len = 3}};
		assert_int_equal(hf_manifest_builder_add(b, &m, NULL), 0);
		m.entry.path = second[i];
		m.entry.path_len = strlen(second[i]);
		assert_int_equal(hf_manifest_builder_add(b, &m, NULL), HF_E_USAGE);
	}
	box_free(&box);
}

static int drain(struct chunk_box *box, const struct hf_manifest_root *root)
{
	HF_MANIFEST_READER_AUTO *r = NULL;
	struct hf_chunk_feed feed = box_feed(box);
	int e = hf_manifest_reader_open(&feed, &root->id, &r, NULL);
	const struct hf_manifest_entry *m;
	while (e >= 0 && (e = hf_manifest_reader_next(r, &m, NULL)) == 1)
		assert_true(hf_path_is_sound(m->entry.path, m->entry.path_len));
	return e;
}

static void lying_nodes(void **state)
{
	(void)state;
	struct chunk_box box = {.trusting = true};
	struct hf_manifest_root root = build(&box, 2000, UINT64_MAX);
	assert_true(box.count > 2);
	assert_int_equal(drain(&box, &root), 0);
	size_t errors = 0;
	for (size_t n = 0; n < box.count; n++)
		for (size_t i = 0; i < box.chunks[n].len; i += i < 300 ? 1 : 211) {
			box.chunks[n].data[i] ^= (uint8_t)(1u << (i % 8));
			errors += drain(&box, &root) < 0;
			box.chunks[n].data[i] ^= (uint8_t)(1u << (i % 8));
		}
	assert_true(errors > 0);
	box.trusting = false;
	for (size_t n = 0; n < box.count; n++) {
		box.chunks[n].data[1] ^= 1;
		assert_int_equal(drain(&box, &root), HF_E_CORRUPT);
		box.chunks[n].data[1] ^= 1;
	}
	box_free(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_round_trip),
		cmocka_unit_test(hostile_entries),
		cmocka_unit_test(refused_entries),
		cmocka_unit_test(trees_round_trip),
		cmocka_unit_test(seeks_and_finds),
		cmocka_unit_test(selections),
		cmocka_unit_test(known_nodes), cmocka_unit_test(known_nodes_are_in_order),
		cmocka_unit_test(edits_are_local),
		cmocka_unit_test(order_is_enforced),
		cmocka_unit_test(lying_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
