/* The evidence of a verification; see verify.h. */
#include "ops/verify.h"

int hf_verify_record(const struct hf_verify_options *options, const struct hf_verify_result *v, struct hf_error *err)
{
	struct hf_catalogue c;
	HF_JSON_AUTO *record = json_pack("{s:b, s:I, s:I, s:I, s:b, s:f}", "ok", v->ok, "objects", (json_int_t)v->objects,
		"bytes", (json_int_t)v->bytes, "damaged", (json_int_t)v->damaged_count, "read_data",
		options->read_data && options->sample == 0, "sample", options->sample);
	const struct hf_new_evidence evidence = {.what = "verify", .ok = v->ok, .record = record};
	int r = hf_catalogue_load(options->repo, NULL, &c, err);
	if (r == 0)
		r = hf_catalogue_evidence(&c, &evidence, NULL, err);
	hf_catalogue_free(&c);
	return r < 0 ? hf_wrap(err, r, "record that it was verified") : 0;
}
