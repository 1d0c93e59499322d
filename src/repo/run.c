/* Run objects; see run.h. */
#include "repo/run.h"

#include "base/time.h"
#include "repo/object.h"
#include "repo/ref_list.h"

int hf_run_put(struct hf_repository *repo, const struct hf_run *run, struct hf_error *err)
{
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "run", hf_json_hex_string(run->run.b, HF_ID_SIZE));
	json_object_set_new(clear, "lists", json_boolean(!run->cannot_list));
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	json_object_set_new(clear, "packs", hf_ref_list_json(run->packs, run->pack_count));
	struct hf_object_new o = {
		.kind = HF_KIND_RUN, .form = HF_FORM_PLAIN, .key = repo->key, .id = hf_id_new(), .clear = clear};
	int r = hf_object_put(repo->store, &o, NULL, err);
	return r < 0 ? hf_wrap(err, r, "say what this run relies on") : 0;
}
