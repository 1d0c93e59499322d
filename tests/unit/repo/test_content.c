/* content.h: what is built is read back, from any place; edits are local; nodes that lie are found out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chunk_box.h"

/* The ref number i of a made-up file. */
static struct hf_chunk_ref ref_of(uint64_t i, uint32_t len)
{
	struct hf_chunk_ref ref = {.len = len};
	uint64_t state = i;
	uint64_t a = box_random(&state), b = box_random(&state);
	memcpy(ref.id.b, &a, 8);
	memcpy(ref.id.b + 8, &b, 8);
	return ref;
}

static uint32_t length_of(uint64_t i, uint64_t count, uint32_t unit)
{
	if (unit)
		return i + 1 < count ? unit : unit / 2 + 1;
	return (uint32_t)(1 + (i * 7919) % 300000);
}

static struct hf_content build(struct hf_content_builder *b, uint64_t count, uint32_t unit, uint64_t skip)
{
	struct hf_content c;
	hf_content_builder_begin(b, unit);
	for (uint64_t i = 0; i < count; i++) {
		struct hf_chunk_ref ref = ref_of(i, length_of(i, count, unit));
		if (i != skip)
			assert_int_equal(hf_content_builder_add(b, &ref, NULL), 0);
	}
	assert_int_equal(hf_content_builder_end(b, &c, NULL), 0);
	return c;
}

static void read_all(struct chunk_box *box, const struct hf_content *c, uint64_t count, uint32_t unit)
{
	HF_CONTENT_READER_AUTO *r = NULL;
	struct hf_chunk_feed feed = box_feed(box);
	struct hf_error err = {0};
	assert_int_equal(hf_content_reader_open(&feed, c, &r, &err), 0);
	uint64_t at = 0, offset;
	struct hf_chunk_ref ref;
	for (uint64_t i = 0; i < count; i++) {
		assert_int_equal(hf_content_reader_next(r, &ref, &offset, &err), 1);
		struct hf_chunk_ref wanted = ref_of(i, length_of(i, count, unit));
		assert_memory_equal(ref.id.b, wanted.id.b, HF_ID_SIZE);
		assert_int_equal(ref.len, wanted.len);
		assert_true(offset == at);
		at += ref.len;
	}
	assert_int_equal(hf_content_reader_next(r, &ref, &offset, &err), 0);
	assert_int_equal(hf_content_reader_next(r, &ref, &offset, &err), 0);
	assert_true(at == c->bytes);
}

static void round_trips(void **state)
{
	(void)state;
	static const uint64_t counts[] = {0, 1, 2, 15, 16, 17, 63, 64, 65, 128, 129, 1000, 64 * 256, 64 * 256 + 1, 100000};
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	struct hf_content_builder *b;
	assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		for (uint32_t unit = 0; unit <= 8192; unit += 8192) {
			struct hf_content c = build(b, counts[i], unit, UINT64_MAX);
			assert_int_equal(c.form == HF_CONTENT_LIST, counts[i] > HF_CONTENT_INLINE_MAX);
			read_all(&box, &c, counts[i], unit);
		}
	hf_content_builder_free(b);
	box_free(&box);
}

static void seeks_load_only_the_way(void **state)
{
	(void)state;
	enum { COUNT = 100000 };
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	struct hf_chunk_feed feed = box_feed(&box);
	struct hf_content_builder *b;
	assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
	for (uint32_t unit = 0; unit <= 4096; unit += 4096) {
		struct hf_content c = build(b, COUNT, unit, UINT64_MAX);
		HF_CONTENT_READER_AUTO *r = NULL;
		assert_int_equal(hf_content_reader_open(&feed, &c, &r, NULL), 0);
		uint64_t random = 1;
		for (int i = 0; i < 100; i++) {
			uint64_t offset, wanted = box_random(&random) % c.bytes;
			struct hf_chunk_ref ref;
			box.loads = 0;
			assert_int_equal(hf_content_reader_seek(r, wanted, NULL), 0);
			assert_int_equal(hf_content_reader_next(r, &ref, &offset, NULL), 1);
			assert_true(offset <= wanted && wanted < offset + ref.len);
			assert_true(box.loads <= 4);
		}
		uint64_t offset;
		struct hf_chunk_ref ref;
		assert_int_equal(hf_content_reader_seek(r, c.bytes, NULL), 0);
		assert_int_equal(hf_content_reader_next(r, &ref, &offset, NULL), 0);
		assert_int_equal(hf_content_reader_seek(r, 0, NULL), 0);
		assert_int_equal(hf_content_reader_next(r, &ref, &offset, NULL), 1);
		assert_true(offset == 0);
	}
	hf_content_builder_free(b);
	box_free(&box);
}

/* A chunk taken out of the middle leaves all nodes but a few as they were. */
static void edits_are_local(void **state)
{
	(void)state;
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	struct hf_content_builder *b;
	assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
	(void)build(b, 100000, 0, UINT64_MAX);
	size_t before = box.count;
	assert_true(before > 100);
	(void)build(b, 100000, 0, 40000);
	assert_true(box.count - before <= 8);
	hf_content_builder_free(b);
	box_free(&box);
}

static void first_page_comes_again(void **state)
{
	(void)state;
	static const uint64_t counts[] = {1, 16, 17, 64, 65, 70000};
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	struct hf_content_builder *b;
	assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		struct hf_content wanted = build(b, counts[i], 4096, UINT64_MAX);
		struct hf_chunk_id root = wanted.root, first = ref_of(0, 1).id;
		hf_content_builder_begin(b, 4096);
		for (uint64_t n = 0; n < counts[i]; n++) {
			struct hf_chunk_ref ref = ref_of(n ? n : 999, length_of(n, counts[i], 4096));
			assert_int_equal(hf_content_builder_add(b, &ref, NULL), 0);
		}
		struct hf_chunk_ref again = ref_of(0, length_of(0, counts[i], 4096)), other = ref_of(0, 5);
		assert_int_equal(hf_content_builder_replace_first(b, &other, NULL), HF_E_USAGE);
		assert_int_equal(hf_content_builder_replace_first(b, &again, NULL), 0);
		struct hf_content c;
		assert_int_equal(hf_content_builder_end(b, &c, NULL), 0);
		assert_memory_equal(c.root.b, root.b, HF_ID_SIZE);
		if (c.refs)
			assert_memory_equal(c.refs[0].id.b, first.b, HF_ID_SIZE);
		read_all(&box, &c, counts[i], 4096);
	}
	hf_content_builder_free(b);
	box_free(&box);
}

static void lengths_that_do_not_fit(void **state)
{
	(void)state;
	struct chunk_box box = {0};
	struct hf_chunk_sink sink = box_sink(&box);
	struct hf_content_builder *b;
	assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
	struct hf_chunk_ref empty = ref_of(0, 0), page = ref_of(1, 4096), part = ref_of(2, 100), large = ref_of(3, 4097);
	hf_content_builder_begin(b, 4096);
	assert_int_equal(hf_content_builder_add(b, &empty, NULL), HF_E_USAGE);
	assert_int_equal(hf_content_builder_add(b, &large, NULL), HF_E_USAGE);
	assert_int_equal(hf_content_builder_add(b, &part, NULL), 0);
	assert_int_equal(hf_content_builder_add(b, &page, NULL), HF_E_USAGE);
	hf_content_builder_begin(b, 0);
	large.len = HF_CHUNK_MAX + 1;
	assert_int_equal(hf_content_builder_add(b, &large, NULL), HF_E_USAGE);
	hf_content_builder_free(b);
	box_free(&box);
}

/* Reads to the end or to an error; 0 or the error. Must end. */
static int drain(struct chunk_box *box, const struct hf_content *c, uint64_t most)
{
	HF_CONTENT_READER_AUTO *r = NULL;
	struct hf_chunk_feed feed = box_feed(box);
	int e = hf_content_reader_open(&feed, c, &r, NULL);
	struct hf_chunk_ref ref;
	uint64_t offset, count = 0;
	while (e == 0 && (e = hf_content_reader_next(r, &ref, &offset, NULL)) == 1) {
		assert_true(ref.len > 0 && offset + ref.len <= c->bytes);
		assert_true(++count <= most);
		e = 0;
	}
	return e;
}

/* Every bit of every byte of a small tree flipped, by a store that doesn't notice: an error, or a list that adds up. */
static void lying_nodes(void **state)
{
	(void)state;
	for (uint32_t unit = 0; unit <= 16; unit += 16) {
		struct chunk_box box = {.trusting = true};
		struct hf_chunk_sink sink = box_sink(&box);
		struct hf_content_builder *b;
		assert_int_equal(hf_content_builder_new(&sink, &b, NULL), 0);
		struct hf_content c = build(b, 1200, unit, UINT64_MAX);
		assert_int_equal(drain(&box, &c, 1200), 0);
		size_t errors = 0, flips = 0;
		for (size_t n = 0; n < box.count; n++)
			for (size_t i = 0; i < box.chunks[n].len; i += i < 64 ? 1 : 37, flips++) {
				box.chunks[n].data[i] ^= (uint8_t)(1u << (i % 8));
				errors += drain(&box, &c, UINT64_C(1) << 24) < 0;
				box.chunks[n].data[i] ^= (uint8_t)(1u << (i % 8));
			}
		assert_true(errors > 0 && errors < flips);
		box.trusting = false; /* a store that checks: always an error */
		box.chunks[0].data[10] ^= 1;
		assert_int_equal(drain(&box, &c, 1200), HF_E_CORRUPT);
		hf_content_builder_free(b);
		box_free(&box);
	}
}

/* A tree that contains itself ends in an error. */
static void endless_tree(void **state)
{
	(void)state;
	struct chunk_box box = {.trusting = true};
	uint8_t node[2 + HF_ID_SIZE + 1] = {3, 0};
	struct hf_chunk_id id;
	assert_int_equal(box_store(&box, HF_CHUNK_CONTENT, node, sizeof(node), &id, NULL), 0);
	memcpy(box.chunks[0].data + 2, id.b, HF_ID_SIZE);
	box.chunks[0].data[2 + HF_ID_SIZE] = 100;
	struct hf_content c = {.form = HF_CONTENT_LIST, .bytes = 100, .root = id};
	assert_int_equal(drain(&box, &c, 0), HF_E_CORRUPT);
	box_free(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trips),
		cmocka_unit_test(seeks_load_only_the_way),
		cmocka_unit_test(edits_are_local),
		cmocka_unit_test(first_page_comes_again),
		cmocka_unit_test(lengths_that_do_not_fit),
		cmocka_unit_test(lying_nodes),
		cmocka_unit_test(endless_tree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
