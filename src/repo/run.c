/* Run objects; see run.h. */
#include "repo/run.h"

#include "base/time.h"
#include "repo/object_fetch.h"
#include "repo/ref_list.h"

#include <stdlib.h>

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

struct loading {
	struct hf_repository *repo;
	hf_run_each_object *each;
	void *user;
};

static int parse(const struct hf_object *o, struct hf_run *run, struct hf_ref **packs, struct hf_error *err)
{
	const json_t *lists = json_object_get(o->clear, "lists");
	int r = hf_json_hex(o->clear, "run", run->run.b, HF_ID_SIZE, err);
	if (r == 0 && !json_is_boolean(lists))
		r = hf_fail(err, HF_E_CORRUPT, "\"lists\" is missing or not true or false");
	run->cannot_list = !json_is_true(lists);
	if (r == 0)
		r = hf_ref_list_parse(o->clear, "packs", packs, &run->pack_count, err);
	run->packs = *packs;
	return r;
}

static int load_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	const struct loading *l = user;
	struct hf_object o = {0};
	struct hf_ref *packs = NULL;
	struct hf_error why = {0};
	struct hf_run_object run = {.ref = *ref, .time_ns = info->time_ns};
	if (!(hf_writer_rights(l->repo, &ref->writer) & HF_RIGHT_BACKUP))
		return 0;
	int r = hf_object_fetch(l->repo, HF_KIND_RUN, ref, false, &o, &why);
	if (r == 0)
		r = parse(&o, &run.run, &packs, &why);
	if (r == HF_E_NOTFOUND) {
		r = 0; /* another pruner collected it since it was listed */
	} else if (r == 0 || hf_object_is_lost(r)) {
		run.unreadable = r < 0 ? why.msg : NULL;
		r = l->each(&run, l->user, err);
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	free(packs);
	hf_object_free(&o);
	return r;
}

int hf_run_each(struct hf_repository *repo, hf_run_each_object *each, void *user, struct hf_error *err)
{
	struct loading l = {repo, each, user};
	int r = hf_object_list(repo->store, HF_KIND_RUN, load_one, &l, err);
	return r < 0 ? hf_wrap(err, r, "list what runs rely on") : r;
}
