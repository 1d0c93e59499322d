/* The tree of a manifest. Input: nodes (nodes.h), the first is the root. */
#include "fuzz.h"
#include "nodes.h"

#include "repo/manifest_reader.h"

enum { ENTRIES_MAX = 20000 };

/* All entries in order; the path of one in the middle is left in `middle`. */
static void read_all(struct nodes *n, char *middle, size_t *middle_len)
{
	const struct hf_chunk_feed feed = nodes_feed(n);
	const struct hf_chunk_id root = {{0}};
	struct hf_manifest_reader *r = NULL;
	const struct hf_manifest_entry *e;
	struct hf_error err = {0};
	char last[4096];
	size_t last_len = 0;
	*middle_len = 0;
	if (hf_manifest_reader_open(&feed, &root, &r, &err) < 0)
		return;
	for (int i = 0; i < ENTRIES_MAX && hf_manifest_reader_next(r, &e, &err) == 1; i++) {
		const char *path = e->entry.path;
		size_t len = e->entry.path_len < sizeof(last) ? e->entry.path_len : sizeof(last);
		FUZZ_MUST(hf_path_is_sound(path, e->entry.path_len));
		FUZZ_MUST(i == 0 || len == sizeof(last) || last_len == sizeof(last) || hf_path_compare(last, last_len, path, len) < 0);
		memcpy(last, path, len);
		last_len = len;
		if (i % 2) {
			memcpy(middle, path, len);
			*middle_len = len;
		}
	}
	hf_manifest_reader_free(r);
}

static void find(struct nodes *n, const char *path, size_t len)
{
	const struct hf_chunk_feed feed = nodes_feed(n);
	const struct hf_chunk_id root = {{0}};
	struct hf_manifest_reader *r = NULL;
	const struct hf_manifest_entry *e;
	struct hf_error err = {0};
	const struct hf_path wanted[] = {{path, len, false}, {path, len / 2, true}};
	if (hf_manifest_reader_open(&feed, &root, &r, &err) < 0)
		return;
	int r1 = hf_manifest_reader_seek(r, path, len, &err);
	if (r1 == 0 && hf_manifest_reader_next(r, &e, &err) == 1)
		FUZZ_MUST(hf_path_compare(e->entry.path, e->entry.path_len, path, len) >= 0);
	hf_manifest_reader_free(r);
	if (hf_manifest_reader_open(&feed, &root, &r, &err) == 0 && hf_manifest_reader_select(r, wanted, 2, &err) == 0)
		for (int i = 0; i < ENTRIES_MAX && hf_manifest_reader_next(r, &e, &err) == 1; i++)
			;
	hf_manifest_reader_free(r);
	if (hf_manifest_reader_open(&feed, &root, &r, &err) == 0 && hf_manifest_reader_find(r, wanted, &e, &err) == 1)
		FUZZ_MUST(e->entry.path_len == len && (len == 0 || memcmp(e->entry.path, path, len) == 0));
	hf_manifest_reader_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_cursor c = hf_cursor(data, size);
	struct nodes n;
	char middle[4096];
	size_t len;
	nodes_read(&c, &n);
	read_all(&n, middle, &len);
	find(&n, middle, len);
	return 0;
}
