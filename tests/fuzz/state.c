/* What a host remembers of a repository: a file that anyone on the host may have written. What is taken of it is written the same. */
#define hf_file_read fuzz_file_read
#include "repo/state.c"

#include "fuzz.h"

static const uint8_t *input;
static size_t input_len;

int fuzz_file_read(int dir, const char *path, struct hf_buf *out, struct hf_error *err)
{
	(void)dir;
	(void)path;
	hf_buf_clear(out);
	hf_buf_add(out, input, input_len);
	return hf_buf_check(out, "file", err);
}

static void read_again(const struct hf_state *first)
{
	const struct hf_state_seen nothing = {0};
	struct hf_state second = {.path = (char *)(uintptr_t) "state"};
	struct hf_error err = {0};
	HF_JSON_AUTO *j = merge(first, &nothing);
	char *text = hf_json_text(j);
	FUZZ_MUST(text);
	input = (const uint8_t *)text;
	input_len = strlen(text);
	FUZZ_MUST(read_file(&second, &err) == 0);
	FUZZ_MUST(second.known && second.config == first->config && second.head_count == first->head_count);
	for (size_t i = 0; i < first->head_count; i++)
		FUZZ_MUST(hf_hash_equal(&first->heads[i], &second.heads[i]));
	free(second.heads);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_state state = {.path = (char *)(uintptr_t) "state"};
	struct hf_error err = {0};
	input = data;
	input_len = size;
	if (read_file(&state, &err) == 0)
		read_again(&state);
	else
		FUZZ_MUST(!state.known);
	free(state.heads);
	return 0;
}
