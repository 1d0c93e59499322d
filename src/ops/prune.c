/* Prune: the order of things; see prune.h. */
#include "ops/prune_internal.h"

#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "ops/requests.h"
#include "repo/condemned.h"

#include <stdlib.h>

enum { PACKS_A_CONDEMNATION = 4096, CLOCK_ATTEMPTS = 16 };

/* --- telling, erasing ------------------------------------------------------------------------------------------------- */

static int tell(struct hf_prune *p, const char *verb, const char *object, uint64_t size, const char *why,
	struct hf_error *err)
{
	const struct hf_prune_options *o = p->options;
	return o->tell ? o->tell(o->user, verb, object, size, why, err) : 0;
}

int hf_prune_erase(struct hf_prune *p, enum hf_kind kind, const struct hf_ref *ref, uint64_t size, const char *why,
	struct hf_error *err)
{
	char name[HF_NAME_MAX];
	struct hf_eraser eraser = {p->repo->store};
	int r = hf_stop_check(err);
	if (r == 0)
		r = tell(p, "delete", hf_object_name(kind, ref, name), size, why, err);
	if (r == 0 && !p->options->dry_run)
		r = hf_eraser_erase(&eraser, name, err);
	if (r == HF_E_LOCKED) {
		p->result->locked++;
		return 0;
	}
	return r < 0 ? hf_wrap(err, r, "prune") : 0;
}

/* --- the store's clock ------------------------------------------------------------------------------------------------ */

static int put_clock(struct hf_prune *p, struct hf_object_info *info, char name[HF_NAME_MAX], struct hf_error *err)
{
	struct hf_ref ref;
	int r = hf_condemned_put(p->repo, NULL, 0, &ref, err);
	return r < 0 ? r : hf_store_stat(p->repo->store, hf_object_name(HF_KIND_CONDEMNED, &ref, name), info, err);
}

/* Learns the time by an object of its own, which is of no other use: a prune with a very short grace may tidy it away at once. */
static int read_clock(struct hf_prune *p, struct hf_error *err)
{
	struct hf_object_info info;
	char name[HF_NAME_MAX];
	struct hf_eraser eraser = {p->repo->store};
	p->clock.now = hf_time_now();
	if (p->options->dry_run)
		return 0;
	int r = HF_E_NOTFOUND;
	for (int i = 0; r == HF_E_NOTFOUND && i < CLOCK_ATTEMPTS; i++)
		r = put_clock(p, &info, name, err);
	if (r < 0)
		return hf_wrap(err, r, "ask the store for its time");
	p->clock.now = info.time_ns;
	r = hf_eraser_erase(&eraser, name, err);
	return r == HF_E_LOCKED ? 0 : r; /* tidied when its lock has ended */
}

/* --- condemning ------------------------------------------------------------------------------------------------------- */

struct sentence {
	struct hf_ref packs[PACKS_A_CONDEMNATION];
	size_t count;
};

static int pass_sentence(struct hf_prune *p, struct sentence *s, struct hf_error *err)
{
	struct hf_ref ref;
	int r = s->count ? hf_condemned_put(p->repo, s->packs, s->count, &ref, err) : 0;
	s->count = 0;
	return r;
}

static int condemn(struct hf_prune *p, struct sentence *s, const struct hf_gc_pack *pack, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	p->result->condemned++;
	p->result->condemned_bytes += pack->size;
	if (p->options->dry_run)
		return tell(p, "delete", hf_object_name(HF_KIND_PACK, &pack->ref, name), pack->size,
			"nothing refers to it", err);
	s->packs[s->count++] = pack->ref;
	return s->count == PACKS_A_CONDEMNATION ? pass_sentence(p, s, err) : 0;
}

/* What is kept back: counted by the look that decides, the last one. */
static void count_kept(struct hf_prune_result *out, const struct hf_gc_pack *pack, enum hf_gc_verdict verdict)
{
	if (verdict == HF_GC_HOLD) {
		out->held++;
		out->held_bytes += pack->size;
	} else if (verdict == HF_GC_STOPPED) {
		out->stopped++;
		out->stopped_bytes += pack->size;
	}
}

static int count_delete(struct hf_prune *p, const struct hf_gc_pack *pack, struct hf_error *err)
{
	uint64_t locked = p->result->locked;
	int r = hf_prune_erase(p, HF_KIND_PACK, &pack->ref, pack->size, "condemned, and nothing refers to it", err);
	if (r == 0 && p->result->locked == locked) {
		p->result->deleted++;
		p->result->deleted_bytes += pack->size;
		hf_progress_add(p->options->progress, pack->size, 1);
	}
	return r;
}

static void forget_repackable(struct hf_prune *p)
{
	free(p->repackable.packs);
	p->repackable = (struct hf_prune_packs){0};
}

/* Packs that are mostly unused are condemned as well: they can go once what is used of them lies elsewhere. */
static int condemn_unused(struct hf_prune *p, struct sentence *s, struct hf_error *err)
{
	char name[HF_NAME_MAX];
	int r = hf_prune_choose_unused(p, err);
	for (size_t i = 0; i < p->repackable.count && r == 0; i++) {
		const struct hf_ref *ref = &p->repackable.packs[i].ref;
		r = tell(p, "repack", hf_object_name(HF_KIND_PACK, ref, name), 0, "mostly unused", err);
		if (r < 0 || p->options->dry_run)
			continue;
		p->result->condemned++;
		s->packs[s->count++] = *ref;
		if (s->count == PACKS_A_CONDEMNATION)
			r = pass_sentence(p, s, err);
	}
	return r;
}

static int judge(struct hf_prune *p, struct sentence *s, const struct hf_gc_pack *pack, bool *found, struct hf_error *err)
{
	enum hf_gc_verdict verdict = hf_gc_judge(pack, &p->clock);
	if (verdict != HF_GC_GONE) {
		p->result->packs++;
		p->result->bytes += pack->size;
	}
	count_kept(p->result, pack, verdict);
	*found = *found || verdict == HF_GC_DELETE || verdict == HF_GC_CONDEMN ||
		 (verdict == HF_GC_HOLD && p->options->has_max_unused);
	if (verdict == HF_GC_CONDEMN)
		return condemn(p, s, pack, err);
	if (verdict == HF_GC_DELETE && p->options->dry_run)
		return count_delete(p, pack, err);
	return verdict == HF_GC_KEEP ? hf_prune_note_repackable(p, pack, err) : 0;
}

/* The first walk: condemns; what was condemned before, by this prune or another, is deleted by the second. */
static int pick(struct hf_prune *p, bool *found, struct hf_error *err)
{
	struct hf_gc_pack pack;
	struct sentence *s = calloc(1, sizeof(*s));
	int r = s ? 0 : hf_fail(err, HF_E_NOMEM, "no memory");
	*found = false;
	while (r == 0 && (r = hf_prune_next(p, &pack, err)) > 0)
		r = judge(p, s, &pack, found, err);
	if (r == 0)
		r = condemn_unused(p, s, err);
	*found = *found || p->repackable.count;
	if (r == 0)
		r = pass_sentence(p, s, err);
	forget_repackable(p);
	free(s);
	return r;
}

/* The second: deletes what is condemned by now and still unreferred to. */
static int sweep(struct hf_prune *p, struct hf_error *err)
{
	struct hf_gc_pack pack;
	int r = 0;
	p->result->held = p->result->held_bytes = 0; /* counted anew */
	p->result->stopped = p->result->stopped_bytes = 0;
	while (r == 0 && (r = hf_prune_next(p, &pack, err)) > 0) {
		enum hf_gc_verdict verdict = hf_gc_judge(&pack, &p->clock);
		count_kept(p->result, &pack, verdict);
		r = verdict == HF_GC_DELETE ? count_delete(p, &pack, err)
		    : verdict == HF_GC_HOLD ? hf_prune_note_repackable(p, &pack, err)
					    : 0;
	}
	return r;
}

/* --- all together ----------------------------------------------------------------------------------------------------- */

static int require(const struct hf_prune_options *o, struct hf_error *err)
{
	int r = hf_repository_require(o->repo, HF_RIGHT_MAINTAIN, "prune", err);
	if (r == 0)
		r = hf_repository_require_reading(o->repo, o->has_max_unused, o->has_max_unused ? "repack" : "prune", err);
	return r == 0 && o->has_max_unused ? hf_repository_require(o->repo, HF_RIGHT_BACKUP, "repack", err) : r;
}

/* Evidence of what it did, if it did anything. */
static int record(struct hf_prune *p, struct hf_error *err)
{
	const struct hf_prune_result *out = p->result;
	bool locks_failed = hf_locks_check(&out->locks, NULL) < 0;
	bool did = out->condemned || out->deleted || out->voided || out->snapshots || locks_failed;
	if (p->options->dry_run || !(did || p->options->always_record))
		return 0;
	HF_JSON_AUTO *j = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O, s:o, s:o}", "packs", (json_int_t)out->packs, "condemned",
		(json_int_t)out->condemned, "deleted", (json_int_t)out->deleted, "deleted_bytes",
		(json_int_t)out->deleted_bytes, "held", (json_int_t)out->held, "voided", (json_int_t)out->voided,
		"stopped", (json_int_t)out->stopped, "snapshots", (json_int_t)out->snapshots, "problems", out->problems, "locks", hf_locks_json(&out->locks),
		"requests", hf_requests_json(&p->repo->counts));
	const struct hf_new_evidence evidence = {
		.what = "prune", .ok = json_array_size(out->problems) == 0 && !locks_failed, .record = j};
	return hf_catalogue_evidence(&p->look.catalogue, &evidence, NULL, err);
}

static int prune(struct hf_prune *p, struct hf_error *err)
{
	hf_progress_phase(p->options->progress, "looking", 0, 0);
	int r = read_clock(p, err);
	if (r == 0)
		r = hf_prune_check_index(p, err);
	if (r == 0)
		r = hf_prune_look(p, err);
	if (r == 0)
		r = hf_prune_void(p, err);
	bool found = false;
	if (r == 0)
		r = pick(p, &found, err);
	found = (found || p->result->voided) && !p->options->dry_run;
	if (r == 0 && found) {
		hf_progress_phase(p->options->progress, "looking again", 0, 0);
		r = hf_repository_reload_certs(p->repo, err);
		if (r == 0)
			r = hf_prune_look(p, err);
	}
	if (r == 0)
		r = hf_prune_snapshots(p, err);
	hf_progress_phase(p->options->progress, "deleting", 0, 0);
	if (r == 0 && found)
		r = sweep(p, err);
	if (r == 0 && found)
		r = hf_prune_repack(p, err);
	if (r == 0)
		r = hf_prune_tidy(p, err);
	if (r == 0)
		r = hf_prune_tidy_index(p, err);
	if (r == 0)
		r = hf_prune_renew(p, err);
	return r < 0 ? r : record(p, err);
}

int hf_prune(const struct hf_prune_options *options, struct hf_prune_result *out, struct hf_error *err)
{
	int64_t started = hf_time_monotonic();
	struct hf_prune p = {.options = options, .result = out, .repo = options->repo};
	uint64_t own = options->repo->config.grace_seconds;
	*out = (struct hf_prune_result){.problems = json_array()};
	p.clock.grace = options->has_grace ? options->grace
					   : (int64_t)(own < (1u << 30) ? own : (1u << 30)) * HF_SECOND;
	int r = out->problems ? require(options, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = prune(&p, err);
	hf_prune_look_free(&p.look);
	forget_repackable(&p);
	free(p.domains);
	free(p.unindexed);
	free(p.replaced);
	out->requests = options->repo->counts;
	out->elapsed_ns = hf_time_monotonic() - started;
	return r;
}

void hf_prune_result_free(struct hf_prune_result *result)
{
	json_decref(result->problems);
	*result = (struct hf_prune_result){0};
}
