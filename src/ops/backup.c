/*
 * Backup; see backup.h. The order of things is FORMAT.md's section 13: packs, index, snapshot, a second look at the
 * condemnations, the commit entry, a look at the voids.
 *
 * An attempt goes through all of that. If the second look finds that a prune condemned a pack that the snapshot relies on, the
 * next attempt reads the sources again and stores those chunks anew: with a new run and the index as it is by then, so that all
 * that was stored meanwhile and is not condemned is found there. If only the snapshot was voided, only that is stored anew.
 */
#include "ops/backup.h"

#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "ops/requests.h"
#include "ops/run_keeper.h"
#include "ops/snapshots.h"
#include "pipeline/ingest.h"
#include "repo/condemned.h"
#include "repo/index.h"
#include "repo/ref_list.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef HF_VERSION /* the build says it */
#define HF_VERSION "unknown"
#endif

enum {
	ATTEMPTS = 16, /* then something other than bad luck is at work */
	AGAIN = 1,     /* what an attempt returns that must be followed by another */
};

struct backup {
	const struct hf_backup_options *options;
	struct hf_backup_result *result;
	struct hf_catalogue catalogue;
	struct hf_certs writers; /* whom we deduplicate against */
	struct hf_condemned condemned;
	struct hf_index *index;
	struct hf_ingest *ingest;
	struct hf_run_keeper *keeper;
	struct hf_snapshot snapshot; /* borrows everything */
	int64_t started, started_monotonic;
	bool source_to_blame; /* for what failed last: not the store, nor anything else that the next source needs as well */
	struct hf_error first_failure;
};

static bool is_fit(void *user, const struct hf_packed *packed)
{
	const struct backup *b = user;
	return !hf_condemned_has(&b->condemned, &packed->pack) && hf_index_has_place(b->index, &packed->chunk, &packed->pack);
}

static int open_index(struct backup *b, struct hf_error *err)
{
	const struct hf_repository *repo = b->options->repo;
	const struct hf_index_options options = {.store = repo->store, .key = repo->key,
		.domain = &repo->key->domain, .certs = &b->writers, .cache_dir = hf_repository_copies(repo),
		.verified_dir = repo->cache_dir,
		.unlisted = repo->config.is_unlisted};
	int r = hf_catalogue_writers(&b->catalogue, &b->writers, err);
	if (r == 0)
		r = hf_index_open(&options, &b->index, err);
	if (r == 0 && b->condemned.unreadable)
		r = hf_index_exclude_all(b->index, err);
	for (size_t i = 0; r == 0 && i < b->condemned.count; i++)
		r = hf_index_exclude_pack(b->index, &b->condemned.packs[i], err);
	return r;
}

/* What others did. A writer that may list nothing sees none of it, and relies on nothing but what it stores itself. */
static int look_around(struct backup *b, struct hf_error *err)
{
	struct hf_repository *repo = b->options->repo;
	const struct hf_catalogue_options catalogue = {0};
	if (repo->config.is_unlisted) {
		hf_info("this key may list nothing in %s: everything is stored anew", repo->url);
		return hf_catalogue_begin_unlisted(repo, &b->catalogue, err);
	}
	int r = hf_catalogue_load(repo, &catalogue, &b->catalogue, err);
	if (r == 0)
		r = hf_catalogue_require_believed(&b->catalogue, err);
	if (r == 0)
		hf_catalogue_warn(&b->catalogue);
	return r < 0 ? r : hf_condemned_list(repo, &b->condemned, err);
}

static int open_run(struct backup *b, struct hf_error *err)
{
	const struct hf_backup_options *o = b->options;
	int r = hf_repository_require(o->repo, HF_RIGHT_BACKUP, "back up", err);
	if (r == 0 && !o->repo->key->has_domain)
		r = hf_fail(err, HF_E_KEY, "key %s belongs to no domain, so it cannot back up", o->repo->key->name);
	if (r == 0)
		r = look_around(b, err);
	if (r == 0)
		r = open_index(b, err);
	const struct hf_ingest_options ingest = {.repo = o->repo, .index = b->index, .scratch = o->scratch,
		.threads = o->threads, .level = o->level, .pack_size = o->pack_size, .is_fit = is_fit, .user = b,
		.progress = o->progress};
	if (r == 0)
		r = hf_ingest_new(&ingest, &b->ingest, err);
	const struct hf_run_keeper_options keeper = {.repo = o->repo, .ingest = b->ingest,
		.cannot_list = o->repo->config.is_unlisted};
	return r < 0 ? r : hf_run_keeper_start(&keeper, &b->keeper, err);
}

/* --- sources ---------------------------------------------------------------------------------------------------------- */

static int capture_into(struct backup *b, struct hf_source *source, const struct hf_source_spec *spec,
	struct hf_captured *captured, struct hf_error *err)
{
	struct hf_sink *sink = NULL;
	const struct hf_ingest_source named = {.name = spec->name, .is_ordered = source->driver->is_ordered};
	b->source_to_blame = false;
	int r = hf_ingest_begin(b->ingest, &named, &sink, err);
	if (r < 0)
		return r;
	r = source->driver->capture(source, sink, captured, err);
	if (r < 0) {
		b->source_to_blame = !hf_ingest_has_failed(b->ingest);
		hf_ingest_abandon(b->ingest);
	}
	return r;
}

static int read_source(struct backup *b, const struct hf_source_spec *spec, struct hf_captured *captured,
	struct hf_ingested *in, struct hf_error *err)
{
	const struct hf_backup_origin *origin = b->options->origin;
	struct hf_source *source = NULL;
	if (origin)
		return origin->fill(origin->user, (size_t)(spec - b->options->sources), b->ingest, captured, in, err);
	struct hf_source_spec here = *spec;
	here.repository = b->options->repo->url; /* of a bucket there is no directory of that name */
	b->source_to_blame = true;
	int r = hf_source_open(&here, &source, err);
	if (r < 0)
		return r;
	r = capture_into(b, source, spec, captured, err);
	if (r == 0)
		r = hf_ingest_end(b->ingest, captured->detail, in, err);
	hf_source_close(source);
	return r;
}

static int capture(struct backup *b, const struct hf_source_spec *spec, struct hf_backup_source *out,
	struct hf_snapshot_source *record, struct hf_error *err)
{
	struct hf_captured captured = {0};
	struct hf_ingested in = {0};
	int r = read_source(b, spec, &captured, &in, err);
	json_decref(captured.detail);
	if (r < 0)
		return r;
	out->files = in.files;
	out->bytes = in.bytes;
	out->bytes_new = in.bytes_new;
	out->bytes_stored = in.bytes_stored;
	out->consistency_point = captured.consistency_point;
	out->problem_count = in.problem_count;
	out->problems = in.problems;
	out->complete = !captured.incomplete && in.problem_count == 0;
	*record = (struct hf_snapshot_source){.name = (char *)(uintptr_t)spec->name,
		.kind = (char *)(uintptr_t)spec->kind, .root = in.root, .about = in.about, .files = in.files,
		.bytes = in.bytes, .bytes_new = in.bytes_new, .bytes_stored = in.bytes_stored,
		.consistency_point = captured.consistency_point, .complete = out->complete,
		.problems = in.problem_count};
	return 0;
}

/*
 * A key that is refused, a signal: no other source would fare better. Nor with a store that is full or can't be reached; but a
 * database that is down, or a spool for which there is no room, keeps no other source from being backed up.
 */
static bool ends_the_run(const struct backup *b, int code)
{
	if (code == HF_E_NOSPACE || code == HF_E_NETWORK)
		return !b->source_to_blame;
	return code == HF_E_STOPPED || code == HF_E_NOMEM || code == HF_E_KEY;
}

static int capture_one(struct backup *b, size_t i, struct hf_error *err)
{
	const struct hf_source_spec *spec = &b->options->sources[i];
	struct hf_backup_source *out = &b->result->sources[i];
	struct hf_error why = {0};
	int r = capture(b, spec, out, &b->snapshot.sources[b->snapshot.source_count], &why);
	if (r == 0) {
		b->snapshot.source_count++;
		b->snapshot.complete = b->snapshot.complete && out->complete;
		return 0;
	}
	hf_wrap(&why, r, "source %s", spec->name);
	if (ends_the_run(b, r) || b->options->origin) {
		*err = why;
		return r;
	}
	if (!b->first_failure.code)
		b->first_failure = why;
	out->failed = true;
	out->failure = strdup(why.msg);
	b->snapshot.complete = false;
	if (b->options->source_count > 1)
		hf_warn("%s", why.msg);
	return 0;
}

/* Databases first, then what goes on by itself. */
static bool is_database(const struct hf_source_spec *s)
{
	return strcmp(s->kind, "volume") != 0;
}

static int capture_all(struct backup *b, struct hf_error *err)
{
	int r = 0;
	hf_progress_phase(b->options->progress, "backing up", 0, 0);
	for (int databases = 1; databases >= 0; databases--)
		for (size_t i = 0; i < b->options->source_count && r == 0; i++)
			if (is_database(&b->options->sources[i]) == (databases == 1))
				r = capture_one(b, i, err);
	if (r == 0 && b->snapshot.source_count == 0) {
		*err = b->first_failure;
		r = err->code;
	}
	return r;
}

/* --- the snapshot ----------------------------------------------------------------------------------------------------- */

static int see_if_readable_again(const struct backup *b, struct hf_error *err)
{
	for (size_t i = 0; !b->options->origin && i < b->options->source_count; i++) {
		const struct hf_source_driver *driver = hf_source_driver(b->options->sources[i].kind);
		if (driver && driver->reads_once)
			return hf_fail(err, HF_E_CHANGED,
				"a prune condemned packs that this backup relies on, and source %s can't be read again to store "
				"them anew; run the backup again",
				b->options->sources[i].name);
	}
	return AGAIN;
}

/* The second look: 0, or AGAIN if a pack that the snapshot relies on was condemned since the first. */
static int look_again(struct backup *b, struct hf_error *err)
{
	struct hf_condemned now = {0};
	int r = b->options->repo->config.is_unlisted ? 0 : hf_condemned_list(b->options->repo, &now, err);
	size_t count, condemned = 0;
	const struct hf_ref *packs = hf_ingest_packs(b->ingest, &count);
	for (size_t i = 0; i < count && r == 0; i++)
		condemned += hf_condemned_has(&now, &packs[i]);
	if (r == 0 && now.unreadable > b->condemned.unreadable)
		r = hf_fail(err, HF_E_CHECK,
			"a condemnation that was made during this backup can't be read, so whether it relies on condemned packs "
			"can't be told");
	if (r == 0 && condemned) {
		hf_info("a prune condemned %zu of the packs that this backup relies on: they are stored anew", condemned);
		r = see_if_readable_again(b, err);
	}
	hf_condemned_free(&now);
	return r;
}

static int put_snapshot(struct backup *b, struct hf_error *err)
{
	struct hf_snapshot *s = &b->snapshot;
	size_t count;
	const struct hf_ref *packs = hf_ingest_packs(b->ingest, &count);
	free(s->packs);
	s->packs = malloc((count + 1) * sizeof(*s->packs));
	if (!s->packs)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	if (count)
		memcpy(s->packs, packs, count * sizeof(*packs));
	s->pack_count = count;
	s->time = b->options->origin ? b->options->origin->time : hf_time_now();
	return hf_snapshot_put(b->options->repo, s, err);
}

static json_t *source_evidence(const struct hf_backup_source *s)
{
	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:o}", "name", s->name, "kind", s->kind, "failed", s->failed, "files",
		(json_int_t)s->files, "bytes", (json_int_t)s->bytes, "bytes_new", (json_int_t)s->bytes_new, "bytes_stored",
		(json_int_t)s->bytes_stored, "consistency_point", s->failed ? json_null() : hf_json_time(s->consistency_point));
}

/* Stays when the snapshot is forgotten. */
static json_t *evidence(const struct backup *b)
{
	json_t *sources = json_array();
	for (size_t i = 0; i < b->result->source_count; i++)
		json_array_append_new(sources, source_evidence(&b->result->sources[i]));
	return json_pack("{s:o, s:o, s:f, s:o, s:b}", "sources", sources, "requests", hf_requests_json(&b->options->repo->counts),
		"seconds", hf_seconds(hf_time_monotonic() - b->started_monotonic), "time", hf_json_time(b->snapshot.time), "copy",
		b->snapshot.is_copy);
}

/* Condemnations are forgotten in time: what was condemned and deleted since this run began may not be told any more. */
static int check_age(const struct backup *b, struct hf_error *err)
{
	int64_t wall = hf_time_now() - b->started, awake = hf_time_monotonic() - b->started_monotonic;
	if (wall < HF_CONDEMNED_HORIZON && awake < HF_CONDEMNED_HORIZON)
		return 0;
	return hf_fail(err, HF_E_CHANGED, "this backup has taken more than 90 days, so what it relies on may be gone; run it again");
}

/* 0, AGAIN if the sources must be read again, and in `voided` if it was only the snapshot that did not last. */
static int commit_once(struct backup *b, bool *voided, struct hf_error *err)
{
	int r = put_snapshot(b, err);
	*voided = false;
	if (r == 0)
		r = look_again(b, err);
	if (r == 0)
		r = check_age(b, err);
	if (r != 0)
		return r;
	HF_JSON_AUTO *record = evidence(b);
	const struct hf_new_commit entry = {.snapshot = b->snapshot.ref, .run = b->snapshot.run, .evidence = record};
	r = hf_catalogue_commit(&b->catalogue, &entry, &b->result->head, err);
	*voided = r > 0;
	return r;
}

static int commit(struct backup *b, struct hf_error *err)
{
	bool voided = true;
	int r = 0;
	for (int i = 0; voided && i < ATTEMPTS; i++) {
		r = commit_once(b, &voided, err);
		if (voided)
			hf_info("a prune took the snapshot for one that was left behind: it is stored anew");
	}
	if (voided)
		return hf_fail(err, HF_E_CHANGED, "the snapshot was voided %d times before its commit was acknowledged", ATTEMPTS);
	return r;
}

/* --- locks ------------------------------------------------------------------------------------------------------------ */

struct renewing {
	const struct backup *b;
	size_t pack;
	struct hf_ref *replaced; /* segments, sorted */
	size_t replaced_count;
};

static int next_pack(void *user, struct hf_ref *out, struct hf_error *err)
{
	struct renewing *n = user;
	(void)err;
	if (n->pack == n->b->snapshot.pack_count)
		return 0;
	*out = n->b->snapshot.packs[n->pack++];
	return 1;
}

/* Of what others wrote, what every restore needs; the rest is for them, and for prunes. */
static bool is_needed(void *user, enum hf_kind kind, const struct hf_ref *ref)
{
	const struct renewing *n = user;
	const struct hf_catalogue *c = &n->b->catalogue;
	switch (kind) {
	case HF_KIND_CONFIG:
	case HF_KIND_SLOT:
	case HF_KIND_CERT:
	case HF_KIND_RESCUE:
		return true;
	case HF_KIND_ENTRY:
	case HF_KIND_INDEX:
	case HF_KIND_SNAPSHOT:
		return !ref || (hf_id_equal(&ref->writer, &n->b->options->repo->key->id) &&
				       !hf_ref_find(n->replaced, n->replaced_count, ref) &&
				       !hf_ref_find(c->forgotten, c->forgotten_count, ref));
	default:
		return false;
	}
}

static int note_replaced(struct renewing *n, struct hf_error *err)
{
	struct hf_index_garbage g;
	for (size_t i = 0; hf_index_garbage(n->b->index, i, &g); i++) {
		struct hf_ref *more = reallocarray(n->replaced, i + 1, sizeof(*more));
		if (!more)
			return hf_fail(err, HF_E_NOMEM, "no memory");
		n->replaced = more;
		more[n->replaced_count++] = g.segment;
	}
	n->replaced_count = hf_ref_sort(n->replaced, n->replaced_count);
	return 0;
}

/* A lock that ends too early is the loss of a promise: on record for those who look later. */
static void record_locks(struct backup *b, const struct hf_error *why)
{
	struct hf_error failure = {0};
	HF_JSON_AUTO *record = hf_locks_json(&b->result->locks);
	const struct hf_new_evidence evidence = {
		.what = "locks", .snapshots = &b->snapshot.ref, .snapshot_count = 1, .ok = false, .record = record};
	hf_warn("%s", why->msg);
	if (hf_catalogue_evidence(&b->catalogue, &evidence, NULL, &failure) < 0)
		hf_warn("that locks could not be renewed can't be put on record: %s", failure.msg);
}

/* The snapshot is committed, whatever becomes of this. One who may list nothing relies on nothing but what it has just written, under
 * locks of their full length. */
static void renew_locks(struct backup *b)
{
	struct hf_error why = {0};
	struct renewing n = {.b = b};
	const struct hf_renew_options options = {
		.repo = b->options->repo, .next_pack = next_pack, .is_needed = is_needed, .user = &n};
	struct hf_locks *out = &b->result->locks;
	if (options.repo->config.is_unlisted || !hf_store_lock_horizon(options.repo->store))
		return;
	b->snapshot.pack_count = hf_ref_sort(b->snapshot.packs, b->snapshot.pack_count);
	int r = note_replaced(&n, &why);
	if (r == 0)
		r = hf_renew(&options, out, &why);
	if (r < 0)
		*out = (struct hf_locks){.is_locking = true, .gave_up = true, .why = why};
	if (hf_locks_check(out, &why) < 0)
		record_locks(b, &why);
	free(n.replaced);
}

static int finish(struct backup *b, struct hf_error *err)
{
	int r = hf_ingest_finish(b->ingest, err);
	if (r == 0 && b->options->verify) {
		hf_progress_phase(b->options->progress, "verifying", 0, 0);
		r = hf_ingest_verify(b->ingest, err);
	}
	if (r == 0)
		r = hf_stop_check(err);
	if (r == 0)
		r = commit(b, err);
	if (r == 0)
		hf_ingest_remember(b->ingest);
	if (r == 0)
		renew_locks(b);
	return r;
}

static void tell(struct backup *b)
{
	struct hf_backup_result *out = b->result;
	int64_t first = INT64_MAX, last = INT64_MIN;
	for (size_t i = 0; i < out->source_count; i++) {
		const struct hf_backup_source *s = &out->sources[i];
		if (s->failed)
			continue;
		first = s->consistency_point < first ? s->consistency_point : first;
		last = s->consistency_point > last ? s->consistency_point : last;
	}
	out->skew_ns = last > first ? last - first : 0;
	out->snapshot = b->snapshot.ref;
	out->time = b->snapshot.time;
	out->complete = b->snapshot.complete;
	out->requests = b->options->repo->counts;
	out->elapsed_ns = hf_time_monotonic() - b->started_monotonic;
}

static int capture_frozen(struct backup *b, struct hf_error *err)
{
	const struct hf_backup_options *o = b->options;
	int r = o->freeze ? o->freeze(o->user, err) : 0;
	if (r == 0)
		r = capture_all(b, err);
	if (o->thaw)
		o->thaw(o->user);
	return r;
}

/* --- attempts --------------------------------------------------------------------------------------------------------- */

static int prepare(struct backup *b, struct hf_error *err)
{
	const struct hf_backup_options *o = b->options;
	hf_backup_result_free(b->result);
	b->result->sources = calloc(o->source_count + 1, sizeof(*b->result->sources));
	b->snapshot.sources = calloc(o->source_count + 1, sizeof(*b->snapshot.sources));
	if (!b->result->sources || !b->snapshot.sources)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	b->result->source_count = o->source_count;
	for (size_t i = 0; i < o->source_count; i++) {
		b->result->sources[i].name = o->sources[i].name;
		b->result->sources[i].kind = o->sources[i].kind;
	}
	return 0;
}

static void end_attempt(struct backup *b)
{
	hf_run_keeper_stop(b->keeper);
	hf_ingest_free(b->ingest);
	hf_index_close(b->index);
	hf_certs_free(&b->writers);
	hf_condemned_free(&b->condemned);
	hf_catalogue_free(&b->catalogue);
	free(b->snapshot.sources);
	free(b->snapshot.packs);
}

/* 0: committed; AGAIN. */
static int attempt(const struct backup *begun, const char *host, struct hf_error *err)
{
	struct backup b = *begun;
	const struct hf_backup_options *o = b.options;
	int r = prepare(&b, err);
	if (r == 0)
		r = open_run(&b, err);
	if (r == 0) {
		b.snapshot.run = *hf_ingest_run(b.ingest);
		b.snapshot.domain = o->repo->key->domain.id;
		b.snapshot.started = b.started;
		b.snapshot.host = (char *)(uintptr_t)(o->host ? o->host : host);
		b.snapshot.tool = (char *)(uintptr_t)"holdfast " HF_VERSION;
		b.snapshot.tags = (char **)(uintptr_t)o->tags;
		b.snapshot.tag_count = o->tag_count;
		b.snapshot.complete = true;
		if (o->origin) {
			b.snapshot.started = o->origin->started;
			b.snapshot.is_copy = true;
			b.snapshot.origin = o->origin->of;
		}
		r = capture_frozen(&b, err);
	}
	if (r == 0)
		r = finish(&b, err);
	if (r == 0)
		tell(&b);
	end_attempt(&b);
	return r;
}

int hf_backup(const struct hf_backup_options *options, struct hf_backup_result *out, struct hf_error *err)
{
	char host[256] = "";
	struct hf_error local = {0};
	const struct backup b = {.options = options, .result = out, .started = hf_time_now(),
		.started_monotonic = hf_time_monotonic()};
	err = err ? err : &local;
	*out = (struct hf_backup_result){0};
	if (gethostname(host, sizeof(host) - 1) < 0)
		strcpy(host, "unknown");
	int r = AGAIN;
	for (int i = 0; r == AGAIN && i < ATTEMPTS; i++)
		r = attempt(&b, host, err);
	if (r == AGAIN)
		return hf_fail(err, HF_E_CHANGED, "prunes condemned what this backup relies on %d times; run it again", ATTEMPTS);
	return r;
}

void hf_backup_result_free(struct hf_backup_result *result)
{
	for (size_t i = 0; result->sources && i < result->source_count; i++) {
		free(result->sources[i].failure);
		json_decref(result->sources[i].problems);
	}
	free(result->sources);
	*result = (struct hf_backup_result){0};
}
