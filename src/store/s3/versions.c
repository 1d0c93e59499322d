/*
 * Versions and locks. In a bucket with object lock an object that was written once can be hidden (by a delete marker) or covered (by
 * a newer version) by whoever may write, but its first version stays until its lock ends. So with lock= the oldest version of a
 * name is the object: lists show it, whatever lies over it, reads get it, and locks are renewed on it.
 *
 * That costs nothing where all is well: lists of versions say which names have several, and only those are read by version. Before
 * a first object of a kind is read, its kind is listed, if it was not before.
 *
 * Without lock=, the present version is the object, since prune's own deletions leave delete markers. Only of one that is there and
 * failed its check are the versions looked at (hf_s3_doubt), and the oldest is read from then on.
 */
#include "base/base64.h"
#include "base/log.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "store/s3/s3_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY (86400 * HF_SECOND)

/* --- lists --------------------------------------------------------------------------------------------------------- */

/* Versions of one name come together, the newest first: the last before another name begins is the oldest. */
struct oldest {
	struct hf_s3 *s;
	hf_store_each *each; /* NULL: only what is covered is noted */
	void *user;
	struct hf_object_info info; /* of the oldest of the name so far */
	char *version;
	bool has, is_covered;
	char name[HF_NAME_MAX];
};

static int note_covered(struct oldest *o, struct hf_error *err)
{
	struct hf_s3 *s = o->s;
	pthread_mutex_lock(&s->lock);
	int r = hf_s3_notes_find(&s->covered, o->name) ? 0 : hf_s3_notes_add(&s->covered, o->name, o->version, 0, err);
	pthread_mutex_unlock(&s->lock);
	return r;
}

/* The name is over: its oldest version is the object. */
static int give(struct oldest *o, struct hf_error *err)
{
	int r = o->has && o->is_covered ? note_covered(o, err) : 0;
	if (r == 0 && o->has && o->each)
		r = o->each(&o->info, o->user, err);
	free(o->version);
	o->version = NULL;
	o->has = o->is_covered = false;
	return r;
}

static int see_version(const struct hf_s3_item *item, void *user, struct hf_error *err)
{
	struct oldest *o = user;
	int r = 0;
	if (strcmp(item->info.name, o->name) != 0)
		r = give(o, err);
	else
		o->is_covered = true;
	memcpy(o->name, item->info.name, sizeof(o->name));
	if (item->is_gone) {
		o->is_covered = true;
		return r;
	}
	free(o->version);
	o->version = strdup(item->version ? item->version : "null");
	o->info = item->info;
	o->has = true;
	return r < 0 || o->version ? r : hf_fail(err, HF_E_NOMEM, "out of memory");
}

static void note_seen(struct hf_s3 *s, const char *prefix)
{
	pthread_mutex_lock(&s->lock);
	if (!strstr(s->seen_kinds, prefix) && strlen(s->seen_kinds) + strlen(prefix) + 2 < sizeof(s->seen_kinds))
		strcat(strcat(s->seen_kinds, prefix), " ");
	pthread_mutex_unlock(&s->lock);
}

int hf_s3_list_oldest(struct hf_s3 *s, const char *prefix, hf_store_each *each, void *user, struct hf_error *err)
{
	struct oldest o = {.s = s, .each = each, .user = user};
	int r = hf_s3_list(s, prefix, true, see_version, &o, err);
	if (r == 0)
		r = give(&o, err);
	free(o.version);
	if (r == 0 && *prefix)
		note_seen(s, prefix);
	return r;
}

/* The version that one of the notes names; NULL if none does. To be freed. */
static int find_noted(struct hf_s3 *s, struct hf_s3_notes *notes, const char *name, char **version, struct hf_error *err)
{
	int r = 0;
	pthread_mutex_lock(&s->lock);
	const struct hf_s3_note *note = hf_s3_notes_find(notes, name);
	if (note && note->version && !(*version = strdup(note->version)))
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	pthread_mutex_unlock(&s->lock);
	return r;
}

int hf_s3_find_version(struct hf_s3 *s, const char *name, char **version, struct hf_error *err)
{
	const char *slash = strchr(name, '/');
	char kind[HF_NAME_MAX];
	*version = NULL;
	if (!s->url.reads_oldest || !slash)
		return atomic_load(&s->has_doubts) ? find_noted(s, &s->doubted, name, version, err) : 0;
	snprintf(kind, sizeof(kind), "%.*s/", (int)(slash - name), name);
	pthread_mutex_lock(&s->lock);
	bool seen = strstr(s->seen_kinds, kind);
	pthread_mutex_unlock(&s->lock);
	int r = seen ? 0 : hf_s3_list_oldest(s, kind, NULL, NULL, err);
	return r < 0 ? r : find_noted(s, &s->covered, name, version, err);
}

/* --- one name ------------------------------------------------------------------------------------------------------ */

struct versions {
	const char *name;
	char **ids; /* newest first, delete markers as well */
	bool *gone;
	size_t count;
};

static void versions_free(struct versions *v)
{
	for (size_t i = 0; i < v->count; i++)
		free(v->ids[i]);
	free(v->ids);
	free(v->gone);
}
#define VERSIONS_AUTO __attribute__((cleanup(versions_free))) struct versions

static int keep_version(const struct hf_s3_item *item, void *user, struct hf_error *err)
{
	struct versions *v = user;
	if (strcmp(item->info.name, v->name) != 0)
		return 0; /* a longer name that begins so */
	char **ids = reallocarray(v->ids, v->count + 1, sizeof(*ids));
	if (ids)
		v->ids = ids;
	bool *gone = reallocarray(v->gone, v->count + 1, sizeof(*gone));
	if (gone)
		v->gone = gone;
	if (!ids || !gone || !(ids[v->count] = strdup(item->version ? item->version : "null")))
		return hf_fail(err, HF_E_NOMEM, "out of memory");
	gone[v->count++] = item->is_gone;
	return 0;
}

/* NULL in `id` (which belongs to `v`) if the name has no version that is an object. */
static int find_oldest(struct hf_s3 *s, const char *name, struct versions *v, const char **id, struct hf_error *err)
{
	*v = (struct versions){.name = name};
	*id = NULL;
	int r = hf_s3_list(s, name, true, keep_version, v, err);
	for (size_t i = 0; r == 0 && i < v->count; i++)
		if (!v->gone[i])
			*id = v->ids[i];
	if (r == 0 && !*id)
		r = hf_fail(err, HF_E_NOTFOUND, "read %s in %s: there is no version of such an object", name, s->url.text);
	return r;
}

/* --- objects that failed their check ------------------------------------------------------------------------------- */

enum { GONE_ASKED_MOST = 16 }; /* what is gone may be many: the same advice is not worth a request for each */

/* The oldest version of the name if it is not the present one, else NULL. To be freed. */
static int find_older(struct hf_s3 *s, const char *name, char **older, struct hf_error *err)
{
	VERSIONS_AUTO v = {0};
	const char *id = NULL;
	*older = NULL;
	int r = find_oldest(s, name, &v, &id, err);
	if (r == HF_E_NOTFOUND)
		return 0;
	if (r == 0 && id != v.ids[0] && !(*older = strdup(id)))
		r = hf_fail(err, HF_E_NOMEM, "out of memory");
	return r;
}

static bool is_gone_but_kept(struct hf_s3 *s, const char *name)
{
	char *older = NULL;
	if (atomic_fetch_add(&s->gone_asked, 1) >= GONE_ASKED_MOST || find_older(s, name, &older, NULL) < 0)
		return false;
	bool is_kept = older;
	free(older);
	return is_kept;
}

/* Notes what was found, so that it is asked once, and says it. What another thread noted meanwhile stands. */
static void note_doubt(struct hf_s3 *s, const char *name, const char *older)
{
	pthread_mutex_lock(&s->lock);
	bool is_new = !hf_s3_notes_find(&s->doubted, name) && hf_s3_notes_add(&s->doubted, name, older, 0, NULL) == 0;
	pthread_mutex_unlock(&s->lock);
	atomic_store(&s->has_doubts, true);
	if (is_new && older)
		hf_warn("%s in %s is not what was stored there: something was written over it, and its oldest version is read instead. To "
			"repair it, delete the versions that lie over that one, and see who may write there", name, s->url.text);
}

bool hf_s3_doubt(struct hf_store *store, const char *name, bool is_gone)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	struct hf_error why = {0};
	char *older = NULL;
	if (s->url.reads_oldest)
		return false; /* what failed was the oldest version */
	if (is_gone)
		return is_gone_but_kept(s, name);
	pthread_mutex_lock(&s->lock);
	const struct hf_s3_note *note = hf_s3_notes_find(&s->doubted, name);
	bool is_known = note, has_older = note && note->version;
	pthread_mutex_unlock(&s->lock);
	if (is_known)
		return has_older;
	if (find_older(s, name, &older, &why) < 0)
		hf_warn("%s is damaged; whether an older version of it is left can't be told: %s", name, why.msg);
	has_older = older;
	note_doubt(s, name, older);
	free(older);
	return has_older;
}

int hf_s3_each_doubted(struct hf_store *store, hf_store_each_name *each, void *user, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	int r = 0;
	for (size_t i = 0; r == 0; i++) {
		char name[HF_NAME_MAX] = "";
		pthread_mutex_lock(&s->lock);
		bool is_over = i >= s->doubted.count;
		if (!is_over && s->doubted.notes[i].version)
			memcpy(name, s->doubted.notes[i].name, sizeof(name));
		pthread_mutex_unlock(&s->lock);
		if (is_over)
			break;
		r = *name ? each(name, user, err) : 0;
	}
	return r;
}

/* --- locks --------------------------------------------------------------------------------------------------------- */

static const char *lock_word(const struct hf_s3 *s)
{
	return s->url.lock == HF_S3_COMPLIANCE ? "COMPLIANCE" : "GOVERNANCE";
}

/* The server's clock decides when a lock ends: any answer tells it. */
static int learn_clock(struct hf_s3 *s, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_s3_request q = {.count = &s->counts->head, .method = "HEAD", .doing = "look at", .right = "s3:ListBucket"};
	if (atomic_load(&s->clock_known))
		return 0;
	int r = hf_s3_send(s, &q, &answer, err);
	if (atomic_load(&s->clock_known))
		return 0; /* a refusal tells it too */
	return r < 0 ? r : hf_fail(err, HF_E_UNSUPPORTED, "the server does not say what time it is: no lock can be set");
}

int64_t hf_s3_lock_horizon(struct hf_store *store)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	return s->url.lock ? hf_s3_now(s) + (int64_t)s->url.lock_days * DAY : 0;
}

static void lock_end(struct hf_s3 *s, char until[], int64_t *ns)
{
	*ns = hf_s3_now(s) + (int64_t)s->url.lock_days * DAY * 3 / 2;
	*ns -= *ns % HF_SECOND;
	hf_time_format(*ns, until);
}

int hf_s3_add_lock(struct hf_s3 *s, struct hf_s3_request *q, char until[], int64_t *ns, struct hf_error *err)
{
	int r = learn_clock(s, err);
	if (r < 0)
		return r;
	lock_end(s, until, ns);
	hf_s3_add_header(q, "x-amz-object-lock-mode", lock_word(s));
	hf_s3_add_header(q, "x-amz-object-lock-retain-until-date", until);
	return 0;
}

static int put_retention(struct hf_s3 *s, const char *name, const char *version, int64_t *until_ns, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	HF_BUF_AUTO text = HF_BUF(512), md5 = HF_BUF(64);
	char until[HF_TIME_TEXT];
	uint8_t hash[HF_MD5];
	int64_t ns;
	lock_end(s, until, &ns);
	hf_buf_printf(&text, "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>%s</Mode>"
		"<RetainUntilDate>%s</RetainUntilDate></Retention>", lock_word(s), until);
	struct iovec body = {text.data, text.len};
	int r = hf_md5(&body, 1, hash, err);
	if (r < 0)
		return r;
	hf_base64(hash, sizeof(hash), &md5);
	struct hf_s3_request q = {.count = &s->counts->put, .method = "PUT", .name = name, .doing = "renew the lock of",
		.right = "s3:PutObjectRetention", .query = {{"retention", ""}, {"versionId", version}}, .body = &body, .body_count = 1};
	hf_s3_add_header(&q, "content-md5", hf_buf_cstr(&md5));
	r = hf_s3_send(s, &q, &answer, err);
	if (r == 0)
		*until_ns = ns;
	return r;
}

/* When the lock of a version ends, by its HEAD; 0 if it has none. */
static int get_retention(struct hf_s3 *s, const char *name, const char *version, int64_t *until_ns, struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	char text[64];
	struct hf_s3_request q = {.count = &s->counts->head, .method = "HEAD", .name = name, .doing = "look at",
		.right = "s3:GetObjectVersion and s3:GetObjectRetention", .query = {{"versionId", version}}};
	*until_ns = 0;
	int r = hf_s3_send(s, &q, &answer, err);
	if (r == 0 && hf_http_header(&answer, "x-amz-object-lock-retain-until-date", text, sizeof(text)))
		r = hf_time_parse(text, until_ns, err);
	return r;
}

void hf_s3_note_lock(struct hf_s3 *s, const char *name, int64_t ns)
{
	pthread_mutex_lock(&s->lock);
	/* What is not noted is asked of the server later. */
	if (hf_s3_notes_add(&s->locked, name, NULL, ns, NULL) < 0)
		hf_debug("no memory to note the lock of %s", name);
	pthread_mutex_unlock(&s->lock);
}

static int64_t noted_lock(struct hf_s3 *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	const struct hf_s3_note *note = hf_s3_notes_find(&s->locked, name);
	int64_t until = note ? note->until_ns : 0;
	pthread_mutex_unlock(&s->lock);
	return until;
}

int hf_s3_retain(struct hf_store *store, const char *name, int64_t *until_ns, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	const char *version = NULL;
	*until_ns = s->url.lock ? noted_lock(s, name) : 0;
	if (!s->url.lock || *until_ns >= hf_s3_lock_horizon(store))
		return 0;
	VERSIONS_AUTO v = {0};
	int r = learn_clock(s, err);
	if (r == 0)
		r = find_oldest(s, name, &v, &version, err);
	if (r == 0)
		r = get_retention(s, name, version, until_ns, err);
	if (r < 0 || *until_ns >= hf_s3_lock_horizon(store))
		return r;
	return put_retention(s, name, version, until_ns, err);
}

/* --- deleting ------------------------------------------------------------------------------------------------------ */

/* A refusal may mean that the right is missing, or that a lock has not ended. */
static int why_not_erased(struct hf_s3 *s, const char *name, const char *version, struct hf_error *err)
{
	char text[HF_TIME_TEXT];
	int64_t until;
	if (get_retention(s, name, version, &until, NULL) < 0 || until <= hf_s3_now(s))
		return HF_E_DENIED;
	return hf_fail(err, HF_E_LOCKED, "delete %s in %s: it is under a lock until %s", name, s->url.text,
		hf_time_format(until, text));
}

/* The newest first: while the oldest is locked, nothing that hides it shall stay behind. */
int hf_s3_erase_versions(struct hf_s3 *s, const char *name, struct hf_error *err)
{
	VERSIONS_AUTO v = {.name = name};
	int r = hf_s3_list(s, name, true, keep_version, &v, err);
	for (size_t i = 0; r == 0 && i < v.count; i++) {
		r = hf_s3_erase(s, name, v.ids[i], err);
		if (r == HF_E_DENIED && !v.gone[i])
			r = why_not_erased(s, name, v.ids[i], err);
	}
	return r;
}

/* --- what the bucket is set to ------------------------------------------------------------------------------------- */

/* One of the bucket's settings; its XML holds `word` where it is on. */
static int describe_one(struct hf_s3 *s, const char *setting, const char *right, const char *word, hf_store_fact *fact, void *user,
	struct hf_error *err)
{
	HF_HTTP_ANSWER_AUTO answer = HF_HTTP_ANSWER;
	struct hf_error why = {0};
	struct hf_s3_request q = {.count = &s->counts->get, .method = "GET", .doing = "ask for a setting of", .right = right,
		.query = {{setting, ""}}};
	int r = hf_s3_send(s, &q, &answer, &why);
	bool is_on = r == 0 && answer.body.len && memmem(answer.body.data, answer.body.len, word, strlen(word));
	if (r == HF_E_STOPPED)
		return hf_fail(err, r, "%s", why.msg);
	bool is_none = r == 0 || strcmp(q.why.code, "ObjectLockConfigurationNotFoundError") == 0;
	return fact(user, setting, is_on, is_none ? "" : why.msg, err);
}

int hf_s3_describe(struct hf_store *store, hf_store_fact *fact, void *user, struct hf_error *err)
{
	struct hf_s3 *s = (struct hf_s3 *)store;
	int r = describe_one(s, "versioning", "s3:GetBucketVersioning", "<Status>Enabled</Status>", fact, user, err);
	return r < 0 ? r
		     : describe_one(s, "object-lock", "s3:GetBucketObjectLockConfiguration",
			       "<ObjectLockEnabled>Enabled</ObjectLockEnabled>", fact, user, err);
}
