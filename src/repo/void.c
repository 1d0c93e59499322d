/* Voids; see void.h. */
#include "repo/void.h"

#include "base/log.h"
#include "base/time.h"
#include "repo/object_fetch.h"
#include "repo/ref_list.h"

#include <stdlib.h>

struct loading {
	struct hf_repository *repo;
	hf_void_each_object *each;
	void *user;
};

static int parse(const struct hf_object *o, struct hf_ref *snapshot, struct hf_error *err)
{
	json_t *j;
	int r = hf_json_object(o->clear, "snapshot", &j, err);
	return r < 0 ? r : hf_ref_parse(j, snapshot, err);
}

static int load_one(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	const struct loading *l = user;
	struct hf_object o = {0};
	struct hf_error why = {0};
	struct hf_void v = {.ref = *ref, .time_ns = info->time_ns};
	if (!(hf_writer_rights(l->repo, &ref->writer) & HF_RIGHT_MAINTAIN))
		return 0;
	int r = hf_object_fetch(l->repo, HF_KIND_VOID, ref, false, &o, &why);
	if (r == 0)
		r = parse(&o, &v.snapshot, &why);
	if (r == HF_E_NOTFOUND) {
		r = 0; /* collected since it was listed */
	} else if (r == 0 || hf_object_is_lost(r)) {
		v.unreadable = r < 0 ? why.msg : NULL;
		r = l->each(&v, l->user, err);
	} else {
		r = hf_fail(err, r, "%s", why.msg);
	}
	hf_object_free(&o);
	return r;
}

int hf_void_each(struct hf_repository *repo, hf_void_each_object *each, void *user, struct hf_error *err)
{
	struct loading l = {repo, each, user};
	int r = hf_object_list(repo->store, HF_KIND_VOID, load_one, &l, err);
	return r < 0 ? hf_wrap(err, r, "list voids") : r;
}

struct looking {
	const struct hf_ref *snapshot;
	struct hf_void_unread now;
	const struct hf_void_unread *before;
	bool is_named, may_be_named;
};

static int note_unread(struct looking *l, const struct hf_void *v, struct hf_error *err)
{
	struct hf_ref *more = reallocarray(l->now.refs, l->now.count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	l->now.refs = more;
	more[l->now.count++] = v->ref;
	if (l->before && hf_ref_find(l->before->refs, l->before->count, &v->ref))
		return 0;
	l->may_be_named = true;
	hf_warn("a void can't be read, and may name this snapshot, which is stored once more for that: %s. Put that object back from a "
		"copy of the store, or delete it while no backup is running", v->unreadable);
	return 0;
}

/* Goes through all, so that all that can't be read are noted at once. */
static int look(const struct hf_void *v, void *user, struct hf_error *err)
{
	struct looking *l = user;
	if (v->unreadable)
		return note_unread(l, v, err);
	l->is_named = l->is_named || hf_ref_equal(&v->snapshot, l->snapshot);
	return 0;
}

int hf_void_exists(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_void_unread *unread, struct hf_error *err)
{
	struct looking l = {.snapshot = snapshot, .before = unread};
	int r = hf_void_each(repo, look, &l, err);
	l.now.count = hf_ref_sort(l.now.refs, l.now.count);
	if (r == 0 && unread) {
		free(unread->refs);
		*unread = l.now;
	} else {
		free(l.now.refs);
	}
	return r < 0 ? r : l.is_named || l.may_be_named;
}

static int look_for(const struct hf_void *v, void *user, struct hf_error *err)
{
	(void)err;
	return !v->unreadable && hf_ref_equal(&v->snapshot, user);
}

int hf_void_is_certain(struct hf_repository *repo, const struct hf_ref *snapshot, struct hf_error *err)
{
	struct hf_ref named = *snapshot;
	return hf_void_each(repo, look_for, &named, err);
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
