/* Whole objects, as a store gives them: the envelope is parsed before anything of it is verified. */
#include "fuzz.h"

#include "repo/object.h"

/* The name that the bytes claim, so that most of them get past the comparison. */
static const char *claimed_name(const uint8_t *data, size_t size, char out[HF_NAME_MAX])
{
	struct hf_ref ref = {0};
	if (size >= HF_ENVELOPE_SIZE)
		memcpy(&ref, data + 32, sizeof(ref));
	return hf_object_name(size > 9 && data[9] >= 1 && data[9] <= HF_KIND_RESCUE ? data[9] : HF_KIND_ENTRY, &ref, out);
}

static void open_with_all_secrets(const struct hf_object *o)
{
	struct hf_epoch epoch = {.data_secret = {1}, .catalogue_secret = {2}, .has_data_secret = true, .has_catalogue_secret = true};
	struct hf_key key = {.kind = HF_KEY_READ, .repository = o->repository, .epochs = &epoch, .epoch_count = 1};
	struct hf_buf plain = HF_BUF(64 << 20);
	const uint8_t secret[32] = {3};
	int r = o->form == HF_FORM_SLOT ? hf_object_open_slot(o, secret, &plain, NULL) : hf_object_open(o, &key, &plain, NULL);
	FUZZ_MUST(r < 0 || o->form == HF_FORM_PLAIN);
	hf_buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[HF_NAME_MAX];
	struct hf_store *store;
	struct hf_object o = {0};
	struct hf_error err = {0};
	const struct iovec whole = {(void *)(uintptr_t)data, size};
	FUZZ_MUST(hf_store_open_memory(&store, &err) == 0);
	FUZZ_MUST(hf_store_put(store, claimed_name(data, size, name), &whole, 1, &err) == 0);
	if (hf_object_get(store, name, NULL, &o, &err) == 0) {
		const uint8_t nobody[32] = {9};
		FUZZ_MUST(json_is_object(o.clear) && o.body >= o.bytes.data && o.body + o.body_len + HF_SIGNATURE_SIZE == o.bytes.data + o.bytes.len);
		FUZZ_MUST(hf_object_verify(&o, nobody, &err) < 0);
		open_with_all_secrets(&o);
	}
	hf_object_free(&o);
	hf_store_close(store);
	return 0;
}
