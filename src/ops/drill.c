/*
 * Drill; see drill.h. Each source is restored into a directory of its own under a scratch one, checked there, and the whole
 * is removed at the end, whatever happened.
 */
#include "ops/drill.h"

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/time.h"
#include "ops/drill_checks.h"
#include "ops/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

struct drill {
	const struct hf_drill_options *options;
	struct hf_drill_result *result;
	struct hf_access access;
	char *scratch;
	int64_t opened_ns; /* spent on opening the repository and finding the snapshot's index: part of each source's `locate` */
};

/* Room for everything, before a byte is written. */
static int check_room(const struct drill *d, struct hf_error *err)
{
	const struct hf_snapshot *s = d->options->point->snapshot;
	uint64_t need = 0;
	struct statvfs fs;
	for (size_t i = 0; i < s->source_count; i++)
		if (!d->options->source || strcmp(d->options->source, s->sources[i].name) == 0)
			need += s->sources[i].bytes;
	if (statvfs(d->options->scratch, &fs) < 0)
		return hf_fail_errno(err, errno, "look at the scratch directory %s", d->options->scratch);
	uint64_t have = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (have < need)
		return hf_fail(err, HF_E_NOSPACE,
			"the drill needs %llu bytes in %s and there are %llu; name another place with --scratch",
			(unsigned long long)need, d->options->scratch, (unsigned long long)have);
	return 0;
}

static int make_place(const struct drill *d, const char *name, const char *kind, char **path, struct hf_error *err)
{
	if (asprintf(path, "%s/%s-%s", d->scratch, kind, name) < 0) {
		*path = NULL;
		return hf_fail(err, HF_E_NOMEM, "no memory");
	}
	return mkdir(*path, 0700) < 0 ? hf_fail_errno(err, errno, "make %s", *path) : 0;
}

static bool is_sql(const struct hf_option *option)
{
	return strcmp(option->name, "check-sql") == 0;
}

/* The source that a check is bound to by "NAME:", and the rest of its value; NULL: to none. */
static const struct hf_snapshot_source *bound_to(const struct drill *d, const char *value, const char **rest)
{
	const struct hf_snapshot *s = d->options->point->snapshot;
	for (size_t i = 0; i < s->source_count; i++) {
		size_t len = strlen(s->sources[i].name);
		if (strncmp(value, s->sources[i].name, len) == 0 && value[len] == ':') {
			*rest = value + len + 1;
			return &s->sources[i];
		}
	}
	*rest = value;
	return NULL;
}

static bool is_drilled(const struct drill *d, const struct hf_snapshot_source *s)
{
	return !d->options->source || strcmp(d->options->source, s->name) == 0;
}

static bool has_postgresql(const struct drill *d)
{
	const struct hf_snapshot *s = d->options->point->snapshot;
	for (size_t i = 0; i < s->source_count; i++)
		if (strcmp(s->sources[i].kind, "postgresql") == 0 && is_drilled(d, &s->sources[i]))
			return true;
	return false;
}

/* A query that is bound to no source is for PostgreSQL, or where there is none, for SQLite. */
static bool takes_sql(const struct drill *d, const struct hf_snapshot_source *s, const struct hf_snapshot_source *bound)
{
	bool is_sqlite = strcmp(s->kind, "sqlite") == 0;
	if (!is_drilled(d, s) || (bound && bound != s) || (!is_sqlite && strcmp(s->kind, "postgresql") != 0))
		return false;
	return !is_sqlite || bound || !has_postgresql(d);
}

/* A check that no source would run must not pass in silence. */
static int check_sql_has_takers(const struct drill *d, struct hf_error *err)
{
	const struct hf_snapshot *s = d->options->point->snapshot;
	for (size_t i = 0; i < d->options->option_count; i++) {
		const struct hf_option *o = &d->options->options[i];
		const char *rest;
		if (!is_sql(o))
			continue;
		const struct hf_snapshot_source *bound = bound_to(d, o->value, &rest);
		bool taken = false;
		for (size_t k = 0; k < s->source_count; k++)
			taken = taken || takes_sql(d, &s->sources[k], bound);
		if (!taken)
			return hf_fail(err, HF_E_USAGE,
				"--check-sql '%s' would not run: it needs a PostgreSQL or SQLite source in the drill", o->value);
	}
	return 0;
}

/* The options that concern this source: "check-sql" may be bound to one by "NAME:". */
static size_t options_of(const struct drill *d, const struct hf_snapshot_source *s, const char *root,
	struct hf_option *out)
{
	const struct hf_drill_options *o = d->options;
	size_t n = 0;
	for (size_t i = 0; i < o->option_count; i++) {
		struct hf_option option = o->options[i];
		if (is_sql(&option)) {
			const struct hf_snapshot_source *bound = bound_to(d, option.value, &option.value);
			if (!takes_sql(d, s, bound))
				continue;
		}
		out[n++] = option;
	}
	if (strcmp(s->kind, "postgresql") == 0)
		out[n++] = (struct hf_option){"tablespace-root", root};
	return n;
}

struct place {
	char *tree, *work, *tablespaces;
	int fd;
	struct hf_option *options;
	size_t option_count;
};

static void free_place(struct place *p)
{
	hf_fd_close(&p->fd);
	free(p->tree);
	free(p->work);
	free(p->tablespaces);
	free(p->options);
}

static int open_place(const struct drill *d, const struct hf_snapshot_source *s, struct place *p, struct hf_error *err)
{
	*p = (struct place){.fd = -1};
	p->options = calloc(d->options->option_count + 1, sizeof(*p->options));
	int r = p->options ? make_place(d, s->name, "data", &p->tree, err) : hf_fail(err, HF_E_NOMEM, "no memory");
	if (r == 0)
		r = make_place(d, s->name, "work", &p->work, err);
	if (r == 0)
		r = make_place(d, s->name, "tablespaces", &p->tablespaces, err);
	if (r < 0)
		return r;
	p->option_count = options_of(d, s, p->tablespaces, p->options);
	p->fd = open(p->tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return p->fd < 0 ? hf_fail_errno(err, errno, "open %s", p->tree) : 0;
}

static int unpack(struct drill *d, const struct hf_snapshot_source *s, const struct place *p,
	struct hf_unpacked *done, struct hf_error *err)
{
	const struct hf_unpack what = {.access = &d->access, .source = s, .dirfd = p->fd, .target = p->tree,
		.scratch = p->work, .options = p->options, .option_count = p->option_count,
		.progress = d->options->progress};
	int r = hf_unpack_source(&what, done, err);
	int64_t start = hf_time_monotonic();
	if (r == 0)
		r = hf_syncfs(p->fd, p->tree, err);
	done->fetch_ns += hf_time_monotonic() - start;
	return r;
}

static int check(struct drill *d, const struct hf_snapshot_source *s, const struct place *p, const json_t *detail,
	struct hf_check_report *report, struct hf_error *err)
{
	struct hf_egress *again = NULL;
	struct hf_source *driver = NULL;
	const struct hf_egress_options feed = {.reader = d->access.reader, .root = s->root};
	int r = hf_egress_new(&feed, &again, err);
	if (r == 0)
		r = hf_unpack_open_source(s, p->work, &driver, err);
	if (r == 0) {
		const struct hf_check_options options = {.path = p->tree, .dirfd = p->fd, .scratch = p->work,
			.feed = hf_egress_feed(again), .detail = detail, .options = p->options,
			.option_count = p->option_count};
		r = driver->driver->check(driver, &options, report, err);
	}
	hf_source_close(driver);
	hf_egress_free(again);
	return r;
}

static void take_report(struct hf_drilled_source *out, const struct hf_check_report *report)
{
	out->start_ns = report->start_ns;
	out->recover_ns = report->recover_ns;
	out->check_ns = report->check_ns;
	out->prove_ns = report->prove_ns;
	out->ok = report->count > 0;
	for (size_t i = 0; i < report->count; i++)
		out->ok = out->ok && report->checks[i].ok;
}

/* A restore or check that could not run is a failed check. Only being stopped ends the drill. */
static int note_failure(struct hf_drilled_source *out, const char *name, int r, const struct hf_error *why,
	struct hf_error *err)
{
	if (r == HF_E_STOPPED) {
		*err = *why;
		return r;
	}
	out->ok = false;
	return hf_check_add(&out->report, name, false, false, "%s", why->msg) < 0
		       ? hf_fail(err, HF_E_NOMEM, "no memory")
		       : 0;
}

static int drill_source(struct drill *d, const struct hf_snapshot_source *s, struct hf_drilled_source *out,
	struct hf_error *err)
{
	struct place p;
	struct hf_unpacked done = {0};
	struct hf_error why = {0};
	const char *step = "restore";
	*out = (struct hf_drilled_source){.name = strdup(s->name), .kind = strdup(s->kind), .bytes = s->bytes,
		.consistency_point = s->consistency_point};
	int r = open_place(d, s, &p, &why);
	if (r == 0)
		r = unpack(d, s, &p, &done, &why);
	out->locate_ns = d->opened_ns + done.locate_ns;
	out->fetch_ns = done.fetch_ns;
	if (r == 0) {
		step = "check";
		r = check(d, s, &p, done.detail, &out->report, &why);
		if (r == 0)
			r = hf_drill_check_files(d->options->files, s->name, p.fd, &out->report, &why);
		take_report(out, &out->report);
	}
	if (r < 0)
		r = note_failure(out, step, r, &why, err);
	out->rto_ns = out->locate_ns + out->fetch_ns + out->start_ns + out->recover_ns + out->check_ns;
	int64_t newest = out->report.last_commit_ns > s->consistency_point ? out->report.last_commit_ns
									     : s->consistency_point;
	out->rpo_ns = d->result->incident_at > newest ? d->result->incident_at - newest : 0;
	hf_unpacked_free(&done);
	free_place(&p);
	return r;
}

/* --- the whole -------------------------------------------------------------------------------------------------------- */

static int check_whole(struct drill *d, struct hf_error *err)
{
	const struct hf_drill_command what = {.command = d->options->command, .scratch = d->scratch, .prefix = "data-",
		.policy_path = d->options->policy_path};
	int r = d->options->source ? 0 : hf_drill_miss_files(d->options->files, d->result, err);
	return r == 0 && what.command ? hf_drill_run_command(&what, d->result, err) : r;
}

static int drill_all(struct drill *d, struct hf_error *err)
{
	const struct hf_snapshot *s = d->options->point->snapshot;
	struct hf_drill_result *out = d->result;
	out->sources = calloc(s->source_count + 1, sizeof(*out->sources));
	if (!out->sources)
		return hf_fail(err, HF_E_NOMEM, "no memory");
	int r = 0;
	for (size_t i = 0; i < s->source_count && r == 0; i++) {
		if (d->options->source && strcmp(d->options->source, s->sources[i].name) != 0)
			continue;
		hf_progress_phase(d->options->progress, "drilling", s->sources[i].bytes, s->sources[i].files);
		r = drill_source(d, &s->sources[i], &out->sources[out->source_count++], err);
	}
	if (r == 0 && out->source_count == 0)
		r = hf_fail(err, HF_E_NOTFOUND, "the snapshot has no source %s", d->options->source);
	return r < 0 ? r : check_whole(d, err);
}

/* Sources come back one after another, so a service that needs all of them is ready after the sum. */
static void judge(struct drill *d)
{
	struct hf_drill_result *out = d->result;
	out->ok = true;
	for (size_t i = 0; i < out->report.count; i++)
		out->ok = out->ok && out->report.checks[i].ok;
	for (size_t i = 0; i < out->source_count; i++) {
		const struct hf_drilled_source *s = &out->sources[i];
		out->ok = out->ok && s->ok;
		out->rto_ns += s->rto_ns - (i ? d->opened_ns : 0);
		out->rpo_ns = s->rpo_ns > out->rpo_ns ? s->rpo_ns : out->rpo_ns;
	}
	out->rto_objective = d->options->rto_objective;
	out->rpo_objective = d->options->rpo_objective;
	out->has_objectives = out->rto_objective || out->rpo_objective;
	bool is_within = out->ok && (!out->rto_objective || out->rto_ns <= out->rto_objective) &&
			 (!out->rpo_objective || out->rpo_ns <= out->rpo_objective);
	out->is_throttled = d->options->repo->is_throttled;
	out->met = is_within && !out->is_throttled;
	out->is_unjudged = out->has_objectives && is_within && out->is_throttled;
}

static void record(struct drill *d)
{
	HF_JSON_AUTO *text = hf_drill_json(d->result);
	struct hf_error why = {0};
	bool whole = d->result->source_count == d->options->point->snapshot->source_count;
	if (!whole)
		json_object_set_new(text, "partial", json_true());
	const struct hf_new_evidence evidence = {.what = "drill", .snapshots = &d->options->point->ref,
		.snapshot_count = 1, .ok = d->result->ok && whole, .record = text};
	d->result->evidence_stored =
		hf_catalogue_evidence(d->options->catalogue, &evidence, NULL, &why) == 0;
	if (!d->result->evidence_stored)
		d->result->evidence_failure = strdup(why.msg);
}

/* The database's user must get through the directories that are made on the way to its tablespaces, too, whatever umask we were
 * started with. */
static int drill_for_others(struct drill *d, struct hf_error *err)
{
	mode_t before = umask(022);
	int r = drill_all(d, err);
	umask(before);
	return r;
}

int hf_drill(const struct hf_drill_options *options, struct hf_drill_result *out, struct hf_error *err)
{
	struct drill d = {.options = options, .result = out};
	struct hf_error ignored = {0};
	int64_t start = options->began ? options->began : hf_time_monotonic();
	*out = (struct hf_drill_result){.snapshot = options->point->ref.id,
		.incident_at = hf_time_now() - (hf_time_monotonic() - start)};
	int r = hf_repository_require_reading(options->repo, true, "drill", err);
	if (r == 0)
		r = check_sql_has_takers(&d, err);
	if (r == 0)
		r = check_room(&d, err);
	if (r == 0)
		r = hf_access_open_snapshot(options->repo, &options->point->ref, &d.access, err);
	d.opened_ns = hf_time_monotonic() - start;
	if (r == 0)
		r = hf_scratch_make(options->scratch, "holdfast-drill", &d.scratch, err);
	/* The database's unprivileged user must be able to reach its data through here. */
	if (r == 0 && chmod(d.scratch, 0711) < 0)
		r = hf_fail_errno(err, errno, "set the mode of %s", d.scratch);
	if (r == 0)
		r = drill_for_others(&d, err);
	if (r == 0) {
		judge(&d);
		record(&d);
	}
	if (d.scratch && hf_remove_tree(AT_FDCWD, d.scratch, &ignored) < 0)
		hf_warn("what the drill restored is left in %s: %s", d.scratch, ignored.msg);
	free(d.scratch);
	hf_access_close(&d.access);
	return r;
}

void hf_drill_result_free(struct hf_drill_result *result)
{
	for (size_t i = 0; i < result->source_count; i++) {
		free(result->sources[i].name);
		free(result->sources[i].kind);
		hf_check_report_free(&result->sources[i].report);
	}
	free(result->sources);
	hf_check_report_free(&result->report);
	free(result->evidence_failure);
	*result = (struct hf_drill_result){0};
}
