/* Pages of SQLite. Input: u8 log2 of the page size, u8 reserved bytes, then pages, from number 1 on. */
#include "fuzz.h"

#include "source/sqlite/pages.h"

#include <string.h>

static void check_alone(const struct hf_page_layout *layout, uint32_t number, const uint8_t *page)
{
	uint32_t *children = malloc((layout->page_size / 6 + 1) * sizeof(*children));
	FUZZ_MUST(children);
	struct hf_page_info info = hf_page_check(layout, number, page, children);
	FUZZ_MUST(info.kind == HF_PAGE_OTHER || (!info.problem && info.cells <= layout->page_size / 6));
	free(children);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct hf_page_layout layout = {.page_size = 512u << data[0] % 8, .reserved = data[1] % 33};
	layout.page_count = (uint32_t)((size - 2) / layout.page_size);
	struct hf_pages *pages = NULL;
	struct hf_error err = {0};
	if (layout.page_count == 0 || hf_pages_new(&layout, "/tmp", &pages, &err) < 0)
		return 0;
	uint8_t *page = malloc(layout.page_size);
	FUZZ_MUST(page);
	for (uint32_t n = 1; n <= layout.page_count; n++) {
		memcpy(page, data + 2 + (size_t)(n - 1) * layout.page_size, layout.page_size);
		check_alone(&layout, n, page);
		hf_pages_add(pages, n, page);
	}
	for (uint32_t root = 0; root <= layout.page_count + 1; root++) {
		struct hf_pages_tree tree;
		if (hf_pages_walk(pages, root, &tree, &err) == 0 && tree.damaged)
			FUZZ_MUST(tree.problem[0]);
	}
	free(page);
	hf_pages_free(pages);
	return 0;
}
