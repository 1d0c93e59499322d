/* Header and trailer of a pack, as a store gives them: parsed before the signature is checked, since it says where the table is. */
#include "fuzz.h"

#include "repo/pack_reader.c"

static void open_header(const struct raw *raw, const struct hf_ref *pack)
{
	struct hf_epoch epoch = {.data_secret = {1}, .catalogue_secret = {2}, .has_data_secret = true, .has_catalogue_secret = true};
	struct hf_key key = {.kind = HF_KEY_READ, .epochs = &epoch, .epoch_count = 1};
	struct hf_run_key run_key;
	memcpy(key.repository.b, raw->header + 16, HF_ID_SIZE);
	FUZZ_MUST(hf_run_key_open(raw->header, pack, &key, &run_key, NULL) < 0); /* the box is not for these secrets */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_ref pack = {0};
	struct hf_store *store;
	struct hf_error err = {0};
	struct raw raw = {.table = HF_BUF(HF_TABLE_MAX)};
	const struct iovec whole = {(void *)(uintptr_t)data, size};
	const struct hf_certs nobody = {0};
	if (size >= HF_PACK_HEADER)
		memcpy(&pack, data + 32, sizeof(pack));
	FUZZ_MUST(hf_store_open_memory(&store, &err) == 0 && hf_store_put(store, "p", &whole, 1, &err) == 0);
	if (read_raw(store, "p", &raw, &err) == 0) {
		FUZZ_MUST(raw.table_at + raw.table.len + HF_PACK_TRAILER == size && check_signature(&raw, &pack, &nobody, &err) < 0);
		open_header(&raw, &pack);
	}
	hf_buf_free(&raw.table);
	hf_store_close(store);
	return 0;
}
