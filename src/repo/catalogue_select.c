/*
 * Choosing a snapshot by what a user typed; see hf_catalogue_select. It never falls back: what can't be read and may be newer
 * than the best candidate is an error that names both.
 */
#include "base/hex.h"
#include "base/log.h"
#include "base/time.h"
#include "repo/catalogue_internal.h"

#include <stdlib.h>

struct query {
	const struct hf_catalogue *c;
	const struct hf_select_options *o;
	const char *name; /* of "latest:NAME": only snapshots that hold it; or NULL */
	bool by_key;	  /* o->host is the name of a key, not just a host that snapshots claim */
};

static const char *writer_name(const struct hf_catalogue *c, const struct hf_id *writer)
{
	const struct hf_cert *cert = hf_certs_find(&c->repo->certs, writer);
	return cert ? cert->name : "an unknown writer";
}

static const char *id_text(const struct hf_point *p, char out[HF_ID_TEXT])
{
	return hf_hex(p->ref.id.b, HF_ID_SIZE, out);
}

/* "  <id>  <time>  written by <key> on <host>", a line for each. */
static void list_point(const struct hf_catalogue *c, const struct hf_point *p, struct hf_buf *out)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	hf_buf_printf(out, "\n  %s  %s  written by \"%s\"", id_text(p, id), hf_time_format(p->time, time),
		writer_name(c, &p->ref.writer));
	if (p->snapshot)
		hf_buf_printf(out, " on %s", p->snapshot->host);
}

/* --- "latest" ------------------------------------------------------------------------------------------------------ */

static bool is_by_host(const struct query *q, const struct hf_point *p)
{
	if (!q->o->host)
		return true;
	if (q->by_key)
		return strcmp(writer_name(q->c, &p->ref.writer), q->o->host) == 0;
	return !p->snapshot || strcmp(p->snapshot->host, q->o->host) == 0;
}

static bool holds_any(const struct hf_snapshot *s, const char *const *names)
{
	for (; *names; names++)
		if (hf_snapshot_source(s, *names))
			return true;
	return false;
}

/* Could it be meant? Of what can't be read, all that is possible is assumed. */
static bool is_candidate(const struct query *q, const struct hf_point *p)
{
	if (p->time_trust == HF_TIME_FUTURE || (q->o->has_at && p->time > q->o->at) || !is_by_host(q, p))
		return false;
	if (q->o->any_of && p->snapshot && !holds_any(p->snapshot, q->o->any_of))
		return false;
	return !q->name || !p->snapshot || hf_snapshot_source(p->snapshot, q->name);
}

/* The newest candidate that can be read, and the newest that can't. Points ascend by time. */
static void find_newest(const struct query *q, const struct hf_point **readable, const struct hf_point **unreadable)
{
	*readable = *unreadable = NULL;
	for (size_t i = 0; i < q->c->point_count; i++) {
		const struct hf_point *p = &q->c->points[i];
		if (is_candidate(q, p))
			*(p->snapshot ? readable : unreadable) = p;
	}
}

static int not_found(const struct query *q, struct hf_error *err)
{
	size_t future = 0;
	char at[HF_TIME_TEXT];
	for (size_t i = 0; i < q->c->point_count; i++)
		future += q->c->points[i].time_trust == HF_TIME_FUTURE;
	return hf_fail(err, HF_E_NOTFOUND, "there is no snapshot%s%s%s%s%s%s in repository %s%s", q->name ? " of " : "",
		q->name ? q->name : "", q->o->host ? " by " : "", q->o->host ? q->o->host : "",
		q->o->has_at ? " not after " : "", q->o->has_at ? hf_time_format(q->o->at, at) : "", q->c->repo->url,
		future ? " (those that claim to be of the future are not counted: name one by its id)" : "");
}

/* Something that may be newer than `best` (NULL: there is none) can't be read: `what`, because of `why`. */
static int refuse(const struct hf_point *best, const char *what, const char *why, struct hf_error *err)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	if (!best)
		return hf_fail(err, HF_E_CORRUPT, "which snapshot is the latest can't be told: %s: %s", what, why);
	return hf_fail(err, HF_E_CORRUPT,
		"which snapshot is the latest can't be told: %s: %s; the newest that can be read is %s of %s: to take it, name "
		"it", what, why, id_text(best, id), hf_time_format(best->time, time));
}

static bool is_parent_of_marked(const struct hf_catalogue *c, const bool *marks, const struct hf_hash *hash)
{
	for (size_t i = 0; i < c->entry_count; i++)
		for (size_t p = 0; marks[i] && p < c->entries[i].parent_count; p++)
			if (hf_hash_equal(&c->entries[i].parents[p], hash))
				return true;
	return false;
}

/* How many of the missing parents are older than the commit of `best`: they are parents of its ancestors. */
static int count_older(const struct hf_catalogue *c, const struct hf_point *best, size_t *older, struct hf_error *err)
{
	struct hf_graph g;
	*older = 0;
	if (!best)
		return 0;
	int r = hf_graph_init(&g, c->entries, c->entry_count, err);
	bool *marks = calloc(c->entry_count + 1, sizeof(*marks));
	if (r == 0)
		r = marks ? hf_graph_mark(&g, best->entry, marks, err) : hf_fail(err, HF_E_NOMEM, "out of memory");
	for (size_t m = 0; r == 0 && m < c->missing_count; m++)
		*older += is_parent_of_marked(c, marks, &c->missing[m]);
	free(marks);
	hf_graph_free(&g);
	return r;
}

/* Are there entries that can't be read, or are gone, and are not known to be older than `best`'s commit? */
static int check_entries(const struct query *q, const struct hf_point *best, struct hf_error *err)
{
	const struct hf_catalogue *c = q->c;
	size_t older;
	if (c->rolled_back)
		return refuse(best, "the catalogue was rolled back",
			"entries that this host saw before are gone, and newer snapshots perhaps with them", err);
	if (!c->damaged && !c->missing_count)
		return 0;
	int r = count_older(c, best, &older, err);
	if (r < 0 || (older == c->missing_count && c->damaged <= older))
		return r;
	for (size_t i = 0; i < c->problem_count; i++)
		if (c->problems[i].is_loss)
			return refuse(best, *c->problems[i].object ? c->problems[i].object : "the catalogue",
				c->problems[i].why, err);
	return refuse(best, "the catalogue", "entries are missing", err);
}

/* Several writers: which one is meant? */
static int check_writers(const struct query *q, const struct hf_point *best, struct hf_error *err)
{
	HF_BUF_AUTO list = HF_BUF(HF_ERROR_MAX);
	size_t writers = 0;
	for (size_t i = q->c->point_count; i-- > 0;) {
		const struct hf_point *p = &q->c->points[i];
		bool newest = is_candidate(q, p) && p->snapshot;
		for (size_t k = i + 1; newest && k < q->c->point_count; k++)
			newest = !(is_candidate(q, &q->c->points[k]) && q->c->points[k].snapshot &&
				   hf_point_is_same_line(&q->c->points[k], p));
		if (!newest)
			continue;
		writers++;
		list_point(q->c, p, &list);
	}
	if (writers < 2 || !best)
		return 0;
	const char *text = hf_buf_cstr(&list);
	return hf_fail(err, HF_E_USAGE,
		"\"%s\" is ambiguous: several writers share this repository; name one by --host, or a snapshot by its id. "
		"The newest of each:%s", q->o->selector, text ? text : "");
}

static bool is_key_name(const struct hf_catalogue *c, const char *name)
{
	for (size_t i = 0; name && i < c->repo->certs.count; i++)
		if (strcmp(c->repo->certs.certs[i].name, name) == 0)
			return true;
	return false;
}

static int select_latest(const struct query *q, const struct hf_point **out, struct hf_error *err)
{
	const struct hf_point *best, *unreadable;
	find_newest(q, &best, &unreadable);
	if (unreadable && unreadable->failure == HF_E_KEY)
		return hf_fail(err, HF_E_KEY, "%s", unreadable->why);
	if (unreadable && (!best || unreadable->time >= best->time))
		return refuse(best, "a snapshot that may be newer can't be read",
			unreadable->why ? unreadable->why : "it was not asked for", err);
	int r = check_entries(q, best, err);
	if (r == 0 && !best)
		r = not_found(q, err);
	if (r == 0)
		r = check_writers(q, best, err);
	*out = best;
	return r;
}

/* --- by id --------------------------------------------------------------------------------------------------------- */

static bool is_id_prefix(const char *text)
{
	return strlen(text) < HF_ID_TEXT && strspn(text, "0123456789abcdef") == strlen(text);
}

static int no_such_id(const struct hf_catalogue *c, const char *prefix, struct hf_error *err)
{
	char id[HF_ID_TEXT];
	for (size_t i = 0; i < c->forgotten_count; i++)
		if (strncmp(hf_hex(c->forgotten[i].id.b, HF_ID_SIZE, id), prefix, strlen(prefix)) == 0)
			return hf_fail(err, HF_E_NOTFOUND, "snapshot %s was forgotten", id);
	return hf_fail(err, HF_E_NOTFOUND, "there is no snapshot %s in repository %s", prefix, c->repo->url);
}

int hf_catalogue_find(const struct hf_catalogue *c, const char *prefix, const struct hf_point **out, struct hf_error *err)
{
	HF_BUF_AUTO list = HF_BUF(HF_ERROR_MAX);
	char id[HF_ID_TEXT];
	size_t found = 0;
	*out = NULL;
	if (!*prefix)
		return hf_fail(err, HF_E_USAGE, "an empty text names no snapshot; give an id or the start of one");
	for (size_t i = 0; is_id_prefix(prefix) && i < c->point_count; i++) {
		if (strncmp(id_text(&c->points[i], id), prefix, strlen(prefix)) != 0)
			continue;
		found++;
		*out = &c->points[i];
		list_point(c, *out, &list);
	}
	const char *text = hf_buf_cstr(&list);
	if (found > 1)
		return hf_fail(err, HF_E_USAGE, "\"%s\" is the start of several ids; give more of it:%s", prefix,
			text ? text : "");
	return found ? 0 : no_such_id(c, prefix, err);
}

/* --- choosing ------------------------------------------------------------------------------------------------------ */

static int check_chosen(const struct hf_select_options *o, const char *name, const struct hf_point *p, struct hf_error *err)
{
	char id[HF_ID_TEXT], time[HF_TIME_TEXT];
	if (!p->snapshot)
		return hf_fail(err, p->failure ? p->failure : HF_E_CORRUPT, "snapshot %s can't be read: %s", id_text(p, id),
			p->why ? p->why : "it was not asked for");
	if (name && !hf_snapshot_source(p->snapshot, name))
		return hf_fail(err, HF_E_NOTFOUND, "snapshot %s of %s holds no source \"%s\"; \"latest:%s\" finds the newest "
			"that does", id_text(p, id), hf_time_format(p->time, time), name, name);
	if (!p->snapshot->complete)
		hf_warn("snapshot %s (\"%s\") is incomplete: something could not be read when it was made", id_text(p, id),
			o->selector);
	return 0;
}

int hf_catalogue_select(const struct hf_catalogue *c, const struct hf_select_options *options,
	const struct hf_point **out, const char **source, struct hf_error *err)
{
	struct query q = {.c = c, .o = options, .by_key = is_key_name(c, options->host)};
	const char *s = options->selector;
	bool latest = strcmp(s, "latest") == 0 || strncmp(s, "latest:", 7) == 0;
	*out = NULL;
	if (latest && s[6])
		q.name = s + 7;
	if (q.name && !*q.name)
		return hf_fail(err, HF_E_USAGE, "\"%s\": the name of a source is missing after the colon", s);
	if (q.name && options->source && strcmp(q.name, options->source) != 0)
		return hf_fail(err, HF_E_USAGE, "\"%s\" and --source %s name two different sources", s, options->source);
	if (!latest && (options->has_at || options->host))
		return hf_fail(err, HF_E_USAGE, "--at and --host choose among the latest; \"%s\" is one snapshot already", s);
	int r = latest ? select_latest(&q, out, err) : hf_catalogue_find(c, s, out, err);
	const char *name = q.name ? q.name : options->source;
	if (r == 0)
		r = check_chosen(options, name, *out, err);
	if (source)
		*source = name;
	return r;
}
