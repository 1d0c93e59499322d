/* Verify; see verify.h. First the catalogue, then the packs that its snapshots need, then what that means for their paths. */
#include "ops/verify_internal.h"


#include <stdlib.h>
#include <string.h>

size_t hf_verify_damage(struct hf_verify *v, const char *object, const char *error)
{
	struct hf_verify_result *out = v->result;
	size_t place = 0;
	pthread_mutex_lock(&v->lock);
	out->ok = false;
	struct hf_damage *grown = realloc(out->damaged, (out->damaged_count + 1) * sizeof(*grown));
	if (grown) {
		out->damaged = grown;
		grown[out->damaged_count] = (struct hf_damage){.object = strdup(object), .error = strdup(error),
			.paths = json_array()};
		place = ++out->damaged_count;
	}
	pthread_mutex_unlock(&v->lock);
	return place;
}

void hf_verify_touch(struct hf_verify *v, size_t damage, const struct hf_id *snapshot, const char *source,
	const struct hf_entry *entry)
{
	enum { PATHS_KEPT = 100 };
	if (!damage)
		return;
	struct hf_damage *d = &v->result->damaged[damage - 1];
	bool known = false;
	for (size_t i = 0; i < d->snapshot_count && !known; i++)
		known = hf_id_equal(&d->snapshots[i], snapshot);
	struct hf_id *grown = known ? NULL : realloc(d->snapshots, (d->snapshot_count + 1) * sizeof(*grown));
	if (grown) {
		d->snapshots = grown;
		d->snapshots[d->snapshot_count++] = *snapshot;
	}
	if (!source || d->path_count++ >= PATHS_KEPT)
		return;
	HF_BUF_AUTO path = HF_BUF(2 << 20);
	hf_buf_str(&path, source);
	if (entry && entry->path_len) {
		hf_buf_u8(&path, '/');
		hf_buf_add(&path, entry->path, entry->path_len);
	}
	json_array_append_new(d->paths, hf_json_bytes(path.data, path.len));
}

struct hf_verify_pack *hf_verify_find_pack(struct hf_verify *v, const struct hf_ref *ref)
{
	return v->pack_count ? bsearch(ref, v->packs, v->pack_count, sizeof(*v->packs), hf_ref_compare) : NULL;
}

/* --- what to look at -------------------------------------------------------------------------------------------------- */

static struct hf_access *domain_of(struct hf_verify *v, const struct hf_id *id)
{
	for (size_t i = 0; i < v->domain_count; i++)
		if (hf_id_equal(&v->domains[i].domain.id, id))
			return &v->domains[i];
	return NULL;
}

/* One access for each domain. The array is made once for all: its members are pointed into. */
static int open_domains(struct hf_verify *v, const struct hf_snapshot *snapshots, size_t count, struct hf_error *err)
{
	v->domains = calloc(count + 1, sizeof(*v->domains));
	if (!v->domains)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < count; i++) {
		if (domain_of(v, &snapshots[i].domain))
			continue;
		int r = hf_access_open(v->options->repo, &snapshots[i].domain, &v->domains[v->domain_count++], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int by_ref(const void *a, const void *b)
{
	return hf_ref_compare(a, b);
}

static int gather_packs(struct hf_verify *v, const struct hf_snapshot *snapshots, size_t count, struct hf_error *err)
{
	size_t total = 0, kept = 0;
	for (size_t i = 0; i < count; i++)
		total += snapshots[i].pack_count;
	v->packs = calloc(total + 1, sizeof(*v->packs));
	if (!v->packs)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0, at = 0; i < count; i++) {
		size_t domain = (size_t)(domain_of(v, &snapshots[i].domain) - v->domains);
		for (size_t k = 0; k < snapshots[i].pack_count; k++)
			v->packs[at++] = (struct hf_verify_pack){.ref = snapshots[i].packs[k], .domain = domain};
	}
	qsort(v->packs, total, sizeof(*v->packs), by_ref);
	for (size_t i = 0; i < total; i++)
		if (!kept || !hf_ref_equal(&v->packs[kept - 1].ref, &v->packs[i].ref))
			v->packs[kept++] = v->packs[i];
	v->pack_count = kept;
	return 0;
}

static bool is_chosen(const struct hf_verify_options *o, const struct hf_ref *ref)
{
	for (size_t i = 0; i < o->point_count; i++)
		if (hf_ref_equal(&o->points[i]->ref, ref))
			return true;
	return !o->points;
}

/* Reads the snapshots of the chosen points, from the store; those that can't be read are damage. */
static int read_snapshots(struct hf_verify *v, struct hf_snapshot *out, size_t *count, struct hf_error *err)
{
	*count = 0;
	for (size_t i = 0; i < v->catalogue.point_count; i++) {
		const struct hf_point *p = &v->catalogue.points[i];
		struct hf_error why = {0};
		if (!is_chosen(v->options, &p->ref))
			continue;
		const struct hf_snapshot_read whole = {.parts = HF_SNAPSHOT_WHOLE, .from_store = true};
		int r = hf_snapshot_read(v->options->repo, &p->ref, &whole, &out[*count], &why);
		v->result->objects++;
		if (r == 0)
			r = hf_condemned_follow(&v->condemned, &out[*count].packs, &out[*count].pack_count, &why);
		if (r == 0) {
			++*count;
			continue;
		}
		hf_snapshot_free(&out[*count]);
		if (r != HF_E_CORRUPT && r != HF_E_NOTFOUND && r != HF_E_UNSUPPORTED) {
			*err = why;
			return r;
		}
		char name[HF_NAME_MAX];
		size_t d = hf_verify_damage(v, hf_object_name(HF_KIND_SNAPSHOT, &p->ref, name), why.msg);
		hf_verify_touch(v, d, &p->ref.id, NULL, NULL);
	}
	return 0;
}

static int note_revoked(struct hf_verify_result *out, const struct hf_catalogue_problem *p, struct hf_error *err)
{
	struct hf_verify_revoked *more = reallocarray(out->revoked, out->revoked_count + 1, sizeof(*more));
	if (!more)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	out->revoked = more;
	memcpy(more[out->revoked_count++].object, p->object, sizeof(more->object));
	return 0;
}

static int load_catalogue(struct hf_verify *v, struct hf_error *err)
{
	const struct hf_catalogue_options from_store = {.from_store = true};
	int r = hf_catalogue_load(v->options->repo, &from_store, &v->catalogue, err);
	for (size_t i = 0; r == 0 && i < v->catalogue.problem_count; i++) {
		const struct hf_catalogue_problem *p = &v->catalogue.problems[i];
		if (p->is_revoked)
			r = note_revoked(v->result, p, err);
		else
			hf_verify_damage(v, *p->object ? p->object : "catalogue", p->why);
	}
	struct hf_error why = {0};
	int there = r == 0 && v->options->expect_head ? hf_catalogue_expect(&v->catalogue, v->options->expect_head, &why) : 0;
	if (there == HF_E_CHECK)
		hf_verify_damage(v, "catalogue", why.msg);
	else if (there < 0)
		r = hf_fail(err, there, "%s", why.msg);
	v->result->objects += v->catalogue.entry_count;
	return r < 0 ? r : hf_condemned_list(v->options->repo, &v->condemned, err);
}

static void report_index(struct hf_verify *v)
{
	for (size_t d = 0; d < v->domain_count; d++) {
		struct hf_ref ref;
		const char *why;
		struct hf_index_stats stats;
		for (size_t i = 0; hf_index_damaged(v->domains[d].index, i, &ref, &why); i++) {
			char name[HF_NAME_MAX];
			hf_verify_damage(v, hf_object_name(HF_KIND_INDEX, &ref, name), why);
		}
		hf_index_stats(v->domains[d].index, &stats);
		v->result->objects += stats.segments;
	}
}

static int check_snapshots(struct hf_verify *v, const struct hf_snapshot *snapshots, size_t count,
	struct hf_error *err)
{
	v->known = hf_verify_known_new();
	int r = v->known ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	for (size_t i = 0; i < count && r == 0; i++)
		r = hf_verify_snapshot(v, &snapshots[i], domain_of(v, &snapshots[i].domain), err);
	return r;
}

static int run(struct hf_verify *v, struct hf_snapshot *snapshots, size_t *count, struct hf_error *err)
{
	int r = hf_verify_objects(v, err);
	if (r == 0)
		r = read_snapshots(v, snapshots, count, err);
	if (r == 0)
		r = open_domains(v, snapshots, *count, err);
	if (r == 0)
		r = gather_packs(v, snapshots, *count, err);
	if (r == 0)
		r = hf_verify_packs(v, err);
	if (r == 0)
		r = check_snapshots(v, snapshots, *count, err);
	if (r == 0)
		report_index(v);
	return r < 0 ? r : hf_verify_doubted(v, err);
}

int hf_verify_repository(const struct hf_verify_options *options, struct hf_verify_result *out, struct hf_error *err)
{
	struct hf_verify v = {.options = options, .result = out};
	struct hf_snapshot *snapshots = NULL;
	size_t count = 0;
	*out = (struct hf_verify_result){.ok = true};
	pthread_mutex_init(&v.lock, NULL);
	int r = hf_repository_require_reading(options->repo, true, "verify", err);
	if (r == 0)
		r = load_catalogue(&v, err);
	if (r == 0) {
		snapshots = calloc(v.catalogue.point_count + 1, sizeof(*snapshots));
		r = snapshots ? run(&v, snapshots, &count, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	}
	for (size_t i = 0; i < count; i++)
		hf_snapshot_free(&snapshots[i]);
	for (size_t i = 0; i < v.domain_count; i++)
		hf_access_close(&v.domains[i]);
	hf_catalogue_free(&v.catalogue);
	hf_condemned_free(&v.condemned);
	hf_verify_known_free(v.known);
	pthread_mutex_destroy(&v.lock);
	free(snapshots);
	free(v.domains);
	free(v.packs);
	free(v.chunks);
	return r;
}

void hf_verify_result_free(struct hf_verify_result *result)
{
	for (size_t i = 0; i < result->damaged_count; i++) {
		struct hf_damage *d = &result->damaged[i];
		free(d->object);
		free(d->error);
		free(d->snapshots);
		json_decref(d->paths);
	}
	free(result->damaged);
	free(result->revoked);
	*result = (struct hf_verify_result){0};
}
