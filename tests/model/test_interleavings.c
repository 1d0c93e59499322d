/*
 * The protocol without locks, proved on the real writer, pruner and voider: they run over a store in memory, and every order of
 * their calls to it is tried (turns.h). However they interleave, what a backup acknowledged must verify down to the last
 * byte. And to show that such a proof can fail at all: each change of the protocol that lost data in the Promela model must
 * lose data here too.
 *
 * The repository holds one backup of a small tree, forgotten, so its packs may go; the writers back up the same tree, and so
 * would rely on them.
 */
#include "base/file.h"
#include "base/log.h"
#include "ops/backup.h"
#include "ops/prune.h"
#include "ops/verify.h"
#include "repo/key_cert.h"
#include "repo/key_new.h"
#include "turns.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRITERS_MAX = 2 };

static char *dir; /* holds the tree */
static struct hf_key *key;
static struct hf_store *first; /* the repository as it is before each run */

/* --- the repository --------------------------------------------------------------------------------------------------- */

static struct hf_key *copy_key(const struct hf_key *from)
{
	struct hf_key *to = malloc(sizeof(*to));
	assert(to);
	*to = *from;
	to->epochs = malloc(from->epoch_count * sizeof(*to->epochs));
	assert(to->epochs);
	memcpy(to->epochs, from->epochs, from->epoch_count * sizeof(*to->epochs));
	to->rescue_json = NULL;
	return to;
}

static struct hf_repository *open_over(struct hf_store *store)
{
	const struct hf_repository_options options = {.url = "memory"};
	struct hf_repository *repo;
	struct hf_error err = {0};
	int r = hf_repository_adopt(&options, store, copy_key(key), &repo, &err);
	if (r < 0)
		fprintf(stderr, "open: %s\n", err.msg);
	assert(r == 0);
	return repo;
}

static int copy_object(const struct hf_object_info *info, void *user, struct hf_error *err)
{
	struct hf_buf bytes = HF_BUF(64u << 20);
	int r = hf_store_get_all(first, info->name, &bytes, err);
	const struct iovec all = {bytes.data, bytes.len};
	if (r == 0)
		r = hf_store_put(user, info->name, &all, 1, err);
	hf_buf_free(&bytes);
	return r;
}

static struct hf_store *copy_first(void)
{
	struct hf_store *copy;
	int r = hf_store_open_memory(&copy, NULL);
	assert(r == 0);
	r = hf_store_list(first, "", copy_object, copy, NULL);
	assert(r == 0);
	return copy;
}

/* Stands between a repository, which closes its store, and a store that is to outlive it. */
static struct hf_store *lend(struct hf_store *store)
{
	static const struct turns_options none;
	static struct turns *no_turns;
	no_turns = no_turns ? no_turns : calloc(1, 1 << 20); /* it has no actors, so no one waits */
	return turns_store(no_turns, 0, store, &none);
}

static int back_up(struct hf_repository *repo, struct hf_ref *snapshot, struct hf_error *err)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/tree", dir);
	const struct hf_source_spec source = {.kind = "volume", .name = "tree", .location = path, .scratch = dir};
	const struct hf_backup_options options = {
		.repo = repo, .sources = &source, .source_count = 1, .scratch = dir, .threads = 1, .level = 1, .pack_size = 1 << 16};
	struct hf_backup_result result;
	int r = hf_backup(&options, &result, err);
	*snapshot = result.snapshot;
	hf_backup_result_free(&result);
	return r;
}

static void make_tree(void)
{
	char path[512];
	int r = hf_scratch_make("/var/tmp", "hf-turns", &dir, NULL);
	assert(r == 0);
	snprintf(path, sizeof(path), "%s/tree", dir);
	r = hf_mkdirs(AT_FDCWD, path, 0700, NULL);
	assert(r == 0);
	snprintf(path, sizeof(path), "%s/tree/file", dir);
	FILE *f = fopen(path, "w");
	assert(f);
	for (int i = 0; i < 2000; i++)
		fprintf(f, "line %d of a small file\n", i);
	fclose(f);
}

static void make_first(void)
{
	struct hf_config config = HF_CONFIG_DEFAULT;
	struct hf_ref snapshot;
	struct hf_catalogue catalogue;
	struct hf_error err = {0};
	int r = hf_store_open_memory(&first, NULL);
	if (r == 0)
		r = hf_key_new_owner("owner", &key, &err);
	if (r == 0)
		r = hf_cert_put(first, key, key, &err);
	if (r == 0)
		r = hf_config_put(first, key, &config, &err);
	assert(r == 0);
	struct hf_repository *repo = open_over(lend(first));
	r = back_up(repo, &snapshot, &err);
	if (r == 0)
		r = hf_catalogue_load(repo, NULL, &catalogue, &err);
	if (r == 0)
		r = hf_catalogue_forget(&catalogue, &snapshot, 1, "a test", &err);
	if (r < 0)
		fprintf(stderr, "make the repository: %s\n", err.msg);
	assert(r == 0);
	hf_catalogue_free(&catalogue);
	hf_repository_close(repo);
}

/* --- the actors ------------------------------------------------------------------------------------------------------- */

struct scenario;

struct player {
	struct scenario *scenario;
	struct turns *turns;
	int number;
	bool prunes;
	struct mutation mutation;
	struct hf_repository *repo;
	pthread_t thread;
	int result;
	struct hf_error err;
	struct hf_ref snapshot; /* a writer's, if result is 0 */
};

struct scenario {
	struct player players[ACTORS_MAX];
	int count;
	struct hf_store *shared;
	uint64_t acknowledged, deleted, failed; /* over all orders */
};

static int gather_own(const struct hf_ref *ref, const struct hf_object_info *info, void *user, struct hf_error *err)
{
	char(*names)[HF_NAME_MAX] = user;
	(void)ref;
	(void)err;
	while (**names)
		names++;
	strcpy(*names, info->name);
	return 0;
}

/* The mutant that takes its condemnations back. */
static void take_back(struct player *p)
{
	char names[16][HF_NAME_MAX] = {{0}};
	struct hf_eraser eraser = {p->repo->store};
	int r = hf_object_list(p->scenario->shared, HF_KIND_CONDEMNED, gather_own, names, NULL);
	for (int i = 0; r == 0 && names[i][0]; i++)
		r = hf_eraser_erase(&eraser, names[i], NULL);
}

static void prune(struct player *p)
{
	const struct hf_prune_options options = {.repo = p->repo, .has_grace = true, .scratch = dir};
	struct hf_prune_result result;
	p->result = hf_prune(&options, &result, &p->err);
	__atomic_fetch_add(&p->scenario->deleted, result.deleted, __ATOMIC_RELAXED);
	bool held = result.held;
	hf_prune_result_free(&result);
	if (p->result == 0 && held && p->mutation.takes_back)
		take_back(p);
}

static void *play(void *user)
{
	struct player *p = user;
	turns_go(p->turns, p->number);
	if (p->prunes)
		prune(p);
	else
		p->result = back_up(p->repo, &p->snapshot, &p->err);
	turns_end(p->turns, p->number);
	return NULL;
}

static void start(struct turns *t, void *user)
{
	struct scenario *s = user;
	s->shared = copy_first();
	for (int i = 0; i < s->count; i++) {
		struct player *p = &s->players[i];
		p->scenario = s;
		p->turns = t;
		p->number = i;
		p->err = (struct hf_error){0};
		const struct turns_options options = {!p->prunes, p->mutation};
		p->repo = open_over(turns_store(t, i, s->shared, &options));
	}
	for (int i = 0; i < s->count; i++) {
		int r = pthread_create(&s->players[i].thread, NULL, play, &s->players[i]);
		assert(r == 0);
	}
}

/* Does all that was acknowledged verify, to the last byte? */
static bool is_whole(struct scenario *s)
{
	struct hf_repository *repo = open_over(lend(s->shared));
	struct hf_catalogue catalogue;
	struct hf_verify_result result = {0};
	const struct hf_point *points[ACTORS_MAX];
	size_t count = 0;
	int r = hf_catalogue_load(repo, NULL, &catalogue, NULL);
	bool whole = r == 0;
	for (int i = 0; i < s->count && whole; i++) {
		const struct player *p = &s->players[i];
		if (p->prunes || p->result != 0)
			continue;
		points[count] = hf_catalogue_point(&catalogue, &p->snapshot);
		whole = points[count++] != NULL;
	}
	const struct hf_verify_options options = {
		.repo = repo, .points = points, .point_count = count, .read_data = true, .threads = 1};
	if (whole && count)
		whole = hf_verify_repository(&options, &result, NULL) == 0 && result.ok;
	s->acknowledged += count;
	hf_verify_result_free(&result);
	hf_catalogue_free(&catalogue);
	hf_repository_close(repo);
	return whole;
}

static bool finish(struct turns *t, bool given_up, void *user)
{
	struct scenario *s = user;
	(void)t;
	for (int i = 0; i < s->count; i++)
		pthread_join(s->players[i].thread, NULL);
	bool held = given_up || is_whole(s);
	for (int i = 0; i < s->count; i++) {
		struct player *p = &s->players[i];
		if (!given_up && p->result < 0) {
			s->failed++;
			fprintf(stderr, "actor %d: %s\n", i, p->err.msg);
		}
		hf_repository_close(p->repo);
	}
	hf_store_close(s->shared);
	return held;
}

/* --- the tests -------------------------------------------------------------------------------------------------------- */

static int failures;

static void outcome(bool ok, const char *name)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", name);
	fflush(stdout);
	failures += !ok;
}

static struct scenario scenario_of(int writers, int pruners)
{
	struct scenario s = {.count = writers + pruners};
	for (int i = writers; i < s.count; i++)
		s.players[i].prunes = true;
	return s;
}

static bool is_wanted(const char *name)
{
	const char *only = getenv("HF_ONLY");
	return !only || strstr(name, only);
}

static void must_hold(const char *name, int writers, int pruners)
{
	if (!is_wanted(name))
		return;
	struct scenario s = scenario_of(writers, pruners);
	const char *most = getenv("HF_MOST");
	struct exploration e = {.actors = s.count, .twins = writers, .start = start, .finish = finish, .user = &s,
		.most = most ? strtoull(most, NULL, 10) : 0};
	bool held = explore(&e);
	printf("# %s: %llu orders in %llu runs; %llu backups acknowledged, %llu packs deleted\n", name,
		(unsigned long long)e.orders, (unsigned long long)e.runs, (unsigned long long)s.acknowledged,
		(unsigned long long)s.deleted);
	if (!held)
		printf("# lost in this order:\n%s", e.trace);
	outcome(held && !s.failed && s.acknowledged && s.deleted, name);
}

static void must_lose(const char *name, int writers, int pruners, const struct mutation *writer,
	const struct mutation *pruner)
{
	if (!is_wanted(name))
		return;
	struct scenario s = scenario_of(writers, pruners);
	for (int i = 0; i < s.count; i++)
		s.players[i].mutation = s.players[i].prunes ? *pruner : *writer;
	struct exploration e = {.actors = s.count, .start = start, .finish = finish, .user = &s,
		.seed = 0x9e3779b97f4a7c15, .most = 20000};
	bool held = explore(&e);
	printf("# %s: lost after %llu runs\n", name, (unsigned long long)e.runs);
	outcome(!held, name);
}

int main(void)
{
	static const struct mutation right;
	hf_log_set(NULL, NULL, HF_LOG_WARN);
	make_tree();
	make_first();
	must_hold("a writer and a pruner, in every order", 1, 1);
	must_lose("a pruner that looks before it condemns loses", 1, 1, &right,
		&(struct mutation){.looks_before_condemning = true});
	must_lose("a writer that looks once loses", 1, 1, &(struct mutation){.looks_once = true}, &right);
	must_lose("a writer that sees no voids loses", 1, 1, &(struct mutation){.sees_no_voids = true}, &right);
	must_lose("a pruner that drops condemnations with their packs loses", 1, 1, &right,
		&(struct mutation){.drops_tombstones = true});
	must_lose("pruners that take condemnations back lose", 1, 2, &right, &(struct mutation){.takes_back = true});
	must_hold("two writers and a pruner, in every order", 2, 1);
	hf_store_close(first);
	hf_key_free(key);
	char command[600];
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	failures += system(command) != 0;
	free(dir);
	return failures > 0;
}
