/* Voids; see void.h. */
#include "repo/void.h"

#include "base/log.h"
#include "base/time.h"
#include "repo/object_fetch.h"
#include "repo/ref_list.h"

struct search {
	struct hf_repository *repo;
	const struct hf_ref *snapshot;
};

/* 1 ends the list: this one names the snapshot, or might. */
static int look(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	const struct search *s = user;
	struct hf_object o = {0};
	struct hf_ref named;
	struct hf_error why = {0};
	json_t *j;
	(void)info;
	if (!(hf_writer_rights(s->repo, &ref->writer) & HF_RIGHT_MAINTAIN))
		return 0;
	int r = hf_object_fetch(s->repo, HF_KIND_VOID, ref, false, &o, &why);
	if (r == 0)
		r = hf_json_object(o.clear, "snapshot", &j, &why);
	if (r == 0)
		r = hf_ref_parse(j, &named, &why);
	if (r == 0)
		r = hf_ref_equal(&named, s->snapshot);
	hf_object_free(&o);
	if (r < 0 && !hf_object_is_lost(r))
		return hf_fail(err, r, "%s", why.msg);
	if (r < 0)
		hf_warn("a void can't be read, and may name this snapshot: %s", why.msg);
	return r != 0;
}

int hf_void_exists(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err)
{
	struct search s = {repo, snapshot};
	int r = hf_object_list(repo->store, HF_KIND_VOID, look, &s, err);
	return r < 0 ? hf_wrap(err, r, "list voids") : r;
}

int hf_void_put(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err)
{
	int r = hf_repository_require(repo, HF_RIGHT_MAINTAIN, "void snapshots", err);
	if (r < 0)
		return r;
	HF_JSON_AUTO *clear = json_object();
	json_object_set_new(clear, "snapshot", hf_ref_json(snapshot));
	json_object_set_new(clear, "time", hf_json_time(hf_time_now()));
	struct hf_object_new o = {
		.kind = HF_KIND_VOID, .form = HF_FORM_PLAIN, .key = repo->key, .id = hf_id_new(), .clear = clear};
	return hf_object_put(repo->store, &o, NULL, err);
}
