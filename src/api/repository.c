/* Opening and making repositories, and what is in them: the public interface over repo and ops. */
#include "api/api_internal.h"
#include "base/hex.h"
#include "crypto/random.h"
#include "ops/init.h"
#include "ops/snapshots.h"

#include <stdlib.h>
#include <string.h>

enum { PASSPHRASE_MAX = 4096 };

static int ask(void *user, struct hf_buf *out, struct hf_error *err)
{
	const struct holdfast_open_options *o = user;
	char room[PASSPHRASE_MAX];
	int n = o->passphrase(o->user, room, sizeof(room));
	if (n > 0 && (size_t)n <= sizeof(room))
		hf_buf_add(out, room, (size_t)n);
	hf_wipe(room, sizeof(room));
	if (n <= 0 || (size_t)n > sizeof(room))
		return hf_fail(err, HF_E_KEY, "no passphrase was given");
	return hf_buf_check(out, "passphrase", err);
}

static int open_repository(const char *url, struct holdfast_open_options *o, struct hf_repository **out, struct hf_error *err)
{
	if (!url || !*url)
		return hf_fail(err, HF_E_USAGE, "which repository?");
	const struct hf_repository_options options = {.url = url,
		.credentials = {.key_file = o->key_file, .passphrase = o->passphrase ? ask : NULL, .user = o},
		.cache_dir = o->cache_dir,
		.state_dir = o->state_dir};
	return hf_repository_open(&options, out, err);
}

int holdfast_open(const char *url, const struct holdfast_open_options *options, struct holdfast_repository **out,
	struct holdfast_error *err)
{
	struct holdfast_open_options o;
	struct hf_error e = {0};
	struct holdfast_repository *repo = calloc(1, sizeof(*repo));
	*out = NULL;
	int r = repo ? hf_api_options(options, &o, sizeof(o), &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = open_repository(url, &o, &repo->repo, &e);
	if (r == 0)
		*out = repo;
	else
		free(repo);
	return hf_api_end(r, &e, err);
}

void holdfast_close(struct holdfast_repository *repo)
{
	if (!repo)
		return;
	hf_repository_close(repo->repo);
	free(repo);
}

int holdfast_init(const char *url, const char *passphrase, size_t len, struct holdfast_error *err)
{
	const struct hf_init_options options = {.url = url, .passphrase = {(void *)(uintptr_t)passphrase, len}};
	struct hf_init_result result;
	struct hf_error e = {0};
	int r = url && *url && passphrase && len ? hf_init(&options, &result, &e)
						  : hf_fail(&e, HF_E_USAGE, "make a repository: it takes a URL and a passphrase");
	return hf_api_end(r, &e, err);
}

/* --- snapshots ----------------------------------------------------------------------------------------------------------------- */

struct listed {
	struct holdfast_snapshots shown; /* first: what the caller holds */
	struct hf_arena arena;
};

static int show_source(struct hf_arena *arena, const struct hf_snapshot_source *s, struct holdfast_snapshot_source *out,
	struct hf_error *err)
{
	*out = (struct holdfast_snapshot_source){.files = s->files, .bytes = s->bytes, .consistency_point = s->consistency_point,
		.complete = s->complete};
	int r = hf_api_text(arena, s->name, &out->name, err);
	return r < 0 ? r : hf_api_text(arena, s->kind, &out->kind, err);
}

static int show_point(struct hf_arena *arena, const struct hf_point *p, struct holdfast_snapshot *out, struct hf_error *err)
{
	const struct hf_snapshot *s = p->snapshot;
	struct holdfast_snapshot_source *sources = NULL;
	*out = (struct holdfast_snapshot){.time = p->time, .is_future = p->time_trust == HF_TIME_FUTURE, .proved_at = p->proved_at,
		.complete = s && s->complete};
	hf_hex(p->ref.id.b, HF_ID_SIZE, out->id);
	if (!s)
		return hf_api_text(arena, p->why ? p->why : "it can't be read", &out->failure, err);
	int r = hf_api_text(arena, s->host, &out->host, err);
	if (r == 0)
		r = hf_api_room(arena, s->source_count, sizeof(*sources), &sources, err);
	for (size_t i = 0; r == 0 && i < s->source_count; i++)
		r = show_source(arena, &s->sources[i], &sources[i], err);
	out->sources = sources;
	out->source_count = r == 0 ? s->source_count : 0;
	return r;
}

static int show_list(struct listed *l, const struct hf_snapshots *list, struct hf_error *err)
{
	struct holdfast_snapshot *snapshots = NULL;
	int r = hf_api_room(&l->arena, list->count, sizeof(*snapshots), &snapshots, err);
	for (size_t i = 0; r == 0 && i < list->count; i++)
		r = show_point(&l->arena, list->points[i], &snapshots[i], err);
	l->shown = (struct holdfast_snapshots){snapshots, list->count, list->is_whole};
	return r;
}

int holdfast_snapshots_list(struct holdfast_repository *repo, struct holdfast_snapshots **out, struct holdfast_error *err)
{
	const struct hf_snapshots_options all = {0};
	struct hf_snapshots list = {0};
	struct hf_error e = {0};
	struct listed *l = calloc(1, sizeof(*l));
	*out = NULL;
	int r = l ? hf_snapshots_list(repo->repo, &all, &list, &e) : hf_fail(&e, HF_E_NOMEM, "out of memory");
	if (r == 0)
		r = show_list(l, &list, &e);
	if (r == 0)
		*out = &l->shown;
	else
		holdfast_snapshots_free(l ? &l->shown : NULL);
	hf_snapshots_free(&list);
	return hf_api_end(r, &e, err);
}

void holdfast_snapshots_free(struct holdfast_snapshots *snapshots)
{
	struct listed *l = (struct listed *)snapshots;
	if (!l)
		return;
	hf_arena_free(&l->arena);
	free(l);
}
